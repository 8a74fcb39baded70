"""A standby that cannot go on, or must not be started as it is: lost slots, commits that wait for it, a lost signal file."""

from dataclasses import replace

import pytest

from ppsconsole.actions.boot_guard import guard_script
from ppsconsole.actions.looks import parse_remains
from ppsconsole.advice.diagnosis import Advice, advise
from ppsconsole.cluster.database import Receiver, Replica, Slot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.postgres_connect import translated
from ppsconsole.probes.judge_database import commits_wait
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.rejoin_way import decide
from tests.unit.observations import NOW, change
from tests.unit.runbook_cases import Found, declared, fine, plan, seen, setting
from tests.unit.test_rejoin import STANDBY

ROW = Replica("db2", "127.9.2.21", "streaming", "sync", "0/3000060", "0/3000060", "0/3000060", 0, 0, None, None)
LOST = (Slot("db2", "physical", False, "lost", None),)


def cut_off(*slots: Slot) -> Found:
    """Return: db2 is a standby that streams from nobody, and db1 has these slots."""
    found = fine()
    change(found, "db2", receiver=Receiver("none"))
    change(found, "db1", replicas=(), slots=slots, started_at=NOW - 600)
    return found


def advised(found: Found) -> tuple[Advice, ...]:
    return advise(seen(found), declared())


def test_a_standby_whose_slot_is_lost_is_told_to_be_rejoined_and_the_network_is_not_blamed() -> None:
    found = cut_off(*LOST)
    told = next(each for each in advised(found) if each.headline.startswith("db2 streams from nobody"))
    assert "its slot db2 on db1 is lost" in told.headline
    assert "ppsconsole run rejoin db2" in [way.command for way in told.ways]
    node = seen(found).node("db1")
    assert node is not None
    [words] = [each.words for each in node.judgements if each.rule == "slots"]
    assert "slot db2 is lost" in words
    assert "keeps WAL" not in words
    [cut] = [each for each in advised(cut_off(Slot("db2", "physical", False, "reserved", 0))) if "only the way" in each.headline]
    assert cut.verdict is Verdict.DOWN


def test_a_lost_slot_takes_a_copy_unless_there_is_an_archive() -> None:
    lost = replace(STANDBY, node="db1", lost_slots=("db1",))
    decision = decide(lost)
    assert (decision.way, "its slot db1 on db2 is lost" in decision.why) == ("re-clone", True)
    assert decide(replace(lost, has_archive=True)).way == "follow"
    assert decide(replace(STANDBY, lost_slots=("db3",))).way == "follow"


@pytest.mark.parametrize(
    ("names", "commit", "replicas", "said"),
    [
        ("db2", "on", (), "(db2), and 0 of 1 are there"),
        ("FIRST 2 (db2, db3)", "on", (ROW,), "1 of 2 are there"),
        ("any 1 (db2, db3)", "on", (replace(ROW, sync_state="quorum"),), ""),
        ("db2", "on", (ROW,), ""),
        ("db2", "on", (replace(ROW, sync_state="async"),), "0 of 1"),
        ("db2", "local", (), ""),
        ("db2", "on", None, ""),
        ("", "on", (), ""),
    ],
)
def test_commits_that_wait_are_told_with_what_for(
    names: str, commit: str, replicas: tuple[Replica, ...] | None, said: str
) -> None:
    found = commits_wait({"synchronous_standby_names": names, "synchronous_commit": commit}, replicas)
    assert said in found
    assert bool(found) == bool(said)


def test_a_primary_that_waits_for_its_standby_is_down_and_the_statement_that_frees_it_is_told() -> None:
    found = fine()
    setting(found, "db1", synchronous_standby_names="db2")
    change(found, "db1", replicas=())
    [told] = [each for each in advised(found) if "commits do not end" in each.headline]
    assert told.verdict is Verdict.DOWN
    assert "ALTER SYSTEM SET synchronous_standby_names = ''" in told.remedy


def test_what_would_not_come_up_as_what_it_was_is_told_apart() -> None:
    control = "Database system identifier: 7\nDatabase cluster state: shut down in recovery\n"
    control += "Latest checkpoint location: 0/1\nLatest checkpoint's TimeLineID: 1\n"
    assert parse_remains(CommandResult(0, control, "", 0.1)).has_lost_signal
    assert not parse_remains(CommandResult(0, "standby=yes\n" + control, "", 0.1)).has_lost_signal
    assert not parse_remains(CommandResult(0, control.replace(" in recovery", ""), "", 0.1)).has_lost_signal
    assert parse_remains(CommandResult(0, "rewinding=yes\n" + control, "", 0.1)).is_half_rewound


def test_a_boot_guard_looks_for_a_rewind_that_never_ended_before_anything_else() -> None:
    script = guard_script(declared(), "db1")
    assert script.index(".rewinding") < script.index("standby.signal")


def test_a_copy_of_a_primary_that_grows_while_its_plan_is_read_is_the_same_plan() -> None:
    lost = replace(STANDBY, source="db1", node="db2", lost_slots=("db2",))

    def hashed(size: int) -> str:
        return plan(cut_off(*LOST), "rejoin", "db2", background=Background(remnant=replace(lost, source_bytes=size))).hash

    assert hashed(1 << 30) == hashed((1 << 30) + 40_000_000)


def test_a_primary_whose_connections_all_wait_is_not_told_as_a_wrong_password() -> None:
    said = "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute"
    told = translated(OSError(said), "db1", "127.9.1.21:5432", "ppsconsole", "pleasant")
    assert "has no connection left" in told.what
    assert "synchronous standby" in told.remedy
