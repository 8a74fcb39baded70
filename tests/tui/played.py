"""Opens the console on a scripted source and a double of the desk, and does what it is told line by line through a pipe.

Argument: the pipe's descriptor. Orders: `show STATE`, `many N`, `round` (the next poll, with the same values), `tick` (the next
poll, with other lags), `lag SECONDS`, `sources N` (that many gauges), `churn HERTZ` (their values change that often, for ever),
`run STEP` (a run, which stops before that step acts), `go` (it goes on), `fail draw` and `fail key` (mistakes in drawing and in
handling the key r).
"""

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import replace

from ppsconsole.__main__ import leave
from ppsconsole.clock import HeldClock
from ppsconsole.cluster.snapshot import Gauge, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.masking import masker
from ppsconsole.runbooks.request import Request
from ppsconsole.settings.file import Settings
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.opening import driver_class, end, glyphs_for
from ppsconsole.tui.screens.run import RunScreen
from ppsconsole.tui.widgets.lines import LinesView
from tests.tui.desk_double import DeskDouble, Turnstile, plan_for
from tests.tui.scripted import ScriptedSource, inventory
from tests.unit.snapshots import AT, STATES, fine, gauged, many, picture

SECRET = "hunter2-planted"
ROUND_S = 2.0


class Mistake(RuntimeError):
    """A mistake that carries a value in its message and in a local variable."""


def raise_mistake(*_: object) -> None:
    password = SECRET
    raise Mistake(f"cannot draw {password} of pps1")


class Told(ScriptedSource):
    """Listens to orders from when polling begins."""

    begin: Callable[[], None]

    async def run(self) -> None:
        self.begin()
        await super().run()


class Player:
    """Does what it is told."""

    def __init__(self) -> None:
        self.clock = HeldClock(AT)
        self.shown = fine()
        self.source = Told(picture(self.shown))
        self.desk = DeskDouble()
        self.stop: Turnstile | None = None
        self.rest = b""
        self.ticks = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.app = PpsConsoleApp(
            inventory(),
            self.source,
            glyphs=glyphs_for(Settings()),
            clock=self.clock,
            desk=lambda: self.desk,
            driver_class=driver_class(os.environ),
        )

    def listen(self, orders: int) -> None:
        """Read orders once the console is open."""

        def read() -> None:
            data = os.read(orders, 4096)
            if not data:
                asyncio.get_running_loop().remove_reader(orders)
            *lines, self.rest = (self.rest + data).split(b"\n")
            for line in lines:
                self.obey(*line.decode().split())

        asyncio.get_running_loop().add_reader(orders, read)

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot, as of now."""
        self.shown = snapshot
        self.source.show(aged(snapshot, self.clock.now() - AT))

    def obey(self, order: str, value: str = "") -> None:
        """Do one thing."""
        if order == "show":
            self.show(STATES[value]())
        elif order == "many":
            self.show(replace(many(int(value)), gauges=fine().gauges))
        elif order == "round":
            self.clock.advance(ROUND_S)
            self.show(self.shown)
        elif order == "lag":
            self.clock.advance(ROUND_S)
            self.show(gauged(self.shown, "lag db2", value=float(value), text=f"{float(value):.1f}s"))
        elif order == "tick":
            self.ticks += 1
            self.clock.advance(ROUND_S)
            lag = f"{self.ticks % 10 / 10:.1f}s"
            edges = (replace(each, label=lag) if each.kind == "replication" else each for each in self.shown.edges)
            gauges = (
                replace(each, text=lag if each.text.endswith("s") else f"{self.ticks % 90 + 10}{each.text[-1]}")
                for each in self.shown.gauges
            )
            self.show(replace(self.shown, edges=tuple(edges), gauges=tuple(gauges)))
        elif order == "sources":
            gauges = tuple(Gauge(f"gauge {number}", "cluster", 0.5, "0.5s", Verdict.OK, "<5s") for number in range(int(value)))
            self.show(replace(self.shown, gauges=gauges))
        elif order == "churn":
            self.start(self.churn(float(value)))
        elif order == "run":
            self.start(self.run(value))
        elif order == "go":
            assert self.stop is not None
            self.stop.open()
        elif (order, value) == ("fail", "draw"):
            LinesView.render_line = raise_mistake  # type: ignore[method-assign,assignment]
            self.app.screen.refresh(layout=True)
            for each in self.app.screen.query(LinesView):
                each.notify_style_update()
                each.refresh()
        elif (order, value) == ("fail", "key"):
            type(self.app).action_poll = raise_mistake  # type: ignore[method-assign,assignment]
            self.app.notify("r fails now")

    def start(self, work) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)

    async def churn(self, hertz: float) -> None:
        """Change the values of all gauges again and again."""
        count = 0
        while True:
            await asyncio.sleep(1 / hertz)
            count += 1
            self.clock.advance(1 / hertz)
            gauges = tuple(
                replace(each, value=(tenths := (number * 7 + count * 3) % 50) / 10, text=f"{tenths / 10:.1f}s")
                for number, each in enumerate(self.shown.gauges)
            )
            self.show(replace(self.shown, gauges=gauges))

    async def run(self, step: str) -> None:
        """Open a run and let it go until `step` would act."""
        self.stop = Turnstile(self.desk.world, step)
        self.app.host.lock.turn()
        self.app.lock_changed()
        plan = plan_for(Request("switchover", to="db2"))
        await self.app.host.begin(plan, {each.id: "lab" for each in plan.steps if each.gate})
        self.app.host.go_on()
        screen = RunScreen(self.app.scene, self.app.glyphs)
        await self.app.push_screen(screen)
        screen.show_scene(self.app.scene)


def aged(snapshot: Snapshot, by_s: float) -> Snapshot:
    """Return the same, seen that much later."""
    nodes = tuple(
        replace(node, facts={name: replace(fact, at=fact.at + by_s) for name, fact in node.facts.items()})
        for node in snapshot.nodes
    )
    edges = tuple(edge if edge.at is None else replace(edge, at=edge.at + by_s) for edge in snapshot.edges)
    return replace(snapshot, at=snapshot.at + by_s, nodes=nodes, edges=edges)


def main() -> int:
    masker.add(SECRET)
    player = Player()
    player.source.begin = lambda: player.listen(int(sys.argv[1]))
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    return end(player.app)


if __name__ == "__main__":
    leave(main())
