"""Site titles with their bastions above a drawing, and below it what users are not served by: directories, alternate servers."""

from collections.abc import Mapping, Sequence

from ppsconsole.cluster.snapshot import NodeKind
from ppsconsole.draw.seats import NO_SITE, Box, Builder, Column, Seat, Title
from ppsconsole.draw.words import width_of

_BASTION_ROOM, _DIRECTORY_ROOM = 11, 17  # from one small box to the next: ` no answer` and ` not probed yet` fit between
_LEAST_NAME = 12  # a longer name may lose its middle, down to this, to stay beside its title
_FRAME = 4  # of a small box: `[`, glyph, blank, `]`

BELOW: Mapping[NodeKind, str] = {"directory": "directories", "alternate": "alternates"}
"""What stands below the drawing, and how the row is called."""

_Item = tuple[str, bool]
"""A piece of a header or of the bottom row, and whether it is a node's name."""


def header(builder: Builder, nodes: Sequence[Seat], columns: Sequence[Column], width: int, *, is_centred: bool = True) -> int:
    """Place the sites' names with their bastions, in the middle of each column or at its left; return the first free row."""
    below = 0
    anywhere = [each.name for each in nodes if each.kind == "bastion" and not each.site]
    if anywhere:
        items = [("via", False), *((each, True) for each in anywhere)]
        below = flow(builder, items, 0, columns[0].col, width, columns[0].col, _BASTION_ROOM)
    top = below
    for column in columns:
        bastions = [each.name for each in nodes if each.kind == "bastion" and each.site and each.site == column.site]
        title = title_of(column.site, len(columns))
        items = [(title, False)] if title else []
        items += [("via", False), *((each, True) for each in bastions)] if bastions else []
        if items:
            # A bastion's word stands outside its box, and only when something is wrong: the rest is what is centred.
            wide = sum(_step(item, _BASTION_ROOM) for item in items) - (_BASTION_ROOM if bastions else 2)
            aside = max(0, min((column.width - wide) // 2, column.width - wide - _BASTION_ROOM))
            col = column.col + (aside if is_centred else 0)
            end = column.col + column.width
            # A chain goes on under its first bastion, as long as the longest name fits there with a cell to spare (`flow`).
            indent = col + sum(_step(item, 0) for item in items if not item[1])
            again = indent if indent + max((item_width(*item) for item in items), default=0) < end else column.col
            below = max(below, flow(builder, items, top, col, end, again, _BASTION_ROOM))
    return below


def title_of(site: str, count: int) -> str:
    """Return how the header calls `site`, of `count` columns; a cluster without sites needs no title."""
    if site == NO_SITE:
        return "" if count == 1 else "NO SITE"
    return f"SITE {site.upper()}"


def item_width(text: str, is_node: bool) -> int:
    """Return the cells that a title, or a bastion's or directory's small box `[● name]`, takes."""
    return width_of(text) + (_FRAME if is_node else 0)


def flow(builder: Builder, items: Sequence[_Item], row: int, start: int, end: int, again: int, word_room: int) -> int:
    """Place `items` one after the other, in new rows from column `again` on where `end` is reached; return the next row."""
    col, is_led = start, False
    for (text, is_node), after in zip(items, [*items[1:], None], strict=True):
        wide = item_width(text, is_node)
        # "via" stays with the one that it leads through.
        together = wide
        if text == "via" and after is not None:
            together = wide + 1 + min(item_width(*after), _FRAME + _LEAST_NAME)
        elif is_led:
            together = min(wide, _FRAME + _LEAST_NAME)
        is_led = text == "via" and not is_node
        if col > start and col + together >= end:  # one cell stays free before the neighbour
            row, col = row + 1, again
        if is_node:
            # A name that is wider than its site loses its middle, rather than its end to the neighbour.
            wide = max(_FRAME + 1, min(wide, end - col - 1))
            builder.boxes[text] = Box(text, row, col, wide, wide - _FRAME, 0)
        else:
            builder.titles.append(Title(row, col, text, max(1, end - col - 1)))
        col += _step((text, is_node), word_room)
    return row + 1


def _step(item: _Item, word_room: int) -> int:
    """Return how far after `item` the next one starts."""
    text, is_node = item
    return item_width(text, is_node) + (word_room if is_node else 1 if text == "via" else 2)


def directories(builder: Builder, nodes: Sequence[Seat], row: int, start: int, width: int) -> int:
    """Place directories and alternate servers from (`row`, `start`) on; return the first free row, `row` when there are none."""
    for kind, title in BELOW.items():
        names = [each.name for each in nodes if each.kind == kind]
        if names:
            items = [(title, False), *((each, True) for each in names)]
            row = flow(builder, items, row, start, width - _DIRECTORY_ROOM, start, _DIRECTORY_ROOM)
    return row
