"""Logs on hosts: what they are, the commands that read them, and what is said where they cannot be read. No IO."""

import codecs
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Host
from ppsconsole.masking import MASK, masker, plain

TAIL_BYTES = 1 << 20
"""The most that is read of a log at once, from its end: a log of many gigabytes costs no more than a small one."""

NEAR_LINE = 16 * 1024
"""A line is cut after so many characters: a log without line ends must not fill the memory."""

_BEYOND = 4 * 1024
"""So much behind a cut is seen before it is made: a secret that it would go through has to be seen as a whole."""

_KEY_BEGIN = re.compile("-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----")
_KEY_LINE = re.compile(r"(?:(?<=: )|\A\s*)[A-Za-z0-9+/=,-]+\s*\Z")
_MOST_KEY_LINES = 200
"""So many lines a private key has at most: 16384 bits of RSA are some 200 lines of 64 characters."""

_JOURNAL_HINTS = ("not seeing messages from other users", "insufficient permissions", "No journal files were opened")


@dataclass(frozen=True, slots=True)
class LogSource:
    """One log of a node.

    Attributes:
        node: Whose it is.
        host: Where it is.
        kind: `file`, or `journal` of a systemd unit.
        place: The file's path, or the unit; several units are divided by blanks.
        told_by: How it is known: `the inventory`, `db1: pg_current_logfile()`, `nginx -T`, `the service's unit`.
    """

    node: str
    host: Host
    kind: Literal["file", "journal"]
    place: str
    told_by: str

    @property
    def name(self) -> str:
        """Its name in short: the file's, or `journal of UNIT`."""
        return self.place.rpartition("/")[2] if self.kind == "file" else f"journal of {self.place}"

    def said(self) -> str:
        """Return where it is and how that is known, for a person: `db1-host:/var/log/x.log (the inventory)`."""
        place = self.place if self.kind == "file" else f"journalctl -u {self.place}"
        return f"{self.host.name}: {place} ({self.told_by})"


@dataclass(frozen=True, slots=True)
class FoundLogs:
    """The logs of a node.

    Attributes:
        sources: The one to look at first in front.
        words: Why there is none, or what was tried in vain, and what to do about it; empty when all is well.
    """

    sources: tuple[LogSource, ...]
    words: str = ""


def tail_command(source: LogSource, count: int) -> str:
    """Return the shell command that prints the last `count` lines, or as many of them as lie in the last `TAIL_BYTES`."""
    if source.kind == "journal":
        return f"LC_ALL=C {_journal(source)} -n {count}"
    path = shlex.quote(source.place)
    # The first `tail` finds out whether it can be read: the status of the pipe would be that of its last program.
    return f"LC_ALL=C; export LC_ALL; tail -c 1 -- {path} >/dev/null && tail -c {TAIL_BYTES} -- {path} | tail -n {count}"


def follow_command(source: LogSource, count: int) -> str:
    """Return the shell command that prints the last `count` lines and then every new one, also after a rotation.

    It ends when its standard input does, which is when the channel is closed or the line drops: a `tail` that waits for a quiet
    log would otherwise stay on the host for ever, because it notices at its next line only that nobody reads.
    """
    reading = (
        f"{_journal(source)} -n {count} -f" if source.kind == "journal" else f"tail -n {count} -F -- {shlex.quote(source.place)}"
    )
    return (
        f"LC_ALL=C; export LC_ALL; exec 3<&0 </dev/null; {reading} 2>&1 3<&- & f=$!; "
        '{ cat <&3; kill "$f"; } >/dev/null 2>&1 & w=$!; exec 3<&-; wait "$f"; s=$?; kill "$w" 2>/dev/null; exit "$s"'
    )


def _journal(source: LogSource) -> str:
    units = " ".join(f"-u {shlex.quote(unit)}" for unit in source.place.split())
    return f"journalctl {units} --no-pager -o short-iso"


def remark_on(source: LogSource, text: str) -> str:
    """Return what a message of `tail` or `journalctl` comes to and what to do about it; empty for what is none."""
    login = source.host.ssh.user or "the login"
    if source.kind == "journal":
        if any(hint in text for hint in _JOURNAL_HINTS):
            return (
                f"{login} may not read the whole journal on {source.host.name}: add it to the group systemd-journal, "
                f"or name {source.node}'s log file in the inventory (log: PATH)"
            )
        if ("journalctl" in text and "not found" in text) or "No journal files were found" in text:
            remedy = f"name {source.node}'s log file in the inventory (log: PATH)"
            return f"{source.host.name} has no systemd journal that {login} sees: {remedy}"
        return ""
    if not text.startswith("tail: "):
        return ""
    if "Permission denied" in text:
        return f"{login} may not read {source.place} on {source.host.name}: give it the right to, no root is needed"
    if "No such file" in text:
        return f"{source.place} does not exist on {source.host.name}; it is told by {source.told_by}"
    return plain(text.removeprefix("tail: "))


def failure_of(source: LogSource, result: CommandResult) -> str:
    """Return why `tail_command` gave nothing, and what to do; empty when it did what it should."""
    said = next((found for line in result.stderr.splitlines() if (found := remark_on(source, line))), "")
    has_entries = bool(result.stdout.strip()) and "-- No entries --" not in result.stdout
    if source.kind == "journal" and has_entries and result.exit_status == 0:
        return ""  # the hint that more might be seen is no failure where something is
    if said or result.exit_status == 0:
        return said
    return f"{source.said()} gave nothing (exit status {result.exit_status}): {plain(result.stderr) or 'no reason told'}"


def cleaned(line: str) -> str:
    """Return one line of a log as harmless text, its indentation kept: secrets masked, control characters as `?`."""
    body = line.lstrip(" \t")
    indent = line[: len(line) - len(body)].expandtabs(4)[:40]
    return (indent + plain(body, NEAR_LINE)).rstrip()


def matcher(text: str) -> Callable[[str], bool]:
    """Return what tells whether a line has `text` in it; capitals matter only where `text` has some."""
    if text != text.lower():
        return lambda line: text in line
    return lambda line: text in line.lower()


class Splitter:
    """Makes lines out of the bytes of a log as they come; no secret is divided between two of them."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._key_lines = 0

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that `chunk` ends, cleaned; what is longer than `NEAR_LINE` comes in pieces."""
        *whole, self._rest = (self._rest + self._decoder.decode(chunk)).split("\n")
        found = [self._shown(each) for each in whole]
        while len(self._rest) > NEAR_LINE + _BEYOND:
            found.append(self._cut())
        return found

    def end(self) -> list[str]:
        """Return what came after the last line end, if anything did."""
        self._rest += self._decoder.decode(b"", final=True)
        found = []
        while len(self._rest) > NEAR_LINE:
            found.append(self._cut())
        if self._rest:
            found.append(self._shown(self._rest))
        self._rest = ""
        return found

    def _cut(self) -> str:
        """Return the first piece of the rest, cleaned, and keep what comes after it."""
        at = masker.place_to_cut(self._rest, NEAR_LINE) or NEAR_LINE
        piece, self._rest = self._rest[:at], self._rest[at:]
        return self._shown(piece)

    def _shown(self, line: str) -> str:
        """Return a line cleaned; those of a private key without it: alone each of them looks like anything else."""
        if self._key_lines:
            self._key_lines = 0 if "-----" in line else self._key_lines - 1
            line = _KEY_LINE.sub(MASK, line)
        begun = _KEY_BEGIN.search(line)
        if begun is not None and "-----END" not in line[begun.end() :]:
            self._key_lines = _MOST_KEY_LINES
        return cleaned(line)
