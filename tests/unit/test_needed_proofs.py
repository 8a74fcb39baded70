"""What a step that needs proofs asks of a run, by value: of whom, by which run, and for which standby."""

from dataclasses import replace

import pytest

from ppsconsole.actions.base import Workbench
from ppsconsole.clock import HeldClock
from ppsconsole.engine.perform import _lacking, old_primaries
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import FenceProof, Rung, ZeroLossProof
from ppsconsole.plan.step import Step
from tests.unit.alternate_cases import declared as with_alternate
from tests.unit.runbook_cases import declared, fine, plan, three

FENCE = FenceProof("db1", Rung.CLEAN_STOP, ("stopped",), 0.0, "r")
NO_LOSS = ZeroLossProof("db1", "db2", "0/3000028", "0/30000A0", 1, 0.0, "r")


def switchover(**roles: str) -> tuple[Plan, Step]:
    """Return a switchover to db2, as if other roles had been seen, and its promotion."""
    made = plan(fine(), "switchover", to="db2")
    seen = tuple(replace(each, role=roles.get(each.node, each.role)) for each in made.identities)
    [step] = [each for each in made.steps if each.is_point_of_no_return]
    return replace(made, identities=seen), step


def bench(made: Plan, *proofs: FenceProof | ZeroLossProof) -> Workbench:
    return Workbench(declared(), made, "r", HeldClock(), None, None, print, proofs=list(proofs))  # type: ignore[arg-type]


def test_with_both_proofs_nothing_is_lacking() -> None:
    made, step = switchover()
    assert _lacking(bench(made, FENCE, NO_LOSS), step) == ""


@pytest.mark.parametrize(
    ("proofs", "words"),
    [
        ((), "no proof that db1 cannot write"),
        ((NO_LOSS,), "no proof that db1 cannot write"),
        ((replace(FENCE, run="q"), NO_LOSS), "no proof that db1 cannot write"),
        ((replace(FENCE, instance="db2"), NO_LOSS), "no proof that db1 cannot write"),
        ((FENCE,), "no proof that db2 has everything"),
        ((FENCE, replace(NO_LOSS, run="q")), "no proof that db2 has everything"),
        ((FENCE, replace(NO_LOSS, standby="db3")), "no proof that db2 has everything"),
    ],
)
def test_a_proof_of_another_run_or_of_others_does_not_count(proofs: tuple[FenceProof | ZeroLossProof, ...], words: str) -> None:
    made, step = switchover()
    assert words in _lacking(bench(made, *proofs), step)


def test_whoever_was_seen_as_a_primary_has_to_be_fenced_too_beside_the_one_that_the_step_names() -> None:
    made, step = switchover()
    [mine] = [each for each in made.identities if each.node == "db1"]
    identities = (*made.identities, replace(mine, node="db3", role="primary"))
    working = bench(replace(made, identities=identities), FENCE, NO_LOSS)
    working.inventory = three()
    assert (step.arguments["primary"], old_primaries(working, step)) == ("db1", ("db1", "db3"))
    assert "no proof that db3 cannot write" in _lacking(working, step)


def test_where_nobody_was_seen_as_the_primary_every_one_that_is_no_standby_has_to_be_fenced() -> None:
    made, step = switchover(db1="unknown")
    unnamed = replace(step, arguments={})
    assert old_primaries(bench(made), unnamed) == ("db1",)
    made, _ = switchover(db1="standby")
    assert old_primaries(bench(made), unnamed) == ()
    assert "names no old primary" in _lacking(bench(made, FENCE, NO_LOSS), unnamed)


def test_the_one_that_the_step_names_has_to_be_fenced_also_where_nobody_saw_what_it_is() -> None:
    _, step = switchover()
    for role in ("unknown", "standby"):
        made, _ = switchover(db1=role)
        assert old_primaries(bench(made), step) == ("db1",)
        assert "no proof that db1 cannot write" in _lacking(bench(made, NO_LOSS), step)
    made, _ = switchover(db1="standby", db2="primary")
    assert old_primaries(bench(made), step) == ("db1",), "what is promoted is not fenced"


def test_an_alternate_server_that_serves_has_to_be_fenced_where_the_step_names_it() -> None:
    made, step = switchover(db1="standby")
    working = bench(made, NO_LOSS)
    working.inventory = with_alternate()
    named = replace(step, arguments={"primary": "alt1"})
    assert old_primaries(working, named) == ("alt1",)
    assert "no proof that alt1 cannot write" in _lacking(working, named)
    assert old_primaries(working, replace(step, arguments={})) == ()
    assert old_primaries(working, replace(step, arguments={"primary": "alt9"})) == ()
