"""Back up database, connection settings and encryption keys of the cluster as one bundle.

pg_dump runs on the host of the database, under a snapshot that the tables are counted and hashed under as well. What it writes
goes through the console, is encrypted there piece by piece, and is written to the place: neither host has to trust the other, and
nothing is ever in the clear on a disk. All of it goes into a hidden folder of this run's own, so that its streams need no lease;
the one command that reads it back and gives it its name is bound to the lease like any other act.
"""

import asyncio
import hashlib
import json
import re
import secrets
import shlex
from contextlib import suppress
from dataclasses import dataclass, replace

from ppsconsole import __version__
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.bundle_collect import Collected, collect, packed
from ppsconsole.actions.bundle_progress import Progress
from ppsconsole.actions.bundle_read import check_bundle, key_of
from ppsconsole.actions.bundle_snapshot import HeldSnapshot, held_snapshot, hold_command
from ppsconsole.actions.bundle_store import (
    CHECK_S,
    BundleStore,
    begin_command,
    drop_part_command,
    failed,
    finish_command,
    write_command,
)
from ppsconsole.actions.dump_source import DumpSource, dump_source
from ppsconsole.actions.places import argument, place_of
from ppsconsole.actions.table_sums import parse_sums, sequences_command, sums_command
from ppsconsole.clock import iso
from ppsconsole.cluster.bundles import DATABASE, MANIFEST, SETTINGS, SUMS, BundleName, Manifest, Member, sums_text
from ppsconsole.cluster.database_sums import DatabaseSums
from ppsconsole.cluster.judging import size
from ppsconsole.drivers.age import AgeKey
from ppsconsole.drivers.local import HERE
from ppsconsole.drivers.pipes import TakesNoMore
from ppsconsole.errors import BadAnswer, PpsConsoleError, RunError
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import mask, plain
from ppsconsole.plan.step import Step

_TIDY_S = 30.0
_SUMS_S = 4 * 3600.0
_LOOK_S = 20.0
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


def store_of(bench: Workbench, name: str) -> BundleStore:
    """Return the place called `name`, to be read and written."""
    return BundleStore(place_of(bench.inventory, name), bench.inventory, bench.tools.ssh)


def run_tag(run: str) -> str:
    """Return a run's id as it stands in the name of a bundle."""
    return re.sub("[^0-9a-z]", "", run.lower())


def at_place(backup: Backup, *commands: str) -> tuple[str, ...]:
    """Return commands as a plan shows them: `HOST$ command`, or `console$ command` where the place is on this machine."""
    return tuple(f"{backup.host or HERE}$ {mask(command)}" for command in commands)


@dataclass(frozen=True, slots=True)
class _Work:
    """One bundle in the making."""

    bench: Workbench
    step: Step
    store: BundleStore
    key: AgeKey
    folder: str

    @property
    def path(self) -> str:
        return self.store.backup.path

    @property
    def source(self) -> str:
        return argument(self.step, "source")


class BackUp:
    """Makes a bundle at the place `step.node`.

    Arguments: `source`, the instance or the alternate server that is dumped; `pps_version`, of what wrote it.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return all that is sent, with `BUNDLE` and `SNAPSHOT` for what is not known before; files come by standard input."""
        source, backup = dump_source(inventory, argument(step, "source")), place_of(inventory, step.node)
        read = (
            hold_command(inventory, source.name),
            sequences_command(source.program("psql"), source.login, snapshot="SNAPSHOT"),
            dump_command(source, "SNAPSHOT"),
            sums_command(source.program("psql"), source.login, snapshot="SNAPSHOT"),
        )
        keys = [f"{node.host}$ base64 <{shlex.quote(path)}" for node in source.web_nodes for path in node.key_files]
        write = (
            begin_command(backup.path, "BUNDLE"),
            *(write_command(backup.path, "BUNDLE", file) for file in (DATABASE, SETTINGS, MANIFEST, SUMS)),
            finish_command(backup.path, "BUNDLE"),
        )
        return (*(f"{source.host.name}$ {mask(command)}" for command in read), *keys, *at_place(backup, *write))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether there is a key, a place to write to, and a pg_dump that is new enough."""
        store, source = store_of(bench, step.node), argument(step, "source")
        try:
            await key_of(store.backup)
        except PpsConsoleError as error:
            return Finding("no", str(error))
        try:
            there = await store.bundles()
            tool = await dump_tool(bench, source)
        except BadAnswer as error:
            return Finding("no", str(error))
        left = [each.name.said() for each in there if each.name.prefix]
        if left:
            bench.say(f"{step.node}: {len(left)} half-made or set aside ({', '.join(left[:3])}): `ppsconsole backup prune`")
        newest = next((each for each in there if not each.name.prefix), None)
        expected = 0 if newest is None else newest.files.get(DATABASE, 0)
        words = f"the newest one there is of {iso(newest.name.at)}" if newest is not None else "there is none yet"
        return Finding(
            "yes", f"{store.backup.path} on {store.where} can be written to; {words}", {"tool": tool, "expected": expected}
        )

    async def act(self, bench: Workbench, step: Step) -> None:
        """Make the bundle in a hidden folder, read it back, and give it its name.

        Raises:
            RunError: A program failed, or a disk is full; nothing of it has a final name.
            DriverError: A line broke; likewise.
        """
        store = store_of(bench, step.node)
        key = await key_of(store.backup)
        async with held_snapshot(bench, argument(step, "source")) as snapshot:
            bench.note(step, database_bytes=snapshot.size)  # by which the time of the next one is estimated
            folder = BundleName(int(snapshot.at), run_tag(bench.run)).said()
            work = _Work(bench, step, store, key, folder)
            await store.act(bench.hosts, begin_command(store.backup.path, folder))
            try:
                await _made(work, snapshot)
            except (PpsConsoleError, asyncio.CancelledError):
                await _tidied(work)
                raise

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether this run's bundle is there under its name, and is whole: it is read again."""
        store = store_of(bench, step.node)
        found = [each for each in await store.bundles() if each.name.run == run_tag(bench.run)]
        whole = next((each for each in found if not each.name.prefix), None)
        if whole is None:
            left = f"; what is half-made of it is {found[0].name.said()}" if found else ""
            return Finding("no", f"there is no bundle of this run in {store.backup.path} on {store.where}{left}")
        try:
            await check_bundle(store, whole)
        except BadAnswer as error:
            return Finding("no", str(error))
        assert whole.manifest is not None, "it was checked"
        manifest = whole.manifest
        values = {"bundle": whole.name.said(), "bytes": whole.size, "made_at": manifest.made_at, "lacks": list(manifest.lacks)}
        keys = f"{len(manifest.keys)} key files, settings of {', '.join(manifest.settings) or 'no web node'}"
        lacks = f"; NOT in it: {'; '.join(manifest.lacks)}" if manifest.lacks else ""
        words = f"{whole.name.said()}, {size(whole.size)}: {manifest.database.get('said', '')}; {keys}{lacks}"
        return Finding("yes", f"{store.backup.path} on {store.where} has {words}", values)

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Leave it: a bundle that is whole does no harm, and one that is not has no name; `backup prune` takes it away."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that there is nothing to put back."""
        return Finding("yes", "nothing but the place for backups was touched")


def dump_command(source: DumpSource, snapshot: str) -> str:
    """Return the command that writes a dump of the PPS database to its output."""
    program = shlex.quote(source.program("pg_dump"))
    return f"LC_ALL=C {program} -Fc -w --snapshot={shlex.quote(snapshot)} -d {shlex.quote(source.login)}"


async def dump_tool(bench: Workbench, source: str) -> str:
    """Return what pg_dump on the host of `source` says that it is.

    Raises:
        BadAnswer: It is not there.
        DriverError: The host could not be asked.
    """
    there = dump_source(bench.inventory, source)
    program = there.program("pg_dump")
    result = await bench.hosts.look(there.host.name, f"{shlex.quote(program)} --version", timeout_s=_LOOK_S)
    if result.exit_status != 0 or not _VERSION.search(result.stdout):
        raise BadAnswer(f"{program} cannot be run: {plain(result.stderr, 160)}", where=source)
    return plain(result.stdout, 80)


async def _made(work: _Work, snapshot: HeldSnapshot) -> None:
    """Write both members, then manifest and checksums; the last command reads all of it back and gives it its name."""
    bench, tool = work.bench, str(work.bench.noted(work.step, "tool") or "")
    new = _VERSION.search(tool)
    if new is None or int(new[1]) < snapshot.version // 10000:
        raise RunError(f"{tool or 'pg_dump'} is older than the server ({snapshot.about['server_version']})", where=work.source)
    bench.say(f"{work.source}: snapshot of {iso(snapshot.at)}, {size(snapshot.size)} on disk; written to {work.folder}")
    there = dump_source(bench.inventory, work.source)
    web_nodes = there.web_nodes
    collected = await collect(bench.inventory, web_nodes, bench.tools.ssh)
    if not collected.key_paths and any(node.key_files for node in web_nodes):
        raise RunError(
            f"no key file could be read, and without one nobody can use the database: {'; '.join(collected.lacks)}",
            where=work.step.node,
            remedy="See to the web nodes' hosts, or correct `key_files`",
        )
    # What a dump has of a sequence is of when pg_dump came by, and not of its snapshot: users go on meanwhile.
    before = await _counted(work, sequences_command(there.program("psql"), there.login, snapshot=snapshot.id))
    dumped = await _dumped(work, snapshot)
    sums = await _counted(work, sums_command(there.program("psql"), there.login, snapshot=snapshot.id))
    sums = replace(sums, sequences_before=before.sequences)
    text = json.dumps({"salt": secrets.token_hex(16), "sums": sums.as_json()}) + "\n"
    manifest = _manifest(work, snapshot, collected, dumped, sums, hashlib.sha256(text.encode()).hexdigest())
    sealed = await work.key.encrypted(packed(collected, manifest.text(), text))
    await _written(work, SETTINGS, sealed)
    settings = Member(len(sealed), hashlib.sha256(sealed).hexdigest())
    manifest = replace(manifest, members={**manifest.members, SETTINGS: settings})
    told = manifest.text().encode()
    await _written(work, MANIFEST, told)
    await _written(work, SUMS, sums_text(manifest.members, hashlib.sha256(told).hexdigest()).encode())
    await work.store.act(bench.hosts, finish_command(work.path, work.folder), timeout_s=CHECK_S)


def _manifest(
    work: _Work, snapshot: HeldSnapshot, collected: Collected, dumped: Member, sums: DatabaseSums, digest: str
) -> Manifest:
    return Manifest(
        cluster=work.bench.plan.cluster,
        run=run_tag(work.bench.run),
        made_at=snapshot.at,
        pps_version=work.step.arguments.get("pps_version", ""),
        database={**snapshot.about, "instance": work.source, "said": sums.said()},
        dumped_by=f"{work.bench.noted(work.step, 'tool')}; ppsconsole {__version__}",
        recipient=work.key.recipient,
        members={DATABASE: dumped},
        sums_digest=digest,
        keys=tuple(collected.key_paths.values()),
        settings=collected.settings,
        lacks=collected.lacks,
    )


async def _dumped(work: _Work, snapshot: HeldSnapshot) -> Member:
    """Have pg_dump's output encrypted and written; return what was written.

    Raises:
        RunError: A program failed.
        DriverError: A line broke.
    """
    bench, digest, written = work.bench, hashlib.sha256(), 0
    progress = Progress(bench.clock, bench.say, f"dumping {work.source}", int(bench.noted(work.step, "expected") or 0))
    there = dump_source(bench.inventory, work.source)
    source = await bench.tools.ssh.pipe(there.host, dump_command(there, snapshot.id))
    try:
        sink = await work.store.pipe(write_command(work.path, work.folder, DATABASE))
    except BaseException:
        await source.cut()
        raise

    async def read() -> bytes:
        if bench.is_hold_wanted():
            raise RunError("left, as was asked for; nothing of it has a name", where=work.store.where)
        piece: bytes = await source.read()
        return piece

    async def write(piece: bytes) -> None:
        nonlocal written
        await sink.write(piece)
        digest.update(piece)
        written += len(piece)
        progress.add(len(piece))

    try:
        try:
            await work.key.encrypt(read, write)
        except TakesNoMore:
            raise failed(f"{DATABASE} was not written", await sink.end(), work.store.where) from None
        result = await source.end()
        if result.exit_status != 0:
            raise failed("pg_dump failed", result, there.host.name)
        result = await sink.end(CHECK_S)
        if result.exit_status != 0:
            raise failed(f"{DATABASE} was not written", result, work.store.where)
    finally:
        await source.cut()
        await sink.cut()
    progress.end()
    return Member(written, digest.hexdigest())


async def _counted(work: _Work, command: str) -> DatabaseSums:
    there = dump_source(work.bench.inventory, work.source)
    result = await work.bench.tools.ssh.run(there.host, command, timeout_s=_SUMS_S, limit_bytes=16 << 20)
    return parse_sums(result)


async def _written(work: _Work, name: str, text: bytes) -> None:
    """Write a file that is in memory.

    Raises:
        RunError: It was not written.
        DriverError: The line broke.
    """
    sink = await work.store.pipe(write_command(work.path, work.folder, name))
    try:
        with suppress(TakesNoMore):  # its end tells why
            await sink.write(text)
        result = await sink.end()
    finally:
        await sink.cut()
    if result.exit_status != 0:
        raise failed(f"{name} was not written", result, work.store.where)


async def _tidied(work: _Work) -> None:
    """Take away what this act left unfinished: it may be what fills a disk. Where that cannot be, it is hidden, and listed."""
    try:
        async with asyncio.timeout(_TIDY_S):
            await work.store.act(work.bench.hosts, drop_part_command(work.path, work.folder))
    except (PpsConsoleError, TimeoutError) as error:
        work.bench.say(f"what is half-made stays, hidden ({MANIFEST} was not written): {plain(str(error), 160)}")
