"""A double of the world: facts in a dictionary (or a file), actions that read and set them, faults where they are asked for.

Nothing here is real; it is what the rules of the engine are tried on. Unknown verbs and facts fail loudly.
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.clock import HeldClock
from ppsconsole.drivers.base import LineDropped
from ppsconsole.engine.runner import Runner
from ppsconsole.engine.stage import LeaseLost, Stage
from ppsconsole.engine.state import RunState, state_of
from ppsconsole.errors import BastionDown, TimedOut, Unreachable, WorldMoved
from ppsconsole.inventory.model import Cluster, DatabaseGroup, Host, Instance, Inventory, Site
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.outcomes import SECOND_PRIMARY
from ppsconsole.plan.plan import Identity, Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.proof import FenceProof, Rung, ZeroLossProof
from ppsconsole.plan.step import Gate, Step

BEFORE = {"front": "old", "web": "running", "db1": "primary", "prove": "no", "db2": "standby", "follow": "no"}

FAULTS = ("refused", "bastion", "dropped-before", "dropped-after", "hang", "moved", "bug", "no", "unknown")


class World:
    """Facts, faults by (step, phase), and a list of what acted."""

    def __init__(self, file: Path | None = None, facts: dict[str, str] | None = None) -> None:
        self._file = file
        self.facts = dict(facts or BEFORE)
        self.faults: dict[tuple[str, str], str] = {}
        self.lasting: set[tuple[str, str]] = set()  # of the faults, those that do not pass by themselves
        self.acts: list[str] = []
        self.trace: list[str] = []
        if file is not None and file.exists():
            self.facts = json.loads(file.read_text())

    def change(self, fact: str, value: str, who: str) -> None:
        if fact not in self.facts:
            raise AssertionError(f"no fact {fact!r} in the scripted world")
        self.facts[fact] = value
        self.acts.append(who)
        assert not self.has_two_writers(), "two writable primaries"
        if self._file is not None:
            self._file.write_text(json.dumps(self.facts))
            with self._file.with_suffix(".acts").open("a") as acts:
                acts.write(who + "\n")

    def has_two_writers(self) -> bool:
        return sum(self.facts.get(name) == "primary" for name in ("db1", "db2")) > 1

    async def fault(self, step: str, phase: str) -> str:
        """Raise what was asked for here, once unless it lasts; return the words of a fault that is no error."""
        self.trace.append(f"{step}.{phase}")
        found = self.faults.get((step, phase), "") if (step, phase) in self.lasting else self.faults.pop((step, phase), "")
        match found:
            case "refused":
                raise Unreachable("connection refused", where=step, is_refused=True)
            case "bastion":
                raise BastionDown("the bastion is down", where=step)
            case "dropped-before":
                raise LineDropped("the line dropped", where=step)
            case "hang":
                await asyncio.get_running_loop().create_future()
            case "timed-out":
                raise TimedOut("no answer", where=step)
            case "moved":
                raise WorldMoved("another system identifier", where=step)
            case "lost":
                raise LeaseLost("taken over", where=step)
            case "bug":
                raise KeyError("a mistake in the action")
        return found


class SetFact:
    """`arguments`: `fact`, `to`, `back`; `proves` may name `fence` or `zero-loss`."""

    def __init__(self, world: World) -> None:
        self.world = world

    def commands(self, inventory, step: Step) -> tuple[str, ...]:
        return (f"{step.host}$ set {step.arguments['fact']} {step.arguments['to']}",)

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        fault = await self.world.fault(step.id, "precheck")
        if fault in ("no", "unknown"):
            return Finding(fault, "as the script says")
        if fault == "second-primary":
            return Finding("no", "it runs as a primary", {SECOND_PRIMARY: "db1"})
        return Finding("yes", "may act", {"was": self.world.facts[step.arguments["fact"]]})

    async def act(self, bench: Workbench, step: Step) -> None:
        bench.say(f"before {step.id}")
        fault = await self.world.fault(step.id, "act")
        if fault == "no":
            return
        self.world.change(step.arguments["fact"], step.arguments["to"], step.id)
        bench.say(f"after {step.id}")
        if fault == "hang-after":
            await asyncio.get_running_loop().create_future()
        if fault == "dropped-after":
            raise LineDropped("the line dropped", where=step.id)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        fault = await self.world.fault(step.id, "verify")
        if fault in ("no", "unknown"):
            return Finding(fault, "as the script says")
        fact = self.world.facts[step.arguments["fact"]]
        if fact != step.arguments["to"]:
            return Finding("no", f"{step.arguments['fact']} is {fact}")
        return Finding("yes", f"{step.arguments['fact']} is {fact}", {"seen": fact}, self._proofs(bench, step))

    async def undo(self, bench: Workbench, step: Step) -> None:
        fault = await self.world.fault(step.id, "undo")
        if fault != "no":
            self.world.change(step.arguments["fact"], step.arguments["back"], f"undo {step.id}")
        if fault == "dropped-after":
            raise LineDropped("the line dropped", where=step.id)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        fault = await self.world.fault(step.id, "verify_undone")
        if fault in ("no", "unknown"):
            return Finding(fault, "as the script says")
        is_back = self.world.facts[step.arguments["fact"]] == step.arguments["back"]
        return Finding("yes" if is_back else "no", f"{step.arguments['fact']} is {self.world.facts[step.arguments['fact']]}")

    def _proofs(self, bench: Workbench, step: Step):
        match step.arguments.get("proves"):
            case "fence":
                return (FenceProof("db1", Rung.CLEAN_STOP, ("shut down",), bench.clock.now(), bench.run),)
            case "zero-loss":
                return (ZeroLossProof("db1", "db2", "0/1", "0/2", 1, bench.clock.now(), bench.run),)
        return ()


def _step(step_id: str, fact: str, to: str, back: str, **more) -> Step:
    arguments = {"fact": fact, "to": to, "back": back, **more.pop("arguments", {})}
    return Step(step_id, f"Do {step_id}", "set", fact, "h", arguments, (f"h$ set {fact} {to}",), timeout_s=0.2, **more)


def scripted_plan(runbook: str = "switchover", *, has_gates: bool = False, items: tuple[Item, ...] = ()) -> Plan:
    gate = Gate("name", "Type the cluster's name", "--approve") if has_gates else None
    steps = (
        _step("drain", "front", "drained", "old"),
        _step("stop-web", "web", "stopped", "running"),
        _step("stop-primary", "db1", "stopped", "primary", arguments={"proves": "fence"}, is_markable=False),
        _step("prove", "prove", "yes", "no", arguments={"proves": "zero-loss"}, is_markable=False),
        _step(
            "promote",
            "db2",
            "primary",
            "standby",
            is_point_of_no_return=True,
            is_undoable=False,
            is_markable=False,
            needs=("fence", "zero-loss"),
            gate=gate,
        ),
        _step("start-web", "web", "running", "stopped"),
        _step("move-front", "front", "new", "drained"),
        _step("follow", "follow", "yes", "no", is_optional=True),
    )
    identities = (
        Identity("db1", "h1", "", "h1", "7", "/data", "primary", 1),
        Identity("db2", "h2", "", "h2", "7", "/data", "standby", 1),
    )
    return Plan(runbook, "lab", "", "db2", 1.0, identities, steps, items, Loss(LossTier.NONE), {}, 5.0)


def scripted_inventory() -> Inventory:
    instances = {"db1": Instance("db1", host="h1"), "db2": Instance("db2", host="h2")}
    hosts = {name: Host(name, "A", "127.0.0.1") for name in ("h1", "h2")}
    return Inventory("x", Cluster("lab", "lab"), {"A": Site("A")}, hosts, {}, DatabaseGroup("postgres", "pps", instances))


@dataclass
class Memory:
    """A journal that forgets: for tests that are not about the journal."""

    events: list[RunEvent] = field(default_factory=list)

    def append(self, *events: RunEvent) -> None:
        self.events += events


@dataclass
class Custodian:
    """Says that the lease is held until it is told otherwise."""

    is_lost: bool = False
    settled: int = 0
    seen: list[int] = field(default_factory=list)

    def check(self) -> None:
        if self.is_lost:
            raise LeaseLost("another console has the run")

    async def confirm(self) -> None:
        self.check()

    async def settle(self, *, is_whole: bool = False) -> None:
        self.settled += 1

    async def flush(self) -> None:
        self.settled += 1

    def saw(self, event: RunEvent) -> None:
        self.seen.append(event.number)


async def nobody(gate, step, plan) -> str | None:
    return None


@dataclass
class Scene:
    """A runner on the scripted world."""

    world: World
    plan: Plan = field(default_factory=scripted_plan)
    records: Memory = field(default_factory=Memory)
    custody: Custodian = field(default_factory=Custodian)
    ask: object = nobody
    run: str = "run1"
    clock: object = field(default_factory=HeldClock)

    def runner(self, state: RunState | None = None) -> Runner:
        holder: list[Runner] = []

        def say(words: str) -> None:
            holder[0].recorder.note("output", holder[0]._stage.step, words)

        bench = Workbench(scripted_inventory(), self.plan, self.run, self.clock, None, None, say)
        made = Runner(
            bench,
            {"set": SetFact(self.world)},
            self.records,
            self.ask,
            self.custody,
            Stage(),
            state if state is not None else state_of(self.plan, self.records.events),
        )
        holder.append(made)
        return made

    def kinds(self) -> list[str]:
        return [f"{event.kind} {event.step}".strip() for event in self.records.events]


def play(coroutine):
    """Run a coroutine, and leave nothing behind."""
    with suppress(asyncio.CancelledError):
        return asyncio.run(coroutine)
