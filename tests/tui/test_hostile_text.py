"""Text from hosts on every screen, as if nobody had made it harmless before: it stays text and in its place."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len

from ppsconsole.cluster.facts import Fact
from ppsconsole.cluster.picture import Attempt, CommandRecord, Event, Picture
from ppsconsole.cluster.snapshot import Edge, Gauge, Node
from ppsconsole.cluster.verdicts import Judgement, Verdict
from ppsconsole.drivers.log import NEAR_LINE
from ppsconsole.errors import TimedOut
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.request import Request
from ppsconsole.tui.screens.commands import CommandsScreen
from ppsconsole.tui.screens.dialog import Dialog
from ppsconsole.tui.widgets.lines import LinesView
from tests.engine.scripted import World
from tests.tui.desk_double import DeskDouble, plan_for
from tests.tui.logs_double import LogsDouble
from tests.tui.on_pty import on_pty
from tests.tui.running import on
from tests.tui.scripted import Console, console
from tests.tui.test_every_key import OPENED
from tests.unit.hostile_texts import HARMFUL, NASTY, TEXTS
from tests.unit.snapshots import AT, picture, primary_down

SAID = f"{NASTY} {TEXTS['wide']} {TEXTS['long']}"

_FREE = {
    Fact: ("detail", "source"),
    Judgement: ("words", "limit"),
    Node: ("words",),
    Edge: ("label",),
    Gauge: ("text", "limit"),
    Event: ("words",),
    CommandRecord: ("command", "outcome"),
}
_VALUES = ("points_at", "data_directory", "server_address", "served_by", "quarantine")


def poisoned(value: Any, text: str) -> Any:
    """Return a value with `text` behind everything in it that comes from a host and is free text."""
    if isinstance(value, tuple):
        return tuple(poisoned(each, text) for each in value)
    if isinstance(value, dict):
        return {name: poisoned(each, text) for name, each in value.items()}
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {each.name: poisoned(getattr(value, each.name), text) for each in fields(value) if each.name != "verdict"}
    for name in _FREE.get(type(value), ()):
        changed[name] = f"{changed[name]} {text}"
    if isinstance(value, Fact) and value.name in _VALUES:
        changed["value"] = f"{value.value}{text}"
    return replace(value, **changed)


def hostile_picture(text: str) -> Picture:
    seen = poisoned(primary_down(), text)
    events = tuple(Event(AT - n, "db1", Verdict.DOWN, f"{n} {text}") for n in range(3))
    commands = tuple(CommandRecord(AT - n, "db1-host", f"echo {n} {text}", 0.1, "rc 1") for n in range(3))
    return picture(seen, events=events, commands=commands, attempts=(Attempt("db1", AT - 5),))


class HostileWorld(World):
    """Says it where a step finds something out, and where an optional one fails."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    async def fault(self, step: str, phase: str) -> str:
        if (step, phase) == ("follow", "act"):
            raise TimedOut(self.text, where=self.text, remedy=self.text)
        return await super().fault(step, phase)


class HostileDesk(DeskDouble):
    """Plans with such words in every text that may come from a host."""

    text = ""

    async def plan(self, request: Request) -> Plan:
        made = plan_for(request)
        items = tuple(replace(each, words=f"{each.words} {self.text}", remedy=self.text) for each in made.preflight)
        steps = tuple(
            replace(each, title=f"{each.title} {self.text}", commands=(*each.commands, f"h$ {self.text}"), for_users=self.text)
            for each in made.steps
        )
        identities = tuple(replace(each, data_directory=f"/srv {self.text}", hostname=self.text) for each in made.identities)
        return replace(made, preflight=items, steps=steps, identities=identities)


def hostile_desk(text: str) -> HostileDesk:
    desk = HostileDesk(world=HostileWorld(text))
    desk.text = text
    return desk


async def to_commands(opened: Console) -> None:
    await opened.press("c")


SCREENS: dict[str, tuple[Callable[[Console], Awaitable[None]], type]] = {**OPENED, "commands": (to_commands, CommandsScreen)}


def cells(strip: Any) -> list[str]:
    """Return what stands in each cell of a row; the second half of a wide character is empty."""
    found: list[str] = []
    for each in "".join(segment.text for segment in strip):
        wide = cell_len(each)
        if wide == 0 and found:
            found[-1] += each
        else:
            found += [each, *[""] * (wide - 1)]
    return found


def inspect(opened: Console) -> None:
    """See that a frame is whole and that nothing in it comes from markup."""
    screen = opened.app.screen
    width, height = screen.size
    strips = screen._compositor.render_strips()
    assert len(strips) == height
    rows = [cells(strip) for strip in strips]
    for strip, row in zip(strips, rows, strict=True):
        assert strip.cell_length == width
        assert len(row) == width
        for segment in strip:
            assert not HARMFUL.search(segment.text), repr(segment.text)
            assert not re.search("[\t\n]", segment.text)
            style = segment.style
            assert style is None or (not style.link and not style.blink and "@click" not in style.meta)
    for view in screen.query(LinesView):
        region = view.region
        if (
            view.display
            and view.styles.border_right[0] not in ("", "none")
            and region.area
            and screen.region.contains_region(region)
        ):
            sides = {rows[y][x] for y in range(region.y + 1, region.bottom - 1) for x in (region.x, region.right - 1)}
            assert len(sides) <= 1, f"the frame of {view} is broken: {sides}"
        assert not HARMFUL.search(view.text())
    assert not HARMFUL.search(opened.app.screen.text() if hasattr(opened.app.screen, "text") else "")
    ElementTree.fromstring(opened.app.export_screenshot())  # a picture with a control character in it is no XML


@pytest.mark.parametrize("place", SCREENS)
def test_nothing_that_a_host_says_is_obeyed_on_any_screen(place: str) -> None:
    open_it, kind = SCREENS[place]
    logs = LogsDouble("pg.log", words=SAID)
    logs.lines = (SAID, SAID)

    async def look() -> None:
        size = (140, 45) if place in ("home", "node", "plan") else (80, 24)
        async with console(hostile_picture(SAID), size, desk=lambda: hostile_desk(SAID), logs=logs) as opened:
            await open_it(opened)
            await on(opened, kind)
            if place == "log":
                logs.say("pg.log", "x" * NEAR_LINE, SAID, f"ERROR {SAID}", remark=SAID)
                await opened.until(lambda: len(opened.app.screen.view.buffer) >= 4)
                await opened.pilot.pause()
            inspect(opened)
            if kind is not Dialog:
                await opened.press("end")
                inspect(opened)
            if place not in ("dialog", "runs", "choose"):
                assert "[red]" in opened.app.screen.text(), "it is told, as it stands"

    asyncio.run(look())


_SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\](?:1[01];\?|22;[a-z-]*)(?:\x07|\x1b\\\\)|P[^\x1b]*\x1b\\\\|[ -/]*[0-Z=>\\\\^-~])"
)
"""What the console itself sends: modes, colours, places, the pointer's shape, and questions for the terminal's colours."""


def test_what_reaches_the_terminal_is_the_consoles_own() -> None:
    with on_pty([sys.executable, "-m", "tests.tui.hostile_console"], (140, 45)) as opened:
        opened.read_until("q Quit")
        opened.press(b"\r")
        opened.read_until("JUDGED")
        opened.press(b"c")
        opened.read_until("echo 2")
        opened.press(b"\x1bq")
        opened.read_to_end()
    assert "[@click=app.quit]" in opened.seen.decode()
    rest = _SEQUENCE.sub(b"", opened.seen)
    left = sorted({each for each in HARMFUL.findall(rest.decode()) if each not in "\r\x08"})
    assert not left, f"{left}: …{rest[max(0, rest.find(left[0].encode()) - 40) :][:80]!r}"
    for sent in (b"\x1b]52", b"\x1b]8;", b"\x1b]0;owned", b"\x1bc", b"\x1b[6n", b"\x1b[2J\x1b[1;1H"):
        assert sent not in opened.seen
