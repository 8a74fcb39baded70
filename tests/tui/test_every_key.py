"""Every key of the table, pressed where it works: nothing in it is there for show, and nothing needs the mouse."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ppsconsole.settings.actions import ACTIONS, Place
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.screens.choose import ChooseScreen
from ppsconsole.tui.screens.dialog import Dialog
from ppsconsole.tui.screens.events import EventsScreen
from ppsconsole.tui.screens.home import HomeScreen
from ppsconsole.tui.screens.log import LogScreen
from ppsconsole.tui.screens.node import NodeScreen
from ppsconsole.tui.screens.plan import PlanScreen
from ppsconsole.tui.screens.replay import ReplayScreen
from ppsconsole.tui.screens.report import ReportScreen
from ppsconsole.tui.screens.run import RunScreen
from ppsconsole.tui.screens.runs import RunsScreen
from tests.tui.desk_double import DeskDouble
from tests.tui.running import idle, on, to_dialog, to_plan, to_run
from tests.tui.scripted import Console, console


async def to_home(opened: Console) -> None:
    await on(opened, HomeScreen)


async def to_events(opened: Console) -> None:
    await opened.press("e")


async def to_choose(opened: Console) -> None:
    await opened.press("F")


async def to_node(opened: Console) -> None:
    await opened.press("enter")


async def to_log(opened: Console) -> None:
    await opened.press("L")


async def to_runs(opened: Console) -> None:
    """Open the list, with the run of this console in it."""
    await to_ended_run(opened)
    await opened.press("H")
    await on(opened, RunsScreen)
    await opened.until(lambda: bool(opened.app.screen.selected))


async def to_replay(opened: Console) -> None:
    await to_ended_run(opened)
    await opened.press("v")


async def to_report(opened: Console) -> None:
    await to_ended_run(opened)
    await opened.press("o")


async def to_ended_run(opened: Console) -> None:
    await to_run(opened)
    await idle(opened)


OPENED: dict[Place, tuple[Callable[[Console], Awaitable[None]], type]] = {
    "home": (to_home, HomeScreen),
    "node": (to_node, NodeScreen),
    "log": (to_log, LogScreen),
    "page": (to_events, EventsScreen),
    "choose": (to_choose, ChooseScreen),
    "plan": (to_plan, PlanScreen),
    "run": (to_ended_run, RunScreen),
    "runs": (to_runs, RunsScreen),
    "replay": (to_replay, ReplayScreen),
    "report": (to_report, ReportScreen),
    "dialog": (to_dialog, Dialog),
}
"""How to get to a place, and which screen is there. What comes before there is a cluster, has tests of its own."""


@pytest.mark.parametrize("place", OPENED)
def test_every_key_does_in_its_place_what_the_table_says(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = [(action, key) for action in ACTIONS if place in action.reach for key in action.keys]
    assert waiting
    acted: list[str] = []
    run_action = PpsConsoleApp.run_action

    async def noted(self: PpsConsoleApp, action: Any, *args: Any, **kwargs: Any) -> bool:
        did = await run_action(self, action, *args, **kwargs)
        if did:
            acted.append(str(action))
        return did

    monkeypatch.setattr(PpsConsoleApp, "run_action", noted)
    open_it, screen = OPENED[place]

    async def press_some() -> None:
        """Open the place and press keys until one of them leads away."""
        async with console(desk=DeskDouble) as opened:
            await open_it(opened)
            await on(opened, screen)
            while waiting and type(opened.app.screen) is screen and opened.app.return_code is None:
                action, key = waiting.pop(0)
                acted.clear()
                await opened.press(key)
                assert action.run in acted, f"{key} did not do {action.id} ({place})"
                opened.app.end_taking()

    while waiting:
        asyncio.run(press_some())
