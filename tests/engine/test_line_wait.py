"""A line that is gone for a moment is waited for, within bounds and before the operator's eyes; nothing is done twice by that."""

import pytest

from ppsconsole.engine.line_wait import LINE_BACK_S
from ppsconsole.plan.outcomes import RunVerdict
from tests.engine.scripted import BEFORE, Scene, World, play, scripted_plan

STEPS = ("drain", "stop-web", "stop-primary", "prove")


def said(scene: Scene) -> list[str]:
    return [event.words for event in scene.records.events if event.kind == "output" and event.words.startswith("the line to")]


@pytest.mark.parametrize("phase", ["precheck", "verify"])
@pytest.mark.parametrize("fault", ["dropped-before", "bastion", "timed-out"])
@pytest.mark.parametrize("step", [*STEPS, "promote", "start-web"])
def test_a_look_without_a_line_is_made_again(step: str, fault: str, phase: str) -> None:
    scene = Scene(World())
    scene.world.faults[(step, phase)] = fault
    assert play(scene.runner().run()).verdict is RunVerdict.SUCCESS
    assert scene.world.acts == [each.id for each in scene.plan.steps], "each acted once"
    gone, back = said(scene)
    assert gone.startswith(f"the line to {step} is gone (")
    assert gone.endswith("): trying again for 5.0s"), "never longer than the step's own look may take"
    assert back == f"the line to {step} is back after 1.0s"


@pytest.mark.parametrize("step", STEPS)
def test_an_act_that_was_not_begun_is_looked_at_anew_and_begun_once_the_line_is_back(step: str) -> None:
    scene, drops = Scene(World()), [3]

    async def away(at: str, phase: str) -> str:
        if (at, phase) == (step, "act") and drops[0] > 0:
            drops[0] -= 1
            scene.world.faults[(at, phase)] = "bastion"
        return await usual(at, phase)

    usual = scene.world.fault
    scene.world.fault = away  # type: ignore[method-assign]
    assert play(scene.runner().run()).verdict is RunVerdict.SUCCESS
    assert scene.world.acts.count(step) == 1
    looks = [each for each in scene.world.trace if each.startswith(f"{step}.")]
    assert looks == [f"{step}.{each}" for each in ("precheck", "act", "act", "precheck", "act", "act", "verify")]
    assert len(said(scene)) == 2


@pytest.mark.parametrize("phase", ["precheck", "act", "verify"])
def test_a_line_that_stays_away_is_given_up_in_time_and_the_switchover_goes_back(phase: str) -> None:
    scene = Scene(World())
    scene.world.faults[("stop-web", phase)] = "bastion"
    scene.world.lasting.add(("stop-web", phase))
    began = scene.clock.monotonic()  # type: ignore[attr-defined]
    assert play(scene.runner().run()).verdict is RunVerdict.ROLLED_BACK
    assert scene.world.facts == BEFORE
    assert scene.clock.monotonic() - began <= LINE_BACK_S  # type: ignore[attr-defined]
    assert said(scene)[1] == "the line to stop-web is still gone after 5.0s"


def test_a_way_back_waits_for_its_line_too() -> None:
    scene = Scene(World())
    scene.world.faults[("prove", "act")] = "no"
    scene.world.faults[("stop-web", "undo")] = "bastion"
    scene.world.faults[("stop-web", "verify_undone")] = "bastion"
    assert play(scene.runner().run()).verdict is RunVerdict.ROLLED_BACK
    assert scene.world.acts.count("undo stop-web") == 1
    assert scene.world.facts == BEFORE


@pytest.mark.parametrize("fault", ["refused", "bug", "unknown", "no"])
def test_what_is_no_lost_line_is_not_waited_for(fault: str) -> None:
    scene = Scene(World())
    scene.world.faults[("stop-web", "precheck")] = fault
    assert play(scene.runner().run()).verdict is RunVerdict.ROLLED_BACK
    assert said(scene) == []


def test_a_step_that_can_be_left_out_keeps_nobody_waiting() -> None:
    scene = Scene(World(), plan=scripted_plan("failover"))
    scene.world.faults[("follow", "precheck")] = "bastion"
    assert play(scene.runner().run()).verdict is RunVerdict.SUCCESS_WITH_ISSUES
    assert said(scene) == []


def test_who_asks_for_a_hold_is_not_kept_waiting_either() -> None:
    scene = Scene(World(), plan=scripted_plan("failover"))
    scene.world.faults[("stop-web", "precheck")] = "bastion"
    scene.world.lasting.add(("stop-web", "precheck"))

    async def main():
        runner = scene.runner()
        usual = scene.world.fault

        async def asked(step: str, phase: str) -> str:
            if (step, phase) == ("stop-web", "precheck"):
                runner.hold()
            return await usual(step, phase)

        scene.world.fault = asked  # type: ignore[method-assign]
        return await runner.run()

    assert play(main()).is_open
    assert said(scene) == []
    assert scene.world.trace.count("stop-web.precheck") == 1
