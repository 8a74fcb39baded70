"""A scripted world for any plan of any runbook: each verb sets one fact of it, and it refuses a second writer."""

from collections.abc import Sequence
from dataclasses import replace

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.clock import HeldClock
from ppsconsole.engine.recorder import Records
from ppsconsole.engine.runner import Runner
from ppsconsole.engine.stage import Stage
from ppsconsole.engine.state import state_of
from ppsconsole.errors import BastionDown
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate, Step
from tests.engine.scripted import Custodian, SetFact, World
from tests.unit import runbook_cases, test_alternate_home

ANSWERS = {"confirm": "yes", "name": "lab", "accept-loss": "unlimited", "attest": "I switched off its machine by hand"}


class PlannedWorld(World):
    """The facts that the steps of one plan set, and what the databases are."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.old = next((step.arguments["primary"] for step in plan.steps if step.verb == "promote"), plan.node)
        self.other = "db1" if plan.to == "db2" else "db2"
        # A fence finds two that write: the one that is fenced is not to be started again, whatever else happens.
        old_is = {"switchover": "primary", "restore": "primary", "fence": "came back"}.get(plan.runbook, "dead")
        super().__init__(facts={step.id: "before" for step in plan.steps} | {self.old: old_is, plan.to or self.other: "standby"})
        # Who lets users in, where an alternate server takes part: nobody but it, and not even it before it is activated.
        self.has_alternate = plan.runbook.startswith("alternate-")
        self.facts |= {f"serves {name}": "before" for name in ("alt1", "pps1", "pps2")}
        if plan.runbook == "alternate-home":
            self.facts["serves alt1"] = "yes"
        self.before = dict(self.facts)
        self.wrongs: list[str] = []

    def change(self, fact: str, value: str, who: str) -> None:
        try:
            super().change(fact, value, who)
        except AssertionError as error:  # the runner takes what an act raises for that step's own trouble, and looks
            self.wrongs.append(f"{who}: {error}")
            raise

    def has_two_writers(self) -> bool:
        at_home = any(self.facts.get(f"serves {name}") == "yes" for name in ("pps1", "pps2"))
        return super().has_two_writers() or (at_home and self.facts.get("serves alt1") == "yes")

    def effect(self, step: Step) -> dict[str, str]:
        """Return what `SetFact` needs to know of a step."""
        plain = {"fact": step.id, "to": "done", "back": "before"}
        if self.has_alternate and step.verb in ("start", "stop"):
            fact = f"serves {step.node}"
            return {"fact": fact, "to": "yes" if step.verb == "start" else "no", "back": self.before[fact]}
        match step.verb:
            case "stop-primary":
                return {"fact": step.node, "to": "stopped", "back": "primary", "proves": "fence"}
            case "fence":
                kept = step.arguments["rung"] == "kept-down"
                back = {"fact": step.node, "to": "fenced", "back": self.before[step.node]} if kept else plain
                return {**back, "proves": "fence"}
            case "prove-zero-loss":
                return {**plain, "proves": "zero-loss"}
            case "promote":
                return {"fact": step.node, "to": "primary", "back": "standby"}
            case "restart-service" if step.node in ("db1", "db2"):
                return {"fact": step.node, "to": "primary", "back": "dead"}
            case "follow":
                return {"fact": step.node, "to": "standby", "back": "stopped"}
        return plain

    async def fault(self, step: str, phase: str) -> str:
        if self.faults.get((step, phase)) == "no-way":  # it stays away, also for the second try
            self.trace.append(f"{step}.{phase}")
            raise BastionDown("the bastion is down", where=step)
        return await super().fault(step, phase)


class Verb(SetFact):
    """Any verb: sets the fact that the world has for its step."""

    world: PlannedWorld

    def _told(self, step: Step) -> Step:
        return replace(step, arguments=self.world.effect(step))

    async def precheck(self, bench, step):
        return await super().precheck(bench, self._told(step))

    async def act(self, bench, step):
        await super().act(bench, self._told(step))

    async def verify(self, bench, step):
        return await super().verify(bench, self._told(step))

    async def undo(self, bench, step):
        await super().undo(bench, self._told(step))

    async def verify_undone(self, bench, step):
        return await super().verify_undone(bench, self._told(step))

    def _proofs(self, bench, step):
        found = super()._proofs(bench, step)
        is_fence = step.arguments.get("proves") == "fence"
        names = {"instance": step.node} if is_fence else {"primary": self.world.old, "standby": bench.plan.to}
        return tuple(replace(proof, **names) for proof in found)


async def answer(gate: Gate, step: Step, plan: Plan) -> str:
    """Answer any gate."""
    return ANSWERS[gate.kind]


def runner_on(world: PlannedWorld, run: str, records: Records, events: Sequence[RunEvent], *, is_heard: bool = False) -> Runner:
    """Return what takes a run up where its records `events` have it, as another console would.

    Args:
        world: What the plan's steps act on.
        run: Its id.
        records: The journal.
        events: What it has of the run.
        is_heard: What the acts say is recorded, too.
    """
    plan = world.plan
    declared = test_alternate_home.declared() if world.has_alternate else runbook_cases.declared()
    stage = Stage()

    def say(words: str) -> None:
        if is_heard:
            runner.recorder.note("output", stage.step, words)

    bench = Workbench(declared, plan, run, HeldClock(), None, None, say)
    actions = dict.fromkeys(ACTIONS, Verb(world))
    runner = Runner(bench, actions, records, answer, Custodian(), stage, state_of(plan, events))
    return runner


# --- what must hold -------------------------------------------------------------------------------------------------------


def check_proofs(world: PlannedWorld, events: Sequence[RunEvent]) -> None:
    """Nothing is promoted before its proofs are in the journal, and never do two write."""
    assert world.wrongs == []
    begun = [event.number for event in events if (event.kind, event.step) == ("step-started", "promote")]
    if "promote.act" in world.trace:
        proved = {event.data["proof"]["kind"] for event in events if event.kind == "proof-made" and event.number < begun[-1]}
        assert proved == set(world.plan.step("promote").needs)
    for step in (each for each in world.plan.steps if each.needs and f"{each.id}.act" in world.trace):
        begun = [event.number for event in events if (event.kind, event.step) == ("step-started", step.id)]
        before = [event for event in events if event.kind == "proof-made" and event.number < begun[-1]]
        assert {event.data["proof"]["kind"] for event in before} >= set(step.needs)
    acts = world.acts
    if "promote" in acts:
        assert not any(act.startswith("undo") for act in acts[acts.index("promote") :]), "nothing is undone after the promotion"


def check_back(world: PlannedWorld, events: Sequence[RunEvent]) -> None:
    """Everything that leaves something behind is as before, and was looked at."""
    plan = world.plan
    kept = [step for step in plan.steps if step.is_undoable]
    assert {step.id: world.facts[world.effect(step)["fact"]] for step in kept} == {
        step.id: world.before[world.effect(step)["fact"]] for step in kept
    }
    assert world.facts[world.old] == world.before[world.old]
    undone = [event.step for event in events if event.kind == "undo-finished"]
    ids = [step.id for step in plan.steps]
    assert undone == sorted(undone, key=ids.index, reverse=True), "the last step is undone first"
    finished = [event for event in events if event.kind == "step-finished"]
    begun = {event.step for event in finished if event.data["has_acted"]}
    # What a console that was killed had begun may have been done.
    begun |= {event.step for event in events if event.kind == "step-started"} - {event.step for event in finished}
    assert set(undone) == begun & {step.id for step in kept}
    assert all(f"{step}.verify_undone" in world.trace for step in undone)
