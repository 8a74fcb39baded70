"""SIGKILL of consoles at every turn of a switchover and of a failover on a real lab, and at some of what else there is.

Some of the moments are drawn by a seed, which PPSCONSOLE_TEST_KILL_SEED may name: others come of another one.
`python -m tests.lab.kill_everywhere` does it before and after every record of every runbook.
"""

import json
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest

from ppsconsole.runbooks.catalog import RUNBOOKS
from tests.engine.test_killed import SEED_VARIABLE
from tests.lab.conftest import running_lab, with_patience
from tests.lab.deadly import BEFORE
from tests.lab.kill_case import Case
from tests.lab.kill_cases import CASES
from tests.lab.kill_cases_copies import Backup
from tests.lab.kill_cases_home import QuarantineDelete
from tests.lab.kill_cases_roles import BootGuard, Failover, RestartDatabase, RestartWeb, Switchover
from tests.lab.kill_nursery import shared_nursery
from tests.lab.kill_scene import HELD_AT_MOST, SIDE, KillScene, Story
from tests.lab.test_run_commands import load

SEED = os.environ.get(SEED_VARIABLE, "2026-11-24")
BOTH = ("here", "there")
KINDS = ("step-started", "step-finished")
"""The records that each step has."""


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
    rng = random.Random(f"{SEED} {case.name}")
    sides = rng.sample((BEFORE, ""), 2)  # of two moments one is before its record, wherever else the seed comes down
    kinds = [f"{when}{kind}" for kind in KINDS for when in (BEFORE, "")]
    kills = (
        "acted drain-lb1",  # its file is written, and not reloaded
        f"{rng.choice(kinds)} stop-{web}",
        f"{sides[0]}step-started {fencing}",
        f"acted {fencing}",
        f"{sides[1]}step-started promote",
        "output promote",  # said as the promotion is sent
        "step-finished promote",
        f"acted switch-database-{web}",
        f"acted start-{web}",
        "acted move-members-lb1",
        f"{rng.choice(kinds)} {rng.choice(('verify-service-lb1', f'enable-{new}'))}",
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
    kinds = [f"{when}{kind}" for kind in (*KINDS, "step-checked") for when in (BEFORE, "")]
    for _ in range(HELD_AT_MOST + 1):
        kills = tuple(f"{rng.choice(kinds)} {step}" for step in steps)
        story = scene.played(case, *kills, machines=BOTH)
        if story.kills == kills:
            return case.leave(scene)
        # Where looks went unanswered on a busy machine, a console left it open by itself and its moment did not come: others do.
        assert story.held, f"only these came of {kills}: {story.kills}"
        steps = steps[len(story.kills) :]
    pytest.fail(f"nobody was killed in {steps}: {[story.held for story in scene.stories]}")


@pytest.mark.parametrize(
    ("case", "steps"),
    [
        (Backup("nightly", "db2"), ("back-up-nightly", "retain-bundles-nightly")),
        (QuarantineDelete(), ("delete-set-aside",)),
        (RestartWeb(), ("restart-service-pps{side}",)),
        (RestartDatabase(), ("restart-service-db{side}",)),
        (BootGuard(), ("install-boot-guard-db2",)),
    ],
    ids=lambda value: value.name if isinstance(value, Case) else "",
)
def test_what_else_there_is_to_run_does_everything_once_too(scene: KillScene, case: Case, steps: tuple[str, ...]) -> None:
    side = SIDE[scene.aim()[0]]
    drawn(scene, case, [step.format(side=side) for step in steps])


@pytest.mark.parametrize("held", [1, HELD_AT_MOST + 1])
def test_a_run_that_was_left_open_before_anybody_was_killed_shows_nothing(held: int) -> None:
    class Scene:
        def __init__(self) -> None:
            self.stories: list[Story] = []

        def played(self, case: Case, *kills: str, machines: tuple[str, ...]) -> Story:
            is_held = len(self.stories) < held
            self.stories.append(Story("x", "r", () if is_held else kills, ("looks went unanswered",) if is_held else ()))
            return self.stories[-1]

    scene = cast(KillScene, Scene())
    if held > HELD_AT_MOST:
        with pytest.raises(pytest.fail.Exception, match="nobody was killed in"):
            drawn(scene, RestartDatabase(), ["a", "b"])
    else:
        drawn(scene, RestartDatabase(), ["a", "b"])
        assert [each.rpartition(" ")[2] for each in scene.stories[-1].kills] == ["a", "b"]
