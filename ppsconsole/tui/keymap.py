"""Keys as data: one table of actions, from which the bindings, the key strip and the help page are made.

Loading this module checks the table: a key with two meanings in one place, or one that terminals keep for themselves, is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

Place = Literal["everywhere", "home", "page", "choose", "plan", "run", "dialog"]

PLACES: dict[Place, str] = {
    "everywhere": "Everywhere but in a dialog",
    "home": "On the home screen",
    "page": "On a page (node, events, commands, help)",
    "choose": "Where a way out is chosen",
    "plan": "On a plan",
    "run": "On a run",
    "dialog": "In a dialog",
}
"""Where keys work, in the order of the help page."""

_OUTSIDE_OF_DIALOGS = tuple(place for place in PLACES if place not in ("everywhere", "dialog"))

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
        is_locked: Greyed while the console is read-only; that it is refused then is not the screen's business.
    """

    id: str
    keys: tuple[str, ...]
    run: str
    description: str
    where: Place
    label: str = ""
    is_locked: bool = False


class KeymapError(ValueError):
    """The table of keys contradicts itself."""


ACTIONS: tuple[Action, ...] = (
    Action("select-up", ("up", "k"), "move(0, -1)", "Select the node above; in another pane, scroll up", "home"),
    Action("select-down", ("down", "j"), "move(0, 1)", "Select the node below; in another pane, scroll down", "home"),
    Action("select-left", ("left", "h"), "move(-1, 0)", "Select the node to the left", "home"),
    Action("select-right", ("right", "l"), "move(1, 0)", "Select the node to the right", "home"),
    Action("select-first", ("g", "home"), "leap(0)", "Select the first node; in another pane, go to its top", "home"),
    Action("select-last", ("G", "end"), "leap(1)", "Select the last node; in another pane, go to its end", "home"),
    Action("way-out", ("f",), "app.way_out", "Plan the way out that the advice ranks first", "home", "Way out"),
    Action("choose", ("F",), "app.choose", "Choose among all ways: switchover, failover, restart", "home"),
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
    Action("poll-page", ("r",), "app.poll", "Look at everything again now", "page", "Poll now"),
    Action("choose-up", ("up", "k"), "move(-1)", "Select the way above", "choose"),
    Action("choose-down", ("down", "j"), "move(1)", "Select the way below", "choose"),
    Action("choose-first", ("g", "home"), "leap(0)", "Select the first way", "choose"),
    Action("choose-last", ("G", "end"), "leap(1)", "Select the last way", "choose"),
    Action("choose-it", ("enter",), "choose", "Plan the selected way; nothing is changed by that", "choose", "Plan it"),
    Action("choose-back", ("escape",), "back", "Go back", "choose", "Back"),
    Action("run-plan", ("x",), "app.confirm_plan", "Run this plan: asks for the cluster's name first", "plan", "Run", True),
    Action("plan-commands", ("enter",), "toggle_commands", "Show or hide the selected step's commands", "plan", "Commands"),
    Action("plan-preflight", ("p",), "toggle_preflight", "Show or hide what preflight found well", "plan", "Preflight"),
    Action("plan-again", ("r",), "app.plan_again", "Make the plan again from fresh facts", "plan", "Again"),
    Action("plan-ways", ("o",), "app.choose", "Choose another way", "plan", "Other ways"),
    Action("plan-up", ("up", "k"), "move(-1)", "Select the step above; above the first one, scroll up", "plan"),
    Action("plan-down", ("down", "j"), "move(1)", "Select the step below", "plan"),
    Action("plan-page-up", ("pageup",), "scroll_page(-1)", "Scroll up one page", "plan"),
    Action("plan-page-down", ("pagedown", "space"), "scroll_page(1)", "Scroll down one page", "plan"),
    Action("plan-top", ("g", "home"), "scroll_to_end(0)", "Go to the top", "plan"),
    Action("plan-end", ("G", "end"), "scroll_to_end(1)", "Go to the end", "plan"),
    Action("plan-back", ("escape",), "back", "Go back", "plan", "Back"),
    Action("hold", ("space",), "app.run_hold", "Hold after the step at hand", "run", "Hold"),
    Action("retry", ("r",), "app.run_retry", "Go on: resume, or try the step again; verified first", "run", "Go on", True),
    Action("back-out", ("b",), "app.run_back_out", "Undo what was done, before the point of no return", "run", "Back out", True),
    Action("mark-done", ("m",), "app.run_mark_done", "Mark the step done; runs its verification", "run", "Mark done", True),
    Action("abandon", ("a",), "app.run_abandon", "End the run where it stands; touches nothing", "run", "Abandon", True),
    Action("run-up", ("up", "k"), "scroll(-1)", "Scroll the output up; it no longer follows", "run"),
    Action("run-down", ("down", "j"), "scroll(1)", "Scroll the output down", "run"),
    Action("run-page-up", ("pageup",), "scroll_page(-1)", "Scroll the output up one page", "run"),
    Action("run-page-down", ("pagedown",), "scroll_page(1)", "Scroll the output down one page", "run"),
    Action("run-top", ("g", "home"), "scroll_to_end(0)", "Go to the first output", "run"),
    Action("run-end", ("G", "end"), "scroll_to_end(1)", "Go to the newest output, and follow it", "run"),
    Action("run-back", ("escape",), "back", "Leave this screen; the run goes on", "run", "Leave"),
    Action("dialog-next", ("tab", "down"), "app.focus_next", "Go to the next field or button", "dialog", "Next"),
    Action("dialog-previous", ("shift+tab", "up"), "app.focus_previous", "Go to the one before", "dialog"),
    Action("dialog-cancel", ("escape",), "cancel", "Cancel: nothing is done", "dialog", "Cancel"),
    Action("to-run", ("R",), "app.open_run", "Go to the run; with none going, to one left unfinished", "everywhere"),
    Action("unlock", ("w",), "app.unlock", "Unlock the console, or make it read-only again", "everywhere", "Unlock"),
    Action("events", ("e",), "open_page('events')", "All events, newest first", "everywhere", "Events"),
    Action("commands", ("c",), "open_page('commands')", "Every command and query that was sent", "everywhere", "Commands"),
    Action("poll", ("r",), "app.poll", "Look at everything again now, without waiting for the next round", "home", "Poll now"),
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
        reach = _OUTSIDE_OF_DIALOGS if action.where == "everywhere" else (action.where,)
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
