"""Gates: what was read is shown with the question, and an acceptance counts only as long as it covers the loss."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from ppsconsole.engine.gates import answer_of, still_counts
from ppsconsole.engine.reading import Reading, reading_of
from ppsconsole.errors import Blocked
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import FenceProof
from ppsconsole.plan.step import Gate, Step
from tests.engine.scripted import Memory, Scene, World, scripted_plan
from tests.unit.observations import NOW
from tests.unit.runbook_cases import fine, host_gone, killed, plan, seen, split_brain

SMALL, LARGE = Loss(LossTier.BOUNDED, 2.0, words="as planned"), Loss(LossTier.BOUNDED, 9.0, words="as read")


def failover() -> Plan:
    made = scripted_plan("failover")
    gated = Gate("accept-loss", "How much?", "--accept-loss")
    steps = tuple(replace(each, gate=gated) if each.id == "promote" else each for each in made.steps)
    return replace(made, steps=steps, loss=SMALL)


class Asked:
    """Answers with what it was given, and keeps what it was asked."""

    def __init__(self, *answers: str | None) -> None:
        self.answers, self.gates, self.plans = list(answers), [], []

    async def __call__(self, gate: Gate, step: Step, plan: Plan) -> str | None:
        self.gates.append(gate)
        self.plans.append(plan)
        return self.answers.pop(0)


def rereading(*losses: Loss) -> Callable:
    left = list(losses)

    async def reread(step: Step, plan: Plan, fence: FenceProof | None) -> Reading:
        return Reading(NOW, left.pop(0) if len(left) > 1 else left[0])

    return reread


def run(scene: Scene, reread: Callable, answered: str = "") -> tuple[RunVerdict, bool, str]:
    async def main() -> tuple[RunVerdict, bool, str]:
        runner = scene.runner()
        runner._gates._reread = reread
        if answered:
            runner._bench.answers["promote"] = answered
        result = await runner.run()
        return result.verdict, result.is_open, result.words

    return asyncio.run(main())


def test_what_was_read_is_asked_with_its_own_loss_and_the_plans_hash() -> None:
    made, ask = failover(), Asked("10s")
    asyncio.run(answer_of(made.step("promote"), made, ask, Reading(NOW, LARGE)))
    assert ask.plans[0].loss == LARGE
    assert ask.plans[0].hash == made.hash
    assert "Loss at most 9.0s (bounded): as read." in ask.gates[0].question
    assert dict(ask.gates[0].seen)["loss now"] == "at most 9.0s (bounded): as read"


def test_an_answer_that_covers_only_the_plans_loss_is_refused() -> None:
    made = failover()
    with pytest.raises(Blocked, match=r"the loss is at most 9\.0s"):
        asyncio.run(answer_of(made.step("promote"), made, Asked("2s"), Reading(NOW, LARGE)))


def test_an_acceptance_counts_while_it_covers_the_loss() -> None:
    made = failover()
    gate = made.step("promote").gate
    assert gate is not None
    assert still_counts(gate, "2s", made, Reading(NOW, SMALL))
    assert not still_counts(gate, "2s", made, Reading(NOW, LARGE))
    assert not still_counts(gate, "2s", made, Reading(NOW, Loss(LossTier.UNKNOWN)))


def test_an_acceptance_given_before_is_not_asked_again_while_it_counts() -> None:
    ask = Asked()
    scene = Scene(World(), failover(), ask=ask)
    assert run(scene, rereading(SMALL), answered="2s")[0] is RunVerdict.SUCCESS
    assert not ask.gates


def test_a_loss_that_has_grown_is_asked_for_again() -> None:
    ask = Asked("10s")
    scene = Scene(World(), failover(), ask=ask)
    assert run(scene, rereading(LARGE), answered="2s")[0] is RunVerdict.SUCCESS
    assert ask.gates[0].question.startswith("Accepted was 2s, which does not cover the loss as it is now.")


def test_a_loss_that_has_grown_and_that_nobody_accepts_holds_the_run_before_it_is_real() -> None:
    scene = Scene(World(), failover(), ask=Asked(None))
    verdict, is_open, words = run(scene, rereading(LARGE), answered="2s")
    assert (verdict, is_open) == (RunVerdict.INCOMPLETE, True)
    assert "at most 9.0s" in words


@pytest.mark.parametrize("answered", ["unlimited", ""])
def test_nothing_is_given_up_once_the_old_primary_answers_again_whatever_was_accepted(answered: str) -> None:
    """It came back behind the plan, and its fence was that nobody writes to it: so it was up, and not looked at."""
    made, ask = failover(), Asked("unlimited")
    promote = made.step("promote")
    promote = replace(promote, arguments={**promote.arguments, "primary": "db1"}, needs=("fence",))
    steps = [promote if each.id == "promote" else each for each in made.steps if each.id != "prove"]
    made = replace(made, steps=tuple(steps))

    async def back(step: Step, plan: Plan, fence: FenceProof | None) -> Reading:
        return Reading(NOW, SMALL, primaries=("db1",))

    scene = Scene(World(), made, ask=ask)
    verdict, is_open, words = run(scene, back, answered=answered)
    assert (verdict, is_open) == (RunVerdict.INCOMPLETE, True)
    assert "db1 ANSWERS AGAIN as the primary" in words
    assert "Back out, and it stays the primary" in words
    assert "promote" not in scene.world.acts
    assert not ask.gates, "there is nothing to accept"


@pytest.mark.parametrize(("now", "answered"), [(SMALL, "2s"), (LARGE, "10s")])
def test_the_loss_as_it_was_read_is_written_down_beside_what_was_accepted_of_it(now: Loss, answered: str) -> None:
    scene = Scene(World(), failover(), ask=Asked("10s"))
    assert run(scene, rereading(now), answered="2s")[0] is RunVerdict.SUCCESS
    [told] = [each for each in scene.records.events if each.kind == "gate-answered" and each.data["kind"] == "accept-loss"]
    assert (told.data["answer"], Loss.from_json(told.data["loss"])) == (answered, now)


@pytest.mark.parametrize(("now", "asked"), [(SMALL, 0), (LARGE, 1)])
def test_an_acceptance_in_the_journal_is_looked_at_again_when_the_run_is_taken_up(now: Loss, asked: int) -> None:
    world = World()
    first = Scene(world, failover(), ask=Asked(None))
    assert run(first, rereading(SMALL))[1]
    events = list(first.records.events)
    answer = {"answer": "2s", "kind": "accept-loss"}
    events.append(RunEvent("run1", events[-1].number + 1, NOW, "gate-answered", "promote", "", answer))
    ask = Asked("10s")
    again = Scene(world, failover(), records=Memory(events), ask=ask)
    assert run(again, rereading(now))[0] is RunVerdict.SUCCESS
    assert len(ask.gates) == asked


def test_what_moved_since_the_plan_is_said() -> None:
    made = plan(killed(), "failover", to="db2")
    back = reading_of(made, seen(fine()), made.loss, None, NOW)
    assert back.moved == ("db1 was not answering as a database, now it is the primary",)
    assert (back.primaries, back.out_s) == (("db1",), 0.0)
    still = reading_of(made, seen(killed()), made.loss, NOW - 12, NOW)
    assert (still.moved, still.primaries, still.out_s) == ((), (), 12.0)
    assert dict(still.facts())["users"] == "out for at least 12s"
    grown = reading_of(made, seen(killed()), LARGE, None, NOW)
    assert "now it is at most 9.0s (bounded)" in grown.moved[0]
    assert dict(grown.facts())["users"] == "since when they are out is not known"


def test_writers_and_what_nobody_sees_are_told() -> None:
    made = plan(killed(), "failover", to="db2")
    found = reading_of(made, seen(fine()), made.loss, None, NOW)
    assert found.writers == ("pps1 runs (3 sessions on db1)", "pps2 runs (2 sessions on db1)")
    two = dict(reading_of(made, seen(split_brain()), made.loss, None, NOW).facts())
    assert two["primary"] == "db1, db2 (two of them: nothing may be moved)"
    assert "db1" not in reading_of(made, seen(host_gone()), made.loss, None, NOW).unseen  # it was tried, and did not answer
