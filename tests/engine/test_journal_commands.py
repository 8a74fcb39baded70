"""A journal that must not be used, met by the real commands: what they say and end with, and not a byte of it changes."""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ppsconsole.cli import main
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.engine import journal_place
from ppsconsole.engine.desk import Desk
from ppsconsole.engine.journal import open_journal
from ppsconsole.inventory.places import state_home
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.request import Request
from tests.engine.scripted import scripted_plan
from tests.engine.test_session import hostless, touching_plan
from tests.unit.inventory_texts import SMALL
from tests.unit.observations import facts, look

PLAN = hostless(touching_plan())


class Seeing(Desk):
    """A desk that looks at nothing: what its run would meet first is the journal."""

    async def look(self) -> Snapshot:
        return look(facts())

    async def plan_to_run(self, request: Request) -> Plan:
        return PLAN


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a journal with runs in it, and return where it lies."""
    for name in ("run", "runs"):
        monkeypatch.setattr(f"ppsconsole.cli.{name}.Desk", Seeing)
    with closing(open_journal()) as journal:
        for number in range(40):
            journal.start(f"run{number}", scripted_plan(), 5.0, "x")
    return state_home() / journal_place.JOURNAL_FILE


def sums() -> dict[str, str]:
    """Return what all files beside the journal hold, itself included."""
    found = (each for each in state_home().iterdir() if each.is_file())
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in found}


def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Give a command; return its exit code and the last line of what it complains about."""
    inventory = tmp_path / "inventory.yaml"
    (tmp_path / "known_hosts").touch()
    alone = SMALL.replace("192.0.2.", "127.45.0.").replace("ssh: {user: ops}", "ssh: {user: ops, known_hosts: known_hosts}")
    inventory.write_text(alone.replace("web1.example.org", "127.45.0.21"))
    inventory.chmod(0o600)
    code = main.run(["-i", str(inventory), *words])
    told = capsys.readouterr()
    return code, (told.err.splitlines() or [""])[-1]


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE ppsconsole_journal SET version = 99")


def torn(path: Path) -> None:
    os.truncate(path, 8192)


def scribbled(path: Path) -> None:
    path.write_bytes(b"this is no database\n" * 300)


TOUCHED = {
    newer: "the journal is of version 99, this program knows versions up to 1. Use the newer program that wrote it; nothing was",
    torn: "the journal is damaged: ",
    scribbled: "the journal is damaged: ",
}
COMMANDS = (
    ("runs", "list", "--here"),
    ("runs", "show", "run1"),
    ("runs", "resume", "run1", "--reason", "x"),
    ("run", "switchover", "--to", "db2", "--approve", PLAN.hash),
)


@pytest.mark.parametrize("spoil", TOUCHED)
def test_one_that_is_newer_or_damaged_is_left_as_it_is(
    spoil, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(place)
    before = sums()
    for words in COMMANDS:
        code, said = command(tmp_path, capsys, *words)
        assert (code, said.startswith(f"{place}: {TOUCHED[spoil]}")) == (1, True), f"{words}: {code} {said}"
        assert spoil is newer or "Move the file" in said
        assert sums() == before, words
    assert command(tmp_path, capsys, "status")[0] in (5, 6), "what is seen needs no journal"
    assert sums() == before


def test_none_is_kept_on_a_network_file_system(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/home {state_home()} nfs4 rw 0 0\n")
    prepare = journal_place.prepare_folder
    monkeypatch.setattr("ppsconsole.engine.journal.prepare_folder", lambda folder: prepare(folder, mounts))
    before = sums()
    for words in COMMANDS:
        code, said = command(tmp_path, capsys, *words)
        assert code == 1, f"{words}: {code} {said}"
        assert said.startswith(f"{state_home()}: the journal would lie on nfs4, which may be a network file system"), said
        assert "Set XDG_STATE_HOME to a folder on a disk of this machine" in said
        assert sums() == before, words
    assert command(tmp_path, capsys, "status")[0] in (5, 6)
