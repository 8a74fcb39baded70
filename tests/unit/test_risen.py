"""What was fenced, and was started by somebody since: nothing is promoted beside it, and no run with it is a success."""

import asyncio

import pytest

from ppsconsole.actions.registry import ACTIONS
from ppsconsole.plan.outcomes import SECOND_PRIMARY
from ppsconsole.plan.proof import FenceProof, Rung
from ppsconsole.plan.step import Step
from tests.unit.test_proofs import SYSTEM, Hosts, bench

RUNS = "process=77 postgres postgres\n"
PRIMARY = (False, SYSTEM, 1, None, None, False, None, True)


@pytest.mark.parametrize(
    ("rung", "hosts", "age_s", "state"),
    [
        (Rung.KEPT_DOWN, Hosts(left=RUNS), 60.0, "no"),
        (Rung.CLEAN_STOP, Hosts(left=RUNS), 60.0, "no"),
        (Rung.KEPT_DOWN, Hosts(), 60.0, "yes"),
        (Rung.KEPT_DOWN, Hosts(silent=frozenset({"db1"})), 60.0, "yes"),
        (Rung.QUIESCED, Hosts(left=RUNS), 60.0, "yes"),
        (Rung.KEPT_DOWN, Hosts(left=RUNS), 0.0, "yes"),
    ],
)
def test_a_proof_that_is_not_young_is_looked_at_again_before_a_promotion(
    rung: Rung, hosts: Hosts, age_s: float, state: str
) -> None:
    working = bench(hosts)
    working.proofs.append(FenceProof("db1", rung, ("it was down",), working.clock.now() - age_s, working.run))
    step = Step("promote", "Promote db2", "promote", "db2", arguments={"primary": "db1"})
    found = asyncio.run(ACTIONS["promote"].precheck(working, step))
    assert (found.state, "db1 RUNS AGAIN" in found.words) == (state, state == "no"), found.words


def test_an_old_primary_that_runs_as_one_is_told_as_a_second_primary_where_it_is_to_be_quarantined() -> None:
    step = Step("quarantine", "Quarantine db1", "quarantine", "db1")
    found = asyncio.run(ACTIONS["quarantine"].precheck(bench(Hosts(left=RUNS, standing=PRIMARY)), step))
    assert (found.state, found.values[SECOND_PRIMARY]) == ("no", "db1")
    found = asyncio.run(ACTIONS["quarantine"].precheck(bench(Hosts(left=RUNS)), step))
    assert SECOND_PRIMARY not in found.values
