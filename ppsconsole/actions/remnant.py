"""Reads what is left of an instance on its own host, and what the primary's history says of it; changes nothing anywhere."""

import re
import shlex
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ppsconsole.actions.follow import declared_way
from ppsconsole.actions.looks import REWINDING, each_process
from ppsconsole.actions.places import data_directory_of, program_of
from ppsconsole.actions.wal_files import is_unwritten, named_for_waldump, segment_name
from ppsconsole.actions.way_there import try_way
from ppsconsole.clock import Clock
from ppsconsole.cluster.database import lsn_number
from ppsconsole.cluster.remnant import Known, Remnant
from ppsconsole.drivers.base import CommandResult, Shell
from ppsconsole.errors import Blocked, DriverError
from ppsconsole.inventory.model import Host, Instance, Inventory
from ppsconsole.masking import plain

_PROGRAMS = ("pg_rewind", "pg_basebackup", "pg_receivewal", "pg_controldata")
_LOOK_S = 20.0
_DRY_RUN_S = 20.0
_ASK_S = 6.0
_SIZES_SQL = """
SELECT (SELECT sum(pg_database_size(oid))::bigint FROM pg_database),
       (SELECT coalesce(json_object_agg(oid::text, spcname), '{}') FROM pg_tablespace WHERE NOT starts_with(spcname, 'pg_')),
       (SELECT coalesce(json_agg(slot_name), '[]') FROM pg_replication_slots AS s WHERE to_jsonb(s) ->> 'wal_status' = 'lost')
"""  # As JSON: PostgreSQL 12 has no wal_status, and loses no slots.


class Asks(Protocol):
    """The part of the PostgreSQL driver that is needed."""

    async def execute(self, instance: Instance, sql: str, *, timeout_s: float) -> list[tuple[Any, ...]]:
        """Run a statement."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """The primary that would be followed, as it was seen.

    Attributes:
        major: Of its server.
    """

    name: str
    timeline: int
    system_identifier: str
    major: int


async def read_remnant(inventory: Inventory, shell: Shell, asks: Asks, clock: Clock, node: str, source: Source) -> Remnant:
    """Return what is left of `node`; where that cannot be told, why."""
    instance, host = inventory.database.instances[node], inventory.host_of(node)
    found = Remnant(
        node,
        source.name,
        clock.now(),
        source_system=source.system_identifier,
        source_timeline=source.timeline,
        source_major=source.major,
    )
    if host is None:
        return replace(found, trouble=f"no host is declared for {node}")
    try:
        seen = await shell.run(host, remnant_command(instance), timeout_s=_LOOK_S)
        found = parse_remnant(seen, found)
        found = await _beside(inventory, asks, found)
        found = await _way_there(inventory, shell, found)
        if not found.has_data or found.system_identifier != found.source_system or found.timeline >= source.timeline:
            return found
        found = await _forked(inventory, shell, host, found, _segment_bytes(seen.stdout))
        return await _tried(inventory, shell, host, found)
    except (DriverError, Blocked) as error:
        return replace(found, trouble=plain(error.what, 200))
    except (ValueError, IndexError, KeyError) as error:
        return replace(found, trouble=f"what {host.name} said was not understood: {plain(str(error), 120)}")


def remnant_command(instance: Instance) -> str:
    """Return the one command that tells what is in and beside the data directory of `instance`."""
    folder, control = shlex.quote(data_directory_of(instance)), shlex.quote(program_of(instance, "pg_controldata"))
    missing = "; ".join(
        f"command -v {shlex.quote(program_of(instance, each))} >/dev/null || echo missing={each}" for each in _PROGRAMS
    )
    running = each_process(data_directory_of(instance), 'read -r c <"/proc/$p/comm"; echo "process=$c"')
    return (
        f"d={folder}; {missing}; "
        f'set -- $(LC_ALL=C {shlex.quote(program_of(instance, "postgres"))} -V 2>/dev/null); echo "programs=$3"; '
        'set -- $(df -Pk "$d/.." 2>/dev/null | tail -n 1); echo "free=$4"; '
        '[ -d "$d" ] && echo directory=yes; [ -L "$d" ] && echo apart=link; '
        '[ "$(stat -c %d "$d" 2>/dev/null)" = "$(stat -c %d "$d/.." 2>/dev/null)" ] || echo apart=mount; '
        '[ -O "$d" ] && [ "$(id -u)" != 0 ] && echo owner=yes; '
        '[ -L "$d/pg_wal" ] && echo "wal=$(readlink "$d/pg_wal")"; '
        'for f in "$d"/pg_replslot/*/; do [ -d "$f" ] && f=${f%/} && echo "slot=${f##*/}"; done; '
        'for f in "$d"/pg_tblspc/*; do [ -e "$f" ] && echo "space=${f##*/}"; done; '
        f'[ -e "$d{REWINDING}" ] && echo "rewinding=$(head -c 40 "$d{REWINDING}")"; '
        f"c=$(timeout {_ASK_S:g} {shlex.quote(program_of(instance, 'postgres'))} -D {folder} -C restore_command 2>/dev/null); "
        '[ -n "$c" ] && echo archive=yes; '
        'echo "version=$(cat "$d/PG_VERSION" 2>/dev/null)"; '
        f"( {running} ); LC_ALL=C {control} -D {folder} 2>/dev/null; :"
    )


def parse_remnant(result: CommandResult, found: Remnant) -> Remnant:
    """Return `found` with what the answer to `remnant_command` says.

    Raises:
        ValueError: It makes no sense.
    """
    told: dict[str, list[str]] = {}
    control: dict[str, str] = {}
    for line in result.stdout.splitlines():
        key, is_told, value = line.partition("=")
        if is_told and key.isalpha():
            told.setdefault(key, []).append(plain(value, 120))
        elif ":" in line:
            label, _, value = line.partition(":")
            control[label.strip()] = plain(value.strip(), 120)
    if "programs" not in told:
        raise ValueError(plain(result.stderr or result.stdout, 120))
    free = told.get("free", [""])[0]
    return replace(
        found,
        has_data="Database system identifier" in control,
        has_directory="directory" in told,
        is_running=any(each in ("postgres", "postmaster") for each in told.get("process", ())),
        control_state=control.get("Database cluster state", ""),
        system_identifier=control.get("Database system identifier", ""),
        major=_major(told.get("version", [""])[0]),
        programs_major=_major(told["programs"][0]),
        timeline=int(control.get("Latest checkpoint's TimeLineID", "0")),
        checkpoint_lsn=control.get("Latest checkpoint location", ""),
        has_checksums=control.get("Data page checksum version", "0") != "0",
        has_hints=control.get("wal_log_hints setting") == "on",
        has_full_pages=control.get("Latest checkpoint's full_page_writes") == "on",
        half_rewound=told.get("rewinding", [""])[0],
        missing=tuple(told.get("missing", ())),
        has_archive="archive" in told,
        is_owner="owner" in told,
        is_apart="apart" in told and "directory" in told,
        wal_apart=told.get("wal", [""])[0],
        own_tablespaces=tuple(told.get("space", ())),
        slots=tuple(each for each in told.get("slot", ()) if re.fullmatch("[a-z0-9_]+", each)),
        free_bytes=int(free) * 1024 if free.isdigit() else None,
    )


def _major(text: str) -> int:
    digits = text.partition(".")[0].strip()
    digits = "".join(each for each in digits if each.isdigit())
    return int(digits) if digits else 0


async def _beside(inventory: Inventory, asks: Asks, found: Remnant) -> Remnant:
    """Return `found` with what the primary says of its size and its tablespaces."""
    try:
        rows = await asks.execute(inventory.database.instances[found.source], _SIZES_SQL, timeout_s=_ASK_S)
    except DriverError:
        return found
    total, spaces, lost = rows[0]
    names = {str(number): plain(str(name), 63) for number, name in spaces.items()}
    return replace(
        found,
        source_bytes=None if total is None else int(total),
        lost_slots=tuple(plain(str(name), 63) for name in lost),
        source_tablespaces=tuple(names.values()),
        # In the data directory they are called by number, which is the same in all copies.
        own_tablespaces=tuple(names.get(each, f"number {each}") for each in found.own_tablespaces),
    )


async def _way_there(inventory: Inventory, shell: Shell, found: Remnant) -> Remnant:
    """Return `found` with whether its host gets to the primary with the right to replicate."""
    way = await try_way(inventory, shell, found.node, found.source)
    if way.is_open is None:
        return replace(found, way_untried=way.words)
    if not way.is_open:
        return replace(found, way_there=way.words)
    if way.system != found.source_system:
        return replace(found, way_there=f"another system answers there: {way.system}")
    return replace(found, way_there="")


async def _forked(inventory: Inventory, shell: Shell, host: Host, found: Remnant, segment: int) -> Remnant:
    """Return `found` with where the primary's history left its timeline, and what its own log holds from there on."""
    source = inventory.database.instances[found.source]
    there = inventory.host_of(found.source)
    if there is None:
        return found
    path = f"{data_directory_of(source)}/pg_wal/{found.source_timeline:08X}.history"
    history = await shell.run(there, f"cat -- {shlex.quote(path)}", timeout_s=_LOOK_S)
    fork = fork_of(history.stdout, found.timeline)
    if not fork:
        return found
    found = replace(found, fork_lsn=fork)
    instance = inventory.database.instances[found.node]
    at = lsn_number(fork)
    here = segment_name(found.timeline, at // segment, segment)
    before = segment_name(found.timeline, max(0, at - 1) // segment, segment)
    command = beyond_command(instance, found.timeline, fork, before, here)
    done = await shell.run(host, command, timeout_s=_DRY_RUN_S + 4.0)
    return replace(
        found,
        beyond_fork=_beyond(done.stdout, at, segment),
        has_wal_at_fork="here=yes" in done.stdout.splitlines(),
    )


def beyond_command(instance: Instance, timeline: int, fork: str, before: str, here: str) -> str:
    """Return the command that tells whether anything was written behind a fork.

    Args:
        instance: Whose log it is.
        timeline: Of the log.
        fork: Where the other server left it.
        before: Name of the file that ends at or behind the fork.
        here: Name of the file that what comes next would stand in.
    """
    wal = shlex.quote(f"{data_directory_of(instance)}/pg_wal")
    dump = f"{shlex.quote(program_of(instance, 'pg_waldump'))} -t {timeline} -p {wal} -s {shlex.quote(fork)} -n 1 $z"
    # Asked for a file that is not there, pg_waldump looks for it ten times, half a second apart: it is not asked for one.
    return (
        f"[ -e {wal}/{before} ] && echo before=yes; [ -e {wal}/{here} ] || exit 0; echo here=yes; "
        f"{named_for_waldump(wal, timeline, fork)}; LC_ALL=C timeout {_DRY_RUN_S:g} {dump} 2>&1"
    )


def _beyond(said: str, at: int, segment: int) -> Known:
    if "rmgr:" in said:
        return "yes"
    lines = said.splitlines()
    if "here=yes" not in lines:
        return "no" if at % segment == 0 and "before=yes" in lines else "unknown"
    # A file that was recycled, or was never written, holds no record there.
    is_end = any(words in said for words in ("could not find a valid record after", "error in WAL record"))
    return "no" if is_end or is_unwritten(said, at, segment) else "unknown"


def fork_of(history: str, timeline: int) -> str:
    """Return where a timeline history leaves `timeline`, empty when it never was on it."""
    for line in history.splitlines():
        words = line.split("#")[0].split()
        if len(words) >= 2 and words[0] == str(timeline):
            lsn_number(words[1])
            return words[1]
    return ""


async def _tried(inventory: Inventory, shell: Shell, host: Host, found: Remnant) -> Remnant:
    """Return `found` with what a rewind that changes nothing comes to, where one can be tried: it wants a clean stop."""
    conninfo = declared_way(inventory, found.node, found.source)
    is_of_use = found.is_clean and not found.is_running and not found.half_rewound and found.beyond_fork != "no"
    if conninfo is None or not is_of_use or "pg_rewind" in found.missing:
        return found
    instance = inventory.database.instances[found.node]
    done = await shell.run(host, tried_command(instance, conninfo), timeout_s=_DRY_RUN_S + 4.0)
    if done.exit_status == 124:
        return found
    said = [line for line in done.stderr.splitlines() if "error" in line or "fatal" in line] or done.stderr.splitlines()[-1:]
    return replace(found, dry_run="ok" if done.exit_status == 0 else plain(" ".join(said), 200) or f"status {done.exit_status}")


def dry_run_command(instance: Instance, conninfo: str) -> str:
    """Return the command that goes through a rewind and changes nothing."""
    return f"LC_ALL=C {rewind_command(instance, conninfo)} --dry-run"


def tried_command(instance: Instance, conninfo: str) -> str:
    """Return `dry_run_command` with a limit; 124 says that it was reached. `timeout` starts programs and knows no assignments."""
    return f"timeout {_DRY_RUN_S:g} env {dry_run_command(instance, conninfo)}"


def rewind_command(instance: Instance, conninfo: str) -> str:
    """Return the command of a rewind. It logs in to a database that every cluster has, where none is named."""
    source = conninfo if "dbname=" in conninfo else f"{conninfo} dbname=postgres"
    program, folder = shlex.quote(program_of(instance, "pg_rewind")), shlex.quote(data_directory_of(instance))
    return f"{program} -D {folder} --source-server={shlex.quote(source)}"


def _segment_bytes(text: str) -> int:
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Bytes per WAL segment":
            return int(value)
    raise ValueError("the control file does not tell how long the files of its log are")
