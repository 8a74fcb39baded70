"""Facts in, snapshot out: every way of being broken is told apart, in words."""

from dataclasses import replace

import pytest

from ppsconsole.advice.diagnosis import advise
from ppsconsole.cluster.database import Receiver
from ppsconsole.cluster.snapshot import Member, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.probes.compose import compose
from tests.unit.observations import NOW, change, change_host, facts, inventory, look, observe, silence

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


def test_a_link_is_not_blamed_on_the_network_right_after_a_start() -> None:
    found = facts()
    change(found, "db2", receiver=NO_RECEIVER)
    change(found, "db1", replicas=(), started_at=NOW - 3)
    assert "is not back yet: db1 has just started" in words(look(found))
    assert "repair the network" not in words(look(found))
    change(found, "db1", started_at=NOW - 60)
    assert "repair the network" in words(look(found))


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
    assert "observed primary, the inventory declares standby" in words(snapshot)


def test_an_answer_from_before_a_promotion_is_no_second_primary() -> None:
    found = facts()
    before = observe(found, NOW)
    change(found, "db2", in_recovery=False, timeline=2, lsn="0/3000100", receiver=None)
    promoted = observe({key: value for key, value in found.items() if key[0] == "node:db2"}, NOW + 2)
    between = compose(inventory(), before.having(promoted), NOW + 2)
    assert "SPLIT BRAIN" not in words(between)
    assert between.node("db1").role == "unknown"
    assert "answered as the primary before db2 was promoted; not asked since" in words(between)
    asked_again = observe({key: value for key, value in found.items() if key[0] == "node:db1"}, NOW + 3)
    assert "SPLIT BRAIN: db1" in words(compose(inventory(), before.having(promoted).having(asked_again), NOW + 3))


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
    assert "its host key is not accepted" in words(snapshot)


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


def test_zero_lag_takes_a_proof_and_not_a_standby_that_replayed_what_it_has() -> None:
    found = facts()
    silence(found, "db1", "timed-out")
    change(found, "db2", receiver=Receiver("streaming", 1, "0/3000060", "0/3000060", 50.0, "db2", "127.9.1.21", 6001))
    snapshot = look(found)
    gauges = {gauge.name: gauge for gauge in snapshot.gauges}
    assert edge(snapshot, "db1", "db2").lag_s is None
    assert gauges["lag db2"].verdict is Verdict.UNKNOWN
    assert gauges["loss now"].verdict is Verdict.UNKNOWN


def test_an_unseen_primary_leaves_the_age_of_its_last_message_as_the_window() -> None:
    found = facts()
    silence(found, "db1", "timed-out")
    change(found, "db2", receiver=Receiver("streaming", 1, "0/3000060", "0/3000060", 3.5, "db2", "127.9.1.21", 6001))
    gauges = {gauge.name: gauge for gauge in look(found).gauges}
    assert gauges["lag db2"].value == 3.5
    assert gauges["loss now"].value == 5.5


def test_bytes_that_are_missing_are_never_zero_seconds() -> None:
    found = facts()
    row = found["node:db1", "replicas"][0]
    change(found, "db1", replicas=(replace(row, unflushed_bytes=500_000_000, flush_lag_s=None, replay_lag_s=None),))
    change(found, "db2", last_replay_at=NOW - 90.0)
    gauges = {gauge.name: gauge for gauge in look(found).gauges}
    assert gauges["lag db2"].value == 90.0
    assert gauges["loss now"].verdict is Verdict.DOWN


@pytest.mark.parametrize(
    ("promised", "window", "verdict", "borders"),
    [
        (30.0, 3.5, Verdict.WARN, (5, 30)),  # 5.5 with the interval of polling
        (30.0, 41.0, Verdict.DOWN, (5, 30)),
        (300.0, 41.0, Verdict.WARN, (5, 60)),
        (2.0, 3.5, Verdict.WARN, (2, 60)),
        (0.0, 3.5, Verdict.WARN, (0, 60)),
    ],
)
def test_more_loss_than_was_promised_is_never_well(
    promised: float, window: float, verdict: Verdict, borders: tuple[float, float]
) -> None:
    found = facts()
    row = found["node:db1", "replicas"][0]
    change(found, "db1", replicas=(replace(row, unflushed_bytes=500_000_000, flush_lag_s=None, replay_lag_s=None),))
    change(found, "db2", last_replay_at=NOW - window)
    declared = inventory()
    declared = replace(declared, cluster=replace(declared.cluster, loss_objective_s=promised))
    (loss,) = [gauge for gauge in look(found, declared=declared).gauges if gauge.name == "loss now"]
    assert (loss.verdict, loss.promised, (loss.warn, loss.down)) == (verdict, promised, borders)


@pytest.mark.parametrize("name", ["hostname", "disk_percent", "clock_skew_s"])
def test_what_a_host_did_not_tell_is_unknown_and_not_ok(name: str) -> None:
    found = facts()
    change_host(found, "db1", **{name: None})
    snapshot = look(found)
    assert snapshot.node("db1").verdict is Verdict.UNKNOWN
    assert f"db1: {name} not seen" in words(snapshot)


@pytest.mark.parametrize(("node", "name"), [("pps1", "points_at"), ("pps1", "service"), ("db1", "replicas"), ("lb1", "service")])
def test_what_a_node_did_not_tell_is_unknown_and_not_ok(node: str, name: str) -> None:
    found = facts()
    change(found, node, **{name: None})
    assert look(found).node(node).verdict is Verdict.UNKNOWN


def test_sessions_that_were_not_seen_leave_the_link_unknown() -> None:
    found = facts()
    silence(found, "db1", "timed-out")
    assert edge(look(found), "pps1", "db1").state == "unknown"


def test_a_standby_vouches_only_for_whom_it_follows() -> None:
    found = facts()
    silence(found, "db1", "timed-out")
    change(found, "db2", receiver=Receiver("streaming", 1, "0/3000060", "0/3000060", 0.5, "db2", "127.9.9.9", 6001))
    assert "db2" not in {each.observer for each in look(found).node("db1").vantages}


def test_after_a_change_of_roles_the_new_standby_is_a_witness() -> None:
    found = facts()
    db1, db2 = (
        {name: found[f"node:{node}", name] for _, name in found if (f"node:{node}", name) in found} for node in ("db1", "db2")
    )
    change(found, "db1", **{name: db2.get(name) for name in db2 if name not in ("control_state",)}, replicas=None)
    change(found, "db1", receiver=NO_RECEIVER)
    change(found, "db2", **{name: db1.get(name) for name in db1 if name not in ("control_state",)})
    silence(found, "db2", "refused")
    change(found, "db2", service="failed")
    assert {each.observer: each.sees for each in look(found).node("db2").vantages}["db1"] == "lost"


def test_a_primary_that_nobody_reaches_is_not_called_dead() -> None:
    found = facts()
    silence(found, "db1", "timed-out")
    change(found, "db1", service=None, control_state=None)
    change_host(found, "db1", ssh="timed-out", hostname=None, disk_percent=None, clock_skew_s=None)
    change(found, "db2", receiver=NO_RECEIVER)
    for node in ("pps1", "pps2", "lb1"):
        change(found, node, http=503)
    snapshot = look(found)
    assert snapshot.node("db1").words == "OUT OF REACH"
    assert "it may still run" in words(snapshot)
    assert {each.rule: each.verdict for each in snapshot.judgements}["no_primary"] is Verdict.UNKNOWN
    assert "there is no primary" not in words(snapshot)


def test_a_console_without_a_network_says_so_and_accuses_nobody() -> None:
    found = facts()
    for subject, name in list(found):
        if name == "ssh":
            found[subject, name] = "timed-out" if "bastion" in subject else "bastion-down"
        elif subject.startswith("host:"):
            found[subject, name] = None
    for node in ("db1", "db2"):
        silence(found, node, "bastion-down")
        change(found, node, service=None, control_state=None)
    for node in ("pps1", "pps2", "lb1"):
        change(found, node, tcp="timed-out", tls=None, http=None, service=None, points_at=None, members=None)
    snapshot = look(found)
    assert Verdict.DOWN not in {node.verdict for node in snapshot.nodes}
    assert snapshot.verdict is Verdict.UNKNOWN
    assert [each.headline for each in advise(snapshot, inventory())] == [
        "this console reaches nothing at all: look at your own network first"
    ]


def test_a_front_that_fails_has_no_green_route() -> None:
    found = facts()
    change(found, "lb1", http=502, served_by=None)
    snapshot = look(found)
    assert edge(snapshot, "lb1", "pps1").state == "broken"
    assert "lb1 gets no answer from pps1, which answers us" in words(snapshot)


def test_a_page_that_is_not_there_lets_nobody_in() -> None:
    found = facts()
    change(found, "lb1", http=404)
    snapshot = look(found)
    assert edge(snapshot, "users", "lb1").verdict is Verdict.WARN
    assert "users cannot log in: lb1 answers HTTP 404" in words(snapshot)


def test_a_good_answer_is_not_the_word_of_a_node_that_is_not_ok() -> None:
    found = facts()
    change_host(found, "web1", ssh="host-key-refused", hostname=None, disk_percent=None, clock_skew_s=None)
    assert look(found).node("pps1").words == "SSH fails"


def test_a_web_node_that_was_set_aside_is_off_and_a_stopped_one_that_should_serve_is_down() -> None:
    found = facts()
    members = (Member("127.9.1.11:10001", "down", "pps1"), Member("127.9.2.11:10001", "up", "pps2"))
    change(found, "lb1", members=members, served_by="pps2")
    change(found, "pps1", tcp="refused", tls=None, http=None, service="stopped", service_enabled="disabled")
    assert look(found).node("pps1").verdict is Verdict.OFF
    change(found, "pps1", service_enabled="enabled")
    assert look(found).node("pps1").verdict is Verdict.DOWN


def test_an_old_primary_is_not_to_be_started_beside_the_new_one() -> None:
    found = facts()
    silence(found, "db2", "refused")
    change(found, "db2", service="failed", control_state="in production")
    change(found, "db1", replicas=())
    snapshot = look(found)
    assert edge(snapshot, "db1", "db2").state == "broken"
    assert "it may come back only as a standby" in words(snapshot)
    assert "start it on db2" not in words(snapshot)
