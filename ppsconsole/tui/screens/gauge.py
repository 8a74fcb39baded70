"""One gauge: where it stands, and its history as a chart."""

from collections.abc import Sequence

from ppsconsole.draw.chart import draw_gauge
from ppsconsole.draw.stale import as_stale
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.page import Page


class GaugeScreen(Page):
    """The history of one gauge, as large as the terminal allows.

    Attributes:
        gauge: Its name.
    """

    NAME = "gauge"

    def __init__(self, scene: Scene, glyphs: Glyphs, gauge: str) -> None:
        super().__init__(scene, glyphs)
        self.gauge = gauge

    def page_title(self) -> str:
        """Name the gauge."""
        return f"Gauge: {self.gauge}"

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return where it stands, and the charts."""
        picture = self.scene.picture
        if picture is None:
            return [(Span("Nothing was looked at yet.", "unknown"),)]
        is_old = self.scene.is_stale or bool(self.scene.trouble)
        gauges = (as_stale(picture.snapshot) if is_old else picture.snapshot).gauges
        found = next((each for each in gauges if each.name == self.gauge), None)
        if found is None:
            return [(Span(f"There is no gauge {self.gauge} any more: what it measures is not there.", "unknown"),)]
        height = max(8, self.view.size.height)
        return draw_gauge(found, (picture.recent, picture.long), picture.snapshot.at, width, height, self.glyphs)
