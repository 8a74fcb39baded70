"""The model of a cluster, held against a real lab: the same story, told on both, gives the same events."""

import json
import signal
from pathlib import Path

import pytest

from tests.engine.model.declared import declared
from tests.engine.model.playing import tell
from tests.engine.model.story import Beat, Story
from tests.lab.conftest import Lab, wait_for
from tests.lab.kill_nursery import shared_nursery
from tests.lab.kill_scene import KillScene

# What is sent and said, and which hosts keep the lease, differs between a model and a cluster; what is done and found does not.
TOLD = (
    "gate-answered",
    "step-started",
    "proof-made",
    "issue-noted",
    "step-finished",
    "undo-started",
    "undo-finished",
    "run-finished",
)

Told = list[tuple[str, str, str]]


@pytest.fixture
def scene(started_lab: Lab, tmp_path: Path) -> KillScene:
    return KillScene(started_lab, tmp_path / "consoles", shared_nursery())


def on_model(story: Story) -> Told:
    told = tell(story, declared())
    assert told.wrongs == [], story.told()
    assert told.verdicts, story.told()
    return [event for event in told.events if event[0] in TOLD]


def on_lab(scene: KillScene, *arguments: str, dies_after: str = "") -> Told:
    """Plan and run until the run was begun: a busy machine may leave looks unanswered, and then nothing is. Return its events."""

    def is_begun() -> bool:
        said = scene.console("here", "plan", *arguments, "--json")
        if said.returncode != 0:
            return False
        answers = ("--approve", json.loads(said.stdout)["hash"], "--accept-loss", "10m")
        ended = scene.console("here", "run", *arguments, *answers, dies_after=dies_after)
        return ended.returncode in (0, -signal.SIGKILL)

    wait_for(is_begun, f"{arguments} is run", 120)
    return events(scene)


def events(scene: KillScene) -> Told:
    """Return what the journal has of the latest run."""
    found = scene.events("here")
    return [(e.kind, e.step, str(e.data.get("outcome", e.data.get("verdict", "")))) for e in found if e.kind in TOLD]


def death_before(step: str, phase: str) -> Beat:
    """Return the death of the console before that boundary of a switchover, wherever it is among them."""
    for at in range(70):
        beat = Beat("boundary", at, "dies")
        trace = tell(Story(0, "fine", "switchover", beats=(beat,), choices=("back-out",)), declared()).trace
        if any(line.endswith(f"dies  before {step}.{phase}") for line in trace):
            return beat
    raise AssertionError(f"no story gets to {step}.{phase}")


def test_a_switchover_that_is_backed_out_of_and_one_that_is_not(scene: KillScene) -> None:
    beat = death_before("end-sessions", "act")
    modelled = on_model(Story(0, "fine", "switchover", beats=(beat,), choices=("back-out",)))
    on_lab(scene, "switchover", "--to", "db2", dies_after="step-started end-sessions")
    run = scene.events("here")[0].run
    backed = scene.console("here", "runs", "back-out", run, "--reason", "it is better so")
    assert backed.returncode == 4, backed.stdout + backed.stderr
    assert events(scene) == modelled
    assert modelled[-1] == ("run-finished", "", "rolled-back")
    assert on_lab(scene, "switchover", "--to", "db2") == on_model(Story(0, "fine", "switchover"))


def test_a_failover_from_a_killed_primary(scene: KillScene) -> None:
    scene.console("here", "status")
    scene.lab.fault("kill", "db1")
    modelled = on_model(Story(0, "killed", "failover"))
    assert on_lab(scene, "failover", "--to", "db2") == modelled
    assert modelled[-1] == ("run-finished", "", "success")
