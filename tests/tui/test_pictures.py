"""A few pictures of whole screens, colours included; everything else is compared as text."""

from typing import Any

import pytest
from textual.pilot import Pilot

from ppsconsole.clock import HeldClock
from ppsconsole.cluster.picture import CommandRecord, Event
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.shot import StillSource, save_screenshot
from ppsconsole.tui.theming import load_palette
from tests.tui.scripted import inventory
from tests.unit.snapshots import AT, STATES, picture

EVENTS = (
    Event(AT - 900, "cluster", Verdict.OK, "first look at everything: ok"),
    Event(AT - 41, "db1", Verdict.DOWN, "nothing serves 127.0.1.5:5432: connection refused"),
)
COMMANDS = (
    CommandRecord(AT - 2, "db1", "select pg_is_in_recovery()", 0.0, "refused"),
    CommandRecord(AT - 1, "db1-host", "df -P /", 0.02, "rc 0"),
)


@pytest.mark.parametrize(
    ("state", "size", "environment", "theme"),
    [
        ("fine", (80, 24), "lab", "dark"),
        ("primary-down", (80, 24), "production", "light"),
        ("primary-down", (140, 45), "production", "dark"),
    ],
)
def test_home(snap_compare: Any, state: str, size: tuple[int, int], environment: str, theme: str) -> None:
    """Healthy: calm, nothing red. Dead primary: red where it broke, the rest readable. A lab: double frames, another colour."""
    shown = picture(STATES[state](), events=EVENTS, commands=COMMANDS)
    app = PpsConsoleApp(inventory(environment), StillSource(shown), palette=load_palette(theme), clock=HeldClock(AT))

    async def settle(pilot: Pilot[None]) -> None:
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=settle)


def test_the_console_saves_a_picture_of_itself(tmp_path: Any) -> None:
    path = tmp_path / "console.svg"
    save_screenshot(str(path), picture(STATES["fine"]()), (100, 30), inventory())
    svg = path.read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert "PRIMARY" in svg
