"""Keeping and listing what only an old primary has, as the model sees it: a copy of its log under a name of its own."""

import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime

from ppsconsole.actions import lost_log, lost_writes, wal_files
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Inventory
from tests.engine.model.databases import PAGE, SEGMENT, Database, lsn
from tests.engine.model.patterns import NUMBER, Pattern, pattern_of, said

Does = Callable[[Database, "re.Match[str]", str], CommandResult]
_KEPT, _FILES, _FORK, _FOLDER = "KEPTKEPT", "FILESFILES", "FORKFORK", "FOLDERFOLDER"
_PARTS = {_KEPT: r"\S+", _FILES: r"[0-9A-F ]+", _FORK: r"[0-9A-F]+/[0-9A-F]+", _FOLDER: r"\S+"}


def patterns(inventory: Inventory, name: str) -> list[tuple[Pattern, Does]]:
    """Return what each command about the lost writes of an instance looks like, and what it does."""
    instance = inventory.database.instances[name]
    folder = str(instance.data_directory)
    program = f"{instance.bin_directory}/pg_waldump" if instance.bin_directory else "pg_waldump"
    texts: tuple[tuple[str, Does], ...] = (
        (lost_log.lost_log_command(program, _FOLDER, NUMBER, _FORK), _listed),
        (lost_writes._copy(inventory, name, _KEPT, (_FILES,)), _copied),
        (lost_writes._name(_KEPT), _named),
        (f"cd {_KEPT} 2>/dev/null && sha256sum -c --quiet SHA256SUMS", _compared),
        (f"ls {shlex.quote(f'{folder}/pg_wal')}", _files),
        (f"df -Pk {shlex.quote(folder)}/.. | tail -n 1", _room),
    )
    return [(pattern_of(text, _PARTS), does) for text, does in texts]


def _listed(database: Database, found: "re.Match[str]", stdin: str) -> CommandResult:
    fork = found[_FORK].split("/")
    start = (int(fork[0], 16) << 32) + int(fork[1], 16)
    kept = database.kept.get(found[_FOLDER])
    records = [each for each in (database.log if kept is None else kept) if each.start >= start]
    if not records:
        return said("status 1\nn 0 0 0\n", stderr="pg_waldump: error: could not find a valid record after it")
    lines = []
    for record in records:
        if record.number:
            when = datetime.fromtimestamp(record.at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
            lines.append(f"c {record.number} {lsn(record.start)} {when} 1 {record.end - record.start}")
    last = records[-1]
    length = last.end - last.start - 24 * (last.end // PAGE - last.start // PAGE)
    tail = f"status 1\nn {len(records)} {len(lines)} 0\nlast {lsn(last.start)} {length} 0\n"
    return said("".join(f"{line}\n" for line in lines) + tail, stderr="pg_waldump: error: error in WAL record")


def _copied(database: Database, found: "re.Match[str]", stdin: str) -> CommandResult:
    if found[_KEPT] not in database.kept:
        database.kept[f"{found[_KEPT]}.part"] = list(database.log)
    return said()


def _named(database: Database, found: "re.Match[str]", stdin: str) -> CommandResult:
    part = database.kept.pop(f"{found[_KEPT]}.part", None)
    if part is None and found[_KEPT] not in database.kept:
        return said(status=1, stderr="No such file or directory")
    database.kept.setdefault(found[_KEPT], part or [])
    return said()


def _compared(database: Database, found: "re.Match[str]", stdin: str) -> CommandResult:
    return said(status=0 if found[_KEPT] in database.kept else 1)


def _files(database: Database, found: "re.Match[str]", stdin: str) -> CommandResult:
    numbers = range(database.log[0].start // SEGMENT if database.log else 0, database.end // SEGMENT + 1)
    return said("".join(f"{wal_files.segment_name(database.timeline, number, SEGMENT)}\n" for number in numbers))


def _room(database: Database, found: "re.Match[str]", stdin: str) -> CommandResult:
    return said("/dev/vda1 100000000 40000000 60000000 40% /\n")
