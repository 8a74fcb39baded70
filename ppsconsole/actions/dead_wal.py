"""Reads the end of the WAL of a dead primary on its own host, with its own programs; changes nothing there.

The standby has a transaction when it has the whole of its COMMIT record. So reading begins before the position that the standby
has replayed, which is the end of a record, and every COMMIT whose end lies behind what the standby has flushed is lost.
"""

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime

from ppsconsole.actions.looks import parse_remains, remains_command
from ppsconsole.actions.places import data_directory_of, program_of
from ppsconsole.actions.wal_files import named_for_waldump
from ppsconsole.clock import Clock
from ppsconsole.cluster.database import lsn_number
from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.drivers.base import CommandResult, Shell
from ppsconsole.errors import Blocked, DriverError
from ppsconsole.inventory.model import Instance, Inventory
from ppsconsole.masking import plain


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a log is read, and for how long.

    Attributes:
        wal_bytes: More WAL than this is not read.
        time_s: For the program that reads it, in seconds.
        is_every_commit_needed: More commits than can be told make the reading useless; else only its end counts.
    """

    wal_bytes: int
    time_s: float
    is_every_commit_needed: bool = True


FOR_A_PLAN = Limits(64 << 20, 8.0)
"""The answer to more would take longer than anybody wants to wait for a plan."""

_BEFORE = 64 << 10
_COMMITS, _RECORDS = 20_000, 4_000
_PAGE, _SEGMENT = 8192, 16 << 20
_MARK = "@@wal"
_STANDING = ("could not", "cannot")
"""Words of pg_waldump that mean that it could not go on; all others mean that there the log ends, as recovery would find too."""

# mawk knows neither intervals nor strtonum: numbers are told as they stand.
_AWK = r"""
/^rmgr:/ {
  if (!match($0, /lsn: [0-9A-F]+\/[0-9A-F]+/)) next
  lsn = substr($0, RSTART + 5, RLENGTH - 5)
  is_switch = ($0 ~ /desc: SWITCH/) ? 1 : 0
  match($0, /len \(rec\/tot\): *[0-9]+\/ *[0-9]+/); tot = substr($0, RSTART, RLENGTH); sub(/.*\/ */, "", tot)
  if (n++ < RECORDS) print "r", lsn, tot
  if ($0 ~ /^rmgr: Transaction .* desc: COMMIT/) {
    match($0, /[0-9]+-[0-9]+-[0-9]+ [0-9]+:[0-9]+:[0-9]+\.[0-9]+/)
    if (c++ < COMMITS) print "c", lsn, tot, substr($0, RSTART, RLENGTH)
  }
}
/^status / { print }
END { print "n", c + 0; if (n) print "last", lsn, tot, is_switch }
"""


@dataclass(frozen=True, slots=True)
class Behind:
    """The standby that a dead primary is compared with.

    Attributes:
        have_lsn: The furthest position that it has.
        replay_lsn: How far it has replayed: the end of a record.
        timeline: On which it is.
        system_identifier: Which system it copies.
    """

    name: str
    have_lsn: str
    replay_lsn: str
    timeline: int
    system_identifier: str


async def read_dead_wal(
    inventory: Inventory, shell: Shell, clock: Clock, primary: str, behind: Behind, limits: Limits = FOR_A_PLAN
) -> DeadWal:
    """Return what the WAL of `primary` holds beyond what the standby has; where that cannot be told, why."""
    instance, host = inventory.database.instances[primary], inventory.host_of(primary)
    found = DeadWal(primary, behind.name, behind.have_lsn, clock.now())
    if host is None:
        return _not(found, f"no host is declared for {primary}")
    missing = lsn_number(behind.have_lsn) - lsn_number(behind.replay_lsn)
    if missing > limits.wal_bytes // 2:
        return _not(found, f"{behind.name} has {missing} bytes of WAL still to replay")
    try:
        for start in _begins(lsn_number(behind.replay_lsn)):
            command = dead_wal_command(instance, behind, start, limits)
            result = await shell.run(host, command, timeout_s=limits.time_s + 2.0, limit_bytes=4 << 20)
            read = parse_dead_wal(result, found, behind, limits)
            if not read.trouble:
                break
        return read
    except (DriverError, Blocked) as error:
        return _not(found, f"the WAL on {host.name} was not read: {plain(error.what, 200)}")
    except (ValueError, IndexError, KeyError):
        return _not(found, f"the WAL on {host.name} was not understood")


def dead_wal_command(instance: Instance, behind: Behind, start: int, limits: Limits = FOR_A_PLAN) -> str:
    """Return the command that tells what is left of the server, its control file, and the records from `start` on."""
    wal = shlex.quote(f"{data_directory_of(instance)}/pg_wal")
    dump = (
        f"LC_ALL=C TZ=UTC timeout {limits.time_s:g} {shlex.quote(program_of(instance, 'pg_waldump'))} "
        f"-t {behind.timeline} -p {wal} -s {lsn_text(start)} "
        "-e \"$(printf '%X/%X' $((e >> 32)) $((e & 4294967295)))\" $z"
    )
    # Asked for a file that is not there, pg_waldump looks for it ten times, half a second apart: it is not asked for one.
    return (
        f"{remains_command(instance)}; echo {_MARK}; e={lsn_number(behind.have_lsn) + limits.wal_bytes}; b=0; "
        f"f=$(ls {wal} 2>/dev/null | LC_ALL=C grep -E '^[0-9A-F]{{24}}$' | LC_ALL=C sort -k 1.9 | tail -n 1); "
        f'if [ -n "$f" ] && s=$(stat -Lc %s {wal}/"$f"); then l=${{f%????????}}; l=${{l#????????}}; n=${{f#????????????????}}; '
        'b=$((0x$l * 4294967296 + (0x$n + 1) * s)); [ "$b" -ge "$e" ] || e=$b; fi; echo "files $b"; '
        f"{named_for_waldump(wal, behind.timeline, lsn_text(start), end='e')}; "
        f'{{ {dump}; echo "status $?"; }} | LC_ALL=C awk -v RECORDS={_RECORDS} -v COMMITS={_COMMITS} {shlex.quote(_AWK)}'
    )


def _begins(replayed: int) -> tuple[int, ...]:
    """Return where to begin: some way before `replayed`, so that the record which ends there is seen; in the order of trying.

    It is in the same segment where that has room, because the one before may be gone. Where it has hardly any, the one before is
    tried first; but that may hold nothing up to its end, as after the switch of segments that a base backup makes. Where nothing
    at all was written after such a switch, only reading the one before from its beginning tells so.
    """
    page = (replayed - _BEFORE) // _PAGE * _PAGE
    segment = replayed // _SEGMENT * _SEGMENT
    if replayed - segment > _PAGE:
        return (max(page, segment),)
    return tuple(dict.fromkeys(max(0, each) for each in (page, segment, segment - _SEGMENT)))


def parse_dead_wal(result: CommandResult, found: DeadWal, behind: Behind, limits: Limits = FOR_A_PLAN) -> DeadWal:
    """Return `found` with what the answer to `dead_wal_command` says.

    Raises:
        BadAnswer: The data directory cannot be looked into.
        ValueError: The answer makes no sense.
    """
    head, mark, tail = result.stdout.partition(f"{_MARK}\n")
    left = parse_remains(CommandResult(result.exit_status, head, result.stderr, result.duration_s))
    name = found.primary
    if not left.is_gone:
        return _not(found, f"{name} still has processes: its log may go on")
    if not left.control:
        return _not(found, f"the control file of {name} was not read: {left.complaint}")
    if left.control["control_system_identifier"] != behind.system_identifier:
        return _not(found, f"the data directory of {name} belongs to another system than {behind.name}")
    if left.control["control_timeline"] != behind.timeline:
        return _not(
            found, f"{name} stopped on timeline {left.control['control_timeline']}, {behind.name} is on {behind.timeline}"
        )
    records, commits, counted, status, last, files_end = _parsed(tail)
    if not mark or last is None or status not in (0, 1):
        return _not(found, _why(status, result.stderr, name, limits))
    replayed, have = lsn_number(behind.replay_lsn), lsn_number(behind.have_lsn)
    segment = _size(head, "Bytes per WAL segment")
    page = _size(head, "WAL block size")
    starts = [(at, record_end(at, length, page, segment)) for at, length in records]
    end = record_end(*last[:2], page, segment)
    if last[2]:  # the rest of the segment is left empty, and positions go on behind it
        end = -(-end // segment) * segment
    if status == 0:
        # It came to the end of the last file, and nothing was ever written behind it; else it came to the limit.
        is_end = end == files_end < lsn_number(behind.have_lsn) + limits.wal_bytes
    else:
        is_end = "error in WAL record" in result.stderr and not any(word in result.stderr for word in _STANDING)
    if not is_end:
        return _not(found, _why(status, result.stderr, name, limits))
    if starts[0][0] > replayed + 40 or any(at < replayed < until for at, until in starts) or end < have:
        return _not(found, f"the log of {name} and that of {behind.name} do not fit together")
    if counted > len(commits) and limits.is_every_commit_needed:
        return _not(found, f"{name} has more than {len(commits)} commits that had to be looked at")
    lost = [when for at, length, when in commits if record_end(at, length, page, segment) > have]
    return DeadWal(
        name,
        found.standby,
        found.have_lsn,
        found.at,
        end_lsn=lsn_text(end),
        commits=len(lost),
        first_at=min(lost, default=None),
        last_at=max(lost, default=None),
        segment_bytes=segment,
    )


_Commit = tuple[int, int, float]
_Parsed = tuple[list[tuple[int, int]], list[_Commit], int, int | None, tuple[int, int, bool] | None, int]


def _parsed(text: str) -> _Parsed:
    """Return records from the beginning on, commits, how many there were, pg_waldump's status, last record, where files end.

    Of a record its position and length; of a commit also its time; of the last record whether it ends its segment.
    """
    records: list[tuple[int, int]] = []
    commits: list[_Commit] = []
    counted = 0
    status: int | None = None
    last: tuple[int, int, bool] | None = None
    files_end = 0
    for line in text.splitlines():
        kind, *words = line.split()
        match kind:
            case "r":
                records.append((lsn_number(words[0]), int(words[1])))
            case "c":
                when = datetime.fromisoformat(f"{words[2]} {words[3]}").replace(tzinfo=UTC).timestamp()
                commits.append((lsn_number(words[0]), int(words[1]), when))
            case "n":
                counted = int(words[0])
            case "status":
                status = int(words[0])
            case "last":
                last = (lsn_number(words[0]), int(words[1]), words[2] == "1")
            case "files":
                files_end = int(words[0])
    return records, commits, counted, status, last, files_end


def record_end(at: int, length: int, page: int, segment: int) -> int:
    """Return the position behind a record: padded to 8 bytes, with the headers of the pages that it runs over.

    Headers take 24 bytes, and 40 at the beginning of a segment (PostgreSQL's access/xlog_internal.h).
    """
    left, here = (length + 7) // 8 * 8, at
    while left > 0:
        room = page - here % page
        taken = min(left, room)
        here, left = here + taken, left - taken
        if left > 0:
            here += 40 if here % segment == 0 else 24
    return here


def _size(control: str, label: str) -> int:
    for line in control.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == label:
            return int(value)
    raise ValueError(f"pg_controldata does not tell {label}")


def _why(status: int | None, stderr: str, name: str, limits: Limits) -> str:
    if status == 0:
        return f"{name} has more than {limits.wal_bytes >> 20} MB of WAL that had to be read, or its last file is not whole"
    if status == 124:
        return f"reading the log of {name} took longer than {limits.time_s:g}s"
    return f"the log of {name} was not read to its end: {plain(stderr, 200) or 'pg_waldump said nothing'}"


def _not(found: DeadWal, why: str) -> DeadWal:
    return DeadWal(found.primary, found.standby, found.have_lsn, found.at, trouble=why)


def lsn_text(number: int) -> str:
    """Return a position as PostgreSQL writes it."""
    return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"
