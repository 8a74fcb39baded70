"""Every step of every runbook, broken in every way: how the run must end, what it may still touch, and the way out of it.

The plans are the real ones, made from the states in `tests.unit.runbook_cases`; runner and journal are real. What the verbs do is
scripted: each sets one fact of a small world, which refuses a second writer.
"""

import asyncio
import os
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.clock import HeldClock
from ppsconsole.engine.custody import RunResult
from ppsconsole.engine.journal import Journal, open_journal
from ppsconsole.engine.runner import Runner
from ppsconsole.engine.stage import Stage
from ppsconsole.engine.state import state_of
from ppsconsole.errors import BastionDown, Blocked
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate, Step
from tests.engine.scripted import Custodian, SetFact, World, play
from tests.unit import (
    alternate_cases,
    observations,
    runbook_cases,
    test_alternate_home,
    test_alternates,
    test_backup_plan,
    test_restore_plan,
)
from tests.unit import test_rejoin as rejoins

ANSWERS = {"confirm": "yes", "name": "lab", "accept-loss": "unlimited", "attest": "I switched off its machine by hand"}


# --- the plans --------------------------------------------------------------------------------------------------------


def _service_failed(node: str) -> runbook_cases.Found:
    found = runbook_cases.fine()
    observations.change(found, node, service="failed", service_pid=None, tcp="refused", http=None)
    return found


def _nothing_to_fence_with() -> runbook_cases.Found:
    found = runbook_cases.host_gone()
    observations.change_host(found, "web1", ssh="unreachable")
    return found


def _alternate(runbook: str) -> Plan:
    """Return a plan with the alternate server: a bundle is put into it, its copy serves, or what it has comes home."""
    if runbook == "alternate-home":
        return test_alternate_home.plan(test_alternate_home.away())
    found = alternate_cases.beside(runbook_cases.fine())
    return test_alternates._plan(
        alternate_cases.lost(alternate_cases.COPY) if runbook == "alternate-activate" else found, runbook
    )


PLANS: dict[str, Plan] = {
    "switchover": runbook_cases.plan(runbook_cases.fine(), "switchover"),
    "failover-kept-down": runbook_cases.plan(runbook_cases.killed(), "failover"),
    "failover-quiesced": runbook_cases.plan(runbook_cases.host_gone(), "failover"),
    "failover-attested": runbook_cases.plan(_nothing_to_fence_with(), "failover"),
    "restore": runbook_cases.plan(test_restore_plan.failed_over(), "restore", to="db1", inventory=test_restore_plan.with_dumps()),
    "restart-database": runbook_cases.plan(runbook_cases.killed(), "restart", "db1"),
    "restart-hung-database": runbook_cases.plan(runbook_cases.hung(), "restart", "db1"),
    "restart-web-node": runbook_cases.plan(_service_failed("pps1"), "restart", "pps1"),
    "restart-balancer": runbook_cases.plan(_service_failed("lb1"), "restart", "lb1"),
    "backup": runbook_cases.plan(runbook_cases.fine(), "backup", inventory=test_backup_plan.inventory(test_backup_plan.VAULT)),
    "backup-verify": runbook_cases.plan(
        runbook_cases.fine(), "backup-verify", inventory=test_backup_plan.inventory(test_backup_plan.VAULT)
    ),
    "rejoin-follow": rejoins.made(rejoins.CLEAN),
    "rejoin-rewind": rejoins.made(rejoins.CRASHED),
    "rejoin-re-clone": rejoins.made(rejoins.CRASHED, way="re-clone"),
    "alternate-prepare": _alternate("alternate-prepare"),
    "alternate-activate": _alternate("alternate-activate"),
    "alternate-home": _alternate("alternate-home"),
}


def test_these_are_the_plans_that_are_meant() -> None:
    assert [plan.blockers for plan in PLANS.values()] == [()] * len(PLANS)
    rungs = {name: plan.step("fence").arguments["rung"] for name, plan in PLANS.items() if name.startswith("failover")}
    assert rungs == {f"failover-{rung}": rung for rung in ("kept-down", "quiesced", "attested")}
    shortest = {"switchover": 15, "failover": 10, "restart": 2, "rejoin": 3, "restore": 20, "backup": 2, "backup-verify": 1}
    shortest |= {"alternate-prepare": 3, "alternate-activate": 9, "alternate-home": 20}
    assert all(len(plan.steps) >= shortest[plan.runbook] for plan in PLANS.values())


# --- the ways of breaking, and how each must end (DESIGN §4 and §5) -----------------------------------------------------


@dataclass(frozen=True)
class Way:
    """How a step is broken.

    Attributes:
        faults: Of the scripted world, by phase of the step.
        seen: What a look afterwards shows.
        is_sent: Something may have reached the host.
    """

    faults: dict[str, str]
    seen: str
    is_sent: bool


WAYS: dict[str, Way] = {
    "precheck-says-no": Way({"precheck": "no"}, "not done", is_sent=False),
    "precheck-sees-nothing": Way({"precheck": "unknown"}, "not done", is_sent=False),
    "no-way-to-the-host": Way({"act": "no-way"}, "not done", is_sent=False),
    "said-done-and-is-not": Way({"act": "no"}, "not done", is_sent=True),
    "dropped-and-not-done": Way({"act": "dropped-before"}, "not done", is_sent=True),
    "dropped-not-done-unseen": Way({"act": "dropped-before", "verify": "unknown"}, "unknown", is_sent=True),
    "dropped-done-unseen": Way({"act": "dropped-after", "verify": "unknown"}, "unknown", is_sent=True),
    "dropped-and-done": Way({"act": "dropped-after"}, "done", is_sent=True),
}


def must_end(plan: Plan, broken: Step, way: Way) -> tuple[RunVerdict, bool]:
    """Return the verdict, and whether the run stays open for an operator."""
    if way.seen == "done":
        return RunVerdict.SUCCESS, False  # what is verified is done, whatever the line said
    if broken.is_optional:
        return RunVerdict.SUCCESS_WITH_ISSUES, False
    if plan.runbook == "switchover" and not is_past_return(plan, broken, way):
        return RunVerdict.ROLLED_BACK, False  # law 2: on doubt before the point of no return it rolls back
    if plan.runbook in ("backup", "backup-verify") and way.is_sent:
        return RunVerdict.ROLLED_BACK, False  # nobody has to decide about what is half-made of a copy
    if way.seen == "unknown":
        return RunVerdict.UNKNOWN, True  # never a success, and never tried again blindly
    if broken is plan.steps[0] and not way.is_sent:
        return RunVerdict.FAILED, False  # nothing at all was touched: there is nothing to hold
    return RunVerdict.INCOMPLETE, True  # it stops and says where things stand


def is_past_return(plan: Plan, broken: Step, way: Way) -> bool:
    """Return whether the promotion may have happened: it was sent, or is behind."""
    point = next((number for number, step in enumerate(plan.steps) if step.is_point_of_no_return), len(plan.steps))
    at = plan.steps.index(broken)
    return at > point or (at == point and way.is_sent)


# --- the scripted world -------------------------------------------------------------------------------------------------


class PlannedWorld(World):
    """The facts that the steps of one plan set, and what the databases are."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.old = next((step.arguments["primary"] for step in plan.steps if step.verb == "promote"), plan.node)
        self.other = "db1" if plan.to == "db2" else "db2"
        old_is = "primary" if plan.runbook in ("switchover", "restore") else "dead"
        super().__init__(facts={step.id: "before" for step in plan.steps} | {self.old: old_is, plan.to or self.other: "standby"})
        # Who lets users in, where an alternate server takes part: nobody but it, and not even it before it is activated.
        self.has_alternate = plan.runbook.startswith("alternate-")
        self.facts |= {f"serves {name}": "before" for name in ("alt1", "pps1", "pps2")}
        if plan.runbook == "alternate-home":
            self.facts["serves alt1"] = "yes"
        self.before = dict(self.facts)

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


class AtOnce(ThreadPoolExecutor):
    """Does what it is given where it is given: hundreds of runs need not wait for threads."""

    def submit(self, work, /, *arguments, **options):
        done: Future = Future()
        try:
            done.set_result(work(*arguments, **options))
        except Exception as error:
            done.set_exception(error)
        return done


@dataclass
class Story:
    """One run: its world, its journal, and consoles that come and go."""

    plan: Plan
    journal: Journal

    def __post_init__(self) -> None:
        self.run = uuid.uuid4().hex[:12]
        self.world = PlannedWorld(self.plan)
        self.journal.start(self.run, self.plan, 1.0, "somebody")

    @property
    def events(self) -> tuple[RunEvent, ...]:
        return self.journal.events(self.run)

    def console(self, choice: str) -> RunResult:
        """Take the run up from the journal, as another console would, and do what was chosen."""

        async def main() -> RunResult:
            asyncio.get_running_loop().set_default_executor(AtOnce())
            world = self.world
            declared = test_alternate_home.declared() if self.world.has_alternate else runbook_cases.declared()
            bench = Workbench(declared, self.plan, self.run, HeldClock(), None, None, lambda words: None)
            actions = dict.fromkeys(ACTIONS, Verb(world))
            runner = Runner(bench, actions, self.journal, answer, Custodian(), Stage(), state_of(self.plan, self.events))
            try:
                return await (runner.run() if choice == "go" else runner.back_out("it is better so"))
            finally:
                await runner.recorder.aclose()
                assert runner.state == state_of(self.plan, self.events), "the journal tells what the runner knew"

        return play(main())


async def answer(gate: Gate, step: Step, plan: Plan) -> str:
    return ANSWERS[gate.kind]


@pytest.fixture(scope="module")
def journal() -> Iterator[Journal]:
    """A real journal, in memory where the machine has a place for that: some ten thousand commits wait for no disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        made = open_journal(folder=Path(folder))
        yield made
        made.close()


# --- what must hold -------------------------------------------------------------------------------------------------------


def check_proofs(story: Story) -> None:
    """Nothing is promoted before its proofs are in the journal."""
    begun = [event.number for event in story.events if (event.kind, event.step) == ("step-started", "promote")]
    if "promote.act" in story.world.trace:
        proved = {
            event.data["proof"]["kind"] for event in story.events if event.kind == "proof-made" and event.number < begun[-1]
        }
        assert proved == set(story.plan.step("promote").needs)
    for step in (each for each in story.plan.steps if each.needs and f"{each.id}.act" in story.world.trace):
        begun = [event.number for event in story.events if (event.kind, event.step) == ("step-started", step.id)]
        before = [event for event in story.events if event.kind == "proof-made" and event.number < begun[-1]]
        assert {event.data["proof"]["kind"] for event in before} >= set(step.needs)
    acts = story.world.acts
    if "promote" in acts:
        assert not any(act.startswith("undo") for act in acts[acts.index("promote") :]), "nothing is undone after the promotion"


def check_back(story: Story) -> None:
    """Everything that leaves something behind is as before, and was looked at."""
    world, plan = story.world, story.plan
    kept = [step for step in plan.steps if step.is_undoable]
    assert {step.id: world.facts[world.effect(step)["fact"]] for step in kept} == {
        step.id: world.before[world.effect(step)["fact"]] for step in kept
    }
    assert world.facts[world.old] == world.before[world.old]
    undone = [event.step for event in story.events if event.kind == "undo-finished"]
    ids = [step.id for step in plan.steps]
    assert undone == sorted(undone, key=ids.index, reverse=True), "the last step is undone first"
    begun = {event.step for event in story.events if event.kind == "step-finished" and event.data["has_acted"]}
    assert set(undone) == begun & {step.id for step in kept}
    assert all(f"{step}.verify_undone" in world.trace for step in undone)


_OF_ALTERNATES = {
    "alternate-prepare": ("stop-alt1", "restore-copy"),
    "alternate-activate": ("fence-db1", "stop-alt1", "take-copy", "start-alt1", "verify-alternate"),
    "alternate-home": (
        "stop-alt1",
        "fence-writers",
        "start-apart",
        "restore-home",
        "swap-database",
        "start-pps1",
        "move-members-lb1",
    ),
}
"""The steps of alternate servers' plans that are broken: those that other plans do not have, and what lets users in."""


def _steps_of(name: str) -> list[str]:
    """Return the steps to break: of plans that differ in how the primary is fenced only, those up to the promotion.

    Of a restore those that no other runbook has, the two fences, and the point of no return.
    """
    ids = [step.id for step in PLANS[name].steps]
    if name == "restore":
        return [*ids[ids.index("fence-writers") : ids.index("swap-database") + 1], "move-members-lb1"]
    if name in _OF_ALTERNATES:
        return list(_OF_ALTERNATES[name])
    return ids[: ids.index("promote") + 1] if name in ("failover-quiesced", "failover-attested") else ids


CASES = [(name, step, way) for name in PLANS for step in _steps_of(name) for way in WAYS]


@pytest.mark.parametrize(("name", "step_id", "way_name"), CASES, ids=["/".join(case) for case in CASES])
def test_a_broken_step_ends_as_it_must(journal: Journal, name: str, step_id: str, way_name: str) -> None:
    plan, way = PLANS[name], WAYS[way_name]
    broken, story = plan.step(step_id), Story(plan, journal)
    story.world.faults |= {(step_id, phase): fault for phase, fault in way.faults.items()}

    result = story.console("go")

    assert (result.verdict, result.is_open) == must_end(plan, broken, way), result.words
    check_proofs(story)
    before = [step.id for step in plan.steps[: plan.steps.index(broken)]]
    later = [step.id for step in plan.steps[plan.steps.index(broken) + 1 :]]
    if result.verdict in (RunVerdict.SUCCESS, RunVerdict.SUCCESS_WITH_ISSUES):
        is_left_out = broken.is_optional and way_name != "dropped-and-done" and way_name != "dropped-done-unseen"
        assert story.world.acts == [*before, *([] if is_left_out else [step_id]), *later]
        return
    forwards = [act for act in story.world.acts if not act.startswith("undo ")]
    assert forwards in ([*before], [*before, step_id]), "nothing is acted on after the broken step"
    assert not {f"{each}.{phase}" for each in later for phase in ("precheck", "act")} & set(story.world.trace)
    if result.verdict is RunVerdict.ROLLED_BACK:
        check_back(story)
        return
    assert len(forwards) == len(story.world.acts), "nothing is undone by itself"
    if not result.is_open:
        assert forwards == []
        return
    assert story.events[-1].kind == "held"
    check_ways_out(story, journal, is_past_return(plan, broken, way))


def check_ways_out(story: Story, journal: Journal, is_past: bool) -> None:
    """A held run is gone on with, every act being done once; or it is backed out, but never from behind the promotion."""
    story.world.faults.clear()
    acts = list(story.world.acts)
    if is_past:
        with pytest.raises(Blocked, match="point of no return"):
            story.console("back-out")
        assert story.world.acts == acts
    else:
        other = Story(story.plan, journal)
        other.world.facts, other.world.acts, other.world.trace = dict(story.world.facts), list(acts), list(story.world.trace)
        journal.append(*(replace(event, run=other.run, data=_of_run(event, other.run)) for event in story.events))
        assert other.console("back-out").verdict is RunVerdict.ROLLED_BACK
        check_back(other)
    assert story.console("go").verdict is RunVerdict.SUCCESS
    assert story.world.acts == [step.id for step in story.plan.steps], "each act happened once"
    check_proofs(story)


def _of_run(event: RunEvent, run: str) -> dict:
    """Return what an event says, said of another run."""
    if "proof" not in event.data:
        return dict(event.data)
    return {**event.data, "proof": {**event.data["proof"], "run": run}}
