"""What was loaded for the console is no garbage: a key never waits for somebody looking through it."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from ppsconsole.clock import HeldClock
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.theming import load_palette
from tests.tui.desk_double import DeskDouble
from tests.tui.scripted import ScriptedSource, inventory
from tests.unit.snapshots import AT, fine, picture

DEADLINE_S = 60.0


@pytest.fixture
def uncollected() -> Iterator[None]:
    """As `ppsconsole.tui.opening` opens the console."""
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_garbage_is_collected_once_all_is_loaded_and_what_was_loaded_is_left_alone() -> None:
    before = gc.get_freeze_count()

    async def main() -> None:
        source = ScriptedSource(picture(fine()))
        app = PpsConsoleApp(
            inventory(), source, palette=load_palette("dark"), clock=HeldClock(AT), desk=DeskDouble, journal=("sqlalchemy",)
        )
        async with app.run_test(size=(80, 24)):
            async with asyncio.timeout(DEADLINE_S):
                while not gc.isenabled():  # noqa: ASYNC110 - a collector announces itself to nobody
                    await asyncio.sleep(0.01)

    asyncio.run(main())
    assert gc.get_freeze_count() > before + 10_000, "nothing of it is looked through again"
