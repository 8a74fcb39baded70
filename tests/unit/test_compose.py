"""Facts in, snapshot out: every way of being broken is told apart, in words."""

from dataclasses import replace

import pytest

from ppsconsole.advice.diagnosis import advise
from ppsconsole.cluster.database import Receiver
from ppsconsole.cluster.snapshot import Member, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from tests.unit.observations import NOW, change, change_host, facts, inventory, look, silence

NO_RECEIVER = Receiver("none")


def words(snapshot: Snapshot) -> str:
    """Return everything that is said about a snapshot."""
    said = [each.words for each in snapshot.judgements] + [each.words for node in snapshot.nodes for each in node.judgements]
    for each in advise(snapshot, inventory()):
        said += [each.headline, *each.evidence, each.remedy]
    return "\n".join(said)


def edge(snapshot: Snapshot, source: str, target: str):
    return next(each for each in snapshot.edges if (each.source, each.target) == (source, target))


def test_a_healthy_cluster_is_ok_everywhere() -> None:
    snapshot = look(facts())
    assert snapshot.verdict is Verdict.OK
    assert {node.name: node.verdict.value for node in snapshot.nodes} == dict.fromkeys(
        ["bastion-a", "bastion-b", "lb1", "pps1", "pps2", "db1", "db2"], "ok"
    )
    assert {node.name: node.role for node in snapshot.of_kind("database")} == {"db1": "primary", "db2": "standby"}
    assert {node.name: node.role for node in snapshot.of_kind("web")} == {"pps1": "serving", "pps2": "idle"}
    assert advise(snapshot, inventory()) == ()
    stream = edge(snapshot, "db1", "db2")
    assert (stream.state, stream.lag_bytes, stream.lag_s) == ("streaming", 0, 0.0)
    assert edge(snapshot, "pps1", "db1").label == "3 sessions"
    assert edge(snapshot, "lb1", "pps1").state == "serving"
    assert edge(snapshot, "lb1", "pps2").state == "idle"


def killed() -> dict:
    found = facts()
    silence(found, "db1", "refused")
    change(found, "db1", service="failed", service_pid=None)
    change(found, "db2", receiver=NO_RECEIVER)
    for node in ("pps1", "pps2", "lb1"):
        change(found, node, http=503)
    return found


def test_a_killed_primary_is_dead_from_two_vantage_points() -> None:
    snapshot = look(killed())
    db1 = snapshot.node("db1")
    assert (db1.role, db1.verdict, db1.words) == ("unknown", Verdict.DOWN, "CRASHED")
    assert sum(each.sees == "dead" for each in db1.vantages) >= 2
    assert {"console", "host", "db2"} <= {each.observer for each in db1.vantages}
    assert "without a clean stop" in words(snapshot)
    assert "users cannot log in: lb1 answers HTTP 503" in words(snapshot)
    assert "there is no primary" in words(snapshot)
    assert snapshot.node("pps1").words == "HTTP 503"
    assert edge(snapshot, "db1", "db2").state == "broken"
    assert edge(snapshot, "pps1", "db1").state == "broken"


def test_a_stopped_primary_is_told_from_a_killed_one() -> None:
    found = killed()
    change(found, "db1", service="stopped", control_state="shut down")
    snapshot = look(found)
    assert snapshot.node("db1").words == "STOPPED"
    assert "stopped cleanly" in words(snapshot)


def test_a_frozen_primary_is_not_dead() -> None:
    found = killed()
    silence(found, "db1", "timed-out")
    change(found, "db1", service="frozen")
    snapshot = look(found)
    assert snapshot.node("db1").words == "HUNG"
    assert "it can wake up" in words(snapshot)
    assert "before anything is promoted" in words(snapshot)


def test_a_cut_replication_link_leaves_both_databases_alive() -> None:
    found = facts()
    change(found, "db2", receiver=NO_RECEIVER)
    change(found, "db1", replicas=())
    snapshot = look(found)
    assert snapshot.node("db1").role == "primary"
    assert snapshot.node("db2").role == "standby"
    assert edge(snapshot, "db1", "db2").state == "broken"
    assert "only the way between is cut" in words(snapshot)
    assert snapshot.verdict is Verdict.DOWN


def test_a_primary_that_only_the_console_cannot_reach_is_not_called_dead() -> None:
    found = facts()
    silence(found, "db1", "timed-out")
    change(found, "db1", service=None, control_state=None)
    change_host(found, "db1", ssh="timed-out")
    snapshot = look(found)
    db1 = snapshot.node("db1")
    assert (db1.verdict, db1.words) == (Verdict.UNKNOWN, "unreachable")
    assert "unreachable from here, but alive as seen by db2" in words(snapshot)
    assert "Promoting now would make a second writer" in words(snapshot)
    assert snapshot.verdict is Verdict.UNKNOWN


def test_behind_a_dead_bastion_everything_is_hidden_not_down() -> None:
    found = facts()
    change_host(found, "bastion-a", ssh="refused")
    for host in ("db1", "web1", "lb1"):
        change_host(found, host, ssh="bastion-down", clock_skew_s=None, disk_percent=None)
    silence(found, "db1", "bastion-down")
    change(found, "db1", service=None, control_state=None)
    change(found, "pps1", tcp="bastion-down", tls=None, http=None, service=None, points_at=None)
    change(found, "lb1", service=None, members=None)
    snapshot = look(found)
    assert snapshot.node("bastion-a").verdict is Verdict.DOWN
    assert snapshot.node("pps1").verdict is Verdict.UNKNOWN
    assert snapshot.node("db1").verdict is Verdict.UNKNOWN
    assert "alive as seen by db2" in words(snapshot)
    assert "hidden, not down: lb1, web1, db1" in words(snapshot)


@pytest.mark.parametrize(
    ("service", "expected"), [("failed", "CRASHED"), ("stopped", "STOPPED"), ("frozen", "HUNG"), ("running", "NO ANSWER")]
)
def test_a_silent_web_node_is_told_apart_by_its_service(service: str, expected: str) -> None:
    found = facts()
    change(found, "pps1", tcp="refused", tls=None, http=None, service=service)
    assert look(found).node("pps1").words == expected


def test_a_stopped_passive_web_node_is_off_and_not_a_fault() -> None:
    found = facts()
    change(found, "pps2", tcp="refused", tls=None, http=None, service="stopped")
    snapshot = look(found)
    assert snapshot.node("pps2").words == "stopped"
    assert snapshot.verdict is Verdict.OK


def test_two_primaries_are_a_split_brain() -> None:
    found = facts()
    change(found, "db2", in_recovery=False, timeline=2, lsn="0/3000100", receiver=None)
    snapshot = look(found)
    assert "SPLIT BRAIN: db1 (timeline 1, at 0/3000060), db2 (timeline 2, at 0/3000100)" in words(snapshot)
    assert "drift: observed primary, the inventory declares standby" in words(snapshot)


def test_another_system_identifier_is_another_cluster() -> None:
    found = facts()
    change(found, "db2", system_identifier="7000000000000000002")
    assert "not the same database cluster" in words(look(found))


def test_a_wrong_host_key_disturbs_nothing_else() -> None:
    found = facts()
    change_host(found, "db2", ssh="host-key-refused", clock_skew_s=None, disk_percent=None)
    snapshot = look(found)
    assert snapshot.node("db2").role == "standby"
    assert snapshot.node("db2").verdict is Verdict.UNKNOWN
    assert [node.name for node in snapshot.nodes if node.verdict is not Verdict.OK] == ["db2"]
    assert "host key that is not the known one" in words(snapshot)


def test_a_refused_database_login_is_unknown_and_says_so() -> None:
    found = facts()
    silence(found, "db1", "login-refused")
    snapshot = look(found)
    assert snapshot.node("db1").words == "login refused"
    assert snapshot.node("db1").role == "unknown"
    assert snapshot.verdict is Verdict.UNKNOWN


def test_stale_facts_are_unknown_and_never_ok() -> None:
    snapshot = look(facts(), now=NOW + 60)
    assert snapshot.verdict is Verdict.UNKNOWN
    assert {node.verdict for node in snapshot.nodes} == {Verdict.UNKNOWN}
    assert {node.role for node in snapshot.of_kind("database")} == {"unknown"}
    assert all(gauge.value is None for gauge in snapshot.gauges)
    assert "stale; last seen" in snapshot.node("db1").facts["lsn"].detail


def test_lag_is_unknown_when_the_link_is_down_and_never_zero() -> None:
    found = facts()
    change(found, "db2", receiver=NO_RECEIVER)
    change(found, "db1", replicas=())
    gauges = {gauge.name: gauge for gauge in look(found).gauges}
    assert gauges["lag db2"].value is None
    assert gauges["lag db2"].text == "unknown"
    assert gauges["loss now"].verdict is Verdict.UNKNOWN


def test_a_lagging_standby_warns_with_its_number() -> None:
    found = facts()
    row = found["node:db1", "replicas"][0]
    change(found, "db1", replicas=(replace(row, unflushed_bytes=40 * 2**20, replay_lag_s=12.0),))
    snapshot = look(found)
    assert edge(snapshot, "db1", "db2").verdict is Verdict.WARN
    assert snapshot.node("db2").verdict is Verdict.WARN
    assert "lag 12s" in words(snapshot)


def test_a_backup_member_is_an_automatic_return() -> None:
    found = facts()
    members = (Member("127.9.1.11:10001", "up", "pps1"), Member("127.9.2.11:10001", "backup", "pps2"))
    change(found, "lb1", members=members)
    snapshot = look(found)
    assert snapshot.node("lb1").verdict is Verdict.WARN
    assert "returns by itself" in words(snapshot)


def test_a_web_node_on_the_standby_is_seen() -> None:
    found = facts()
    change(found, "pps2", points_at="db2")
    assert "names db2, which is a standby" in words(look(found))


def test_kinds_without_a_driver_are_unknown_never_healthy() -> None:
    declared = inventory()
    declared = replace(declared, database=replace(declared.database, kind="sqlserver-ag"))
    snapshot = look(facts(), declared=declared)
    assert {node.words for node in snapshot.of_kind("database")} == {"not probed yet"}
    assert {node.verdict for node in snapshot.of_kind("database")} == {Verdict.UNKNOWN}


def test_json_names_every_node_with_facts_and_ages() -> None:
    document = look(facts(), now=NOW + 2).as_json()
    db1 = next(node for node in document["nodes"] if node["name"] == "db1")
    assert db1["facts"]["timeline"] == {"value": 1, "source": "test", "at": "2026-11-18T11:06:40Z", "age_s": 2.0}
    assert db1["facts"]["replicas"]["value"][0]["application_name"] == "db2"
    assert document["edges"][-1]["lag_bytes"] == 0
