"""An instance that has given away all its connections lives: it is told so, not restarted and not failed over, by value."""

import pytest

from ppsconsole.advice.diagnosis import advise
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.drivers.postgres_connect import NoConnectionLeft, translated
from ppsconsole.errors import LoginRefused
from ppsconsole.probes.base import words_of
from ppsconsole.runbooks.barred import Barred
from tests.unit.observations import change, change_host, silence
from tests.unit.runbook_cases import Found, declared, fine, plan, seen


def full() -> Found:
    """Return: db1 gives out no connection, and its host cannot be logged in to: nobody else says that it lives."""
    found = fine()
    silence(found, "db1", "no-connection-left")
    change(found, "db1", service=None, service_pid=None, control_state=None)
    change_host(found, "db1", ssh="unreachable")
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
