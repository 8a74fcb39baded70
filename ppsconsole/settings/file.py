"""`console.yaml` in the configuration folder: how one person wants the console; what is wrong in it is refused at the start."""

import os
import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ppsconsole.errors import InventoryError, Mistake, SettingsError
from ppsconsole.inventory.find import SETTINGS
from ppsconsole.inventory.places import config_home
from ppsconsole.settings.actions import ACTIONS, Action, changed, faults
from ppsconsole.settings.entries import pairs, text, word
from ppsconsole.settings.keys import key_name, shown_key, why_forbidden
from ppsconsole.values import dataclass

if TYPE_CHECKING:
    from yaml.nodes import Node

    from ppsconsole.inventory.reading import Reading

THEME = "PPSCONSOLE_THEME"

GlyphSet = Literal["auto", "ascii", "unicode"]

FIELDS = {
    "theme": "the name of a theme; left out, what suits the terminal",
    "mouse": "true or false: whether the console takes the mouse, or leaves it to the terminal",
    "glyphs": "auto, ascii or unicode: what drawings are made of",
    "keys": "a mapping from actions to a key, or a list of keys",
}
"""Every field with what may stand there."""

_GLYPHS: tuple[GlyphSet, ...] = ("auto", "ascii", "unicode")
_THEME_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}").fullmatch
_MOST_KEYS = 6


@dataclass(frozen=True, slots=True)
class Settings:
    """How one person wants the console.

    Attributes:
        theme: Name of a theme; empty where the one that suits the terminal is to be taken.
        has_mouse: Whether to take the mouse.
        glyphs: What drawings are made of; `auto` looks at locale and terminal.
        keys: Other keys, in the console's names, by the id of the action.
        path: The file that was read, empty without one.
        lines: Where each field stands in it: line and column, 1-based.
    """

    theme: str = ""
    has_mouse: bool = True
    glyphs: GlyphSet = "auto"
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    path: str = ""
    lines: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def actions(self) -> tuple[Action, ...]:
        """Return the table of actions with this person's keys."""
        return changed(self.keys) if self.keys else ACTIONS

    def refused(self, name: str, what: str, allowed: str) -> SettingsError:
        """Return the error for a field whose value turns out wrong later, such as a theme that is not there; raise it."""
        line, column = self.lines.get(name, (0, 0))
        return SettingsError((Mistake(self.path or "the command line", line, column, f"{name}: {what}", allowed),))


def settings_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the place of the file, whether it is there or not."""
    return config_home(environ) / SETTINGS


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of this person: what the environment says goes before the file.

    Without a file nothing but the defaults is loaded, not even a parser.

    Raises:
        SettingsError: With all mistakes in the file, in its order, each with line, value found and values allowed.
    """
    path = settings_path(environ)
    chosen = environ.get(THEME, "").strip()
    found = read_settings(os.fspath(path)) if path.exists() else Settings()
    if not chosen:
        return found
    lines = {name: place for name, place in found.lines.items() if name != "theme"}
    return Settings(chosen, found.has_mouse, found.glyphs, found.keys, found.path, lines)


def read_settings(path: str) -> Settings:
    """Return the settings in the file at `path`.

    Raises:
        SettingsError: As `load_settings`; or the file cannot be read, or could have been written by others.
    """
    from ppsconsole.inventory import files, syntax
    from ppsconsole.inventory.reading import Reading

    try:
        data = files.read(path)
        if _says_nothing(data):
            return Settings(path=path)
        root = syntax.compose(data, path)
    except InventoryError as error:
        raise SettingsError(error.mistakes) from None
    reading = Reading(path, root)
    settings = _settings(root, reading)
    if reading.mistakes:
        raise SettingsError(reading.in_order())
    return settings


def _says_nothing(data: bytes) -> bool:
    """Return whether there are only comments: then everything is as usual, and YAML would call the file empty."""
    return all(not line.strip() or line.lstrip().startswith(b"#") for line in data.splitlines())


def _settings(root: "Node", reading: "Reading") -> Settings:
    values = {key.value: value for key, value in pairs(root, reading, FIELDS, "the settings")}
    theme = _theme(values["theme"], reading) if "theme" in values else ""
    mouse = word(values["mouse"], reading, ("true", "false")) if "mouse" in values else "true"
    glyphs = word(values["glyphs"], reading, _GLYPHS) if "glyphs" in values else "auto"
    keys = _keys(values["keys"], reading) if "keys" in values else {}
    lines = {name: (value.start_mark.line + 1, value.start_mark.column + 1) for name, value in values.items()}
    return Settings(
        theme, mouse != "false", next((each for each in _GLYPHS if each == glyphs), "auto"), keys, reading.path, lines
    )


def _theme(node: "Node", reading: "Reading") -> str:
    name = text(node, reading, FIELDS["theme"])
    if name and not _THEME_NAME(name):
        reading.refuse(node, f"{reading.said(node)} is no name", "letters, digits, dots, dashes and underscores")
    return name


def _keys(node: "Node", reading: "Reading") -> dict[str, tuple[str, ...]]:
    """Return the changed keys; a key that means two things then is refused at the entry that brought it."""
    usual = {each.id: each for each in ACTIONS}
    allowed = [each.id for each in ACTIONS if not each.is_fixed]
    found: dict[str, tuple[str, ...]] = {}
    nodes: dict[tuple[str, str], Node] = {}
    for key, value in pairs(node, reading, allowed, "the actions (`ppsconsole keys` lists them all)"):
        entries = _entries(value, reading)
        names = [(entry, _key(entry, reading)) for entry in entries]
        found[key.value] = tuple(dict.fromkeys(name for _, name in names if name))
        nodes |= {(key.value, name): entry for entry, name in names if name}
        if not found[key.value]:
            found[key.value] = usual[key.value].keys
    for fault in faults(changed(found)):
        at = next((nodes[each, fault.key] for each in reversed(fault.ids) if (each, fault.key) in nodes), None)
        if at is not None and not why_forbidden(fault.key):
            reading.refuse(at, fault.words.replace(fault.key, shown_key(fault.key), 1), "give one of the two another key")
    return found


def _entries(value: "Node", reading: "Reading") -> "list[Node]":
    from yaml.nodes import ScalarNode, SequenceNode

    if isinstance(value, ScalarNode):
        return [value]
    if isinstance(value, SequenceNode) and 0 < len(value.value) <= _MOST_KEYS:
        return list(value.value)
    reading.refuse_type(value, f"a key, or a list of one to {_MOST_KEYS} keys")
    return []


def _key(node: "Node", reading: "Reading") -> str | None:
    written = text(node, reading, "a key")
    name = key_name(written) if written else None
    if name is None:
        allowed = "allowed: one character in quotes, Enter, Esc, Tab, Space, Up, PgDn, Home, F2 and the like, or Ctrl+letter"
        reading.refuse(node, f"{reading.said(node)} is no key", allowed)
    elif why := why_forbidden(name):
        reading.refuse(node, f"{reading.said(node)} is forbidden: {why}", "allowed: any other key")
        return None
    elif name == "ctrl+c":
        reading.refuse(node, "Ctrl+C always quits", "allowed: any other key")
        return None
    return name
