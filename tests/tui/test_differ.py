"""What the differ sends makes a terminal show what Textual's own bytes make it show, cell by cell, and is much less."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from textual import events
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Size
from textual.pilot import Pilot

from ppsconsole.clock import HeldClock
from ppsconsole.draw.text import ASCII, UNICODE
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.terminal.differ import Differ
from ppsconsole.tui.theming import load_palette
from tests.tui.emulator import Emulator
from tests.tui.scripted import ScriptedSource, inventory
from tests.unit.snapshots import (
    AT,
    bastion_down,
    degraded,
    fine,
    many,
    picture,
    primary_down,
    replication_broken,
    split_brain,
    starting,
    unknown,
)

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


class Beside:
    """Two terminals beside each other: one gets what is written, the other what the differ makes of it."""

    def __init__(self, width: int, height: int) -> None:
        self.whole, self.thin = Emulator(width, height), Emulator(width, height)
        self.differ = Differ()
        self.differ.resize(width, height)
        self.whole_bytes = self.thin_bytes = 0

    def write(self, data: str) -> None:
        """Take what Textual writes."""
        self.whole.feed(data.encode())
        self.whole_bytes += len(data.encode())
        self.differ.take(data)

    def send(self) -> str:
        """Send what is due."""
        due = self.differ.due()
        self.thin.feed(due.encode())
        self.thin_bytes += len(due.encode())
        return due

    def resize(self, width: int, height: int) -> None:
        """Change the size of both."""
        for each in (self.whole, self.thin):
            each.resize(width, height)
        self.differ.resize(width, height)
        self.differ.forget()

    def compare(self) -> None:
        """Fail where they do not show the same."""
        assert self.thin.text == self.whole.text
        for y, (ours, theirs) in enumerate(zip(self.thin.cells(), self.whole.cells(), strict=True)):
            differences = [(x, a, b) for x, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
            assert not differences, f"row {y}: column, sent, wanted: {differences[:5]}"
        assert self.thin.cursor == self.whole.cursor


class BesideDriver(HeadlessDriver):
    """Feeds both terminals with what a real application writes."""

    beside: Beside

    @property
    def is_headless(self) -> bool:
        return False

    def start_application_mode(self) -> None:
        super().start_application_mode()
        self.write(f"{ENTER}\x1b[?25l\x1b[?1004h\x1b[>25u")

    def write(self, data: str) -> None:
        self.beside.write(data)


@contextmanager
def driver(width: int, height: int) -> Iterator[type[BesideDriver]]:
    class Own(BesideDriver):
        beside = Beside(width, height)

    yield Own


KEYS = [*"jkhlgGfFRceL?wrdnp:/J", "tab", "shift+tab", "enter", "escape", "escape", "pagedown", "pageup", "space", "x", "1"]
WORLDS = [fine, degraded, primary_down, replication_broken, split_brain, bastion_down, unknown, starting, lambda: many(60)]
SIZES = [(80, 24), (140, 45), (60, 20), (40, 12), (200, 60)]


async def settled(pilot: Pilot[None], beside: Beside) -> None:
    """Wait until everything was painted that is to be painted."""
    async with asyncio.timeout(60):
        await pilot.pause()
        while beside.whole.is_scribbled:
            await pilot.pause(0.01)


async def wander(pilot: Pilot[None], source: ScriptedSource, beside: Beside, chance: random.Random, acts: int) -> None:
    """Press keys, show pictures, change the size, scribble over the screen; compare after each."""
    app = pilot.app
    for _ in range(acts):
        act = chance.choices(("key", "picture", "size", "scribble", "suspend"), (60, 25, 6, 4, 2))[0]
        if act == "key":
            await pilot.press(chance.choice(KEYS))
        elif act == "picture":
            source.show(picture(chance.choice(WORLDS)()))
        elif act == "size":
            size = chance.choice([each for each in SIZES if each != tuple(app.size)])
            beside.resize(*size)
            app._driver._size = size
            app.post_message(events.Resize(Size(*size), Size(*size)))
        elif act == "scribble":
            beside.thin.scribble()
            beside.differ.forget()
        else:
            beside.differ.take(LEAVE)
            beside.differ.take(ENTER)
            beside.thin.scribble()
        await settled(pilot, beside)
        if chance.random() < 0.8:  # else the line is slow: two or more frames go out as one
            beside.send()
            beside.compare()


@pytest.mark.parametrize(
    ("theme", "colours", "size", "glyphs"),
    [
        ("dark", ColorSystem.TRUECOLOR, (80, 24), UNICODE),
        ("light", ColorSystem.EIGHT_BIT, (140, 45), UNICODE),
        ("ansi", ColorSystem.STANDARD, (60, 20), ASCII),
        ("none", ColorSystem.TRUECOLOR, (80, 24), UNICODE),
    ],
)
def test_a_console_looks_as_it_does_without_the_differ(theme, colours, size, glyphs, monkeypatch) -> None:
    if theme == "none":
        monkeypatch.setenv("NO_COLOR", "1")

    async def main() -> Beside:
        source = ScriptedSource(picture(fine()))
        with driver(*size) as driver_class:
            beside = driver_class.beside
            app = PpsConsoleApp(
                inventory(),
                source,
                palette=load_palette("ansi" if theme == "none" else theme),
                glyphs=glyphs,
                clock=HeldClock(AT),
                driver_class=driver_class,
            )
            app.console._color_system = colours
            troubles: list[BaseException] = []

            async def drive(pilot: Pilot[None]) -> None:
                try:
                    await source.is_running.wait()
                    await wander(pilot, source, beside, random.Random(f"{theme} {size}"), 60)
                    beside.send()
                    beside.compare()
                except BaseException as error:
                    troubles.append(error)
                finally:
                    app.exit()

            await app.run_async(size=size, auto_pilot=drive)
            if troubles:
                raise troubles[0]
            return beside

    beside = asyncio.run(main())
    assert beside.thin_bytes * 3 < beside.whole_bytes, "whole frames, scribbles and all, are still a third at most"


# any frames at all ------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT = 12, 4
PENS = [
    "",
    "1",
    "2",
    "7",
    "4",
    "31",
    "1;31",
    "38;5;200",
    "48;2;1;2;3",
    "38;2;250;0;1;48;5;17",
    "1;2;3;4;7;9;35;45",
    "0",
    "39",
    "49",
]
TEXTS = st.lists(st.sampled_from(["a", "b", " ", " ", "─", "●", "日", "é", "e\u0301"]), max_size=WIDTH).map("".join)
RUNS = st.tuples(st.sampled_from(PENS), TEXTS)
ROWS = st.tuples(st.integers(0, HEIGHT - 1), st.lists(RUNS, min_size=1, max_size=4))
FRAMES = st.tuples(st.lists(ROWS, max_size=4), st.tuples(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1)))


def written(rows: list, cursor: tuple[int, int]) -> str:
    """Return a frame as Textual writes one: whole rows, a reset after each styled run."""
    out = []
    for row, runs in rows:
        out.append(f"\x1b[{row + 1};1H")
        room = WIDTH
        for pen, text in runs:
            kept = ""
            for character in text:
                width = {"日": 2, "\u0301": 0}.get(character, 1)
                if width > room:
                    break
                room -= width
                kept += character
            out.append(f"\x1b[{pen}m{kept}\x1b[0m" if pen else kept)
        out.append(" " * room)
    return "".join([*out, f"\x1b[{cursor[1] + 1};{cursor[0] + 1}H"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(FRAMES, st.sampled_from(["forget", "hold", "bell", "again", "other"])), max_size=12))
def test_any_frames_look_the_same(acts: list) -> None:
    beside = Beside(WIDTH, HEIGHT)
    beside.write(f"{ENTER}\x1b[?7l")
    is_held = False
    for act in acts:
        if act == "forget":
            beside.thin.scribble()
            beside.whole.scribble()
            beside.differ.resize(WIDTH + 1, HEIGHT)  # what was wanted is forgotten too
            beside.differ.resize(WIDTH, HEIGHT)
        elif act == "hold":
            is_held = True
        elif act == "bell":
            beside.write("\x07\x1b]52;c;YQ==\x07\x1b]22;pointer\x1b\\\x1b[?2026h\x1b[?2026l\x1b[?2048$p")
        elif act == "again":
            beside.write(f"{ENTER}\x1b[H")
        elif act == "other":
            beside.write("\x1b[2;2H\x1b[31mab\x1b[2Kc\x1b[0m\x1b[1;1H")  # something that the differ knows nothing of
        else:
            beside.write(written(*act))
        if not is_held or act not in ("hold",):
            beside.send()
            beside.compare()
            is_held = False
    beside.send()
    beside.compare()
    assert beside.send() == "", "nothing is due twice"


def opened(width: int = 20, height: int = 3) -> Differ:
    differ = Differ()
    differ.resize(width, height)
    differ.take(
        ENTER + "".join(f"\x1b[{row + 1};1H\x1b[38;2;1;2;3m{'lag  0.8s':20}\x1b[0m" for row in range(height)) + "\x1b[1;1H"
    )
    assert ENTER in differ.due()
    return differ


def test_an_unchanged_frame_costs_nothing() -> None:
    differ = opened()
    differ.take(f"\x1b[?2026h\x1b[1;1H\x1b[38;2;1;2;3m{'lag  0.8s':20}\x1b[0m\x1b[1;1H\x1b[?2026l")
    assert differ.due() == ""


def test_one_cell_costs_a_move_the_cell_and_the_way_back() -> None:
    differ = opened()
    differ.take(f"\x1b[2;1H\x1b[38;2;1;2;3m{'lag  0.9s':20}\x1b[0m\x1b[1;1H")
    assert differ.due() == "\x1b[2;8H9\x1b[H"


def test_what_a_slow_line_had_no_time_for_is_never_sent() -> None:
    differ = opened()
    for tenth in range(9):
        differ.take(f"\x1b[2;1H\x1b[38;2;1;2;3m{f'lag  0.{tenth}s':20}\x1b[0m\x1b[1;1H")
    assert differ.due() == "", "it came back to what is shown"


def test_nothing_is_drawn_outside_of_the_alternate_screen() -> None:
    differ = opened()
    differ.take(LEAVE)
    assert differ.due() == f"\x1b[m{LEAVE}"
    differ.take("\x1b[1;1H\x1b[31mno\x1b[0m\x1b[1;1H")
    assert differ.due() == ""
    differ.take(ENTER)
    assert "no" in differ.due(), "it is, once the screen is back"


def test_long_frames_alone_go_between_marks() -> None:
    differ = Differ()
    differ.resize(100, 40)
    differ.take(f"{ENTER}\x1b[?2026h\x1b[?2026l")
    differ.due()
    differ.take("".join(f"\x1b[?2026h\x1b[{row + 1};1H{'x' * 100}" for row in range(40)))
    frame = differ.due()
    assert frame.startswith("\x1b[?2026h")
    assert frame.endswith("\x1b[?2026l")
    differ.take("\x1b[?2026h\x1b[1;1Hyy\x1b[?2026l")
    assert "2026" not in differ.due()


def test_a_row_that_is_not_there_is_not_drawn() -> None:
    differ = opened(20, 3)
    differ.take("\x1b[4;1Hbelow\n\x1b[3;18Hbeside\x1b[1;1H")
    due = differ.due()
    assert "below" not in due
    assert "bes" in due
    assert "besi" not in due
