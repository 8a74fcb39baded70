"""Open a bundle: find it, check it, decrypt its settings, and feed its dump to pg_restore on a host.

How it is used, for instance on an alternate server:

    store = BundleStore(inventory.backups["vault"], inventory, bench.tools.ssh)
    bundle = await open_bundle(store, cluster="pps", pps_version="9.1.11.0")       # the newest; or name="pps-2026...-run"
    await restore_bundle_into(bench, bundle, RestoreTarget("alt1", "/usr/bin/pg_restore", "host=... dbname=pps_restore_1"))
    bundle.sums.differences(parse_sums(await ...))                                 # `actions.table_sums`
    bundle.files["keys/pps1/pps.key"]                                              # what has to be put beside the database

The database that is restored into has to be there and empty; nothing is dropped or overwritten here.
"""

import hashlib
import io
import shlex
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.bundle_progress import Progress
from ppsconsole.actions.bundle_store import CHECK_S, BundleStore, StoredBundle, check_command, failed
from ppsconsole.cluster.bundles import DATABASE, SETTINGS, SUMS, Manifest, doubts
from ppsconsole.cluster.database_sums import DatabaseSums
from ppsconsole.cluster.told import told_json
from ppsconsole.drivers import secrets
from ppsconsole.drivers.age import AgeKey
from ppsconsole.drivers.pipes import Pipe, TakesNoMore
from ppsconsole.errors import BadAnswer, DriverError, RunError, SecretError
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.masking import plain

SETTINGS_BYTES = 64 << 20
"""More than this is not read into memory: keys and settings are a few kilobytes."""

INNER = "manifest.json"
TABLE_SUMS = "table_sums.json"
KEPT_KEYS = "keys.json"


@dataclass(frozen=True, slots=True)
class OpenBundle:
    """A bundle that was checked whole, and whose settings were decrypted.

    Attributes:
        store: Where it lies.
        name: Its folder's name.
        manifest: What it says of itself; the same inside and outside of the encryption.
        sums: What the database held when it was dumped.
        files: What else is in it, by the path in the archive: `keys/WEB_NODE/FILE`, `settings/WEB_NODE.txt`. Secret.
        key_paths: Where each of the `keys/...` came from: `WEB_NODE:PATH`.
        key: Opens it.
    """

    store: BundleStore
    name: str
    manifest: Manifest
    sums: DatabaseSums
    files: Mapping[str, bytes] = field(repr=False)
    key_paths: Mapping[str, str] = field(repr=False)
    key: AgeKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class RestoreTarget:
    """Where a dump is restored into.

    Attributes:
        host: The host that pg_restore runs on.
        program: Path of pg_restore there; not older than the pg_dump that made it.
        connection: libpq's keywords with `dbname`, and never a password: an empty database.
        is_owned_by_caller: Leave out owners and rights, for a server that does not have the roles of the old one.
    """

    host: str
    program: str
    connection: str
    is_owned_by_caller: bool = False


async def key_of(backup: Backup) -> AgeKey:
    """Return the key of a place.

    Raises:
        SecretError: It is not declared, does not resolve, or is no age key.
    """
    if backup.encryption_key is None:
        remedy = "Make one with `ppsconsole backup key`, and name it as `encryption_key` of the place"
        raise SecretError("no encryption key is declared: nothing is kept in the clear", where=backup.name, remedy=remedy)
    return AgeKey(await secrets.resolve(backup.encryption_key), str(backup.encryption_key))


async def check_bundle(store: BundleStore, stored: StoredBundle) -> None:
    """Read a bundle whole where it lies, and compare it with its checksums.

    Raises:
        BadAnswer: It is damaged, cut or not whole; says which file.
        DriverError: It could not be read.
    """
    folder = f"{store.backup.path}/{stored.name.said()}"
    if stored.manifest is None or stored.trouble:
        raise BadAnswer(f"{stored.name.said()} is damaged: {stored.trouble}", where=store.where, remedy=_NOT_THIS_ONE)
    names = {SUMS, "manifest.json", *stored.manifest.members}
    if foreign := sorted(set(stored.files) - names):
        raise BadAnswer(f"{stored.name.said()} has files that do not belong to it: {', '.join(foreign[:3])}", where=store.where)
    listed = await store.look(f"cat {shlex.quote(f'{folder}/{SUMS}')}")
    told = {pair[1]: pair[0] for line in listed.stdout.splitlines() if len(pair := line.split()) == 2}
    result = await store.look(check_command(folder), timeout_s=CHECK_S)
    unlike = [each for each, member in stored.manifest.members.items() if told.get(each) != member.sha256]
    if result.exit_status != 0 or unlike or set(told) != names - {SUMS}:
        words = plain(result.stderr, 200) or f"{SUMS} and the manifest do not say the same of {', '.join(unlike) or SUMS}"
        raise BadAnswer(f"{stored.name.said()} is damaged: {words}", where=store.where, remedy=_NOT_THIS_ONE)


_NOT_THIS_ONE = "Take another bundle: see `ppsconsole backup list`"


async def open_bundle(store: BundleStore, *, cluster: str, pps_version: str = "", name: str = "") -> OpenBundle:
    """Return a bundle, checked whole and with its settings decrypted; the newest one where no `name` is given.

    Args:
        store: Where it lies.
        cluster: The cluster that it has to be of.
        pps_version: The version of PPS that it has to be of; empty where that is not known.
        name: Of its folder.

    Raises:
        BadAnswer: There is none, it is damaged, of another key or not for this; says which and what to do.
        SecretError: There is no key.
        DriverError: The place could not be read.
    """
    key = await key_of(store.backup)
    stored = await store.find(name)
    said = stored.name.said()
    await check_bundle(store, stored)
    manifest = stored.manifest
    assert manifest is not None, "it was checked"
    if found := doubts(stored.name, manifest, cluster, pps_version):
        raise BadAnswer(f"{said}: {'; '.join(found)}", where=store.where, remedy=_NOT_THIS_ONE)
    if manifest.recipient != key.recipient:
        raise BadAnswer(
            f"{said} was encrypted for {manifest.recipient}, and the key of {store.backup.name} is {key.recipient}",
            where=store.where,
            remedy="Name the key that it was made with as `encryption_key`",
        )
    files = _unpacked(await _settings(store, said, key), said, store.where)
    try:
        inner = Manifest.from_text(files.pop(INNER).decode())
        text = files.pop(TABLE_SUMS)
        sums = DatabaseSums.from_json(told_json(text)["sums"])
        paths = {str(each): str(path) for each, path in told_json(files.pop(KEPT_KEYS)).items()}
    except (KeyError, ValueError, TypeError) as error:
        raise BadAnswer(f"the settings in {said} are not whole: {type(error).__name__} {error}", where=store.where) from None
    is_same = inner == outer_without_settings(manifest) and hashlib.sha256(text).hexdigest() == manifest.sums_digest
    if not is_same:
        raise BadAnswer(f"the manifest of {said} is not the one that was encrypted with it", where=store.where)
    return OpenBundle(store, said, manifest, sums, files, paths, key)


def outer_without_settings(manifest: Manifest) -> Manifest:
    """Return a manifest as it was when it was put into the settings: before there was anything to tell of these."""
    return replace(manifest, members={name: each for name, each in manifest.members.items() if name != SETTINGS})


async def restore_bundle_into(
    bench: Workbench, bundle: OpenBundle, target: RestoreTarget, *, say: Callable[[str], None] | None = None
) -> None:
    """Decrypt the dump and feed it to pg_restore on a host, in one transaction; nothing is written in the clear on the way.

    The data go through the console, with bounded memory; the host of the bundle and that of the database need not trust each
    other. Where it fails, the database is as empty as before: pg_restore's transaction is rolled back.

    Args:
        bench: Of the run; its `hosts` are not used: what is written to is a database that the caller has just made.
        bundle: As `open_bundle` returned it.
        target: Where to.
        say: Told of progress; `bench.say` where it is left out.

    Raises:
        BadAnswer: The bundle changed meanwhile, or does not decrypt.
        RunError: pg_restore failed; with its words. Or the run was asked to stop.
        DriverError: A line broke.
    """
    host = bench.inventory.hosts[target.host]
    member = bundle.manifest.members[DATABASE]
    folder = f"{bundle.store.backup.path}/{bundle.name}"
    source = await bundle.store.pipe(f"cat {shlex.quote(f'{folder}/{DATABASE}')}")
    sink: Pipe | None = None
    progress = Progress(bench.clock, say or bench.say, f"restoring {bundle.name}", member.size)
    digest = hashlib.sha256()

    async def read() -> bytes:
        if bench.is_hold_wanted():
            raise RunError("left, as was asked for; nothing of it stays in the database", where=target.host)
        piece = await source.read()
        digest.update(piece)
        progress.add(len(piece))
        return piece

    try:
        sink = await bench.tools.ssh.pipe(host, restore_command(target))
        try:
            await bundle.key.decrypt(read, sink.write)
        except TakesNoMore:
            pass  # its end tells why
        else:
            if digest.hexdigest() != member.sha256:
                raise BadAnswer(f"{bundle.name} changed while it was read", where=bundle.store.where)
        result = await sink.end(CHECK_S)
        if result.exit_status != 0:
            raise failed("pg_restore failed", result, target.host)
        progress.end()
    finally:
        await source.cut()
        if sink is not None:
            await sink.cut()


def restore_command(target: RestoreTarget) -> str:
    """Return the command that restores a dump from its standard input; one that breaks off leaves nothing behind."""
    owner = " --no-owner --no-privileges" if target.is_owned_by_caller else ""
    options = f"--exit-on-error --single-transaction{owner} -w -d {shlex.quote(target.connection)}"
    return f"LC_ALL=C {shlex.quote(target.program)} {options}"


async def _settings(store: BundleStore, name: str, key: AgeKey) -> bytes:
    pipe, found = await store.pipe(f"cat {shlex.quote(f'{store.backup.path}/{name}/{SETTINGS}')}"), bytearray()
    try:
        while piece := await pipe.read():
            found += piece
            if len(found) > SETTINGS_BYTES:
                raise BadAnswer(f"the settings in {name} are too long", where=store.where)
    finally:
        await pipe.cut()
    try:
        return await key.decrypted(bytes(found))
    except DriverError as error:
        raise BadAnswer(f"{name}: {error.what}", where=store.where, remedy=error.remedy) from None


def _unpacked(text: bytes, name: str, where: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(text)) as archive:
            for each in archive:
                file = archive.extractfile(each) if each.isreg() else None
                if file is not None:
                    found[each.name] = file.read()
    except tarfile.TarError as error:
        raise BadAnswer(f"the settings in {name} are no archive: {error}", where=where) from None
    return found
