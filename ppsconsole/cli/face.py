"""Which face to open: the console on a terminal, the status elsewhere.

The commands do not import the console: the entry point hands it in, and it travels in click's context.
"""

import os
import sys
from typing import TYPE_CHECKING, Protocol

import click

from ppsconsole.cli.options import Options
from ppsconsole.inventory.load import load

if TYPE_CHECKING:
    from ppsconsole.settings.file import Settings

_KEY = "ppsconsole.console"


class Console(Protocol):
    """Opens the console and returns its exit code."""

    def __call__(self, inventory_path: str, *, settings: "Settings | None" = None, banner: str = "") -> int:
        """Show the cluster of the inventory at `inventory_path` until the user leaves."""
        ...


def hand_in(ctx: click.Context, console: Console | None) -> None:
    """Let the commands below `ctx` open `console`."""
    ctx.meta[_KEY] = console


def is_terminal() -> bool:
    """Return whether a full-screen program can be shown here."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def open_face(ctx: click.Context, inventory_path: str, *, banner: str = "") -> int:
    """Open the console on a terminal, print the status elsewhere; return the exit code."""
    console: Console | None = ctx.meta.get(_KEY)
    options = ctx.find_object(Options) or Options(None)
    if console is not None and is_terminal():
        return console(inventory_path, settings=options.settings(), banner=banner)
    from ppsconsole.cli.status import show

    return show(load(inventory_path), is_ascii=options.glyphs == "ascii")
