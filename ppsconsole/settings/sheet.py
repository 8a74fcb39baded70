"""The table of keys told in other forms: lines, Markdown for the README, JSON, and a `console.yaml` with everything in it."""

from collections.abc import Sequence
from typing import Any

from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import hanging
from ppsconsole.settings.actions import ACTIONS, PLACES, Action, Place
from ppsconsole.settings.file import FIELDS
from ppsconsole.settings.keys import shown_key

BEGIN = "<!-- keys: written by `ppsconsole keys --update README.md` -->"
END = "<!-- end of keys -->"
"""Between these two lines of the README stands what `markdown` returns."""

_USUAL = {each.id: each.keys for each in ACTIONS}


def keys_of(action: Action) -> str:
    """Return the keys of an action as they are printed on a keyboard."""
    return ", ".join(shown_key(key) for key in action.keys)


def key_of(id: str, actions: Sequence[Action] = ACTIONS) -> str:
    """Return the first key of the action called `id`, as it is printed on a keyboard.

    Raises:
        KeyError: There is no such action.
    """
    for each in actions:
        if each.id == id:
            return shown_key(each.keys[0])
    raise KeyError(id)


def in_order(first: Place | None = None) -> tuple[Place, ...]:
    """Return the places in the order in which they are told: `first`, what works everywhere, then the others."""
    return tuple(sorted(PLACES, key=lambda place: 0 if place == first else 1 if place == "everywhere" else 2))


def place_lines(place: Place, actions: Sequence[Action], width: int, glyphs: Glyphs) -> list[Line]:
    """Return the keys of one place among `actions`; keys that the user changed are marked. Empty where there are none."""
    lines: list[Line] = []
    for action in (each for each in actions if each.where == place):
        is_own = action.keys != _USUAL.get(action.id)
        head = (Span(f"  {keys_of(action):<14} ", "warn" if is_own else "edge"),)
        words = f"{action.description} (yours: {action.id})" if is_own else action.description
        lines.extend(hanging(head, words, "text", width, glyphs))
    return [(Span(PLACES[place], "title"),), *lines] if lines else []


def sheet_lines(actions: Sequence[Action], width: int, glyphs: Glyphs) -> list[Line]:
    """Return all keys by place, for the command line; the ids stand with them, because settings refer to ids."""
    lines: list[Line] = []
    for place in in_order():
        lines.append((Span(PLACES[place], "title"),))
        for action in (each for each in actions if each.where == place):
            own = "" if action.keys == _USUAL[action.id] else " (yours)"
            head = (Span(f"  {keys_of(action):<14} ", "edge"), Span(f"{action.id:<20} ", "dim"))
            lines.extend(hanging(head, action.description + own, "text", width, glyphs))
        lines.append(())
    return lines[:-1]


def markdown(actions: Sequence[Action] = ACTIONS) -> str:
    """Return a table with a row for each place: keys, each followed by its name in the key strip, or its id without the place."""
    rows = []
    for place in in_order():
        told = [
            f"{' '.join(f'`{_cell(shown_key(key))}`' for key in each.keys)} {_called(each)}"
            for each in actions
            if each.where == place
        ]
        rows.append(f"| {PLACES[place].lower()} | {' · '.join(told)} |")
    return "\n".join(("| where | keys |", "| --- | --- |", *rows))


def _called(action: Action) -> str:
    place = "" if action.where == "page" else f"{action.where}-"  # a page goes a page up
    return action.label.lower() or action.id.removeprefix(place).replace("-", " ")


def renewed(text: str, begin: str, end: str, between: str) -> str:
    """Return a Markdown text in which `between` stands, with an empty line around it, between the first two markers.

    Args:
        text: The whole text.
        begin: The marker in front, a line that stays.
        end: The marker behind it, a line that stays.
        between: What has to stand there, without line ends around it.

    Raises:
        ValueError: The markers are not there.
    """
    before, first, rest = text.partition(begin)
    _, second, after = rest.partition(end)
    if not first or not second:
        raise ValueError(f"there are no two lines {begin} and {end}")
    return f"{before}{begin}\n\n{between}\n\n{end}{after}"


def as_json(actions: Sequence[Action]) -> list[dict[str, Any]]:
    """Return one mapping for each action."""
    return [
        {
            "id": each.id,
            "keys": [shown_key(key) for key in each.keys],
            "usual_keys": [shown_key(key) for key in _USUAL[each.id]],
            "where": each.where,
            "does": each.description,
            "is_fixed": each.is_fixed,
        }
        for each in actions
    ]


def commented_yaml(themes: Sequence[str] = ()) -> str:
    """Return a `console.yaml` in which everything stands as it is without one, commented out.

    Args:
        themes: Names of themes to mention; may be empty.
    """
    known = f"##   ({', '.join(themes)})\n" if themes else ""
    parts = [
        "## console.yaml: how you want the console. It lies beside the inventory in ~/.config/ppsconsole, mode 600.\n"
        "## Everything is as it is without this file; take away the single # where you want something else.\n"
        "## The environment (PPSCONSOLE_THEME) goes before this file, the command line before both.\n",
        f"## theme: {FIELDS['theme']}\n{known}# theme: dark\n",
        f"## mouse: {FIELDS['mouse']}\n# mouse: true\n",
        f"## glyphs: {FIELDS['glyphs']}\n# glyphs: auto\n",
        f"## keys: {FIELDS['keys']}\n"
        "## Put punctuation in quotes. Keys that tmux, screen or terminals take are refused, overlaps too.\n# keys:",
    ]
    for place in in_order():
        rows = [_yaml_row(each) for each in ACTIONS if each.where == place and not each.is_fixed]
        parts.append("\n".join((f"##   {PLACES[place]}", *rows)))
    return "\n".join(parts) + "\n"


def _yaml_row(action: Action) -> str:
    keys = [_yaml_key(key) for key in action.keys]
    value = keys[0] if len(keys) == 1 else f"[{', '.join(keys)}]"
    return f"#   {action.id + ': ' + value:<40} # {action.description}"


def _yaml_key(key: str) -> str:
    shown = shown_key(key)
    return shown if shown.isalpha() and len(shown) > 1 else f'"{shown}"' if shown not in ('"', "\\") else f"'{shown}'"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
