"""The output of a run in rows that fit: nothing that says how it went is cut, and a command keeps its outcome."""

import pytest

from ppsconsole.draw.run_view import RunView, StepView
from ppsconsole.draw.text import ASCII, UNICODE, line_text
from ppsconsole.draw.words import width_of
from ppsconsole.plan.event import EventKind, RunEvent
from ppsconsole.runbooks.request import Request
from ppsconsole.tui.live import Live
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.widgets.run_panes import OutputPane
from tests.tui.desk_double import plan_for
from tests.tui.scripted import inventory
from tests.unit.snapshots import AT

RESULT = "nothing is lost: db2 has 0/30AA328, behind the shutdown checkpoint of db1 at 0/30AA2A8, on the same timeline"
COMMAND = "lb1$ f=/srv/hosts/lb1/etc/upstream.conf; read -r first second third; nginx -s reload -c /srv/hosts/lb1/etc/nginx.conf"


def rows_of(*events: RunEvent, width: int, glyphs=UNICODE) -> list[str]:
    plan = plan_for(Request("switchover", to="db2"))
    view = RunView(
        "4711abcd", plan, True, "mkr@ops1 pid 4711", AT, None, tuple(StepView(each.id, "pending") for each in plan.steps)
    )
    pane = OutputPane(glyphs, id="output")
    lines = pane.lines_of(Scene(inventory(), AT), Live(view, "going", events), width)
    return [line_text(line) for line in lines]


def event(kind: EventKind, words: str, **data) -> RunEvent:
    return RunEvent("4711abcd", 1, AT, kind, "prove", words, data)


@pytest.mark.parametrize("width", [38, 78, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("kind", ["proof-made", "issue-noted", "held", "step-finished"])
def test_how_it_went_is_told_whole(width: int, glyphs, kind: EventKind) -> None:
    rows = rows_of(event(kind, RESULT, outcome="done"), width=width, glyphs=glyphs)
    assert all(width_of(row) <= width for row in rows)
    assert RESULT in " ".join(" ".join(rows).split())
    assert sum(row.startswith("03:14:07Z") for row in rows) == (2 if kind == "step-finished" else 1), "the time stands once"


@pytest.mark.parametrize("width", [38, 78])
def test_a_long_command_takes_one_row_and_keeps_its_outcome(width: int) -> None:
    (row,) = rows_of(event("command-sent", COMMAND, outcome="rc 1"), width=width)
    assert width_of(row) <= width
    assert row.endswith("…  rc 1")
    (short,) = rows_of(event("command-sent", "lb1$ true", outcome="rc 0"), width=width)
    assert short == "03:14:07Z   lb1$ true  rc 0"


def test_what_a_host_prints_fills_no_screen() -> None:
    (row,) = rows_of(event("output", "db1| " + "x" * 400), width=78)
    assert width_of(row) == 78


def test_looks_that_are_repeated_are_counted_in_one_place() -> None:
    looks = [event("command-sent", COMMAND, outcome="rc 1")] * 3
    (row,) = rows_of(*looks, width=78)
    assert row.endswith("rc 1  3 times")
