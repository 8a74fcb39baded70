"""One gauge large: what it measures, where it stands against its limit, and its history as a chart of rows and columns."""

import math
from collections.abc import Iterator, Sequence

from ppsconsole.clock import duration, hhmmss
from ppsconsole.cluster.judging import amount
from ppsconsole.cluster.picture import History
from ppsconsole.cluster.snapshot import Gauge
from ppsconsole.draw.gauges import condensed, promise_words, word_of
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import fitted, hanging, mark, right, style_of, width_of

_LEAST_ROWS, _MOST_ROWS = 4, 16
_LEAST_COLUMNS = 12


def draw_gauge(
    gauge: Gauge, histories: Sequence[History], now: float, width: int, height: int, glyphs: Glyphs
) -> tuple[Line, ...]:
    """Return a gauge's page: where it stands, then a chart for each history that has something of it.

    Args:
        gauge: What to show.
        histories: The short one first.
        now: The moment of the newest value, seconds since 1970 UTC.
        width: Cells in a row; no line is longer.
        height: Rows that the charts should fill together; they keep a least height.
        glyphs: The characters to draw with.
    """
    lines = [*_head(gauge, width, glyphs)]
    shown = [each for each in histories if any(value is not None for value in each.values.get(gauge.name, ()))]
    rows = max(_LEAST_ROWS, min(_MOST_ROWS, (height - len(lines)) // max(1, len(shown)) - 4))
    for history in shown:
        lines += [(), *_chart(gauge, history, now, width, rows, glyphs)]
    if not shown:
        lines += [(), (Span("Nothing was known of it since this console was opened.", "dim"),)]
    return tuple(fitted(line, width, glyphs) for line in lines)


def _head(gauge: Gauge, width: int, glyphs: Glyphs) -> Iterator[Line]:
    state = style_of(gauge.verdict)
    word = word_of(gauge) or gauge.verdict.value
    about = "" if gauge.subject == "cluster" or gauge.subject in gauge.name else f"  ({gauge.subject})"
    value = gauge.text if gauge.value is not None or gauge.verdict is not gauge.verdict.UNKNOWN else "unknown"
    yield (
        Span(gauge.name, "title"),
        Span(about, "dim"),
        Span(f"  {value}  "),
        Span(f"{mark(gauge.verdict, glyphs)} {word}", state),
    )
    yield from hanging((), limits_said(gauge), "dim", width, glyphs)
    if gauge.known_at is not None:
        yield (Span(f"last known at {hhmmss(gauge.known_at)}Z", "unknown"),)


def limits_said(gauge: Gauge) -> str:
    """Return from where on it warns, and from where on it is as bad as down."""
    if gauge.warn is None or gauge.down is None:
        return "no limit"
    side = "and less" if gauge.warn > gauge.down else "on"
    said = f"warns from {amount(gauge.warn, gauge.unit)} {side}"
    said = said if math.isinf(gauge.down) else f"{said}, as bad as down from {amount(gauge.down, gauge.unit)} {side}"
    return f"{said}; {promise_words(gauge)} at most" if gauge.promised is not None else said


def _chart(gauge: Gauge, history: History, now: float, width: int, rows: int, glyphs: Glyphs) -> Iterator[Line]:
    values = history.values.get(gauge.name, ())
    known = [value for value in values if value is not None]
    low, high = _scale(gauge, known)
    labels = {rows - 1: amount(low, gauge.unit), 0: amount(high, gauge.unit)}
    limit = _row_of(gauge.warn, low, high, rows)
    if limit is not None:
        labels.setdefault(limit, amount(gauge.warn or 0.0, gauge.unit))
    wide = max(width_of(label) for label in labels.values())
    columns = max(_LEAST_COLUMNS, width - wide - 3)
    shown = condensed(values, columns, history.taken or len(values))
    each = 1
    while each * columns < len(values):
        each *= 2
    step_s = history.step_s * each
    span_s = history.step_s * len(values)
    gaps = sum(value is None for value in values)
    said = f"from {amount(min(known), gauge.unit)} to {amount(max(known), gauge.unit)}"
    gap = f", unknown for {duration(gaps * history.step_s)}" if gaps else ""
    head = (Span(f"LAST {duration(span_s)}  ", "title"),)
    yield from hanging(head, f"{said}{gap}, a column is {duration(step_s)}", "dim", width, glyphs)
    heights = [None if value is None else (value - low) / (high - low) * rows for value in shown]
    for row in range(rows):
        floor = rows - 1 - row
        spans: list[Span] = [Span(right(labels.get(row, ""), wide, glyphs) + " " + glyphs.junctions[5], "dim")]
        cells = "".join(_cell(height, floor, glyphs, is_limit=row == limit) for height in heights)
        spans.append(Span(cells, "text"))
        rest = columns - len(shown)
        if row == limit:
            spans.append(
                Span(glyphs.idle_horizontal * (rest - 6) + " limit" if rest > 6 else glyphs.idle_horizontal * rest, "warn")
            )
        yield tuple(spans)
    yield (Span(" " * (wide + 1) + glyphs.junctions[3] + glyphs.junctions[10] * columns, "dim"),)
    start, end = f"{hhmmss(now - span_s)}Z", f"{hhmmss(now)}Z"
    between = len(shown) - len(start) - len(end)
    axis = start + " " * between + end if between > 0 else f"{start} to {end}"
    yield (Span(" " * (wide + 2) + axis, "dim"),)


def _scale(gauge: Gauge, known: Sequence[float]) -> tuple[float, float]:
    """Return bottom and top of a chart: 0 or less to what was highest; up to the limit where that is not far away."""
    low, high = min(0.0, *known), max(known)
    if gauge.warn is not None and not math.isinf(gauge.warn) and (gauge.warn <= high * 4 or gauge.unit == "%"):
        high = max(high, gauge.warn)
    return (low, high) if high > low else (low, low + (gauge.warn or 1.0))


def _row_of(value: float | None, low: float, high: float, rows: int) -> int | None:
    """Return the row, from the top, in which `value` lies; None when it is outside."""
    if value is None or not low <= value <= high:
        return None
    return rows - 1 - min(rows - 1, int((value - low) / (high - low) * rows))


def _cell(height: float | None, floor: int, glyphs: Glyphs, *, is_limit: bool) -> str:
    """Return what stands in one cell: a part of a bar, the line of the limit, or nothing."""
    empty = glyphs.idle_horizontal if is_limit else " "
    if height is None:
        return " "  # a gap is a gap, also on the line of the limit
    filled = height - floor
    if filled >= 1:
        return glyphs.sparks[-1]
    if filled <= 0:
        # What is 0 is not the same as what is not known: it has a foot.
        return glyphs.sparks[0] if floor == 0 else empty
    return glyphs.sparks[min(len(glyphs.sparks) - 1, int(filled * len(glyphs.sparks)))]
