"""Bringing a dead primary's log to a standby, as the model sees it: files are named parts of a log, and arrive whole or not."""

import hashlib
import re
import shlex
from collections.abc import Callable

from ppsconsole.actions import salvage, wal_files
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Inventory
from tests.engine.model import lost, rejoining
from tests.engine.model.databases import SEGMENT, Database
from tests.engine.model.patterns import NUMBER, Pattern, pattern_of, said
from tests.engine.model.world import World

Does = Callable[[World, str, "re.Match[str]", str], CommandResult]
_NAME, _NAMES, _RUN, _SUM = "NAMENAME", "SEVERALNAMES", "RUNRUN", "SUMSUM"
_PARTS = {_NAME: r"[0-9A-F]{24}", _NAMES: r"[0-9A-F ]+", _RUN: r"[\w-]+", _SUM: r"[0-9a-f]{64}"}


def _made(inventory: Inventory) -> tuple[tuple[str, Pattern, str, Does], ...]:
    made: list[tuple[str, Pattern, str, Does]] = []
    for name, instance in inventory.database.instances.items():
        wal = salvage._wal(inventory, name)
        aside = salvage._aside(wal, _RUN)
        part, host = f"{aside}/{_NAME}.part", str(instance.host)
        texts: tuple[tuple[str, Does], ...] = (
            (wal_files.listing(wal, (_NAMES,)), _listing),
            (wal_files.piece(wal, _NAME, NUMBER), _piece),
            (wal_files.add_piece(aside, f"{_NAME}.part", NUMBER), _add),
            (salvage._place(wal, _RUN, _NAME, _SUM), _place),
            (salvage._let_go(inventory, name), _nothing),
            (f"stat -c %s {shlex.quote(part)} 2>/dev/null || echo 0", _length),
            (f"head -c {NUMBER} {shlex.quote(f'{wal}/{_NAME}')} | sha256sum", _head),
            (f"df -Pk {shlex.quote(wal)} | tail -n 1", _room),
            (f"rm -f {aside}/*.part; rmdir {aside} 2>/dev/null || :", _clear),
            (f"ls {aside} 2>/dev/null | grep -c 'part$' || :", _count),
        )
        made += [(host, pattern_of(text, _PARTS), name, does) for text, does in texts]
        for pattern, does in lost.patterns(inventory, name):
            made.append((host, pattern, name, _of_its_own(does)))
        made += [(host, pattern, name, does) for pattern, does in rejoining.patterns(inventory, name)]
    return tuple(made)


def _of_its_own(does: lost.Does) -> Does:
    return lambda world, name, found, stdin: does(world.databases[name], found, stdin)


_all: dict[str, tuple[tuple[str, Pattern, str, Does], ...]] = {}


def forget() -> None:
    """Forget what the commands look like."""
    _all.clear()


def done(world: World, host: str, command: str, stdin: str) -> CommandResult | None:
    """Do a command that brings or keeps a log; None when it is none of these."""
    inventory = world.inventory
    patterns = _all.get(inventory.path)
    if patterns is None:
        patterns = _all[inventory.path] = _made(inventory)
    for on, pattern, name, does in patterns:
        if on == host and (found := pattern.fullmatch(command)) is not None:
            return does(world, name, found, stdin)
    return None


def _number(name: str) -> int:
    return int(name[8:16], 16) * ((1 << 32) // SEGMENT) + int(name[16:24], 16)


def _sum(database: Database, segment: int, upto: int | None = None) -> str:
    """Return the checksum of a file, or of its beginning."""
    limit = (segment + 1) * SEGMENT if upto is None else segment * SEGMENT + upto
    told = [f"{record.start}/{record.number}" for record in database.log if segment * SEGMENT <= record.start < limit]
    return hashlib.sha256(" ".join(told).encode()).hexdigest()


def _listing(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    database = world.databases[name]
    there = [each for each in found[_NAMES].split() if _number(each) <= database.end // SEGMENT]
    return said("".join(f"{each} {SEGMENT} {_sum(database, _number(each))}\n" for each in there))


def _piece(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    return said(f"{name} {found['NUMBER']}")


def _add(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    parts, file, offset = world.parts.setdefault(name, {}), found[_NAME], int(found["NUMBER"])
    source, told = stdin.split()
    if len(parts.get(file, ())) * salvage.PIECE_BYTES < offset:
        return said(status=65, stderr="it is shorter")
    parts[file] = [*parts.get(file, [])[: offset // salvage.PIECE_BYTES], (source, int(told))]
    return said()


def _place(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    own, segment, parts = world.databases[name], _number(found[_NAME]), world.parts.get(name, {})
    pieces = parts.get(found[_NAME], [])
    came = {each for each, _ in pieces}
    if [at for _, at in pieces] != list(range(0, SEGMENT, salvage.PIECE_BYTES)) or len(came) != 1:
        return said(status=65, stderr="it did not arrive whole")
    source = world.databases[came.pop()]
    if _sum(source, segment) != found[_SUM]:
        return said(status=65, stderr="it did not arrive whole")
    del parts[found[_NAME]]
    if own.process == "up" and own.in_recovery and source.has(own):
        for record in source.log[len(own.log) :]:
            if record.start < (segment + 1) * SEGMENT:
                own.take(record)
    return said()


def _head(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    return said(f"{_sum(world.databases[name], _number(found[_NAME]), int(found['NUMBER']))}  -\n")


def _length(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    return said(f"{len(world.parts.get(name, {}).get(found[_NAME], ())) * salvage.PIECE_BYTES}\n")


def _count(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    return said(f"{len(world.parts.get(name, ()))}\n")


def _clear(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    world.parts.pop(name, None)
    return said()


def _nothing(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    return said()


def _room(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    return said("/dev/vda1 100000000 40000000 60000000 40% /\n")
