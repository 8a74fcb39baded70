"""The whole story on a real lab, by keys alone: something breaks, the console says what, a plan is read, confirmed, watched."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ppsconsole.engine.desk import Desk
from ppsconsole.inventory.load import load
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.probes.monitor import Monitor
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.lock import Lock
from ppsconsole.tui.screens.dialog import Dialog
from ppsconsole.tui.screens.home import HomeScreen
from ppsconsole.tui.screens.plan import PlanScreen
from ppsconsole.tui.screens.run import RunScreen
from ppsconsole.tui.theming import load_palette
from tests.lab.conftest import Lab
from tests.tui.screen_text import screen_lines, screen_text

DEADLINE_S = 180.0


class Keys:
    """The console on a real lab; only keys go in."""

    def __init__(self, app: PpsConsoleApp, pilot) -> None:
        self.app, self._pilot = app, pilot

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)
        await self._pilot.pause()

    async def until(self, is_true: Callable[[], bool]) -> str:
        """Wait for a state; return the screen, or fail with it."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not is_true():
                    await self._pilot.pause(0.05)
        except TimeoutError:
            said = "\n".join(event.words for event in self.app.scene.own_events)
            pytest.fail(f"{screen_text(self.app)}\n{said}\n{self.app.host.live and self.app.host.live.trouble}")
        await self._pilot.pause()
        return screen_text(self.app)

    async def on(self, kind: type) -> str:
        return await self.until(lambda: isinstance(self.app.screen, kind))

    async def read(self) -> None:
        """Wait until what a dialog rests on was read: before that no answer counts."""
        dialog = self.app.screen
        assert isinstance(dialog, Dialog)
        await self.until(lambda: not dialog.is_reading)

    async def ended(self) -> RunVerdict | None:
        """Wait until the run has ended or stands, and return its verdict."""
        await self.until(lambda: self.app.host.live is not None and not self.app.host.is_busy)
        live = self.app.host.live
        assert live is not None
        return live.view.verdict


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Keys]:
    inventory, lock = load(str(path)), Lock(os.environ)
    app = PpsConsoleApp(
        inventory,
        Monitor(inventory),
        palette=load_palette("dark"),
        desk=lambda: Desk(inventory, environ=lock.environ),
        lock=lock,
    )
    async with app.run_test(size=(80, 24)) as pilot:
        keys = Keys(app, pilot)
        await keys.until(lambda: app.scene.snapshot is not None and app.scene.snapshot.is_complete)
        yield keys


def advised(keys: Keys, runbook: str) -> bool:
    return any(way.runbook == runbook and not way.is_blocked for each in keys.app.scene.advice for way in each.ways)


def primary(keys: Keys) -> list[str]:
    snapshot = keys.app.scene.snapshot
    assert snapshot is not None
    return [node.name for node in snapshot.of_kind("database") if node.role == "primary"]


@pytest.fixture
def fresh_lab(own_lab: Lab) -> Lab:
    done = own_lab.up()
    assert done.returncode == 0, done.stderr
    return own_lab


def test_a_killed_primary_is_started_where_it_is_by_keys_alone(fresh_lab: Lab) -> None:
    async def main() -> None:
        async with opened(fresh_lab.inventory) as keys:
            await keys.until(lambda: primary(keys) == ["db1"])
            await asyncio.to_thread(fresh_lab.fault, "kill", "db1")
            shown = await keys.until(lambda: advised(keys, "restart") and advised(keys, "failover"))
            assert "  f        restart db1: users are kept out for about" in shown
            await keys.press("f")
            assert "restart db1" in await keys.on(PlanScreen)
            await keys.press("x")
            assert isinstance(keys.app.screen, PlanScreen), "read-only"
            await keys.press("w", "x")
            await keys.on(Dialog)
            await keys.read()
            await keys.press("tab", "enter")
            await keys.on(RunScreen)
            assert await keys.ended() is RunVerdict.SUCCESS
            assert "SUCCESS" in screen_text(keys.app)
            await keys.press("escape", "escape")
            await keys.until(lambda: primary(keys) == ["db1"] and "UNFINISHED" not in screen_lines(keys.app)[0])

    asyncio.run(main())


def test_a_failover_by_keys_alone_with_the_screen_left_and_found_again(fresh_lab: Lab) -> None:
    async def main() -> None:
        async with opened(fresh_lab.inventory) as keys:
            await asyncio.to_thread(fresh_lab.fault, "kill", "db1")
            await keys.until(lambda: advised(keys, "failover"))
            await keys.press("w", "F")
            rows = [line.strip(" ║»") for line in screen_lines(keys.app)]
            titles = [row.split("  ")[0] for row in rows if row.startswith(("failover --", "restart ", "switchover --"))]
            await keys.press(*["down"] * titles.index("failover --to db2"), "enter")
            shown = await keys.on(PlanScreen)
            assert "none (exact)" in shown, shown  # its host answers, so its log is read
            await keys.press("x")
            first = await keys.on(Dialog)
            assert "LAB  failover db1 -> db2" in first, "what it is about stays in sight above the question"
            name_dialog = keys.app.screen
            await keys.read()
            await keys.press(*"lab", "tab", "enter")
            await keys.until(lambda: isinstance(keys.app.screen, Dialog) and keys.app.screen is not name_dialog)
            assert "Loss that you accept" in screen_text(keys.app)
            await keys.read()
            await keys.press(*"5m", "tab", "enter")
            await keys.on(RunScreen)
            await keys.press("escape", "escape")
            assert isinstance(keys.app.screen, HomeScreen)
            assert await keys.ended() is RunVerdict.SUCCESS, keys.app.host.live
            await keys.press("R")
            shown = await keys.on(RunScreen)
            assert "SUCCESS" in shown
            assert "Are there two writers? NO" in shown
            await keys.press("escape")
            await keys.until(lambda: primary(keys) == ["db2"])

    asyncio.run(main())
    assert fresh_lab.nodes()["db2"]["state"] == "running"
