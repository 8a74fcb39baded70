"""Colour themes: which there are, shipped ones and a person's own, and which one suits a terminal.

State is always glyph, word and colour; a theme decides nothing but the colour.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ppsconsole.errors import SettingsError, UsageError
from ppsconsole.inventory.places import config_home
from ppsconsole.settings.file import THEME
from ppsconsole.tui.theme_file import Palette, read_palette

_RICH_TERMINALS = ("256color", "-direct", "kitty", "alacritty", "ghostty")
_LIGHT_GROUNDS = ("7", "15")
_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}").fullmatch


def themes_folder() -> Path:
    """Return the folder with the themes: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"


def own_themes_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder with a person's own themes, whether it is there or not."""
    return config_home(environ) / "themes"


def own_theme(name: str) -> Path | None:
    """Return the file of a person's own theme; None where there is no such theme."""
    path = own_themes_folder() / f"{name}.yaml"
    return path if _NAME(name) and path.exists() else None


def shipped_names() -> tuple[str, ...]:
    """Return the names of the themes that come with the console, sorted."""
    return _names(themes_folder())


def theme_names() -> tuple[str, ...]:
    """Return the names of all themes, a person's own ones among them, sorted."""
    return tuple(sorted({*shipped_names(), *_names(own_themes_folder())}))


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.yaml") if _NAME(path.stem)))


def load_palette(name: str) -> Palette:
    """Return the theme called `name`; a person's own goes before a shipped one of the same name.

    Raises:
        UsageError: There is no such theme.
        SettingsError: Its file has mistakes; all of them.
    """
    own = own_theme(name)
    if own is not None:
        return read_palette(own, shipped_palette, shipped_names())
    return shipped_palette(name)


def shipped_palette(name: str) -> Palette:
    """Return the theme called `name` among those that come with the console.

    Raises:
        UsageError: There is no such theme.
    """
    if name not in shipped_names():
        folder = own_themes_folder()
        raise UsageError(f"there is no theme called {name!r}", where=str(folder), remedy=f"Allowed: {', '.join(theme_names())}")
    return read_palette(themes_folder() / f"{name}.yaml")


def palette_for(theme: str, environ: Mapping[str, str]) -> tuple[Palette, str]:
    """Return the colours to begin with, and why they are not those that were asked for; empty where they are.

    A mistake in a person's own theme must not keep the console from opening: it is opened because something is down.

    Args:
        theme: The theme that was asked for; empty leaves it to the terminal.
        environ: The environment.

    Raises:
        UsageError: There is no such theme.
    """
    name = theme or suitable_theme(environ)
    try:
        return load_palette(name), ""
    except SettingsError as error:
        spare = name if name in shipped_names() else suitable_theme({**environ, THEME: ""})
        return shipped_palette(spare), f"{told(error)}. The theme {spare} of the console itself is used until that is mended."


def told(error: SettingsError) -> str:
    """Return the first mistake and how many more there are; the folder comes last, there is little room for it."""
    first, *more = error.mistakes
    path = Path(first.path)
    others = f" (and {len(more)} more)" if more else ""
    return f"{replace(first, path=path.name)}{others}, in {path.parent}"


def suitable_theme(environ: Mapping[str, str]) -> str:
    """Return the name of the theme for a terminal, from its environment.

    `PPSCONSOLE_THEME` decides where it is set. Otherwise `ansi` where `NO_COLOR` is set (there is nothing to colour) or the
    terminal has 16 colours or fewer, else `dark`. `COLORFGBG` (rxvt, Konsole and others) tells that the background of those 16
    is light, on which green, yellow and cyan cannot be read.
    """
    chosen = environ.get(THEME, "").strip()
    if chosen:
        return chosen
    if "NO_COLOR" in environ or has_few_colours(environ):
        return "ansi-light" if environ.get("COLORFGBG", "").rpartition(";")[2] in _LIGHT_GROUNDS else "ansi"
    return "dark"


def has_few_colours(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal should be trusted with no more than its own 16 colours: where it does not say more."""
    is_rich = environ.get("TERM", "").endswith(_RICH_TERMINALS) or environ.get("COLORTERM", "") in ("truecolor", "24bit")
    return not is_rich
