"""SIGKILL of consoles at every turn of a switchover and of a failover on a real lab, and at some of what else there is.

`python -m tests.lab.kill_everywhere` does it before and after every record of every runbook.
"""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ppsconsole.runbooks.catalog import RUNBOOKS
from tests.lab.conftest import running_lab, with_patience
from tests.lab.deadly import BEFORE
from tests.lab.kill_case import Case
from tests.lab.kill_cases import CASES
from tests.lab.kill_cases_copies import Backup
from tests.lab.kill_cases_home import QuarantineDelete
from tests.lab.kill_cases_roles import Failover, RestartWeb, Switchover
from tests.lab.kill_nursery import shared_nursery
from tests.lab.kill_scene import SIDE, KillScene
from tests.lab.test_run_commands import load

SEED = "2026-11-23"
BOTH = ("here", "there")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillScene]:
    base = tmp_path_factory.mktemp("killed")
    with running_lab(base) as lab:
        yield KillScene(with_patience(lab), base / "consoles", shared_nursery())


@pytest.mark.parametrize("case", [Switchover(), Failover()], ids=lambda case: case.name)
def test_consoles_that_are_killed_one_after_the_other_do_everything_once(scene: KillScene, tmp_path: Path, case: Case) -> None:
    _, new = scene.aim()
    web = f"pps{SIDE[new]}"
    fencing = {"switchover": "stop-primary", "failover": "fence"}[case.name]
    redundancy = {"switchover": "follow", "failover": "quarantine"}[case.name]
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
        story = scene.played(case, *kills, machines=BOTH)
    assert (story.kills, story.held) == (kills, ())
    scene.check_lost(json.loads((tmp_path / "load.json").read_text())["verification"]["lost"])


def test_there_is_a_scene_for_every_runbook() -> None:
    assert {case.runbook for case in CASES.values()} == set(RUNBOOKS)


def drawn(scene: KillScene, case: Case, steps: Sequence[str]) -> None:
    """Kill at one moment of each of these steps, which the seed picks before or after a record of it."""
    rng = random.Random(f"{SEED} {case.name}")
    kinds = [f"{when}{kind}" for kind in ("step-started", "step-checked", "step-finished") for when in (BEFORE, "")]
    kills = tuple(f"{rng.choice(kinds)} {step}" for step in steps)
    story = scene.played(case, *kills, machines=BOTH)
    # Where looks went unanswered on a busy machine, a console left it open by itself and its moment did not come.
    assert story.kills == kills or story.held


@pytest.mark.parametrize(
    ("case", "steps"),
    [
        (Backup("nightly", "db2"), ("back-up-nightly", "retain-bundles-nightly")),
        (QuarantineDelete(), ("delete-set-aside",)),
        (RestartWeb(), ("restart-service-pps{side}",)),
    ],
    ids=lambda value: value.name if isinstance(value, Case) else "",
)
def test_what_else_there_is_to_run_does_everything_once_too(scene: KillScene, case: Case, steps: tuple[str, ...]) -> None:
    side = SIDE[scene.aim()[0]]
    drawn(scene, case, [step.format(side=side) for step in steps])
