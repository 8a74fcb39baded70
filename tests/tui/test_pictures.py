"""Pictures of whole screens, colours and frames included; nearly everything else is compared as text.

After a change that was looked at and is meant: `pytest tests/tui/test_pictures.py --snapshot-update`.
"""

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from ppsconsole.tui.shot import save_screenshot
from tests.tui.pictures import SHOTS, first, still
from tests.tui.scripted import inventory
from tests.unit.snapshots import STATES, picture


@pytest.mark.parametrize("name", SHOTS)
def test_screen(snap_compare: Any, name: str) -> None:
    """Calm where all is well; what is worst is loudest; a lab has double frames; glyph and word with every colour."""
    shot = SHOTS[name]
    assert snap_compare(shot.app(), terminal_size=shot.size, run_before=shot.play)


@pytest.mark.parametrize("name", ["welcome", "picker", "mistakes"])
def test_before_there_is_a_cluster(snap_compare: Any, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Folders have the same names on every machine: the home is a folder called `~`."""
    (tmp_path / "~").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "~")
    for each in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(each)

    async def settle(pilot: Pilot[None]) -> None:
        await pilot.pause()
        await still(pilot)

    assert snap_compare(first(name), run_before=settle)


def test_the_console_saves_a_picture_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "console.svg"
    save_screenshot(str(path), picture(STATES["fine"]()), (100, 30), inventory())
    svg = path.read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert "PRIMARY" in svg
