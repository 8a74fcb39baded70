"""Names of keys: how they are written by people, how the console calls them, and which of them never arrive.

The console's names are Textual's: a letter or digit is itself, other characters go by their Unicode name (`question_mark`).
"""

import unicodedata

_NAMED = {
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "space": "Space",
    "backspace": "Backspace",
    "delete": "Del",
    "insert": "Ins",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
} | {f"f{number}": f"F{number}" for number in range(1, 13)}
"""Keys without a character that every terminal sends alike, and how they are printed."""

_BY_WORD = {shown.lower(): name for name, shown in _NAMED.items()} | {name: name for name in _NAMED}

_FRIENDLY = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
"""The names that Textual gives to characters beside those of Unicode."""

_PRINTABLE = [chr(code) for code in range(33, 127)]

FORBIDDEN = {
    "ctrl+a": "GNU screen takes it first",
    "ctrl+b": "tmux takes it first",
    "ctrl+h": "terminals send it as Backspace",
    "ctrl+i": "terminals send it as Tab",
    "ctrl+j": "terminals send it as a line end",
    "ctrl+m": "terminals send it as Enter",
    "ctrl+q": "flow control takes it first: it unfreezes a terminal",
    "ctrl+s": "flow control takes it first: it freezes a terminal",
    "ctrl+v": "some terminals paste with it",
    "ctrl+z": "job control takes it first",
    "ctrl+left_square_bracket": "terminals send it as Esc",
    "ctrl+right_square_bracket": "telnet and serial consoles leave with it",
    "ctrl+backslash": "it asks a terminal to kill what runs in it",
    "ctrl+circumflex_accent": "mosh takes it first",
    "ctrl+underscore": "some terminals zoom with it",
    "ctrl+minus": "terminals zoom with it",
    "ctrl+plus": "terminals zoom with it",
    "ctrl+at": "terminals send it as a null character, which many swallow",
    "ctrl+space": "terminals send it as a null character, and input methods take it",
    "f1": "terminals show their own help with it",
    "f10": "terminals open their menu with it",
    "f11": "terminals go full screen with it",
}
"""Keys that do not arrive, or not as themselves, each with who takes it."""

_FOREIGN = {
    "alt": "Alt arrives as Esc and a letter: over a slow line that is two keys",
    "meta": "Alt arrives as Esc and a letter: over a slow line that is two keys",
    "super": "the desktop takes it first",
    "hyper": "the desktop takes it first",
}


def why_forbidden(key: str) -> str:
    """Return who takes `key` before it arrives, empty where nobody does.

    Args:
        key: In the console's name.
    """
    if key in FORBIDDEN:
        return FORBIDDEN[key]
    *modifiers, last = key.split("+")
    for modifier in modifiers:
        if modifier in _FOREIGN:
            return _FOREIGN[modifier]
    if "shift" in modifiers and key != "shift+tab":
        return "terminals scroll, select and copy with Shift, or do not send it at all"
    if "ctrl" in modifiers and len(last) > 1:
        return "terminals switch tabs and windows with it, or do not send it at all"
    return ""


def key_name(written: str) -> str | None:
    """Return the console's name of a key as people write it: `?`, `Esc`, `PgUp`, `ctrl+d`, `F5`; None where there is none."""
    if len(written) == 1:
        return _of_character(written) if written in _PRINTABLE else None
    word = written.strip().lower()
    *modifiers, last = word.replace("ctrl-", "ctrl+").replace("^", "ctrl+").split("+")
    if not modifiers:
        return _BY_WORD.get(word) or (word if word in _CHARACTERS else None)
    if word in _BY_WORD:
        return _BY_WORD[word]
    if not set(modifiers) <= {"ctrl", "shift", *_FOREIGN}:
        return None
    base = (
        _of_character(last) if len(last) == 1 and last in _PRINTABLE else _BY_WORD.get(last, last if last in _CHARACTERS else "")
    )
    return "+".join([*modifiers, base]) if base else None


def shown_key(key: str) -> str:
    """Return a key as it is printed on a keyboard: `?` for `question_mark`."""
    if key in _NAMED:
        return _NAMED[key]
    if key.startswith("ctrl+"):
        return f"Ctrl+{shown_key(key[5:]).upper()}"
    return _CHARACTERS.get(key, key)


def _of_character(character: str) -> str:
    if character.isalnum():
        return character
    name = unicodedata.name(character).lower().replace("-", "_").replace(" ", "_")
    return _FRIENDLY.get(name, name)


_CHARACTERS = {name: each for each in _PRINTABLE if (name := _of_character(each)) != each}
"""Characters that are no letter and no digit, by their names."""
