"""A canvas of cells on which lines of one net merge at their junctions."""

from collections.abc import Sequence
from dataclasses import field

from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import cell_width
from ppsconsole.values import dataclass

UP, RIGHT, DOWN, LEFT = 1, 2, 4, 8

Cell = tuple[int, int]
"""Row and column, both from 0."""

_LOUDNESS: dict[Style, int] = {"edge-idle": 0, "unknown": 1, "edge": 2, "warn": 3, "edge-broken": 4}


@dataclass(slots=True)
class _Crossing:
    """What one net draws in one cell."""

    bits: int = 0
    is_solid: bool = False
    style: Style = "edge-idle"


@dataclass(slots=True)
class Canvas:
    """Cells to draw on.

    Lines with the same `net` merge into corners, tees and crosses. Lines of different nets have nothing to do with each
    other: where they cross, the vertical one passes over, so that no junction claims a connection that does not exist.

    Attributes:
        width: Cells in a row; what lies beyond is not drawn.
    """

    width: int
    glyphs: Glyphs
    _text: dict[Cell, tuple[str, Style]] = field(default_factory=dict)
    _lines: dict[Cell, dict[int, _Crossing]] = field(default_factory=dict)

    def put(self, row: int, col: int, text: str, style: Style = "text") -> None:
        """Write `text` from (`row`, `col`) on, over whatever is there."""
        for character in text:
            wide = cell_width(character)
            if wide == 0:
                self._combine(row, col, character)
                continue
            if col < 0 or col + wide > self.width:
                return
            self._text[row, col] = (character, style)
            if wide == 2:
                self._text[row, col + 1] = ("", style)
            col += wide

    def _combine(self, row: int, col: int, character: str) -> None:
        """Hang a character without width of its own on the one before it."""
        owner = (row, col - 1) if self._text.get((row, col - 1), ("",))[0] else (row, col - 2)
        if owner in self._text:
            base, style = self._text[owner]
            self._text[owner] = (base + character, style)

    def path(self, net: int, corners: Sequence[Cell], style: Style, *, is_solid: bool) -> None:
        """Draw a line through `corners`; its two ends lie inside boxes and are not drawn themselves."""
        cells = path_cells(corners)
        for before, cell, after in zip(cells, cells[1:], cells[2:], strict=False):
            crossing = self._lines.setdefault(cell, {}).setdefault(net, _Crossing())
            crossing.bits |= _towards(cell, before) | _towards(cell, after)
            crossing.is_solid = crossing.is_solid or is_solid
            if _LOUDNESS.get(style, 0) > _LOUDNESS.get(crossing.style, 0):
                crossing.style = style

    def is_blank(self, row: int, col: int, width: int) -> bool:
        """Return whether nothing stands in the `width` cells from (`row`, `col`) on, and they lie on the canvas."""
        if col < 0 or col + width > self.width:
            return False
        return all((row, each) not in self._text and (row, each) not in self._lines for each in range(col, col + width))

    def is_written(self, row: int, col: int, width: int = 1) -> bool:
        """Return whether text stands in any of the `width` cells from (`row`, `col`) on; lines may pass there."""
        return any((row, each) in self._text for each in range(col, col + width))

    def is_level(self, row: int, col: int, width: int) -> bool:
        """Return whether words may cover the `width` cells from (`row`, `col`) on: no text, and lines only pass sideways."""
        if col < 0 or col + width > self.width or self.is_written(row, col, width):
            return False
        crossings = (self._lines.get((row, each), {}) for each in range(col, col + width))
        return all(each.bits == LEFT | RIGHT for cell in crossings for each in cell.values())

    def lines(self, height: int) -> tuple[Line, ...]:
        """Return the first `height` rows as styled lines, without trailing blanks."""
        cells = {cell: self._glyph(crossings) for cell, crossings in self._lines.items()} | self._text
        rows: list[dict[int, tuple[str, Style]]] = [{} for _ in range(height)]
        for (row, col), drawn in cells.items():
            if 0 <= row < height and 0 <= col < self.width:
                rows[row][col] = drawn
        return tuple(_joined(row) for row in rows)

    def _glyph(self, crossings: dict[int, _Crossing]) -> tuple[str, Style]:
        upright = [each for each in crossings.values() if each.bits & (UP | DOWN)]
        crossing = max(upright or crossings.values(), key=lambda each: (each.is_solid, _LOUDNESS.get(each.style, 0)))
        if not crossing.is_solid and crossing.bits == UP | DOWN:
            return self.glyphs.idle_vertical, crossing.style
        if not crossing.is_solid and crossing.bits == LEFT | RIGHT:
            return self.glyphs.idle_horizontal, crossing.style
        return self.glyphs.junctions[crossing.bits], crossing.style


def path_cells(corners: Sequence[Cell]) -> list[Cell]:
    """Return every cell of the line through `corners`, ends included, none of them twice in a row."""
    cells: list[Cell] = [corners[0]]
    for row, col in corners[1:]:
        at_row, at_col = cells[-1]
        down = (row > at_row) - (row < at_row)
        aside = (col > at_col) - (col < at_col)
        while (at_row, at_col) != (row, col):
            at_row, at_col = at_row + down, at_col + aside
            cells.append((at_row, at_col))
    return cells


def _towards(cell: Cell, other: Cell) -> int:
    if other[0] != cell[0]:
        return DOWN if other[0] > cell[0] else UP
    return RIGHT if other[1] > cell[1] else LEFT


def _joined(row: dict[int, tuple[str, Style]]) -> Line:
    """Return the cells of one row as spans; neighbours in one style become one."""
    end = max((col for col, (text, _) in row.items() if text != " "), default=-1)
    spans: list[Span] = []
    for col in range(end + 1):
        text, style = row.get(col, (" ", "text"))
        if spans and (spans[-1].style == style):
            spans[-1] = Span(spans[-1].text + text, style)
        else:
            spans.append(Span(text, style))
    return tuple(spans)
