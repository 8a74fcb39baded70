"""Where each node stands. Only names, kinds, sites and the room decide, never a state: nodes do not move between frames."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from ppsconsole.cluster.snapshot import Node, NodeKind
from ppsconsole.draw.seats import NO_SITE, Box, Builder, Column, Seat, Title, name_width_of
from ppsconsole.draw.site_header import BELOW, directories, header
from ppsconsole.draw.words import width_of
from ppsconsole.values import dataclass

TIERS: tuple[NodeKind, ...] = ("balancer", "web", "database")
"""Rows of the drawing, from the users down to the data."""

NARROWEST = 56
"""Below this many cells a tree says more than boxes; a terminal of 60 columns has room for them inside a frame."""

_FRAME = 5  # of a box around name and words: `[`, glyph, two blanks, `]`
_LEAST_WORDS, _MOST_WORDS = 7, 12  # cells for the words: `PRIMARY` and `standby` always fit
_LEAST_NAME = 12  # a longer name may lose its middle, down to this
_LEAST_GAP, _ROOMY_GAP, _MOST_GAP = 3, 12, 34  # between boxes: an arrow; an arrow with its lag; more is only far apart

_MOST_DATABASES = 6
"""With more of them, lanes for what replicates past a neighbour take more rows than they are worth, unless there are plenty."""

_SHARE_OF_LANES = 4
"""Plenty is where they take at most this part of the rows."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything stands.

    Attributes:
        boxes: By node name.
        tiers: Names in each tier that has any, from left to right.
        gaps: For each two tiers that follow each other: the rows between them.
        lanes: Rows under the databases, for replication past a neighbour.
        details: Lines under each box.
        height: Rows in all.
    """

    boxes: Mapping[str, Box]
    titles: tuple[Title, ...]
    tiers: Mapping[NodeKind, tuple[str, ...]]
    gaps: Mapping[tuple[NodeKind, NodeKind], range]
    lanes: range
    details: int
    height: int


_Form = tuple[int, int]
"""Rows of detail under each box, and rows between two tiers."""

_FORMS: tuple[_Form, ...] = ((3, 3), (2, 3), (2, 2), (1, 2), (1, 1), (0, 2), (0, 1))
"""From the richest to the poorest."""

_USUAL = _FORMS.index((1, 2))
"""The form for as many rows as it takes: where lines scroll away, more detail would push the rest out of sight."""


def place(nodes: Sequence[Node], width: int, height: int | None) -> Places | None:
    """Return where each of `nodes` stands in `width` cells; None when boxes do not fit beside each other.

    The richest form that fits into `height` rows is chosen: some lines of detail under each box, or one, or none, with up to
    three rows between tiers, or one. The poorest is taken when none fits; None for `height` takes one line and two rows.
    """
    return _placed(tuple(Seat(each.name, each.kind, each.site) for each in nodes), width, height)


@lru_cache(maxsize=16)
def _placed(nodes: tuple[Seat, ...], width: int, height: int | None) -> Places | None:
    members: dict[NodeKind, list[Seat]] = {kind: [each for each in nodes if each.kind == kind] for kind in TIERS}
    tiers = {kind: each for kind, each in members.items() if each}
    most = max(_MOST_DATABASES, 0 if height is None else height // _SHARE_OF_LANES + 1)
    if width < NARROWEST or not tiers or len(members["database"]) > most:
        return None
    columns = columns_of(nodes, tiers, width)
    seats: dict[NodeKind, dict[str, Box]] = {}
    for kind, each in tiers.items():
        seated = _seats(each, columns)
        if seated is None:
            return None
        seats[kind] = seated
    best = None
    for form in _FORMS if height is not None else _FORMS[_USUAL:]:
        best = _built(nodes, tiers, seats, columns, width, *form)
        if height is None or best.height <= height:
            break
    return best


def sites_of(nodes: Sequence[Seat], tiers: Mapping[NodeKind, list[Seat]]) -> list[str]:
    """Return the sites that get a column, in the order of the inventory; `NO_SITE` stands for nodes whose site is not told."""
    named = [each.site or NO_SITE for each in nodes if each.kind in TIERS or (each.kind == "bastion" and each.site)]
    # A tier without any site spreads over all columns; siteless nodes among others get a column of their own.
    is_mixed = any(any(node.site for node in each) and not all(node.site for node in each) for each in tiers.values())
    sites = list(dict.fromkeys(name for name in named if name != NO_SITE))
    return sites + ([NO_SITE] if is_mixed or not sites else [])


def columns_of(nodes: Sequence[Seat], tiers: Mapping[NodeKind, list[Seat]], width: int) -> tuple[Column, ...]:
    """Return one column for each site, as wide as its fullest tier asks for."""
    sites = sites_of(nodes, tiers)
    loose = [kind for kind, each in tiers.items() if not any(node.site for node in each)]
    seated = {kind: each for kind, each in tiers.items() if kind not in loose}
    slots = {
        site: max([1] + [sum((node.site or NO_SITE) == site for node in each) for each in seated.values()]) for site in sites
    }
    total = max([sum(slots.values())] + [len(tiers[kind]) for kind in loose])
    longest = max((width_of(node.name) for each in tiers.values() for node in each), default=0)
    pitch = min(width // total, longest + _FRAME + _MOST_WORDS + _MOST_GAP)
    share = pitch * total // sum(slots.values())
    col = (width - share * sum(slots.values())) // 2
    columns = []
    for site in sites:
        columns.append(Column(site, col, share * slots[site]))
        col += share * slots[site]
    return tuple(columns)


def _seats(nodes: Sequence[Seat], columns: Sequence[Column]) -> dict[str, Box] | None:
    """Return a box for each node of one tier, still in row 0; None when they do not fit beside each other."""
    left, right = columns[0].col, columns[-1].col + columns[-1].width
    centres: dict[str, int] = {}
    pitches: list[int] = []
    if not any(node.site for node in nodes):
        columns = (Column(NO_SITE, left, right - left),)
    for column in columns:
        here = [node.name for node in nodes if (node.site or NO_SITE) == column.site]
        for index, name in enumerate(here):
            centres[name] = column.col + column.width * (2 * index + 1) // (2 * len(here))
        pitches += [column.width // len(here)] if here else []
    most = min(pitches) - _FRAME - _LEAST_WORDS - _LEAST_GAP
    name_width = name_width_of(list(centres), most, _LEAST_NAME)
    if name_width is None:
        return None
    room = min(pitches) - name_width - _FRAME
    words = min(_MOST_WORDS, max(_LEAST_WORDS, room - _ROOMY_GAP))
    box_width = name_width + _FRAME + words
    ordered = sorted(centres.items(), key=lambda each: each[1])
    return {name: Box(name, 0, centre - box_width // 2, box_width, name_width, min(pitches) - 2) for name, centre in ordered}


def _built(
    nodes: Sequence[Seat],
    tiers: Mapping[NodeKind, list[Seat]],
    seats: Mapping[NodeKind, dict[str, Box]],
    columns: Sequence[Column],
    width: int,
    details: int,
    gap: int,
) -> Places:
    """Return the drawing's places in one of its forms."""
    builder = Builder()
    row = header(builder, nodes, columns, width)
    above: NodeKind | None = None
    for kind in tiers:
        if above is not None:
            builder.gaps[above, kind] = range(row, row + gap)
            row += gap
        for name, box in seats[kind].items():
            builder.boxes[name] = replace(box, row=row)
        row += 1 + details
        above = kind
    # Each standby has one source, so there is one link fewer than databases; of three, one reaches past a neighbour.
    databases = len(tiers.get("database", ()))
    lanes = range(row, row + (databases - 1 if databases > 3 else max(0, databases - 2)))
    row = lanes.stop
    if any(each.kind in BELOW for each in nodes):
        row = directories(builder, nodes, row + (1 if details else 0), columns[0].col, width)
    ordered = {kind: tuple(seats[kind]) for kind in tiers}
    return Places(builder.boxes, tuple(builder.titles), ordered, builder.gaps, lanes, details, row)
