"""What was read before is used for the very same file and nothing else, and is worth nothing to whoever plants it."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from ppsconsole.errors import InventoryError
from ppsconsole.inventory import beside, kept
from ppsconsole.inventory import load as loading
from ppsconsole.inventory.load import load
from ppsconsole.inventory.model import Inventory
from ppsconsole.tui.theming import shipped_palette
from tests.bench.inventory import inventory_text
from tests.unit.inventory_texts import SAMPLE


class Runs:
    """What a planted entry would like to be: it calls a function while it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return (os.mkdir, (str(self.mark),))


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with what is kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # no process beside: what parses is seen here
    return tmp_path / "state" / "ppsconsole" / "kept"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was really parsed."""
    seen: list[bytes] = []
    parse = loading.parse

    def noted(text: bytes, path: str) -> Inventory:
        seen.append(text)
        return parse(text, path)

    monkeypatch.setattr(loading, "parse", noted)
    return seen


def written(folder: Path, text: str) -> str:
    path = folder / "inventory.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize("text", [SAMPLE.read_text(), inventory_text(1000)], ids=["sample", "1,000 hosts"])
def test_a_file_that_is_the_same_is_parsed_once(text: str, state: Path, parsed: list[bytes], tmp_path: Path) -> None:
    path = written(tmp_path, text)
    first, second = beside.begin(path)(), beside.begin(path)()
    assert len(parsed) == 1
    assert first == second == load(path)
    entries = list(state.iterdir())
    assert len(entries) == 1
    assert (state.stat().st_mode & 0o777, entries[0].stat().st_mode & 0o777) == (0o700, 0o600)


def test_one_changed_letter_is_seen_also_where_size_and_time_are_the_same(
    state: Path, parsed: list[bytes], tmp_path: Path
) -> None:
    text = SAMPLE.read_text()
    path = written(tmp_path, text)
    before, status = beside.begin(path)(), os.stat(path)
    changed = text.replace("port: 10001", "port: 10002") if "port: 10001" in text else text.replace("10001", "10002")
    assert len(changed) == len(text)
    assert changed != text
    written(tmp_path, changed)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = beside.begin(path)()
    assert after != before
    assert after == load(path)


def test_another_home_another_name_and_other_code_do_not_use_it(
    state: Path, parsed: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, SAMPLE.read_text())
    beside.begin(path)()
    monkeypatch.chdir(tmp_path)
    assert beside.begin("inventory.yaml")().path == "inventory.yaml"
    assert len(parsed) == 2
    monkeypatch.setenv("HOME", str(tmp_path))
    assert beside.begin("inventory.yaml")() == load("inventory.yaml")
    assert len(parsed) == 4, "`~` leads elsewhere; the other one is load's own"
    code = tmp_path / "code.py"
    code.write_text("old")
    monkeypatch.setattr(beside, "_READERS", (str(code),))
    beside.begin(path)()
    beside.begin(path)()
    assert len(parsed) == 5
    code.write_text("newer")
    beside.begin(path)()
    assert len(parsed) == 6


def test_mistakes_are_not_kept_and_a_file_that_others_can_write_is_refused_all_the_same(
    state: Path, parsed: list[bytes], tmp_path: Path
) -> None:
    path = written(tmp_path, SAMPLE.read_text())
    beside.begin(path)()
    os.chmod(path, 0o622)
    with pytest.raises(InventoryError, match="can be written by"):
        beside.begin(path)()
    path = written(tmp_path, "version: 1\nnonsense: 2\n")
    for _ in range(2):
        with pytest.raises(InventoryError, match="nonsense"):
            beside.begin(path)()
    assert len(parsed) == 3


def spoiled(entry: Path, how: str, mark: Path) -> None:
    """Do to an entry what a full disk, another program or somebody else might."""
    data = entry.read_bytes()
    head = data[: data.index(pickle.PROTO)]
    if how == "open":
        entry.chmod(0o644)
    elif how == "link":
        entry.rename(entry.with_suffix(".elsewhere"))
        entry.symlink_to(entry.with_suffix(".elsewhere"))
    else:
        calling = pickle.dumps(Runs(mark), pickle.HIGHEST_PROTOCOL)
        entry.write_bytes({"short": data[:-40], "empty": b"", "garbage": head + b"\x80\x05garbage", "calls": head + calling}[how])


@pytest.mark.parametrize("how", ["short", "empty", "garbage", "calls", "open", "link"])
def test_a_spoiled_or_planted_entry_is_as_none_and_runs_nothing(
    how: str, state: Path, parsed: list[bytes], tmp_path: Path
) -> None:
    path, mark = written(tmp_path, SAMPLE.read_text()), tmp_path / "ran"
    first = beside.begin(path)()
    (entry,) = state.iterdir()
    spoiled(entry, how, mark)
    assert beside.begin(path)() == first
    assert len(parsed) == 2
    assert not mark.exists()
    assert beside.begin(path)() == first
    assert len(parsed) == 2, "it was kept anew"


def test_where_nothing_can_be_kept_the_file_is_read_each_time(parsed: list[bytes], state: Path, tmp_path: Path) -> None:
    state.parent.parent.write_text("in the way")
    path = written(tmp_path, SAMPLE.read_text())
    assert beside.begin(path)() == beside.begin(path)() == load(path)


def test_old_entries_make_room(state: Path) -> None:
    for number in range(20):
        kept.keep(f"/etc/{number}.yaml", b"data", (__file__,), number)
    assert len(list(state.iterdir())) == 16
    assert kept.recalled("/etc/19.yaml", b"data", (__file__,)) == 19
    assert kept.recalled("/etc/0.yaml", b"data", (__file__,)) is None


def test_a_shipped_theme_is_kept_too(state: Path) -> None:
    first = shipped_palette("dark")
    (entry,) = state.iterdir()
    before = entry.stat().st_mtime_ns
    assert shipped_palette("dark") == first
    assert entry.stat().st_mtime_ns == before
