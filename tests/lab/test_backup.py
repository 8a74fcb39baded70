"""Backups of a real cluster: made at two places, proved, damaged in every way, on a full disk, on a broken line, killed."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ppsconsole.actions.bundle_read import open_bundle
from ppsconsole.actions.bundle_store import BundleStore
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.cluster.bundles import DATABASE, MANIFEST, SETTINGS, SUMS, Manifest, bundle_name, sums_text
from ppsconsole.drivers.base import LineDropped
from ppsconsole.errors import BadAnswer, RunError, SecretError
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.plan.step import Step
from tests.lab.acting import Acting, acting, run, step
from tests.lab.conftest import Lab
from tests.lab.kill_nursery import shared_nursery

LIMIT_S = 180.0
VERSION = "9.1.11.0"


@dataclass
class Places:
    """An inventory of the shared lab with two places of its own: `vault` on db2, and `local` on this machine."""

    lab: Lab
    folder: Path
    vault: Path

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yaml"

    @property
    def local(self) -> Path:
        return self.folder / "local"

    @property
    def key(self) -> Path:
        return self.lab.folder / "backup.key"

    def command(self, *arguments: str, dies_after: str = "") -> "subprocess.CompletedProcess[str]":
        env = {**os.environ, "XDG_STATE_HOME": str(self.folder / "state"), "XDG_CONFIG_HOME": str(self.folder / "config")}
        return shared_nursery().run(("-i", str(self.inventory), *arguments), env, dies_after=dies_after, limit_s=LIMIT_S)

    def listed(self) -> dict[str, dict[str, Any]]:
        done = self.command("backup", "list", "--json")
        assert done.stdout, done.stderr
        return {place["name"]: place for place in json.loads(done.stdout)["places"]}


@pytest.fixture(scope="module")
def places(shared_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    folder = tmp_path_factory.mktemp("backups")
    home = shared_lab.home("db2")
    made = Places(shared_lab, folder, home / "vault")
    assert shared_lab.ssh("db2", f"mkdir -m 700 {made.vault}")[0].exit_status == 0
    made.local.mkdir(mode=0o700)
    document = yaml.safe_load(shared_lab.inventory.read_text())
    common = {"encryption_key": f"file:{made.key}", "keep": 2}
    document["backups"] = {
        "vault": {**common, "host": "db2", "path": str(made.vault), "scratch": {"host": "db2", "path": str(home / "tried")}},
        "local": {**common, "path": str(made.local)},
    }
    made.inventory.write_text(yaml.safe_dump(document))
    made.inventory.chmod(0o600)
    yield made
    shutil.rmtree(made.vault)


@contextmanager
def arguments_of_all() -> Iterator[set[bytes]]:
    """Collect the arguments of whatever runs on this machine, all the time."""
    seen: set[bytes] = set()
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.05):
            for entry in os.scandir("/proc"):
                if entry.name.isdigit():
                    try:
                        seen.add(Path(entry.path, "cmdline").read_bytes())
                    except OSError:
                        continue

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join(LIMIT_S)


def secrets_of(places: Places) -> list[bytes]:
    """Return what nobody may find: the key, the passwords of databases, the key file of the web nodes."""
    key = next(line for line in places.key.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-"))
    passwords = [line.rpartition(":")[2] for line in (places.lab.home("db1") / "etc" / "pgpass").read_text().splitlines()]
    web = [(places.lab.home("web1") / "etc" / name).read_text().strip() for name in ("pps.key", "database.password")]
    return [each.encode() for each in (key, *passwords, *web)]


def files_below(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def bundles(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if (name := bundle_name(path.name)) is not None and not name.prefix)


def test_a_bundle_is_made_at_both_places_and_restores_to_what_was_dumped(places: Places, lab: Lab) -> None:
    # As a host that lost its power in the middle of a verification leaves it: with a number that is some other process by now.
    left = f"{lab.home('db2')}/tried/ppsconsole-verify-dead01/data"
    assert lab.ssh("db2", f"mkdir -p {left} && echo $$ >{left}/postmaster.pid")[0].exit_status == 0
    with arguments_of_all() as arguments:
        made = places.command("run", "backup")
        proved = places.command("run", "backup-verify", "vault")
    assert made.returncode == 0, made.stdout + made.stderr
    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert "all counts and hashes equal; 2 key files decrypted; the copy is removed" in " ".join(proved.stdout.split())
    assert list((lab.home("db2") / "tried").iterdir()) == []
    assert "ppsconsole-verify-dead01, which an earlier verification left" in proved.stdout

    listed = places.listed()
    assert {name: place["verdict"] for name, place in listed.items()} == {"vault": "ok", "local": "ok"}
    for name, folder in (("vault", places.vault), ("local", places.local)):
        [bundle] = listed[name]["bundles"]
        assert (bundle["verdict"], bundle["pps_version"], bundle["lacks"]) == ("ok", VERSION, [])
        assert (len(bundle["keys"]), bundle["settings"], bundle["database"]["role"]) == (2, ["pps1", "pps2"], "primary")
        assert subprocess.run(["sha256sum", "-c", SUMS], cwd=folder / bundle["name"], capture_output=True).returncode == 0
        assert {path.name for path in (folder / bundle["name"]).iterdir()} == {DATABASE, SETTINGS, MANIFEST, SUMS}

    # Whatever reads the age format opens it; nothing in it is in the clear.
    import pyrage

    dump = (bundles(places.local)[0] / DATABASE).read_bytes()
    identity = pyrage.x25519.Identity.from_str(places.key.read_text().splitlines()[-1])
    assert pyrage.decrypt(dump, [identity])[:5] == b"PGDMP"
    assert b"PGDMP" not in dump

    told = (made.stdout + made.stderr + proved.stdout + proved.stderr).encode()
    journals = [lab.home(host) / ".ppsconsole" for host in ("db1", "db2", "web1", "web2")]
    written = b"".join(path.read_bytes() for path in files_below(places.folder, places.vault, *journals))
    assert len(written) > 10_000
    for secret in secrets_of(places):
        assert secret not in told
        assert secret not in written
        assert not [each for each in arguments if secret in each]


def a_step(verb: str, place: str, **arguments: str) -> Step:
    return step(verb, place, arguments={"pps_version": VERSION, **arguments}, timeout_s=LIMIT_S)


async def back_up(doing: Acting, place: str, source: str, number: str) -> Path:
    """Make a bundle, as run `number`; return its folder's name."""
    doing.bench.run = number
    found = await doing.do("back-up", place, arguments={"source": source, "pps_version": VERSION}, timeout_s=LIMIT_S)
    return Path(found.values["bundle"])


def store(doing: Acting, place: str) -> BundleStore:
    return BundleStore(doing.bench.inventory.backups[place], doing.bench.inventory, doing.bench.tools.ssh)


def test_a_standby_can_be_dumped_and_older_bundles_are_set_aside(places: Places, lab: Lab) -> None:
    async def main() -> None:
        async with acting(SimpleNamespace(inventory=places.inventory)) as doing:
            for number in ("aa01", "aa02"):
                name = await back_up(doing, "local", "db2", number)
                manifest = Manifest.from_text((places.local / name / MANIFEST).read_text())
                assert (manifest.database["role"], manifest.database["instance"]) == ("standby", "db2")
            found = await doing.do("retain-bundles", "local", arguments={"keep": "2"})
            assert found.words == "local has no more than the newest 2"

    oldest = bundles(places.local)[0].name if bundles(places.local) else ""
    run(main())
    assert [path.name.rpartition("-")[2] for path in bundles(places.local)] == ["aa01", "aa02"]
    assert not oldest or (places.local / f".aside-{oldest}" / MANIFEST).exists()


def flip(path: Path) -> None:
    text = bytearray(path.read_bytes())
    text[len(text) // 2] ^= 1
    path.write_bytes(text)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def sealed_anew(bundle: Path, **changes: Any) -> None:
    """Change the manifest, and the checksums as if nobody had."""
    import hashlib

    manifest = replace(Manifest.from_text((bundle / MANIFEST).read_text()), **changes)
    (bundle / MANIFEST).write_text(manifest.text())
    digest = hashlib.sha256(manifest.text().encode()).hexdigest()
    (bundle / SUMS).write_text(sums_text(manifest.members, digest))


DAMAGES: dict[str, tuple[Any, str]] = {
    "a flipped byte in the dump": (lambda each: flip(each / DATABASE), f"is damaged: {DATABASE}: FAILED"),
    "a flipped byte in the settings": (lambda each: flip(each / SETTINGS), f"is damaged: {SETTINGS}: FAILED"),
    "a flipped byte in the manifest": (lambda each: flip(each / MANIFEST), "is damaged: "),
    "a truncated dump": (lambda each: cut(each / DATABASE), f"is damaged: {DATABASE} has "),
    "a member that is gone": (lambda each: (each / SETTINGS).unlink(), f"is damaged: {SETTINGS} is missing"),
    "no manifest": (lambda each: (each / MANIFEST).unlink(), f"is damaged: it has no {MANIFEST}"),
    "a file that does not belong to it": (lambda each: (each / "x.age").write_text("x"), "files that do not belong to it: x.age"),
    "another version of PPS": (lambda each: sealed_anew(each, pps_version="8.0"), "made by PPS 8.0, and 9.1.11.0 runs here"),
    "another cluster": (lambda each: sealed_anew(each, cluster="other"), "it is of cluster 'other', and this is 'lab'"),
    "a manifest that was changed": (lambda each: sealed_anew(each, lacks=("x",)), "not the one that was encrypted with it"),
    "an older bundle under a new name": (lambda each: sealed_anew(each, made_at=1.0), "its data are of 1970-01-01T00:00:01Z"),
}


def test_what_is_not_as_it_was_made_is_refused(places: Places, lab: Lab, tmp_path: Path) -> None:
    async def main() -> None:
        async with acting(SimpleNamespace(inventory=places.inventory)) as doing:
            if not bundles(places.local):
                await back_up(doing, "local", "db1", "bb01")
            whole = bundles(places.local)[-1]
            backup = replace(doing.bench.inventory.backups["local"], path=str(tmp_path))
            trial = BundleStore(backup, doing.bench.inventory, doing.bench.tools.ssh)
            for name, (damage, words) in DAMAGES.items():
                copy = Path(shutil.copytree(whole, tmp_path / whole.name))
                assert (await open_bundle(trial, cluster="lab", pps_version=VERSION)).name == whole.name
                damage(copy)
                with pytest.raises(BadAnswer) as refusal:
                    await open_bundle(trial, cluster="lab", pps_version=VERSION)
                assert words in str(refusal.value), name
                shutil.rmtree(copy)
            with pytest.raises(BadAnswer, match="there is no bundle in"):
                await open_bundle(trial, cluster="lab")
            shutil.copytree(whole, tmp_path / whole.name)
            await other_keys(doing, trial, tmp_path)

    run(main())


async def other_keys(doing: Acting, trial: BundleStore, folder: Path) -> None:
    """See that nothing but the one key opens it, and that no text of a key is told."""
    from ppsconsole.drivers.age import AgeKey

    keys = {"other": AgeKey.made(), "none": "", "words": "correct horse battery staple\n", "gone": None}
    expected = {"other": "was encrypted for age1", "none": "the secret is empty", "words": "no age key", "gone": "cannot be read"}
    for name, text in keys.items():
        file = folder / f"{name}.key"
        if text is not None:
            file.write_text(text)
            file.chmod(0o600)
        store_ = BundleStore(replace(trial.backup, encryption_key=SecretRef("file", str(file))), doing.bench.inventory, None)
        with pytest.raises((BadAnswer, SecretError)) as refusal:
            await open_bundle(store_, cluster="lab")
        assert expected[name] in str(refusal.value)
        assert not text or text.splitlines()[-1] not in str(refusal.value)


def test_a_full_disk_leaves_nothing_half_written_under_a_final_name(places: Places, lab: Lab) -> None:
    said = lab.fault("fill-disk", "db2")
    assert "stand-in for a full disk" in said
    full, free = lab.ssh(
        "db2", f"head -c 5000 /dev/zero >{places.vault}/x; s=$?; rm {places.vault}/x; exit $s", "df -Pk . | tail -n 1"
    )
    assert full.exit_status != 0
    assert "File too large" in str(full.stderr)
    assert str(free.stdout).split()[3:5] == ["0", "100%"]

    async def main() -> None:
        async with acting(SimpleNamespace(inventory=places.inventory)) as doing:
            before = {each.name for each in await store(doing, "vault").bundles()}
            doing.bench.run = "cc01"
            made = a_step("back-up", "vault", source="db1")
            doing.bench.note(made, **(await ACTIONS["back-up"].precheck(doing.bench, made)).values)
            with pytest.raises(RunError, match=r"was not written: .*File too large.*Make room there"):
                await ACTIONS["back-up"].act(doing.bench, made)
            assert {each.name for each in await store(doing, "vault").bundles()} == before, "what was begun is taken away"
            seen = await ACTIONS["back-up"].verify(doing.bench, made)
            assert (seen.state, "there is no bundle of this run" in seen.words) == ("no", True)

    run(main())
    lab.heal("db2")
    assert lab.ssh("db2", f"head -c 5000 /dev/zero >{places.vault}/x && rm {places.vault}/x")[0].exit_status == 0


class Breaking:
    """The pool of connections, where the line to one host breaks when the second piece is written."""

    def __init__(self, pool: Any, host: str) -> None:
        self._pool, self._host = pool, host

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    async def pipe(self, host: Any, command: str) -> Any:
        made = await self._pool.pipe(host, command)
        if host.name != self._host:
            return made
        write, written = made.write, 0

        async def breaking(piece: bytes) -> None:
            nonlocal written
            written += 1
            if written > 1:
                await made.cut()
                raise LineDropped("the connection was lost", where=self._host)
            await write(piece)

        made.write = breaking
        return made


def test_a_line_that_breaks_leaves_no_bundle(places: Places, lab: Lab) -> None:
    async def main() -> None:
        async with acting(SimpleNamespace(inventory=places.inventory)) as doing:
            before = {each.name for each in await store(doing, "vault").bundles()}
            doing.bench.run = "dd01"
            made = a_step("back-up", "vault", source="db1")
            doing.bench.note(made, **(await ACTIONS["back-up"].precheck(doing.bench, made)).values)
            pool = doing.bench.tools.ssh
            doing.bench.tools.ssh = Breaking(pool, "db2")
            try:
                with pytest.raises(LineDropped):
                    await ACTIONS["back-up"].act(doing.bench, made)
            finally:
                doing.bench.tools.ssh = pool
            assert {each.name for each in await store(doing, "vault").bundles()} == before
            assert (await ACTIONS["back-up"].verify(doing.bench, made)).state == "no"
            await back_up(doing, "vault", "db1", "dd01")  # the same run again: it begins anew

    run(main())


def test_a_backup_whose_console_is_killed_is_resumed_and_what_is_left_is_pruned(places: Places, lab: Lab) -> None:
    def killed() -> Path:
        before = set(places.vault.iterdir())
        dead = places.command("run", "backup", "vault", dies_after="acted back-up-vault")
        assert dead.returncode == -9
        [left] = set(places.vault.iterdir()) - before
        assert left.name.startswith(".part-pps-")
        return left

    first = killed().name.rpartition("-")[2]
    nightly = places.command("run", "backup", "vault")
    assert nightly.returncode == 0, nightly.stdout + nightly.stderr
    closed = json.loads(places.command("runs", "show", first, "--json").stdout)
    assert (closed["is_open"], "taken over by " in closed["words"]) == (False, True), "a timer has nobody who gives a reason"
    left = killed()

    resumed = places.command("runs", "resume", "--reason", "its console died")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    run_id = left.name.rpartition("-")[2]
    [whole] = [each for each in bundles(places.vault) if each.name.endswith(run_id)]

    refused = places.command("backup", "prune", "vault")
    assert refused.returncode == 3
    assert left.name in refused.stderr
    assert left.exists(), "nothing is deleted that nobody confirmed"
    approval = refused.stderr.split("--approve ")[-1].split()[0]
    pruned = places.command("backup", "prune", "vault", "--approve", approval)
    assert pruned.returncode == 0, pruned.stdout + pruned.stderr
    assert not [path for path in places.vault.iterdir() if path.name.startswith(".")]
    assert (whole / MANIFEST).exists()
