"""The cluster as a drawing: rows are tiers, columns are sites, lines say what carries traffic."""

from collections.abc import Mapping

from ppsconsole.cluster.snapshot import Edge, Node, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.canvas import Canvas
from ppsconsole.draw.detail import details_of
from ppsconsole.draw.grid import Grid, draw_bands, place_grid
from ppsconsole.draw.place import TIERS, Places, place
from ppsconsole.draw.relation import primaries_of
from ppsconsole.draw.replication import draw_replication, two_way
from ppsconsole.draw.route import edge_style, route, word_style
from ppsconsole.draw.seats import Box
from ppsconsole.draw.text import Glyphs, Line, Style
from ppsconsole.draw.tree import draw_tree
from ppsconsole.draw.words import cut, mark, padded, shortened, style_of, width_of
from ppsconsole.values import dataclass

_MOST_WORDS = 14  # cells beside a small box: `not probed yet`
_LEAST_WORDS = 6  # fewer of them say nothing


WITHOUT_LINES = "too many nodes for lines: links in words"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawn cluster.

    Attributes:
        lines: All rows, also those beyond the height that was asked for: the caller scrolls.
        spots: Row, first column and width of each node, all in cells from 0: for the mouse and for jumping.
        note: Why it is without lines between nodes, where it is so although the terminal is no narrow one; else empty.
    """

    lines: tuple[Line, ...]
    spots: Mapping[str, tuple[int, int, int]]
    note: str = ""


def draw_topology(snapshot: Snapshot, width: int, height: int | None, glyphs: Glyphs, selected: str | None = None) -> Drawing:
    """Return `snapshot` drawn in `width` cells.

    Places depend on names, kinds, sites, `width` and `height` only: between two frames of one cluster no node moves. Boxes with
    lines of detail come first, then boxes of one line; idle links that find no room are left out; with more nodes in a tier than
    fit beside each other it becomes a grid of one line for each node, and under 56 columns an indented tree.

    Args:
        snapshot: The cluster.
        width: Cells in a row; no line is longer.
        height: Rows to fit into if possible; None for as many as the usual form takes.
        glyphs: The characters to draw with.
        selected: Name of the node to show as selected.
    """
    placed = place(snapshot.nodes, width, height) or place_grid(snapshot.nodes, width, height)
    if placed is None:
        lines, spots = draw_tree(snapshot, width, height, glyphs, selected)
        return Drawing(lines, spots)
    canvas = Canvas(width, glyphs)
    for title in placed.titles:
        canvas.put(title.row, title.col, cut(title.text, title.room, glyphs), "title" if title.text.isupper() else "dim")
    if isinstance(placed, Grid):
        draw_bands(canvas, snapshot, placed, selected)
        for node in snapshot.nodes:
            if node.name in placed.boxes and node.name not in placed.cells:
                _draw_small_box(canvas, node, placed.boxes[node.name], node.name == selected)
    else:
        told = _draw_nodes(canvas, snapshot, placed, selected)
        _draw_links(canvas, snapshot, placed, told)
    spots = {name: (box.row, box.col, box.width) for name, box in placed.boxes.items()}
    return Drawing(canvas.lines(placed.height), spots, WITHOUT_LINES if isinstance(placed, Grid) else "")


def _draw_nodes(canvas: Canvas, snapshot: Snapshot, places: Places, selected: str | None) -> dict[str, int]:
    """Draw the boxes with what stands under them; return the last row of each node in a tier."""
    told: dict[str, int] = {}
    indented = two_way(snapshot.edges, places.tiers.get("database", ()))
    for node in snapshot.nodes:
        box = places.boxes.get(node.name)
        if box is None:
            continue
        if node.kind not in TIERS:
            _draw_small_box(canvas, node, box, node.name == selected)
            continue
        _draw_box(canvas, node, box, node.name == selected)
        # Two lines may hang from the box at its left edge.
        aside = 3 if node.name in indented else 1
        room = min(box.detail_width + 1 - aside, canvas.width - box.col - aside)
        details = details_of(node, room, places.details, snapshot.at, canvas.glyphs)
        for number, (said, style) in enumerate(details, 1):
            canvas.put(box.row + number, box.col + aside, said, style)
        told[node.name] = box.row + len(details)
    return told


def _draw_box(canvas: Canvas, node: Node, box: Box, is_selected: bool) -> None:
    glyphs = canvas.glyphs
    style, quiet = _draw_frame(canvas, node, box, is_selected)
    name = shortened(node.name, box.name_width, glyphs)
    canvas.put(box.row, box.col + 3, padded(name, box.name_width, glyphs) + " ", quiet)
    canvas.put(box.row, box.col + 4 + box.name_width, padded(node.words, box.width - box.name_width - 5, glyphs), style)


def _draw_small_box(canvas: Canvas, node: Node, box: Box, is_selected: bool) -> None:
    """Draw a bastion or a directory; its words stand outside, and only when they say something that the glyph does not."""
    _, quiet = _draw_frame(canvas, node, box, is_selected)
    glyphs = canvas.glyphs
    canvas.put(box.row, box.col + 3, padded(shortened(node.name, box.name_width, glyphs), box.name_width, glyphs), quiet)
    if node.verdict is not Verdict.OK:
        start = box.col + box.width + 1
        wanted = min(width_of(node.words), _MOST_WORDS)
        free = range(wanted, min(wanted, _LEAST_WORDS) - 1, -1)
        # A blank behind them: what follows is another node's, or another site's.
        room = next((wide for wide in free if canvas.is_blank(box.row, start, wide + 1)), 0)
        canvas.put(box.row, start, cut(node.words, room, glyphs), style_of(node.verdict))


def _draw_frame(canvas: Canvas, node: Node, box: Box, is_selected: bool) -> tuple[Style, Style]:
    """Draw brackets, state and pointer; return the style of what says the state, and of the rest of the box.

    The pointer stands inside the box: outside, an arrow may end there.
    """
    glyphs = canvas.glyphs
    style, quiet = _styles(node, is_selected)
    canvas.put(box.row, box.col, "[", quiet)
    canvas.put(box.row, box.col + 1, mark(node.verdict, glyphs), style)
    canvas.put(box.row, box.col + 2, glyphs.pointer if is_selected else " ", style)
    canvas.put(box.row, box.col + box.width - 1, "]", quiet)
    return style, quiet


def _styles(node: Node, is_selected: bool) -> tuple[Style, Style]:
    """Return the style of what says the state, and of the rest of the box: what is bad is loud as a whole."""
    if is_selected:
        return "selected", "selected"
    style = style_of(node.verdict)
    return style, "text" if node.verdict in (Verdict.OK, Verdict.WARN) else style


def _draw_links(canvas: Canvas, snapshot: Snapshot, places: Places, told: Mapping[str, int]) -> None:
    kinds = {node.name: node.kind for node in snapshot.nodes}
    for (above, below), gap in places.gaps.items():
        edges = [edge for edge in snapshot.edges if kinds.get(edge.source) == above and kinds.get(edge.target) == below]
        route(canvas, edges, places.boxes, gap, told)
    order = places.tiers.get("database", ())
    copies = [edge for edge in snapshot.edges if edge.kind == "replication" and edge.source in order and edge.target in order]
    draw_replication(canvas, copies, places.boxes, order, places.lanes, snapshot.at, frozenset(primaries_of(snapshot)))
    for edge in snapshot.edges:
        box = places.boxes.get(edge.target)
        if edge.kind == "front" and box is not None:
            is_first = all(other.col >= box.col for other in places.boxes.values() if other.row == box.row)
            _draw_front(canvas, edge, box, is_first)


def _draw_front(canvas: Canvas, edge: Edge, box: Box, is_first: bool) -> None:
    """Draw how users come in: from the left or the right.

    Without room for the word only the first box of its row gets an arrow, and what is bad its sign: between two boxes a mere
    arrow would look like a link between them.
    """
    glyphs = canvas.glyphs
    sign = {"broken": glyphs.replication_broken, "unknown": glyphs.unknown}.get(edge.state, "")
    stroke = sign or (glyphs.junctions[10] if edge.state == "serving" else glyphs.idle_horizontal)
    right = box.col + box.width
    wanted = [(f"users {stroke}{glyphs.arrow_right}", box.col - 8), (f"{glyphs.arrow_left}{stroke} users", right)]
    wanted += [(f"{stroke}{glyphs.arrow_right}", box.col - 2)] if is_first else []
    wanted += [(sign, box.col - 1)] if sign else []
    for text, start in wanted:
        # A blank on the far side as well: what stands there is a neighbour's.
        far = start if start >= right else max(0, start - 1)
        if start >= 0 and canvas.is_blank(box.row, far, width_of(text) + (start >= right or start > 0)):
            line = text.replace("users", "").strip()
            canvas.put(box.row, start, text, word_style(edge))
            canvas.put(box.row, start + text.index(line), line, edge_style(edge))
            return
