"""Numbers with their limits and their history."""

from itertools import zip_longest

from ppsconsole.cluster.snapshot import Gauge
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.gauges import draw_gauges
from ppsconsole.draw.text import Line, Span
from ppsconsole.draw.words import width_of
from ppsconsole.tui.widgets.panel import Panel

_TWO_COLUMNS = 76
_GUTTER = 2
_LOUD = {Verdict.DOWN: 0, Verdict.WARN: 1, Verdict.UNKNOWN: 2}


class GaugesPanel(Panel, inherit_bindings=False):
    """The gauges; in two columns where they have the whole width."""

    TITLE = "Gauges"

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return the gauges."""
        if self.scene is None or self.scene.picture is None:
            return ()
        snapshot, trends = self.scene.picture.snapshot, self.scene.picture.trends
        columns = 2 if width >= _TWO_COLUMNS else 1
        gauges = snapshot.gauges
        if len(gauges) > height * columns:
            gauges = _loudest_first(gauges)
        if columns == 1:
            return draw_gauges(gauges, trends, width, self.glyphs)
        half = (len(gauges) + 1) // 2
        room = (width - _GUTTER) // 2
        left, right = (draw_gauges(part, trends, room, self.glyphs) for part in (gauges[:half], gauges[half:]))
        return tuple(_beside(one, other, room + _GUTTER) for one, other in zip_longest(left, right, fillvalue=()))


def _loudest_first(gauges: tuple[Gauge, ...]) -> tuple[Gauge, ...]:
    """What is wrong must not be what is scrolled out of sight."""
    return tuple(sorted(gauges, key=lambda gauge: _LOUD.get(gauge.verdict, 3)))


def _beside(left: Line, right: Line, column: int) -> Line:
    used = sum(width_of(span.text) for span in left)
    return (*left, Span(" " * (column - used)), *right)
