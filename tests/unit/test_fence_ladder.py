"""The fencing ladder: the best rung that can be seen, why no better one, what comes next; what an old primary's return says."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ppsconsole.advice.diagnosis import advise
from ppsconsole.cluster.database import Receiver
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.engine.session import required_hosts
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import FenceCommand, Inventory
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.ladder import chosen_rung
from tests.unit.inventory_texts import changed, mistakes
from tests.unit.observations import change, change_host
from tests.unit.runbook_cases import (
    Found,
    declared,
    fine,
    host_gone,
    hung,
    ids,
    killed,
    plan,
    seen,
    split_brain,
    state,
    unreachable,
)

MARKER = "2026-11-23T02:10:00Z run 1a2b of lab: db1 was failed over; rejoin it."


def with_command(**fields: object) -> Inventory:
    """Return the inventory with a fence command declared for db1."""
    plain = declared()
    fence = replace(FenceCommand(("fence", "off"), ("fence", "status"), "Status: OFF", 2), **fields)
    instances = {**plain.database.instances, "db1": replace(plain.database.instances["db1"], fence=fence)}
    return replace(plain, database=replace(plain.database, instances=instances))


def out_of_reach() -> Found:
    """Return: nobody reaches the host of db1, and web1 neither."""
    found = host_gone()
    change_host(found, "web1", ssh="unreachable")
    change(found, "pps1", service=None, tcp="timed-out", http=None)
    return found


def wedged() -> Found:
    """Return: the postmaster of db1 hangs; it takes connections and says nothing."""
    found = hung()
    change(found, "db1", service="running")
    return found


@pytest.mark.parametrize(
    ("found", "inventory", "rung", "why"),
    [
        (killed, declared, "kept-down", ()),
        (killed, with_command, "kept-down", ()),
        (host_gone, with_command, "fence-command", ("not kept-down: the host of db1 cannot be logged in to",)),
        (host_gone, declared, "quiesced", ("not kept-down", "not fence-command: no `fence` is declared for db1")),
        (out_of_reach, with_command, "fence-command", ("not kept-down",)),
        (out_of_reach, declared, "attested", ("not quiesced: pps1 cannot be reached",)),
        (out_of_reach, lambda: with_command(host="web1"), "attested", ("not fence-command: web1, where its `fence` runs",)),
    ],
)
def test_the_best_rung_that_can_be_seen_is_taken_and_says_what_a_better_one_lacks(
    found: Callable[[], Found], inventory: Callable[[], Inventory], rung: str, why: tuple[str, ...]
) -> None:
    made = plan(found(), "failover", to="db2", inventory=inventory())
    step = made.step("fence")
    assert step.arguments["rung"] == rung
    assert all(words in step.arguments["why"] for words in why)
    assert bool(step.arguments["why"]) == bool(why)
    (item,) = [each for each in made.preflight if each.name == "fence"]
    assert item.words.startswith(f"{rung}: ")
    assert item.state == ("ok" if rung in ("kept-down", "fence-command") else "failing")
    assert f"db1 is fenced by {rung}: " in made.steps[0].gate.question
    assert made.blockers == ()


def test_each_rung_names_the_next_one_and_the_last_one_none() -> None:
    after = {rung: plan(killed(), "failover", to="db2", fence=rung, inventory=with_command()).step("fence").arguments["after"]
             for rung in ("kept-down", "fence-command", "quiesced", "attested")}  # fmt: skip
    assert "--fence fence-command" in after["kept-down"]
    assert "--fence quiesced" in after["fence-command"]
    assert "--fence attested" in after["quiesced"]
    assert "no rung below" in after["attested"]


def test_a_weaker_rung_is_taken_only_by_name_and_the_plan_says_so() -> None:
    made = plan(killed(), "failover", to="db2", fence="quiesced")
    assert made.step("fence").arguments["chosen"] == "quiesced"
    (item,) = [each for each in made.preflight if each.name == "fence"]
    assert "chosen by the operator, though kept-down is possible" in item.words
    assert item.state == "failing"
    assert made.hash != plan(killed(), "failover", to="db2").hash
    with pytest.raises(Barred, match="no `fence` is declared"):
        plan(killed(), "failover", to="db2", fence="fence-command")
    with pytest.raises(UsageError, match="no rung is called"):
        plan(killed(), "failover", to="db2", fence="quiet")
    with pytest.raises(UsageError, match="switchover chooses no rung"):
        plan(fine(), "switchover", to="db2", fence="quiesced")


def test_a_wedged_database_on_a_host_that_answers_is_killed_unless_somebody_works_with_it() -> None:
    made = plan(wedged(), "failover", to="db2")
    assert state(made, "primary-dead") == ("ok", False)
    assert made.step("fence").arguments["kill"] == "yes"
    found = wedged()
    change(found, "db2", receiver=Receiver("streaming", 1, message_age_s=2.0))
    found["node:db2", "receiver"] = replace(found["node:db2", "receiver"], sender_host="db1")
    assert state(plan(found, "failover", to="db2"), "primary-dead") == ("failing", True)
    found = wedged()
    change(found, "pps1", http=200)
    assert state(plan(found, "failover", to="db2"), "primary-dead") == ("failing", True)


@pytest.mark.parametrize(
    ("found", "expected", "said"),
    [
        (killed, ("ok", False), "db1 is dead as seen by console, host, and lost to db2, pps1"),
        (host_gone, ("failing", False), "not seen dead: it is unreachable from console, db2, pps1"),
        (unreachable, ("failing", True), "db1 lives"),
    ],
)
def test_what_is_out_of_reach_is_not_called_dead(found: Callable[[], Found], expected: tuple[str, bool], said: str) -> None:
    made = plan(found(), "failover", to="db2")
    assert state(made, "primary-dead") == expected
    assert said in next(each for each in made.preflight if each.name == "primary-dead").words


# --- an old primary that comes back ---------------------------------------------------------------------------


def test_an_old_primary_out_of_quarantine_is_an_alarm_and_is_offered_to_be_fenced() -> None:
    found = split_brain()
    change(found, "db1", quarantine=MARKER)
    snapshot = seen(found)
    node = snapshot.node("db1")
    assert (node.verdict, snapshot.verdict) == (Verdict.DOWN, Verdict.DOWN)
    assert "in quarantine" in next(each for each in snapshot.judgements if each.rule == "split_brain").words
    told = next(each for each in advise(snapshot, declared()) if each.headline.startswith("db1 CAME BACK AS A PRIMARY"))
    assert "run 1a2b" in told.headline
    assert told.remedy.startswith("Fence db1 again")
    assert [way.command for way in told.ways if not way.is_blocked] == ["ppsconsole run fence db1"]


def test_a_standby_and_a_server_that_is_down_in_quarantine_are_no_alarm() -> None:
    for found, role in ((fine(), "standby"), (killed(), "unknown")):
        name = "db2" if role == "standby" else "db1"
        change(found, name, quarantine=MARKER)
        assert not any(each.rule == "quarantine" for each in seen(found).node(name).judgements)


def test_the_fence_of_a_primary_that_came_back_stops_it_and_marks_it_for_good() -> None:
    found = split_brain()
    nobody_uses(found, "db1")
    made = plan(found, "fence", "db1")
    assert ids(made) == ["fence", "quarantine"]
    assert made.step("fence").arguments["rung"] == "kept-down"
    assert not any(step.is_undoable or step.is_optional for step in made.steps)
    assert [(step.id, step.gate.kind) for step in made.steps if step.gate] == [("fence", "confirm")]
    assert {item.name: item.state for item in made.preflight} == {"other-primary": "ok", "older-copy": "ok", "users": "ok"}
    assert made.downtime_s == 0


def test_the_newer_copy_is_fenced_only_with_open_eyes() -> None:
    made = plan(split_brain(), "fence", "db2")
    assert state(made, "older-copy") == ("failing", False)
    found = split_brain()
    change(found, "pps1", points_at="db1")
    assert state(plan(found, "fence", "db1"), "users") == ("failing", False)
    change(found, "db2", timeline=1)
    ways = next(each for each in advise(seen(found), declared()) if each.headline.startswith("SPLIT BRAIN")).ways
    # Neither is known to be older: the one that nobody works on comes first, since its fence keeps nobody out.
    assert [way.command for way in ways if way.runbook == "fence"] == ["ppsconsole run fence db2", "ppsconsole run fence db1"]


@pytest.mark.parametrize(
    ("found", "node", "rule"),
    [(fine, "db1", "only-primary"), (fine, "db2", "nothing-to-fence"), (host_gone, "db1", "only-primary")],
)
def test_what_is_not_fenced_says_why(found: Callable[[], Found], node: str, rule: str) -> None:
    with pytest.raises(Barred) as told:
        plan(found(), "fence", node)
    assert told.value.rule == rule
    assert told.value.remedy


def cut_off() -> Found:
    """Return: two primaries, and the host of the older one lets nobody in."""
    found = split_brain()
    change_host(found, "db1", ssh="unreachable")
    nobody_uses(found, "db1")
    return found


def nobody_uses(found: Found, name: str) -> None:
    """Let the web nodes work on the other instance: by their setting, and by the sessions that each instance sees."""
    other = {"db1": "db2", "db2": "db1"}[name]
    for web_node in ("pps1", "pps2"):
        change(found, web_node, points_at=other)
    change(found, name, sessions=())


def test_a_primary_whose_host_is_out_of_reach_is_fenced_by_the_declared_command_or_not_from_here() -> None:
    with pytest.raises(Barred) as told:
        plan(cut_off(), "fence", "db1")
    assert told.value.rule == "host-unreachable"
    assert "no `fence` is declared for db1" in told.value.what
    for node, words in (("", "fence needs a NODE"), ("pps1", "no database instance is called 'pps1'")):
        with pytest.raises(UsageError, match=words):
            plan(split_brain(), "fence", node)

    made = plan(cut_off(), "fence", "db1", inventory=with_command(timeout_s=20.0))
    assert ids(made) == ["fence"], "a machine that is off takes no marker"
    step = made.step("fence")
    assert (step.arguments["rung"], step.timeout_s, step.is_undoable) == ("fence-command", 50.0, False)
    assert step.arguments["why"] == "not kept-down: the host of db1 cannot be logged in to"
    assert "with all that runs on it" in step.gate.question
    assert state(made, "comes-back") == ("failing", False)
    # A machine that is switched off keeps no lease, and one whose host is asked does.
    assert required_hosts(with_command(), made) == ("db2",)
    assert required_hosts(declared(), plan(split_brain(), "fence", "db1")) == ("db1",)
    found = cut_off()
    change_host(found, "web1", ssh="unreachable")
    with pytest.raises(Barred, match=r"web1, where its `fence` runs, cannot be logged in to"):
        plan(found, "fence", "db1", inventory=with_command(host="web1"))


def test_one_that_no_stop_ends_is_switched_off_where_somebody_asks_for_it() -> None:
    found = split_brain()
    after = plan(found, "fence", "db1", inventory=with_command()).step("fence").arguments["after"]
    assert "fence db1 --fence fence-command" in after
    assert "by hand" in plan(found, "fence", "db1").step("fence").arguments["after"]
    made = plan(found, "fence", "db1", inventory=with_command(), fence="fence-command")
    assert made.step("fence").arguments["chosen"] == "fence-command"
    assert chosen_rung(made) == "fence-command"
    with pytest.raises(Barred, match="no `fence` is declared"):
        plan(found, "fence", "db1", fence="fence-command")
    with pytest.raises(UsageError, match="no rung is called"):
        plan(found, "fence", "db1", fence="attested")


# --- the inventory --------------------------------------------------------------------------------------------

FENCE = "db1: {host: db1, declared: primary, fence: {command: [off, now], verify: ask, off_says: Power is off}}"


def test_a_declared_fence_is_read() -> None:
    from tests.unit.inventory_texts import parsed

    made = parsed(changed(("db1: {host: db1, declared: primary}", FENCE))).database.instances["db1"].fence
    assert made == FenceCommand(("off", "now"), ("ask",), "Power is off")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("verify: ask, ", "", "database.instances.db1.fence.verify: missing"),
        (", off_says: Power is off", "", "database.instances.db1.fence.off_says: missing"),
        ("verify: ask", "verify: [off, now]", "fence.verify: the same as `command`"),
        ("command: [off, now]", "command: []", "fence.command: empty"),
        ("off_says: Power is off", "off_says: x, host: db1", "fence.host: 'db1' is the machine that is to be switched off"),
        ("off_says: Power is off", "off_says: x, host: db9", "fence.host: no host is called 'db9'"),
        ("off_says: Power is off", "off_says: x, off_exit: 256", "fence.off_exit: 256 is out of range"),
    ],
)
def test_mistakes_in_a_fence_are_told_with_their_line(old: str, new: str, said: str) -> None:
    found = mistakes(changed(("db1: {host: db1, declared: primary}", FENCE.replace(old, new))))
    assert any(said in each and each.startswith("inv.yaml:18:") for each in found), found
