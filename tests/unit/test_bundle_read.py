"""A bundle that is opened tells what it holds; with any one thing otherwise it is refused. Real files, sha256sum and age."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ppsconsole.actions.bundle_collect import Collected, packed
from ppsconsole.actions.bundle_read import OpenBundle, open_bundle, outer_without_settings
from ppsconsole.actions.bundle_store import BundleStore, begin_command, finish_command
from ppsconsole.cluster.bundles import DATABASE, MANIFEST, SETTINGS, SUMS, BundleName, Manifest, Member, sums_text
from ppsconsole.cluster.database_sums import DatabaseSums, TableSum
from ppsconsole.drivers.age import AgeKey
from ppsconsole.errors import BadAnswer
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.secret import SecretRef
from tests.unit.runbook_cases import declared

AT = 1_767_323_045.0
NAME = BundleName(AT, "0a1b2c3d")
SUMS_OF = DatabaseSums({"public.a": TableSum(2, "77")}, {"public.s": "7"})
SETTINGS_OF = Collected({"keys/web1/pps.key": b"key"}, {"keys/web1/pps.key": "web1:/etc/pps.key"}, ("web1",), ())


@dataclass(frozen=True)
class Place:
    """A folder of this machine with one bundle in it, and the key that opens it."""

    folder: Path
    key: AgeKey

    @property
    def store(self) -> BundleStore:
        key = SecretRef("file", str(self.folder / "age.key"))
        return BundleStore(Backup("vault", str(self.folder), encryption_key=key), declared(), None)

    @property
    def bundle(self) -> Path:
        return self.folder / NAME.said()

    def opened(self, version: str = "9.1.11.0") -> OpenBundle:
        return asyncio.run(open_bundle(self.store, cluster="pps", pps_version=version))

    def write(self, manifest: Manifest, settings: bytes, dump: bytes = b"a dump") -> None:
        """Write a whole bundle: all checksums are right, whatever stands in it."""
        self.bundle.mkdir(exist_ok=True)
        files = {DATABASE: dump, SETTINGS: settings}
        members = {name: Member(len(text), hashlib.sha256(text).hexdigest()) for name, text in files.items()}
        self.put(replace(manifest, members=members), files)

    def put(self, manifest: Manifest, files: dict[str, bytes]) -> None:
        for name, text in files.items():
            (self.bundle / name).write_bytes(text)
        (self.bundle / MANIFEST).write_text(manifest.text())
        listed = sums_text(manifest.members, hashlib.sha256(manifest.text().encode()).hexdigest())
        (self.bundle / SUMS).write_text(listed)

    def manifest(self) -> Manifest:
        return Manifest.from_text((self.bundle / MANIFEST).read_text())


def manifest_of(key: AgeKey, sums: str) -> Manifest:
    digest = hashlib.sha256(sums.encode()).hexdigest()
    member = Member(6, hashlib.sha256(b"a dump").hexdigest())
    database = {"name": "pps", "said": SUMS_OF.said()}
    return Manifest(
        "pps", NAME.run, AT, "9.1.11.0", database, "pg_dump", key.recipient, members={DATABASE: member}, sums_digest=digest
    )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    text = AgeKey.made()
    (tmp_path / "age.key").write_text(text)
    (tmp_path / "age.key").chmod(0o600)
    made = Place(tmp_path, AgeKey(text))
    sums = json.dumps({"sums": SUMS_OF.as_json()})
    inner = manifest_of(made.key, sums)
    made.write(inner, asyncio.run(made.key.encrypted(packed(SETTINGS_OF, inner.text(), sums))))
    return made


def test_a_whole_bundle_tells_what_it_holds(place: Place) -> None:
    found = place.opened()
    assert (found.name, found.sums, dict(found.key_paths)) == (NAME.said(), SUMS_OF, {"keys/web1/pps.key": "web1:/etc/pps.key"})
    assert found.files["keys/web1/pps.key"] == b"key"
    assert outer_without_settings(found.manifest).members.keys() == {DATABASE}


def flipped(place: Place) -> None:
    (place.bundle / DATABASE).write_bytes(b"a dumP")


def cut(place: Place) -> None:
    (place.bundle / DATABASE).write_bytes(b"a dum")


def flipped_and_listed(place: Place) -> None:
    """The dump was exchanged, and SHA256SUMS made to fit: the manifest, which is in there too, still tells the old one."""
    flipped(place)
    was, now = (hashlib.sha256(text).hexdigest() for text in (b"a dump", b"a dumP"))
    (place.bundle / SUMS).write_text((place.bundle / SUMS).read_text().replace(was, now))


def list_cut(place: Place) -> None:
    """What is left of the list fits, and sha256sum is content with it; the manifest is not listed any more."""
    listed = (place.bundle / SUMS).read_text().splitlines(keepends=True)
    (place.bundle / SUMS).write_text("".join(line for line in listed if MANIFEST not in line))


def member_gone(place: Place) -> None:
    (place.bundle / SETTINGS).unlink()


def stranger(place: Place) -> None:
    (place.bundle / "pps.key").write_text("in the clear")


def other_outside(place: Place) -> None:
    """The manifest in the clear was rewritten with all its checksums; the one in the encrypted settings was not."""
    changed = replace(place.manifest(), database={"name": "pps", "said": "9 tables, 9 rows"})
    place.put(changed, {})


def other_counts(place: Place) -> None:
    """Both manifests say the same, and the counts are not those that they were made of."""
    inner = manifest_of(place.key, json.dumps({"sums": SUMS_OF.as_json()}))
    counts = json.dumps({"sums": replace(SUMS_OF, tables={"public.a": TableSum(3, "78")}).as_json()})
    place.write(inner, asyncio.run(place.key.encrypted(packed(SETTINGS_OF, inner.text(), counts))))


def other_key(place: Place) -> None:
    (place.folder / "age.key").write_text(AgeKey.made())


def other_cluster(place: Place) -> None:
    place.put(replace(place.manifest(), cluster="other"), {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (flipped, "is damaged"),
        (cut, "has 5 bytes and not 6"),
        (flipped_and_listed, f"do not say the same of {DATABASE}"),
        (list_cut, "is damaged"),
        (member_gone, f"{SETTINGS} is missing"),
        (stranger, "files that do not belong to it: pps.key"),
        (other_outside, "not the one that was encrypted with it"),
        (other_counts, "not the one that was encrypted with it"),
        (other_key, "was encrypted for age1.*, and the key of vault is age1"),
        (other_cluster, "it is of cluster 'other'"),
    ],
)
def test_one_thing_that_is_otherwise_and_it_is_not_opened(place: Place, change: Callable[[Place], None], words: str) -> None:
    change(place)
    with pytest.raises(BadAnswer, match=words):
        place.opened()


def test_it_is_not_opened_for_another_version_of_pps(place: Place) -> None:
    with pytest.raises(BadAnswer, match="a database goes only with the version that made it"):
        place.opened("9.2.0.0")


def test_what_is_set_aside_or_half_made_is_no_bundle_to_take(place: Place) -> None:
    place.bundle.rename(place.folder / f".part-{NAME.said()}")
    with pytest.raises(BadAnswer, match="there is no bundle"):
        place.opened()


def finished(place: Place) -> int:
    """Have what lies there get its final name again, as a backup does at its end; return the exit status."""
    folder = str(place.folder)

    async def done() -> int:
        return (await place.store.look(finish_command(folder, NAME.said()))).exit_status

    return asyncio.run(done())


def test_a_bundle_gets_its_name_only_when_it_was_read_back_as_it_was_written(place: Place) -> None:
    part = place.folder / f".part-{NAME.said()}"
    place.bundle.rename(part)
    assert finished(place) == 0
    assert place.opened().name == NAME.said()
    flipped(place)
    place.bundle.rename(part)
    assert finished(place) != 0
    assert not place.bundle.exists()


def test_a_bundle_of_that_name_is_never_written_over(place: Place) -> None:
    assert asyncio.run(place.store.look(begin_command(str(place.folder), NAME.said()))).exit_status == 0
    part = place.folder / f".part-{NAME.said()}"
    for each in place.bundle.iterdir():
        (part / each.name).write_bytes(each.read_bytes())
    assert finished(place) == 65
    assert sorted(each.name for each in part.iterdir()) == sorted(each.name for each in place.bundle.iterdir())
