"""Replication, drawn sideways: between neighbours in the row of the databases, past a neighbour in a lane below it."""

from collections.abc import Mapping, Sequence

from ppsconsole.clock import duration
from ppsconsole.cluster.snapshot import Edge
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.canvas import Canvas
from ppsconsole.draw.place import Box
from ppsconsole.draw.route import edge_style, word_style
from ppsconsole.draw.text import Glyphs, Span, Style
from ppsconsole.draw.words import width_of

_OLD_S = 5.0
"""From this age on a label says how old it is."""


def draw_replication(
    canvas: Canvas, edges: Sequence[Edge], boxes: Mapping[str, Box], order: Sequence[str], lanes: range, now: float
) -> None:
    """Draw all replication between the databases that stand in `order`, from left to right."""
    neighbours: dict[tuple[str, str], list[Edge]] = {}
    apart: dict[str, list[Edge]] = {}
    for edge in edges:
        places = sorted((order.index(edge.source), order.index(edge.target)))
        if places[1] - places[0] == 1:
            neighbours.setdefault((order[places[0]], order[places[1]]), []).append(edge)
        else:
            apart.setdefault(edge.source, []).append(edge)
    for (left, right), between in neighbours.items():
        loudest = max(between, key=lambda edge: (edge.state not in ("idle", "unknown"), edge.state == "broken"))
        start = boxes[left].col + boxes[left].width
        draw_sideways(canvas, boxes[left].row, start, boxes[right].col, loudest, loudest.source == left, now)
    taken: dict[int, list[tuple[int, int]]] = {row: [] for row in lanes}
    for source, leaving in apart.items():
        _draw_lane(canvas, source, leaving, boxes, taken, now)


def labels(edge: Edge, now: float) -> tuple[str, ...]:
    """Return what may be said of a replication, the most telling first; the drawing takes what fits."""
    said = edge.label
    if edge.at is not None and now - edge.at > _OLD_S and edge.state != "broken":
        said = f"{said}, {duration(now - edge.at)} old" if said else f"seen {duration(now - edge.at)} ago"
    if edge.state == "catching-up":
        return (f"catching up {said}".rstrip(), f"behind {said}".rstrip(), said, edge.label)
    if edge.state == "streaming":
        return (f"streaming {said}".rstrip(), said, edge.label)
    if edge.state == "broken":
        return (said, "broken") if "broken" in said or "down" in said else (f"broken: {said}", said, "broken")
    return (said or edge.state, edge.state)


def draw_sideways(canvas: Canvas, row: int, start: int, end: int, edge: Edge, is_rightwards: bool, now: float) -> None:
    """Draw `edge` into the cells from `start` up to, not including, `end`."""
    col = start
    for span in sideways(end - start, edge, is_rightwards, now, canvas.glyphs):
        canvas.put(row, col, span.text, span.style)
        col += width_of(span.text)


def sideways(room: int, edge: Edge, is_rightwards: bool, now: float, glyphs: Glyphs) -> tuple[Span, ...]:
    """Return a horizontal line of exactly `room` cells that says what state the replication is in.

    `══ 0.2s ══▶` streams, `┄┄ ╳ down 41s ┄┄` does not, `┄┄ ? ┄┄▶` is unknown.
    """
    style: Style = edge_style(edge)
    runs = edge.state in ("streaming", "catching-up", "serving")
    stroke = glyphs.replication if runs else glyphs.idle_horizontal
    sign = {"broken": glyphs.replication_broken, "unknown": glyphs.unknown}.get(edge.state, "")
    arrow = "" if edge.state == "broken" else glyphs.arrow_right if is_rightwards else glyphs.arrow_left
    line = room - width_of(arrow)
    said = f"{sign}" if sign else ""
    for label in labels(edge, now):
        candidate = f" {sign} {label} " if sign else f" {label} "
        if label and width_of(candidate) + 2 <= line:
            said = candidate
            break
    said = said if width_of(said) <= line else ""
    before = (line - width_of(said)) // 2
    after = line - width_of(said) - before
    words: Style = "ok" if edge.state == "streaming" and edge.verdict is Verdict.OK else word_style(edge)
    first, last = ("", arrow) if is_rightwards else (arrow, "")
    return (Span(first + stroke * before, style), Span(said, words), Span(stroke * after + last, style))


def _draw_lane(
    canvas: Canvas,
    source: str,
    edges: Sequence[Edge],
    boxes: Mapping[str, Box],
    taken: dict[int, list[tuple[int, int]]],
    now: float,
) -> None:
    """Draw what `source` sends past its neighbours into the first lane with room; without one it stays in the words."""
    columns = [boxes[source].col, *(boxes[edge.target].col for edge in edges)]
    first, last = min(columns), max(columns)
    row = next((lane for lane, spans in taken.items() if all(last < left or right < first for left, right in spans)), None)
    if row is None:
        return
    taken[row].append((first, last))
    for is_rightwards in (False, True):
        start = boxes[source].col
        side = [edge for edge in edges if (boxes[edge.target].col > start) == is_rightwards]
        side.sort(key=lambda edge: abs(boxes[edge.target].col - start))
        for edge in side:
            end = boxes[edge.target].col
            low, high = (start + 1, end) if is_rightwards else (end + 1, start)
            draw_sideways(canvas, row, low, high, edge, is_rightwards, now)
            start = end
    _draw_uprights(canvas, row, source, edges, boxes)


def _draw_uprights(canvas: Canvas, row: int, source: str, edges: Sequence[Edge], boxes: Mapping[str, Box]) -> None:
    """Draw the ends of a lane: from under each box down to it."""
    columns = {boxes[source].col: max(edges, key=lambda edge: edge.state == "streaming")}
    columns |= {boxes[edge.target].col: edge for edge in edges}
    first, last = min(columns), max(columns)
    for col, edge in columns.items():
        for above in range(boxes[source].row + 1, row):
            canvas.put(above, col, canvas.glyphs.junctions[5], edge_style(edge))
        bits = 1 | (2 if col < last else 0) | (8 if col > first else 0)
        canvas.put(row, col, canvas.glyphs.junctions[bits], edge_style(edge))
