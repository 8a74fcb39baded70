"""Where files of the console live: the XDG base directories, each with the console's own folder in it."""

import os
from collections.abc import Mapping
from pathlib import Path

FOLDER = "ppsconsole"


def config_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for what the user writes: `$XDG_CONFIG_HOME/ppsconsole`, else `~/.config/ppsconsole`."""
    return _home(environ, "XDG_CONFIG_HOME", ".config")


def state_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for what has to outlive the program: `$XDG_STATE_HOME/ppsconsole`, else `~/.local/state/ppsconsole`."""
    return _home(environ, "XDG_STATE_HOME", ".local/state")


def _home(environ: Mapping[str, str], variable: str, otherwise: str) -> Path:
    """Return the base directory with the console's folder; a relative value is ignored, as the XDG specification demands."""
    base = environ.get(variable, "")
    if os.path.isabs(base):
        return Path(base) / FOLDER
    home = environ.get("HOME") or os.path.expanduser("~")
    return Path(home) / otherwise / FOLDER
