"""Bring what only the disk of a dead primary has to a standby before it is promoted: then nothing is lost at all.

A standby takes WAL from its archive, from its own pg_wal and by streaming, in turns, and replays what is put into its pg_wal at
any time (PostgreSQL's documentation, "Standby Server Operation"). So no setting is changed and nothing is restarted. The last
file of the dead primary is taken whole: behind the last record it holds what it held when it was recycled, with positions of its
former place, and there every reader stops, as the crash recovery of the old primary itself would.

The files go through the console, piece by piece: hosts need neither a way to each other nor each other's secrets. Each arrives
under another name in a folder within pg_wal, which is sure to be on the same file system and is left out of backups; it is
compared, written to disk, and renamed. What the standby has under that name stays, in that folder.
"""

import shlex
from dataclasses import dataclass
from typing import Any

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.dead_wal import Behind, Limits, read_dead_wal
from ppsconsole.actions.follow import forks, switchpoint
from ppsconsole.actions.looks import each_process
from ppsconsole.actions.places import argument, data_directory_of, host_of, instance_of, on_host
from ppsconsole.actions.standing import Standing, standing
from ppsconsole.actions.wal_files import PIECE_BYTES, add_piece, listing, parse_listing, piece, segments
from ppsconsole.cluster.database import lsn_number
from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.errors import BadAnswer, DriverError, RunError, TimedOut
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.proof import ZeroLossProof
from ppsconsole.plan.step import Step

LIMITS = Limits(1 << 30, 60.0, is_every_commit_needed=False)
"""More than this is not brought: users are out meanwhile, and somebody should decide."""

_PIECE_S = 120.0
_LISTING_S = 120.0
_STILL_S = 60.0
"""For how long a standby may show no progress in replaying before that is given up."""
_NUDGE_S = 2.0
_POLL_S = 0.1


class Salvage:
    """Brings the rest of the log of a fenced primary to the standby `step.node`. Argument `primary`: whose log it is.

    Its verification makes the proof that nothing is lost. Where it fails the run goes on to the question for what remains lost.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return what is sent for each file of the log, with `SEGMENT`, `OFFSET` and `SHA256` for what is not known before."""
        primary = argument(step, "primary")
        wal, own = _wal(inventory, primary), _wal(inventory, step.node)
        read = on_host(host_of(inventory, primary).name, piece(wal, "SEGMENT", "OFFSET"))
        put = add_piece(_aside(own, "RUN"), "SEGMENT.part", "OFFSET")
        place = _place(own, "RUN", "SEGMENT", "SHA256")
        return (*read, *on_host(host_of(inventory, step.node).name, put, _let_go(inventory, step.node), place))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the rest of the log can be brought; keeps where it ends: behind the fence it grows no more."""
        primary = argument(step, "primary")
        if bench.fence_of(primary) is None:
            return Finding("no", f"there is no fence proof for {primary}: its log may still grow")
        own = await standing(bench, step.node)
        if not own.in_recovery:
            return await _as_promoted(bench, step, own)
        if own.is_replay_paused:
            return Finding("no", f"replay is paused on {step.node}: what is brought would not be replayed")
        if not own.have or not own.replayed:
            return Finding("no", f"{step.node} does not say how far its log goes")
        behind = Behind(step.node, own.have, own.replayed, own.timeline, own.system_identifier)
        found = await read_dead_wal(bench.inventory, bench.tools.ssh, bench.clock, primary, behind, LIMITS)
        if found.trouble or found.end_lsn is None:
            return Finding("no", f"nothing was brought: {found.trouble or 'its end was not found'}")
        values = _values(found, behind)
        names = segments(own.timeline, own.have, found.end_lsn, found.segment_bytes)
        if not names:
            return Finding("yes", f"{step.node} has the log of {primary} up to its end, {found.end_lsn}", values)
        if lack := await _lack_of_room(bench, step, len(names) * found.segment_bytes):
            return Finding("no", lack, values)
        words = f"{step.node} lacks {found.missing_bytes} bytes of the log of {primary}, from {own.have} to {found.end_lsn}"
        return Finding("yes", f"{words}, with {found.commits} commits", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Bring file after file, and wait until the standby has replayed the last record. Goes on where it was left.

        Raises:
            RunError: A file did not arrive whole, the two logs are not the same one, or the operator asked for the run to stop.
            TimedOut: The standby does not replay what was brought.
        """
        values = bench.values[step.id]
        end = str(values["end_lsn"])
        names = segments(int(values["timeline"]), str(values["from_lsn"]), end, int(values["segment_bytes"]))
        if names:
            await _bring(bench, step, names)
        await _replayed(bench, step, end)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the standby has the end of the dead primary's log; then with the proof. Doubt is no: it acts again."""
        primary, end = argument(step, "primary"), bench.noted(step, "end_lsn")
        if end is None:
            return Finding("no", f"where the log of {primary} ends was not read")
        timeline, identifier = int(bench.noted(step, "timeline")), str(bench.noted(step, "system_identifier"))
        try:
            found = await standing(bench, step.node)
            has = await _reached(bench, step, found, timeline)
        except DriverError as error:
            return Finding("no", f"how far {step.node} has replayed cannot be seen: {error.what}")
        if found.system_identifier != identifier:
            return Finding("no", f"{step.node} is another system: {found.system_identifier}")
        if has is None or lsn_number(has) < lsn_number(end):
            return Finding("no", f"{step.node} has replayed {has}; the log of {primary} ends at {end}")
        proof = ZeroLossProof(primary, step.node, "", has, timeline, bench.clock.now(), bench.run, end)
        return Finding("yes", f"nothing is lost: {proof.said()}", {"have_lsn": has}, (proof,))

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Clear away pieces that are no whole file yet. What was brought stays: streaming would have brought the same."""
        host = host_of(bench.inventory, step.node).name
        folder = shlex.quote(_aside(_wal(bench.inventory, step.node), bench.run))
        command = f"rm -f {folder}/*.part; rmdir {folder} 2>/dev/null || :"
        await bench.hosts.act(host, command, node=step.node, timeout_s=30.0)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether no piece is left, and the standby is still one."""
        folder = shlex.quote(_aside(_wal(bench.inventory, step.node), bench.run))
        left = await bench.hosts.look(host_of(bench.inventory, step.node).name, f"ls {folder} 2>/dev/null | grep -c 'part$' || :")
        if left.stdout.strip() not in ("", "0"):
            return Finding("no", f"pieces of {left.stdout.strip()} files are left in {folder}")
        found = await standing(bench, step.node)
        if not found.in_recovery:
            return Finding("no", f"{step.node} is a primary")
        return Finding("yes", f"{step.node} is a standby, and keeps what was brought of the log: it is the same log")


async def _as_promoted(bench: Workbench, step: Step, own: Standing) -> Finding:
    """Return whether an instance that was promoted already had the whole log of the dead primary when it was.

    Another console may have brought it, and died before its word of that had reached anybody: so it is read from the hosts.
    """
    primary, promoted = argument(step, "primary"), f"{step.node} is a primary already"
    left = await forks(bench, step.node, own.timeline)
    if not left:
        return Finding("no", f"{promoted}, and its history does not tell where it was promoted")
    timeline, at = left[-1]
    behind = Behind(step.node, at, at, timeline, own.system_identifier)
    found = await read_dead_wal(bench.inventory, bench.tools.ssh, bench.clock, primary, behind, LIMITS)
    if found.trouble or found.end_lsn is None:
        return Finding("no", f"{promoted}; whether it had all that {primary} has is not known: {found.trouble or 'no end found'}")
    if found.missing_bytes:
        lack = f"the log of {primary} goes on for {found.missing_bytes} bytes, with {found.commits} commits"
        return Finding("no", f"{promoted}: it left that timeline at {at}, and {lack}")
    return Finding("yes", f"{step.node} had the log of {primary} up to its end when it was promoted", _values(found, behind))


def _values(found: DeadWal, behind: Behind) -> dict[str, Any]:
    return {
        "end_lsn": found.end_lsn,
        "from_lsn": behind.have_lsn,
        "timeline": behind.timeline,
        "system_identifier": behind.system_identifier,
        "segment_bytes": found.segment_bytes,
        "missing_bytes": found.missing_bytes,
    }


@dataclass(frozen=True, slots=True)
class _Way:
    """From where to where a log is brought: folders on hosts."""

    source: str
    wal: str
    target: str
    own: str
    aside: str


def _way(bench: Workbench, step: Step) -> _Way:
    inventory, primary = bench.inventory, argument(step, "primary")
    own, source, target = _wal(inventory, step.node), host_of(inventory, primary).name, host_of(inventory, step.node).name
    return _Way(source, _wal(inventory, primary), target, own, _aside(own, bench.run))


async def _bring(bench: Workbench, step: Step, names: tuple[str, ...]) -> None:
    """Bring those of the files that the standby does not have as they are."""
    way, size = _way(bench, step), int(bench.values[step.id]["segment_bytes"])
    theirs, ours = await _listed(bench, way.source, way.wal, names), await _listed(bench, way.target, way.own, names)
    unfit = [name for name in names if theirs.get(name, (0, ""))[0] != size]
    if unfit:
        raise RunError(f"{', '.join(unfit[:3])} in {way.wal} are not there, or not {size} bytes long", where=way.source)
    wanted = [name for name in names if ours.get(name) != theirs[name]]
    if names[0] in wanted and names[0] in ours:
        await _same_so_far(bench, way, names[0], lsn_number(str(bench.values[step.id]["from_lsn"])) % size)
    bench.say(f"{len(wanted)} of {len(names)} files of the log are brought from {way.source} to {way.target}")
    result = await bench.hosts.act(way.target, _let_go(bench.inventory, step.node), node=step.node, timeout_s=30.0)
    if result.exit_status != 0:
        bench.say(f"{way.target}: {plain(result.stderr)}")
    for number, name in enumerate(wanted, 1):
        await _bring_one(bench, step, way, name, size)
        placed = _place(way.own, bench.run, name, theirs[name][1])
        result = await bench.hosts.act(way.target, placed, node=step.node, timeout_s=_PIECE_S)
        if result.exit_status != 0:
            raise RunError(f"{name} was not taken: {plain(result.stderr) or result.exit_status}", where=way.target)
        bench.say(f"{name} arrived, {number} of {len(wanted)}")


async def _bring_one(bench: Workbench, step: Step, way: _Way, name: str, size: int) -> None:
    """Bring one file, from where an earlier try left it."""
    part = f"{way.aside}/{name}.part"
    seen = await bench.hosts.look(way.target, f"stat -c %s {shlex.quote(part)} 2>/dev/null || echo 0")
    here = int(seen.stdout.split()[0]) // PIECE_BYTES * PIECE_BYTES if seen.stdout.split() else 0
    if here:
        bench.say(f"{name}: going on at {here} of {size} bytes")
    source = bench.inventory.hosts[way.source]
    for offset in range(here, size, PIECE_BYTES):
        if bench.is_hold_wanted():
            raise RunError("left, as was asked for; what came so far stays", where=way.target)
        read = await bench.tools.ssh.run(source, piece(way.wal, name, offset), timeout_s=_PIECE_S, limit_bytes=2 * PIECE_BYTES)
        if read.exit_status != 0 or read.stderr.strip():
            raise RunError(f"{name} was not read: {plain(read.stderr) or read.exit_status}", where=way.source)
        command = add_piece(way.aside, f"{name}.part", offset)
        put = await bench.hosts.act(way.target, command, node=step.node, stdin=read.stdout, timeout_s=_PIECE_S)
        if put.exit_status != 0:
            # On a full disk the server needs the room: what is half there is brought again once there is some.
            await bench.hosts.act(way.target, f"rm -f {shlex.quote(part)}", node=step.node, timeout_s=_PIECE_S)
            what = f"{name} was not written: {plain(put.stderr) or put.exit_status}; nothing of it is left"
            raise RunError(what, where=way.target, remedy=f"Make room in {way.own} on {way.target}")


async def _same_so_far(bench: Workbench, way: _Way, name: str, length: int) -> None:
    """See that both files are the same up to where the standby has received the log.

    Raises:
        RunError: They are not: these are two histories, which are never merged (law 5).
    """
    sums = []
    for host, folder in ((way.source, way.wal), (way.target, way.own)):
        command = f"head -c {length} {shlex.quote(f'{folder}/{name}')} | sha256sum"
        sums.append((await bench.hosts.look(host, command, timeout_s=_LISTING_S)).stdout.split()[:1])
    if sums[0] != sums[1] or not sums[0]:
        raise RunError(
            f"the first {length} bytes of {name} are not the same on {way.source}: nothing is brought", where=way.target
        )


async def _listed(bench: Workbench, host: str, folder: str, names: tuple[str, ...]) -> dict[str, tuple[int, str]]:
    result = await bench.hosts.look(host, listing(folder, names), timeout_s=_LISTING_S)
    if result.exit_status != 0:
        raise BadAnswer(f"{folder} cannot be looked into: {plain(result.stderr)}", where=host)
    try:
        return parse_listing(result.stdout)
    except ValueError:
        raise BadAnswer(f"the files in {folder} were not understood: {plain(result.stdout, 160)}", where=host) from None


async def _replayed(bench: Workbench, step: Step, end: str) -> None:
    """Wait until the standby has replayed up to `end`, for as long as it goes on doing so.

    A receiver that waits for the dead primary keeps the standby from looking into its pg_wal: it is ended, and comes again.
    """
    host, let_go = host_of(bench.inventory, step.node).name, _let_go(bench.inventory, step.node)
    was, since, nudged = "", bench.clock.monotonic(), -_NUDGE_S
    while True:
        found = await standing(bench, step.node)
        if not found.in_recovery or (found.replayed and lsn_number(found.replayed) >= lsn_number(end)):
            return
        now = bench.clock.monotonic()
        if found.replayed != was:
            was, since = found.replayed or "", now
        if now - since > _STILL_S:
            raise TimedOut(f"it stands at {was} for {_STILL_S:g}s and does not replay up to {end}", where=step.node)
        if now - nudged > _NUDGE_S:  # one that is still connecting is not told of in pg_stat_wal_receiver
            nudged = now
            await bench.hosts.act(host, let_go, node=step.node, timeout_s=30.0)
        if bench.is_hold_wanted():
            raise RunError("left, as was asked for; what was brought is replayed all the same", where=step.node)
        await bench.clock.sleep(_POLL_S)


async def _reached(bench: Workbench, step: Step, found: Standing, timeline: int) -> str | None:
    """Return how far a standby has replayed the log of `timeline`, or where it left it if it was promoted already.

    Raises:
        DriverError: Its host could not be asked.
    """
    if found.in_recovery:
        return found.replayed if found.timeline == timeline else None
    return await switchpoint(bench, step.node, timeline, found.timeline)


async def _lack_of_room(bench: Workbench, step: Step, needed: int) -> str:
    """Return why the files find no room on the standby's disk; empty when they do. As much again is left free."""
    own = _wal(bench.inventory, step.node)
    result = await bench.hosts.look(host_of(bench.inventory, step.node).name, f"df -Pk {shlex.quote(own)} | tail -n 1")
    try:
        free = int(result.stdout.split()[3]) * 1024
    except (ValueError, IndexError):
        return f"how much room there is in {own} was not told: {plain(result.stderr or result.stdout, 160)}"
    return "" if free >= 2 * needed else f"{own} has room for {free} bytes, and {needed} have to be brought"


def _wal(inventory: Inventory, name: str) -> str:
    return f"{data_directory_of(instance_of(inventory, name))}/pg_wal"


def _aside(own: str, run: str) -> str:
    return f"{own}/salvage-{run}"


def _place(own: str, run: str, name: str, checksum: str) -> str:
    """Return the command that makes a file that arrived whole the standby's own. What it had under that name stays beside."""
    return (
        f'w={shlex.quote(own)}; s=$w/salvage-{run}; f=$s/{name}.part; h=$(sha256sum <"$f") || exit 1; '
        f'[ "${{h%% *}}" = {checksum} ] || {{ : >"$f"; echo "it did not arrive whole" >&2; exit 65; }}; '
        '{ sync "$f" 2>/dev/null || sync; }; '
        f'[ ! -e "$w/{name}" ] || [ -e "$s/{name}.before" ] || ln "$w/{name}" "$s/{name}.before" || exit 1; '
        # The server's own account has to read it, also where the console logs in as root.
        f'{{ chown --reference="$w" "$f" 2>/dev/null || :; }}; '
        f'mv -f "$f" "$w/{name}" && {{ sync "$w" 2>/dev/null || sync; }}'
    )


def _let_go(inventory: Inventory, node: str) -> str:
    """Return the command that ends the receiver of a standby; the server starts another when it wants to stream again."""
    end = 'read -r t <"/proc/$p/cmdline"; case "$t" in *walreceiver*) kill "$p" ;; esac'
    return f"{each_process(data_directory_of(instance_of(inventory, node)), end)}; :"
