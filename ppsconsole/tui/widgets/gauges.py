"""Numbers with their limits and their history."""

from collections.abc import Mapping
from itertools import zip_longest

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.picture import History
from ppsconsole.cluster.snapshot import Gauge
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.gauges import Widths, draw_gauges, promise_words, shows_promises, span_said
from ppsconsole.draw.stale import as_stale
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import width_of
from ppsconsole.tui.widgets.panel import Panel

Trends = History | Mapping[str, tuple[float | None, ...]]

_TWO_COLUMNS = 76
"""Cells from which two gauges stand side by side, where they do not all fit below each other: then they have longer trends."""
_GUTTER = 2
_LOUD = {Verdict.DOWN: 0, Verdict.WARN: 1, Verdict.UNKNOWN: 2}


class GaugesPanel(Panel, inherit_bindings=False):
    """The gauges; in two columns where they have the whole width. While it has the keys, one of them is selected.

    Attributes:
        gauge: Name of the selected gauge; None before one was.
    """

    TITLE = "Gauges"
    gauge: str | None = None
    _shown: tuple[Gauge, ...] = ()

    def __init__(self, glyphs: Glyphs, *, id: str) -> None:
        super().__init__(glyphs, id=id)
        self._drawn_lines: dict[str, tuple[Gauge, Widths, Line]] = {}

    def title(self) -> str:
        """Return what stands in the frame: over how long the trends go, and since when nothing newer came."""
        scene = self.scene
        if scene is None or scene.picture is None:
            return self.TITLE
        if self.is_old:
            return f"{self.TITLE}  {self.glyphs.unknown} AS OF {hhmmss(scene.picture.snapshot.at)}Z"
        span = span_said(scene.picture.recent)
        gauges = scene.picture.snapshot.gauges
        # Where the column of limits has no room for them.
        promises = [] if shows_promises(gauges, self._room()) else [each for each in gauges if each.promised is not None]
        said = [f"{each.name} {promise_words(each)}" for each in promises]
        return ", ".join(part for part in (self.TITLE, span, *said) if part)

    def _room(self) -> int:
        """Return the cells in a column of gauges."""
        width, height = self.size
        return width if self._columns(width, height) == 1 else (width - _GUTTER) // 2

    def _columns(self, width: int, height: int) -> int:
        picture = None if self.scene is None else self.scene.picture
        count = 0 if picture is None else len(picture.snapshot.gauges)
        return 2 if width >= _TWO_COLUMNS and count > height else 1

    def move(self, step: int) -> None:
        """Select the gauge so many further on, or before, and keep it in sight."""
        names = [each.name for each in self._shown]
        if names:
            at = names.index(self.gauge) + step if self.gauge in names else 0
            self.select(names[max(0, min(len(names) - 1, at))])

    def leap(self, which: int) -> None:
        """Select the first gauge when `which` is 0, else the last."""
        if self._shown:
            self.select(self._shown[-1 if which else 0].name)

    def select(self, name: str) -> None:
        """Select a gauge."""
        self.gauge = name
        names = [each.name for each in self._shown]
        if name in names:
            self.reveal(names.index(name) % max(1, len(self.lines)))
        self.redraw()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show which gauge is selected, or show none."""
        super().watch_has_focus(has_focus)
        self.redraw()

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return the gauges."""
        if self.scene is None or self.scene.picture is None:
            return ()
        picture = self.scene.picture
        history = picture.recent if picture.recent.values else picture.trends
        columns = self._columns(width, height)
        gauges = (as_stale(picture.snapshot) if self.is_old else picture.snapshot).gauges
        if len(gauges) > height * columns:
            gauges = _loudest_first(gauges)
        self._shown = gauges
        if self.has_focus and self.gauge not in {each.name for each in gauges}:
            self.gauge = gauges[0].name if gauges else None
        if columns == 1:
            return self._drawn(gauges, history, width, height)
        half, room = (len(gauges) + 1) // 2, self._room()
        left, right = (self._drawn(part, history, room, height) for part in (gauges[:half], gauges[half:]))
        return tuple(_beside(one, other, room + _GUTTER) for one, other in zip_longest(left, right, fillvalue=()))

    def _drawn(self, gauges: tuple[Gauge, ...], history: Trends, width: int, height: int) -> tuple[Line, ...]:
        """Draw what is in sight; the trend of a gauge that is scrolled out of sight is left as it is until it is looked at."""
        selected = self.gauge if self.has_focus else None
        hidden = {gauge.name for row, gauge in enumerate(gauges) if not self.top <= row < self.top + height} - {selected}
        drawn: dict[str, tuple[Gauge, Widths, Line]] = {}
        measured: list[Widths] = []

        def kept(gauge: Gauge, widths: Widths) -> Line | None:
            measured.append(widths)
            before = self._drawn_lines.get(gauge.name)
            return before[2] if before is not None and gauge.name in hidden and before[:2] == (gauge, widths) else None

        lines = draw_gauges(gauges, history, width, self.glyphs, selected, kept, hidden)
        for gauge, widths, line in zip(gauges, measured, lines, strict=True):
            drawn[gauge.name] = gauge, widths, line
        self._drawn_lines = {**self._drawn_lines, **drawn} if len(self._drawn_lines) < 2 * len(self._shown) else drawn
        self._drawn_lines.pop(selected or "", None)
        return lines


def _loudest_first(gauges: tuple[Gauge, ...]) -> tuple[Gauge, ...]:
    """What is wrong must not be what is scrolled out of sight."""
    return tuple(sorted(gauges, key=lambda gauge: _LOUD.get(gauge.verdict, 3)))


def _beside(left: Line, right: Line, column: int) -> Line:
    used = sum(width_of(span.text) for span in left)
    return (*left, Span(" " * (column - used)), *right)
