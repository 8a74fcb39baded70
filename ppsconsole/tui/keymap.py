"""Keys as data: one table of actions, from which the bindings, the key strip and the help page are made.

Loading this module checks the table: a key with two meanings in one place, or one that terminals keep for themselves, is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

Place = Literal["everywhere", "home", "page"]

PLACES: dict[Place, str] = {
    "everywhere": "Everywhere",
    "home": "On the home screen",
    "page": "On a page (node, events, commands, help)",
}
"""Where keys work, in the order of the help page."""

FORBIDDEN = frozenset(f"ctrl+{letter}" for letter in "abhijmsqz")
"""Keys that screen and tmux (a, b), flow control (s, q), job control (z) or the terminal itself (h, i, j, m) take first."""

_SHOWN = {
    "question_mark": "?",
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "space": "Space",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "ctrl+c": "Ctrl+C",
}


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the operator can do.

    Attributes:
        id: Stable name, kebab-case: what a user's own keymap will refer to.
        keys: Textual's names of the keys, the first one is shown.
        run: Textual's action string.
        description: For the help page, what it does.
        where: The place in which the keys work.
        label: For the key strip, one or two words; empty keeps it out of the strip.
    """

    id: str
    keys: tuple[str, ...]
    run: str
    description: str
    where: Place
    label: str = ""


class KeymapError(ValueError):
    """The table of keys contradicts itself."""


ACTIONS: tuple[Action, ...] = (
    Action("select-up", ("up", "k"), "move(0, -1)", "Select the node above; in another pane, scroll up", "home"),
    Action("select-down", ("down", "j"), "move(0, 1)", "Select the node below; in another pane, scroll down", "home"),
    Action("select-left", ("left", "h"), "move(-1, 0)", "Select the node to the left", "home"),
    Action("select-right", ("right", "l"), "move(1, 0)", "Select the node to the right", "home"),
    Action("select-first", ("g", "home"), "leap(0)", "Select the first node; in another pane, go to its top", "home"),
    Action("select-last", ("G", "end"), "leap(1)", "Select the last node; in another pane, go to its end", "home"),
    Action("open-node", ("enter",), "app.open_node", "Open the selected node: every fact with source and age", "home", "Node"),
    Action("next-pane", ("tab",), "next_pane(1)", "Go to the next pane", "home", "Pane"),
    Action("previous-pane", ("shift+tab",), "next_pane(-1)", "Go to the previous pane", "home"),
    Action("to-topology", ("escape",), "to_topology", "Go back to the topology", "home"),
    Action("back", ("escape",), "back", "Go back to the home screen", "page", "Back"),
    Action("scroll-up", ("up", "k"), "scroll(-1)", "Scroll up one line", "page"),
    Action("scroll-down", ("down", "j"), "scroll(1)", "Scroll down one line", "page"),
    Action("page-up", ("pageup", "b"), "scroll_page(-1)", "Scroll up one page", "page"),
    Action("page-down", ("pagedown", "space"), "scroll_page(1)", "Scroll down one page", "page", "Page"),
    Action("to-top", ("g", "home"), "scroll_to_end(0)", "Go to the top", "page"),
    Action("to-end", ("G", "end"), "scroll_to_end(1)", "Go to the end", "page"),
    Action("events", ("e",), "open_page('events')", "All events, newest first", "everywhere", "Events"),
    Action("commands", ("c",), "open_page('commands')", "Every command and query that was sent", "everywhere", "Commands"),
    Action("poll", ("r",), "poll", "Look at everything again now, without waiting for the next round", "everywhere", "Poll now"),
    Action("copy", ("y",), "copy", "Copy the text of this screen to the clipboard and to a file", "everywhere", "Copy"),
    Action("help", ("question_mark",), "open_page('help')", "This page", "everywhere", "Help"),
    Action("quit", ("q", "ctrl+c"), "quit", "Leave the console", "everywhere", "Quit"),
)


def check(actions: Iterable[Action]) -> None:
    """Refuse a table that contradicts itself.

    Raises:
        KeymapError: A key is forbidden, has two meanings in one place, or an id is used twice. Names all of them.
    """
    wrong: list[str] = []
    seen_ids: set[str] = set()
    taken: dict[tuple[Place, str], str] = {}
    for action in actions:
        if action.id in seen_ids:
            wrong.append(f"the action {action.id!r} is there twice")
        seen_ids.add(action.id)
        reach: tuple[Place, ...] = ("home", "page") if action.where == "everywhere" else (action.where,)
        for key in action.keys:
            if key in FORBIDDEN:
                wrong.append(f"{key} of {action.id!r} is forbidden: terminals keep it for themselves")
            for place in reach:
                other = taken.setdefault((place, key), action.id)
                if other != action.id:
                    wrong.append(f"{key} means both {other!r} and {action.id!r} ({PLACES[place].lower()})")
    if wrong:
        raise KeymapError("; ".join(dict.fromkeys(wrong)))


def bindings(where: Place, actions: Iterable[Action] = ACTIONS) -> list[BindingType]:
    """Return Textual's bindings for the actions of one place."""
    return [
        Binding(key, action.run, action.description, show=False, id=f"{action.id}.{number}")
        for action in actions
        if action.where == where
        for number, key in enumerate(action.keys)
    ]


def shown_key(key: str) -> str:
    """Return a key as it is printed on a keyboard: `?` for `question_mark`."""
    return _SHOWN.get(key, key)


check(ACTIONS)
