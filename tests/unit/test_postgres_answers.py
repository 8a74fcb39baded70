"""Recorded answers of real servers, and what is made of them where majors of PostgreSQL differ.

`answers/15.json` and `answers/18.json` are what a primary and its standby answered to the console's own statement, recorded by
`python -m tests.lab.record_answers`. Those of 12, 13, 14, 16 and 17 are derived from the nearer of the two by the documentation
of these releases: no server of them was asked.
"""

import copy
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ppsconsole.actions.registry import ACTIONS
from ppsconsole.cluster.database import Receiver
from ppsconsole.drivers.postgres_query import PostgresStatus, Sight, parse_status, status_sql
from ppsconsole.plan.step import Step
from tests.unit.observations import change
from tests.unit.runbook_cases import Found, declared, fine, plan, setting, state, three, with_third
from tests.unit.test_rejoin import CRASHED, failed_over
from tests.unit.test_rejoin import made as rejoin

RECORDED, DERIVED = (15, 18), (12, 13, 14, 16, 17)
MAJORS = sorted(RECORDED + DERIVED)
WAL_STATUS = 3
"""Where it stands in the answer about a slot."""


def answers(major: int) -> dict[str, Any]:
    """Return what a primary and a standby of this major answer: recorded, or derived."""
    source = major if major in RECORDED else 15 if major < 17 else 18
    found = json.loads((Path(__file__).parent / "answers" / f"{source}.json").read_text())
    for told in found.values():
        told["version"] = told["version"] if source == major else major * 10000 + 3
        answer = told["answer"]
        if major < 15:  # pg_database.datcollversion came, exclusive backups went: "Release 15"
            answer["is_collation_changed"] = None
            answer["is_in_exclusive_backup"] = False
        if major < 13:  # max_slot_wal_keep_size, pg_replication_slots.wal_status: "Release 13"
            answer["settings"]["max_slot_wal_keep_size"] = None
            for slot in answer["slots"] or ():
                slot[WAL_STATUS] = None
    return copy.deepcopy(found)


def parsed(major: int, role: str) -> PostgresStatus:
    told = answers(major)[role]
    return parse_status(told["answer"], Sight(told["version"], True, True, True), 0.01)


@pytest.mark.parametrize("major", RECORDED)
def test_what_was_recorded_is_what_is_asked_today_and_tells_nothing_of_the_machine(major: int) -> None:
    for role, told in answers(major).items():
        assert told["version"] // 10000 == major
        sql = status_sql(Sight(told["version"], True, True, True))
        asked = set(re.findall(r"^(?:SELECT json_build_object\()?'(\w+)', ", sql, re.MULTILINE))
        assert set(told["answer"]) == asked, f"{role}: record them again, python -m tests.lab.record_answers"
        texts = [each for each in told["answer"]["settings"].values() if each and "/" in each]
        assert texts == ["/var/lib/postgresql/data"]


@pytest.mark.parametrize("major", MAJORS)
def test_a_primary_tells_its_standby_its_slots_and_its_sessions(major: int) -> None:
    found = parsed(major, "primary")
    assert (found.version // 10000, found.in_recovery, found.is_writable, found.timeline) == (major, False, True, 1)
    assert found.receiver is not None
    assert found.receiver.status == "none"
    (replica,) = found.replicas or ()
    assert (replica.application_name, replica.state, replica.sync_state) == ("standby_1", "streaming", "async")
    assert replica.flush_lsn is not None
    assert [(each.name, each.is_active, each.wal_status) for each in found.slots] == [
        ("going", False, "unreserved" if major >= 13 else None),
        ("gone", False, "lost" if major >= 13 else None),
        ("standby_1", True, "reserved" if major >= 13 else None),
    ]
    (session,) = found.sessions or ()
    assert (session.application_name, session.database, session.count) == ("web1", "pps", 1)
    assert found.is_collation_changed is (False if major >= 15 else None)
    assert found.checkpointer_pid is not None


@pytest.mark.parametrize("major", MAJORS)
def test_a_standby_tells_its_receiver(major: int) -> None:
    primary, found = parsed(major, "primary"), parsed(major, "standby")
    assert (found.version // 10000, found.in_recovery, found.is_writable) == (major, True, False)
    assert (found.timeline, found.system_identifier) == (primary.timeline, primary.system_identifier)
    assert found.receiver is not None
    assert (found.receiver.status, found.receiver.slot_name, found.receiver.sender_port) == (
        "streaming",
        "standby_1",
        primary.server_port,
    )
    assert (found.replicas, found.sessions, found.is_replay_paused) == ((), (), False)


def of(major: int) -> Found:
    """Return the well cluster on this major."""
    found = fine()
    for name in ("db1", "db2"):
        change(found, name, version=major * 10000 + 3)
    return found


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize(
    ("slot", "wanted"), [("gone", ("failing", True)), ("going", ("failing", False)), ("standby_1", ("ok", False))]
)
def test_a_slot_that_lost_what_the_standby_needs_bars_and_one_about_to_warns(
    major: int, slot: str, wanted: tuple[str, bool]
) -> None:
    found = of(major)
    change(found, "db1", slots=parsed(major, "primary").slots)
    receiver = parsed(major, "standby").receiver
    assert receiver is not None
    setting(found, "db2", primary_slot_name=slot)
    change(found, "db2", receiver=None)
    # 12 has no limit behind which a slot is lost, and nothing to tell of it.
    assert state(plan(found, "switchover", to="db2"), "standby-slot") == (wanted if major >= 13 else ("ok", False))


@pytest.mark.parametrize("major", MAJORS)
def test_a_standby_with_less_connections_than_its_primary_is_told_before_its_replay_stops_or_pauses(major: int) -> None:
    found = of(major)
    setting(found, "db2", max_connections="20")
    made = plan(found, "switchover", to="db2")
    assert state(made, "parameters") == ("failing", True), "12 and 13 shut it down at that, 14 and newer pause"
    assert state(made, "replay") == ("ok", False)
    if major >= 14:
        change(found, "db2", is_replay_paused=True)
        made = plan(found, "switchover", to="db2")
        item = next(each for each in made.preflight if each.name == "replay")
        assert item.is_blocked
        assert "do not resume: that shuts it down" in item.remedy


@pytest.mark.parametrize("major", MAJORS)
def test_an_exclusive_backup_that_a_stop_would_break_off_is_told_where_there_are_such(major: int) -> None:
    told = answers(major)["primary"]
    told["answer"]["is_in_exclusive_backup"] = True
    status = parse_status(told["answer"], Sight(told["version"], True, True, True), 0.01)
    assert status.is_in_exclusive_backup is (major < 15)
    found = of(major)
    change(found, "db1", is_in_exclusive_backup=status.is_in_exclusive_backup)
    made = plan(found, "switchover", to="db2")
    item = next(each for each in made.preflight if each.name == "walsenders")
    assert (item.state, item.is_blocked) == (("failing", False) if major < 15 else ("ok", False))
    assert ("pg_stop_backup()" in item.remedy) is (major < 15)


@pytest.mark.parametrize("major", MAJORS)
def test_what_is_rewound_is_rewound_from_the_primary_also_where_a_standby_would_do(major: int) -> None:
    # A running standby as the source is good for pg_rewind from 14 on only.
    receiver = Receiver("streaming", 2, "0/3000060", "0/3000060", 0.1, "db3", "127.9.2.1", 5432)
    found = with_third(failed_over(), in_recovery=True, replicas=(), slots=(), receiver=receiver, timeline=2)
    for name in ("db2", "db3"):
        change(found, name, version=major * 10000 + 3)
    here = dict.fromkeys(("major", "source_major", "programs_major"), major)
    made = rejoin(replace(CRASHED, **here), found, inventory=three())
    assert [step.arguments["source"] for step in made.steps if step.verb == "rewind"] == ["db2"]


def test_what_differs_in_recovery_settings_is_not_used() -> None:
    # `restore_command` takes a restart before 14, what keeps WAL was renamed in 13: nothing that is sent sets either.
    for verb, arguments in {"follow": {"primary": "db2"}, "repoint": {"source": "db2"}, "clone": {"source": "db2"}}.items():
        told = "\n".join(ACTIONS[verb].commands(declared(), Step(verb, "", verb, "db1", "db1", arguments)))
        assert told
        assert not any(word in told for word in ("restore_command", "wal_keep_s", "promote_trigger_file")), verb
