"""Bundles as values: names, manifests, what speaks against one, which are kept; listings; the key; and what is refused."""

import asyncio
import io
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.actions.bundle_listing import judged_place
from ppsconsole.actions.bundle_scratch import FOLDER, tidy_command
from ppsconsole.actions.bundle_store import StoredBundle, parse_listing
from ppsconsole.cluster.bundles import (
    DATABASE,
    MANIFEST,
    SETTINGS,
    SUMS,
    BundleName,
    Manifest,
    Member,
    bundle_name,
    doubts,
    kept,
    sums_text,
)
from ppsconsole.drivers.age import AgeKey
from ppsconsole.errors import BadAnswer, SecretError, TimedOut
from ppsconsole.inventory.dependencies import Backup

AT = 1_767_323_045.0  # 2026-01-02T03:04:05Z
NAME = BundleName(AT, "0a1b2c3d")
WHOLE = Manifest(
    "pps",
    "0a1b2c3d",
    AT + 0.25,
    "9.1.11.0",
    {"name": "pleasant", "instance": "db1", "role": "primary", "said": "5 tables, 4 rows"},
    "pg_dump (PostgreSQL) 18.6; ppsconsole 0.1.0",
    "age1x",
    {DATABASE: Member(10, "aa"), SETTINGS: Member(20, "bb")},
    "cc",
    ("pps1:/etc/pps.key",),
    ("pps1",),
)
FILES = {DATABASE: 10, SETTINGS: 20, MANIFEST: 3, SUMS: 4}


@pytest.mark.parametrize("prefix", ["", ".part-", ".aside-"])
def test_a_name_tells_when_and_by_which_run(prefix: str) -> None:
    said = f"{prefix}pps-20260102T030405Z-0a1b2c3d"
    assert bundle_name(said) == BundleName(AT, "0a1b2c3d", prefix)
    assert BundleName(AT, "0a1b2c3d", prefix).said() == said


@pytest.mark.parametrize(
    "folder",
    [
        "pps-20260102T030405Z-",
        "pps-20261302T030405Z-0a1b",
        ".newer-pps-20260102T030405Z-0a1b",
        "pps-20260102T030405Z-0a1b/..",
        "pps-20260102T030405Z-0a1b\n",
        "pps-nightly",
        "x-pps-20260102T030405Z-0a1b",
    ],
)
def test_what_is_no_bundles_name_is_none(folder: str) -> None:
    assert bundle_name(folder) is None


def test_a_manifest_is_read_as_it_was_written_and_says_how_to_open_it() -> None:
    assert Manifest.from_text(WHOLE.text()) == WHOLE
    assert WHOLE.size == 30
    assert "age -d -i KEYFILE database.dump.age | pg_restore" in json.loads(WHOLE.text())["opened_by"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no manifest of a bundle"),
        ("[]", "no manifest of a bundle"),
        (json.dumps({**WHOLE.as_json(), "format": 2}), "format 2: this console reads format 1"),
        (json.dumps({**WHOLE.as_json(), "members": {DATABASE: {"bytes": 1}}}), "no manifest of a bundle: KeyError 'sha256'"),
        (WHOLE.text()[:200], "no manifest of a bundle"),
    ],
)
def test_what_is_no_manifest_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Manifest.from_text(text)


@pytest.mark.parametrize(
    ("manifest", "version", "words"),
    [
        (WHOLE, "9.1.11.0", []),
        (WHOLE, "", []),
        (replace(WHOLE, pps_version=""), "9.1.11.0", []),
        (WHOLE, "9.2", ["it was made by PPS 9.1.11.0, and 9.2 runs here"]),
        (replace(WHOLE, cluster="lab"), "", ["it is of cluster 'lab', and this is 'pps'"]),
        (replace(WHOLE, run="ffff"), "", ["named after run 0a1b2c3d, and its manifest is of run ffff"]),
        (replace(WHOLE, made_at=AT + 90), "", ["named after 2026-01-02T03:04:05Z, and its data are of 2026-01-02T03:05:35Z"]),
        (replace(WHOLE, members={DATABASE: Member(1, "a")}), "", [f"names no {SETTINGS}"]),
    ],
)
def test_doubts_are_told_each(manifest: Manifest, version: str, words: list[str]) -> None:
    found = doubts(NAME, manifest, "pps", version)
    assert len(found) == len(words)
    assert all(expected in each for expected, each in zip(words, found, strict=True))


def test_the_checksums_are_what_sha256sum_reads() -> None:
    assert sums_text(WHOLE.members, "dd") == f"aa  {DATABASE}\ndd  {MANIFEST}\nbb  {SETTINGS}\n"


def test_only_what_an_earlier_verification_left_is_taken_away(tmp_path: Path) -> None:
    def made(name: str, *inside: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for each in inside:
            (folder / each).mkdir()
        return folder

    left = made(f"{FOLDER}1a2b", "data", "log")
    old = made(f"{FOLDER}3c4d")
    os.utime(old, (1.0, 1.0))
    kept = [
        made(f"{FOLDER}5e6f"),  # being made at this moment
        made(f"{FOLDER}5e6f.before", "data"),
        made(FOLDER, "data"),
        made("other", "data"),
        made(f"{FOLDER}7a8b", "data", "log"),
        made(f"{FOLDER}9c0d", "data", "log"),
    ]
    link = tmp_path / f"{FOLDER}aaaa"
    link.symlink_to(kept[3])
    server = subprocess.Popen(["sleep", "600"], cwd=kept[4] / "data")
    shell = subprocess.Popen(["sleep", "600"], cwd=kept[5])
    try:
        done = subprocess.run(["/bin/sh", "-c", tidy_command(f"{tmp_path}/")], capture_output=True, text=True, check=False)
    finally:
        for each in (server, shell):
            each.kill()
            each.wait()
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == [f"removed {left}", f"removed {old}"]
    assert sorted(tmp_path.iterdir()) == sorted([*kept, link])
    empty = subprocess.run(["/bin/sh", "-c", tidy_command(f"{tmp_path}/none")], capture_output=True, text=True, check=False)
    assert (empty.returncode, empty.stdout + empty.stderr) == (0, "")


def test_the_newest_are_kept_whatever_was_set_aside_before() -> None:
    names = [BundleName(AT + number, f"000{number}") for number in (3, 1, 4, 2)]
    stay, go = kept([*names, BundleName(AT + 9, "0009", ".aside-"), BundleName(AT + 8, "0008", ".part-")], 3)
    assert ([each.run for each in stay], [each.run for each in go]) == (["0004", "0003", "0002"], ["0001"])
    assert kept(names, 4)[1] == ()


def listing(*bundles: tuple[str, dict[str, int], str]) -> str:
    lines = []
    for name, files, manifest in bundles:
        lines += [f"@@bundle {name}", *(f"@@file {count} {file}" for file, count in files.items()), manifest, ""]
    return "\n".join(lines)


def test_a_listing_tells_what_is_not_as_the_manifest_says() -> None:
    said, text = NAME.said(), WHOLE.text()
    found = parse_listing(
        listing(
            (said, FILES, text),
            (f".part-{said}", {DATABASE: 5}, ""),
            ("pps-20260102T030406Z-0002", {**FILES, DATABASE: 9}, text),
            ("pps-20260102T030407Z-0003", {DATABASE: 10, MANIFEST: 3}, text),
            ("pps-20260102T030408Z-0004", FILES, text[:40]),
            ("something-else", {}, ""),
        )
    )
    assert [(each.name.run, each.size) for each in found] == [
        *(("0a1b2c3d", 37), ("0a1b2c3d", 5), ("0002", 36), ("0003", 13), ("0004", 37)),
    ]
    whole, part, cut, lacking, torn = (each.trouble for each in found)
    assert (whole, part) == ("", f"it has no {MANIFEST}")
    assert cut == f"{DATABASE} has 9 bytes and not 10"
    assert lacking == f"{SETTINGS} is missing; {SUMS} is missing"
    assert torn.startswith("no manifest of a bundle")
    assert parse_listing("") == []


def stored(number: int, *, prefix: str = "", trouble: str = "", **changes: object) -> StoredBundle:
    name = BundleName(AT + number * 3600, f"00{number:02}", prefix)
    manifest = replace(WHOLE, run=name.run, made_at=name.at, **changes)  # type: ignore[arg-type]
    return StoredBundle(name, 30, FILES, None if trouble else manifest, trouble)


@pytest.mark.parametrize(
    ("bundles", "verdict", "words", "each"),
    [
        ([], "warn", "there is no whole bundle", []),
        ([stored(0), stored(2)], "ok", "the newest is 1h old", ["ok", "ok"]),
        ([stored(3, prefix=".part-")], "warn", "there is no whole bundle", ["half-made"]),
        ([stored(2), stored(1, prefix=".aside-")], "ok", "the newest is 1h old", ["ok", "set-aside"]),
        ([stored(1, trouble="x is missing"), stored(2)], "warn", "cannot be used", ["ok", "damaged"]),
        ([stored(2, trouble="x is missing"), stored(1)], "warn", "cannot be used", ["damaged", "ok"]),
        ([stored(2, lacks=("key file /k of pps2: gone",))], "warn", "has not all: key file /k of pps2", ["incomplete"]),
        ([stored(2, cluster="other"), stored(1)], "warn", "cannot be used", ["damaged", "ok"]),
        ([stored(-30)], "warn", "the newest is 33h old, and may be 26h at most", ["old"]),
    ],
)
def test_a_place_is_as_good_as_its_newest_whole_bundle(
    bundles: list[StoredBundle], verdict: str, words: str, each: list[str]
) -> None:
    place = judged_place(Backup("vault", "/srv/vault"), "pps", bundles, AT + 3 * 3600)
    assert (place.verdict, words in place.words) == (verdict, True), place.words
    assert [bundle.verdict for bundle in place.bundles] == each
    assert json.loads(json.dumps(place.as_json()))["bundles"] == [bundle.as_json() for bundle in place.bundles]


# --- the key ------------------------------------------------------------------------------------------------------------


def test_a_key_file_is_taken_with_its_comments_and_nothing_of_a_wrong_one_is_told() -> None:
    text = AgeKey.made()
    comment, line = text.splitlines()
    assert AgeKey(text).recipient == AgeKey(f"\n{line}\n").recipient == comment.removeprefix("# public key: ")
    other = line[:-1] + ("Q" if line[-1] != "Q" else "P")
    for wrong in ("", "hunter2-hunter2", other, f"{line}\n{line}\n"):
        with pytest.raises(SecretError) as refusal:
            AgeKey(wrong, "file:/k")
        told = str(refusal.value)
        assert "file:/k" in told
        assert not wrong or wrong.strip() not in told


def test_what_is_encrypted_comes_back_and_whatever_is_wrong_with_it_is_told() -> None:
    key, other, text = AgeKey(AgeKey.made()), AgeKey(AgeKey.made()), bytes(range(256)) * 1200

    async def main() -> None:
        sealed = await key.encrypted(text)
        assert sealed[:21] == b"age-encryption.org/v1"
        assert await key.decrypted(sealed) == text
        wrongs = [
            (other, sealed, "encrypted for another key"),
            (key, sealed[:-1], "damaged, or ends too early"),
            (key, sealed[:100_000], "damaged, or ends too early"),
            (key, sealed[:90_000] + bytes([sealed[90_000] ^ 1]) + sealed[90_001:], "damaged, or ends too early"),
            (key, b"hello", "no age file"),
            (key, b"", "no age file"),
        ]
        for who, wrong, words in wrongs:
            with pytest.raises(BadAnswer, match=words):
                await who.decrypted(wrong)

    asyncio.run(main())


@pytest.mark.parametrize("is_reading", [True, False])
def test_what_breaks_on_the_way_comes_out_as_it_was(is_reading: bool) -> None:
    source = io.BytesIO(bytes(1 << 20))

    async def read() -> bytes:
        if is_reading and source.tell() > 300_000:
            raise TimedOut("nothing came", where="db1")
        return source.read(65536)

    async def write(piece: bytes) -> None:
        if not is_reading and source.tell() > 300_000:
            raise TimedOut("nothing was taken", where="db2")

    with pytest.raises(TimedOut) as error:
        asyncio.run(AgeKey(AgeKey.made()).encrypt(read, write))
    assert error.value.where == ("db1" if is_reading else "db2")


def test_whoever_is_cancelled_leaves_no_thread_waiting() -> None:
    async def main() -> None:
        waits = asyncio.Event()

        async def read() -> bytes:
            waits.set()
            await asyncio.Event().wait()
            return b""

        async def write(piece: bytes) -> None:
            """Take everything."""

        task = asyncio.ensure_future(AgeKey(AgeKey.made()).encrypt(read, write))
        await waits.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(asyncio.wait_for(main(), 120))  # a thread that still waited would keep the loop from closing
