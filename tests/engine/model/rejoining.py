"""Rejoining an old primary, as the model sees it: what is left of it, rewind and copy, the swap, and the start as a standby."""

import re
from collections.abc import Callable
from typing import Any

from ppsconsole.actions import clone as cloning
from ppsconsole.actions import configuration_kept, follow, remnant, rewind, source_checkpoint, standby_start, way_there
from ppsconsole.actions.looks import each_process
from ppsconsole.actions.wal_files import segment_name
from ppsconsole.drivers.base import CommandResult
from ppsconsole.engine import facts
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step
from tests.engine.model.databases import SEGMENT, SYSTEM, Database
from tests.engine.model.effects import control_text
from tests.engine.model.patterns import NUMBER, Pattern, pattern_of, said
from tests.engine.model.world import World

Does = Callable[[World, str, "re.Match[str]", str], CommandResult]
_RUN, _FORK, _HERE, _BEFORE = "RUNRUN", "FORKFORK", "HEREHERE", "BEFOREBEFORE"
_PARTS = {_RUN: r"[\w-]+", _FORK: r"[0-9A-F]+/[0-9A-F]+", _HERE: r"[0-9A-F]{24}", _BEFORE: r"[0-9A-F]{24}"}


def patterns(inventory: Inventory, name: str) -> list[tuple[Pattern, Does]]:
    """Return what each command about the rejoin of an instance looks like on its host, and what it does."""
    instance = inventory.database.instances[name]
    data = str(instance.data_directory)
    clone = f"{data}{cloning.CLONE}{_RUN}"
    kept = configuration_kept.kept_folder(inventory, name, _RUN)
    texts: list[tuple[str, Does]] = [
        (remnant.remnant_command(instance), _remnant),
        (configuration_kept._keep(inventory, name, _RUN), _keep),
        (_compare(kept, data), _kept),
        (rewind._recover(inventory, name), _recover),
        (f"[ ! -e {data}{remnant.REWINDING} ] || head -c 40 {data}{remnant.REWINDING}", _nothing),
        (f"[ -e {kept}/rewound ] && echo yes; :", _rewound),
        (f"tail -c 400 {kept}/rewind.log 2>/dev/null; :", _nothing),
        (f"tail -c 400 {clone}.log 2>/dev/null; :", _nothing),
        (f"[ -f {clone}/standby.signal ] && echo yes; :", _has_clone),
        (f"[ -e {clone}.part ] && echo yes; :", _nothing),
        (_places(data, clone), _where),
        (standby_start._quarantined_again(inventory, name), _quarantined),
        (standby_start._start(inventory, _step(name)), _start),
    ]
    for old in ({"old_system": SYSTEM}, {}):
        texts.append((cloning.swap_command(inventory, _step(name, **old), _RUN), _swap))
    for other in inventory.database.instances:
        conninfo = follow.declared_way(inventory, name, other)
        if conninfo is not None:
            texts += _by_way(inventory, name, other, conninfo)
    return [(pattern_of(text, _PARTS), does) for text, does in texts]


def _by_way(inventory: Inventory, name: str, source: str, conninfo: str) -> list[tuple[str, Does]]:
    instance = inventory.database.instances[name]
    dry = remnant.dry_run_command(instance, conninfo)
    forked = remnant.beyond_command(instance, NUMBER, _FORK, _BEFORE, _HERE)
    texts: list[tuple[str, Does]] = [
        *(
            (way_there.trial_command(inventory, name, conninfo, limit_s), _with(_identified, source))
            for limit_s in (way_there.ASK_S, facts._URGENT_S)
        ),
        (forked, _forked),
        (dry, _with(_tried, source)),
        (remnant.tried_command(instance, conninfo), _with(_tried, source)),
        (rewind._rewind(inventory, name, conninfo, _RUN), _with(_rewind, source)),
        (cloning._clone(inventory, name, conninfo, _RUN), _with(_clone, source)),
    ]
    for had in ({"has_kept": "yes"}, {}):
        texts.append((standby_start._write(inventory, _step(name, **had), conninfo, _RUN), _with(_write, source)))
    return texts


def _step(name: str, **arguments: str) -> Step:
    return Step("", "", "", name, None, arguments={"system": SYSTEM, **arguments})


def _with(does: Callable[..., CommandResult], source: str) -> Does:
    def told(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
        return does(world, world.databases[name], world.databases[source], found)

    return told


def _compare(kept: str, data: str) -> str:
    return (
        f'cd {kept}/files 2>/dev/null || exit 66; n=0; for f in *; do [ -e "$f" ] || continue; n=$((n+1)); '
        f'diff -rq "$f" {data}/"$f" || exit 1; done; echo "$n"'
    )


def _places(data: str, clone: str) -> str:
    return (
        f"[ -f {clone}/standby.signal ] && echo clone; [ -f {data}/standby.signal ] && echo standby; "
        f"[ -d {data}{cloning.BEFORE}{_RUN} ] && echo before; ( {each_process(data, 'echo running')} ); :"
    )


# --- what is left -------------------------------------------------------------------------------------------------------


def _remnant(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    database = world.databases[name]
    lines = ["programs=18.6", "free=100000000", "directory=yes", "owner=yes", *(f"slot={each}" for each in database.slots)]
    lines += ["version=18"] if database.process == "gone" else ["version=18", "process=postgres"]
    pages = "Latest checkpoint's full_page_writes: on\nwal_log_hints setting: on\nData page checksum version: 1\n"
    return said("".join(f"{line}\n" for line in lines) + control_text(database) + pages)


def _identified(world: World, own: Database, source: Database, found: "re.Match[str]") -> CommandResult:
    if not _is_way(world, own, source):
        return said(status=2, stderr=f"psql: error: connection to {source.name} failed")
    return said(f"{SYSTEM}|{source.timeline}|0/0|\n")


def _forked(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    database = world.databases[name]
    high, low = found[_FORK].split("/")
    fork = (int(high, 16) << 32) + int(low, 16)
    lines = []
    for key, mark in ((_BEFORE, "before"), (_HERE, "here")):
        if found[key] <= segment_name(database.timeline, database.end // SEGMENT, SEGMENT):
            lines.append(f"{mark}=yes")
    if any(record.start >= fork for record in database.log):
        lines.append("rmgr: Transaction len (rec/tot): 34/34, tx: 700")
    elif "here=yes" in lines:
        lines.append("pg_waldump: error: could not find a valid record after it")
    return said("".join(f"{line}\n" for line in lines))


def _tried(world: World, own: Database, source: Database, found: "re.Match[str]") -> CommandResult:
    if own.process != "gone" or not own.control_state.startswith("shut down"):
        return said(status=1, stderr="pg_rewind: fatal: target server must be shut down cleanly")
    return said() if _is_way(world, own, source) else said(status=1, stderr="pg_rewind: error: could not connect to server")


# --- what is done -------------------------------------------------------------------------------------------------------


def _keep(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    world.databases[name].files.add(f"configuration {found[_RUN]}")
    return said()


def _kept(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    return said("3\n") if f"configuration {found[_RUN]}" in world.databases[name].files else said(status=66)


def _recover(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    database = world.databases[name]
    if database.control_state.startswith("shut down"):
        return said()
    if database.process != "gone" or database.has_signal:
        return said(status=1, stderr="it runs, or is a standby")
    database.end_cleanly(world.last_at)
    return said()


def _rewind(world: World, own: Database, source: Database, found: "re.Match[str]") -> CommandResult:
    if f"rewound {found[_RUN]}" in own.files:
        return said()
    if _tried(world, own, source, found).exit_status != 0:
        return said(status=65, stderr="pg_rewind: fatal: it does not go through")
    alone = [record for record in own.log if record.number and record not in source.log]
    kept = [record for copy in own.kept.values() for record in copy]
    if any(record not in kept for record in alone):
        world.wrong(f"{own.name} was rewound, and what only it had is kept nowhere")
    own.log, own.timeline, own.history = list(source.log), source.timeline, list(source.history)
    own.has_signal, own.control_checkpoint = True, source.control_checkpoint
    own.files.add(f"rewound {found[_RUN]}")
    return said()


def _rewound(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    return said("yes\n" if f"rewound {found[_RUN]}" in world.databases[name].files else "")


def _clone(world: World, own: Database, source: Database, found: "re.Match[str]") -> CommandResult:
    if found[_RUN] not in own.clones:
        if not _is_way(world, own, source):
            return said(status=65, stderr="pg_basebackup: error: connection failed")
        own.clones[found[_RUN]] = (list(source.log), source.timeline, list(source.history))
    return said()


def _has_clone(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    return said("yes\n" if found[_RUN] in world.databases[name].clones else "")


def _where(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    database, run = world.databases[name], found[_RUN]
    there = {
        "clone": run in database.clones,
        "standby": database.has_signal,
        "before": f"before {run}" in database.kept,
        "running": database.process != "gone",
    }
    return said("".join(f"{mark}\n" for mark, is_so in there.items() if is_so))


def _swap(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    database, run = world.databases[name], found[_RUN]
    if run in database.clones:
        if database.process != "gone":
            return said(status=67, stderr="still runs: 4711")
        database.kept[f"before {run}"] = database.log
        database.log, database.timeline, database.history = database.clones.pop(run)
        database.has_signal, database.slots = True, []
    return said(status=0 if database.has_signal else 1)


def _write(world: World, own: Database, source: Database, found: "re.Match[str]") -> CommandResult:
    own.has_signal, own.upstream = not own.loses_signal, source.name
    return said()


def _start(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    database = world.databases[name]
    if not database.has_signal and "standby.signal ]" in found[0]:
        return said(status=65, stderr="no standby.signal: it would come up as a primary")
    database.is_quarantined = False
    world.service_of(name).enabled = True
    is_up = world.start(name)
    if database.is_writable and any(each.is_writable for each in world.databases.values() if each is not database):
        world.wrong(f"{name} was started as a second primary")
    return said() if is_up else said(status=1, stderr="it does not come up")


def _quarantined(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    world.databases[name].is_quarantined = True
    world.service_of(name).enabled = False
    return said()


def _nothing(world: World, name: str, found: "re.Match[str]", stdin: str) -> CommandResult:
    return said()


def _is_way(world: World, own: Database, source: Database) -> bool:
    return source.process == "up" and world.is_on(source.host) and world.links.is_open(own.host, source.host)


def answered(database: Database, sql: str) -> list[tuple[Any, ...]] | None:
    """Return what a server answers to the statements of a rejoin; None for any other."""
    if sql == remnant._SIZES_SQL:
        return [(100 << 20, {}, [])]
    if sql == source_checkpoint._TIMELINE_SQL:
        return [(database.timeline,)]
    return None
