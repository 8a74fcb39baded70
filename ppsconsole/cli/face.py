"""Which face to open: the console on a terminal, the status elsewhere.

The commands do not import the console: the entry point hands it in, and it travels in click's context.
"""

import os
import sys
from typing import TYPE_CHECKING, Protocol

import click

from ppsconsole.cli.options import Options
from ppsconsole.errors import InventoryError
from ppsconsole.inventory.find import NoInventory, SeveralInventories, find
from ppsconsole.values import dataclass

if TYPE_CHECKING:
    from ppsconsole.inventory.start import Start
    from ppsconsole.settings.file import Settings

_KEY = "ppsconsole.console"
_FIRST_KEY = "ppsconsole.first"


class Console(Protocol):
    """Opens the console and returns its exit code."""

    def __call__(self, inventory_path: str, *, settings: "Settings | None" = None, banner: str = "") -> int:
        """Show the cluster of the inventory at `inventory_path` until the user leaves."""
        ...


class First(Protocol):
    """Lets somebody choose what to open, where there is no one inventory that can be used."""

    def __call__(self, *, broken: str = "", settings: "Settings | None" = None) -> "Start":
        """Show the mistakes of the inventory `broken`, or what there is to choose from."""
        ...


@dataclass(frozen=True, slots=True)
class Faces:
    """What the entry point hands in.

    Attributes:
        console: Opens the console; None where there is none.
        first: Shown before there is a cluster; likewise.
    """

    console: Console | None = None
    first: First | None = None


def hand_in(ctx: click.Context, faces: Faces | None) -> None:
    """Let the commands below `ctx` open the console."""
    ctx.meta[_KEY] = faces.console if faces is not None else None
    ctx.meta[_FIRST_KEY] = faces.first if faces is not None else None


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
    from ppsconsole.inventory.load import load

    return show(load(inventory_path), is_ascii=options.glyphs == "ascii")


def open_found(ctx: click.Context) -> int:
    """Open what `find` finds; on a terminal, what it cannot decide or what is broken is put to the person there.

    Raises:
        UsageError: No inventory, or several, and nobody can be asked; or somebody wants to know where it is looked for.
        InventoryError: The inventory is wrong, and nobody mended it.
    """
    first: First | None = ctx.meta.get(_FIRST_KEY)
    options = ctx.find_object(Options) or Options(None)
    wrong: NoInventory | SeveralInventories | InventoryError
    path = ""
    try:
        path = find(options.inventory_path)
        return open_face(ctx, path)
    except (NoInventory, SeveralInventories, InventoryError) as error:
        if first is None or not is_terminal():
            raise
        wrong = error
    while True:
        start = first(broken=path, settings=options.settings())
        if start.act == "lab":
            from ppsconsole.cli.lab import lab

            return int(ctx.invoke(lab, profile="default", postgres="bundled") or 0)
        if start.code:
            return start.code
        if start.act == "where" or (start.act == "quit" and isinstance(wrong, InventoryError)):
            raise wrong
        if start.act == "quit":
            return 0
        try:
            return open_face(ctx, start.path)
        except InventoryError as error:  # it changed in between
            path, wrong = start.path, error
