"""Reads a drawing back, as an eye follows its lines: which boxes does it say are linked?"""

from collections.abc import Mapping
from itertools import pairwise

from ppsconsole.draw.text import UNICODE, Line, line_text
from ppsconsole.draw.words import cell_width

UP, RIGHT, DOWN, LEFT = 1, 2, 4, 8
STEPS = {UP: (-1, 0), RIGHT: (0, 1), DOWN: (1, 0), LEFT: (0, -1)}
BACK = {UP: DOWN, DOWN: UP, LEFT: RIGHT, RIGHT: LEFT}

BITS = {glyph: bits for bits, glyph in reversed(list(enumerate(UNICODE.junctions))) if bits} | {"│": 5, "─": 10}
_LEVEL_OR_UPRIGHT = set("│─")
"""What looks solid by itself; corners and tees are the same for all lines."""
IDLE = {UNICODE.idle_vertical: UP | DOWN, UNICODE.idle_horizontal: LEFT | RIGHT}
SIGNS = (UNICODE.replication_broken, UNICODE.unknown)

Cell = tuple[int, int]
Spots = Mapping[str, tuple[int, int, int]]


def cells_of(lines: tuple[Line, ...]) -> dict[Cell, str]:
    """Return what stands in each cell; the second cell of a wide character holds nothing."""
    found = {}
    for row, line in enumerate(lines):
        col = 0
        for character in line_text(line):
            found[row, col] = character
            col += cell_width(character)
    return found


def linked(lines: tuple[Line, ...], spots: Spots, upper: int, gap: range, *, solid_only: bool) -> set[tuple[str, str]]:
    """Return each two boxes, one in row `upper` and one in row `lower`, that lines between these rows connect.

    Args:
        lines: The drawing.
        spots: Where its nodes stand.
        upper: Row of the upper boxes.
        gap: The rows between the two, without what is said of the upper ones; the lower ones stand below.
        solid_only: Whether to follow only lines that say that something is carried.
    """
    cells, lower = cells_of(lines), gap.stop
    between = [cell for cell in cells if upper < cell[0] < lower]
    every = {cell: bits for cell in between if (bits := _bits(cells, cell, solid_only=False))}
    strokes = {cell: bits for cell in between if (bits := _bits(cells, cell, solid_only))}
    found: set[tuple[str, str]] = set()
    for name, (row, col, width) in spots.items():
        if row != upper:
            continue
        for start in _starts(cells, every, range(upper + 1, lower), gap, range(col + 1, col + width - 1)):
            followed = _followed(strokes, start)
            if solid_only and not any(cells.get(cell) in _LEVEL_OR_UPRIGHT for cell in followed):
                continue
            for end in followed:
                if end[0] == lower:
                    found |= {(name, other) for other, spot in spots.items() if _holds(spot, end)}
    return found


def _bits(cells: Mapping[Cell, str], cell: Cell, solid_only: bool) -> int:
    glyph = cells[cell]
    if glyph in BITS:
        return BITS[glyph]
    if solid_only:
        return 0
    if glyph in SIGNS and any(cells.get((cell[0] + step, cell[1]), "") in (*BITS, *IDLE) for step in (-1, 1)):
        return UP | DOWN
    return IDLE.get(glyph, 0)


def _starts(cells: Mapping[Cell, str], strokes: Mapping[Cell, int], below: range, gap: range, columns: range) -> list[Cell]:
    """Return the first stroke below a box, for each of its columns; words in the gap are what is read first."""
    found = []
    for col in columns:
        filled = [(row, col) for row in below if (row, col) in strokes or (row in gap and cells.get((row, col), " ") != " ")]
        if filled and strokes.get(filled[0], 0) & UP:
            found.append(filled[0])
    return found


def _followed(strokes: Mapping[Cell, int], start: Cell) -> set[Cell]:
    """Return every cell that lines lead to from `start`; those beyond the strokes are where they end."""
    seen, todo = {start}, [start]
    while todo:
        cell = todo.pop()
        for bit, (down, aside) in STEPS.items():
            if not strokes.get(cell, 0) & bit:
                continue
            there = (cell[0] + down, cell[1] + aside)
            # Lines that have nothing to do with each other cross: the upright one passes over the level one.
            while bit in (LEFT, RIGHT) and strokes.get(there) == UP | DOWN:
                there = (there[0], there[1] + aside)
            if there in strokes and not strokes[there] & BACK[bit]:
                continue
            if there not in seen:
                seen.add(there)
                todo.append(there)
    return seen


def _holds(spot: tuple[int, int, int], cell: Cell) -> bool:
    row, col, width = spot
    return row == cell[0] and col <= cell[1] < col + width


def copied(lines: tuple[Line, ...], spots: Spots, row: int) -> set[tuple[str, str]]:
    """Return each source and target between which an arrow of replication stands in the row of the databases."""
    text = {col: character for (at, col), character in cells_of(lines).items() if at == row}
    boxes = sorted((col, col + width, name) for name, (at, col, width) in spots.items() if at == row)
    found = set()
    for (_, end, left), (start, _, right) in pairwise(boxes):
        between = "".join(text.get(col, " ") for col in range(end, start))
        if UNICODE.arrow_right in between:
            found.add((left, right))
        if UNICODE.arrow_left in between:
            found.add((right, left))
    return found
