"""The cluster as a drawing, with one node selected."""

from collections.abc import Mapping

from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.topology import draw_topology
from ppsconsole.tui.selection import Centres
from ppsconsole.tui.widgets.panel import Panel


class TopologyPanel(Panel, inherit_bindings=False):
    """Draws the topology; the arrow keys move among its nodes."""

    TITLE = "Topology"

    def __init__(self, glyphs: Glyphs, *, id: str) -> None:
        super().__init__(glyphs, id=id)
        self.centres: Centres = {}
        self.spots: Mapping[str, tuple[int, int, int]] = {}

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return the drawing."""
        if self.scene is None or self.scene.snapshot is None:
            return ((Span("Not looked yet.", "unknown"),),)
        drawing = draw_topology(self.scene.snapshot, width, height, self.glyphs, self.selected)
        self.spots = drawing.spots
        self.centres = {name: (col + width / 2, row) for name, (row, col, width) in drawing.spots.items()}
        return drawing.lines

    def redraw(self) -> None:
        """Draw again, with the selected node in sight."""
        super().redraw()
        if self.selected is not None and self.selected in self.centres:
            row = int(self.centres[self.selected][1])
            if not self.top <= row < self.top + self.size.height:
                self.go_to(row - self.size.height // 2)
