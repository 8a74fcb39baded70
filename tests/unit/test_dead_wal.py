"""What pg_waldump says of a dead primary's log, and what that means for a standby: by value."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ppsconsole.actions.dead_wal import Behind, parse_dead_wal, read_dead_wal
from ppsconsole.clock import SystemClock
from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.drivers.base import CommandResult
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.runbooks.history import Sample
from ppsconsole.runbooks.loss import loss_of
from tests.unit.observations import NOW
from tests.unit.runbook_cases import declared, killed, seen

SYSTEM = "7000000000000000001"
CONTROL = f"""Database system identifier:           {SYSTEM}
Database cluster state:               in production
Latest checkpoint location:           0/2000080
Latest checkpoint's TimeLineID:       1
WAL block size:                       8192
Bytes per WAL segment:                16777216
"""
ENDS = "pg_waldump: error: error in WAL record at 0/3000100: invalid record length at 0/3000128: expected at least 24, got 0"
DAY = "2026-11-23"


def behind(have: str = "0/3000060", replay: str = "0/3000060") -> Behind:
    return Behind("db2", have, replay, 1, SYSTEM)


def answer(*records: str, status: int = 1, commits: int | None = None, control: str = CONTROL, left: str = "") -> CommandResult:
    """Return what the host says; a record is `LSN TOTAL` and, where it commits, ` TIME`; a switch is ` SWITCH`."""
    lines = [f"{left}{control}@@wal"]
    counted = 0
    for each in records:
        lsn, total, *when = each.split()
        lines.append(f"r {lsn} {total}")
        if when and when != ["SWITCH"]:
            counted += 1
            lines.append(f"c {lsn} {total} {DAY} {when[0]}")
    lines += [f"status {status}", f"n {counted if commits is None else commits}"]
    if records:
        lsn, total, *when = records[-1].split()
        lines.append(f"last {lsn} {total} {int(when == ['SWITCH'])}")
    return CommandResult(0, "\n".join(lines) + "\n", ENDS, 0.1)


def read(result: CommandResult, found: Behind | None = None) -> DeadWal:
    standby = found or behind()
    return parse_dead_wal(result, DeadWal("db1", "db2", standby.have_lsn, NOW), standby)


BEFORE = "0/3000028 50"  # ends at 0/3000060, as far as the standby has it


def at(time: str) -> float:
    return datetime.fromisoformat(f"{DAY} {time}").replace(tzinfo=UTC).timestamp()


def test_commits_behind_the_standby_are_lost_and_those_before_are_not() -> None:
    found = read(
        answer("0/3000000 34 10:00:00.1", BEFORE, "0/3000060 34 10:00:01.25", "0/3000088 120", "0/3000100 34 10:00:04.75")
    )
    assert (found.trouble, found.commits, found.end_lsn) == ("", 2, "0/3000128")
    assert (found.first_at, found.last_at, found.missing_bytes) == (at("10:00:01.25"), at("10:00:04.75"), 0xC8)


def test_a_commit_that_arrived_by_half_is_lost() -> None:
    standby = behind(have="0/3000070")  # replay knows that the record is not whole
    assert read(answer(BEFORE, "0/3000060 34 10:00:01.0"), standby).commits == 1
    whole = behind(have="0/3000088")
    assert read(answer(BEFORE, "0/3000060 34 10:00:01.0"), whole).commits == 0


def test_a_record_runs_over_the_headers_of_pages() -> None:
    # It begins 16 bytes before the end of a page: 16 there, a header of 24, and the other 24 behind it.
    assert read(answer(BEFORE, "0/3001FF0 34 10:00:01.0")).end_lsn == "0/3002030"
    assert read(answer(BEFORE, "0/3FFFFF0 34 10:00:01.0")).end_lsn == "0/4000040"  # 40 at the beginning of a segment


def test_nothing_behind_the_standby_is_nothing_lost() -> None:
    found = read(answer(BEFORE))
    assert (found.trouble, found.commits, found.missing_bytes, found.first_at) == ("", 0, 0, None)


def test_a_switched_segment_ends_where_the_next_begins() -> None:
    standby = behind(have="0/4000000", replay="0/4000000")
    assert read(answer(BEFORE, "0/3000060 24 SWITCH"), standby).end_lsn == "0/4000000"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (answer(BEFORE, left="process=77 postgres postgres: walwriter\n"), "still has processes"),
        (answer(BEFORE, left="pid=77\n"), "still has processes"),
        (answer(BEFORE, control=""), "control file of db1 was not read"),
        (answer(BEFORE, control=CONTROL.replace(SYSTEM, "1")), "another system"),
        (answer(BEFORE, control=CONTROL.replace("TimeLineID:       1", "TimeLineID:       2")), "stopped on timeline 2"),
        (answer(BEFORE, status=0), "more than 64 MB"),
        (answer(BEFORE, status=124), "took longer than 8s"),
        (answer(), "not read to its end"),
        (answer("0/3000028 80"), "do not fit together"),  # the standby replayed to the middle of it: another history
        (answer("0/3000100 34"), "do not fit together"),  # what comes before it was not seen
        (answer(BEFORE, "0/3000060 34 10:00:00.0", commits=99), "more than 1 commits"),
    ],
)
def test_what_does_not_settle_it_says_why(result: CommandResult, words: str) -> None:
    found = read(result)
    assert (found.end_lsn, found.commits) == (None, 0)
    assert words in found.trouble


def test_a_log_that_cannot_be_opened_has_no_end() -> None:
    result = answer(BEFORE)
    gone = CommandResult(0, result.stdout, 'pg_waldump: error: could not find file "000000010000000000000004"', 0.1)
    assert "could not find file" in read(gone).trouble


def test_a_log_that_ends_before_what_the_standby_has_is_not_believed() -> None:
    assert "do not fit" in read(answer(BEFORE), behind(have="0/3000090")).trouble


def commands(replay: str, *answers: CommandResult) -> tuple[list[str], DeadWal]:
    """Return what is sent to the host, and what is read, where it answers so."""
    sent: list[str] = []

    class Host:
        async def run(self, host: object, command: str, **_: object) -> CommandResult:
            sent.append(command)
            return answers[len(sent) - 1]

    base = declared()
    instance = replace(base.database.instances["db1"], data_directory="/data/d b1", bin_directory="/pg/bin")
    inventory = replace(base, database=replace(base.database, instances={**base.database.instances, "db1": instance}))
    shell: Any = Host()
    found = asyncio.run(read_dead_wal(inventory, shell, SystemClock(), "db1", behind(have=replay, replay=replay)))
    return sent, found


def test_the_command_begins_before_what_was_replayed_and_reads_no_more_than_it_may() -> None:
    (sent,), _ = commands("0/3050000", answer("0/304FFC0 50"))
    assert "-t 1 -p '/data/d b1/pg_wal' -s 0/3040000 -e " in sent
    assert f"; e={0x7050000}; " in sent
    (sent,), _ = commands("0/3004000", answer("0/3003FC0 50"))
    assert "-s 0/3000000 " in sent, "its segment begins there"


def test_a_log_that_begins_with_a_segment_after_a_switch_is_read_from_there() -> None:
    no_record = "pg_waldump: error: could not find a valid record after 0/2FF0000"
    nothing = CommandResult(0, answer().stdout, no_record, 0.1)
    sent, found = commands("0/3000060", nothing, answer(BEFORE, "0/3000060 34 10:00:01.25"))
    assert [each.partition(" -s ")[2].split()[0] for each in sent] == ["0/2FF0000", "0/3000000"]
    assert (found.trouble, found.commits) == ("", 1)
    sent, found = commands("0/3000060", nothing, nothing, nothing)
    assert (len(sent), no_record in found.trouble) == (3, True)


SWITCHED = ("0/2000028 114", "0/2000100 24 SWITCH")


def switched(files_end: int, *records: str) -> CommandResult:
    """Return what the host says whose log was read up to where its files end: nothing complains."""
    found = answer(*(records or SWITCHED), status=0)
    return CommandResult(0, found.stdout.replace("@@wal\n", f"@@wal\nfiles {files_end}\n"), "", 0.1)


def test_a_log_that_was_switched_and_not_gone_on_with_ends_there() -> None:
    nothing = CommandResult(0, answer().stdout, "pg_waldump: error: could not find a valid record after 0/2FF0000", 0.1)
    sent, found = commands("0/3000000", nothing, nothing, switched(0x3000000))
    assert [each.partition(" -s ")[2].split()[0] for each in sent] == ["0/2FF0000", "0/3000000", "0/2000000"]
    assert (found.trouble, found.end_lsn, found.commits, found.missing_bytes) == ("", "0/3000000", 0, 0)


@pytest.mark.parametrize(
    "result",
    [
        switched(0x4000000),  # there was more, and it is not read
        switched(0),  # nobody knows what there is
        switched(0x3000000, "0/2000028 114"),  # the last record goes on in a file that is gone
    ],
)
def test_a_reading_that_ends_elsewhere_than_the_files_settles_nothing(result: CommandResult) -> None:
    found = read(result, behind(have="0/3000000", replay="0/3000000"))
    assert (found.end_lsn, "or its last file is not whole" in found.trouble) == (None, True)


def loss(found: DeadWal, *samples: Sample) -> Loss:
    return loss_of(samples, seen(killed()), None, primary="db1", standby="db2", dead_wal=found)


def test_what_was_read_is_the_loss() -> None:
    found = loss(read(answer(BEFORE, "0/3000060 34 10:00:01.25", "0/3000088 34 10:00:04.75")))
    assert (found.tier, found.window_s, found.transactions, found.missing_bytes) == (LossTier.EXACT, 3.5, 2, 0x50)
    assert found.said() == "2 transactions, 3.5s (exact)"
    assert "10:00:01.250 to 10:00:04.750" in found.words
    assert found.is_accepted_by(4.0)
    assert not found.is_accepted_by(3.0)


def test_one_lost_commit_is_not_accepted_by_zero() -> None:
    found = loss(read(answer(BEFORE, "0/3000060 34 10:00:01.25")))
    assert found.said().startswith("1 transaction,")
    assert not found.is_accepted_by(0.0)
    assert found.is_accepted_by(1.0)


def test_exactly_nothing_is_said_so() -> None:
    found = loss(read(answer(BEFORE)))
    assert (found.tier, found.window_s, found.transactions, found.said()) == (LossTier.EXACT, 0.0, 0, "none (exact)")
    assert found.is_accepted_by(0.0)


def test_what_could_not_be_read_falls_back_with_its_reason() -> None:
    found = loss(DeadWal("db1", "db2", "0/3000060", NOW, trouble="no disk"))
    assert found.tier is LossTier.BOUNDED
    assert found.words.endswith("; not exact: no disk")


def test_a_disk_that_lost_what_the_primary_had_is_not_believed() -> None:
    found = loss(read(answer(BEFORE)), Sample(NOW - 9, "0/3000090", "0/3000060", NOW - 9, True))
    assert found.tier is LossTier.BOUNDED
    assert "its disk lacks some of it" in found.words


def test_what_was_read_of_others_says_nothing() -> None:
    found = loss(DeadWal("db9", "db2", "0/3000060", NOW, end_lsn="0/3000060"))
    assert found.tier is LossTier.BOUNDED
    assert "exact" not in found.words


def test_a_log_that_was_read_for_another_position_of_the_standby_is_not_believed() -> None:
    found = loss(replace(read(answer(BEFORE)), have_lsn="0/3000058"))
    assert found.tier is LossTier.BOUNDED
    assert "db2 was elsewhere when the log of db1 was read" in found.words
