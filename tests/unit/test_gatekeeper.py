"""Which gates are asked at, when an answer from before counts still, and what a salvage that failed promises no more."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ppsconsole.actions.base import Workbench
from ppsconsole.clock import HeldClock
from ppsconsole.engine.gatekeeper import Gatekeeper
from ppsconsole.engine.reading import Reading
from ppsconsole.engine.state import RunState, state_of
from ppsconsole.errors import Blocked
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import FenceProof, Rung, ZeroLossProof
from ppsconsole.plan.step import Gate, Step
from tests.engine.scripted import scripted_inventory, scripted_plan

SMALL, LARGE = Loss(LossTier.BOUNDED, 2.0), Loss(LossTier.BOUNDED, 9.0)
FENCE = FenceProof("db1", Rung.CLEAN_STOP, ("shut down",), 1.0, "run1")
LOSSLESS = ZeroLossProof("db1", "db2", "0/1", "0/2", 1, 1.0, "run1")


def planned(loss: Loss = SMALL) -> Plan:
    """Return: the name is asked before `drain`, the loss before `promote`; between them stands a salvage."""
    made = scripted_plan("failover")
    gates = {"drain": Gate("name", "Who?", "--approve"), "promote": Gate("accept-loss", "How much?", "--accept-loss")}
    changes: dict[str, dict[str, Any]] = {
        "prove": {"verb": "salvage"},
        "promote": {"arguments": {"primary": "db1"}, "node": "db2"},
    }
    steps = tuple(replace(each, gate=gates.get(each.id), **changes.get(each.id, {})) for each in made.steps)
    return replace(made, steps=steps, loss=loss)


class Keeping:
    """A gatekeeper of a run, what it read and what it asked."""

    def __init__(
        self, *answers: str | None, now: Loss = SMALL, made: Plan | None = None, rereads: bool = True, **phases: str
    ) -> None:
        self.plan, self.now, self.left = made or planned(), now, list(answers)
        self.asked: list[tuple[str, Loss]] = []
        self.read: list[tuple[str, FenceProof | None]] = []
        self.bench = Workbench(scripted_inventory(), self.plan, "run1", HeldClock(), None, None, lambda words: None)  # type: ignore[arg-type]
        fresh = state_of(self.plan, ())
        steps = tuple(replace(each, phase=phases.get(each.id.replace("-", "_"), each.phase)) for each in fresh.steps)
        state: RunState = replace(fresh, steps=steps)
        self.keeper = Gatekeeper(self.bench, self._ask, self._reread if rereads else None, lambda: state)

    async def _ask(self, gate: Gate, step: Step, plan: Plan) -> str | None:
        self.asked.append((step.id, plan.loss))
        return self.left.pop(0)

    async def _reread(self, step: Step, plan: Plan, fence: FenceProof | None) -> Reading:
        self.read.append((step.id, fence))
        return Reading(1.0, self.now)

    def passed(self, step: str) -> bool:
        return asyncio.run(self.keeper.pass_by(self.plan.step(step)))

    def answered(self) -> dict[str, str]:
        asyncio.run(self.keeper.answer_all())
        return self.bench.answers


def test_all_open_gates_are_asked_at_before_anything_is_touched() -> None:
    keeping = Keeping("lab", "2s")
    assert keeping.answered() == {"drain": "lab", "promote": "2s"}
    assert [step for step, _ in keeping.asked] == [step for step, _ in keeping.read] == ["drain", "promote"]


def test_one_without_an_answer_that_counts_refuses_all() -> None:
    for answers in ((None, "2s"), ("lab", None), ("lab", "1s"), ("yes", "2s")):
        with pytest.raises(Blocked):
            Keeping(*answers).answered()


def test_what_is_answered_or_settled_or_proved_is_not_asked_again() -> None:
    keeping = Keeping("2s")
    keeping.bench.answers["drain"] = "lab"
    assert keeping.answered() == {"drain": "lab", "promote": "2s"}
    assert Keeping("2s", drain="done").answered() == {"promote": "2s"}
    assert Keeping("2s", drain="skipped").answered() == {"promote": "2s"}
    assert Keeping("lab", "2s", drain="failed").answered() == {"drain": "lab", "promote": "2s"}
    keeping = Keeping("lab")
    keeping.bench.proofs.append(LOSSLESS)
    assert keeping.answered() == {"drain": "lab"}


@pytest.mark.parametrize(
    ("proof", "is_asked"),
    [
        (LOSSLESS, False),
        (replace(LOSSLESS, run="run0"), True),
        (replace(LOSSLESS, primary="db3"), True),
        (replace(LOSSLESS, standby="db3"), True),
        (FENCE, True),
    ],
)
def test_only_the_proof_of_this_run_and_this_pair_spares_the_question_of_a_loss(proof: Any, is_asked: bool) -> None:
    keeping = Keeping()
    keeping.bench.proofs.append(proof)
    assert keeping.keeper.is_asked(keeping.plan.step("promote")) is is_asked
    assert keeping.keeper.is_asked(keeping.plan.step("drain")), "a name is asked for whatever is proved"
    assert not keeping.keeper.is_asked(keeping.plan.step("stop-web")), "there is no gate"


def test_a_name_that_was_typed_is_not_looked_at_again_and_a_loss_is() -> None:
    keeping = Keeping()
    keeping.bench.answers.update(drain="lab", promote="2s")
    assert (keeping.passed("drain"), keeping.read) == (False, [])
    assert (keeping.passed("promote"), [step for step, _ in keeping.read], keeping.asked) == (False, ["promote"], [])


def test_a_name_is_asked_for_with_what_was_read_just_now_also_where_a_proof_spares_the_loss() -> None:
    keeping = Keeping("lab")
    assert (keeping.passed("drain"), keeping.read) == (True, [("drain", None)])
    made = planned()
    name = Gate("name", "Who?", "--approve")
    steps = tuple(replace(each, gate=name) if each.id == "promote" else each for each in made.steps)
    keeping = Keeping(made=replace(made, steps=steps))
    keeping.bench.proofs.append(LOSSLESS)
    assert keeping.keeper.is_asked(keeping.plan.step("promote"))


def test_the_loss_that_was_read_is_known_for_the_gate_of_a_loss_alone() -> None:
    keeping = Keeping("lab", "9s", now=LARGE)
    assert keeping.keeper.loss_at(keeping.plan.step("promote")) is None, "it was not read yet"
    keeping.answered()
    known = {each.id: keeping.keeper.loss_at(each) for each in keeping.plan.steps}
    assert {step: loss for step, loss in known.items() if loss is not None} == {"promote": LARGE}


def test_a_first_answer_is_told_to_be_new_and_rests_on_what_was_read() -> None:
    keeping = Keeping("9s", now=LARGE)
    keeping.bench.proofs.append(FENCE)
    assert keeping.passed("promote")
    assert (keeping.read, keeping.asked) == ([("promote", FENCE)], [("promote", LARGE)])
    assert keeping.bench.answers == {"promote": "9s"}


def test_a_loss_that_has_grown_is_asked_for_again_before_it_is_real_and_not_behind() -> None:
    keeping = Keeping("9s", now=LARGE)
    keeping.bench.answers["promote"] = "2s"
    assert keeping.passed("promote")
    assert (keeping.asked, keeping.bench.answers) == ([("promote", LARGE)], {"promote": "9s"})
    keeping = Keeping(now=LARGE, promote="started")
    keeping.bench.answers["promote"] = "2s"
    assert (keeping.passed("promote"), keeping.read, keeping.asked) == (False, [], [])
    refused = Keeping(None, now=LARGE)
    refused.bench.answers["promote"] = "2s"
    with pytest.raises(Blocked):
        refused.passed("promote")
    assert refused.bench.answers == {"promote": "2s"}


def test_where_nothing_can_be_read_again_the_plans_loss_is_asked_about() -> None:
    keeping = Keeping("2s", rereads=False)
    assert (keeping.passed("promote"), keeping.asked) == (True, [("promote", SMALL)])
    keeping.bench.answers["promote"] = "1s"
    assert not keeping.passed("promote")


PROMISED = planned(replace(LARGE, is_salvage_ahead=True))


@pytest.mark.parametrize("phase", ["pending", "started"])
def test_a_salvage_that_is_ahead_is_promised(phase: str) -> None:
    keeping = Keeping("0", now=LARGE, made=PROMISED, prove=phase)
    assert keeping.passed("promote")
    assert keeping.asked == [("promote", replace(LARGE, is_salvage_ahead=True))]


@pytest.mark.parametrize("phase", ["failed", "unknown", "done", "skipped"])
def test_a_salvage_that_is_behind_promises_nothing_any_more(phase: str) -> None:
    keeping = Keeping("0", now=replace(LARGE, is_salvage_ahead=True), made=PROMISED, prove=phase)
    keeping.bench.answers["promote"] = "0"
    with pytest.raises(Blocked, match="accepted was 0"):
        keeping.passed("promote")
    assert keeping.asked == [("promote", LARGE)]


def test_a_plan_that_promised_no_salvage_has_none_ahead() -> None:
    with pytest.raises(Blocked, match="accepted was 0"):
        Keeping("0", now=replace(LARGE, is_salvage_ahead=True)).passed("promote")
    steps = tuple(replace(each, verb="set") for each in PROMISED.steps)
    with pytest.raises(Blocked, match="accepted was 0"):
        Keeping("0", now=LARGE, made=replace(PROMISED, steps=steps)).passed("promote")
