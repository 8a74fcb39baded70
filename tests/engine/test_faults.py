"""Random faults at step boundaries, random operators: what must never happen does not, and the journal tells it as it was."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from ppsconsole.engine.stage import LeaseLost
from ppsconsole.engine.state import state_of
from ppsconsole.errors import Blocked, UsageError
from ppsconsole.plan.outcomes import RunVerdict
from tests.engine.scripted import BEFORE, Scene, World, play, scripted_plan
from tests.engine.test_runner import AFTER

STEPS = [step.id for step in scripted_plan().steps]
PHASES = ["precheck", "act", "verify", "undo", "verify_undone"]
FAULTS = ["bastion", "refused", "dropped-before", "dropped-after", "timed-out", "moved", "bug", "no", "unknown", "lost"]
POINT = STEPS.index("promote")

faults = st.dictionaries(st.tuples(st.sampled_from(STEPS), st.sampled_from(PHASES)), st.sampled_from(FAULTS), max_size=6)
choices = st.lists(st.sampled_from(["resume", "resume", "back-out", "mark", "hold", "abandon"]), max_size=6)


async def chosen(scene: Scene, choice: str):
    """One console: takes the run up from its events, does what the operator chose, and goes."""
    runner = scene.runner()
    try:
        match choice:
            case "resume":
                await runner.run()
            case "back-out":
                await runner.back_out("as I like it")
            case "hold":
                runner.hold()
                await runner.run()
            case "mark":
                step = runner.state.next_step(scene.plan)
                if step is not None:
                    await runner.mark_done(step, "I saw it done")
            case "abandon":
                await runner.abandon("enough")
    except (Blocked, LeaseLost, UsageError):
        pass
    await runner.recorder.aclose()
    assert runner.state == state_of(scene.plan, scene.records.events)
    return runner.state


def check(scene: Scene, state) -> None:
    acts, facts = scene.world.acts, scene.world.facts
    assert not scene.world.has_two_writers()
    if "promote" in acts:
        before = next(event for event in scene.records.events if event.kind == "step-started" and event.step == "promote").number
        proofs = {
            event.data["proof"]["kind"] for event in scene.records.events if event.kind == "proof-made" and event.number < before
        }
        assert proofs == {"fence", "zero-loss"}
        assert not any(act.startswith("undo") for act in acts[acts.index("promote") :]), "nothing is undone after the return"
    if state.verdict is RunVerdict.ROLLED_BACK:
        assert facts == BEFORE
    if state.verdict is RunVerdict.SUCCESS:
        assert facts == AFTER
    if state.verdict is RunVerdict.SUCCESS_WITH_ISSUES:
        assert {**facts, "follow": "yes"} == AFTER
    kinds = [event.kind for event in scene.records.events]
    assert kinds.count("run-finished") <= 1
    if "run-finished" in kinds:
        assert kinds[-1] == "run-finished"


@settings(max_examples=400, deadline=None)
@given(runbook=st.sampled_from(["switchover", "failover"]), faults=faults, choices=choices)
def test_whatever_fails_and_whatever_is_chosen(runbook: str, faults, choices) -> None:
    scene = Scene(World(), plan=scripted_plan(runbook))
    scene.world.faults.update(faults)
    for choice in ["resume", *choices]:
        check(scene, play(chosen(scene, choice)))
    # Every state has an operator's exit: without further faults the run comes to an end.
    scene.world.faults.clear()
    state = play(chosen(scene, "resume"))
    check(scene, state)
    assert state.verdict is not None


@settings(max_examples=200, deadline=None)
@given(faults=faults, deadly=st.integers(1, 40), choices=choices)
def test_a_console_may_also_die_at_any_record(faults, deadly: int, choices) -> None:
    scene = Scene(World())
    scene.world.faults.update(faults)

    class Dead(BaseException):
        pass

    append = scene.records.append

    def dying(*events) -> None:
        append(*events)
        if len(scene.records.events) >= deadly:
            raise Dead

    scene.records.append = dying
    with suppress(Dead):
        play(chosen(scene, "resume"))
    scene.records.append = append
    for choice in [*choices, "resume"]:
        check(scene, play(chosen(scene, choice)))
    scene.world.faults.clear()
    assert play(chosen(scene, "resume")).verdict is not None
