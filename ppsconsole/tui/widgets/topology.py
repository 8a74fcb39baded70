"""The cluster as a drawing, with one node selected."""

from collections.abc import Mapping

from textual.geometry import Size

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.draw.legend import draw_legend
from ppsconsole.draw.place import place
from ppsconsole.draw.relation import primaries_of
from ppsconsole.draw.stale import as_stale
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.topology import draw_topology
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.selection import Centres
from ppsconsole.tui.widgets.panel import Panel

_PLENTY = 200  # rows: more than any terminal has


class TopologyPanel(Panel, inherit_bindings=False):
    """Draws the topology; the arrow keys move among its nodes.

    Attributes:
        spots: Row, first column and width of each node, in cells of the whole drawing.
        centres: Column and row of the middle of each node, for the arrow keys.
    """

    TITLE = "Topology"

    def __init__(self, glyphs: Glyphs, *, id: str) -> None:
        super().__init__(glyphs, id=id)
        self.centres: Centres = {}
        self.spots: Mapping[str, tuple[int, int, int]] = {}
        self._note = ""
        self._revealed: tuple[str | None, Size] = (None, Size(0, 0))

    def title(self) -> str:
        """Return what stands in the frame: two primaries and an old picture are told there, whatever is scrolled out of sight."""
        scene = self.scene
        if scene is None or scene.snapshot is None:
            return self.TITLE
        parts = [self.TITLE]
        if len(primaries_of(scene.snapshot)) > 1:
            parts.append(f"{self.glyphs.down} SPLIT BRAIN")
        if _is_old(scene):
            parts.append(f"{self.glyphs.unknown} AS OF {hhmmss(scene.snapshot.at)}Z")
        if self._note and len(parts) == 1:
            parts.append(self._note)
        return "  ".join(parts)

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return the drawing; rows that it leaves free say what its lines mean."""
        if self.scene is None or self.scene.snapshot is None:
            return ((Span("Not looked yet.", "unknown"),),)
        seen = self.scene.snapshot
        shown = as_stale(seen) if _is_old(self.scene) else seen
        drawing = draw_topology(shown, width, height, self.glyphs, self.selected)
        self.spots = drawing.spots
        if drawing.note != self._note:
            self._note = drawing.note
            self.retitle()
        self.centres = {name: (col + wide / 2, row) for name, (row, col, wide) in drawing.spots.items()}
        below = (*self._alarm(seen), *draw_legend(width, self.glyphs))
        spare = height - len(drawing.lines) - 1
        for lines in (below, below[:1] if len(primaries_of(seen)) > 1 else ()):
            if lines and len(lines) <= spare:
                return (*drawing.lines, *(((),) * (spare - len(lines) + 1)), *lines)
        return drawing.lines

    def _alarm(self, snapshot: Snapshot) -> tuple[Line, ...]:
        writers = primaries_of(snapshot)
        if len(writers) < 2:
            return ()
        words = f"{self.glyphs.down} SPLIT BRAIN: {' and '.join(writers)} are both primaries"
        return ((Span(words, "down"),),)

    def redraw(self) -> None:
        """Draw again; where another node is selected, or the size is another, with that node in sight.

        Not with every picture: whoever scrolled away wants to look there.
        """
        super().redraw()
        if self.selected is not None and self.selected in self.spots and self._revealed != (self.selected, self.size):
            self._revealed = (self.selected, self.size)
            row = self.spots[self.selected][0]
            if not self.top <= row < self.top + self.size.height:
                self.go_to(row - self.size.height // 2)


def _is_old(scene: Scene) -> bool:
    """Return whether nothing newer came when it should have."""
    return scene.is_stale or bool(scene.trouble)


def rows_wanted(snapshot: Snapshot, width: int, glyphs: Glyphs) -> int:
    """Return how many rows the pane can use in `width` cells, both with its frame: lines of detail, the legend, an alarm."""
    room = max(1, width - 2)
    placed = place(snapshot.nodes, room, _PLENTY)
    rows = placed.height if placed is not None else len(draw_topology(snapshot, room, _PLENTY, glyphs).lines)
    return rows + len(draw_legend(room, glyphs)) + 4
