"""What a log holds behind the fork, as pg_waldump tells it; what a report says of it; which files hold it; how they travel."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ppsconsole.actions.lost_log import LostLog, lost_log_command, parse_lost_log
from ppsconsole.actions.wal_files import PIECE_BYTES, add_piece, is_unwritten, listing, parse_listing, piece, segments
from ppsconsole.advice.diagnosis import advise
from ppsconsole.cluster.lost_writes import LostTransaction, LostWrites
from ppsconsole.drivers.base import CommandResult
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.salvage import with_salvage
from tests.unit.observations import change, change_host
from tests.unit.runbook_cases import Found, declared, fine, killed, plan, seen

MB16 = 16 << 20
ENDS = "pg_waldump: error: error in WAL record at 0/3000300: invalid record length at 0/3000328: expected at least 24, got 0"
HEAP = "rmgr: Heap        len (rec/tot):     54/    54, tx:        {tx}, lsn: 0/{lsn}, prev 0/3000000, desc: INSERT off 2, "
COMMIT = (
    "rmgr: Transaction len (rec/tot):     34/    34, tx:        {tx}, lsn: 0/{lsn}, prev 0/3000000, desc: COMMIT {at} UTC{more}"
)
DUMP = "\n".join(
    (
        HEAP.format(tx=745, lsn="03000100") + "blkref #0: rel 1663/16384/16385 blk 0",
        HEAP.format(tx=746, lsn="03000138") + "blkref #0: rel 1663/16384/16390 blk 0, blkref #1: rel 1663/16384/16385 blk 7",
        HEAP.format(tx=747, lsn="03000170") + "blkref #0: rel 1663/16384/16400 fork fsm blk 0",
        COMMIT.format(tx=745, lsn="030001A8", at="2026-11-23 10:00:01.250000", more="; subxacts: 746"),
        "rmgr: Standby     len (rec/tot):     50/    50, tx:          0, lsn: 0/030001D0, prev 0/3000000, desc: RUNNING_XACTS",
        COMMIT.format(tx=748, lsn="03000208", at="2026-11-23 10:00:04.750000", more=""),
        "rmgr: Transaction len (rec/tot):     34/    34, tx:        749, lsn: 0/03000300, prev 0/3000000, desc: ABORT",
    )
)


def read(tmp_path: Path, dump: str = DUMP, ends: str = ENDS, status: int = 1) -> LostLog:
    """Return what is understood where pg_waldump says this; the shell and awk are real."""
    program = tmp_path / "waldump"
    program.write_text(f"#!/bin/sh\ncat <<'EOF'\n{dump}\nEOF\necho '{ends}' >&2\nexit {status}\n")
    program.chmod(0o755)
    command = lost_log_command(str(program), "/x", 1, "0/3000100")
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    return parse_lost_log(CommandResult(done.returncode, done.stdout, done.stderr, 0.1), "0/3000100", MB16)


def test_what_was_committed_is_told_with_its_subtransactions_and_what_was_not_is_counted(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert (found.trouble, found.count, found.unfinished, found.end_lsn) == ("", 2, 2, "0/3000328")
    first, last = found.transactions
    at = datetime(2026, 11, 23, 10, 0, 1, 250000, UTC).timestamp()
    assert first == LostTransaction(745, "0/030001A8", at, 3, 142, ("1663/16384/16385", "1663/16384/16390"))
    assert (last.xid, last.records, last.wal_bytes, last.relations) == (748, 1, 34, ())


def test_a_log_without_a_record_behind_the_fork_lost_nothing(tmp_path: Path) -> None:
    ends = "pg_waldump: error: could not find a valid record after 0/3000100"
    found = read(tmp_path, dump="", ends=ends)
    assert (found.trouble, found.count, found.end_lsn) == ("", 0, "0/3000100")


@pytest.mark.parametrize(
    ("dump", "ends", "status", "words"),
    [
        (DUMP, "pg_waldump: error: could not read file", 1, "could not read file"),
        ("", "pg_waldump: error: could not open directory", 1, "could not open directory"),
        ("", 'pg_waldump: error: could not find file "000000010000000000000003"', 1, "could not find file"),
        (DUMP, "", 124, "longer than"),
        (DUMP, "", 0, "said nothing"),
    ],
)
def test_a_log_that_was_not_read_to_its_end_says_why(tmp_path: Path, dump: str, ends: str, status: int, words: str) -> None:
    found = read(tmp_path, dump, ends, status)
    assert (words in found.trouble, found.count) == (True, 0)


def test_lost_writes_are_told_and_kept_in_a_journal(tmp_path: Path) -> None:
    found = read(tmp_path)
    lost = LostWrites("db1", 1, "0/3000100", found.end_lsn, 3, found.unfinished, "/data/kept", found.transactions)
    assert LostWrites.from_json(lost.as_json()) == lost
    assert lost.said() == "3 transactions (counted)"
    head, first, *_, more = lost.lines()
    assert head.startswith("3 transactions lost, and 2 more that were not committed, on timeline 1 of db1, from 0/3000100 to")
    assert "kept in /data/kept" in head
    assert first == "transaction 745 at 10:00:01.250 UTC: 3 records, 142 bytes: 1663/16384/16385, 1663/16384/16390"
    assert more == "and 1 more"
    nothing = replace(lost, count=0, unfinished=0, path="", transactions=())
    assert (nothing.said(), len(nothing.lines())) == ("none (counted)", 1)


def test_the_files_of_a_range_of_the_log() -> None:
    assert segments(1, "0/3000060", "0/3000128", MB16) == ("000000010000000000000003",)
    assert segments(1, "0/4000000", "0/4000000", MB16) == ()
    assert segments(1, "0/3FFFFF0", "0/4000000", MB16) == ("000000010000000000000003",)
    assert segments(2, "0/FF000000", "1/1000001", MB16) == tuple(
        f"00000002{n}" for n in ("00000000000000FF", "0000000100000000", "0000000100000001")
    )
    assert segments(1, "1/0", "1/40000001", 1 << 30) == ("000000010000000100000000", "000000010000000100000001")


def test_a_file_travels_in_pieces_and_a_piece_that_was_cut_off_is_written_anew(tmp_path: Path) -> None:
    content = bytes(range(256)) * (PIECE_BYTES // 256) + b"tail"
    source, target = tmp_path / "from it", tmp_path / "to it"
    source.mkdir()
    (source / "W").write_bytes(content)

    def carried(offset: int, *, is_cut: bool = False) -> int:
        text = subprocess.run(["/bin/sh", "-c", piece(str(source), "W", offset)], capture_output=True, check=True).stdout
        sent = text[: len(text) // 2] if is_cut else text
        return subprocess.run(
            ["/bin/sh", "-c", add_piece(str(target), "W.part", offset)], input=sent, capture_output=True
        ).returncode

    assert carried(0, is_cut=True) != 0
    assert carried(PIECE_BYTES) == 65, "a piece that was cut off leaves no room for the next"
    assert [carried(0), carried(PIECE_BYTES), carried(PIECE_BYTES)] == [0, 0, 0]
    assert (target / "W.part").read_bytes() == content
    (target / "W.part").rename(target / "W")
    lists = [
        subprocess.run(["/bin/sh", "-c", listing(str(each), ("W", "X"))], capture_output=True, text=True).stdout
        for each in (source, target)
    ]
    assert parse_listing(lists[0]) == parse_listing(lists[1])
    assert parse_listing(lists[0])["W"][0] == len(content)


def test_a_salvage_is_promised_only_while_it_is_ahead() -> None:
    loss = with_salvage(Loss(LossTier.EXACT, 3.2, 500, 12, "read"), "db2", None)
    assert loss.said() == "none after salvage, else 12 transactions, 3.2s (exact)"
    assert loss.is_accepted_by(0.0)
    assert not loss.is_accepted_by(None)
    assert not replace(loss, is_salvage_ahead=False).is_accepted_by(0.0)
    assert Loss.from_json(loss.as_json()) == loss


def test_lost_writes_are_listed_of_one_that_is_down_beside_a_primary() -> None:
    found = fine()
    change(found, "db2", in_recovery=False, receiver=None, timeline=2)
    change(found, "db1", sql="refused", in_recovery=None, service="failed", service_pid=None, control_timeline=1)
    made = plan(found, "lost-writes", "db1")
    assert [(step.verb, step.node, step.arguments["primary"]) for step in made.steps] == [("keep-lost-writes", "db1", "db2")]
    assert (made.downtime_s, made.loss.tier, made.steps[0].gate.kind) == (0.0, LossTier.NONE, "confirm")
    with pytest.raises(Barred, match="is the primary"):
        plan(found, "lost-writes", "db2")
    with pytest.raises(Barred, match="no instance answers as the primary"):
        plan(killed(), "lost-writes", "db1")


def left_behind() -> Found:
    """Return: db2 was promoted, and db1 is down since, on the timeline before."""
    found = killed()
    change(found, "db2", in_recovery=False, timeline=2, receiver=None, is_writable=True)
    return found


def test_lost_writes_are_offered_to_be_listed_where_the_old_primary_can_be_read() -> None:
    def offered(found: Found) -> bool:
        told = advise(seen(found), declared())
        return any(way.command == "ppsconsole run lost-writes db1" and not way.is_blocked for each in told for way in each.ways)

    assert offered(left_behind())
    for hidden in ({"service": "running"}, {"control_state": "shut down in recovery"}, {"control_timeline": 2}):
        found = left_behind()
        change(found, "db1", **hidden)
        assert not offered(found), hidden
    unreadable = left_behind()
    change_host(unreadable, "db1", ssh="unreachable")
    assert not offered(unreadable)
    assert not offered(killed())


@pytest.mark.parametrize("words", ["(0 bytes)", "header specifies 0 bytes"])
def test_only_the_file_that_the_log_would_go_on_in_tells_of_its_end(words: str) -> None:
    size = 16 << 20
    told = f'pg_waldump: error: ... the WAL file "000000020000000100000003" {words}'
    there = (0x100 + 3) * size
    assert is_unwritten(told, there, size)
    assert not is_unwritten(told, there + size, size), "another one is full of zeros"
    assert not is_unwritten(told.replace(" 0 bytes", " 7 bytes").replace("(0 ", "(7 "), there, size)
