"""The last word of a run is said under its own lease: a console that slept at its end does not call it a success, by value."""

from dataclasses import dataclass

import pytest

from ppsconsole.engine.stage import LeaseLost
from tests.engine.scripted import Custodian, Scene, World, play


@dataclass
class Asleep(Custodian):
    """Has seen nothing of a takeover; the hosts, once they are asked, tell of it."""

    async def confirm(self) -> None:
        raise LeaseLost("another console has the run")


def test_a_console_that_slept_at_the_end_does_not_finish_the_run_of_another_one() -> None:
    scene = Scene(World(), custody=Asleep())
    with pytest.raises(LeaseLost) as lost:
        play(scene.runner().run())
    assert lost.value.exit_code == 7
    assert scene.world.acts == [each.id for each in scene.plan.steps]
    assert not {"run-finished", "held"} & {event.kind for event in scene.records.events}


def test_a_console_that_slept_through_a_step_does_not_take_it_back() -> None:
    scene = Scene(World(), custody=Asleep())
    scene.world.faults[("stop-web", "verify")] = "no"
    with pytest.raises(LeaseLost):
        play(scene.runner().run())
    assert not any(act.startswith("undo") for act in scene.world.acts)
    assert not {"run-finished", "held", "undo-started"} & {event.kind for event in scene.records.events}
