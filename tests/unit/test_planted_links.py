"""Links that somebody planted on a host, in a real shell: what a run writes there never lands elsewhere, and it says why."""

import os
import subprocess
from pathlib import Path

import pytest

from ppsconsole.actions.places import written
from ppsconsole.engine import lease_script


def shell(command: str, home: Path, text: str = "") -> "subprocess.CompletedProcess[str]":
    environ = {"PATH": os.environ["PATH"], "HOME": str(home)}
    return subprocess.run(
        ["/bin/sh", "-c", command], input=text, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("level", [".ppsconsole", ".ppsconsole/lab", ".ppsconsole/lab/runs"])
def test_no_lease_is_taken_through_a_link(level: str, tmp_path: Path, victim: Path) -> None:
    home = tmp_path / "home"
    (home / level).parent.mkdir(parents=True)
    (home / level).symlink_to(victim)
    command = lease_script.take_script(lease_script.folder_of("lab"), 1, "")
    result = shell(command, home, "1 run1 held\n{}\n")
    assert result.returncode == lease_script.CANNOT_WRITE
    assert f"{home / level} is a link, or belongs to somebody else: move it away" in result.stderr


def test_a_lease_is_taken_where_nobody_planted_anything(tmp_path: Path) -> None:
    command = lease_script.take_script(lease_script.folder_of("lab"), 1, "")
    for mask in (0o000, 0o077, 0o777):
        home = tmp_path / f"home{mask}"
        home.mkdir()
        before = os.umask(mask)
        try:
            assert shell(command, home, "1 run1 held\n{}\n").returncode == 0
        finally:
            os.umask(before)
        for each in (home / ".ppsconsole").rglob("*"):
            assert each.stat().st_mode & 0o077 == 0, each


@pytest.mark.parametrize("planted", ["pg.quarantine.new", "pg.quarantine"])
@pytest.mark.parametrize("target", ["victim", "new"])
def test_a_marker_is_written_through_no_link(planted: str, target: str, tmp_path: Path, victim: Path) -> None:
    place = tmp_path / "srv"
    place.mkdir()
    (place / planted).symlink_to(victim / target)
    result = shell(written(str(place / "pg.quarantine")), tmp_path, "run1\n")
    assert result.returncode == 0, result.stderr
    assert (place / "pg.quarantine").read_text() == "run1\n"
    assert not (place / "pg.quarantine").is_symlink()
    assert os.listdir(place) == ["pg.quarantine"]


def test_a_link_to_a_folder_in_the_place_of_a_marker_is_told(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "pg.quarantine").symlink_to(victim)
    result = shell(written(str(tmp_path / "pg.quarantine")), tmp_path, "run1\n")
    assert result.returncode == 65
    assert "a folder, or a link to one, is in the place of the file" in result.stderr
