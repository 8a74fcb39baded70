"""From the home screen to a plan, a dialog and a run, by keys; on the double of the desk."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ppsconsole.tui.screens.dialog import Dialog
from ppsconsole.tui.screens.plan import PlanScreen
from ppsconsole.tui.screens.run import RunScreen
from tests.tui.desk_double import DeskDouble, Turnstile
from tests.tui.scripted import Console, console


def run_desk(test: Callable[[Console, DeskDouble], Awaitable[None]], desk: DeskDouble, *args: Any, **kwargs: Any) -> None:
    """Run `test` on a console with `desk`, opened by `console(*args, **kwargs)`."""

    async def main() -> None:
        async with console(*args, desk=lambda: desk, **kwargs) as opened:
            await test(opened, desk)

    asyncio.run(main())


async def on(opened: Console, kind: type) -> None:
    """Wait until a screen of that kind is on top, and drawn."""
    await opened.until(lambda: isinstance(opened.app.screen, kind))
    await opened.pilot.pause()


async def to_plan(opened: Console, which: str = "switchover --to db2") -> None:
    """Choose a way out and wait for its plan."""
    await opened.press("F")
    rows = [row.strip(" ║│|»>#") for row in _rows(opened)]
    titles = [row.partition("  ")[0] for row in rows if row.startswith(("switch", "fail"))]
    await opened.press(*["down"] * titles.index(which), "enter")
    await on(opened, PlanScreen)


def _rows(opened: Console) -> list[str]:
    from tests.tui.screen_text import screen_lines

    return screen_lines(opened.app)


async def to_dialog(opened: Console, which: str = "switchover --to db2") -> None:
    """Unlock, plan, and ask for a run."""
    await to_plan(opened, which)
    await opened.press("w", "x")
    await on(opened, Dialog)


async def to_run(opened: Console, which: str = "switchover --to db2") -> None:
    """Confirm by the cluster's name."""
    await to_dialog(opened, which)
    first = opened.app.screen
    await opened.press(*"lab", "tab", "enter")
    await opened.until(lambda: isinstance(opened.app.screen, RunScreen | Dialog) and opened.app.screen is not first)
    await opened.pilot.pause()


async def at(opened: Console, stop: Turnstile) -> None:
    """Wait until the run stands at a turnstile, and the screen shows it."""
    async with asyncio.timeout(90):
        await stop.is_there.wait()
    await opened.pilot.pause(0.05)
    await opened.pilot.pause()


async def idle(opened: Console) -> None:
    """Wait until nothing is being done in the run."""
    await opened.until(lambda: opened.app.host.live is not None and not opened.app.host.is_busy)
    await opened.pilot.pause(0.05)
    await opened.pilot.pause()
