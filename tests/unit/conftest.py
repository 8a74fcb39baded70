"""What several tests of single parts share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

_TEXT = "not ours to write\n"


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder with a file `victim` that planted links lead to; it is the same afterwards, and nothing came to it."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    (place / "victim").write_text(_TEXT)
    yield place
    assert (place / "victim").read_text() == _TEXT
    assert os.listdir(place) == ["victim"]
