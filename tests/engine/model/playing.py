"""Plays a story: consoles, faults and choices over one world, until every run has ended; nothing is left to chance."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from ppsconsole.engine.custody import RunResult
from ppsconsole.engine.open_run import OpenRun
from ppsconsole.engine.reading import Reading
from ppsconsole.errors import PpsConsoleError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import FenceProof
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.request import Request
from tests.engine.model import faults
from tests.engine.model.console import Console, at_work, modelled
from tests.engine.model.declared import fenced
from tests.engine.model.held import STARTED_AT, EndlessError, alive, play
from tests.engine.model.invariants import Announced, check_end, check_loss, check_replay
from tests.engine.model.later import goes_on, reboots
from tests.engine.model.operator import Operator
from tests.engine.model.story import CONSOLE_FAULTS, Beat, Story
from tests.engine.model.told import Told
from tests.engine.model.ways import mistakes, now
from tests.engine.model.world import World, new_world

FINISHES = ("go", "back-out", "go", "abandon")
"""What somebody does at the end, everything being mended: after that the run has ended, or there is no way out of it."""


DEEPEST = 2
"""So many consoles at most take the run from one another while the first still believes that it has it."""


class ConsoleDied(BaseException):
    """The console's process is gone."""


@dataclass(slots=True)
class Stage:
    """One story while it is played."""

    story: Story
    world: World
    told: Told = field(default_factory=Told)
    boundaries: int = 0
    beats: list[Beat] = field(default_factory=list)
    opened: OpenRun | None = None
    run: str = ""
    plan: Plan | None = None
    before: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    announced: dict[str, Announced] = field(default_factory=dict)
    beside: list[asyncio.Task[None]] = field(default_factory=list)
    depth: int = 0
    calls_before: int = 0
    consoles: dict[str, Console] = field(default_factory=dict)
    operator: Operator = field(init=False)
    console: Console = field(init=False)

    def __post_init__(self) -> None:
        self.beats = list(self.story.beats)
        self.operator = Operator(self.world, list(self.story.answers))
        for name in ("anna", "ben", "cora"):
            self.consoles[name] = made = Console(name, self.world, self.boundary)
            made.ways.on_call = self.call
        self.console = self.consoles["anna"]

    # --- what happens meanwhile ---------------------------------------------------------------------------------

    async def boundary(self, step: Step, phase: str) -> None:
        """Pass a boundary of a step: whatever the story has for it happens now."""
        self.boundaries += 1
        self._mark(step.id, phase)
        due = [beat for beat in self.beats if beat.unit == "boundary" and beat.at < self.boundaries]
        for beat in due:
            self.beats.remove(beat)
            self.trace(f"{beat.fault} {beat.where} before {step.id}.{phase}")
            if beat.fault in CONSOLE_FAULTS:
                await self._console_fault(beat.fault)
            else:
                self._strike(beat)

    def call(self) -> None:
        """Somebody reaches for something: what the story has for it happens now."""
        if not self.beats:
            return
        calls = self._calls() - self.calls_before
        due = [beat for beat in self.beats if beat.unit == "call" and beat.at < calls]
        for beat in due:
            self.beats.remove(beat)
            self.trace(f"{beat.fault} {beat.where} before call {calls}")
            self._strike(beat)

    def _calls(self) -> int:
        return sum(console.ways.calls for console in self.consoles.values())

    def _strike(self, beat: Beat) -> None:
        if beat.fault == "journal-full":
            self.console.journal.is_full = True
        else:
            faults.strike(self.world, beat.fault, beat.where, self.console.name)

    async def _console_fault(self, fault: str) -> None:
        if fault == "hold":
            if self.opened is not None:
                self.opened.hold()
        elif fault == "dies":
            if at_work.get() is self.console and not self.depth:
                raise ConsoleDied
        elif self.depth < DEEPEST and self.run:
            self.depth += 1
            other = self.consoles["cora" if self.depth > 1 else "ben" if self.console.name == "anna" else "anna"]
            choice = {"taken-over": "go", "taken-over-back": "back-out", "taken-over-abandon": "abandon"}[fault]
            task = self._spawn(other, self._takes_over(other, choice))
            self.beside.append(task)
            await asyncio.shield(task)

    async def _takes_over(self, other: Console, choice: str) -> None:
        """Let another console take the run, and do something with it, while this one still believes that it has it."""
        run, plan = self.run, self.plan
        assert plan is not None
        try:
            opened = await other.desk.reopen(run, self.operator.ask, "I take it over", is_way_back=choice != "go")
            try:
                result = await self._does(opened, choice)
                self._ended(other, opened, result)
            finally:
                await opened.aclose()
        except PpsConsoleError as error:
            self.trace(f"{other.name} {choice}: {type(error).__name__}: {error}")
        finally:
            self.depth -= 1

    # --- turns ------------------------------------------------------------------------------------------------

    async def tell(self) -> None:
        """Play it to its end."""
        at_work.set(self.console)
        await self._found()
        begun = await self._turn(self._begins(Request(self.story.runbook, self.story.node, fence=self.story.rung)))
        if begun:
            for choice in self.story.choices:
                await self._chosen(choice)
            await self._finishes()
            reboots(self)
        for each in self.announced.values():
            if self.world.databases[each.new].history:
                check_loss(self.world, each)
        if begun and self.story.then:
            await goes_on(self)
        self.told.wrongs += self.world.wrongs

    async def _found(self) -> None:
        """Watch for a while, then let the cluster be found as the story begins."""
        story, world = self.story, self.world
        if story.runbook == "failover" or story.opening != "fine":
            for _ in range(2):
                await self.console.desk.look()
                await asyncio.sleep(2.0)
            world.advance(now())
        if story.opening.endswith("-behind"):
            for each in world.databases.values():
                each.held_back = each.in_recovery
            await asyncio.sleep(3.0)
            world.advance(now())
        faults.open_with(world, story.opening)
        if story.opening != "fine":
            await self.console.desk.look()
            await asyncio.sleep(1.0)
            world.advance(now())

    async def _begins(self, request: Request) -> None:
        desk = self.console.desk
        self.announced.clear()
        desk_reads = desk.read_again

        async def read_again(step: Step, plan: Plan, fence: FenceProof | None = None) -> Reading:
            reading = await desk_reads(step, plan, fence)
            self._heard(step, plan, reading, fence)
            return reading

        desk.read_again = read_again  # type: ignore[method-assign]
        try:
            plan = await desk.plan(request)
            before = self.world.view()
            opened = await desk.begin(plan, self.operator.ask, reason=request.reason)
        except PpsConsoleError as error:
            self.told.verdicts.append("refused")
            self.trace(f"{request.runbook} refused: {error}")
            return
        self.told.runs += 1
        self.opened, self.run, self.plan, self.before = opened, opened.run, plan, before
        await self._goes(opened, "go")

    def _heard(self, step: Step, plan: Plan, reading: Reading, fence: FenceProof | None) -> None:
        if plan.runbook != "failover" or not step.is_point_of_no_return:
            return
        dead_since = self.console.desk.history.dead_since
        ends = [at for at in (None if fence is not None and fence.is_found_running else dead_since,) if at is not None]
        ends += [] if fence is None else [fence.at]
        old = step.arguments["primary"]
        found = Announced(old, step.node, reading.loss, reading.at, min(ends, default=reading.at))
        if not self.world.databases[step.node].history:  # what is read after the promotion announces nothing
            self.announced[step.node] = found

    async def _goes(self, opened: OpenRun, choice: str) -> None:
        result = await self._does(opened, choice)
        self._ended(self.console, opened, result)
        if not result.is_open:
            self.opened = None
            await opened.aclose()

    async def _does(self, opened: OpenRun, choice: str) -> RunResult:
        self._count(opened)
        if choice == "back-out":
            return await opened.back_out("it is better so")
        if choice == "abandon":
            return await opened.abandon("somebody else sees to it")
        if choice == "mark":
            step = opened._session.runner.state.next_step(opened.plan)
            if step is not None:
                await opened.mark_done(step, "I did it by hand")
        return await opened.go()

    def _count(self, opened: OpenRun) -> None:
        state = opened._session.runner.state
        self.told.states.add(hash((opened.plan.runbook, tuple(each.phase for each in state.steps), state.is_held)))

    def _ended(self, console: Console, opened: OpenRun, result: RunResult) -> None:
        state = opened._session.runner.state
        self._count(opened)
        if self.world.beside and opened.plan.runbook == "switchover" and "replan" not in self.story.choices:
            self.world.wrong(f"promoted beside a living primary: {', '.join(self.world.beside)}")
        check_replay(self.world, opened.plan, console.journal.events(opened.run), state)
        self.trace(f"{console.name}: {result.verdict.value}{' (open)' if result.is_open else ''}: {result.words}")
        if not result.is_open and opened.run == self.run:
            self.told.verdicts.append(result.verdict.value)
            check_end(self.world, opened.plan, result.verdict, self.before)

    async def _chosen(self, choice: str) -> None:
        self.trace(f"choice: {choice}")
        match choice:
            case "mend":
                faults.mend(self.world)
                self._mend_consoles()
                await asyncio.sleep(6.0)
            case "wait":
                await asyncio.sleep(12.0)
            case "other":
                await self._turn(self._let_go())
                self.console = self.consoles["ben" if self.console.name == "anna" else "anna"]
                await self._turn(self._continues("go", "I take it over"))
            case "replan":
                await self._turn(self._let_go())
                assert self.plan is not None
                runbook = "failover" if self.plan.runbook == "switchover" else "switchover"
                # Whoever gives up a primary stops by hand what writes to it beside the web nodes: no rung sees that.
                self.world.has_job = self.world.has_job and runbook == "switchover"
                await self._turn(self._begins(Request(runbook, reason="the other one does not come on")))
            case _:
                await self._turn(self._continues(choice, ""))
        self.world.advance(now())

    async def _continues(self, choice: str, reason: str) -> None:
        """Go on with the run at hand, which may have to be taken up again."""
        opened = self.opened
        if opened is None:
            desk = self.console.desk
            is_way_back = choice in ("back-out", "abandon")
            opened = await desk.reopen(self.run, self.operator.ask, reason, is_way_back=is_way_back)
            self.opened = opened
        await self._goes(opened, choice)

    async def _let_go(self) -> None:
        opened, self.opened = self.opened, None
        if opened is not None:
            await opened.aclose()

    async def _turn(self, doing: Coroutine[Any, Any, None]) -> bool:
        """Let the console at hand do something; return whether there is a run now. It may die of it."""
        outer = alive()
        task = self._spawn(self.console, doing)
        try:
            await task
        except PpsConsoleError as error:
            self.trace(f"{self.console.name}: {type(error).__name__}: {error}")
            await self._let_go_of_lost(error)
        except ConsoleDied:
            self.trace(f"{self.console.name} died")
            left = alive() - outer - set(self.beside)
            for each in left:
                each.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            self.opened, self.console.boots = None, self.console.boots + 1
            self.console.sit_down()
        if self.beside:
            await asyncio.gather(*self.beside, return_exceptions=True)
            self.beside.clear()
        return bool(self.run)

    async def _let_go_of_lost(self, error: PpsConsoleError) -> None:
        """Leave a run that this console cannot go on with: its lease or its journal is gone."""
        from ppsconsole.engine.stage import LeaseLost
        from ppsconsole.errors import JournalError

        if isinstance(error, (LeaseLost, JournalError)) and self.opened is not None:
            opened, self.opened = self.opened, None
            await self._spawn(self.console, opened.aclose())

    def _spawn(self, console: Console, doing: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        context = contextvars.copy_context()
        context.run(at_work.set, console)
        return asyncio.get_running_loop().create_task(doing, context=context)

    async def _finishes(self) -> None:
        """See that the run can be brought to an end: law 10."""
        self.beats.clear()
        self.operator.answers.clear()
        faults.mend(self.world)
        self._mend_consoles()
        await asyncio.sleep(6.0)
        self.world.advance(now())
        for choice in FINISHES:
            if self._is_over():
                return
            self.trace(f"finish: {choice}")
            await self._turn(self._continues(choice, "" if self.opened is not None else "somebody has to end it"))
        if self._is_untold():
            assert self.plan is not None
            told, runs = len(self.told.trace), self.told.runs
            self.trace("finish: anew")
            await self._turn(self._begins(Request(self.plan.runbook, self.plan.node, reason="its console died")))
            if self.told.runs == runs and any("Leased" in line or "holds the lease" in line for line in self.told.trace[told:]):
                self.world.wrong(f"its lease keeps others away for ever: {self.told.trace[-1]}")
        elif not self._is_over():
            self.world.wrong(f"there is no way out of {self.run}: {self.told.trace[-1]}")

    def _mend_consoles(self) -> None:
        for console in self.consoles.values():
            console.journal.is_full = False

    def _is_untold(self) -> bool:
        """Whether it died with its console before its first act: no host has a record, only the lease."""
        ends = [console.journal.events(self.run)[:-1] for console in self.consoles.values()]
        is_begun = any(event.kind == "step-started" for events in ends for event in events)  # the last one died with it
        return not is_begun and not any(self.run in host.runs for host in self.world.hosts.values())

    def _is_over(self) -> bool:
        journals = [console.journal for console in self.consoles.values()]
        if any(event.kind == "run-finished" for journal in journals for event in journal.events(self.run)):
            return True
        copies = [host.runs[self.run].events for host in self.world.hosts.values() if self.run in host.runs]
        return any('"kind": "run-finished"' in text for text in copies)

    # --- telling ----------------------------------------------------------------------------------------------

    def trace(self, words: str) -> None:
        self.told.trace.append(f"{now() - STARTED_AT:9.3f}  {words}")

    def _mark(self, step: str, phase: str) -> None:
        world = self.world
        databases = tuple((each.process, each.in_recovery, each.timeline) for each in world.databases.values())
        services = tuple((s.state, s.enabled) for host in world.hosts.values() for s in host.services.values())
        links = (len(world.links.cut_pairs), tuple(host.is_on for host in world.hosts.values()))
        leases = tuple(host.lease_line.partition(" ")[0] for host in world.hosts.values())
        assert self.plan is not None or self.run == ""
        self.told.states.add(hash((step, phase, databases, services, tuple(world.points_at.values()), links, leases)))


def tell(story: Story, inventory: Inventory) -> Told:
    """Play a story over a world of its own, and return what came of it.

    Raises:
        AssertionError: The model met something that it does not know.
    """
    world = new_world(fenced() if story.fence else inventory)
    world.fencing = story.fence
    mistakes.clear()
    with modelled(world):
        stage: list[Stage] = []  # put together on the loop that it is played on

        async def main() -> None:
            stage.append(Stage(story, world))
            await stage[0].tell()

        try:
            play(main())
        except EndlessError:
            stage[0].told.wrongs.append("it goes round and round, and never ends")
    told = stage[0].told
    if mistakes:
        raise AssertionError(f"the model does not know: {mistakes[0]!r}\n{story.told()}") from mistakes[0]
    for console in stage[0].consoles.values():
        for run in console.journal.kept:
            for event in console.journal.events(run):
                told.events.append((event.kind, event.step, str(event.data.get("outcome", event.data.get("verdict", "")))))
    return told


__all__ = ["RunVerdict", "Told", "tell"]
