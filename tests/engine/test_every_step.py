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

from ppsconsole.engine.custody import RunResult
from ppsconsole.engine.exits import NO_UNDO, NOTHING_UNDOABLE
from ppsconsole.engine.journal import Journal, open_journal
from ppsconsole.engine.state import state_of
from ppsconsole.errors import Blocked
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.catalog import RUNBOOKS
from tests.engine.planned_world import PlannedWorld, check_back, check_proofs, runner_on
from tests.engine.plans import PLANS


def test_these_are_the_plans_that_are_meant() -> None:
    assert {plan.runbook for plan in PLANS.values()} == set(RUNBOOKS), "a runbook whose steps nobody breaks"
    assert [plan.blockers for plan in PLANS.values()] == [()] * len(PLANS)
    rungs = {name: plan.step("fence").arguments["rung"] for name, plan in PLANS.items() if name.startswith("failover")}
    assert rungs == {f"failover-{rung}": rung for rung in ("kept-down", "quiesced", "attested")}
    shortest = {"switchover": 15, "failover": 10, "restart": 2, "rejoin": 3, "restore": 20, "backup": 2, "backup-verify": 1}
    shortest |= {"alternate-prepare": 3, "alternate-activate": 9, "alternate-home": 20, "fence": 14, "boot-guard": 2}
    shortest |= dict.fromkeys(("lost-writes", "quarantine-delete", "boot-guard-remove", "backup-prune"), 1)
    assert all(len(plan.steps) >= shortest[plan.runbook] for plan in PLANS.values())


# --- the ways of breaking, and how each must end (DESIGN §4 and §5) -----------------------------------------------------


@dataclass(frozen=True)
class Way:
    """How a step is broken.

    Attributes:
        faults: Of the scripted world, by phase of the step.
        seen: What a look afterwards shows.
        is_sent: Something may have reached the host.
        is_done: The act came to its end.
    """

    faults: dict[str, str]
    seen: str
    is_sent: bool
    is_done: bool = False


WAYS: dict[str, Way] = {
    "precheck-says-no": Way({"precheck": "no"}, "not done", is_sent=False),
    "precheck-sees-nothing": Way({"precheck": "unknown"}, "not done", is_sent=False),
    "no-way-to-the-host": Way({"act": "no-way"}, "not done", is_sent=False),
    "said-done-and-is-not": Way({"act": "no"}, "not done", is_sent=True),
    "dropped-and-not-done": Way({"act": "dropped-before"}, "not done", is_sent=True),
    "dropped-not-done-unseen": Way({"act": "dropped-before", "verify": "unknown"}, "unknown", is_sent=True),
    "dropped-done-unseen": Way({"act": "dropped-after", "verify": "unknown"}, "unknown", is_sent=True, is_done=True),
    "dropped-and-done": Way({"act": "dropped-after"}, "done", is_sent=True, is_done=True),
    "hangs-and-not-done": Way({"act": "hang"}, "not done", is_sent=True),
    "hangs-when-done-and-so-does-the-look": Way({"act": "hang-after", "verify": "hang"}, "unknown", is_sent=True, is_done=True),
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


# --- runs on the scripted world ---------------------------------------------------------------------------------------


class AtOnce(ThreadPoolExecutor):
    """Does what it is given where it is given: hundreds of runs need not wait for threads."""

    def submit(self, work, /, *arguments, **options):
        done: Future = Future()
        try:
            done.set_result(work(*arguments, **options))
        except Exception as error:
            done.set_exception(error)
        return done


class HurriedLoop(asyncio.SelectorEventLoop):
    """Waits for nothing: where only time would bring something about, it has passed."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead_s = 0.0
        select = self._selector.select

        def hurried(timeout: float | None = None) -> list:
            if timeout is None:
                return select(timeout)
            found = select(0)
            self._ahead_s += 0 if found else max(timeout, 0)
            return found

        self._selector.select = hurried

    def time(self) -> float:
        return super().time() + self._ahead_s


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
            runner = runner_on(self.world, self.run, self.journal, self.events)
            try:
                return await (runner.run() if choice == "go" else runner.back_out("it is better so"))
            finally:
                await runner.recorder.aclose()
                assert runner.state == state_of(self.plan, self.events), "the journal tells what the runner knew"

        with asyncio.Runner(loop_factory=HurriedLoop) as loop:
            return loop.run(main())


@pytest.fixture(scope="module")
def journal() -> Iterator[Journal]:
    """A real journal, in memory where the machine has a place for that: some ten thousand commits wait for no disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        made = open_journal(folder=Path(folder))
        yield made
        made.close()


# --- what must hold -------------------------------------------------------------------------------------------------------


_CHOSEN = {
    "fence": ("stop-pps1", "fence", "quarantine", "switch-database-pps1", "move-members-lb1"),
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
"""The steps that are broken of plans which share most with others: those that others do not have, and what lets users in."""


def _steps_of(name: str) -> list[str]:
    """Return the steps to break: of plans that differ in how the primary is fenced only, those up to the promotion.

    Of a restore those that no other runbook has, the two fences, and the point of no return.
    """
    ids = [step.id for step in PLANS[name].steps]
    if name == "restore":
        return [*ids[ids.index("fence-writers") : ids.index("swap-database") + 1], "move-members-lb1"]
    if name in _CHOSEN:
        return list(_CHOSEN[name])
    return ids[: ids.index("promote") + 1] if name in ("failover-quiesced", "failover-attested") else ids


CASES = [(name, step, way) for name in PLANS for step in _steps_of(name) for way in WAYS]


@pytest.mark.parametrize(("name", "step_id", "way_name"), CASES, ids=["/".join(case) for case in CASES])
def test_a_broken_step_ends_as_it_must(journal: Journal, name: str, step_id: str, way_name: str) -> None:
    plan, way = PLANS[name], WAYS[way_name]
    broken, story = plan.step(step_id), Story(plan, journal)
    story.world.faults |= {(step_id, phase): fault for phase, fault in way.faults.items()}

    result = story.console("go")

    assert (result.verdict, result.is_open) == must_end(plan, broken, way), result.words
    check_proofs(story.world, story.events)
    before = [step.id for step in plan.steps[: plan.steps.index(broken)]]
    later = [step.id for step in plan.steps[plan.steps.index(broken) + 1 :]]
    if result.verdict in (RunVerdict.SUCCESS, RunVerdict.SUCCESS_WITH_ISSUES):
        is_left_out = broken.is_optional and not way.is_done
        assert story.world.acts == [*before, *([] if is_left_out else [step_id]), *later]
        return
    forwards = [act for act in story.world.acts if not act.startswith("undo ")]
    assert forwards in ([*before], [*before, step_id]), "nothing is acted on after the broken step"
    assert not {f"{each}.{phase}" for each in later for phase in ("precheck", "act")} & set(story.world.trace)
    if result.verdict is RunVerdict.ROLLED_BACK:
        check_back(story.world, story.events)
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
    no_way_back = NO_UNDO if is_past else NOTHING_UNDOABLE
    if is_past or not any(step.is_undoable for step in story.plan.steps if step.commands):
        with pytest.raises(Blocked, match=no_way_back):
            story.console("back-out")
        assert story.world.acts == acts
    else:
        other = Story(story.plan, journal)
        other.world.facts, other.world.acts, other.world.trace = dict(story.world.facts), list(acts), list(story.world.trace)
        journal.append(*(replace(event, run=other.run, data=_of_run(event, other.run)) for event in story.events))
        assert other.console("back-out").verdict is RunVerdict.ROLLED_BACK
        check_back(other.world, other.events)
    assert story.console("go").verdict is RunVerdict.SUCCESS
    assert story.world.acts == [step.id for step in story.plan.steps], "each act happened once"
    check_proofs(story.world, story.events)


def _of_run(event: RunEvent, run: str) -> dict:
    """Return what an event says, said of another run."""
    if "proof" not in event.data:
        return dict(event.data)
    return {**event.data, "proof": {**event.data["proof"], "run": run}}
