"""Gauges: one line each, in aligned columns."""

from collections.abc import Mapping, Sequence

from ppsconsole.cluster.snapshot import Gauge
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import cut, fitted, mark, padded, right, style_of, width_of

_VALUE_WIDTH = 7  # `unknown`
_VERDICT_WIDTH = 6  # glyph, blank, `down`
_LEAST_NAME, _MOST_NAME = 6, 20
_LEAST_TREND, _MOST_TREND = 4, 30
_FLAT = 0.25
"""A trend shows at least this share of its own value as its whole height: noise must not look like a cliff."""


def draw_gauges(
    gauges: Sequence[Gauge], trends: Mapping[str, Sequence[float | None]], width: int, glyphs: Glyphs
) -> tuple[Line, ...]:
    """Return one line for each gauge: name, value, trend, glyph and word, limit.

    Columns depend on names, limits and `width`, never on values. What does not fit goes in this order: trend, part of the name,
    limit.

    Args:
        gauges: What to show, in this order.
        trends: Last values by the gauge's name, oldest first; None is unknown and stays blank.
        width: Cells in a row; no line is longer.
        glyphs: The characters to draw with.
    """
    longest = max((width_of(gauge.name) for gauge in gauges), default=0)
    limit = max((width_of(gauge.limit) for gauge in gauges), default=0)
    fixed = _VALUE_WIDTH + _VERDICT_WIDTH + 2
    limit = limit if limit and fixed + _LEAST_NAME + 1 + limit <= width else 0
    room = width - fixed - (limit + 1 if limit else 0)
    name = max(1, min(longest, _MOST_NAME, max(_LEAST_NAME, room)))
    trend = min(_MOST_TREND, room - name - 1)
    trend = trend if trend >= _LEAST_TREND and any(gauge.name in trends for gauge in gauges) else 0
    return tuple(_line(gauge, trends.get(gauge.name, ()), (name, trend, limit), width, glyphs) for gauge in gauges)


def _line(gauge: Gauge, values: Sequence[float | None], widths: tuple[int, int, int], width: int, glyphs: Glyphs) -> Line:
    name, trend, limit = widths
    state = style_of(gauge.verdict)
    is_quiet = gauge.verdict in (Verdict.OK, Verdict.OFF)
    text = gauge.text if gauge.value is not None or gauge.verdict is not Verdict.UNKNOWN else "unknown"
    # `unknown` stands in the column of the value already.
    word = "" if gauge.verdict is Verdict.UNKNOWN else gauge.verdict.value
    spans = [
        Span(padded(gauge.name, name, glyphs) + " "),
        Span(right(text, _VALUE_WIDTH, glyphs) + " ", "text" if is_quiet else state),
    ]
    if trend:
        spans.append(Span(sparkline(values, trend, glyphs) + " ", "dim"))
    spans.append(Span(padded(f"{mark(gauge.verdict, glyphs)} {word}", _VERDICT_WIDTH, glyphs), state))
    if limit:
        spans.append(Span(" " + cut(gauge.limit, limit, glyphs), "dim"))
    return fitted(tuple(spans), width, glyphs)


def sparkline(values: Sequence[float | None], width: int, glyphs: Glyphs) -> str:
    """Return the last `width` of `values` as heights, newest at the right, in exactly `width` cells; None stays blank."""
    last = list(values)[-width:] if width > 0 else []
    known = [value for value in last if value is not None]
    if not known:
        return " " * width
    low, high = min(known), max(known)
    span = max(high - low, _FLAT * abs(high))
    # A trend that hardly moves lies at the bottom when it is 0, and in the lower half otherwise.
    base = low if span == high - low or span == 0 else max(0.0, (low + high - span) / 2) if low >= 0 else low
    top = len(glyphs.sparks) - 1

    def height(value: float) -> str:
        return glyphs.sparks[0] if span == 0 else glyphs.sparks[max(0, min(top, int((value - base) / span * len(glyphs.sparks))))]

    return "".join(" " if value is None else height(value) for value in last).rjust(width)
