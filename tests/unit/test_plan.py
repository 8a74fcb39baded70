"""Plans are values: they survive JSON, and their hash binds what matters and nothing else."""

from dataclasses import Field, fields, replace
from typing import Any

import pytest

from ppsconsole.errors import UsageError
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.loss import Loss, LossTier, accepted_window
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Identity, Plan, kept_out_said
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.proof import FenceProof, Rung, ZeroLossProof
from ppsconsole.plan.step import Gate, Step


def plan() -> Plan:
    gate = Gate("name", "Type the cluster's name", "--approve")
    stop = Step("stop-primary", "Stop db1", "stop-primary", "db1", "db1", {"mode": "fast"}, ("db1$ pg_ctl stop",), "Logins fail.")
    promote = Step("promote", "Promote db2", "promote", "db2", "db2", is_point_of_no_return=True, needs=("fence",), gate=gate)
    identity = Identity("db1", "db1", "SHA256:x", "db1", "7", "/data", "primary", 1)
    items = (Item("backup-age", "failing", "26 h old", "Make one."), Item("lag", "ok", "0 bytes"))
    loss = Loss(LossTier.BOUNDED, 3.2, 120, None, "sampled")
    return Plan("switchover", "lab", "db1", "db2", 10.0, (identity,), (stop, promote), items, loss, {"lag": "0 bytes"}, 5.0)


def test_a_plan_survives_json() -> None:
    import json

    made = plan()
    assert Plan.from_json(json.loads(json.dumps(made.as_json()))) == made


def test_a_plan_whose_copy_was_altered_is_refused() -> None:
    copy = plan().as_json()
    copy["steps"][0]["commands"] = ["db1$ rm -rf /"]
    with pytest.raises(ValueError, match="hash"):
        Plan.from_json(copy)


def test_the_hash_binds_identity_and_commands_but_not_lag_or_time() -> None:
    made = plan()
    assert replace(made, made_at=99.0, tolerances={"lag": "5 bytes"}, downtime_s=1.0).hash == made.hash
    moved = replace(made.identities[0], timeline=2)
    assert replace(made, identities=(moved,)).hash != made.hash
    other = replace(made.steps[0], commands=("db1$ pg_ctl stop -m immediate",))
    assert replace(made, steps=(other, made.steps[1])).hash != made.hash


@pytest.mark.parametrize("name", ["runbook", "cluster", "node", "to"])
def test_the_hash_binds_what_is_done_to_whom(name: str) -> None:
    assert replace(plan(), **{name: "other"}).hash != plan().hash


@pytest.mark.parametrize("each", fields(Identity), ids=lambda each: each.name)
def test_the_hash_binds_all_that_makes_an_instance_itself(each: Field[Any]) -> None:
    made = plan()
    other = replace(made.identities[0], **{each.name: 2 if each.name == "timeline" else "other"})
    assert replace(made, identities=(other,)).hash != made.hash


@pytest.mark.parametrize(
    "change",
    [{"id": "x"}, {"verb": "x"}, {"node": "x"}, {"arguments": {"mode": "immediate"}}, {"arguments": {}}, {"commands": ()}],
)
def test_the_hash_binds_what_every_step_does(change: dict[str, Any]) -> None:
    made = plan()
    for at, step in enumerate(made.steps):
        steps = list(made.steps)
        steps[at] = replace(step, **change)
        is_same = steps[at] == step
        assert (replace(made, steps=tuple(steps)).hash == made.hash) is is_same


def test_the_hash_binds_how_many_steps_there_are_and_their_order() -> None:
    made = plan()
    hashes = {replace(made, steps=steps).hash for steps in (made.steps, made.steps[::-1], made.steps[:1], made.steps[1:], ())}
    assert len(hashes) == 5
    assert replace(made, identities=()).hash != made.hash


def test_the_hash_of_a_plan_stays_what_it_was() -> None:
    """Journals and copies on hosts keep it beside the plan: made otherwise, open runs of an older console could not go on."""
    assert plan().hash == "28dac9afd17dc168"
    arguments = [replace(plan().steps[0], arguments=dict(each)) for each in ([("b", "1"), ("a", "2")], [("a", "2"), ("b", "1")])]
    first, second = (replace(plan(), steps=(each,)).hash for each in arguments)
    assert first == second


def test_a_step_is_found_by_its_id() -> None:
    made = plan()
    assert [made.step(each.id) for each in made.steps] == list(made.steps)
    with pytest.raises(KeyError):
        made.step("stop")


@pytest.mark.parametrize(
    ("downtime_s", "users", "said"),
    [
        (42.0, "", "users are kept out for about 42s"),
        (None, "", "users are not kept out"),
        (0.0, "", "users are not kept out"),
        (42.0, "those of site b are", "those of site b are"),
    ],
)
def test_who_is_kept_out_is_said(downtime_s: float | None, users: str, said: str) -> None:
    assert kept_out_said(downtime_s, users) == said


def test_only_failing_blocking_items_block() -> None:
    made = plan()
    assert made.blockers == ()
    blocking = replace(made.preflight[0], is_blocking=True)
    assert replace(made, preflight=(blocking,)).blockers == (blocking,)


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5.0), ("250ms", 0.25), ("2m", 120.0), ("0", 0.0), ("unlimited", float("inf")), ("1.5", 1.5)]
)
def test_windows_are_read(text: str, seconds: float) -> None:
    assert accepted_window(text) == seconds


@pytest.mark.parametrize("text", ["", "five", "-1s", "5 s", "nan", "5d"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        accepted_window(text)


def test_unknown_loss_counts_as_unlimited() -> None:
    assert not Loss(LossTier.UNKNOWN).is_accepted_by(3600.0)
    assert Loss(LossTier.UNKNOWN).is_accepted_by(float("inf"))
    assert not Loss(LossTier.BOUNDED, 3.2).is_accepted_by(None)
    assert not Loss(LossTier.BOUNDED, 3.2).is_accepted_by(3.0)
    assert Loss(LossTier.BOUNDED, 3.2).is_accepted_by(3.2)
    assert Loss(LossTier.NONE).is_accepted_by(None)


def test_proofs_and_events_survive_json() -> None:
    fence = FenceProof("db1", Rung.CLEAN_STOP, ("control file says shut down",), 5.0, "r1")
    assert FenceProof.from_json(fence.as_json()) == fence
    zero = ZeroLossProof("db1", "db2", "0/3000028", "0/30000A0", 1, 5.0, "r1")
    assert ZeroLossProof.from_json(zero.as_json()) == zero
    event = RunEvent("r1", 3, 5.0, "step-finished", "promote", "done", {"outcome": "done"})
    assert RunEvent.from_json(event.as_json()) == event


def test_verdicts_have_their_exit_codes() -> None:
    assert {verdict.value: verdict.exit_code for verdict in RunVerdict} == {
        "success": 0,
        "success-with-issues": 8,
        "rolled-back": 4,
        "incomplete": 5,
        "failed": 1,
        "unknown": 6,
    }
