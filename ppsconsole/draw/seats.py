"""What placing works on: seats that names, kinds and sites ask for, and the boxes that they get."""

from collections.abc import Sequence
from dataclasses import field
from typing import NamedTuple

from ppsconsole.cluster.snapshot import NodeKind
from ppsconsole.draw.text import UNICODE
from ppsconsole.draw.words import shortened, width_of
from ppsconsole.values import dataclass

NO_SITE = ""


class Seat(NamedTuple):
    """All of a node that decides where it stands."""

    name: str
    kind: NodeKind
    site: str | None


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
    """A piece of a site's header that is no node, to be cut to `room` cells."""

    row: int
    col: int
    text: str
    room: int


@dataclass(frozen=True, slots=True)
class Column:
    """The part of the drawing that belongs to one site."""

    site: str
    col: int
    width: int


@dataclass(slots=True)
class Builder:
    """What was placed so far."""

    boxes: dict[str, Box] = field(default_factory=dict)
    titles: list[Title] = field(default_factory=list)
    gaps: dict[tuple[NodeKind, NodeKind], range] = field(default_factory=dict)


def name_width_of(names: Sequence[str], most: int, least: int) -> int | None:
    """Return how many cells names get: all that the longest takes, or up to `most`; None when they would be mistaken for others.

    Args:
        names: The names.
        most: Cells that there are.
        least: No name that is longer gets fewer.
    """
    longest = max((width_of(name) for name in names), default=0)
    if longest <= most:
        return longest
    if most < least or len({shortened(name, most, UNICODE) for name in names}) < len(names):
        return None
    return most
