"""Which files of a write-ahead log hold a range of it, and the shell texts that read and write such files. Pure."""

import re
import shlex

from ppsconsole.actions.planted import refuse_planted
from ppsconsole.cluster.database import lsn_number

PIECE_BYTES = 4 << 20
"""What is carried at once: it bounds the memory that a console needs, and how much is carried again after it died."""


def segments(timeline: int, start: str, end: str, size: int) -> tuple[str, ...]:
    """Return the names of the files that hold the log from position `start` up to `end`, in order; none where it is empty.

    Args:
        timeline: Of the log.
        start: First position, as `X/Y`.
        end: Position behind the last byte.
        size: Bytes of one file (`wal_segment_size`).
    """
    first, behind = lsn_number(start) // size, -(-lsn_number(end) // size)
    if lsn_number(end) <= lsn_number(start):
        return ()
    return tuple(segment_name(timeline, number, size) for number in range(first, behind))


def segment_name(timeline: int, number: int, size: int) -> str:
    """Return the name of the file with this `number`, counted from position 0 (PostgreSQL's `XLogFileName`)."""
    log, rest = divmod(number, (1 << 32) // size)
    return f"{timeline:08X}{log:08X}{rest:08X}"


def named_for_waldump(folder: str, timeline: int, start: str, *, end: str = "") -> str:
    """Return the shell text that leaves in `z` the names of the first and the last file for pg_waldump to read, or nothing.

    Where it is told none, pg_waldump takes the size of segments from the first file that the folder happens to list. A server
    makes files in advance, full of zeros, and over such a one it gives up: "invalid WAL segment size ... (0 bytes)". The names
    are left out where the first file has no header yet, or the last one is not there: then nothing was written there.

    Args:
        folder: With the files of the log, as a word for the shell.
        timeline: Of the log.
        start: First position, as `X/Y`.
        end: Shell variable with the position behind the last byte; empty for all of the timeline that is there.
    """
    files = f"ls {folder} 2>/dev/null | LC_ALL=C grep -E '^[0-9A-F]{{24}}$' | LC_ALL=C sort"
    name = f'printf "%08X%08X%08X" {timeline} $((n / k)) $((n % k))'
    last = f"n=$(((${end} - 1) / s)); y=$({name})" if end else f'y=$({files} | grep "^$(printf %08X {timeline})" | tail -n 1)'
    return (
        f'z=; y=$({files} | tail -n 1); if [ -n "$y" ] && s=$(stat -Lc %s {folder}/"$y") && [ "$s" -gt 0 ]; then '
        f"k=$((4294967296 / s)); a={shlex.quote(start)}; n=$(((0x${{a%/*}} * 4294967296 + 0x${{a#*/}}) / s)); "
        f"z=$({name}); {last}; "
        f'if [ -n "$(head -c 2 {folder}/"$z" 2>/dev/null | tr -d \'\\000\')" ] && [ -e {folder}/"$y" ]; '
        'then z="$z $y"; else z=; fi; fi'
    )


def is_unwritten(said: str, position: int, size: int) -> bool:
    """Return whether pg_waldump met a file full of zeros, and that is the one which `position` lies in: nothing stands there.

    Of any other one it tells nothing about what is behind `position`. (18 says the first words, 15 the second; seen on both.)

    Args:
        said: By pg_waldump.
        position: In bytes.
        size: Bytes of one file.
    """
    found = re.search(r'WAL file "[0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})" (?:\(0 bytes\)|header specifies 0 bytes)', said)
    return found is not None and int(found[1], 16) * ((1 << 32) // size) + int(found[2], 16) == position // size


def listing(folder: str, names: tuple[str, ...]) -> str:
    """Return the command that tells name, size in bytes and SHA-256 of each of the files that is there.

    Ends with status 66 where the folder cannot be looked into.
    """
    tell = 's=$(stat -Lc %s "$f") && h=$(sha256sum <"$f") || exit 1; echo "$f $s ${h%% *}"'
    return f'cd {shlex.quote(folder)} || exit 66; for f in {" ".join(names)}; do if [ -e "$f" ]; then {tell}; fi; done'


def parse_listing(text: str) -> dict[str, tuple[int, str]]:
    """Return size and SHA-256 by file name.

    Raises:
        ValueError: The text is no answer to `listing`.
    """
    found = {}
    for line in text.splitlines():
        name, size, checksum = line.split()
        found[name] = (int(size), checksum)
    return found


def piece(folder: str, name: str, offset: int | str) -> str:
    """Return the command that prints one piece of a file as text: packed, since what is recycled or empty takes hardly room."""
    file = shlex.quote(f"{folder}/{name}")
    return f'tail -c +"$(({offset} + 1))" {file} | head -c {PIECE_BYTES} | gzip -1c | base64 -w 0'


def add_piece(folder: str, name: str, offset: int | str) -> str:
    """Return the command that puts such a piece, which comes by standard input, at `offset` of a file that reaches up to there.

    What a line that dropped left behind `offset` is written anew.
    """
    own = refuse_planted('"$s"', '"$f"')
    return (
        f"umask 077; s={shlex.quote(folder)}; f=$s/{name}; {own}; "
        '{ [ -d "$s" ] || mkdir "$s"; } && : >>"$f" || exit 1; '
        f'[ "$(stat -c %s "$f")" -ge {offset} ] || {{ echo "$f is shorter than {offset} bytes" >&2; exit 65; }}; '
        f'truncate -s {offset} "$f" && base64 -d | gzip -dc >>"$f"'
    )
