"""A large inventory is loaded by another process: with the same outcome, whatever becomes of it."""

import os
import pickle
import signal
from pathlib import Path

import pytest

from ppsconsole.errors import InventoryError
from ppsconsole.inventory import beside
from ppsconsole.inventory.load import load
from tests.bench.inventory import inventory_text
from tests.unit.inventory_texts import SAMPLE

# The console has one thread when it makes this process; what runs the tests may have more.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


def written(folder: Path, text: str) -> str:
    path = folder / "inventory.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that are made; no test may depend on how many processors there are."""
    made: list[int] = []
    fork = os.fork

    def noted() -> int:
        child = fork()
        if child:
            made.append(child)
        return child

    monkeypatch.setattr(os, "fork", noted)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return made


def has_ended(child: int) -> bool:
    try:
        os.waitpid(child, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


@pytest.mark.parametrize("text", [SAMPLE.read_text(), inventory_text(1000)], ids=["sample", "1,000 hosts"])
def test_the_other_process_finds_what_this_one_does(
    text: str, tmp_path: Path, forks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "WORTH_BYTES", 1)
    path = written(tmp_path, text)
    assert beside.begin(path)() == load(path)
    assert len(forks) == 1
    assert has_ended(forks[0])


def test_mistakes_are_told_as_ever(tmp_path: Path, forks: list[int]) -> None:
    path = written(tmp_path, inventory_text(1000).replace("site: b", "site: nowhere", 3))
    with pytest.raises(InventoryError) as there:
        beside.begin(path)()
    with pytest.raises(InventoryError) as here:
        load(path)
    assert there.value.mistakes == here.value.mistakes
    assert str(there.value) == str(here.value)
    assert len(forks) == 1
    assert has_ended(forks[0])


def test_a_small_or_missing_one_needs_no_process(tmp_path: Path, forks: list[int]) -> None:
    path = written(tmp_path, SAMPLE.read_text())
    assert beside.begin(path)() == load(path)
    with pytest.raises(InventoryError, match="no such file"):
        beside.begin(str(tmp_path / "missing.yaml"))()
    assert forks == []


def test_without_another_process_it_is_loaded_here(tmp_path: Path, forks: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, inventory_text(1000))

    def refused() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refused)
    assert beside.begin(path)() == load(path)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert beside.begin(path)() == load(path)


def test_where_the_other_process_dies_it_is_loaded_here(
    tmp_path: Path, forks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, inventory_text(1000))

    def killed(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(pickle, "dump", killed)
    assert beside.begin(path)() == load(path)
    assert len(forks) == 1
    assert has_ended(forks[0])
