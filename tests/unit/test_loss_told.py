"""One loss, told with one figure: in advice, plan, question, run and report; rounded up once, and what is read can be typed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppsconsole.advice.diagnosis import advise
from ppsconsole.cli.gate import Asker, Flags
from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.draw.plan import plan_head
from ppsconsole.draw.run import run_head
from ppsconsole.draw.run_head import pinned_head
from ppsconsole.draw.run_view import RunView
from ppsconsole.draw.text import UNICODE, Line, line_text
from ppsconsole.errors import Blocked
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.loss import Loss, LossTier, accepted_said, accepted_window, window_said
from ppsconsole.plan.plan import Plan
from ppsconsole.reports.document import document_of
from ppsconsole.reports.story import story_of
from ppsconsole.reports.text import report_lines, report_markdown
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.history import History, Sample
from tests.unit.observations import NOW, change
from tests.unit.runbook_cases import declared, killed, plan, seen

BACKGROUND = Background(
    history=History("db1", NOW - 1, {"db2": (Sample(NOW - 95.25, "0/3000060", "0/3000060", None, True, 0.0),)}),
    dead_wal=DeadWal("db1", "db2", "0/3000060", NOW, trouble="the disk of db1 cannot be read"),
)
"""The last that db2 is known to have is 94.25 s older than the primary's death."""


def failover(background: Background = BACKGROUND) -> Plan:
    found = killed()
    change(found, "db2", last_replay_at=None)
    return plan(found, "failover", to="db2", background=background)


def told(lines: tuple[Line, ...]) -> str:
    return " ".join(" ".join(line_text(line) for line in lines).split())


@pytest.mark.parametrize(
    ("window_s", "words"),
    [
        (0.0, "0s"),
        (0.0001, "1ms"),
        (0.0173, "18ms"),
        (0.0995, "0.1s"),
        (3.2, "3.2s"),
        (3.21, "3.3s"),
        (9.95, "10s"),
        (40.01, "41s"),
        (59.4, "1m00s"),
        (86.0, "1m26s"),
        (94.3, "1m35s"),
        (3599.5, "1h00m"),
        (3600.5, "1h01m"),
        (26 * 3600.0, "26h00m"),
        (72.2 * 3600, "73h"),
    ],
)
def test_a_window_is_told_rounded_up_and_read_as_it_is_told(window_s: float, words: str) -> None:
    assert window_said(window_s) == words
    assert accepted_window(words) >= window_s


@given(st.floats(0.0, 1e8, allow_nan=False))
def test_what_is_told_of_a_window_covers_it_and_is_told_again_by_the_same_words(window_s: float) -> None:
    words = window_said(window_s)
    accepted_s = accepted_window(words)
    assert window_s <= accepted_s <= window_s * 1.05 + 0.1
    assert window_said(accepted_s) == words
    assert Loss(LossTier.BOUNDED, window_s).is_accepted_by(accepted_s)


@pytest.mark.parametrize("text", ["35s1m", "1m1m", "1m 35s", "1m35", "m", "s5"])
def test_parts_of_a_window_stand_in_their_order(text: str) -> None:
    with pytest.raises(Exception, match="is no window"):
        accepted_window(text)


def test_advice_plan_and_questions_tell_the_same_figure() -> None:
    made, figure = failover(), "at most 1m35s (bounded)"
    found = killed()
    change(found, "db2", last_replay_at=None)
    [way] = [
        way
        for each in advise(seen(found), declared(), BACKGROUND)
        for way in each.ways
        if way.runbook == "failover" and not way.is_blocked
    ]
    assert (way.loss, way.command.rsplit(" ", 1)[1]) == (figure, "1m35s")
    questions = [step.gate.question for step in made.steps if step.gate is not None]
    assert [figure in question for question in questions] == [True, True]
    assert f"loss {figure}: db2 has all that was written" in told(plan_head(made, True, 400, UNICODE))
    with pytest.raises(Blocked, match=r"--accept-loss 1m35s$"):
        Asker(Flags(approve=made.hash), is_terminal=False).require(made, made.steps)


def run(made: Plan, answer: str, loss: Loss | None = None) -> RunView:
    data = {"answer": answer, "kind": "accept-loss"} | ({} if loss is None else {"loss": loss.as_json()})
    events = (RunEvent("4711abcd", 1, NOW, "gate-answered", "promote", "", data),)
    return story_of("4711abcd", made, events, is_lab=True, holder="anna", started_at=NOW)


def test_run_screen_and_report_tell_the_figure_and_what_was_accepted_beside_it() -> None:
    view, words = run(failover(), "2m"), "at most 1m35s (bounded), accepted up to 2m00s"
    assert told(run_head(view, NOW, 200, UNICODE)).count(words) == 1
    assert words in told(pinned_head(view, NOW, (120, 4), UNICODE, lease=()))
    assert words in told(report_lines(view, (), NOW, 200, UNICODE))
    assert "- loss: at most 1m35s (bounded), accepted up to 2m00s" in report_markdown(view, (), NOW).replace("\\", "")
    found = document_of(view, (), NOW)["loss"]
    assert (found["said"], found["accepted"]) == ("at most 1m35s (bounded)", "accepted up to 2m00s")


def test_a_narrow_head_has_the_figure_whole_and_leaves_out_what_was_accepted() -> None:
    lines = pinned_head(run(failover(), "2m"), NOW, (40, 3), UNICODE, lease=())
    assert line_text(lines[1]).strip() == "loss  at most 1m35s (bounded)"


def test_the_figure_is_the_one_that_was_read_when_it_was_accepted() -> None:
    """A primary that is only unreachable may go on writing: what was accepted in the end is what is told, not the plan's."""
    grown = Loss(LossTier.BOUNDED, 101.0, words="as read")
    view = run(failover(), "2m", grown)
    assert (view.loss, view.accepted) == ("at most 1m41s (bounded)", "accepted up to 2m00s")
    assert not view.keeps_loss_within(100.0)
    assert document_of(view, (), NOW)["loss"]["window_s"] == 101.0
    question = "Loss at most 1m41s (bounded): as read. Name the window that you accept. The plan said at most 1m35s (bounded)."
    text = told(report_lines(view, (), NOW, 400, UNICODE))
    assert f"answered '2m' to: Promoting db2 gives up what only db1 had. {question}" in text
    assert text.count("1m35s") == 1, "the plan's figure is told as that, and nowhere else"


def test_nothing_is_told_to_be_accepted_where_nothing_is_lost_or_it_was_counted() -> None:
    made = failover()
    assert run(replace(made, loss=Loss(LossTier.NONE)), "2m").accepted == ""
    assert run(made, "soon").accepted == "", "a journal may say anything"
    assert accepted_said("unlimited") == "any loss accepted"
    assert run(made, "unlimited").accepted == "any loss accepted"
