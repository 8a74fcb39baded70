"""Preflight looks whether a run could be journaled, and takes nothing by looking."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from ppsconsole.engine.journal_place import RESERVE_BYTES, RESERVE_FILE, Reserve
from ppsconsole.errors import JournalError


def full(free: int) -> object:
    return lambda path: SimpleNamespace(f_bavail=free // 4096, f_frsize=4096)


def test_too_little_room_is_told_before_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", full(RESERVE_BYTES // 2))
    with pytest.raises(JournalError, match="4 MiB left") as raised:
        Reserve(tmp_path).check()
    assert "df -h" in raised.value.remedy
    assert not (tmp_path / RESERVE_FILE).exists()


def test_what_was_put_by_already_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = Reserve(tmp_path)
    reserve.fill()
    monkeypatch.setattr(os, "statvfs", full(0))
    reserve.check()


def test_a_disk_with_room_is_well(tmp_path: Path) -> None:
    Reserve(tmp_path).check()
    assert list(tmp_path.iterdir()) == []
