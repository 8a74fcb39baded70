"""Gauges: one line each, in aligned columns."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from ppsconsole.clock import duration, hhmmss
from ppsconsole.cluster.judging import amount, calm_below
from ppsconsole.cluster.picture import History
from ppsconsole.cluster.snapshot import Gauge
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import cut, fitted, mark, padded, right, style_of, width_of

_VALUE_WIDTH = 7  # `unknown`
_VERDICT_WIDTH = 6  # glyph, blank, `down`
_LEAST_NAME, _MOST_NAME = 6, 20
_LEAST_TREND, _MOST_TREND = 4, 60
Widths = tuple[int, int, int]
"""Cells of name, trend and limit; those of what is not shown are 0."""

_BLANK = History()
_FLAT = 0.25
"""A trend shows at least this share of its own value as its whole height: noise must not look like a cliff."""

_QUIET = 0.1
"""It shows at least this share of the limit, too: a front that takes 3 or 12 ms of the second that it may take is quiet."""

_LEVEL = 0.25
"""What moved by no more than this share of the height is level, and drawn as short as a trend can be: however long it stays so,
nothing of it is drawn again, and what did move stands out."""


def draw_gauges(
    gauges: Sequence[Gauge],
    trends: Mapping[str, Sequence[float | None]] | History,
    width: int,
    glyphs: Glyphs,
    selected: str | None = None,
    kept: Callable[[Gauge, Widths], Line | None] | None = None,
    unseen: Collection[str] = (),
) -> tuple[Line, ...]:
    """Return one line for each gauge: name, value, trend, glyph and word, limit.

    Columns depend on names, limits and `width`, never on values. What does not fit goes in this order: trend, part of the name,
    limit. What is unknown says since when, at the end of its trend.

    Args:
        gauges: What to show, in this order.
        trends: Last values by the gauge's name, oldest first; None is unknown and stays blank. With its axis of time, all of it
            is shown, several values in a cell where there are more of them than cells.
        width: Cells in a row; no line is longer.
        glyphs: The characters to draw with.
        selected: Name of the gauge that is drawn in reverse video.
        kept: Returns the line that a gauge has already, so that it is not drawn again; None for a new one.
        unseen: Names of gauges that nobody looks at now: their trends are left blank, which is most of the work.
    """
    history = trends if isinstance(trends, History) else History({name: tuple(each) for name, each in trends.items()})
    longest = max((width_of(gauge.name) for gauge in gauges), default=0)
    has_promises = shows_promises(gauges, width)
    limit = max((width_of(_limit(gauge, has_promises)) for gauge in gauges), default=0)
    fixed = _VALUE_WIDTH + _VERDICT_WIDTH + 2
    limit = limit if limit and fixed + _LEAST_NAME + 1 + limit <= width else 0
    room = width - fixed - (limit + 1 if limit else 0)
    name = max(1, min(longest, _MOST_NAME, max(_LEAST_NAME, room)))
    trend = min(_MOST_TREND, room - name - 1)
    trend = trend if trend >= _LEAST_TREND and any(gauge.name in history.values for gauge in gauges) else 0
    widths = (name, trend, limit)
    if has_promises:
        gauges = [replace(gauge, limit=_limit(gauge, has_promises)) for gauge in gauges]
    return tuple(
        (kept(gauge, widths) if kept is not None else None)
        or _line(gauge, _BLANK if gauge.name in unseen else history, widths, width, glyphs, is_selected=gauge.name == selected)
        for gauge in gauges
    )


def promise_words(gauge: Gauge) -> str:
    """Return what was promised about it, e.g. `promised 30s`; empty where nothing was."""
    return "" if gauge.promised is None else f"promised {amount(gauge.promised, gauge.unit)}"


def shows_promises(gauges: Sequence[Gauge], width: int) -> bool:
    """Return whether there are promises, and room for them in the place of the limits."""
    said = max((width_of(promise_words(gauge)) for gauge in gauges), default=0)
    longest = max((width_of(gauge.name) for gauge in gauges), default=0)
    return 0 < said <= width - _VALUE_WIDTH - _VERDICT_WIDTH - 2 - min(longest, _MOST_NAME) - 1 - _LEAST_TREND - 1


def _limit(gauge: Gauge, has_promises: bool) -> str:
    return (promise_words(gauge) if has_promises else "") or gauge.limit


def span_said(history: History) -> str:
    """Return over how long a whole trend goes, e.g. `last 4m00s`; empty where that is not known."""
    return f"last {duration(history.kept * history.step_s)}".replace("m00s", " min") if history.step_s else ""


def _line(gauge: Gauge, history: History, widths: Widths, width: int, glyphs: Glyphs, *, is_selected: bool) -> Line:
    name, trend, limit = widths
    state = style_of(gauge.verdict)
    is_quiet = gauge.verdict in (Verdict.OK, Verdict.OFF)
    text = gauge.text if gauge.value is not None or gauge.verdict is not Verdict.UNKNOWN else "unknown"
    head = padded(gauge.name, name, glyphs)
    spans = [Span(head, "selected"), Span(" ")] if is_selected else [Span(head + " ")]
    if trend and gauge.value is None and width_of(text) > _VALUE_WIDTH:
        # A sentence in place of a number may take the room of its trend, which has none.
        spans.append(Span(right(text, _VALUE_WIDTH + 1 + trend, glyphs) + " ", "dim" if is_quiet else state))
    else:
        spans.append(Span(right(text, _VALUE_WIDTH, glyphs) + " ", "text" if is_quiet else state))
        if trend:
            spans += _trend(gauge, history, trend, glyphs)
    spans.append(Span(padded(f"{mark(gauge.verdict, glyphs)} {word_of(gauge)}", _VERDICT_WIDTH, glyphs), state))
    if limit:
        spans.append(Span(" " + cut(gauge.limit, limit, glyphs), "dim"))
    return fitted(tuple(spans), width, glyphs)


def word_of(gauge: Gauge) -> str:
    """Return the verdict's word: nothing where `unknown` stands in the column of the value already, `old` for what was."""
    if gauge.verdict is not Verdict.UNKNOWN:
        return str(gauge.verdict.value)
    return "old" if gauge.value is not None else ""


def _trend(gauge: Gauge, history: History, width: int, glyphs: Glyphs) -> list[Span]:
    since = "" if gauge.known_at is None or gauge.verdict is not Verdict.UNKNOWN else f"{hhmmss(gauge.known_at)}Z"
    said = f"since {since}" if since and width >= 15 else since
    if not said or width_of(said) + 1 > width:
        return [Span(_bars(gauge, history, width, width, glyphs) + " ", "dim")]
    room = width - len(said) - 1
    return [Span(_bars(gauge, history, width, room, glyphs) + " ", "dim"), Span(said + " ", "unknown")]


def _bars(gauge: Gauge, history: History, width: int, room: int, glyphs: Glyphs) -> str:
    """Return the first `room` cells of a trend that takes `width`; a level one stands at their end, from its first value on."""
    values = [_calmed(gauge, value) for value in history.values.get(gauge.name, ())]
    least = _least_span(gauge)
    known = [value for value in values if value is not None]
    if known and None not in values[values.index(known[0]) :]:
        low, high = min(known), max(known)
        if high - low <= _LEVEL * max(_FLAT * abs(high), least):
            return sparkline((low,) * min(room, _LEAST_TREND), room, glyphs, least)
    kept = history.kept if history.step_s else len(values)
    return sparkline(condensed(values, width, history.taken or len(values), kept), width, glyphs, least)[:room]


def _calmed(gauge: Gauge, value: float | None) -> float | None:
    """Return `value` as the trend takes it: a time by how much it is above what is only said to be far below the limit."""
    if value is None or gauge.unit != "s" or gauge.warn is None:
        return value
    return max(0.0, value - calm_below(gauge.warn))


def condensed(values: Sequence[float | None], width: int, taken: int, kept: int = 0) -> tuple[float | None, ...]:
    """Return `values` as at most `width` of them, each the highest of 1, 2, 4, 8 ... old ones; None where none is known.

    What is put together hangs on how many were taken before, not on how many there are: so a bar that is drawn keeps its height
    as it moves.

    Args:
        values: Oldest first.
        width: At most so many are returned.
        taken: How many there have been since the beginning.
        kept: For how many there has to be room, also while there are fewer: what is put together stays the same as they grow.
    """
    each = 1
    while width > 0 and each * width < max(kept, len(values)):
        each *= 2
    if each == 1:
        return tuple(values)
    found: list[float | None] = []
    first = taken - len(values)
    at = 0
    while at < len(values):
        end = min(len(values), at + each - (first + at) % each)
        known = [value for value in values[at:end] if value is not None]
        found.append(max(known) if known else None)
        at = end
    return tuple(found[-width:])


def _least_span(gauge: Gauge) -> float:
    """Return the difference of values below which a trend is level; none where less is worse, or where there is no limit."""
    if gauge.warn is None or gauge.down is None or gauge.warn >= gauge.down:
        return 0.0
    return _QUIET * gauge.warn


def sparkline(values: Sequence[float | None], width: int, glyphs: Glyphs, least_span: float = 0.0) -> str:
    """Return the last `width` of `values` as heights, newest at the right, in exactly `width` cells; None stays blank.

    Args:
        values: Oldest first.
        width: Cells.
        glyphs: The characters to draw with.
        least_span: What the whole height stands for at least, in the unit of the values.
    """
    last = list(values)[-width:] if width > 0 else []
    known = [value for value in last if value is not None]
    if not known:
        return " " * width
    low, high = min(known), max(known)
    span = max(high - low, _FLAT * abs(high), least_span)
    # A trend that hardly moves lies at the bottom when it is 0, and in the lower half otherwise.
    base = low if span == high - low or span == 0 else max(0.0, (low + high - span) / 2) if low >= 0 else low
    top = len(glyphs.sparks) - 1

    def height(value: float) -> str:
        return glyphs.sparks[0] if span == 0 else glyphs.sparks[max(0, min(top, int((value - base) / span * len(glyphs.sparks))))]

    return "".join(" " if value is None else height(value) for value in last).rjust(width)
