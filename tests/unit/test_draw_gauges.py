"""Gauges in every state at 60, 80 and 140 columns, and one gauge large; compared with the frames beside this file.

After a wanted change, look at the drawings and store them with `UPDATE_FRAMES=1 pytest tests/unit/test_draw_gauges.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from ppsconsole.cluster.picture import History
from ppsconsole.cluster.snapshot import Gauge, Snapshot
from ppsconsole.draw.chart import draw_gauge
from ppsconsole.draw.gauges import condensed, draw_gauges, shows_promises, span_said, sparkline
from ppsconsole.draw.stale import as_stale
from ppsconsole.draw.text import ASCII, UNICODE, Line, Span, line_text
from ppsconsole.draw.words import width_of
from ppsconsole.probes.trends import COARSE, KEPT, Trends
from tests.unit.framing import assert_frame
from tests.unit.snapshots import AT, DOWN, OFF, OK, UNKNOWN, WARN, fine

GAUGES = (
    Gauge("lag db2", "db2", 0.2, "0.2s", OK, "<5s", 5, 60, "s"),
    Gauge("loss now", "cluster", 2.2, "<=2.2s", OK, "<5s", 5, 60, "s"),
    Gauge("front lb1", "lb1", 0.029, "29ms", OK, "<1s", 1, 5, "s"),
    Gauge("login", "cluster", 0.3, "0.3s", OK, "<2s", 2, 10, "s"),
    Gauge("logins in", "cluster", 100.0, "100%", OK, ">90%", 90, 50, "%"),
    Gauge("sessions db1", "db1", 4.0, "4%", OK, "<80%", 80, 95, "%"),
    Gauge("disk db1", "db1", 61.0, "61%", OK, "<85%", 85, 95, "%"),
    Gauge("backup nightly", "cluster", 7200.0, "2h", OK, "<26h", 93600, math.inf, "age"),
    Gauge("cert lb1", "lb1", 41.2, "41d", OK, ">21d", 21, 3, "days"),
    Gauge("licence", "cluster", 2, "2 of 2", OK, "<=2", 3, math.inf, ""),
    Gauge("clock skew", "db2", 0.02, "20ms", OK, "<1s", 1, 30, "s"),
)
WAVE = tuple(0.2 + 0.1 * math.sin(number / 7) for number in range(KEPT))


def changed(**values: Mapping[str, object]) -> tuple[Gauge, ...]:
    named = {name.replace("_", " "): fields for name, fields in values.items()}
    return tuple(replace(each, **named.get(each.name, {})) for each in GAUGES)  # type: ignore[arg-type]


def unknown() -> tuple[Gauge, ...]:
    return tuple(replace(each, value=None, text="unknown", verdict=UNKNOWN, known_at=AT - 47) for each in GAUGES)


STATES: Mapping[str, tuple[Gauge, ...]] = {
    "fine": GAUGES,
    "degraded": changed(
        lag_db2={"value": 41.0, "text": "41s", "verdict": WARN},
        login={"value": None, "text": "refused", "verdict": WARN},
        logins_in={"value": 75.0, "text": "75%", "verdict": WARN},
        backup_nightly={"value": 300000.0, "text": "3d", "verdict": WARN},
        licence={"value": 3, "text": "3 of 2", "verdict": WARN},
    ),
    "down": changed(
        lag_db2={"value": None, "text": "unknown", "verdict": UNKNOWN, "known_at": AT - 3700},
        loss_now={"value": 90.0, "text": "<=1m30s", "verdict": DOWN},
        front_lb1={"value": 6.0, "text": "6s", "verdict": DOWN},
        login={"value": None, "text": "failed", "verdict": DOWN},
        backup_nightly={"value": None, "text": "missing", "verdict": WARN},
    ),
    "off": changed(login={"value": None, "text": "not checked", "verdict": OFF, "limit": ""}),
    "stale": as_stale(replace(fine(), gauges=GAUGES)).gauges,
    "unknown": unknown(),
}


def history(gauges: tuple[Gauge, ...], taken: int = KEPT) -> History:
    """Return waves; what is not known now has not been for ten samples."""
    values = {each.name: (*WAVE[:-10], *((None,) * 10 if each.value is None else WAVE[-10:])) for each in gauges}
    return History(values, 2.0, taken)


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("kind", ["unicode", "ascii"])
def test_gauges_in_every_state(width: int, kind: str) -> None:
    glyphs = ASCII if kind == "ascii" else UNICODE
    lines: list[Line] = []
    for state, gauges in STATES.items():
        drawn = draw_gauges(gauges, history(gauges), width, glyphs, selected="login" if state == "fine" else None)
        assert all(sum(width_of(span.text) for span in line) <= width for line in drawn)
        lines += [(Span(f"--- {state}"),), *drawn, ()]
    assert_frame(f"gauges-{kind}-{width}", lines)


@pytest.mark.parametrize(("width", "height"), [(38, 9), (60, 20), (80, 20), (140, 40)])
@pytest.mark.parametrize("kind", ["unicode", "ascii"])
def test_one_gauge_large_in_every_state(width: int, height: int, kind: str) -> None:
    glyphs = ASCII if kind == "ascii" else UNICODE
    lines: list[Line] = []
    for state in ("fine", "degraded", "stale", "unknown"):
        gauge = STATES[state][0]
        long = History({gauge.name: tuple(None if 20 < n < 30 else n / 2 for n in range(60))}, 30.0, 60)
        drawn = draw_gauge(gauge, (history(STATES[state]), long), AT, width, height, glyphs)
        assert all(sum(width_of(span.text) for span in line) <= width for line in drawn)
        assert kind == "unicode" or all(span.text.isascii() for line in drawn for span in line)
        lines += [(Span(f"--- {state}"),), *drawn, ()]
    assert_frame(f"gauge-{kind}-{width}x{height}", lines)


def test_every_state_has_a_glyph_and_a_word_of_its_own() -> None:
    said = {state: line_text(draw_gauges(gauges[:1], {}, 80, UNICODE)[0]) for state, gauges in STATES.items()}
    assert "● ok" in said["fine"]
    assert "▲ warn" in said["degraded"]
    assert "? old" in said["stale"]
    assert "unknown ?" in said["unknown"]
    assert "since 03:13:20Z" in line_text(draw_gauges(unknown()[:1], history(unknown()), 80, UNICODE)[0])


def test_a_bar_keeps_its_height_while_it_moves() -> None:
    values = tuple(float(number * 37 % 101) for number in range(400))
    before = ()
    for taken in range(200, 400):
        shown = condensed(values[taken - KEPT : taken], 30, taken)
        assert len(shown) <= 30
        if before:
            # All but the newest and the oldest, which are not whole, stay as they are or move by one cell.
            assert shown[1:-1] in (before[1:-1], before[2:]) or shown[2:-1] == before[2:-1]
        before = shown


def test_what_moves_far_below_its_limit_is_level() -> None:
    front = next(gauge for gauge in GAUGES if gauge.name == "front lb1")
    trend = {"front lb1": (0.003, 0.012, 0.004, 0.009)}
    calm = line_text(draw_gauges([front], trend, 60, UNICODE)[0])
    assert "▁▁▁▁" in calm
    loud = line_text(draw_gauges([front], {"front lb1": (0.003, 0.9, 0.004, 0.009)}, 60, UNICODE)[0])
    assert "▁█▁▁" in loud


def test_a_level_trend_is_the_same_however_long_it_stays_level() -> None:
    for gauge in GAUGES:
        if gauge.value is None:
            continue
        values = tuple(gauge.value * (1.0 + 0.02 * (number % 3)) for number in range(KEPT))
        shown = {
            line_text(draw_gauges([gauge], History({gauge.name: values[:taken]}, 2.0, taken, KEPT), 140, UNICODE)[0])
            for taken in range(1, KEPT + 1)
        }
        assert len(shown) == 1
        moved = History({gauge.name: (*values[1:], gauge.value * 9)}, 2.0, KEPT + 1, KEPT)
        assert line_text(draw_gauges([gauge], moved, 140, UNICODE)[0]) not in shown


def test_what_is_put_together_does_not_hang_on_how_much_there_is() -> None:
    values = tuple(float(number * 37 % 101) for number in range(KEPT))
    for taken in range(1, KEPT):
        before, after = (condensed(values[:count], 15, count, KEPT) for count in (taken, taken + 1))
        assert before[:-1] == after[: len(before) - 1]


def test_a_gap_stays_a_gap() -> None:
    assert condensed((1.0, None, None, None, 3.0, 2.0), 3, 6) == (1.0, None, 3.0)
    assert sparkline((None, None), 4, UNICODE) == "    "


def test_the_span_of_a_trend_is_said() -> None:
    assert span_said(History({}, 2.0, 5)) == "last 4 min"
    assert span_said(History()) == ""


def test_a_gauge_without_history_says_so() -> None:
    text = " ".join(line_text(line) for line in draw_gauge(GAUGES[0], (), AT, 60, 20, UNICODE))
    assert "Nothing was known of it" in text
    assert "warns from 5s on, as bad as down from 60s on" in text.replace("1m00s", "60s")


def sampled(trends: Trends, gauges: tuple[Gauge, ...], count: int) -> None:
    for _ in range(count):
        trends.add(gauges)


def test_history_is_bounded_and_long_history_keeps_the_worst() -> None:
    trends = Trends(2.0)
    sampled(trends, GAUGES, COARSE - 1)
    trends.add(changed(lag_db2={"value": 9.0}, logins_in={"value": 50.0}))
    assert trends.long().values["lag db2"] == (9.0,)
    assert trends.long().values["logins in"] == (50.0,), "of logins fewer is worse"
    sampled(trends, GAUGES, COARSE * (KEPT + 5))
    for kept in (trends.recent(), trends.long()):
        assert {len(values) for values in kept.values.values()} == {KEPT}
    assert trends.recent().taken == COARSE * (KEPT + 6)
    assert trends.long().step_s == 2.0 * COARSE


def test_a_gauge_that_comes_and_goes_has_gaps_and_stays_on_the_axis() -> None:
    trends = Trends(1.0)
    trends.add(GAUGES)
    trends.add(GAUGES[1:])
    trends.add(GAUGES)
    assert trends.recent().values["lag db2"] == (0.2, None, 0.2)


def test_what_is_old_says_so_in_the_snapshot_that_is_drawn() -> None:
    shown: Snapshot = as_stale(replace(fine(), gauges=(*GAUGES, *unknown()[:1], *STATES["off"][3:4])))
    assert [each.verdict for each in shown.gauges[:2]] == [UNKNOWN, UNKNOWN]
    assert shown.gauges[0].text == "0.2s"
    assert (shown.gauges[0].known_at, shown.gauges[-2].known_at) == (shown.at, AT - 47)
    assert shown.gauges[-1].verdict is OFF


@pytest.mark.parametrize("width", [38, 50, 80])
def test_a_promise_stands_in_the_place_of_the_limit_where_there_is_room(width: int) -> None:
    gauges = changed(loss_now={"promised": 30.0})
    lines = draw_gauges(gauges, history(gauges), width, UNICODE)
    assert shows_promises(gauges, width) == (width >= 50)
    assert line_text(lines[1]).endswith("ok   promised 30s" if width >= 50 else " <5s")
    assert "promised 30s at most" in line_text(draw_gauge(gauges[1], (history(gauges),), AT, 80, 20, UNICODE)[1])
    assert not shows_promises(GAUGES, width)
