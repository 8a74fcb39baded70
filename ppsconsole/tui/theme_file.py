"""One theme as a YAML file: read with the line of every mistake, for the themes that are shipped and for a person's own."""

import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from textual.theme import BUILTIN_THEMES, Theme

from ppsconsole.errors import InventoryError, SettingsError
from ppsconsole.inventory.kept import keep, recalled
from ppsconsole.settings.entries import pairs, word
from ppsconsole.values import dataclass

if TYPE_CHECKING:
    from yaml.nodes import Node

    from ppsconsole.inventory.reading import Reading

COLOURS = {
    "text": "ordinary text",
    "dim": "what is of little importance",
    "title": "titles and names",
    "ok": "the state ok",
    "warn": "the state warn",
    "down": "the state down",
    "off": "the state off",
    "unknown": "the state unknown",
    "edge": "a line that carries traffic",
    "edge-idle": "a line that is configured, and idle",
    "edge-broken": "a line that is broken",
    "accent": "the frame of the pane that the keys act on",
    "background": "what everything stands on",
    "panel": "what the first and the last row and typed text stand on",
    "border": "frames",
    "lab": "frames and titles of a lab",
}
"""Every colour that a theme gives, with what is drawn in it; the first eleven are the styles of `ppsconsole.draw.text`."""

TERMINAL_COLOURS = (
    "ansi_default",
    *(
        f"ansi_{bright}{name}"
        for bright in ("", "bright_")
        for name in ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
    ),
)
"""The terminal's own colours, by the names that Textual has for them."""

_PACKAGE = Path(__file__).resolve().parent.parent
_READERS = (__file__, *(os.fspath(_PACKAGE / each) for each in ("settings", "inventory")))
_KEYS = ("like", "dark", "ansi", "colours")
_RGB = re.compile("#[0-9A-Fa-f]{6}").fullmatch


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme, as read from its file.

    Attributes:
        name: The file's name without its ending.
        is_dark: Made for a dark background.
        is_ansi: Speaks in the terminal's own 16 colours.
        colours: By the names in `COLOURS`: `#rrggbb`, or one of `TERMINAL_COLOURS` where `is_ansi`.
    """

    name: str
    is_dark: bool
    is_ansi: bool
    colours: Mapping[str, str]

    def variables(self) -> dict[str, str]:
        """Return the variables for style sheets: `pps-ok`, `pps-border`, and so on."""
        return {f"pps-{name}": value for name, value in self.colours.items()}

    def theme(self) -> Theme:
        """Return the theme for Textual, whose own widgets (notifications) follow it."""
        colours = self.colours
        return Theme(
            name=f"ppsconsole-{self.name}",
            dark=self.is_dark,
            ansi=self.is_ansi,
            primary=colours["accent"],
            accent=colours["accent"],
            success=colours["ok"],
            warning=colours["warn"],
            error=colours["down"],
            foreground=colours["text"],
            background=colours["background"],
            surface=colours["background"],
            panel=colours["panel"],
            boost=colours["background"],
            # Textual's own style sheets refer to a few more names when a theme is of the terminal's colours.
            variables=(BUILTIN_THEMES["ansi-dark"].variables if self.is_ansi else {}) | self.variables(),
        )


def read_palette(path: Path, base: Callable[[str], Palette] | None = None, bases: Collection[str] = ()) -> Palette:
    """Return the theme in the file at `path`.

    Args:
        path: The file; its name is the theme's.
        base: Returns a shipped theme, for one that is `like` it; None where every colour has to be given.
        bases: Names that `like` may have.

    Raises:
        SettingsError: With all mistakes, each with its line, the value found and the values allowed; or the file cannot be
            read, or it is a person's own and could have been written by others.
    """
    from ppsconsole.inventory import files

    try:
        # What is shipped is trusted like the code beside it, and may belong to whoever installed it.
        data = files.read(str(path)) if base is not None else path.read_bytes()
        found = recalled(str(path), data, _READERS) if base is None else None  # another file is part of what is `like` it
        if isinstance(found, Palette):
            return found
        from ppsconsole.inventory import syntax
        from ppsconsole.inventory.reading import Reading

        reading = Reading(str(path), root := syntax.compose(data, str(path)))
    except InventoryError as error:
        raise SettingsError(error.mistakes) from None
    palette = _palette(root, reading, path.stem, base, bases)
    if reading.mistakes or palette is None:
        raise SettingsError(reading.in_order())
    if base is None:
        keep(str(path), data, _READERS, palette)
    return palette


def _palette(
    root: "Node", reading: "Reading", name: str, base: Callable[[str], Palette] | None, bases: Collection[str]
) -> Palette | None:
    """Return what stands in a file; None, or something of no use, where mistakes were noted."""
    allowed = _KEYS if base is not None else _KEYS[1:]
    values = {key.value: value for key, value in pairs(root, reading, allowed, "the keys of a theme")}
    model: Palette | None = None
    if base is not None and "like" in values:
        name_of_model = word(values["like"], reading, bases)
        model = base(name_of_model) if name_of_model in bases else None
        if model is None:
            return None
    flags = {"dark": model.is_dark, "ansi": model.is_ansi} if model is not None else {"dark": True, "ansi": False}
    for key in flags:
        if key in values:
            flags[key] = word(values[key], reading, ("true", "false")) == "true"
        elif model is None:
            reading.refuse_missing(root, key, "true or false" + (", or a theme behind `like`" if base is not None else ""))
    found = dict(model.colours) if model is not None and model.is_ansi == flags["ansi"] else {}
    if "colours" in values:
        found |= _colours(values["colours"], reading, is_ansi=flags["ansi"])
    absent = [each for each in COLOURS if each not in found]
    if absent and not reading.mistakes:
        for each in absent:
            reading.refuse_missing(values.get("colours", root), each, f"a colour for {COLOURS[each]}")
    return None if reading.mistakes else Palette(name, flags["dark"], flags["ansi"], {key: found[key] for key in COLOURS})


def _colours(node: "Node", reading: "Reading", *, is_ansi: bool) -> dict[str, str]:
    from yaml.nodes import ScalarNode

    found: dict[str, str] = {}
    for key, value in pairs(node, reading, COLOURS, "the colours of a theme"):
        colour = str(value.value) if isinstance(value, ScalarNode) else ""
        if is_ansi and colour not in TERMINAL_COLOURS:
            reading.refuse(value, f"{reading.said(value)} is no colour of the terminal's own", _CHOICES_ANSI)
        elif not is_ansi and not _RGB(colour):
            # An unquoted # begins a comment: the commonest mistake of all leaves nothing behind the colon.
            reading.refuse(value, f"{reading.said(value)} is no colour", 'allowed: "#rrggbb", in quotes, such as "#6fcf97"')
        else:
            found[key.value] = colour
    return found


_CHOICES_ANSI = (
    "allowed where ansi is true: ansi_default, ansi_black, ansi_red, ansi_green, ansi_yellow, ansi_blue, ansi_magenta, "
    "ansi_cyan, ansi_white, and the eight as ansi_bright_red and so on"
)
