"""A screen as cells: what a frame wants there, or what the terminal shows."""

from collections.abc import Sequence
from functools import lru_cache

from rich.cells import split_graphemes

from ppsconsole.tui.terminal.pens import PLAIN, Pen, blank_pen

RIGHT_HALF = ""
"""What stands in the second cell of a wide character."""

UNKNOWN = "\x00"
"""What stands in a cell that nothing is known of; nothing that is drawn equals it."""


class Grid:
    """Cells of a screen, row by row.

    Attributes:
        text: What stands in each cell: a character, with what combines with it; `RIGHT_HALF`; `UNKNOWN`.
        pens: How it is drawn.
    """

    __slots__ = ("pens", "text")

    def __init__(self, width: int, height: int) -> None:
        self.text: list[list[str]] = [[UNKNOWN] * width for _ in range(height)]
        self.pens: list[list[Pen]] = [[PLAIN] * width for _ in range(height)]

    def forget(self) -> None:
        """Take nothing for known any more."""
        for row in self.text:
            row[:] = [UNKNOWN] * len(row)

    def put(self, x: int, y: int, cells: Sequence[str], pens: Sequence[Pen]) -> tuple[int, int] | None:
        """Put cells into row `y` from column `x` on, which have to fit; return the columns that changed, None for none.

        As on a terminal, half of a wide character does not stay when its other half is drawn over: it becomes a blank.
        """
        row, styles, end = self.text[y], self.pens[y], x + len(cells)
        if row[x:end] == cells and styles[x:end] == pens:
            return None
        start, stop = x, end
        if cells and row[x] == RIGHT_HALF and x > 0:
            start = x - 1
            row[start], styles[start] = " ", blank_pen(styles[start])
        if end < len(row) and row[end] == RIGHT_HALF:
            row[end], styles[end] = " ", blank_pen(styles[end])
            stop = end + 1
        row[x:end] = cells
        styles[x:end] = pens
        return start, stop


@lru_cache(8192)
def cells_of(text: str, pen: Pen) -> tuple[list[str], list[Pen], str]:
    """Return the cells of a text, a pen for each, and what of its beginning combines with the cell before it.

    The lists are shared and must not be changed. A blank gets the pen that can be seen on it, so that two blanks that look
    alike are alike.
    """
    leading = ""
    if text.isascii():
        cells = list(text)
    else:
        cells = []
        for start, end, width in split_graphemes(text)[0]:
            if width:
                cells += [text[start:end], *[RIGHT_HALF] * (width - 1)]
            elif cells:
                cells[-1] += text[start:end]
            else:
                leading += text[start:end]
    blank = blank_pen(pen)
    if blank == pen or " " not in text:
        return cells, [pen] * len(cells), leading
    return cells, [blank if each == " " else pen for each in cells], leading
