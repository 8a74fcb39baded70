"""Whether the standbys to be are let in by the new primary: tried on their own hosts before anything is moved, told in words."""

import asyncio
from dataclasses import replace

import pytest

from ppsconsole.actions.way_there import try_way
from ppsconsole.cluster.way_there import WayThere
from ppsconsole.drivers.base import CommandResult
from ppsconsole.engine.facts import ways
from ppsconsole.errors import Unreachable
from ppsconsole.inventory.model import Host, Inventory
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.request import Request
from tests.unit.observations import change_host
from tests.unit.runbook_cases import Found, declared, fine, killed, plan, seen

NAME = "replication-login"
SYSTEM = str(seen(fine()).node("db2").value("system_identifier"))


class Shell:
    """A host that answers every command the same, or not at all; keeps what was asked."""

    def __init__(self, *results: CommandResult | Exception) -> None:
        self.results, self.asked = list(results), []

    async def run(self, host: Host, command: str, **_: object) -> CommandResult:
        self.asked.append((host.name, command))
        found = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(found, Exception):
            raise found
        return found


def answers(status: int, out: str = "", error: str = "") -> CommandResult:
    return CommandResult(status, out, error, 0.1)


def with_way(way: str = "host=db2 port=5432 user=repl passfile=/etc/pgpass") -> Inventory:
    plain = declared()
    db1 = replace(plain.database.instances["db1"], upstreams={"db2": way} if way else {})
    return replace(plain, database=replace(plain.database, instances={**plain.database.instances, "db1": db1}))


def tried(shell: Shell, inventory: Inventory | None = None) -> WayThere:
    return asyncio.run(try_way(inventory or with_way(), shell, "db1", "db2"))


def test_it_is_tried_on_its_own_host_by_the_words_that_would_be_written_and_changes_nothing() -> None:
    shell = Shell(answers(0, f"{SYSTEM}|1|0/3000060|\n"))
    assert tried(shell) == WayThere("db1", "db2", True, system=SYSTEM)
    ((host, command),) = shell.asked
    assert host == "db1"
    assert "-c IDENTIFY_SYSTEM" in command
    assert "host=db2 port=5432 user=repl passfile=/etc/pgpass application_name=db1 replication=true" in command
    assert " -XAtqw " in command, "it never asks for a password"


def test_where_no_way_is_declared_it_is_the_one_by_which_the_new_primary_followed() -> None:
    followed = "user=repl passfile=''/etc/pgpass'' host=db1 port=5432 application_name=db2"
    shell = Shell(answers(0, followed), answers(0, f"{SYSTEM}|1|0/3000060|\n"))
    assert tried(shell, with_way("")).is_open
    assert [host for host, _ in shell.asked] == ["db2", "db1"]
    assert "user=repl passfile=/etc/pgpass application_name=db1 replication=true" in shell.asked[1][1]


@pytest.mark.parametrize(
    ("result", "is_open", "words"),
    [
        (answers(2, error='FATAL:  password authentication failed for user "repl"'), False, "password authentication failed"),
        (answers(127), None, "there is no psql on db1"),
        (answers(124), None, "no answer within 6s"),
        (answers(1), False, "status 1"),
        (Unreachable("the line is cut"), None, "db1: the line is cut"),
    ],
)
def test_what_is_refused_and_what_could_not_be_tried_are_two_things(
    result: CommandResult | Exception, is_open: bool | None, words: str
) -> None:
    way = tried(Shell(result))
    assert way.is_open is is_open
    assert words in way.words


def test_a_password_among_the_words_is_never_sent() -> None:
    shell = Shell(answers(0))
    way = tried(shell, with_way("host=db2 user=repl password=hunter2"))
    assert (way.is_open, shell.asked) == (False, [])
    assert "hunter2" not in way.words
    shell = Shell(answers(0, "user=repl password=hunter2 host=db1"))
    way = tried(shell, with_way(""))
    assert (way.is_open, len(shell.asked)) == (None, 1)
    assert "hunter2" not in way.words


@pytest.mark.parametrize(
    "followed",
    [
        "user=repl sslkey=/k sslpassword=hunter2 host=db1",
        "user=repl sslpassword = 'hunter2' host=db1",
        "user=repl oauth_client_secret=hunter2 host=db1",
        "user=repl scram_client_key=hunter2 host=db1",
        "postgresql://repl:hunter2@db1/?sslmode=require",
    ],
)
def test_no_other_secret_of_the_setting_that_it_followed_by_is_sent_either(followed: str) -> None:
    shell = Shell(answers(0, followed))
    way = tried(shell, with_way(""))
    assert (way.is_open, len(shell.asked)) == (None, 1)
    assert "hunter2" not in way.words
    shell = Shell(answers(0))
    assert (tried(shell, with_way(followed)).is_open, shell.asked) == (False, [])


def item(found: Found, runbook: str, *trials: WayThere) -> tuple[str, str, bool]:
    """Return state, words and whether it blocks of the item, with these trials; none of them: nobody tried."""
    background = Background(ways={each.node: each for each in trials} or None)
    made = plan(found, runbook, to="db2", background=background)
    return next((each.state, each.words, each.is_blocked) for each in made.preflight if each.name == NAME)


@pytest.mark.parametrize(("found", "runbook"), [(fine(), "switchover"), (killed(), "failover")])
def test_the_item_warns_and_never_keeps_anybody_down(found: Found, runbook: str) -> None:
    refused = WayThere("db1", "db2", False, "no pg_hba.conf entry for replication connection")
    assert item(found, runbook, WayThere("db1", "db2", True, system=SYSTEM))[0] == "ok"
    state, words, is_blocked = item(found, runbook, refused)
    assert (state, is_blocked) == ("failing", False)
    assert "would not be let in by db2 as a standby: db1: no pg_hba.conf entry" in words
    assert item(found, runbook, WayThere("db1", "db2", None, "its host cannot be logged in to"))[:2] == (
        "not checked",
        "whether db2 would let them in as a standby was not tried: db1 (its host cannot be logged in to)",
    )
    assert item(found, runbook)[0] == "not checked"
    assert "another system answers there, 99" in item(found, runbook, WayThere("db1", "db2", True, system="99"))[1]


def test_it_is_tried_for_what_moves_a_primary_and_only_where_the_host_lets_the_console_in() -> None:
    shell = Shell(answers(0, f"{SYSTEM}|1|0/3000060|\n"))

    def asked(found: Found, runbook: str) -> dict[str, WayThere] | None:
        return asyncio.run(ways(with_way(), seen(found), shell, Request(runbook, to="db2")))  # type: ignore[arg-type]

    assert asked(fine(), "switchover") == {"db1": WayThere("db1", "db2", True, system=SYSTEM)}
    assert asked(killed(), "failover") == {"db1": WayThere("db1", "db2", True, system=SYSTEM)}
    assert asked(fine(), "restart") is None
    assert asked(fine(), "failover") is None, "its primary lives: there is nothing to fail over"
    gone = killed()
    change_host(gone, "db1", ssh="unreachable")
    before = len(shell.asked)
    (way,) = (asked(gone, "failover") or {}).values()
    assert (way.is_open, len(shell.asked)) == (None, before)
