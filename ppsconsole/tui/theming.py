"""Colour themes: YAML files in `themes/`, found in the installed package or the checkout, and which one suits a terminal.

State is always glyph, word and colour; a theme decides nothing but the colour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from textual.color import Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

from ppsconsole.errors import UsageError

COLOURS = (
    "text",
    "dim",
    "title",
    "ok",
    "warn",
    "down",
    "off",
    "unknown",
    "edge",
    "edge-idle",
    "edge-broken",
    "accent",
    "background",
    "panel",
    "border",
    "lab",
)
"""Every colour that a theme has to give; the first eleven are the styles of `ppsconsole.draw.text`."""

_RICH_TERMINALS = ("256color", "-direct", "kitty", "alacritty", "ghostty")


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme, as read from its file.

    Attributes:
        is_dark: Made for a dark background.
        is_ansi: Speaks in the terminal's own 16 colours.
        colours: By the names in `COLOURS`; values that Textual understands.
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


def themes_folder() -> Path:
    """Return the folder with the themes: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"


def theme_names() -> tuple[str, ...]:
    """Return the names of all themes, sorted."""
    return tuple(sorted(path.stem for path in themes_folder().glob("*.yaml")))


def load_palette(name: str) -> Palette:
    """Return the theme called `name`.

    Raises:
        UsageError: There is no such theme, or its file lacks a colour, has one too many, or one that is no colour.
    """
    path = themes_folder() / f"{name}.yaml"
    if name not in theme_names():
        raise UsageError(f"there is no theme called {name!r}", where=str(path), remedy=f"Allowed: {', '.join(theme_names())}")
    # The base loader keeps every scalar as it is written: for the others the colour of `off` would be that of False.
    # The C one is five times as fast, and this stands before the first frame; not every build of PyYAML has it.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except yaml.YAMLError as error:
        raise UsageError(f"not valid YAML: {error}", where=str(path)) from None
    return _palette(found, str(path))


def _palette(found: object, where: str) -> Palette:
    if not isinstance(found, dict) or set(found) != {"name", "dark", "ansi", "colours"}:
        raise UsageError("a theme has exactly the keys name, dark, ansi and colours", where=where)
    flags = [found["dark"], found["ansi"]]
    if any(flag not in ("true", "false") for flag in flags):
        raise UsageError("dark and ansi are true or false", where=where)
    colours = found["colours"]
    if not isinstance(colours, dict):
        raise UsageError("colours must be a mapping of names to colours", where=where)
    missing = [each for each in COLOURS if each not in colours]
    surplus = [str(each) for each in colours if each not in COLOURS]
    if missing or surplus:
        parts = [f"{word}: {', '.join(names)}" for word, names in (("missing", missing), ("not known", surplus)) if names]
        raise UsageError("colours " + "; ".join(parts), where=where, remedy=f"Allowed: {', '.join(COLOURS)}")
    for each, value in colours.items():
        try:
            Color.parse(str(value))
        except ColorParseError:
            raise UsageError(f"{each}: {value!r} is no colour", where=where, remedy="Write #rrggbb or ansi_NAME") from None
    is_dark, is_ansi = (flag == "true" for flag in flags)
    return Palette(str(found["name"]), is_dark, is_ansi, {key: str(colours[key]) for key in COLOURS})


def suitable_theme(environ: Mapping[str, str]) -> str:
    """Return the name of the theme for a terminal, from its environment.

    `PPSCONSOLE_THEME` decides where it is set. Otherwise `ansi` where `NO_COLOR` is set (a true-colour theme would still
    send greys) or the terminal has 16 colours or fewer, else `dark`.
    """
    chosen = environ.get("PPSCONSOLE_THEME", "").strip()
    if chosen:
        return chosen
    if "NO_COLOR" in environ or has_few_colours(environ):
        return "ansi"
    return "dark"


def has_few_colours(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal should be trusted with no more than its own 16 colours: where it does not say more."""
    is_rich = environ.get("TERM", "").endswith(_RICH_TERMINALS) or environ.get("COLORTERM", "") in ("truecolor", "24bit")
    return not is_rich
