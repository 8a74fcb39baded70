"""How values are said, how wide they are, and what lines do when they meet."""

import pytest

from ppsconsole.clock import duration
from ppsconsole.cluster.database import Receiver, Slot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.canvas import Canvas
from ppsconsole.draw.gauges import sparkline
from ppsconsole.draw.status import draw_status
from ppsconsole.draw.text import ASCII, UNICODE, Span, line_text
from ppsconsole.draw.topology import draw_topology
from ppsconsole.draw.values import lag_said, value_said
from ppsconsole.draw.words import LONG_WORD, age_said, cut, hanging, mark, padded, width_of, wrapped
from tests.unit import snapshots
from tests.unit.snapshots import AT


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0s"), (0.0004, "0.4ms"), (0.018, "18ms"), (0.0996, "0.1s"), (0.8, "0.8s"), (220, "3m40s"), (-0.02, "-20ms")],
)
def test_seconds(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_age_of_what_was_never_seen() -> None:
    assert age_said(None, AT) == "never"
    assert age_said(0.0, AT) == "never"
    assert age_said(AT - 41, AT) == "41s ago"
    assert age_said(AT + 3, AT) == "0s ago"


@pytest.mark.parametrize(("text", "width"), [("db1", 3), ("中文", 4), ("e\u0301", 1), ("🙂", 2), ("\u200bx", 1), ("Å", 1)])
def test_width_in_cells(text: str, width: int) -> None:
    assert width_of(text) == width


@pytest.mark.parametrize(
    ("text", "width", "left"),
    [
        ("standby", 7, "standby"),
        ("standby", 4, "sta…"),
        ("中文字", 4, "中…"),
        ("中文字", 5, "中文…"),
        ("x", 0, ""),
        ("ab", 1, "…"),
    ],
)
def test_cut_counts_cells(text: str, width: int, left: str) -> None:
    assert cut(text, width, UNICODE) == left
    assert width_of(padded(text, width, UNICODE)) == width


def test_wrapped_breaks_at_blanks_and_cuts_what_has_none() -> None:
    assert wrapped("no instance accepts writes", 11, UNICODE) == ("no instance", "accepts", "writes")
    assert wrapped("", 5, UNICODE) == ("",)
    assert wrapped("7571036281940112345", 8, ASCII) == ("7571036~",)


def test_every_verdict_has_a_mark_of_its_own() -> None:
    for glyphs in (UNICODE, ASCII):
        assert len({mark(verdict, glyphs) for verdict in Verdict}) == len(Verdict)
        assert all(width_of(mark(verdict, glyphs)) == 1 for verdict in Verdict)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("version", 180001, ("18.1",)),
        ("disk_free_bytes", 48_318_382_080, ("45GB",)),
        ("host.disk_percent", 61.0, ("61%",)),
        ("certificate_days", 1.0, ("1 day",)),
        ("http_latency_s", 0.018, ("18ms",)),
        ("in_recovery", False, ("no",)),
        ("started_at", AT - 60, ("2026-11-23T03:13:07Z, 1m00s ago",)),
        ("slots", (), ("none",)),
        (
            "slots",
            (Slot("s1", "physical", False, "extended", 16_777_216),),
            ("s1: physical, not active, keeps 16MB, WAL extended",),
        ),
        ("receiver", Receiver("none"), ("no receiver runs",)),
        ("settings", ("hot_standby=on", "wal_level=replica"), ("hot_standby=on", "wal_level=replica")),
        ("timeline", None, ("unknown",)),
    ],
)
def test_values(name: str, value: object, said: tuple[str, ...]) -> None:
    assert value_said(name, value, AT) == said


def test_lag_never_says_zero_for_unknown() -> None:
    assert lag_said(0, 0.0) == "0B 0s"
    assert lag_said(None, None) == "lag unknown"
    assert lag_said(16_777_216, None) == "16MB, time unknown"
    assert lag_said(None, 41.0) == "bytes unknown, 41s"


def test_trends_show_shape_and_leave_the_unknown_blank() -> None:
    assert sparkline((0.0, 7.0, None, 3.5), 6, UNICODE) == "  ▁█ ▅"
    assert sparkline((0.0, 0.0), 2, UNICODE) == "▁▁"
    assert sparkline((), 3, UNICODE) == "   "
    # One percent up and down is not a cliff.
    assert set(sparkline((60.0, 60.6, 60.0), 3, UNICODE)) <= set("▄▅")
    assert sparkline((9.0, 1.0, 2.0), 2, ASCII) == "_@"


def drawn(canvas: Canvas, height: int) -> list[str]:
    return [line_text(line) for line in canvas.lines(height)]


def test_lines_of_one_net_merge() -> None:
    canvas = Canvas(9, UNICODE)
    for target in (1, 4, 7):
        canvas.path(0, [(-1, 4), (1, 4), (1, target), (3, target)], "edge", is_solid=True)
    assert drawn(canvas, 3) == ["    │", " ┌──┼──┐", " │  │  │"]


def test_lines_of_two_nets_cross_without_meeting() -> None:
    canvas = Canvas(9, UNICODE)
    canvas.path(0, [(-1, 4), (3, 4)], "edge", is_solid=True)
    canvas.path(1, [(-1, 1), (1, 1), (1, 7), (3, 7)], "edge", is_solid=True)
    assert drawn(canvas, 3) == [" │  │", " └──│──┐", "    │  │"]


def test_a_solid_line_wins_over_an_idle_one_that_it_shares_cells_with() -> None:
    canvas = Canvas(9, UNICODE)
    canvas.path(0, [(-1, 1), (1, 1), (1, 7), (3, 7)], "edge-idle", is_solid=False)
    canvas.path(0, [(-1, 1), (1, 1), (1, 4), (3, 4)], "edge", is_solid=True)
    assert drawn(canvas, 3) == [" │", " └──┬┄┄┐", "    │  ┆"]
    assert canvas.lines(2)[1] == (Span(" "), Span("└──┬", "edge"), Span("┄┄┐", "edge-idle"))


def test_text_keeps_combining_marks_with_their_letter() -> None:
    canvas = Canvas(6, UNICODE)
    canvas.put(0, 0, "e\u0301中x")
    assert drawn(canvas, 1) == ["e\u0301中x"]


def test_what_is_down_is_loud_as_a_whole_and_selection_is_seen_without_colour() -> None:
    plain = draw_topology(snapshots.primary_down(), 80, None, UNICODE)
    row, col, wide = plain.spots["db1"]
    box = [span for span in plain.lines[row] if "db1" in span.text]
    assert [span.style for span in box] == ["down"]
    assert width_of(box[0].text) == wide
    chosen = draw_topology(snapshots.primary_down(), 80, None, UNICODE, selected="db1")
    assert chosen.spots == plain.spots
    selected = [span for span in chosen.lines[row] if span.style == "selected"]
    assert [span.text[:6] for span in selected] == ["[✗»db1"]
    assert width_of(selected[0].text) == wide
    assert line_text(chosen.lines[row])[col + 2] == "»"


def test_the_table_can_be_grepped() -> None:
    lines = [line_text(line) for line in draw_status(snapshots.fine(), (), 80, UNICODE)]
    assert "db1        database   site a  primary   ok       PRIMARY" in lines
    assert "db1 -> db2 replication streaming 0B 0.2s ok" in lines
    assert not [line for line in lines if " down " in f"{line} " and "->" in line and "set down" not in line]


@pytest.mark.parametrize("width", [28, 40, 60])
def test_a_path_that_is_longer_than_a_line_can_still_be_read_and_typed(width: int) -> None:
    path = "/var/lib/postgresql/main/data.before-4711abcd/" + "x" * 40
    lines = [line_text(line) for line in hanging((Span("  next  "),), f"ls {path} again", "text", width, UNICODE)]
    assert "".join("".join(lines).split()) == f"nextls{path}again"
    assert all(width_of(line) <= width for line in lines)


def test_a_word_without_an_end_fills_no_screen() -> None:
    lines = [line_text(line) for line in hanging((), "before " + "界" * 5000 + " after", "text", 40, UNICODE)]
    assert len(lines) == 2 + LONG_WORD
    assert lines[-2].endswith(UNICODE.ellipsis)
    assert all(width_of(line) <= 40 for line in lines)
