"""Snapshot copies as standbys: their age is the loss window, all the time; what a promotion loses, why none is switched over."""

from dataclasses import replace

import pytest

from ppsconsole.actions.registry import ACTIONS
from ppsconsole.cluster.copies import Copy
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.status import draw_status
from ppsconsole.draw.text import UNICODE, line_text
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.catalog import plan_of
from ppsconsole.runbooks.history import History
from ppsconsole.runbooks.request import Request
from tests.unit import runbook_cases
from tests.unit.observations import NOW, change, look, silence
from tests.unit.runbook_cases import Found, fine

COPY = Copy("pleasant", "nightly", "lab", NOW - 7200.0, "", is_verified=True)


def _declared(loss_objective_s: float | None = None) -> Inventory:
    plain = runbook_cases.declared()
    dumps = {"db2": "host=/tmp user=postgres"}
    instances = {**plain.database.instances, "db2": replace(plain.database.instances["db2"], dumps=dumps)}
    group = replace(plain.database, replication="snapshot", instances=instances)
    return replace(plain, database=group, cluster=replace(plain.cluster, loss_objective_s=loss_objective_s))


def _with_copy(copy: Copy | str | None = COPY) -> Found:
    """Return: db2 is a server of its own, which takes writes and holds a snapshot."""
    found = fine()
    change(found, "db1", copy="", replicas=(), slots=())
    change(found, "db2", in_recovery=False, copy=copy, receiver=None, replay_lsn=None, last_replay_at=None, is_writable=True)
    change(found, "db2", system_identifier="7000000000000000002", control_system_identifier="7000000000000000002")
    change(found, "db2", control_state="in production", replicas=(), slots=())
    return found


def _dead() -> Found:
    found = _with_copy()
    silence(found, "db1", "refused")
    change(found, "db1", service="failed", service_pid=None, copy=None)
    for name in ("pps1", "pps2", "lb1"):
        change(found, name, http=503)
    return found


def _look(found: Found, inventory: Inventory | None = None) -> Snapshot:
    return look(found, declared=inventory or _declared())


def _plan(found: Found, runbook: str, **wishes: str) -> Plan:
    inventory = _declared()
    background = Background(history=History("db1", dead_since=NOW - 60))
    return plan_of(
        inventory,
        _look(found, inventory),
        Request(runbook, **wishes),
        lambda known, step: ACTIONS[step.verb].commands(known, step),
        background,
    )


def test_a_snapshot_is_a_standby_and_no_second_primary() -> None:
    snapshot = _look(_with_copy())
    assert {node.name: node.role for node in snapshot.of_kind("database")} == {"db1": "primary", "db2": "standby"}
    rules = {each.rule for each in snapshot.judgements}
    assert rules & {"split_brain", "system_identifier", "timeline"} == set()
    assert snapshot.verdict is Verdict.OK


def test_without_its_mark_it_is_what_it_says() -> None:
    assert {"split_brain"} <= {each.rule for each in _look(_with_copy("")).judgements}
    unseen = _look(_with_copy(None)).node("db2")
    assert unseen is not None
    assert unseen.role == "unknown"


def test_the_loss_window_is_shown_all_the_time() -> None:
    snapshot = _look(_with_copy())
    gauges = {each.name: (each.text, each.verdict) for each in snapshot.gauges}
    assert gauges["loss now"] == gauges["lag db2"] == ("2h", Verdict.OK)
    (edge,) = [each for each in snapshot.edges if each.kind == "replication"]
    assert (edge.state, edge.label, edge.lag_s) == ("idle", "snapshot 2h old", 7200.0)
    text = "\n".join(line_text(line) for line in draw_status(snapshot, (), 100, UNICODE))
    assert "snapshot 2h old" in text


def test_an_old_one_warns_by_what_was_promised() -> None:
    gauges = {each.name: each for each in _look(_with_copy(), _declared(3600.0)).gauges}
    assert gauges["loss now"].verdict is Verdict.WARN
    node = _look(_with_copy(replace(COPY, is_verified=False))).node("db2")
    assert node is not None
    assert node.verdict is Verdict.WARN


def test_a_switchover_is_refused_with_the_reason() -> None:
    with pytest.raises(Barred, match="each lacks what was written since it was taken") as caught:
        _plan(_with_copy(), "switchover", to="db2")
    assert caught.value.rule == "snapshot-copies"


def test_a_failover_says_what_is_lost_and_takes_the_mark_away() -> None:
    plan = _plan(_dead(), "failover", to="db2")
    assert plan.loss.tier is LossTier.BOUNDED
    assert plan.loss.window_s == 7140.0
    assert "nightly" in plan.loss.words
    promote = plan.step("promote")
    assert (promote.verb, promote.is_point_of_no_return, promote.needs) == ("promote-snapshot", True, ("fence",))
    assert promote.gate is not None
    assert promote.gate.kind == "accept-loss"
    assert "COMMENT ON DATABASE" in promote.commands[0]
    assert {step.verb for step in plan.steps} & {"promote", "salvage", "keep-lost-writes"} == set()
    assert {"same-cluster", "timelines", "replay", "slots"} & {item.name for item in plan.preflight} == set()
    assert plan.blockers == ()
    candidate = next(item for item in plan.preflight if item.name == "candidate")
    assert (candidate.state, "nightly" in candidate.words) == ("failing", True)
