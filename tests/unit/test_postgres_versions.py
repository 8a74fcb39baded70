"""What differs between majors of PostgreSQL, by value: what is asked of each, what it answers, and what is done because of it.

Columns, functions and settings are those of PostgreSQL's documentation of each release. 15 and the bundled one are asked for real
in `tests/lab/test_postgres_driver.py` and played on in `tests/lab/test_other_standbys.py`; the others cannot be had.
"""

import asyncio
import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from ppsconsole.actions.checkpoint import MAY_SQL
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.actions.standing import STANDING_SQL
from ppsconsole.drivers.postgres_connect import Session
from ppsconsole.drivers.postgres_query import PRIVILEGES_SQL, PostgresStatus, Sight, TooOld, parse_status, status_sql
from ppsconsole.engine.desk import request_of
from ppsconsole.errors import UsageError
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.request import Request
from tests.unit.observations import change, silence
from tests.unit.runbook_cases import Found, declared, fine, killed, plan, state, three, with_third

MAJORS = range(12, 19)


def sight(major: int, *, sees_all: bool = True) -> Sight:
    return Sight(major * 10000 + 3, sees_all, sees_all, sees_all)


def words_of(sql: str) -> set[str]:
    return set(re.findall("[a-z_]+", sql))


# --- what is asked ----------------------------------------------------------------------------------------------------

NEWEST = MAJORS[-1]
ASKED = [
    # what the statement has to name, in which majors it exists
    ("received_lsn", 12, 12),  # pg_stat_wal_receiver: was split into written_lsn and flushed_lsn
    ("flushed_lsn", 13, NEWEST),
    ("wal_status", 13, NEWEST),  # pg_replication_slots
    ("synced", 17, NEWEST),
    ("failover", 17, NEWEST),
    ("datcollversion", 15, NEWEST),  # pg_database
    ("pg_database_collation_actual_version", 15, NEWEST),
    ("received_tli", 12, NEWEST),
    ("reply_time", 12, NEWEST),  # pg_stat_replication
    ("pg_ls_archive_statusdir", 12, NEWEST),
    ("pg_is_in_backup", 12, 14),  # with the exclusive backups
]
NEVER_ASKED = [
    # gone from some major on, or not in all of them: nothing may hang on it
    "safe_wal_size",
    "written_lsn",
    "conflicting",
    "invalidation_reason",
    "inactive_since",
    "two_phase",
    "leader_pid",
    "pg_backup_start_time",
    "wal_keep_segments",
    "wal_keep_size",
    "promote_trigger_file",
    "pg_get_wal_replay_pause_state",
]


@pytest.mark.parametrize("sees_all", [True, False])
@pytest.mark.parametrize("major", MAJORS)
def test_each_major_is_asked_for_what_it_has(major: int, sees_all: bool) -> None:
    asked = words_of(status_sql(sight(major, sees_all=sees_all)))
    for word, since, until in ASKED:
        if word in ("reply_time", "pg_ls_archive_statusdir") and not sees_all:
            continue
        assert (word in asked) == (since <= major <= until), word


@pytest.mark.parametrize("word", NEVER_ASKED)
def test_what_only_some_majors_have_is_asked_of_none(word: str) -> None:
    for major in MAJORS:
        assert word not in words_of(status_sql(sight(major)))
    for sql in (PRIVILEGES_SQL, STANDING_SQL, MAY_SQL):
        assert word not in words_of(sql)


# --- what it answers --------------------------------------------------------------------------------------------------


def recorded(major: int) -> dict[str, Any]:
    """Return what a standby of this major answers to its statement."""
    has_status, has_synced = major >= 13, major >= 17
    settings = {
        "max_connections": "100",
        "default_transaction_read_only": "off",
        "recovery_min_apply_delay": "5min",
        "primary_slot_name": "db2",
        "max_slot_wal_keep_size": "-1" if has_status else None,  # a setting since 13
        "cluster_name": "b",
    }
    return {
        "in_recovery": True,
        "system_identifier": "7300000000000000001",
        "timeline": 3,
        "started_at": 1000.0,
        "server_address": "10.0.0.2",
        "server_port": 5432,
        "clock_at": 2000.0,
        "lsn": "0/3000060",
        "replay_lsn": "0/3000060",
        "is_replay_paused": False,
        "last_replay_at": 1999.0,
        "receiver": ["streaming", 3, "0/3000060", "0/3000060", 0.5, "db2", "10.0.0.1", 5432],
        "slots": [
            ["db3", "physical", True, "reserved" if has_status else None, 64, False],
            ["billing", "logical", False, "extended" if has_status else None, 64, has_synced],
        ],
        "archiver_failed": 0,
        "comment": None,
        "prepared": 0,
        "missing_extensions": None,
        "is_collation_changed": False if major >= 15 else None,
        "settings": settings,
        "archive_backlog": 0,
        "checkpointer_pid": 77,
        "replicas": None,
        "sessions": None,
        "longest_transaction_s": 0.0,
        **({"is_in_exclusive_backup": False} if major < 15 else {}),  # gone with these backups
    }


def answered(major: int) -> PostgresStatus:
    return parse_status(recorded(major), sight(major), 0.01)


@pytest.mark.parametrize("major", MAJORS)
def test_what_a_major_does_not_tell_is_unknown_and_nothing_else_is(major: int) -> None:
    found = answered(major)
    assert found.version // 10000 == major
    assert found.receiver is not None
    assert (found.receiver.status, found.receiver.flushed_lsn, found.receiver.received_timeline) == ("streaming", "0/3000060", 3)
    assert [slot.wal_status for slot in found.slots] == (["reserved", "extended"] if major >= 13 else [None, None])
    assert [slot.is_kept for slot in found.slots] == [False, major >= 17]
    assert found.is_collation_changed is (False if major >= 15 else None)
    told = dict(each.split("=", 1) for each in found.settings)
    assert told.get("max_slot_wal_keep_size") == ("-1" if major >= 13 else None)
    assert told["recovery_min_apply_delay"] == "5min"


# --- what is done -----------------------------------------------------------------------------------------------------


def sent(verb: str, **arguments: str) -> str:
    told = ACTIONS[verb].commands(declared(), Step(verb, "", verb, "db1", "db1", arguments))
    return "\n".join(told)


def test_one_way_is_taken_that_all_majors_have() -> None:
    promote = sent("promote", primary="db2")
    # Not pg_promote (12, and a right of its own), not a trigger file (until 15).
    assert ("pg_ctl promote" in promote, "pg_promote" in promote, "trigger" in promote) == (True, False, False)
    follow = sent("follow", primary="db2")
    # recovery.conf ended with 11: a server that finds one does not start.
    assert ("standby.signal" in follow, "postgresql.auto.conf" in follow, "recovery.conf" in follow) == (True, True, False)
    rewind = sent("rewind", source="db2")
    later = ("--restore-target-wal", "--config-file", "--write-recovery-conf", "--no-ensure-shutdown", " -R", " -c ")  # 13, 15
    assert not any(option in rewind.partition("pg_rewind -D")[2].partition("--progress")[0] for option in later)
    # pg_rewind recovers what crashed by itself since 13, and only where it finds a postgresql.conf.
    assert "--single" in sent("recover")
    clone = sent("clone", source="db2")
    assert clone.index("backup_manifest") < clone.index("pg_verifybackup -q"), "12 makes no manifest: nothing is compared then"
    assert "pg_checkpoint" in MAY_SQL
    assert "pg_roles" in MAY_SQL, "before 15 there is no such role, and asking for a role that is not there fails"


@dataclass
class Servers:
    """What db3 and the new primary db2 answer where db3 is of a certain version; nothing may be sent."""

    version: int
    sent: list[str] = field(default_factory=list)

    async def execute(self, instance: Any, sql: str, **_: Any) -> list[tuple[Any, ...]]:
        is_standby = instance.name == "db3"
        end = "0/3000060"
        return [(is_standby, "7", 1 if is_standby else 2, end, end, False, "streaming", not is_standby)]

    async def status(self, instance: Any, **_: Any) -> Any:
        return SimpleNamespace(version=self.version)

    async def look(self, host: str, command: str, **_: Any) -> Any:
        return SimpleNamespace(stdout="1\t0/3000060\tno recovery target specified\n", stderr="", exit_status=0)

    async def act(self, host: str, command: str, **_: Any) -> Any:
        self.sent.append(command)


@pytest.mark.parametrize("major", MAJORS)
def test_a_primary_is_taken_by_a_reload_from_13_on_and_one_of_12_is_refused_with_its_way_home(major: int) -> None:
    servers = Servers(major * 10000)
    bench = SimpleNamespace(inventory=three(), tools=SimpleNamespace(postgres=servers), hosts=servers)
    found = asyncio.run(ACTIONS["repoint"].precheck(bench, Step("r", "", "repoint", "db3", "db3", {"source": "db2"})))
    if major >= 13:
        assert found.state == "yes", found.words
    else:
        assert (found.state, "older than PostgreSQL 13" in found.words) == ("no", True)
        assert found.words.endswith("ppsconsole run rejoin db3")
    assert servers.sent == []
    made = plan(with_third(fine(), version=major * 10000), "switchover", to="db2", inventory=three())
    assert [step.verb for step in made.steps if step.node == "db3"] == (["repoint"] if major >= 13 else [])
    assert state(made, "other-standbys") == (("ok", False) if major >= 13 else ("failing", False))


# --- too old, too new -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "name"), [(110022, "11"), (100023, "10"), (90624, "9.6"), (0, "0.0")])
def test_what_is_too_old_is_refused_by_name_before_anything_is_asked_of_it(version: int, name: str) -> None:
    asked: list[str] = []

    class Connection:
        async def exec_driver_sql(self, sql: str) -> Any:
            asked.append(sql)

    session = Session(SimpleNamespace(info=SimpleNamespace(server_version=version)), Connection())  # type: ignore[arg-type]
    with pytest.raises(TooOld, match=f"PostgreSQL {re.escape(name)} is too old: the console speaks to 12 and newer") as refused:
        asyncio.run(session.look_around())
    assert (refused.value.word, asked, session.is_usable) == ("too-old", [], False)
    with pytest.raises(TooOld):
        status_sql(Sight(version, True, True, True))


def with_old(found: Found, node: str) -> Found:
    silence(found, node, "too-old")
    change(found, node, service="running")
    return found


@pytest.mark.parametrize(("runbook", "node", "to"), [("switchover", "", "db2"), ("failover", "", "db2"), ("rejoin", "db1", "")])
@pytest.mark.parametrize("old", ["db1", "db2"])
def test_nothing_is_planned_beside_one_that_is_too_old(runbook: str, node: str, to: str, old: str) -> None:
    with pytest.raises(Barred) as refused:
        plan(with_old(fine(), old), runbook, node, to=to)
    assert (refused.value.rule, refused.value.where) == ("too-old", old)


def newer() -> Found:
    """Return the well cluster on a major that nobody tried the console on."""
    found = fine()
    for name in ("db1", "db2"):
        change(found, name, version=190001)
    return found


def tried(made: Plan) -> Item:
    """Return the item that says so."""
    return next(each for each in made.preflight if each.name == "tried-version")


def test_a_major_that_nobody_tried_keeps_a_switchover_back_and_is_named() -> None:
    made = plan(newer(), "switchover", to="db2")
    item = tried(made)
    assert made.blockers == (item,)
    assert "db1 runs PostgreSQL 19.1, db2 runs PostgreSQL 19.1: nobody has tried this console" in item.words
    assert "newer than 18" in item.words
    assert "ppsconsole plan switchover --to db2 --insist tried-version" in item.remedy


def test_whoever_insists_is_warned_and_the_plan_remembers_it() -> None:
    made = plan(newer(), "switchover", to="db2", insist="tried-version")
    assert (made.blockers, tried(made).state) == ((), "failing")
    assert "somebody insisted" in tried(made).words
    assert request_of(made) == Request("switchover", to="db2", insist="tried-version")
    assert made.hash == plan(newer(), "switchover", to="db2").hash, "what is done is the same"
    assert request_of(plan(fine(), "switchover", to="db2", insist="tried-version")).insist == ""
    for runbook, what in (("failover", "tried-version"), ("switchover", "streaming")):
        with pytest.raises(UsageError, match="--insist"):
            plan(newer(), runbook, to="db2", insist=what)


def test_an_emergency_is_told_of_it_and_not_kept_back() -> None:
    found = killed()
    change(found, "db2", version=190001)
    made = plan(found, "failover", to="db2")
    item = tried(made)
    assert (made.blockers, item.state) == ((), "failing")
    assert "db2 runs PostgreSQL 19.1: nobody has tried this console on anything newer than 18" in item.words
    assert "a failover is not kept back" in item.remedy
    assert tried(plan(killed(), "failover", to="db2")).state == "ok"
