"""A step that has no way back, and that nobody saw end, when its run is backed out: how far it came is looked at, and told."""

from dataclasses import replace

import pytest

from ppsconsole.draw.run import draw_run
from ppsconsole.draw.text import UNICODE, line_text
from ppsconsole.engine import perform
from ppsconsole.engine.custody import RunResult
from ppsconsole.engine.estimate import learned
from ppsconsole.engine.exits import what_stays
from ppsconsole.engine.journal import open_journal
from ppsconsole.engine.state import state_of
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.reports.document import document_of
from ppsconsole.reports.story import story_of
from ppsconsole.reports.text import report_lines, report_markdown
from tests.engine.scripted import BEFORE, Scene, World, play, scripted_plan
from tests.unit.snapshots import AT


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perform, "SHORTEST_LOOK_S", 0.2)


def made() -> Plan:
    """Return a plan whose fourth step has no way back, before the point of no return: as the recovery of a crashed database."""
    plan = scripted_plan("failover")
    return replace(plan, steps=tuple(replace(each, is_undoable=each.id != "prove" and each.is_undoable) for each in plan.steps))


def left_at(scene: Scene, reached: str) -> None:
    """Let the console die once the step was begun; its act had come to `reached`."""
    play(scene.runner().run())
    events = scene.records.events
    last = next(number for number, each in enumerate(events) if (each.kind, each.step) == ("step-checked", "prove"))
    del events[last + 1 :]
    scene.world.facts.update(BEFORE, front="drained", web="stopped", db1="stopped", prove=reached)
    scene.world.trace.clear()


def gone_back(scene: Scene) -> tuple[RunResult, str]:
    result = play(scene.runner().back_out("the primary is well after all"))
    return result, state_of(scene.plan, scene.records.events).of("prove").phase


SEEN = "it has no way back, and nobody saw it end; seen now: "


@pytest.mark.parametrize(
    ("reached", "fault", "phase", "seen", "stays"),
    [
        ("yes", "", "done", "prove is yes", "Do prove"),
        ("half", "", "failed", "prove is half", "Do prove"),
        ("yes", "unknown", "unknown", "as the script says", "Do prove (whether it was done is not known)"),
    ],
)
def test_how_far_it_came_is_seen_and_told(reached: str, fault: str, phase: str, seen: str, stays: str) -> None:
    scene = Scene(World(), plan=made())
    left_at(scene, reached)
    if fault:
        scene.world.faults["prove", "verify"] = fault
    result, told = gone_back(scene)
    assert (result.verdict, told) == (RunVerdict.ROLLED_BACK, phase)
    assert result.words == f"the primary is well after all; what cannot be undone stays: {stays}"
    assert scene.world.trace[0] == "prove.verify", "it is looked at before anything else is put back"
    assert not [each for each in scene.world.trace if each in ("prove.act", "prove.undo")], "and is not touched"
    assert scene.world.facts == {**BEFORE, "prove": reached}
    assert not [each for each in scene.records.events if each.kind == "proof-made" and each.step == "prove"]
    view = story_of("run1", scene.plan, scene.records.events, is_lab=True, holder="anna", started_at=AT)
    assert (view.of("prove").phase, view.of("prove").words) == (phase, SEEN + seen)
    screen = "\n".join(line_text(line) for line in draw_run(view, AT, 160, UNICODE))
    [row] = [line for line in screen.splitlines() if " 4  Do prove" in line]
    assert {"done": "done", "failed": "FAILED", "unknown": "UNKNOWN"}[phase] in row
    assert stays in screen
    assert f"{SEEN}{seen}" in report_markdown(view, (), AT).replace("\\", "")
    assert stays in " ".join(line_text(line) for line in report_lines(view, (), AT, 400, UNICODE))


def test_a_step_that_was_seen_to_end_is_not_looked_at_again() -> None:
    scene = Scene(World(), plan=made())
    scene.world.faults["promote", "precheck"] = "no"
    play(scene.runner().run())
    scene.world.trace.clear()
    _, phase = gone_back(scene)
    assert phase == "done"
    assert not [each for each in scene.world.trace if each.startswith("prove.")]


def test_what_is_only_looked_at_on_the_way_back_is_no_duration_to_learn_from(tmp_path) -> None:
    journal = open_journal(folder=tmp_path)
    try:
        scene = Scene(World(), plan=made())
        left_at(scene, "yes")
        gone_back(scene)
        journal.start("run1", scene.plan, AT, "anna")
        journal.append(*scene.records.events)
        took = {"outcome": "done", "verb": "set", "took_s": 4.0}
        journal.start("run2", scene.plan, AT, "anna")
        journal.append(
            RunEvent("run2", 1, AT, "step-started", "prove"), RunEvent("run2", 2, AT, "step-finished", "prove", "", took)
        )
        assert learned(journal, "lab") == {"set": 4.0}
    finally:
        journal.close()


@pytest.mark.parametrize(("kind", "phase"), [("step-started", "unknown"), ("undo-started", "undo-unknown")])
def test_in_a_run_that_is_over_nothing_is_at_hand(kind: str, phase: str) -> None:
    """It was abandoned, or another run took its lease: "at it" would be told for ever."""
    plan = made()
    begun = RunEvent("run1", 1, AT, kind, "drain", "", {"attempt": 1})
    over = RunEvent("run1", 2, AT + 5, "run-finished", "", "abandoned: moved", {"verdict": "unknown"})
    going = story_of("run1", plan, (begun,), is_lab=True, holder="anna", started_at=AT)
    assert going.of("drain").is_at_hand
    view = story_of("run1", plan, (begun, over), is_lab=True, holder="anna", started_at=AT)
    assert (view.of("drain").phase, view.of("drain").words) == (phase, "begun, and nobody saw it end")
    screen = "\n".join(line_text(line) for line in draw_run(view, AT + 500, 120, UNICODE))
    assert "at it" not in screen
    assert "going back" not in screen
    assert document_of(view, (), AT)["steps"][0]["phase"] == phase
    assert "begun, and nobody saw it end" in report_markdown(view, (), AT)


def test_nothing_stays_of_what_was_not_begun() -> None:
    assert what_stays(made(), state_of(made(), ())) == ""
