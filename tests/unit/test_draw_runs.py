"""A run as text: its steps in every state, the head that never scrolls, the list; at the widths of real terminals."""

from dataclasses import replace

import pytest

from ppsconsole.draw.promise import Promises
from ppsconsole.draw.run import draw_safety, rows_of_steps, run_steps
from ppsconsole.draw.run_head import pinned_head
from ppsconsole.draw.run_view import Outage, RunView, StepView
from ppsconsole.draw.runs import RunEntry, runs_lines, runs_table
from ppsconsole.draw.safety import safety
from ppsconsole.draw.text import ASCII, UNICODE, Line, line_text
from ppsconsole.draw.words import folded, width_of
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.outcomes import RunVerdict
from tests.engine.scripted import scripted_plan
from tests.unit.snapshots import AT, fine

PLAN = replace(scripted_plan(), downtime_s=13.0)
PHASES = ("done", "skipped", "failed", "unknown", "started", "undoing", "undone", "not-undone")

FRAME = """\
●  1  Do drain                            done          2.0s
○  2  Do stop-web                         skipped       2.0s
✗  3  Do stop-primary                     FAILED        2.0s
?  4  Do prove                            UNKNOWN       2.0s
┄┄ no way back below ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
»  5  Do promote                          at it         9.0s
»  6  Do start-web                        going back    9.0s
○  7  Do move-front                       put back      2.0s
✗  8  Do follow                           NOT BACK      2.0s"""


def view(*phases: str, **more) -> RunView:
    steps = tuple(
        StepView(step.id, phase, began_at=AT - 9, took_s=None if phase in ("pending", "started", "undoing") else 2.0)
        for step, phase in zip(PLAN.steps, phases, strict=True)
    )
    return RunView("4711abcd", PLAN, True, "mkr@ops1 pid 4711", AT - 60, None, steps, **more)


def texts(lines: tuple[Line, ...]) -> list[str]:
    return [line_text(line) for line in lines]


@pytest.mark.parametrize("width", [40, 60, 80, 140])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_every_state_of_a_step_is_a_mark_and_a_word(width: int, glyphs) -> None:
    lines = texts(run_steps(view(*PHASES), AT, width, glyphs))
    assert all(width_of(line) <= width for line in lines)
    assert "no way back below" in lines[4]
    words = ("done", "skipped", "FAILED", "UNKNOWN", "at it", "going back", "put back", "NOT BACK")
    marks = (glyphs.ok, glyphs.off, glyphs.down, glyphs.unknown, glyphs.pointer, glyphs.pointer, glyphs.off, glyphs.down)
    steps = [*lines[:4], *lines[5:]]
    for line, word, mark in zip(steps, words, marks, strict=True):
        assert line.startswith(f"{mark} ")
        assert word in line
    if glyphs is ASCII:
        assert "\n".join(lines).isascii()


def test_the_frame_at_60_columns() -> None:
    lines = texts(run_steps(view(*PHASES), AT, 60, UNICODE))
    assert "\n".join(lines) == FRAME


LONG = "Put db1 into quarantine: it is not started again, and an alarm is raised should it come back"


def titled(shown: RunView, index: int, title: str) -> RunView:
    """Return the run with another title for one of its steps."""
    steps = tuple(replace(step, title=title) if number == index else step for number, step in enumerate(shown.plan.steps))
    return replace(shown, plan=replace(shown.plan, steps=steps))


@pytest.mark.parametrize("phase", ["pending", "started", "done", "failed", "unknown", "undone"])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_a_long_title_goes_on_below_at_80_columns_and_nothing_of_it_is_cut(phase: str, glyphs) -> None:
    shown = titled(view("done", phase, *["pending"] * 6), 1, LONG)
    rows = texts(rows_of_steps(shown, AT, 78, glyphs)[1])
    assert all(width_of(row) <= 78 for row in rows)
    assert len(rows) == 2
    assert " ".join((rows[0][6:59] + rows[1]).split()) == LONG
    assert [row[:6].strip() for row in rows[1:]] == [""]
    assert rows[0][:6].split()[-1] == "2", "the first row has mark, number, state and time"


def test_where_it_is_narrow_only_the_step_that_matters_takes_more_than_three_rows() -> None:
    for phases, is_held, is_whole in (
        (("done", "pending"), False, False),
        (("done", "done"), False, False),
        (("done", "pending"), True, True),
        (("done", "started"), False, True),
        (("done", "failed"), True, True),
        (("done", "not-undone"), True, True),
    ):
        shown = titled(view(*phases, *["pending"] * 6, is_held=is_held), 1, LONG)
        rows = texts(rows_of_steps(shown, AT, 48, UNICODE)[1])
        said = " ".join("".join(row[6:29] for row in rows).split())
        assert all(width_of(row) <= 48 for row in rows)
        assert (len(rows) > 3) is is_whole
        assert (said.replace(" ", "") == LONG.replace(" ", "")) is is_whole
        assert ("…" in said) is not is_whole


def test_the_rows_of_a_step_are_those_of_the_run() -> None:
    shown = titled(view(*PHASES), 4, LONG)
    groups = rows_of_steps(shown, AT, 60, UNICODE)
    assert tuple(row for rows in groups for row in rows) == run_steps(shown, AT, 60, UNICODE)
    assert "no way back" in line_text(groups[4][0]), "it stands with the step that it is about"


def test_a_held_run_says_before_which_step_and_a_pending_step_what_it_will_take() -> None:
    held = view("done", "done", *["pending"] * 6, is_held=True)
    lines = texts(run_steps(held, AT, 80, UNICODE))
    assert "HELD HERE" in lines[2]
    assert sum("HELD" in line for line in lines) == 1
    assert lines[2].endswith("~1.0s")
    failed = view("done", "failed", *["pending"] * 6, is_held=True)
    assert "HELD" not in "\n".join(texts(run_steps(failed, AT, 80, UNICODE))), "it stands at the one that failed"


@pytest.mark.parametrize("width", [40, 60, 80, 140, 300])
@pytest.mark.parametrize("rows", [3, 4])
@pytest.mark.parametrize("is_lab", [True, False])
@pytest.mark.parametrize("cluster", ["pps", "passwords-production-frankfurt"])
def test_the_head_never_loses_lab_or_live_the_loss_or_the_downtime(width: int, rows: int, is_lab: bool, cluster: str) -> None:
    plan = replace(PLAN, cluster=cluster, loss=Loss(LossTier.BOUNDED, 3.2, words="from samples"), runbook="failover")
    shown = replace(view(*["pending"] * 8, users=Outage(AT - 72)), plan=plan, is_lab=is_lab)
    lease = ("mkr@ops1 pid 4711, this console since 03:13:07Z, on db2", "mkr@ops1 pid 4711", "mkr@ops1")
    lines = texts(pinned_head(shown, AT, (width, rows), UNICODE, lease=lease, promises=Promises(downtime_s=60.0)))
    assert len(lines) == rows
    assert all(width_of(line) <= width for line in lines)
    assert ("LAB" if is_lab else "LIVE") in lines[0].split()
    assert "at most 3.2s (bounded)" in lines[1]
    assert "1m12s" in lines[2]
    assert "promised 1m00s" in lines[2]
    if rows == 4 or width >= 60:
        assert "mkr@ops1" in "".join(lines)


def test_answers_have_the_moment_they_rest_on_and_an_age_only_once_nobody_looks() -> None:
    fresh = view(*["pending"] * 8)
    seen = safety(fresh, fine())
    assert all(each.is_seen for each in seen)
    assert "now: " in texts(draw_safety(seen, 100, UNICODE, AT + 1))[0]
    assert texts(draw_safety(seen, 100, UNICODE, AT + 1)) == texts(draw_safety(seen, 100, UNICODE, AT + 2)), "nothing ticks"
    stale = safety(fresh, fine(), is_stale=True)
    line = next(text for text in texts(draw_safety(stale, 200, UNICODE, AT + 41)) if "web node" in text)
    assert "UNKNOWN" in line
    assert "41s ago: yes, pps1" in line


def test_a_step_that_stopped_a_web_node_goes_before_an_older_look() -> None:
    steps = tuple(replace(step, verb="stop", node="pps1") if step.id == "stop-web" else step for step in PLAN.steps)
    shown = view("done", "done", *["pending"] * 6)
    done = tuple(replace(each, began_at=AT + 1) if each.id == "stop-web" else each for each in shown.steps)
    assert safety(replace(shown, plan=replace(PLAN, steps=steps), steps=done), fine())[-2].said == "no"
    assert safety(shown, fine())[-2].said == "yes"


@pytest.mark.parametrize("width", [40, 80, 140])
def test_the_list_fits_and_says_how_each_run_ended(width: int) -> None:
    ended = replace(view(*["done"] * 8), verdict=RunVerdict.INCOMPLETE, words="abandoned: moved", finished_at=AT)
    entries = [RunEntry(view(*["pending"] * 8, is_held=True), "take up"), RunEntry(replace(ended, run="0815dead"))]
    lines, places = runs_lines(entries, AT, width, UNICODE, "0815dead")
    shown = texts(lines)
    assert all(width_of(line) <= width for line in shown)
    assert any("held" in line for line in shown)
    assert any("incomplete" in line for line in shown)
    assert shown[places["0815dead"][0]].startswith("» ")
    assert "OPEN: take up" in "\n".join(shown)
    assert "took 1m00s" in "\n".join(shown)


def test_folding_loses_no_character() -> None:
    line = (*run_steps(view(*PHASES), AT, 140, UNICODE)[0],)
    rows = folded(line, 20)
    assert all(width_of(line_text(row)) <= 20 for row in rows)
    assert "".join("".join(span.text for span in row).removeprefix("    ") for row in rows).replace(" ", "") == "".join(
        span.text for span in line
    ).replace(" ", "")


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_list_to_read_says_how_long_a_run_took_and_what_was_lost(width: int) -> None:
    lost = replace(PLAN, loss=Loss(LossTier.BOUNDED, 3.2))
    pending = ["pending"] * len(PLAN.steps)
    ended = replace(view(*pending), plan=lost, verdict=RunVerdict.SUCCESS, finished_at=AT - 20, users=Outage(AT - 50, AT - 41))
    lines = texts(runs_table((ended, view(*pending)), AT, width, UNICODE))
    assert len(lines) == (2 if width == 200 else 4), "one row each where it fits"
    said = " ".join(" ".join(lines).split())
    assert "took 40s, users out 9.0s, loss at most 3.2s (bounded)" in said
    assert "for 1m00s, users not out, loss" in said
    assert all(width_of(line) <= width for line in lines)
    assert runs_table((), AT, width, UNICODE) == ()
