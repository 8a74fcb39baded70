"""The ways out by value: compared by loss and downtime, and what is blocked with its rule and its facts."""

from dataclasses import replace

import pytest

from ppsconsole.advice.choices import choices_about
from ppsconsole.advice.diagnosis import Advice, advise
from ppsconsole.advice.ways import Way
from ppsconsole.cluster.database import Receiver
from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.runbooks.building import NOTHING_KNOWN, Background
from ppsconsole.runbooks.history import History, Sample
from tests.unit.observations import NOW, change, node_subject, silence
from tests.unit.runbook_cases import Found, declared, fine, host_gone, hung, killed, seen, split_brain, swapped, unreachable


def advice(found: Found, about: str, background: Background = NOTHING_KNOWN) -> Advice:
    """Return the first advice whose headline has `about` in it."""
    return next(each for each in advise(seen(found), declared(), background) if about in each.headline)


def told(ways: tuple[Way, ...]) -> list[tuple[str, str]]:
    """Return runbook and rule of each way; open ones have no rule."""
    return [(way.runbook, way.rule) for way in ways]


def test_a_killed_primary_is_restarted_first_and_failed_over_second() -> None:
    restart, failover = advice(killed(), "db1").ways
    assert (restart.command, restart.loss, restart.is_blocked) == ("ppsconsole run restart db1", "none (proved)", False)
    assert failover.command == "ppsconsole run failover --to db2 --accept-loss 0"
    assert failover.loss == "none after salvage, else at most 3.0s (bounded)"
    assert (restart.downtime_s, failover.downtime_s) == (3.0, pytest.approx(15.9))
    assert restart.said() == "ppsconsole run restart db1: users are kept out for about 3.0s; loss none (proved)"


def test_loss_goes_before_downtime() -> None:
    slow = Background(estimates={"restart-service": 600.0})
    assert [way.runbook for way in advice(killed(), "db1", slow).ways] == ["restart", "failover"]


def test_the_offered_window_covers_the_told_loss() -> None:
    history = History("db1", NOW - 1, {"db2": (Sample(NOW - 2.25, "0/3000060", "0/3000060", None, True, 0.0),)})
    unread = DeadWal("db1", "db2", "0/3000060", NOW, trouble="the disk of db1 cannot be read")
    way = advice(killed(), "db1", Background(history=history, dead_wal=unread)).ways[1]
    assert (way.loss, way.command.rsplit(" ", 1)[1]) == ("at most 1.3s (bounded)", "1.3s")
    found = killed()
    change(found, "db2", last_replay_at=None)
    assert advice(found, "db1", Background(dead_wal=unread)).ways[1].command.endswith("--accept-loss unlimited")


def test_a_hung_primary_has_both_ways() -> None:
    assert told(advice(hung(), "db1").ways) == [("restart", ""), ("failover", "")]


def test_a_lost_host_leaves_the_failover() -> None:
    assert told(advice(host_gone(), "db1").ways) == [("failover", ""), ("restart", "host-unreachable")]


def test_unreachable_blocks_everything_and_says_who_sees_it_alive() -> None:
    ways = advice(unreachable(), "db1").ways
    assert {(way.runbook, way.rule) for way in ways} == {("failover", "primary-dead"), ("restart", "host-unreachable")}
    failover = next(way for way in ways if way.runbook == "failover")
    assert "db2 sees it alive (hears it" in failover.why
    assert failover.said().startswith("ppsconsole run failover --to db2")
    assert "blocked by primary-dead" in failover.said()


def test_a_split_brain_bars_every_promotion() -> None:
    ways = advice(split_brain(), "SPLIT BRAIN").ways
    assert told(ways) == [("fence", ""), ("switchover", "split-brain"), ("failover", "split-brain")]
    assert ways[0].command == "ppsconsole run fence db1"
    assert all("timeline 2" in way.why for way in ways[1:])


def test_a_cut_link_bars_promotions_and_names_the_rule() -> None:
    found = fine()
    change(found, "db2", receiver=Receiver("none"))
    change(found, "db1", replicas=())
    assert dict(told(advice(found, "replication db1").ways)) == {"switchover": "streaming", "failover": "primary-alive"}


def test_a_dead_web_node_is_restarted_or_left_behind() -> None:
    found = fine()
    change(found, "pps1", service="failed", tcp="refused", http=None)
    assert told(advice(found, "pps1").ways) == [("restart", ""), ("switchover", "")]


def test_a_dead_standby_is_restarted_without_downtime() -> None:
    found = fine()
    silence(found, "db2", "refused")
    change(found, "db2", service="failed")
    (restart,) = advice(found, "db2").ways
    assert (restart.runbook, restart.downtime_s) == ("restart", 0.0)
    assert "not kept out" in restart.said()


def test_a_dead_old_primary_beside_a_living_one_is_not_restarted_blindly() -> None:
    found = swapped()
    silence(found, "db1", "refused")
    change(found, "db1", service="failed", control_state="in production")
    change(found, "db2", replicas=())
    assert told(advice(found, "db1").ways) == [("rejoin", ""), ("restart", "second-writer")]


def test_what_may_have_been_promoted_unseen_is_no_reason_to_start_a_dead_primary_lightly() -> None:
    remedy = advice(killed(), "db1").remedy
    assert remedy == "The host is healthy: starting db1 in place is the cheapest way back and loses nothing."
    found = killed()
    silence(found, "db2", "no-answer")
    change(found, "db2", service=None)
    remedy = advice(found, "db1").remedy
    assert "db2 cannot be seen and may be the primary by now: look there first." in remedy
    assert "loses nothing" not in remedy


def test_a_healthy_cluster_needs_no_way_out() -> None:
    assert advise(seen(fine()), declared()) == ()


def test_after_a_move_it_is_said_what_is_left_to_do() -> None:
    left = "Where this is to stay, let the inventory declare it so; else move it back."
    for about in ("db1 observed standby", "db2 observed primary"):
        assert advice(swapped(), about).remedy == left
    made = declared()
    made = replace(made, web_nodes=made.web_nodes | {"pps2": replace(made.web_nodes["pps2"], database="db1")})
    told_of_pps2 = [each for each in advise(seen(swapped(), made), made) if each.headline.startswith("pps2 uses db2")]
    assert [each.remedy for each in told_of_pps2] == [left]
    alone = swapped()
    silence(alone, "db2", "refused")
    assert advice(alone, "db1 observed standby").remedy != left


def test_ways_are_part_of_the_json() -> None:
    shown = advice(killed(), "db1").as_json()
    assert [way["runbook"] for way in shown["ways"]] == ["restart", "failover"]
    assert shown["ways"][0]["downtime_s"] == 3.0
    assert shown["remedy"]


def test_web_nodes_that_hang_on_a_lost_database_are_not_told_to_be_restarted() -> None:
    found = host_gone()
    for name in ("pps1", "pps2"):
        change(found, name, http=None, tcp="ok", tls="no answer in HTTP within 4s")
    change(found, "lb1", http=None)
    told = advise(seen(found), declared())
    first = next(way for each in told for way in each.ways if not way.is_blocked)
    assert first.runbook == "failover", [each.headline for each in told]
    assert [each.headline for each in told if each.headline.startswith("pps")] == []
    # Where somebody sees the database live, a web node that hangs does so by itself.
    change(found, "db2", receiver=fine()[node_subject("db2"), "receiver"])
    assert [each.headline[:4] for each in advise(seen(found), declared()) if each.headline.startswith("pps")] == ["pps1", "pps2"]


def test_what_only_keeps_things_up_comes_behind_what_brings_users_in() -> None:
    found = killed()
    about = choices_about("db1", seen(found), declared(), NOTHING_KNOWN)
    open_ones = [each.request.runbook for each in about if not each.is_blocked]
    assert open_ones[:2] == ["restart", "failover"]
    assert "boot-guard-remove" in open_ones[2:]
