"""What each known command does to the model, and what it prints."""

import asyncio
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime

from ppsconsole.actions.stop_primary import _GONE
from ppsconsole.drivers.base import CommandResult
from tests.engine.model.commands import Known, table_of
from tests.engine.model.databases import PAGE, PID, SEGMENT, SYSTEM, Database, UnknownToModel, lsn
from tests.engine.model.world import World

_POLL_S = 0.25
FENCED_LATE_S = 20.0


def said(stdout: str = "", status: int = 0, stderr: str = "") -> CommandResult:
    return CommandResult(status, stdout, stderr, 0.001)


SLOW = ("stop-clean", "stop-and-look")


def is_slow(world: World, host: str, command: str) -> bool:
    """Return whether a command takes its time; the others are done at once."""
    known = table_of(world.inventory).get((host, command))
    return known is not None and known.does in SLOW


async def done(world: World, known: Known, stdin: str, now: Callable[[], float]) -> CommandResult:
    """Do what a command does, and return what it prints."""
    if known.does in SLOW:
        return await _stopped(world, known, now)
    return _EFFECTS[known.does](world, known, stdin, now())


async def _stopped(world: World, known: Known, now: Callable[[], float]) -> CommandResult:
    database = world.databases[known.node]
    if database.process != "frozen":  # a fast stop does not reach processes that are stopped
        world.stop(database)
    ends = now() + float(known.more) - 2.0
    while database.process != "gone" and now() < ends:
        await asyncio.sleep(_POLL_S)
        world.advance(now())
    if known.does == "stop-clean":
        return said()
    return said(f"{_GONE}\n{_remains(world, known, '', now()).stdout}")


# --- services ---------------------------------------------------------------------------------------------------------


def _status(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    service = world.service_of(known.node)
    pid = f" pid={PID}" if service.state in ("running", "frozen") else ""
    return said(f"state={service.state} enabled={'enabled' if service.enabled else 'disabled'}{pid}\n")


def _start(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    return said() if world.start(known.node) else said(status=1, stderr="it does not come up")


def _stop(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    if known.node in world.databases:
        world.stop(world.databases[known.node])
    else:
        world.service_of(known.node).state = "stopped"
    return said()


def _enable(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    world.service_of(known.node).enabled = known.does == "enable"
    return said()


# --- databases --------------------------------------------------------------------------------------------------------


def control_text(database: Database) -> str:
    """Return what pg_controldata prints."""
    return (
        f"Database system identifier:           {SYSTEM}\n"
        f"Database cluster state:               {database.control_state}\n"
        f"Latest checkpoint location:           {lsn(database.control_checkpoint)}\n"
        f"Latest checkpoint's TimeLineID:       {database.timeline}\n"
        f"WAL block size:                       {PAGE}\n"
        f"Bytes per WAL segment:                {SEGMENT}\n"
    )


def _control(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    database = world.databases[known.node]
    server = "server=0 none\n" if database.process == "gone" else f"server={int(database.started_at)} {PID}\n"
    return said(server + control_text(database))


def _control_file(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    return said(control_text(world.databases[known.node]))


def _look_quarantine(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    return said("yes\na run failed it over\n" if world.databases[known.node].is_quarantined else "no\n")


def _remains(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    database = world.databases[known.node]
    lines = []
    if database.process != "gone":
        lines += [f"process={PID} postgres postgres: checkpointer", f"pid={PID}"]
    if database.process == "stopping":
        lines.append(f"process={PID + 1} postgres postgres: walsender")
    if database.has_signal:
        lines.append("standby=yes")
    if database.is_quarantined:
        lines.append("quarantine=yes")
    return said("".join(f"{line}\n" for line in lines) + control_text(database))


def _promote(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    database = world.databases[known.node]
    if database.process != "up" or not database.in_recovery:
        return said(status=1, stderr="server is not in standby mode")
    # A request that is slept over: the second one wakes it.
    is_slept_over = database.is_sleepy and database.promotes_at is None
    database.promotes_at = now + (5.0 if is_slept_over else 0.02)
    return said()


def _kill(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    world.databases[known.node].crash()
    return said()


def _mark(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    world.databases[known.node].is_quarantined = known.does == "mark"
    return said()


def _make_slot(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    own, other = world.databases[known.node], world.databases[str(known.more)]
    if other.process != "up" or not world.is_on(other.host) or not world.links.is_open(own.host, other.host):
        return said(status=1, stderr=f"pg_receivewal: error: connection to {other.name} failed")
    if own.name not in other.slots:
        other.slots.append(own.name)
    return said()


def _drop_slot(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    own, other = world.databases[known.node], world.databases[str(known.more)]
    if other.process != "up" or not world.is_on(other.host) or not world.links.is_open(own.host, other.host):
        return said(status=1, stderr=f"pg_receivewal: error: connection to {other.name} failed")
    if own.name not in other.slots:
        return said(status=1, stderr=f'replication slot "{own.name}" does not exist')
    other.slots.remove(own.name)
    return said()


def _fence_off(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    host = world.databases[known.node].host
    if not world.hosts[host].is_on:  # nobody switches it on again: the plan says what would come of that
        world.hosts[host].is_kept_off = True
    match world.fencing:
        case "works" | "denies":
            world.switch_off(host)
        case "late":
            world.switches_off[host] = now + FENCED_LATE_S
        case "fails":
            return said(status=1, stderr="no answer from the management controller")
    return said(status=1 if world.fencing == "denies" else 0, stdout="done\n")


def _fence_status(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    if world.fencing == "mute":
        return said(status=1, stderr="no answer from the management controller")
    return said("on\n" if world.hosts[world.databases[known.node].host].is_on else "off\n")


def _follow(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    database = world.databases[known.node]
    database.has_signal, database.upstream = True, str(known.more)
    return said()


def _start_standby(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    if not world.databases[known.node].has_signal:
        return said(status=65, stderr="no standby.signal: it would come up as a primary")
    world.service_of(known.node).enabled = True
    return _start(world, known, stdin, now)


def _history(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    database = world.databases[known.node]
    if int(known.more) > database.timeline:
        return said(status=1, stderr="No such file or directory")
    before = [each for each in database.history if each[0] < int(known.more)]
    return said("".join(f"{timeline}\t{lsn(position)}\tno recovery target specified\n" for timeline, position in before))


def dead_wal(world: World, name: str, command: str) -> CommandResult:
    """Return what is left of a server, and the records from a position on, as pg_waldump and awk tell them."""
    database = world.databases[name]
    asked = re.search(r" -s ([0-9A-F]+)/([0-9A-F]+) ", command)
    if asked is None:
        raise UnknownToModel(f"the model does not know this way to read a log: {command}")
    start = (int(asked[1], 16) << 32) + int(asked[2], 16)
    lines, commits, last = [], 0, None
    for record in database.log:
        if record.start < start:
            continue
        length = 8 * ((record.end - record.start - 24 * (record.end // PAGE - record.start // PAGE)) // 8)
        lines.append(f"r {lsn(record.start)} {length}")
        if record.number:
            commits += 1
            when = datetime.fromtimestamp(record.at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
            lines.append(f"c {lsn(record.start)} {length} {when}")
        last = f"last {lsn(record.start)} {length} 0"
    text = "".join(f"{line}\n" for line in lines[:8000])
    tail = f"status 1\nn {commits}\n" + (f"{last}\n" if last else "")
    left = _remains(world, Known("remains", name), "", 0.0).stdout
    return said(
        f"{left}@@wal\nfiles {(database.end // SEGMENT + 1) * SEGMENT}\n{text}{tail}",
        stderr="pg_waldump: error: error in WAL record",
    )


# --- web nodes and balancers ------------------------------------------------------------------------------------------


def _points_at(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    host = world.inventory.host_of(world.points_at[known.node])
    assert host is not None
    return said(f"host={host.address} dbname={world.inventory.database.database}\n")


def _point(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    world.points_at[known.node] = str(known.more)
    return said()


def _dump(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    return said(world.configuration(known.node, world.balancers[known.node].include))


def _include(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    return said(world.balancers[known.node].include)


def _write_include(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    balancer = world.balancers[known.node]
    digest, _, text = stdin.partition("\n")
    if hashlib.sha256(balancer.include.encode()).hexdigest() != digest:
        return said(status=75)
    balancer.backup, balancer.include = balancer.include, text
    return _dump(world, known, "", now)


def _restore_include(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    balancer = world.balancers[known.node]
    balancer.include = balancer.backup
    return said()


def _reload(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    balancer = world.balancers[known.node]
    if world.service_of(known.node).state != "running":
        return said(status=1, stderr="nginx: [error] invalid PID number")
    if not balancer.is_reload_dead:
        balancer.loaded = balancer.include
    return said()


def _backup(world: World, known: Known, stdin: str, now: float) -> CommandResult:
    return said(f"{int(now)}\n{int(now) - 3600} 4096 {known.more.path}/pps.dump\n")


_EFFECTS: dict[str, Callable[[World, Known, str, float], CommandResult]] = {
    "keys": lambda world, known, stdin, now: said("ok 0123456789ab\n" * int(known.more)),
    "managers": lambda world, known, stdin, now: said("all\n"),
    "nothing": lambda world, known, stdin, now: said(),
    "status": _status,
    "start": _start,
    "stop": _stop,
    "enable": _enable,
    "disable": _enable,
    "control": _control,
    "control-file": _control_file,
    "look-quarantine": _look_quarantine,
    "remains": _remains,
    "promote": _promote,
    "kill": _kill,
    "mark": _mark,
    "unmark": _mark,
    "make-slot": _make_slot,
    "drop-slot": _drop_slot,
    "fence-off": _fence_off,
    "fence-status": _fence_status,
    "follow": _follow,
    "start-standby": _start_standby,
    "history": _history,
    "points-at": _points_at,
    "point": _point,
    "dump": _dump,
    "include": _include,
    "write-include": _write_include,
    "restore-include": _restore_include,
    "reload": _reload,
    "backup": _backup,
}
