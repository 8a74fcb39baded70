"""A source that shows what a test tells it to, and the app around it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from ppsconsole.clock import HeldClock
from ppsconsole.cluster.picture import Picture
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.draw.text import UNICODE, Glyphs
from ppsconsole.inventory.model import Cluster, DatabaseGroup, Host, Instance, Inventory, Service, Site, WebNode
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.theming import load_palette
from tests.unit.snapshots import AT, fine, picture


def inventory(environment: str = "lab") -> Inventory:
    """Return a declaration that fits the snapshots."""
    hosts = {
        name: Host(name, site, address, via=(f"bastion-{site}",))
        for name, site, address in (
            ("pps1-host", "a", "127.0.1.3"),
            ("pps2-host", "b", "127.0.2.3"),
            ("db1-host", "a", "127.0.1.5"),
            ("db2-host", "b", "127.0.2.5"),
        )
    }
    hosts |= {f"bastion-{site}": Host(f"bastion-{site}", site, f"127.0.{number}.1") for number, site in ((1, "a"), (2, "b"))}
    return Inventory(
        path="inventory.yaml",
        cluster=Cluster("lab" if environment == "lab" else "prod-eu", environment),  # type: ignore[arg-type]
        sites={"a": Site("a"), "b": Site("b")},
        hosts=hosts,
        web_nodes={
            "pps1": WebNode("pps1", "pps1-host", "https://127.0.1.3:10001", Service("command")),
            "pps2": WebNode("pps2", "pps2-host", "https://127.0.2.3:10001", Service("command"), declared="passive"),
        },
        database=DatabaseGroup("postgres", "pps", {name: Instance(name, f"{name}-host") for name in ("db1", "db2")}),
    )


class ScriptedSource:
    """Shows pictures in the order in which `show` was called; `run` does nothing until it is told to fail or to end."""

    def __init__(self, first: Picture | None = None) -> None:
        self._queue: asyncio.Queue[Picture] = asyncio.Queue()
        if first is not None:
            self._queue.put_nowait(first)
        self.is_running = asyncio.Event()
        self.has_ended = asyncio.Event()
        self.nudges = 0
        self._verdict: asyncio.Future[None] | None = None

    async def run(self) -> None:
        self._verdict = asyncio.get_running_loop().create_future()
        self.is_running.set()
        try:
            await self._verdict
        finally:
            self.has_ended.set()

    async def pictures(self) -> AsyncIterator[Picture]:
        while True:
            yield await self._queue.get()

    def nudge(self) -> None:
        self.nudges += 1

    def show(self, shown: Picture | Snapshot) -> None:
        self._queue.put_nowait(picture(shown) if isinstance(shown, Snapshot) else shown)

    def fail(self, error: BaseException) -> None:
        assert self._verdict is not None
        self._verdict.set_exception(error)


class Console:
    """The console under test, driven by keys."""

    def __init__(self, app: PpsConsoleApp, pilot: Pilot[None], source: ScriptedSource, clock: HeldClock) -> None:
        self.app, self.pilot, self.source, self.clock = app, pilot, source, clock

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def show(self, shown: Picture | Snapshot) -> None:
        """Send a picture and wait until it is what the app shows."""
        before = self.app.scene
        self.source.show(shown)
        await self.until(lambda: self.app.scene is not before)
        await self.pilot.pause()

    async def until(self, is_true: Callable[[], bool], deadline_s: float = 90.0) -> None:
        """Wait for a state."""
        async with asyncio.timeout(deadline_s):
            while not is_true():
                await self.pilot.pause(0.01)


@asynccontextmanager
async def console(
    first: Picture | Snapshot | None = None,
    size: tuple[int, int] = (80, 24),
    *,
    environment: str = "lab",
    glyphs: Glyphs = UNICODE,
    theme: str | None = "dark",
    **more: Any,
) -> AsyncIterator[Console]:
    """Open the console on a scripted source whose first picture is `first`: everything well when None.

    Without a theme the console finds its colours by itself.
    """
    shown = first if isinstance(first, Picture) else picture(first or fine())
    clock = HeldClock(AT)
    source = ScriptedSource(shown)
    palette = load_palette(theme) if theme is not None else None
    app = PpsConsoleApp(inventory(environment), source, palette=palette, glyphs=glyphs, clock=clock, **more)
    async with app.run_test(size=size) as pilot:
        opened = Console(app, pilot, source, clock)
        await opened.until(source.is_running.is_set)
        await pilot.pause()
        yield opened


def run_console(test: Callable[[Console], Awaitable[None]], *args: Any, **kwargs: Any) -> None:
    """Run `test` on a console made by `console(*args, **kwargs)`."""

    async def main() -> None:
        async with console(*args, **kwargs) as opened:
            await test(opened)

    asyncio.run(main())
