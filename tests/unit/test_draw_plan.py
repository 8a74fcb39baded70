"""Plans and runs as lines: nothing is cut that has to be read, and nothing is claimed that is not known."""

from dataclasses import replace

import pytest

from ppsconsole.draw.plan import draw_plan, plan_head
from ppsconsole.draw.promise import Promises
from ppsconsole.draw.run import draw_run, event_lines, run_head
from ppsconsole.draw.run_head import pinned_head
from ppsconsole.draw.run_view import Outage, RunView, StepView
from ppsconsole.draw.safety import safety
from ppsconsole.draw.text import ASCII, UNICODE, Line, line_text
from ppsconsole.draw.words import width_of
from ppsconsole.engine.shown import moved, recall, remember
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.proof import FenceProof, Rung, ZeroLossProof
from ppsconsole.reports.story import story_of
from tests.engine.scripted import scripted_plan
from tests.unit.snapshots import AT, bastion_down, fine, primary_down, split_brain, unknown

ITEMS = (
    Item("lag", "ok", "db2 lacks nothing"),
    Item("backup", "not checked", "no backup is declared", "Make one"),
    Item("slots", "failing", "no slot", "Make a slot", True),
)
PLAN = scripted_plan(has_gates=True, items=ITEMS)
LONG = "h$ " + "x" * 300 + "  two  blanks"


def text(lines: tuple[Line, ...]) -> str:
    return "\n".join(line_text(line) for line in lines)


def view(**changes) -> RunView:
    steps = tuple(StepView(step.id) for step in PLAN.steps)
    return replace(RunView("r1", PLAN, True, "anna@ops1 pid 1", AT, None, steps), **changes)


@pytest.mark.parametrize("width", [40, 80, 140])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_a_plan_fits_its_width_and_no_command_is_cut(width, glyphs) -> None:
    plan = replace(PLAN, steps=(replace(PLAN.steps[0], commands=(LONG,)), *PLAN.steps[1:]))
    lines = draw_plan(plan, False, width, glyphs)
    assert all(sum(width_of(span.text) for span in line) <= width for line in lines)
    sent = "".join(span.text for line in lines for span in line if "x" * 8 in span.text or "two" in span.text)
    assert LONG in sent.replace("\n", "")
    if glyphs is ASCII:
        assert text(lines).isascii()


def test_what_was_promised_is_said_beside_what_a_plan_and_a_run_cost() -> None:
    loss = Loss(LossTier.BOUNDED, 41.0, words="from samples")
    costly = replace(PLAN, loss=loss)
    promised = Promises(downtime_s=900.0, loss_s=60.0)
    head = text(plan_head(costly, False, 80, UNICODE, promised))
    assert "promised 1m00s" in head
    assert "promised 15m00s" in head
    assert "MORE" not in head
    broken = Promises(downtime_s=0.5, loss_s=30.0)
    assert text(plan_head(costly, False, 80, UNICODE, broken)).count("MORE than the promised") == 2
    assert "MORE than the promised 30s" in text(plan_head(replace(PLAN, loss=Loss(LossTier.UNKNOWN)), False, 80, UNICODE, broken))
    running = view(plan=costly, users=Outage(AT))
    for lines in (
        run_head(running, AT + 4, 140, UNICODE, broken),
        pinned_head(running, AT + 4, (80, 3), UNICODE, lease=(), promises=broken),
    ):
        assert "at most 41s (bounded)  MORE than the promised 30s" in text(lines)
        assert "MORE than the promised 0.5s" in text(lines)
    proved = replace(running, proofs=(ZeroLossProof("db1", "db2", "0/1", "0/2", 1, AT, "r1"),))
    assert "promised 0s" in text(run_head(proved, AT, 140, UNICODE, Promises(loss_s=0.0)))
    assert "MORE" not in text(run_head(proved, AT, 140, UNICODE, Promises(loss_s=0.0)))
    assert "promised" not in text(run_head(running, AT, 140, UNICODE))


def test_a_plan_says_first_what_blocks_it_and_where_there_is_no_way_back() -> None:
    lines = text(draw_plan(PLAN, False, 100, UNICODE)).splitlines()
    assert "LIVE" in lines[0]
    assert any("blocked" in line and "slots" in line for line in lines)
    items = [line.split()[-1] for line in lines if line.strip().startswith(("✗", "▲", "?", "●"))]
    assert len(items) == 3
    order = [next(number for number, line in enumerate(lines) if word in line) for word in ("BLOCKS", "not checked  ", "● ok")]
    assert order == sorted(order)
    border = next(number for number, line in enumerate(lines) if "no way back below" in line)
    assert "Do promote" in lines[border + 1]
    assert "--approve" in text(draw_plan(PLAN, True, 100, UNICODE))
    assert "LAB" in text(draw_plan(PLAN, True, 100, UNICODE)).splitlines()[0]


def test_a_run_counts_downtime_from_its_events_and_says_who_has_it() -> None:
    running = view(users=Outage(AT, None), writes=Outage(AT + 1, AT + 1.5))
    head = text(run_head(running, AT + 4, 100, UNICODE))
    assert "OUT for 4.0s" in head
    assert "writes: 0.5s" in head
    assert "lease  anna@ops1 pid 1" in head
    assert "none, or everything is put back" in head
    done = view(verdict=RunVerdict.SUCCESS, proofs=(ZeroLossProof("db1", "db2", "0/1", "0/2", 1, AT, "r1"),))
    assert "none (proved)" in text(run_head(done, AT, 100, UNICODE))


@pytest.mark.parametrize("width", [40, 80, 140])
def test_a_run_fits_its_width(width) -> None:
    lines = draw_run(view(words="because " * 30, issues=("issue " * 30,)), AT, width, UNICODE, fine())
    assert all(sum(width_of(span.text) for span in line) <= width for line in lines)


def test_safety_is_never_claimed_without_a_look_or_a_proof() -> None:
    plan = replace(PLAN, steps=tuple(replace(s, verb=s.id, arguments={**s.arguments, "primary": "db1"}) for s in PLAN.steps))
    fresh = view(plan=plan)
    assert [each.said for each in safety(fresh)] == ["unknown", "unknown", "unknown"]
    seen = safety(fresh, fine())
    assert [each.said for each in seen] == ["yes", "yes", "no"]
    assert not any(each.is_alarming for each in seen)

    def at(**phases: str) -> tuple[StepView, ...]:
        return tuple(StepView(step.id, phases.get(step.id.replace("-", "_"), "pending")) for step in plan.steps)

    proof = FenceProof("db1", Rung.CLEAN_STOP, ("shut down",), AT, "r1")
    fenced = view(plan=plan, steps=at(stop_primary="done", promote="done"), proofs=(proof,))
    assert [each.said for each in safety(fenced)][::2] == ["no", "no"]
    unfenced = view(plan=plan, steps=at(stop_primary="unknown", promote="unknown"))
    writable, _, two = safety(unfenced)
    assert (writable.said, writable.is_alarming, two.said, two.is_alarming) == ("unknown", True, "unknown", True)
    # Backing out starts it again: what was proved before does not hold any more.
    assert safety(replace(fenced, is_backing_out=True))[0].said == "unknown"
    # What is seen goes before what was proved.
    found = replace(fenced, second_primary="db1")
    assert [(each.said, each.is_alarming) for each in safety(found)][::2] == [("yes", True), ("yes", True)]
    assert [each.said for each in safety(replace(found, second_primary="db3"))][::2] == ["no", "no"]
    back = safety(fenced, fine())[0]
    assert (back.said, back.is_alarming) == ("yes", True)


def test_a_look_that_belied_a_proof_belies_it_when_it_is_old_too() -> None:
    plan = replace(PLAN, steps=tuple(replace(s, verb=s.id, arguments={**s.arguments, "primary": "db1"}) for s in PLAN.steps))
    proof = FenceProof("db1", Rung.CLEAN_STOP, ("shut down",), AT - 1, "r1")
    fenced = view(plan=plan, proofs=(proof,))
    writable, _, two = safety(fenced, split_brain(), is_stale=True)
    assert (writable.said, writable.is_stale, writable.words) == ("unknown", True, "yes, it answers as the primary")
    assert (two.said, two.is_stale, two.is_alarming) == ("unknown", True, True)
    # One of the two was not seen: the other one answered as a primary, fenced or not.
    assert safety(fenced, bastion_down(), is_stale=True)[2].said == "unknown"
    # What was seen and says the same, or nothing, leaves the proof alone.
    for other in (primary_down(), unknown()):
        assert [each.said for each in safety(fenced, other, is_stale=True)][::2] == ["no", "no"]


def test_the_log_keeps_acts_whole_and_cuts_looks() -> None:
    def sent(kind: str) -> str:
        event = RunEvent("r1", 1, AT, "command-sent", "drain", LONG, {"kind": kind, "outcome": "rc 0"})
        return text(event_lines(event, PLAN))

    assert LONG in sent("act")
    assert LONG not in sent("look")
    assert sent("look").endswith("rc 0")


def test_a_story_is_told_from_events_alone() -> None:
    def event(number: int, kind: str, step: str = "", at: float = 0.0, **data) -> RunEvent:
        return RunEvent("r1", number, AT + at, kind, step, "words", data)  # type: ignore[arg-type]

    events = [
        event(1, "run-started"),
        event(2, "step-started", "drain", 1, attempt=1),
        event(3, "step-finished", "drain", 2, outcome="done", has_acted=True, values={}, took_s=1.0),
        event(4, "step-started", "stop-web", 2, attempt=1),
        event(5, "held", "", 3, verdict="incomplete"),
    ]
    told = story_of("r1", PLAN, events, is_lab=True, holder="anna", started_at=AT)
    assert (told.state, told.words) == ("held", "words")
    assert (told.of("drain").took_s, told.of("stop-web").is_at_hand) == (1.0, True)
    with pytest.raises(KeyError):
        told.of("nothing")


def test_a_plan_that_was_shown_is_found_again_and_what_moved_is_said(tmp_path) -> None:
    remember(PLAN, tmp_path)
    assert recall(PLAN.hash, tmp_path) == PLAN
    assert recall("0" * 16, tmp_path) is None
    assert recall("../../etc/passwd", tmp_path) is None
    swapped = replace(PLAN, identities=(replace(PLAN.identities[0], role="standby", timeline=2), PLAN.identities[1]))
    assert moved(PLAN, swapped) == (
        "the role of db1 was primary, now it is standby",
        "the timeline of db1 was 1, now it is 2",
    )
    fewer = replace(PLAN, steps=PLAN.steps[1:])
    assert "step drain is not needed any more" in moved(PLAN, fewer)
    (tmp_path / f"{PLAN.hash}.json").write_text("{}")
    assert recall(PLAN.hash, tmp_path) is None
