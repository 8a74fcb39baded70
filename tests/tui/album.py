"""Makes the pictures of the README: `python -m tests.tui.album` starts a lab, breaks it, and switches it over by keys.

What is on them happened: real PostgreSQL, nginx and SSH. Only the names of the person and the machine are others. It takes two
minutes and writes `.pictures/NAME.svg`.
"""

import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from ppsconsole.clock import SystemClock
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.engine.desk import Desk
from ppsconsole.inventory.load import load
from ppsconsole.lab.control import call
from ppsconsole.lab.launch import Leash, find_lab, launch, temporary_order
from ppsconsole.probes.monitor import Monitor
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.lock import Lock
from ppsconsole.tui.logs import HostLogs
from ppsconsole.tui.screens.dialog import Dialog
from ppsconsole.tui.screens.log import LogScreen
from ppsconsole.tui.screens.plan import PlanScreen
from ppsconsole.tui.screens.run import RunScreen
from ppsconsole.tui.theming import load_palette
from tests.tui.screen_text import screen_text

FOLDER = Path(__file__).parents[2] / ".pictures"
SIZE = (110, 34)
DEADLINE_S = 120.0
WATCHED_S = 20.0
"""How long the cluster is watched first, so that trends have something to show."""
SEEN_S = 6.0
"""By then every probe has looked again."""
_PREFIX = "/opt/venv".ljust(200, "-")
"""Stands for the folder of this machine in which Python's packages are."""


class Album:
    """One console on a lab, driven by keys."""

    def __init__(self, inventory_path: str, folder: Path) -> None:
        self.folder = folder
        self.inventory = load(inventory_path)
        lock = Lock(os.environ)
        monitor = Monitor(self.inventory)
        self.app = PpsConsoleApp(
            self.inventory,
            monitor,
            palette=load_palette("dark"),
            desk=lambda: Desk(self.inventory, environ=lock.environ),
            lock=lock,
            logs=HostLogs(self.inventory, SystemClock(), monitor.record),
        )

    async def make(self, fault: Callable[[str], None]) -> None:
        """Take all pictures; `fault` breaks db1 by `kill`, and repairs it by `heal`."""
        async with self.app.run_test(size=SIZE) as self.pilot:
            await self.until(self.is_well)
            await asyncio.sleep(WATCHED_S)
            await asyncio.to_thread(fault, "kill")
            await self.until(lambda: "failover --to db2" in screen_text(self.app))
            await asyncio.sleep(SEEN_S)
            await self.take("home")
            await self.press("enter")
            await self.take("node")
            await self.press("l")
            await self.until(lambda: isinstance(self.app.screen, LogScreen) and len(self.app.screen.view.buffer) > 5)
            await self.take("log")
            await self.press("escape", "escape")
            await asyncio.to_thread(fault, "heal")
            await self.until(self.is_well)
            await asyncio.sleep(SEEN_S)
            await self.press("F")
            await self.until(lambda: "switchover --to db2" in screen_text(self.app))
            await self.press(*["down"] * self.row_of("switchover --to db2"), "enter")
            await self.until(lambda: isinstance(self.app.screen, PlanScreen))
            await self.take("plan")
            await self.press("w", "x")
            await self.confirm()
            await self.until(lambda: self.app.scene.run is not None and self.app.scene.run.activity == "ended")
            await asyncio.sleep(SEEN_S)
            await self.take("run")

    async def confirm(self) -> None:
        """Answer every dialog until the run goes by itself."""
        await self.until(lambda: isinstance(self.app.screen, Dialog))
        while not isinstance(self.app.screen, RunScreen):
            dialog = self.app.screen
            await self.press(*self.inventory.cluster.name, "tab", "enter")
            await self.until(lambda before=dialog: self.app.screen is not before)

    def row_of(self, words: str) -> int:
        """Return which of the ways that are listed it is."""
        rows = [row.strip(" ║│»") for row in screen_text(self.app).splitlines()]
        titles = [row for row in rows if row.startswith(("switchover", "failover", "restart", "backup", "rejoin"))]
        return next(number for number, row in enumerate(titles) if row.startswith(words))

    def is_well(self) -> bool:
        """Return whether everything is seen, and well."""
        snapshot = self.app.scene.snapshot
        return snapshot is not None and all(node.verdict in (Verdict.OK, Verdict.OFF) for node in snapshot.nodes)

    async def press(self, *keys: str) -> None:
        """Press keys, a little slower than they are pasted."""
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause(0.02)

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait for a state."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not is_true():
                    await self.pilot.pause(0.05)
        except TimeoutError:
            sys.exit(f"it never came; what stands there:\n{screen_text(self.app)}")
        await self.pilot.pause()

    async def take(self, name: str) -> None:
        """Save what is on the screen."""
        self.app.clear_notifications()
        await self.pilot.pause(0.1)
        # Of the same length: an SVG says how wide each piece of text is.
        svg = self.app.export_screenshot(title=f"ppsconsole: {name}").replace(sys.prefix, _PREFIX[: len(sys.prefix)])
        (self.folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(f"{name}.svg  {len(svg) / 1024:.0f} kB", flush=True)


def main() -> None:
    """Make the pictures and take the lab away."""
    FOLDER.mkdir(exist_ok=True)
    leash = launch(temporary_order(), lambda words: print(f"lab: {words}", flush=True))
    assert isinstance(leash, Leash)

    def fault(kind: str) -> None:
        request = {"verb": "heal"} if kind == "heal" else {"verb": "fault", "kind": kind, "delay_s": 0.0, "bytes_per_s": 0.0}
        for _ in call(find_lab(str(leash.folder)), {**request, "node": "db1", "link": "all"}):
            pass

    try:
        with tempfile.TemporaryDirectory() as state, mock.patch.object(platform, "node", return_value="ops1"):
            os.environ |= {"XDG_STATE_HOME": state, "XDG_CONFIG_HOME": state, "LOGNAME": "mkr"}
            asyncio.run(Album(leash.inventory, FOLDER).make(fault))
    finally:
        leash.release()


if __name__ == "__main__":
    main()
