"""A double of the desk: plans and sessions on the scripted world of the engine's tests, run by the real runner.

Nothing is read from a cluster and no lease is taken; gates, order, proofs and backing out are the engine's own.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ppsconsole.clock import HeldClock
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.engine.custody import RunResult
from ppsconsole.engine.following import Custody, Watch
from ppsconsole.engine.gates import Ask
from ppsconsole.engine.reading import Reading
from ppsconsole.errors import Blocked, Leased, UsageError
from ppsconsole.plan.event import EventKind, RunEvent
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.history import History
from ppsconsole.runbooks.request import Request
from tests.engine.scripted import Memory, Scene, World, scripted_plan
from tests.unit.snapshots import AT

CHECKS = (
    Item("fresh-facts", "ok", "everything was seen within the last 2s"),
    Item("streaming", "ok", "db2 streams from db1"),
    Item("backup", "not checked", "nobody looked at the backup", "Look at it yourself"),
    Item("licence", "failing", "2 of 3 slots are used", "Free one, or go on without it"),
)


def plan_for(request: Request, *, blocked: bool = False) -> Plan:
    """Return a scripted plan with the gates that the runbooks have."""
    blocker = (Item("streaming", "failing", "db2 does not stream", "Repair replication", True),) if blocked else ()
    runbook = request.runbook if request.runbook == "failover" else "switchover"
    plan = scripted_plan(runbook, items=(*blocker, *CHECKS))
    question = (
        "Move the service from db1 to db2: users are kept out for about 8s. After step 5 there is no automatic way back: "
        "returning is a restore. Type the cluster's name (lab) to begin."
    )
    first = replace(plan.steps[0], gate=Gate("name", question, "--approve"))
    steps = [first, *plan.steps[1:]]
    # Long enough for a turnstile: the engine's tests keep them short.
    steps = [replace(each, timeout_s=60.0) for each in steps]
    steps = [replace(each, estimate_s=2.0, for_users="users are kept out" if each.id == "stop-web" else "") for each in steps]
    if runbook == "failover":
        at = next(number for number, each in enumerate(steps) if each.id == "promote")
        steps[at] = replace(steps[at], gate=Gate("accept-loss", "How much may be lost?", "--accept-loss"))
        return replace(plan, made_at=AT, steps=tuple(steps), loss=Loss(LossTier.BOUNDED, 3.2, words="from samples"))
    return replace(plan, made_at=AT, steps=tuple(steps))


@dataclass
class OpenDouble:
    """A run that the journal of the double knows."""

    run: str
    plan: Plan
    holder: str
    events: tuple[RunEvent, ...]
    title: str = "switchover db1 -> db2"
    is_copy: bool = False

    @property
    def is_open(self) -> bool:
        return not any(event.kind == "run-finished" for event in self.events)


class SessionDouble:
    """One run on the scripted world."""

    def __init__(self, desk: "DeskDouble", plan: Plan, ask: Ask, run: str = "4711abcd", past: tuple[RunEvent, ...] = ()) -> None:
        self.run, self.plan, self.holder, self.started_at, self.past = run, plan, "mkr@ops1 pid 4711", AT, past
        self.desk = desk
        self.scene = Scene(desk.world, plan, Memory(list(past)), ask=ask, run=self.run, clock=HeldClock(AT))
        self.runner = self.scene.runner()
        self.is_closed = False

    def listen(self, listener) -> None:
        self.runner.recorder.listen(listener)

    async def go(self) -> RunResult:
        return await self.runner.run()

    def hold(self) -> None:
        self.runner.hold()
        self.desk.at_hold()

    async def back_out(self, reason: str) -> RunResult:
        return await self.runner.back_out(reason)

    async def mark_done(self, step: str, reason: str) -> None:
        await self.runner.mark_done(step, reason)

    async def abandon(self, reason: str) -> RunResult:
        return await self.runner.abandon(reason)

    async def hand_over(self, words: str) -> None:
        data = {"verdict": self.runner.standing().value, "is_handed_over": True}
        await self.runner.record("held", words=f"handed over by {self.holder}: {words}", data=data)
        self.desk.custody = "left"
        await self.aclose()

    async def aclose(self) -> None:
        await self.runner.recorder.aclose()
        self.desk.remember(self)
        self.is_closed = True


class FollowDouble:
    """Looks at what the double of the desk knows of a run."""

    def __init__(self, desk: "DeskDouble", run: str) -> None:
        self.desk, self.run = desk, run

    async def look(self) -> Watch:
        self.desk.looks += 1
        found = await self.desk.find(self.run)
        return Watch(found.events, self.desk.custody, found.holder, beat_age_s=self.desk.beat_age_s, hosts=("h1",))


@dataclass
class DeskDouble:
    """What a test says: which plans are blocked, whether the world moved, what was left unfinished, who has the lease."""

    world: World = field(default_factory=World)
    is_blocked: bool = False
    moves: int = 0  # how many more plans differ from the one before
    left: list[OpenDouble] = field(default_factory=list)
    is_leased: bool = False
    is_standby_lost: bool = False  # its host cannot be reached, so there is no lease on it
    refusal: str = ""
    history: History = field(default_factory=History)
    asked: list[Request] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    sessions: list[SessionDouble] = field(default_factory=list)
    is_closed: bool = False
    at_hold: Callable[[], None] = lambda: None  # called behind a hold, which the end of the console is as well
    custody: Custody = "left"  # of what was left, as it is seen from outside
    beat_age_s: float | None = 1.0
    looks: int = 0
    missing: tuple[str, ...] = ()

    def remember(self, session: SessionDouble) -> None:
        """Know what a session left, as the journal does."""
        self.left = [each for each in self.left if each.run != session.run]
        self.left.append(OpenDouble(session.run, session.plan, session.holder, tuple(session.scene.records.events)))

    def happened(self, run: str, kind: EventKind, words: str = "", step: str = "", **data: Any) -> None:
        """Let another console write an event."""
        at = next(number for number, each in enumerate(self.left) if each.run == run)
        known = self.left[at]
        event = RunEvent(run, len(known.events) + 1, AT + len(known.events), kind, step, words, data)
        self.left[at] = replace(known, events=(*known.events, event))

    @property
    def kinds(self) -> list[str]:
        """What the journal has of the latest run."""
        return self.sessions[-1].scene.kinds()

    def saw(self, snapshot: Snapshot) -> None:
        self.history = self.history.after(snapshot)

    async def background(self, snapshot: Snapshot) -> Background:
        return Background(history=self.history)

    async def read_again(self, step: Step, plan: Plan) -> Reading:
        return Reading(AT, plan.loss, writers=("pps1 runs",), out_s=12.0)

    async def plan(self, request: Request) -> Plan:
        self.asked.append(request)
        await asyncio.sleep(0)
        if self.refusal:
            raise Blocked(self.refusal, where="cluster", remedy="Look at it")
        plan = plan_for(request, blocked=self.is_blocked)
        if len(self.asked) > 1 and self.moves:
            self.moves -= 1
            identities = tuple(replace(each, timeline=each.timeline + 1) for each in plan.identities)
            plan = replace(plan, identities=identities)
        return plan

    async def begin(self, plan: Plan, ask: Ask) -> SessionDouble:
        if self.is_leased:
            raise Leased("another run holds the lease: anna@ops2 pid 12", where="h1", remedy="Wait for it")
        self.sessions.append(SessionDouble(self, plan, ask))
        return self.sessions[-1]

    async def unfinished(self) -> tuple[OpenDouble, ...]:
        return tuple(each for each in self.left if each.is_open)

    async def runs(self, limit: int, *, is_local: bool = False) -> tuple[tuple[OpenDouble, ...], tuple[str, ...]]:
        return tuple(self.left[:limit]), () if is_local else self.missing

    async def follow(self, found: OpenDouble) -> FollowDouble:
        return FollowDouble(self, found.run)

    async def find(self, run: str) -> OpenDouble:
        found = [each for each in self.left if each.run == run]
        if not found:
            raise UsageError(f"no run {run!r}")
        return found[0]

    async def reopen(self, run: str, ask: Ask, reason: str = "", *, is_way_back: bool = False) -> SessionDouble:
        if self.is_standby_lost and not is_way_back:
            raise Blocked("the lease could not be taken, and it is needed here: no answer", where="h2", remedy="See to it")
        if self.is_leased and not reason:
            raise Leased("anna@ops2 pid 12 may be at it", where="h1", remedy="Give a reason to take it over")
        self.reasons.append(reason)
        found = await self.find(run)
        self.sessions.append(SessionDouble(self, found.plan, ask, run, found.events))
        return self.sessions[-1]

    async def aclose(self) -> None:
        self.is_closed = True


class Turnstile:
    """Stops the scripted world before `step.phase` until `open` is called."""

    def __init__(self, world: World, step: str, phase: str = "act") -> None:
        self.is_there, self._may_go = asyncio.Event(), asyncio.Event()
        fault = world.fault

        async def waited(at: str, when: str) -> str:
            if (at, when) == (step, phase):
                self.is_there.set()
                await self._may_go.wait()
            return await fault(at, when)

        world.fault = waited  # type: ignore[method-assign]

    def open(self) -> None:
        self._may_go.set()
