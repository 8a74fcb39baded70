"""SIGKILL of consoles at every turn of a switchover and of a failover on a real lab; `python -m tests.bench kills` does it after
every record."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import Lab
from tests.lab.kill_scene import SIDE, KillScene
from tests.lab.test_run_commands import load


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillScene]:
    base = tmp_path_factory.mktemp("killed")
    lab = Lab(base / "cluster", {"XDG_STATE_HOME": str(base / "lab-state")})
    done = lab.up()
    assert done.returncode == 0, done.stderr
    try:
        yield KillScene(lab, base / "consoles")
    finally:
        assert lab.down().returncode == 0


@pytest.mark.parametrize("runbook", ["switchover", "failover"])
def test_consoles_that_are_killed_one_after_the_other_do_everything_once(scene: KillScene, tmp_path: Path, runbook: str) -> None:
    _, new = scene.aim()
    web = f"pps{SIDE[new]}"
    fencing = {"switchover": "stop-primary", "failover": "fence"}[runbook]
    redundancy = {"switchover": "follow", "failover": "quarantine"}[runbook]
    kills = (
        "acted drain-lb1",  # its file is written, and not reloaded
        f"step-started {fencing}",
        f"acted {fencing}",
        "step-started promote",
        "output promote",  # said as the promotion is sent
        "step-finished promote",
        f"acted switch-database-{web}",
        f"acted start-{web}",
        "acted move-members-lb1",
        f"acted {redundancy}",
    )
    with load(scene.lab, tmp_path / "load.json"):
        story = scene.played(runbook, *kills, machines=("here", "there"))
    assert story.kills == kills
    scene.check_lost(json.loads((tmp_path / "load.json").read_text())["verification"]["lost"])
