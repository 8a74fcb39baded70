"""Replication, drawn sideways: between neighbours in the row of the databases, past a neighbour in a lane below it."""

from collections.abc import Mapping, Sequence
from dataclasses import field

from ppsconsole.clock import duration
from ppsconsole.cluster.judging import size
from ppsconsole.cluster.snapshot import Edge
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.canvas import DOWN, LEFT, RIGHT, UP, Canvas, Cell
from ppsconsole.draw.route import edge_style, word_style
from ppsconsole.draw.seats import Box
from ppsconsole.draw.text import Glyphs, Span, Style
from ppsconsole.draw.words import width_of
from ppsconsole.values import dataclass

_OLD_S = 5.0
"""From this age on a label says how old it is."""


def draw_replication(
    canvas: Canvas,
    edges: Sequence[Edge],
    boxes: Mapping[str, Box],
    order: Sequence[str],
    lanes: range,
    now: float,
    writers: frozenset[str] = frozenset(),
) -> None:
    """Draw all replication between the databases that stand in `order`, from left to right.

    Args:
        canvas: Where to.
        edges: The replication.
        boxes: Where the databases stand.
        order: Their names, from left to right.
        lanes: Rows under the databases, for what reaches past a neighbour.
        now: Seconds since 1970 UTC; what is old says so.
        writers: Databases that are primaries. Between two of them the line is one of crosses: that must not be overlooked.
    """
    apart: list[Edge] = []
    for (left, right), edge in _pairs(edges, order).items():
        is_split = left in writers and right in writers
        if order.index(right) - order.index(left) == 1:
            start = boxes[left].col + boxes[left].width
            draw_sideways(canvas, boxes[left].row, start, boxes[right].col, edge, edge.source == left, now, is_split)
        else:
            apart.append(edge)
    arriving = {name: boxes[name].col + (2 if name in two_way(edges, order) else 0) for name in order}
    drawn = _Lanes(canvas, boxes, arriving, writers, now, {row: [] for row in lanes})
    # Short ones first: what hangs down to a longer one then passes beside them.
    for edge in sorted(apart, key=lambda each: (abs(order.index(each.source) - order.index(each.target)), -_loudness(each))):
        drawn.draw(edge)
    drawn.finish()


def _pairs(edges: Sequence[Edge], order: Sequence[str]) -> dict[tuple[str, str], Edge]:
    """Return the replication that is drawn for each two databases, the left one of them first."""
    pairs: dict[tuple[str, str], Edge] = {}
    for edge in sorted(edges, key=_loudness):
        left, right = sorted((edge.source, edge.target), key=order.index)
        pairs[left, right] = edge
    return pairs


def two_way(edges: Sequence[Edge], order: Sequence[str]) -> frozenset[str]:
    """Return the databases at which one lane ends and another begins: both from one column would look like one link."""
    copies = [edge for edge in edges if edge.kind == "replication" and edge.source in order and edge.target in order]
    lanes = [edge for (left, right), edge in _pairs(copies, order).items() if order.index(right) - order.index(left) > 1]
    return frozenset(edge.source for edge in lanes) & frozenset(edge.target for edge in lanes)


def _loudness(edge: Edge) -> int:
    """Return which of two replications between one pair is drawn: what is broken comes before what runs."""
    return {"idle": 0, "unknown": 1, "broken": 3}.get(edge.state, 2)


def labels(edge: Edge, now: float) -> tuple[str, ...]:
    """Return what may be said of a replication, the most telling first; the drawing takes what fits."""
    said = edge.label
    if edge.at is not None and now - edge.at > _OLD_S and edge.state != "broken":
        said = f"{said}, {duration(now - edge.at)} old" if said else f"seen {duration(now - edge.at)} ago"
    if edge.state == "catching-up":
        behind = duration(edge.lag_s) if edge.lag_s is not None else "" if edge.lag_bytes is None else size(edge.lag_bytes)
        return (f"catching up {behind}".rstrip(), f"behind {behind}" if behind else "catching up", behind or "late")
    if edge.state == "streaming":
        return (f"streaming {said}".rstrip(), said, edge.label)
    if edge.state == "broken":
        return (f"broken: {said}", said, "broken") if said and "down" not in said else (said or "broken", "broken")
    return (said or edge.state, edge.state)


def draw_sideways(
    canvas: Canvas, row: int, start: int, end: int, edge: Edge, is_rightwards: bool, now: float, is_split: bool = False
) -> range:
    """Draw `edge` into the cells from `start` up to, not including, `end`; return the columns of its words."""
    if is_split:
        before, words, after = _split(end - start, canvas.glyphs)
    else:
        before, words, after = sideways(end - start, edge, is_rightwards, now, canvas.glyphs)
    said = range(start + width_of(before.text), start + width_of(before.text + words.text))
    canvas.put(row, start, before.text, before.style)
    canvas.put(row, said.start, words.text, words.style)
    canvas.put(row, said.stop, after.text, after.style)
    return said


def _split(room: int, glyphs: Glyphs) -> tuple[Span, Span, Span]:
    """Return a line of exactly `room` cells between two primaries."""
    said = next((f" {each} " for each in ("TWO PRIMARIES", "2 PRIMARIES", "SPLIT") if width_of(each) + 4 <= room), "")
    before = (room - width_of(said)) // 2
    cross = glyphs.replication_broken
    return (
        Span(cross * before, "edge-broken"),
        Span(said, "down"),
        Span(cross * (room - width_of(said) - before), "edge-broken"),
    )


def sideways(room: int, edge: Edge, is_rightwards: bool, now: float, glyphs: Glyphs) -> tuple[Span, Span, Span]:
    """Return a horizontal line of exactly `room` cells, its words in the middle, that says what state the replication is in.

    `══ 0.2s ══▶` streams, `┄┄ ╳ down 41s ┄┄` does not, `┄┄ ? ┄┄▶` is unknown.
    """
    style: Style = edge_style(edge)
    runs = edge.state in ("streaming", "catching-up", "serving")
    stroke = glyphs.replication if runs else glyphs.idle_horizontal
    sign = {"broken": glyphs.replication_broken, "unknown": glyphs.unknown}.get(edge.state, "")
    silent = sign or (glyphs.warn if edge_style(edge) == "warn" else "")
    arrow = "" if edge.state == "broken" else glyphs.arrow_right if is_rightwards else glyphs.arrow_left
    line = room - width_of(arrow)
    said = silent  # without room for words, the state must not be told by colour alone
    for label in labels(edge, now):
        tight = f"{sign} {label}" if sign else label
        candidate = next((each for each in (f" {tight} ", tight) if width_of(each) + 2 <= line), "")
        if label and candidate:
            said = candidate
            break
    said = said if width_of(said) <= line else ""
    before = (line - width_of(said)) // 2
    after = line - width_of(said) - before
    words: Style = "ok" if edge.state == "streaming" and edge.verdict is Verdict.OK else word_style(edge)
    first, last = ("", arrow) if is_rightwards else (arrow, "")
    return (Span(first + stroke * before, style), Span(said, words), Span(stroke * after + last, style))


@dataclass(slots=True)
class _Lanes:
    """The rows under the databases.

    Attributes:
        arriving: Column at which a link ends, by the database that it ends at; it begins at the box's first one.
        taken: First and last column of what each lane holds.
        joints: Where lanes meet what hangs from the boxes: 4-bit junction and style.
        words: Cells of labels, which lines pass under.
        untold: What found no lane.
    """

    canvas: Canvas
    boxes: Mapping[str, Box]
    arriving: Mapping[str, int]
    writers: frozenset[str]
    now: float
    taken: dict[int, list[tuple[int, int]]]
    joints: dict[Cell, tuple[int, Style]] = field(default_factory=dict)
    words: set[Cell] = field(default_factory=set)
    untold: list[Edge] = field(default_factory=list)

    def draw(self, edge: Edge) -> None:
        """Draw `edge` into the first lane with room: one line for each, a shared one would look like a chain."""
        columns = (self.boxes[edge.source].col, self.arriving[edge.target])
        first, last = min(columns), max(columns)
        free = (lane for lane, spans in self.taken.items() if all(last < left or right < first for left, right in spans))
        row = next(free, None)
        if row is None:
            self.untold.append(edge)
            return
        self.taken[row].append((first, last))
        is_split = {edge.source, edge.target} <= self.writers
        said = draw_sideways(self.canvas, row, first + 1, last, edge, columns[0] == first, self.now, is_split)
        self.words |= {(row, col) for col in said}
        for col in columns:
            for above in range(self.boxes[edge.source].row + 1, row):
                self._join((above, col), UP | DOWN, edge)
            self._join((row, col), UP | (RIGHT if col == first else LEFT), edge)

    def _join(self, cell: Cell, bits: int, edge: Edge) -> None:
        self.joints[cell] = (self.joints.get(cell, (0, "edge"))[0] | bits, edge_style(edge))

    def finish(self) -> None:
        """Draw the joints, and say in words what found no lane."""
        glyphs = self.canvas.glyphs
        for (row, col), (bits, style) in self.joints.items():
            if (row, col) not in self.words:
                self.canvas.put(row, col, glyphs.junctions[bits], style)
        for edge in self.untold:
            sign = {"broken": glyphs.replication_broken, "unknown": glyphs.unknown}.get(edge.state, glyphs.arrow_right)
            said = f"{edge.source} {sign} {edge.target} {edge.label}".rstrip()
            start = self.boxes[edge.target].col + 2
            free = [row for row in self.taken if self.canvas.is_blank(row, start, width_of(said) + 1)]
            if free:
                self.canvas.put(free[0], start, said, word_style(edge))
