"""Keep what only a primary that was failed over from has, before anything rewinds or overwrites it, and list what was lost.

The copy lies beside the data directory: a rewind removes from pg_wal what the new primary's does not have, and writes into files
that are there, so that neither a folder in it nor a second name for the same file would last.
"""

import shlex
from collections.abc import Sequence
from dataclasses import replace

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.follow import switchpoint
from ppsconsole.actions.looks import LOOK_S, remains
from ppsconsole.actions.lost_log import LIMIT_S, LostLog, lost_log_command, parse_lost_log
from ppsconsole.actions.places import argument, data_directory_of, host_of, instance_of, on_host, program_of
from ppsconsole.actions.planted import refuse_planted
from ppsconsole.actions.standing import standing
from ppsconsole.actions.wal_files import segment_name
from ppsconsole.cluster.database import lsn_number
from ppsconsole.cluster.lost_writes import LostTransaction, LostWrites
from ppsconsole.errors import BadAnswer, DriverError, RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

IN_THE_JOURNAL = 200
"""So many lost transactions are told in journal and report; the whole list lies with the log that is kept."""

_COPY_S = 600.0
_NAMES_SQL = """
SELECT pg_relation_filenode(c.oid)::bigint, (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),
       COALESCE((SELECT i.indrelid::regclass::text FROM pg_index i WHERE i.indexrelid = c.oid),
                (SELECT o.oid::regclass::text FROM pg_class o WHERE o.reltoastrelid = c.oid), c.oid::regclass::text)
FROM pg_class c WHERE pg_relation_filenode(c.oid) = ANY(%s::oid[])
"""


class KeepLostWrites:
    """Keeps and lists the writes of `step.node` behind the fork. Argument `primary`: the instance that goes on.

    Works on an instance that is down, also in quarantine; it changes nothing in its data directory. Nothing has to be undone.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the copying, with `SEGMENTS`, `TIMELINE` and `FORK` for what is not known before; the list comes by stdin."""
        kept = f"{data_directory_of(instance_of(inventory, step.node))}.lost-writes-TIMELINE-FORK"
        copy = _copy(inventory, step.node, kept, ("SEGMENTS",))
        return on_host(host_of(inventory, step.node).name, copy, _name(kept))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether its log can be read: it is down, and is of the same system; keeps where its history was left."""
        primary = argument(step, "primary")
        new = await standing(bench, primary)
        if new.in_recovery:
            return Finding("no", f"{primary} is a standby: which history goes on is not settled")
        left = await remains(bench, step.node)
        if not left.is_gone:
            return Finding("no", f"{step.node} still has processes: its log may go on")
        if not left.control:
            return Finding("no", f"the control file of {step.node} was not read: {left.complaint}")
        if left.control["control_system_identifier"] != new.system_identifier:
            return Finding("no", f"{step.node} and {primary} are not the same system: nothing of it can be compared")
        timeline = int(str(left.control["control_timeline"]))
        fork = await switchpoint(bench, primary, timeline, new.timeline)
        if fork is None:
            return Finding("no", f"timeline {new.timeline} of {primary} never left timeline {timeline} of {step.node}")
        values = {"fork_lsn": fork, "timeline": timeline}
        return Finding("yes", f"{primary} left timeline {timeline} at {fork}", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Copy the log behind the fork, unless there is none or it is kept already.

        Raises:
            RunError: It cannot be read or copied, or there is no room.
        """
        fork, timeline = str(bench.values[step.id]["fork_lsn"]), int(bench.values[step.id]["timeline"])
        instance, host = instance_of(bench.inventory, step.node), host_of(bench.inventory, step.node).name
        size = await _segment_bytes(bench, step)
        found = await _read(bench, step, f"{data_directory_of(instance)}/pg_wal", timeline, fork, size)
        if not found.trouble and lsn_number(found.end_lsn) <= lsn_number(fork):
            return
        names = await _names(bench, step, timeline, fork, size, "" if found.trouble else found.end_lsn)
        if found.trouble:
            bench.say(f"{step.node}: {found.trouble}: all {len(names)} files behind the fork are kept")
        kept = _kept(bench, step, timeline, fork)
        await _see_room(bench, step, len(names) * size)
        copy = _copy(bench.inventory, step.node, kept, names)
        result = await bench.hosts.act_detached(host, "keep-lost-writes", copy, node=step.node, timeout_s=_COPY_S)
        if result.exit_status == 0:
            listed = await _lost(bench, step, found, timeline, fork, kept)
            text = f"{found.trouble}\n" if found.trouble else "".join(f"{line}\n" for line in listed.lines())
            result = await bench.hosts.act(host, _name(kept), node=step.node, stdin=text, timeout_s=60.0)
        if result.exit_status != 0:
            raise RunError(f"the log was not kept: {plain(result.stderr) or result.exit_status}", where=host)
        bench.say(f"{host}: {len(names)} files of the log are kept in {kept}")

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is kept whole, with what was lost as `lost_writes`; or whether there is nothing to keep."""
        fork = bench.noted(step, "fork_lsn")
        if fork is None:
            return Finding("no", f"where the history of {step.node} was left was not seen")
        timeline = int(bench.noted(step, "timeline"))
        kept = _kept(bench, step, timeline, fork)
        size = await _segment_bytes(bench, step)
        is_kept = await _is_whole(bench, step, kept)
        place = kept if is_kept else f"{data_directory_of(instance_of(bench.inventory, step.node))}/pg_wal"
        found = await _read(bench, step, place, timeline, fork, size)
        if found.trouble:
            later = f"once it can be read: ppsconsole run lost-writes {step.node}"
            words = f"what {step.node} lost is not listed: {found.trouble}; {later}"
            return Finding("no", f"{words}; its log is kept in {kept}" if is_kept else words)
        if not is_kept and lsn_number(found.end_lsn) > lsn_number(fork):
            return Finding("no", f"the log of {step.node} from {fork} to {found.end_lsn} is not kept")
        first = replace(found, transactions=found.transactions[:IN_THE_JOURNAL])
        lost = await _lost(bench, step, first, timeline, fork, kept if is_kept else "")
        return Finding("yes", lost.head(), {"lost_writes": lost.as_json()})

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Leave it: what is kept stays."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that a copy is nothing that has to be put back."""
        return Finding("yes", "what is kept stays; nothing else was changed")


async def _read(bench: Workbench, step: Step, folder: str, timeline: int, fork: str, size: int) -> LostLog:
    instance, host = instance_of(bench.inventory, step.node), host_of(bench.inventory, step.node)
    command = lost_log_command(program_of(instance, "pg_waldump"), folder, timeline, fork)
    try:
        result = await bench.tools.ssh.run(host, command, timeout_s=LIMIT_S + 5.0, limit_bytes=8 << 20)
        return parse_lost_log(result, fork, size)
    except DriverError as error:
        return LostLog(fork, trouble=plain(error.what, 200))
    except (ValueError, IndexError):
        return LostLog(fork, trouble="what pg_waldump said was not understood")


async def _names(bench: Workbench, step: Step, timeline: int, fork: str, size: int, end: str) -> tuple[str, ...]:
    """Return the files of the log from the fork on, up to `end` where that is known.

    Raises:
        RunError: They cannot be listed, or there are none.
    """
    folder = f"{data_directory_of(instance_of(bench.inventory, step.node))}/pg_wal"
    host = host_of(bench.inventory, step.node).name
    result = await bench.hosts.look(host, f"ls {shlex.quote(folder)}", timeout_s=LOOK_S)
    first = segment_name(timeline, lsn_number(fork) // size, size)
    last = segment_name(timeline, max(0, lsn_number(end) - 1) // size, size) if end else "G"
    files = [each for each in result.stdout.split() if len(each) == len(first) and not set(each) - set("0123456789ABCDEF")]
    names = tuple(each for each in files if each[:8] == first[:8] and first <= each <= last)
    if result.exit_status != 0 or not names:
        raise RunError(f"no file of the log from {fork} on was found in {folder}: {plain(result.stderr, 160)}", where=host)
    return names


async def _segment_bytes(bench: Workbench, step: Step) -> int:
    """Return how long the files of the log are.

    Raises:
        BadAnswer: The control file does not tell.
    """
    instance, host = instance_of(bench.inventory, step.node), host_of(bench.inventory, step.node).name
    command = f"LC_ALL=C {shlex.quote(program_of(instance, 'pg_controldata'))} -D {shlex.quote(data_directory_of(instance))}"
    result = await bench.hosts.look(host, command, timeout_s=LOOK_S)
    for line in result.stdout.splitlines():
        name, _, value = line.partition(":")
        if name == "Bytes per WAL segment" and value.strip().isdigit():
            return int(value)
    raise BadAnswer(f"the control file does not tell how long its files are: {plain(result.stderr, 160)}", where=host)


async def _see_room(bench: Workbench, step: Step, needed: int) -> None:
    """Refuse to fill the disk.

    Raises:
        RunError: There is no room for `needed` bytes, and as many again.
    """
    host, folder = host_of(bench.inventory, step.node).name, data_directory_of(instance_of(bench.inventory, step.node))
    result = await bench.hosts.look(host, f"df -Pk {shlex.quote(folder)}/.. | tail -n 1", timeout_s=LOOK_S)
    words = result.stdout.split()
    free = int(words[3]) * 1024 if len(words) > 3 and words[3].isdigit() else None
    if free is None or free < 2 * needed:
        said = "how much is free is not known" if free is None else f"{free} bytes are free"
        raise RunError(f"{needed} bytes have to be kept beside {folder}, and {said}", where=host, remedy="Make room there")


async def _is_whole(bench: Workbench, step: Step, kept: str) -> bool:
    command = f"cd {shlex.quote(kept)} 2>/dev/null && sha256sum -c --quiet SHA256SUMS"
    result = await bench.hosts.look(host_of(bench.inventory, step.node).name, command, timeout_s=LIMIT_S)
    return result.exit_status == 0


async def _lost(bench: Workbench, step: Step, found: LostLog, timeline: int, fork: str, path: str) -> LostWrites:
    named = await _named(bench, step, found.transactions)
    return LostWrites(step.node, timeline, fork, found.end_lsn, found.count, found.unfinished, path, named)


async def _named(bench: Workbench, step: Step, transactions: Sequence[LostTransaction]) -> tuple[LostTransaction, ...]:
    """Return transactions with the names that the new primary knows for what they wrote to; numbers where it does not tell."""
    places = {place for each in transactions for place in each.relations}
    files = sorted({int(place.rpartition("/")[2]) for place in places})
    names: dict[tuple[int, int], str] = {}
    try:
        primary = instance_of(bench.inventory, argument(step, "primary"))
        rows = await bench.tools.postgres.execute(primary, _NAMES_SQL, timeout_s=LOOK_S, parameters=(files,)) if files else []
        for file, database, name in rows:
            names[int(database), int(file)] = plain(str(name), 120)
            names[0, int(file)] = plain(str(name), 120)
    except DriverError as error:
        bench.say(f"what the files are called was not told: {error.what}")

    def told(place: str) -> str:
        _, database, file = (int(each) for each in place.split("/"))
        return names.get((database, file), f"{database}/{file}")

    return tuple(replace(each, relations=tuple(dict.fromkeys(map(told, each.relations)))) for each in transactions)


def _kept(bench: Workbench, step: Step, timeline: int, fork: str) -> str:
    """Return the folder for this log: the same one for every run, so that it is kept once."""
    return f"{data_directory_of(instance_of(bench.inventory, step.node))}.lost-writes-{timeline}-{fork.replace('/', '_')}"


def _copy(inventory: Inventory, node: str, kept: str, names: tuple[str, ...]) -> str:
    """Return the command that copies files of the log to where they have no name yet, and compares them."""
    folder, files = data_directory_of(instance_of(inventory, node)), " ".join(names)
    own = refuse_planted('"$k"', '"$t"')
    return (
        f'umask 077; k={shlex.quote(kept)}; t=$k.part; {own}; [ ! -e "$k" ] || exit 0; '
        f'{{ [ -d "$t" ] || mkdir "$t"; }} && cd {shlex.quote(folder)}/pg_wal && cp -p {files} "$t"/ || exit 1; '
        'for f in *.history ../global/pg_control ../backup_label; do [ ! -e "$f" ] || cp -p "$f" "$t"/ || exit 1; done; '
        f'sha256sum {files} >"$t/SHA256SUMS" && cd "$t" && sha256sum -c --quiet SHA256SUMS'
    )


def _name(kept: str) -> str:
    """Return the command that puts the list, which comes by standard input, beside them, and only then gives them their name."""
    own = refuse_planted('"$k"', '"$t"')
    return (
        f'umask 077; k={shlex.quote(kept)}; t=$k.part; {own}; [ ! -e "$k" ] || exit 0; '
        'cat >"$t/transactions.txt" && sync && mv -T "$t" "$k" && sync'
    )
