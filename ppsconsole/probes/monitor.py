"""Schedules the probes, keeps what they saw, and hands out pictures. Nothing heavy is imported before `run` or `once`."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ppsconsole.clock import Clock, SystemClock
from ppsconsole.cluster.changes import changes
from ppsconsole.cluster.facts import Fact, Observations, host_subject, node_subject
from ppsconsole.cluster.picture import Attempt, CommandRecord, Event, FirstLook, Picture
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.probes.base import Probe, Restrained
from ppsconsole.probes.compose import compose
from ppsconsole.probes.sent import Sent
from ppsconsole.probes.trends import Trends

if TYPE_CHECKING:
    from ppsconsole.probes.tools import Tools

COALESCE_S = 0.15
"""Answers that arrive together make one picture: people see no faster, and lines are thin."""

_EVENTS = 500
"""So many of the latest are kept."""

_FORGOTTEN_S = 3600.0
"""A command that was not sent again for so long is a thing of the past."""


class Monitor:
    """Looks at everything that an inventory declares, each target on its own timer.

    Args:
        inventory: What to look at.
        clock: Time; the machine's own when left out.
        make_probes: Makes the probes; left out, the real ones.
        has_logins: The real ones log in through the front, too: where people watch.
    """

    def __init__(
        self,
        inventory: Inventory,
        clock: Clock | None = None,
        make_probes: Callable[["Monitor"], tuple[Probe, ...]] | None = None,
        *,
        has_logins: bool = True,
    ) -> None:
        self.inventory = inventory
        self.clock: Clock = clock or SystemClock()
        self._make_probes = make_probes or Monitor._real_probes
        self._has_logins = has_logins
        self._tools: Tools | None = None
        self._probes: tuple[Probe, ...] = ()
        self._is_insisting = False
        self._seen = Observations()
        self._looked: set[int] = set()
        self._count = 0
        self._targets: tuple[str, ...] = ()
        self._ends: dict[int, str] = {}
        self._attempts: dict[int, Attempt] = {}
        self._trends = Trends(inventory.polling.every_s)
        self._known_at: dict[str, float] = {}
        self._events: deque[Event] = deque(maxlen=_EVENTS)
        self._sent = Sent(_FORGOTTEN_S)
        self._composed: Snapshot | None = None
        self._changed = asyncio.Event()
        self._nudged = asyncio.Event()

    @property
    def _snapshot(self) -> Snapshot:
        """The newest snapshot; one of nothing is only put together where somebody asks before the first look."""
        if self._composed is None:
            self._composed = compose(self.inventory, self._seen, self.clock.now(), is_complete=False)
        return self._composed

    @property
    def picture(self) -> Picture:
        """The newest picture."""
        now = self.clock.now()
        waiting = tuple(each for each in self._attempts.values() if now - each.since > 1.0)
        return Picture(
            self._snapshot,
            self._trends.recent().values,
            tuple(self._events),
            self._sent.records(),
            waiting,
            () if self._snapshot.is_complete else first_looks(self._targets, self._attempts, self._ends),
            self._trends.recent(),
            self._trends.long(),
        )

    def record(self, command: CommandRecord) -> None:
        """Keep a command that was sent, for the list of commands we ran."""
        self._sent.keep(command)

    def nudge(self) -> None:
        """Look at everything now instead of at its next time."""
        nudged, self._nudged = self._nudged, asyncio.Event()
        nudged.set()

    def insist(self) -> None:
        """Look at everything now, also at what has stopped trying by itself: somebody at the keys asked for it."""
        self._is_insisting = True
        self._allow(self._probes)
        self.nudge()

    def _allow(self, probes: tuple[Probe, ...]) -> None:
        """Hand on that somebody insisted, once there are probes to tell."""
        if not self._is_insisting or not probes:
            return
        self._is_insisting = False
        for probe in probes:
            if isinstance(probe, Restrained):
                probe.allow()

    async def run(self) -> None:
        """Poll until cancelled; connections are closed on the way out."""
        probes = self._prepare()
        try:
            async with asyncio.TaskGroup() as group:
                for number, probe in enumerate(probes):
                    group.create_task(self._watch(number, probe), name=f"probe {probe.target}")
                group.create_task(self._keep_trends(), name="trends")
        finally:
            await self.aclose()

    async def once(self, deadline_s: float) -> Picture:
        """Look at everything once and return the picture; what did not answer within `deadline_s` stays unknown."""
        probes = self._prepare()
        try:
            tasks = [asyncio.create_task(self._look(number, probe)) for number, probe in enumerate(probes)]
            if tasks:
                _, late = await asyncio.wait(tasks, timeout=deadline_s)
                for task in late:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            self._compose()
            return self.picture
        finally:
            await self.aclose()

    async def watched(self, for_s: float) -> Picture:
        """Look for that many seconds and return the last picture, with the history of that time."""
        watching = asyncio.create_task(self.run())
        try:
            async with asyncio.timeout(for_s):
                async for _ in self.pictures():
                    if watching.done():
                        watching.result()
        except TimeoutError:
            pass
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return self.picture

    async def pictures(self) -> AsyncIterator[Picture]:
        """Yield the newest picture, at once and then whenever something was looked at; floods are coalesced."""
        yield self.picture
        while True:
            try:
                # Even when nobody answers, facts become stale and that has to be shown.
                # Not `wait_for`: up to Python 3.11 it forgets that it was cancelled where a change comes at the same moment.
                async with asyncio.timeout(self.inventory.polling.every_s):
                    await self._changed.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(COALESCE_S)
            self._changed.clear()
            self._compose()
            yield self.picture

    async def aclose(self) -> None:
        """Close all connections; may be called twice."""
        tools, self._tools = self._tools, None
        if tools is not None:
            await tools.aclose()

    def _real_probes(self) -> tuple[Probe, ...]:
        from ppsconsole.probes.tools import Tools, make_probes

        self._tools = Tools(self.inventory, self.clock, self.record)
        return make_probes(self.inventory, self._tools, self.clock, has_logins=self._has_logins)

    def _prepare(self) -> tuple[Probe, ...]:
        probes = self._probes = self._make_probes(self)
        self._allow(probes)
        self._count = len(probes)
        self._targets = tuple(probe.target for probe in probes)
        return probes

    async def _watch(self, number: int, probe: Probe) -> None:
        # Spread the first looks a little: hundreds of key exchanges at the same moment only slow each other down.
        failures = 0
        await self.clock.sleep(random.uniform(0, min(0.2, 0.002 * self._count)))
        while True:
            is_seen = await self._look(number, probe)
            failures = 0 if is_seen else failures + 1
            pause = probe.every_s * min(1.5 ** max(0, failures - 2), 3.0)
            if self._is_refused(probe):
                polling = self.inventory.polling
                pause = max(pause, polling.every_s * polling.fresh_for + polling.timeout_s / 2)  # just before it is stale
            await self._pause(pause * random.uniform(0.9, 1.1))

    def _is_refused(self, probe: Probe) -> bool:
        """Return whether the target refuses our login: asking at once again gets accounts locked."""
        now = self.clock.now()
        answers = (self._seen.get(node_subject(probe.target), "sql", now), self._seen.get(host_subject(probe.target), "ssh", now))
        return any(answer.value == "login-refused" for answer in answers)

    async def _pause(self, pause_s: float) -> None:
        nudged = asyncio.create_task(self._nudged.wait())
        slept = asyncio.ensure_future(self.clock.sleep(pause_s))
        try:
            await asyncio.wait({nudged, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nudged.cancel()
            slept.cancel()

    async def _look(self, number: int, probe: Probe) -> bool:
        """Look once; a fault of a probe is an event, never the end of the others. Returns whether anything was seen."""
        self._attempts[number] = Attempt(probe.target, self.clock.now())
        facts: tuple[Fact, ...] = ()
        try:
            async with asyncio.timeout(self.inventory.polling.timeout_s * 3):
                facts = await probe.read()
        except TimeoutError:
            self._event(probe.target, f"looking at {probe.target} took too long and was given up")
        except Exception as error:  # whatever it is, the other targets have to stay visible
            self._event(probe.target, f"looking at {probe.target} failed: {type(error).__name__}: {error}")
        finally:
            self._attempts.pop(number, None)
        self._looked.add(number)  # not where the look itself was cut off: then this target was not looked at
        self._seen = self._seen.having(facts)
        self._changed.set()
        is_seen = sum(fact.is_known for fact in facts) > 1
        self._ends[number] = "" if is_seen else plain(str(facts[0].value), 40) if facts else "given-up"
        return is_seen

    def _event(self, subject: str, words: str) -> None:
        self._events.append(Event(self.clock.now(), subject, Verdict.UNKNOWN, plain(words)))

    def _compose(self) -> None:
        before = self._composed
        is_complete = len(self._looked) >= self._count > 0
        self._composed = after = self._dated(compose(self.inventory, self._seen, self.clock.now(), is_complete=is_complete))
        if before is not None and before.is_complete:
            self._events.extend(changes(before, after))
        elif is_complete:
            words = f"first look at everything: {after.verdict.value}"
            self._events.append(Event(after.at, "cluster", after.verdict, words))

    def _dated(self, snapshot: Snapshot) -> Snapshot:
        """Return `snapshot` whose unknown gauges say when they were known last."""
        gauges = []
        for gauge in snapshot.gauges:
            if gauge.value is not None:
                self._known_at[gauge.name] = snapshot.at
            elif gauge.name in self._known_at:
                gauge = replace(gauge, known_at=self._known_at[gauge.name])
            gauges.append(gauge)
        return replace(snapshot, gauges=tuple(gauges))

    async def _keep_trends(self) -> None:
        while True:
            await self.clock.sleep(self.inventory.polling.every_s)
            self._trends.add(self._snapshot.gauges)


def first_looks(targets: tuple[str, ...], attempts: Mapping[int, Attempt], ends: Mapping[int, str]) -> tuple[FirstLook, ...]:
    """Return how far the first look at each target is; one that several probes look at has answered when one of them was.

    Args:
        targets: Of the probes, by their number.
        attempts: What is tried now, by the number of the probe.
        ends: Why a look was in vain, the empty string when it was not.
    """
    numbers: dict[str, list[int]] = {}
    for number, target in enumerate(targets):
        numbers.setdefault(target, []).append(number)
    found = []
    for target, own in numbers.items():
        tried = [attempts[number].since for number in own if number in attempts and number not in ends]
        ended = [ends[number] for number in own if number in ends]
        if tried:
            found.append(FirstLook(target, "trying", min(tried)))
        elif not ended:
            found.append(FirstLook(target, "waiting"))
        else:
            why = "" if "" in ended else ended[0]
            found.append(FirstLook(target, "failed" if why else "answered", words=why))
    return tuple(found)
