"""The cluster as a grid: bands are tiers, columns are sites, one line for each node; for more nodes than boxes have room for.

No lines are drawn between nodes: with this many they would say "any to any" at best. What a node has to do with others stands
beside it in words, and above each band how many of the links that lead to it are in which state.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from ppsconsole.cluster.snapshot import EdgeKind, Node, NodeKind, Snapshot
from ppsconsole.draw.canvas import Canvas
from ppsconsole.draw.place import NARROWEST, TIERS, sites_of
from ppsconsole.draw.relation import Relations, primaries_of
from ppsconsole.draw.seats import NO_SITE, Box, Builder, Column, Seat, Title, name_width_of
from ppsconsole.draw.site_header import directories, header
from ppsconsole.draw.text import Glyphs, Span
from ppsconsole.draw.tree import told
from ppsconsole.draw.words import fitted, mark, padded, shortened, style_of, width_of
from ppsconsole.values import dataclass

_MARK = 3  # state glyph, pointer, and the blank behind the name
_LEAST_WORDS, _USUAL_WORDS, _MOST_WORDS = 7, 9, 12  # what stands behind them begins at one column, as long as words are usual
_LEAST_NAME = 10
_COMFORT = 22  # cells for what is said behind the words, where lines scroll anyway

_TITLES: Mapping[NodeKind, str] = {"balancer": "BALANCERS", "web": "WEB NODES", "database": "DATABASES"}
_LINKS: Mapping[NodeKind, tuple[tuple[EdgeKind, str], ...]] = {
    "balancer": (("front", "users"),),
    "web": (("route", "routes"),),
    "database": (("uses", "uses"), ("replication", "replication")),
}


@dataclass(frozen=True, slots=True)
class Grid:
    """Where everything stands.

    Attributes:
        boxes: By node name; of bastions and directories the small ones, of the others the whole cell.
        cells: Names of those that stand in cells.
        words: Cells for the words behind the names.
        bands: Row of each tier's title.
    """

    boxes: Mapping[str, Box]
    cells: frozenset[str]
    titles: tuple[Title, ...]
    words: int
    bands: Mapping[NodeKind, int]
    height: int


def place_grid(nodes: Sequence[Node], width: int, height: int | None) -> Grid | None:
    """Return where each of `nodes` stands in `width` cells; None when not even one column for each site has room.

    As few columns as fit into `height` rows are taken: wide cells say more. Where nothing fits, and for None, as many as leave
    room for what stands beside the nodes.
    """
    return _placed(tuple(Seat(each.name, each.kind, each.site) for each in nodes), width, height)


@lru_cache(maxsize=16)
def _placed(nodes: tuple[Seat, ...], width: int, height: int | None) -> Grid | None:
    members: dict[NodeKind, list[Seat]] = {kind: [each for each in nodes if each.kind == kind] for kind in TIERS}
    tiers = {kind: each for kind, each in members.items() if each}
    if width < NARROWEST or not tiers:
        return None
    sites = sites_of(nodes, tiers)
    names = [seat.name for seats in tiers.values() for seat in seats]
    best: Grid | None = None
    for count in range(len(sites), width + 1):
        pitch = width // count
        name_width = name_width_of(names, pitch - _MARK - _LEAST_WORDS - 2, _LEAST_NAME)
        if name_width is None:
            break
        words = min(_MOST_WORDS, pitch - _MARK - name_width - 2)
        if best is not None and pitch - _MARK - name_width - _USUAL_WORDS < _COMFORT and height is None:
            break
        grid = _built(nodes, tiers, _columns(tiers, sites, count, pitch), pitch, (name_width, words), width)
        if best is None or grid.height < best.height:
            best = grid
        if height is not None and best.height <= height:
            break
    return best


def _columns(tiers: Mapping[NodeKind, list[Seat]], sites: Sequence[str], count: int, pitch: int) -> tuple[Column, ...]:
    """Return the sites' columns: `count` strips of `pitch` cells, given one by one to where most lines would be saved."""
    sizes = {site: [sum((node.site or NO_SITE) == site for node in each) for each in tiers.values()] for site in sites}
    strips = dict.fromkeys(sites, 1)
    for _ in range(count - len(sites)):
        tallest = max(sites, key=lambda site: max(-(-size // strips[site]) for size in sizes[site]))
        strips[tallest] += 1
    columns, col = [], 0
    for site in sites:
        columns.append(Column(site, col, strips[site] * pitch))
        col += strips[site] * pitch
    return tuple(columns)


def _built(
    nodes: Sequence[Seat],
    tiers: Mapping[NodeKind, list[Seat]],
    columns: Sequence[Column],
    pitch: int,
    widths: tuple[int, int],
    width: int,
) -> Grid:
    builder = Builder()
    row = header(builder, nodes, columns, width, is_centred=False)
    small = set(builder.boxes)
    bands: dict[NodeKind, int] = {}
    whole = (Column(NO_SITE, 0, columns[-1].col + columns[-1].width),)
    for kind, members in tiers.items():
        bands[kind], row = row, row + 1
        # A tier that no site is told of spreads over all columns.
        below = row
        for column in columns if any(each.site for each in members) else whole:
            here = [each.name for each in members if (each.site or NO_SITE) == column.site]
            rows = -(-len(here) // (column.width // pitch))
            for index, name in enumerate(here):
                col = column.col + index // rows * pitch
                builder.boxes[name] = Box(name, row + index % rows, col, pitch - 2, widths[0], 0)
            below = max(below, row + rows)
        row = below
    cells = frozenset(builder.boxes) - small
    row = directories(builder, nodes, row, columns[0].col, width)
    return Grid(builder.boxes, cells, tuple(builder.titles), widths[1], bands, row)


def draw_bands(canvas: Canvas, snapshot: Snapshot, grid: Grid, selected: str | None) -> None:
    """Draw the bands' titles and the nodes in them."""
    relations = Relations(snapshot, canvas.glyphs)
    for kind, row in grid.bands.items():
        count = sum(node.kind == kind for node in snapshot.nodes)
        title = (Span(f"{_TITLES[kind]} {count}", "dim"), *_links(kind, snapshot, relations, canvas.glyphs))
        _put(canvas, row, 0, fitted(title, canvas.width, canvas.glyphs))
    for node in snapshot.nodes:
        if node.name in grid.cells:
            box = grid.boxes[node.name]
            spans = _cell(node, box, grid.words, relations, snapshot.at, canvas.glyphs, node.name == selected)
            _put(canvas, box.row, box.col, fitted(tuple(spans), box.width, canvas.glyphs))
            if node.name == selected:
                text = "".join(span.text for span in fitted(tuple(spans), box.width, canvas.glyphs))
                canvas.put(box.row, box.col, padded(text, box.width, canvas.glyphs), "selected")


def _links(kind: NodeKind, snapshot: Snapshot, relations: Relations, glyphs: Glyphs) -> list[Span]:
    spans: list[Span] = []
    writers = primaries_of(snapshot) if kind == "database" else ()
    if len(writers) > 1:
        spans.append(Span(f"   {glyphs.down} SPLIT BRAIN, TWO PRIMARIES: {', '.join(writers)}", "down"))
    for link, words in _LINKS[kind]:
        counts = relations.counts(link)
        if counts:
            spans += [Span(f"   {words} ", "dim"), *counts]
    return spans


def _cell(node: Node, box: Box, words: int, relations: Relations, now: float, glyphs: Glyphs, is_selected: bool) -> list[Span]:
    state = style_of(node.verdict)
    name = padded(shortened(node.name, box.name_width, glyphs), box.name_width, glyphs)
    said = padded(node.words or node.verdict.value, max(min(words, _USUAL_WORDS), min(words, width_of(node.words))), glyphs)
    room = box.width - _MARK - width_of(name + said) - 1
    spans = [
        Span(mark(node.verdict, glyphs) + (glyphs.pointer if is_selected else " "), state),
        Span(name + " ", "text" if state in ("ok", "warn") else state),
        Span(said, state),
    ]
    if room >= _LEAST_WORDS:
        spans += [Span(" "), *told(node, relations, now, room, glyphs)]
    return spans


def _put(canvas: Canvas, row: int, col: int, spans: Sequence[Span]) -> None:
    for span in spans:
        canvas.put(row, col, span.text, span.style)
        col += width_of(span.text)
