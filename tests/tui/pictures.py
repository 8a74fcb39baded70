"""The scenes of `test_pictures`: what is on each picture, and the keys that lead there. Clock, names and cursor stand still."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from ppsconsole.clock import HeldClock
from ppsconsole.cluster.picture import CommandRecord, Event, Picture
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import ASCII, UNICODE, Glyphs
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.first import FirstApp
from ppsconsole.tui.screens.dialog import Dialog
from ppsconsole.tui.screens.plan import PlanScreen
from ppsconsole.tui.theming import load_palette
from tests.tui.desk_double import DeskDouble, Turnstile
from tests.tui.logs_double import LogsDouble
from tests.tui.running import at, idle, on, to_dialog, to_plan, to_run
from tests.tui.scripted import Console, ScriptedSource, inventory
from tests.tui.test_first import stored
from tests.tui.test_log_screen import log_of
from tests.unit.inventory_texts import SMALL
from tests.unit.snapshots import AT, STATES, picture

EVENTS = (
    Event(AT - 900, "cluster", Verdict.OK, "first look at everything: ok"),
    Event(AT - 41, "db1", Verdict.DOWN, "nothing serves 127.0.1.5:5432: connection refused"),
    Event(AT - 40, "pps1", Verdict.DOWN, "answers 500: its database is gone"),
    Event(AT - 12, "lag db2", Verdict.WARN, "0.2s -> 12s [literal]"),
)
COMMANDS = (
    CommandRecord(AT - 3, "db1-host", "pg_controldata -D /srv/db1/data", 0.31, "rc 0"),
    CommandRecord(AT - 2, "db1", "select pg_is_in_recovery()", 0.0, "refused"),
    CommandRecord(AT - 1, "db1-host", "df -P /", 0.02, "rc 0"),
)
LOG = (
    "2026-11-23 03:13:20.118 UTC [4242] LOG:  checkpoint starting: time",
    "2026-11-23 03:13:26.004 UTC [4242] LOG:  checkpoint complete: wrote 42 buffers (0.3%)",
    "2026-11-23 03:13:26.771 UTC [4710] ERROR:  canceling statement due to lock timeout",
    "2026-11-23 03:13:27.002 UTC [4711] FATAL:  terminating connection due to administrator command",
)

Story = Callable[[Console], Awaitable[None]]


@dataclass(frozen=True)
class Shot:
    """One picture.

    Attributes:
        state: Which snapshot is shown.
        more: What else the console is opened with.
    """

    size: tuple[int, int] = (80, 24)
    state: str = "fine"
    theme: str = "dark"
    environment: str = "production"
    glyphs: Glyphs = UNICODE
    story: Story | None = None
    more: Callable[[], dict[str, Any]] = field(default=dict)

    def app(self) -> PpsConsoleApp:
        """Return the console, not yet running."""
        source = ScriptedSource(shown(self.state))
        palette = load_palette(self.theme)
        return PpsConsoleApp(
            inventory(self.environment), source, palette=palette, glyphs=self.glyphs, clock=HeldClock(AT), **self.more()
        )

    async def play(self, pilot: Pilot[None]) -> None:
        """Do what leads to the picture."""
        app = pilot.app
        assert isinstance(app, PpsConsoleApp)
        source, clock = app._source, app._clock
        assert isinstance(source, ScriptedSource)
        assert isinstance(clock, HeldClock)
        opened = Console(app, pilot, source, clock)
        await opened.until(source.is_running.is_set)
        await pilot.pause()
        if self.story is not None:
            await self.story(opened)
        await still(pilot)


async def still(pilot: Pilot[Any]) -> None:
    """Hold the cursor of fields, and take away what was said in passing: both go by the machine's own clock."""
    pilot.app.clear_notifications()
    for each in pilot.app.screen.query(Input):
        each.cursor_blink = False
        each._cursor_visible = True  # type: ignore[attr-defined]
    await pilot.pause()


def shown(state: str) -> Picture:
    """Return a picture of a state with events and commands; where all is well nothing else happened."""
    return picture(STATES[state](), events=EVENTS[:1] if state == "fine" else EVENTS, commands=COMMANDS)


def keys(*names: str) -> Story:
    """Return a story of keys alone."""

    async def story(opened: Console) -> None:
        await opened.press(*names)
        await opened.pilot.pause()

    return story


def desk() -> dict[str, Any]:
    """Return a desk that plans and runs on the scripted world."""
    made = DeskDouble()
    return {"desk": lambda: made}


def desk_of(opened: Console) -> DeskDouble:
    """Return the double behind the console."""
    made = opened.app.host.desk
    assert isinstance(made, DeskDouble)
    return made


async def stale(opened: Console) -> None:
    opened.clock.advance(95)
    opened.app._look_at_the_clock()
    await opened.pilot.pause()


async def log(opened: Console) -> None:
    logs = opened.app._logs
    assert isinstance(logs, LogsDouble)
    await log_of(opened, logs, *(LOG * 5))
    await opened.press("slash", *"lock", "enter")


async def plan(opened: Console) -> None:
    await to_plan(opened)
    await on(opened, PlanScreen)


async def dialog_locked(opened: Console) -> None:
    await to_dialog(opened)


async def dialog_open(opened: Console) -> None:
    await to_dialog(opened)
    await opened.press(*"lab", "tab")
    await on(opened, Dialog)


async def run_going(opened: Console) -> None:
    double = desk_of(opened)
    stop = Turnstile(double.world, "promote")
    double.at_hold = stop.open  # a console that ends waits for the step at hand
    await to_run(opened)
    await at(opened, stop)


async def run_standing(opened: Console) -> None:
    desk_of(opened).world.faults[("start-web", "act")] = "no"
    await to_run(opened)
    await idle(opened)


async def run_ended(opened: Console) -> None:
    await to_run(opened)
    await idle(opened)


SHOTS = {
    "home-fine-lab": Shot(environment="lab"),
    "home-primary-down-light": Shot(state="primary-down", theme="light"),
    "home-primary-down-large": Shot((140, 45), "primary-down"),
    "home-split-brain-safe": Shot((140, 45), "split-brain", "safe"),
    "home-stale-high-contrast": Shot(state="degraded", theme="high-contrast", story=stale),
    "home-unknown-ansi": Shot((60, 20), "unknown", "ansi"),
    "home-primary-down-small-lab": Shot((40, 12), "primary-down", environment="lab"),
    "node-high-contrast-light": Shot(theme="high-contrast-light", story=keys("enter")),
    "log": Shot(state="primary-down", story=log, more=lambda: {"logs": LogsDouble("postgres.log")}),
    "events-ansi-light": Shot(state="primary-down", theme="ansi-light", story=keys("e")),
    "commands": Shot(state="primary-down", story=keys("c")),
    "help-lab": Shot((140, 45), environment="lab", story=keys("question_mark")),
    "palette": Shot(state="primary-down", story=keys("colon", *"theme")),
    "find": Shot(state="primary-down", environment="lab", story=keys("e", "slash", *"db1")),
    "choose": Shot(state="primary-down", story=keys("F"), more=desk),
    "plan-safe": Shot((100, 30), theme="safe", environment="lab", story=plan, more=desk),
    "dialog-locked": Shot(story=dialog_locked, environment="lab", more=desk),
    "dialog-open-ascii": Shot(story=dialog_open, environment="lab", glyphs=ASCII, theme="ansi", more=desk),
    "run-going": Shot((100, 30), story=run_going, more=desk),
    "run-standing-ascii-lab": Shot(environment="lab", glyphs=ASCII, story=run_standing, more=desk),
    "run-ended": Shot(environment="lab", story=run_ended, more=desk),
}
"""Every picture of the console on a cluster, by name."""


def first(name: str) -> App[Any]:
    """Return the console before there is a cluster: `welcome`, `picker` or `mistakes`."""
    broken = ""
    if name != "welcome":
        stored("inventory.yaml", SMALL.replace("{name: demo}", "{name: demo, environment: lab}"))
        stored("inventories/eu.yaml", SMALL.replace("name: demo", "name: eu-prod"))
        us = stored("inventories/us.yaml", SMALL.replace("kind: postgres", "kind: oracle"))
        broken = str(us) if name == "mistakes" else ""
    return FirstApp(broken, palette=load_palette("dark"))
