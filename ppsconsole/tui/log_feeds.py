"""What a log view can show: the logs of a node on its host, and the console's own."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import Protocol

from ppsconsole.clock import hhmmss
from ppsconsole.draw.run import event_lines
from ppsconsole.draw.text import line_text
from ppsconsole.drivers.log import LogSource, cleaned
from ppsconsole.errors import PpsConsoleError
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.plan import Plan
from ppsconsole.tui.desks import Desk
from ppsconsole.tui.log_buffer import LogLine
from ppsconsole.tui.logs import Logs
from ppsconsole.tui.scene import Scene

Add = Callable[[Iterable[LogLine]], None]


class LogFeed(Protocol):
    """One log, put into a view.

    Attributes:
        title: Its name, in the frame.
        place: Where it is and how that is known; may be empty.
    """

    title: str
    place: str

    async def run(self, add: Add) -> None:
        """Add what there is and what comes, until cancelled or until there is no more to come."""
        ...

    def show_scene(self, scene: Scene, add: Add) -> None:
        """Add what a new scene brings."""
        ...


class HostFeed:
    """A log on a host."""

    def __init__(self, logs: Logs, source: LogSource) -> None:
        self.title, self.place = source.name, source.said()
        self._logs, self._source = logs, source

    async def run(self, add: Add) -> None:
        """Follow it."""
        async with aclosing(self._logs.follow(self._source)) as news:
            async for each in news:
                if each.remark:
                    add([LogLine(each.remark, is_remark=True)])
                add(LogLine(line) for line in each.lines)

    def show_scene(self, scene: Scene, add: Add) -> None:
        """A scene has no part of it."""


class SearchFeed:
    """Where a node's logs are still being looked for, or there are none."""

    def __init__(self, node: str, words: str) -> None:
        self.title, self.place = f"log of {node}", ""
        self._words = words

    async def run(self, add: Add) -> None:
        """Say so."""
        add([LogLine(self._words, is_remark=True)])

    def show_scene(self, scene: Scene, add: Add) -> None:
        """A scene has no part of it."""


class JournalFeed:
    """The journal of the run of this console, else of the newest one that is known here.

    Args:
        desk: Reads the journal; None for a console that only looks.
    """

    title, place = "journal", "this console's run, or the newest one"

    def __init__(self, desk: Callable[[], Desk] | None) -> None:
        self._desk = desk
        self._run, self._number = "", 0

    async def run(self, add: Add) -> None:
        """Read the newest run where this console has none."""
        if self._run:
            return
        if self._desk is None:
            add([LogLine("This console only looks: it has no journal.", is_remark=True)])
            return
        try:
            found, _ = await self._desk().runs(1, is_local=True)
        except PpsConsoleError as error:
            add([LogLine(f"the journal cannot be read: {error}", is_remark=True)])
            return
        if not found and not self._run:
            add([LogLine("No run of this cluster is known here yet.", is_remark=True)])
        for each in found:
            if not self._run:
                self._tell(each.run, each.plan, each.events, add)

    def show_scene(self, scene: Scene, add: Add) -> None:
        """Add what the run of this console did since."""
        if scene.run is not None:
            self._tell(scene.run.view.run, scene.run.view.plan, scene.run.events, add)

    def _tell(self, run: str, plan: Plan, events: tuple[RunEvent, ...], add: Add) -> None:
        if run != self._run:
            self._run, self._number = run, 0
            add([LogLine(f"run {run}: {plan.runbook}", is_remark=True)])
        fresh = [event for event in events if event.number > self._number]
        if fresh:
            self._number = fresh[-1].number
            add(LogLine(cleaned(line_text(line))) for event in fresh for line in event_lines(event, plan))


class EventsFeed:
    """What changed, oldest first."""

    title, place = "events", "what this console saw change"

    def __init__(self) -> None:
        self._told: frozenset[object] = frozenset()

    async def run(self, add: Add) -> None:
        """All of it comes with scenes."""

    def show_scene(self, scene: Scene, add: Add) -> None:
        """Add the events that are new."""
        events = tuple(reversed(scene.events()))
        fresh = [each for each in events if each not in self._told]
        self._told = frozenset(events)
        add(LogLine(f"{hhmmss(each.at)}Z {each.verdict.value:<7} {each.subject}  {each.words}") for each in fresh)


class CommandsFeed:
    """Every command and query that was sent, oldest first."""

    title, place = "commands", "what this console sent to hosts and databases"

    def __init__(self) -> None:
        self._told: frozenset[object] = frozenset()

    async def run(self, add: Add) -> None:
        """All of it comes with scenes."""

    def show_scene(self, scene: Scene, add: Add) -> None:
        """Add the commands that are new."""
        records = () if scene.picture is None else scene.picture.commands
        fresh = [each for each in records if each not in self._told]
        self._told = frozenset(records)
        add(
            LogLine(f"{hhmmss(each.at)}Z {each.where:<10} {each.outcome:<10} {each.duration_s:6.2f}s  {each.command}")
            for each in fresh
        )


def own_feeds(desk: Callable[[], Desk] | None) -> tuple[LogFeed, ...]:
    """Return the console's own logs."""
    return JournalFeed(desk), EventsFeed(), CommandsFeed()


async def ended(task: "asyncio.Task[None] | None") -> None:
    """Cancel a feed and wait until it has let go of its connection."""
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
