"""Where each node stands. Only names, kinds, sites and the room decide, never a state: nodes do not move between frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ppsconsole.cluster.snapshot import Node, NodeKind
from ppsconsole.draw.words import width_of

TIERS: tuple[NodeKind, ...] = ("balancer", "web", "database")
"""Rows of the drawing, from the users down to the data."""

NARROWEST = 60
"""Below this many cells a tree says more than boxes."""

_FRAME = 5  # of a box around name and words: `[`, glyph, two blanks, `]`
_LEAST_WORDS, _MOST_WORDS = 7, 12  # cells for the words: `PRIMARY` and `standby` always fit
_LEAST_GAP, _ROOMY_GAP, _MOST_GAP = 3, 12, 30  # between boxes: an arrow; an arrow with its lag; more is only far apart

_BASTION_ROOM, _DIRECTORY_ROOM = 11, 17  # from one small box to the next: ` no answer` and ` not probed yet` fit between
_MOST_LANES = 4

_NO_SITE = ""

_Item = tuple[str, bool]
"""A piece of a header or of the bottom row, and whether it is a node's name."""


@dataclass(frozen=True, slots=True)
class Box:
    """The place of one node.

    Attributes:
        row, col: Upper left cell.
        width: Cells, frame included.
        name_width: Cells for the name; the words stand behind them.
        detail_width: Cells that a line under the box, from its second column on, may use.
    """

    name: str
    row: int
    col: int
    width: int
    name_width: int
    detail_width: int

    @property
    def centre(self) -> int:
        """The column at which lines leave and arrive."""
        return self.col + self.width // 2


class Title(NamedTuple):
    """A piece of a site's header that is no node."""

    row: int
    col: int
    text: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything stands.

    Attributes:
        boxes: By node name.
        tiers: Names in each tier that has any, from left to right.
        gaps: For each two tiers that follow each other: the rows between them.
        lanes: Rows under the databases, for replication past a neighbour.
        has_details: Whether each box has a line under it.
        height: Rows in all.
    """

    boxes: Mapping[str, Box]
    titles: tuple[Title, ...]
    tiers: Mapping[NodeKind, tuple[str, ...]]
    gaps: Mapping[tuple[NodeKind, NodeKind], range]
    lanes: range
    has_details: bool
    height: int


@dataclass(frozen=True, slots=True)
class _Column:
    """The part of the drawing that belongs to one site."""

    site: str
    col: int
    width: int


@dataclass(slots=True)
class _Builder:
    boxes: dict[str, Box] = field(default_factory=dict)
    titles: list[Title] = field(default_factory=list)
    gaps: dict[tuple[NodeKind, NodeKind], range] = field(default_factory=dict)


def place(nodes: Sequence[Node], width: int, height: int | None) -> Places | None:
    """Return where each of `nodes` stands in `width` cells; None when boxes do not fit and a tree has to do.

    The richest form that fits into `height` rows is chosen: details under each box, then only one line for each, both of them
    with two rows between tiers, or with one. The poorest is taken when none fits; None for `height` takes the richest.
    """
    members: dict[NodeKind, list[Node]] = {kind: [each for each in nodes if each.kind == kind] for kind in TIERS}
    tiers = {kind: each for kind, each in members.items() if each}
    columns = _columns(nodes, tiers, width)
    if width < NARROWEST or not columns or not tiers:
        return None
    seats: dict[NodeKind, dict[str, Box]] = {}
    for kind, each in tiers.items():
        seated = _seats(each, columns)
        if seated is None:
            return None
        seats[kind] = seated
    forms = [(True, 2), (True, 1), (False, 2), (False, 1)]
    drawn = (_built(nodes, tiers, seats, columns, width, *form) for form in forms)
    best = None
    for best in drawn:
        if height is None or best.height <= height:
            break
    return best


def _columns(nodes: Sequence[Node], tiers: Mapping[NodeKind, list[Node]], width: int) -> tuple[_Column, ...]:
    """Return one column for each site, in the order of the inventory, as wide as its fullest tier asks for."""
    named = [each.site or _NO_SITE for each in nodes if each.kind in TIERS or (each.kind == "bastion" and each.site)]
    # A tier without any site spreads over all columns; siteless nodes among others get a column of their own.
    loose = [kind for kind, each in tiers.items() if not any(node.site for node in each)]
    mixed = any(not node.site for kind, each in tiers.items() if kind not in loose for node in each)
    sites = list(dict.fromkeys(name for name in named if name != _NO_SITE))
    sites += [_NO_SITE] if mixed or not sites else []
    seated = {kind: each for kind, each in tiers.items() if kind not in loose}
    slots = {
        site: max([1] + [sum((node.site or _NO_SITE) == site for node in each) for each in seated.values()]) for site in sites
    }
    total = max([sum(slots.values())] + [len(tiers[kind]) for kind in loose])
    longest = max((width_of(node.name) for each in tiers.values() for node in each), default=0)
    pitch = min(width // total, longest + _FRAME + _MOST_WORDS + _MOST_GAP)
    share = pitch * total // sum(slots.values())
    col = (width - share * sum(slots.values())) // 2
    columns = []
    for site in sites:
        columns.append(_Column(site, col, share * slots[site]))
        col += share * slots[site]
    return tuple(columns)


def _seats(nodes: Sequence[Node], columns: Sequence[_Column]) -> dict[str, Box] | None:
    """Return a box for each node of one tier, still in row 0; None when they do not fit beside each other."""
    left, right = columns[0].col, columns[-1].col + columns[-1].width
    centres: dict[str, int] = {}
    pitches: list[int] = []
    if not any(node.site for node in nodes):
        columns = (_Column(_NO_SITE, left, right - left),)
    for column in columns:
        here = [node.name for node in nodes if (node.site or _NO_SITE) == column.site]
        for index, name in enumerate(here):
            centres[name] = column.col + column.width * (2 * index + 1) // (2 * len(here))
        pitches += [column.width // len(here)] if here else []
    name_width = max(width_of(name) for name in centres)
    room = min(pitches) - name_width - _FRAME
    words = min(_MOST_WORDS, max(_LEAST_WORDS, room - _ROOMY_GAP))
    if room - words < _LEAST_GAP:
        return None
    box_width = name_width + _FRAME + words
    ordered = sorted(centres.items(), key=lambda each: each[1])
    return {name: Box(name, 0, centre - box_width // 2, box_width, name_width, min(pitches) - 2) for name, centre in ordered}


def _built(
    nodes: Sequence[Node],
    tiers: Mapping[NodeKind, list[Node]],
    seats: Mapping[NodeKind, dict[str, Box]],
    columns: Sequence[_Column],
    width: int,
    has_details: bool,
    gap: int,
) -> Places:
    """Return the drawing's places in one of its forms."""
    builder = _Builder()
    row = _header(builder, nodes, columns, width)
    above: NodeKind | None = None
    for kind in tiers:
        if above is not None:
            builder.gaps[above, kind] = range(row, row + gap)
            row += gap
        for name, box in seats[kind].items():
            builder.boxes[name] = replace(box, row=row)
        row += 2 if has_details else 1
        above = kind
    # A primary at one end reaches past a neighbour to all databases but two.
    lanes = range(row, row + min(_MOST_LANES, max(0, len(tiers.get("database", ())) - 2)))
    row = lanes.stop
    directories = [each.name for each in nodes if each.kind == "directory"]
    if directories:
        items = [("directories", False), *((each, True) for each in directories)]
        start = columns[0].col
        row += 1 if has_details else 0
        row = _flow(builder, items, row, start, width - _DIRECTORY_ROOM, start, _DIRECTORY_ROOM)
    ordered = {kind: tuple(seats[kind]) for kind in tiers}
    return Places(builder.boxes, tuple(builder.titles), ordered, builder.gaps, lanes, has_details, row)


def _header(builder: _Builder, nodes: Sequence[Node], columns: Sequence[_Column], width: int) -> int:
    """Place the sites' names with their bastions; return the first free row."""
    below = 0
    anywhere = [each.name for each in nodes if each.kind == "bastion" and not each.site]
    if anywhere:
        items = [("via", False), *((each, True) for each in anywhere)]
        below = _flow(builder, items, 0, columns[0].col, width, columns[0].col, _BASTION_ROOM)
    top = below
    for column in columns:
        bastions = [each.name for each in nodes if each.kind == "bastion" and each.site and each.site == column.site]
        title = title_of(column.site, len(columns))
        items = [(title, False)] if title else []
        items += [("via", False), *((each, True) for each in bastions)] if bastions else []
        if items:
            # A bastion's word stands outside its box, and only when something is wrong: the rest is what is centred.
            wide = sum(_step(item, _BASTION_ROOM) for item in items) - (_BASTION_ROOM if bastions else 2)
            col = column.col + max(0, min((column.width - wide) // 2, column.width - wide - _BASTION_ROOM))
            end = column.col + column.width
            # A chain goes on under its first bastion, as long as the longest name fits there.
            indent = col + sum(_step(item, 0) for item in items if not item[1])
            again = indent if indent + max((item_width(*item) for item in items), default=0) <= end else column.col
            below = max(below, _flow(builder, items, top, col, end, again, _BASTION_ROOM))
    return below


def title_of(site: str, count: int) -> str:
    """Return how the header calls `site`, of `count` columns; a cluster without sites needs no title."""
    if site == _NO_SITE:
        return "" if count == 1 else "NO SITE"
    return f"SITE {site.upper()}"


def item_width(text: str, is_node: bool) -> int:
    """Return the cells that a title, or a bastion's or directory's small box `[● name]`, takes."""
    return width_of(text) + (4 if is_node else 0)


def _flow(builder: _Builder, items: Sequence[_Item], row: int, start: int, end: int, again: int, word_room: int) -> int:
    """Place `items` one after the other, in new rows from column `again` on where `end` is reached; return the next row."""
    col = start
    for text, is_node in items:
        wide = item_width(text, is_node)
        if col > start and col + wide > end:
            row, col = row + 1, again
        if is_node:
            builder.boxes[text] = Box(text, row, col, wide, width_of(text), 0)
        else:
            builder.titles.append(Title(row, col, text))
        col += _step((text, is_node), word_room)
    return row + 1


def _step(item: _Item, word_room: int) -> int:
    """Return how far after `item` the next one starts."""
    text, is_node = item
    return item_width(text, is_node) + (word_room if is_node else 1 if text == "via" else 2)
