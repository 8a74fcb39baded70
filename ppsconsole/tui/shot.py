"""A picture of the console as an SVG file, made by the console itself: for README and reports.

`python -m ppsconsole.tui.shot INVENTORY FILE.svg [140x45]` watches a cluster for some seconds and takes one.
"""

import asyncio
import math
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from ppsconsole.clock import HeldClock
from ppsconsole.cluster.picture import Picture
from ppsconsole.errors import UsageError
from ppsconsole.inventory.load import load
from ppsconsole.inventory.model import Inventory
from ppsconsole.probes.monitor import Monitor
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.theming import load_palette


class StillSource:
    """Shows one picture for ever."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    async def run(self) -> None:
        """Do nothing, until cancelled."""
        await asyncio.sleep(math.inf)

    async def pictures(self) -> AsyncIterator[Picture]:
        """Yield the picture."""
        yield self._picture
        await asyncio.sleep(math.inf)


def save_screenshot(
    path: str, snapshot_picture: Picture, size: tuple[int, int], inventory: Inventory, *, theme: str = "dark"
) -> None:
    """Write the home screen showing `snapshot_picture` to `path`, without a terminal.

    Args:
        path: The SVG file to write.
        snapshot_picture: What to show; ages are counted to the moment of its snapshot.
        size: Columns and rows.
        inventory: What was declared, for the header and the advice.
        theme: Name of a theme in `themes/`.

    Raises:
        UsageError: There is no such theme.
        OSError: The file cannot be written.
    """
    svg = asyncio.run(_drawn(snapshot_picture, size, inventory, theme))
    Path(path).write_text(svg, encoding="utf-8")


async def _drawn(picture: Picture, size: tuple[int, int], inventory: Inventory, theme: str) -> str:
    clock = HeldClock(picture.snapshot.at)
    app = PpsConsoleApp(inventory, StillSource(picture), palette=load_palette(theme), clock=clock)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        return app.export_screenshot(title=f"ppsconsole: {inventory.cluster.name}")


WATCHED_S = 20.0
"""How long the cluster is watched before the picture is taken, so that trends have something to show."""


def main(arguments: list[str]) -> int:
    """Take a picture of a live cluster; return the exit code."""
    if len(arguments) not in (2, 3):
        raise UsageError("usage: python -m ppsconsole.tui.shot INVENTORY FILE.svg [COLUMNSxROWS]")
    columns, _, rows = (arguments[2] if len(arguments) == 3 else "140x45").partition("x")
    inventory = load(arguments[0])
    save_screenshot(arguments[1], asyncio.run(Monitor(inventory).watched(WATCHED_S)), (int(columns), int(rows)), inventory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
