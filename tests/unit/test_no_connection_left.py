"""An instance that has given away all its connections lives: it is told so, not restarted and not failed over, by value."""

import pytest

from ppsconsole.advice.diagnosis import advise
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.drivers.postgres_connect import NoConnectionLeft, translated
from ppsconsole.errors import LoginRefused
from ppsconsole.probes.base import words_of
from ppsconsole.runbooks.barred import Barred
from tests.unit.observations import change, silence
from tests.unit.runbook_cases import Found, declared, fine, killed, plan, seen, unreachable


def full() -> Found:
    """Return: db1 gives out no connection, and its host cannot be logged in to: nobody else says that it lives."""
    found = unreachable()
    silence(found, "db1", "no-connection-left")
    return found


@pytest.mark.parametrize(
    "said",
    [
        "FATAL:  sorry, too many clients already",
        "FATAL:  remaining connection slots are reserved for non-replication superuser connections",
        "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        'FATAL:  remaining connection slots are reserved for roles with privileges of the "pg_use_reserved_connections" role',
        'FATAL:  too many connections for role "ppsconsole"',
        'FATAL:  too many connections for database "pps"',
    ],
)
def test_each_way_in_which_a_server_says_so_is_one_word(said: str) -> None:
    error = translated(OSError(said), "db1", "127.9.1.21:5432", "watcher", "pps")
    assert isinstance(error, NoConnectionLeft)
    assert isinstance(error, LoginRefused), "no login, so nothing was done"
    words = words_of(error)
    assert "GRANT pg_use_reserved_connections TO watcher" in words
    assert words.endswith("CONNECTION LIMIT"), "nothing of the remedy is cut off"


def test_it_lives_and_is_told_as_what_it_is() -> None:
    snapshot = seen(full())
    node = snapshot.node("db1")
    assert node is not None
    assert (node.role, node.verdict, node.words) == ("unknown", Verdict.DOWN, "NO CONNECTION LEFT")
    assert [each.sees for each in node.vantages if each.observer == "console"] == ["alive"]
    assert not [way.command for told in advise(snapshot, declared()) for way in told.ways if way.runbook == "failover"]


def test_it_is_neither_failed_over_nor_called_away() -> None:
    blockers = {each.name: each for each in plan(full(), "failover", to="db2").blockers}
    assert blockers["primary-dead"].words == "db1 lives, and has no connection left for the console"
    assert "needs no failover: free a connection" in blockers["primary-dead"].remedy
    with pytest.raises(Barred, match="db1 has no connection left for the console") as raised:
        plan(full(), "switchover", to="db2")
    assert raised.value.rule == "no-connection-left"


def full_standby(found: Found) -> Found:
    """Return the same with a standby that gives out no connection, and goes on taking its primary's log."""
    silence(found, "db2", "no-connection-left")
    return found


def test_a_standby_that_lets_nobody_in_is_not_called_away_and_not_to_be_started() -> None:
    told = next(each for each in advise(seen(full_standby(fine())), declared()) if each.headline.startswith("db2 "))
    assert told.verdict is Verdict.DOWN
    assert told.remedy == "db2 lives: neither start, restart nor fail over for this. Free a connection, as said above."
    assert told.ways == ()


@pytest.mark.parametrize(("found", "runbook"), [(fine(), "switchover"), (killed(), "failover")])
def test_nothing_is_promoted_that_lets_nobody_in(found: Found, runbook: str) -> None:
    with pytest.raises(Barred, match="db2 has no connection left for the console, so nobody knows whether it is") as raised:
        plan(full_standby(found), runbook, to="db2")
    assert raised.value.rule == "no-connection-left"


def test_an_old_primary_is_not_started_beside_a_new_one_that_lets_nobody_in() -> None:
    found = full_standby(killed())
    change(found, "db1", service="stopped", control_state="shut down")
    gate = plan(found, "restart", "db1").steps[0].gate
    assert (gate and gate.flag) == "--attest", "nobody knows; whoever starts it has to"
    change(found, "db2", control_state="in production")
    with pytest.raises(Barred, match=r"db2 runs, and its control file says .in production.: it is a primary") as raised:
        plan(found, "restart", "db1")
    assert raised.value.rule == "second-writer"
    restarts = [way for told in advise(seen(found), declared()) for way in told.ways if way.runbook == "restart"]
    assert [way.is_blocked for way in restarts] == [True]


def test_what_a_balancer_hands_on_from_a_web_node_is_no_cut_between_them() -> None:
    """A web node that gets a connection now and then answers one and not the other: 503, by its own word."""
    for http, by, is_cut in ((503, "pps1", False), (503, None, True), (502, "pps1", True), (504, "pps1", True)):
        found = full()
        change(found, "lb1", http=http, served_by=by)
        headlines = [each.headline for each in advise(seen(found), declared())]
        assert any("the way between them is cut" in each for each in headlines) is is_cut, headlines
        assert any(each.startswith("lb1 ") for each in headlines)
