"""What a look that fails means for a step, by value: what was not seen is unknown, and is neither done nor failed."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.clock import HeldClock
from ppsconsole.engine.perform import Performance
from ppsconsole.engine.stage import LeaseLost, Stage
from ppsconsole.errors import BadAnswer, TimedOut, WorldMoved
from ppsconsole.plan.outcomes import Outcome
from ppsconsole.plan.proof import FenceProof, Rung
from ppsconsole.plan.step import Step
from tests.unit.runbook_cases import declared, fine, plan

PROOF = FenceProof("db1", Rung.KEPT_DOWN, ("down",), 0.0, "r")


class Scripted:
    """An action whose looks come to what a test wants."""

    def __init__(self, *, precheck: Any = None, verify: Any = None, undone: Any = None) -> None:
        self.found = {"precheck": precheck, "verify": verify, "undone": undone}
        self.acts = 0

    def _told(self, phase: str) -> Finding:
        found = self.found[phase]
        if isinstance(found, BaseException):
            raise found
        return found or Finding("yes", "it is so")

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        return self._told("precheck")

    async def act(self, bench: Workbench, step: Step) -> None:
        self.acts += 1

    undo = act

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        return self._told("verify")

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        return self._told("undone")


def performance(action: Scripted) -> Performance:
    async def beside() -> None:
        """Nothing is copied here."""

    async def before(values: Mapping[str, Any]) -> None:
        """Nothing is written here."""

    bench = Workbench(declared(), plan(fine(), "switchover", to="db2"), "r", HeldClock(), None, None, print)  # type: ignore[arg-type]
    return Performance(action, bench, Step("x", "x", "x", "db1"), Stage(), beside, before)  # type: ignore[arg-type]


UNSEEN = [TimedOut("no answer"), BadAnswer("nonsense"), RuntimeError("a mistake"), Finding("unknown", "not seen")]


@pytest.mark.parametrize("seen", UNSEEN)
def test_an_act_whose_end_was_not_seen_is_unknown(seen: Any) -> None:
    action = Scripted(verify=seen)
    result = asyncio.run(performance(action).go(is_doubtful=False))
    assert (result.outcome, result.has_acted, action.acts) == (Outcome.UNKNOWN, True, 1)


@pytest.mark.parametrize("seen", UNSEEN)
def test_a_doubtful_step_that_cannot_be_seen_is_not_touched(seen: Any) -> None:
    action = Scripted(verify=seen)
    result = asyncio.run(performance(action).go(is_doubtful=True))
    assert (result.outcome, action.acts) == (Outcome.UNKNOWN, 0)


@pytest.mark.parametrize("seen", [*UNSEEN, Finding("no", "not now"), WorldMoved("another system")])
def test_nothing_acts_unless_its_precheck_says_yes(seen: Any) -> None:
    action = Scripted(precheck=seen)
    result = asyncio.run(performance(action).go(is_doubtful=False))
    assert (result.outcome, result.has_acted, action.acts) == (Outcome.FAILED, False, 0)


@pytest.mark.parametrize("seen", UNSEEN)
def test_an_undo_whose_end_was_not_seen_is_unknown_and_not_sent_again(seen: Any) -> None:
    action = Scripted(undone=seen)
    assert asyncio.run(performance(action).undo())[0] == "undo-unknown"
    assert action.acts == 1


def test_an_undo_that_is_seen_not_to_be_is_tried_once_more() -> None:
    action = Scripted(undone=Finding("no", "still there"))
    assert asyncio.run(performance(action).undo()) == ("not-undone", "still there")
    assert action.acts == 2


def test_a_world_that_moved_is_seen_and_means_no() -> None:
    assert asyncio.run(performance(Scripted(verify=WorldMoved("another system"))).verify()).outcome is Outcome.FAILED


def test_the_word_of_an_operator_makes_no_proof() -> None:
    found = asyncio.run(performance(Scripted(verify=Finding("yes", "down", {}, (PROOF,)))).verify())
    assert (found.outcome, found.proofs) == (Outcome.DONE, ())


def test_a_lost_lease_is_no_matter_of_looking() -> None:
    with pytest.raises(LeaseLost):
        asyncio.run(performance(Scripted(verify=LeaseLost("taken over"))).go(is_doubtful=False))
