"""The cluster as a drawing: rows are tiers, columns are sites, lines say what carries traffic."""

from collections.abc import Mapping
from dataclasses import dataclass

from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.canvas import Canvas
from ppsconsole.draw.detail import detail_of
from ppsconsole.draw.place import TIERS, Box, Places, place
from ppsconsole.draw.replication import draw_replication
from ppsconsole.draw.route import edge_style, route, word_style
from ppsconsole.draw.text import Glyphs, Line, Style
from ppsconsole.draw.tree import draw_tree
from ppsconsole.draw.words import cut, mark, padded, style_of, width_of

_MOST_WORDS = 14  # cells beside a small box: `not probed yet`


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawn cluster.

    Attributes:
        lines: All rows, also those beyond the height that was asked for: the caller scrolls.
        spots: Row, first column and width of each node, all in cells from 0: for the mouse and for jumping.
    """

    lines: tuple[Line, ...]
    spots: Mapping[str, tuple[int, int, int]]


def draw_topology(snapshot: Snapshot, width: int, height: int | None, glyphs: Glyphs, selected: str | None = None) -> Drawing:
    """Return `snapshot` drawn in `width` cells.

    Places depend on names, kinds, sites, `width` and `height` only: between two frames of one cluster no node moves. Full boxes
    with a detail line come first, then boxes of one line; idle links that find no room are left out; under 60 columns, or with
    more nodes in a tier than fit beside each other, it becomes an indented tree.

    Args:
        snapshot: The cluster.
        width: Cells in a row; no line is longer.
        height: Rows to fit into if possible; None for as many as the richest form takes.
        glyphs: The characters to draw with.
        selected: Name of the node to show as selected.
    """
    places = place(snapshot.nodes, width, height)
    if places is None:
        lines, spots = draw_tree(snapshot, width, glyphs, selected)
        return Drawing(lines, spots)
    canvas = Canvas(width, glyphs)
    for title in places.titles:
        canvas.put(title.row, title.col, title.text, "title" if title.text.isupper() else "dim")
    _draw_nodes(canvas, snapshot, places, selected)
    _draw_links(canvas, snapshot, places)
    spots = {name: (box.row, box.col, box.width) for name, box in places.boxes.items()}
    return Drawing(canvas.lines(places.height), spots)


def _draw_nodes(canvas: Canvas, snapshot: Snapshot, places: Places, selected: str | None) -> None:
    for node in snapshot.nodes:
        box = places.boxes.get(node.name)
        if box is None:
            continue
        if node.kind in TIERS:
            _draw_box(canvas, node, box, node.name == selected)
            if places.has_details:
                said, style = detail_of(node, min(box.detail_width, canvas.width - box.col - 1), canvas.glyphs)
                canvas.put(box.row + 1, box.col + 1, said, style)
        else:
            _draw_small_box(canvas, node, box, node.name == selected)


def _draw_box(canvas: Canvas, node: Node, box: Box, is_selected: bool) -> None:
    glyphs = canvas.glyphs
    style, quiet = _draw_frame(canvas, node, box, is_selected)
    canvas.put(box.row, box.col + 3, padded(node.name, box.name_width, glyphs) + " ", quiet)
    canvas.put(box.row, box.col + 4 + box.name_width, padded(node.words, box.width - box.name_width - 5, glyphs), style)


def _draw_small_box(canvas: Canvas, node: Node, box: Box, is_selected: bool) -> None:
    """Draw a bastion or a directory; its words stand outside, and only when they say something that the glyph does not."""
    _, quiet = _draw_frame(canvas, node, box, is_selected)
    canvas.put(box.row, box.col + 3, node.name, quiet)
    if node.verdict is not Verdict.OK:
        start = box.col + box.width + 1
        room = max((wide for wide in range(_MOST_WORDS + 1) if canvas.is_blank(box.row, start, wide)), default=0)
        canvas.put(box.row, start, cut(node.words, room, canvas.glyphs), style_of(node.verdict))


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


def _draw_links(canvas: Canvas, snapshot: Snapshot, places: Places) -> None:
    kinds = {node.name: node.kind for node in snapshot.nodes}
    for (above, below), gap in places.gaps.items():
        edges = [edge for edge in snapshot.edges if kinds.get(edge.source) == above and kinds.get(edge.target) == below]
        route(canvas, edges, places.boxes, gap)
    order = places.tiers.get("database", ())
    copies = [edge for edge in snapshot.edges if edge.kind == "replication" and edge.source in order and edge.target in order]
    draw_replication(canvas, copies, places.boxes, order, places.lanes, snapshot.at)
    for edge in snapshot.edges:
        box = places.boxes.get(edge.target)
        if edge.kind != "front" or box is None:
            continue
        glyphs = canvas.glyphs
        sign = {"broken": glyphs.replication_broken, "unknown": glyphs.unknown}.get(edge.state, "")
        stroke = glyphs.junctions[10] if edge.state == "serving" else glyphs.idle_horizontal
        arrow = f" {sign or stroke}{glyphs.arrow_right}"
        col = box.col - width_of("users" + arrow) - 1
        if canvas.is_blank(box.row, col, box.col - col):
            canvas.put(box.row, col, "users", word_style(edge))
            canvas.put(box.row, col + 5, arrow, edge_style(edge))
