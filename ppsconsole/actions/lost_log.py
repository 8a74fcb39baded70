"""Reads which transactions were committed in a log behind a position, by pg_waldump on the host that has it."""

import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime

from ppsconsole.actions.dead_wal import lsn_text, record_end
from ppsconsole.actions.wal_files import is_unwritten, named_for_waldump
from ppsconsole.cluster.database import lsn_number
from ppsconsole.cluster.lost_writes import LostTransaction
from ppsconsole.drivers.base import CommandResult
from ppsconsole.masking import plain

LIMIT_S = 120.0
LISTED = 5_000
"""So many transactions are told one by one; all are counted."""

_MARK = "@@lost"

# mawk knows neither intervals nor strtonum: numbers are told as they stand. What was committed is told as it comes, with what its
# subtransactions wrote; what is left at the end was not committed.
_AWK = r"""
/^rmgr:/ {
  match($0, /lsn: [0-9A-F]+\/[0-9A-F]+/); lsn = substr($0, RSTART + 5, RLENGTH - 5)
  match($0, /len \(rec\/tot\): *[0-9]+\/ *[0-9]+/); tot = substr($0, RSTART, RLENGTH); sub(/.*\/ */, "", tot)
  match($0, /tx: *[0-9]+/); tx = substr($0, RSTART, RLENGTH); sub(/tx: */, "", tx)
  n++; is_switch = ($0 ~ /desc: SWITCH/) ? 1 : 0
  if (tx + 0) {
    bytes[tx] += tot; records[tx]++; rest = $0
    while (match(rest, /rel [0-9]+\/[0-9]+\/[0-9]+/)) {
      r = substr(rest, RSTART + 4, RLENGTH - 4); rest = substr(rest, RSTART + RLENGTH)
      if (!((tx, r) in has)) { has[tx, r] = 1; rels[tx] = rels[tx] " " r }
    }
  }
  if ($0 ~ /^rmgr: Transaction .* desc: COMMIT/) {
    if (match($0, /COMMIT_PREPARED [0-9]+/)) { tx = substr($0, RSTART + 16, RLENGTH - 16) }
    match($0, /[0-9]+-[0-9]+-[0-9]+ [0-9]+:[0-9]+:[0-9]+\.[0-9]+/); at = substr($0, RSTART, RLENGTH)
    b = bytes[tx]; k = records[tx]; w = rels[tx]; delete bytes[tx]
    if (match($0, /subxacts: [0-9 ]+/)) {
      m = split(substr($0, RSTART + 10, RLENGTH - 10), s, " ")
      for (i = 1; i <= m; i++) { b += bytes[s[i]]; k += records[s[i]]; w = w rels[s[i]]; delete bytes[s[i]] }
    }
    if (c++ < LISTED) print "c", tx, lsn, at, k + 0, b + 0 w
  }
}
/^status / { print }
END { for (t in bytes) left++; print "n", n + 0, c + 0, left + 0; if (n) print "last", lsn, tot, is_switch }
"""


@dataclass(frozen=True, slots=True)
class LostLog:
    """What a log holds behind a position.

    Attributes:
        end_lsn: Where its last whole record ends; the position itself where there is none behind it.
        count: Transactions that were committed.
        unfinished: Those that were not.
        transactions: The first `LISTED` of those that were, relations as `TABLESPACE/DATABASE/FILE`.
        trouble: Why it could not be read; empty when it could.
    """

    end_lsn: str
    count: int = 0
    unfinished: int = 0
    transactions: tuple[LostTransaction, ...] = ()
    trouble: str = ""


def lost_log_command(program: str, folder: str, timeline: int, fork: str) -> str:
    """Return the command that tells what is in `folder` of the log of `timeline` from position `fork` on.

    Args:
        program: Path of pg_waldump.
        folder: With the files of the log.
        timeline: Of the log.
        fork: The end of a record.
    """
    limit, path, files = f"{LIMIT_S:g}", shlex.quote(program), shlex.quote(folder)
    dump = f"LC_ALL=C TZ=UTC timeout {limit} {path} -t {timeline} -p {files} -s {shlex.quote(fork)} $z"
    named = named_for_waldump(files, timeline, fork)
    return f'{named}; {{ {dump}; echo "status $?"; }} | LC_ALL=C awk -v LISTED={LISTED} {shlex.quote(_AWK)}'


def parse_lost_log(result: CommandResult, fork: str, segment_bytes: int, page_bytes: int = 8192) -> LostLog:
    """Return what the answer to `lost_log_command` says.

    Raises:
        ValueError: The answer makes no sense.
    """
    transactions: list[LostTransaction] = []
    count = unfinished = records = 0
    status: int | None = None
    end = lsn_number(fork)
    for line in result.stdout.splitlines():
        kind, *words = line.split()
        match kind:
            case "c":
                when = datetime.fromisoformat(f"{words[2]} {words[3]}").replace(tzinfo=UTC).timestamp()
                relations = tuple(dict.fromkeys(words[6:]))
                transactions.append(LostTransaction(int(words[0]), words[1], when, int(words[4]), int(words[5]), relations))
            case "n":
                records, count, unfinished = (int(each) for each in words)
            case "last":
                end = record_end(lsn_number(words[0]), int(words[1]), page_bytes, segment_bytes)
                if words[2] == "1":  # the rest of the file is left empty
                    end = -(-end // segment_bytes) * segment_bytes
            case "status":
                status = int(words[0])
    said = result.stderr
    is_at_end = bool(re.search("error in WAL record", said)) if records else "could not find a valid record after" in said
    if not is_at_end and end % segment_bytes == 0:  # what would come next would begin a file that was never written
        is_at_end = "could not find file" in said or (records == 0 and is_unwritten(said, end, segment_bytes))
    if status == 0 and end % segment_bytes == 0:  # it came to the end of the last file
        status, is_at_end = 1, True
    if status != 1 or not is_at_end:
        why = f"reading took longer than {LIMIT_S:g}s" if status == 124 else plain(said, 200) or "pg_waldump said nothing"
        return LostLog(fork, trouble=why)
    return LostLog(lsn_text(end), count, unfinished, tuple(transactions))
