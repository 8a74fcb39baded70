"""Sends the cells that changed, and nothing else: what is between a frame of Textual's and the terminal.

Textual sends the whole segments that a change touches, 190 to 290 bytes for each changed cell as measured. Here what it writes is
read as a terminal would read it, into cells; what differs from what the terminal shows is sent with the shortest moves and pens.
Reading the bytes, and not Textual's own objects, leaves nothing of Textual to depend on but that it draws with cursor addresses,
SGR and text; whatever else it may write one day is passed on as it stands, and the screen is drawn anew after it.
"""

import re

from ppsconsole.tui.terminal.grid import RIGHT_HALF, UNKNOWN, Grid, cells_of
from ppsconsole.tui.terminal.pens import PLAIN, Pen, blank_pen, change, taken

_TOKEN = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[(?P<pen>[\d;]*)m"
    r"|\x1b\[(?:(?P<row>\d+);(?P<column>\d+))?(?P<address>H)"
    r"|(?P<line>[\r\n])"
    r"|(?P<enter>\x1b\[\?1049h)"
    r"|(?P<leave>\x1b\[\?1049l)"
    r"|(?P<synchronized>\x1b\[\?2026[hl])"
    # Modes, questions, keyboard protocols, titles, clipboard, pointer shapes, cursor shapes, the bell: none touches a cell. Not
    # among them: other alternate screens, origin mode, links (OSC 8), which belong to the cells that follow.
    r"|(?P<aside>\x1b\[\?(?!(?:6|47|1047|1049)[hl])\d+(?:[hl]|\$p)|\x1b\[[<>=?][\d;]*u|\x1b\[\d* q"
    r"|\x1b\](?!8;)[^\x00-\x1f]*(?:\x07|\x1b\\)|\x07"
    # A part of a text for the clipboard, on its way through GNU screen.
    r"|\x1bP(?:\x1b\]52;c;)?[A-Za-z0-9+/=]*\x07?\x1b\\)"
)

_LONG = 1024
"""Characters from which a frame is sent between the marks of mode 2026: shorter ones arrive at once anyway."""

_SYNCHRONIZED = ("\x1b[?2026h", "\x1b[?2026l")


class Differ:
    """Takes what is written for a terminal and says what has to be sent.

    `take` never sends: `due` returns everything that was taken since, so that what a slow line had no time for is never sent.
    """

    def __init__(self) -> None:
        self._width = self._height = 0
        self._wanted = self._shown = Grid(0, 0)
        self._dirty: dict[int, tuple[int, int]] = {}
        self._out: list[str] = []
        self._is_entered = self._has_synchronized = False
        # Where whoever writes believes cursor and pen to be, and where the terminal has them; None is unknown.
        self._x: int | None = None
        self._y = 0
        self._pen = PLAIN
        self._at: tuple[int, int] | None = None
        self._at_pen: Pen | None = None

    @property
    def is_entered(self) -> bool:
        """Whether the alternate screen is on: only then anything is drawn."""
        return self._is_entered

    def resize(self, width: int, height: int) -> None:
        """Draw for a screen of that many cells from now on; nothing is known of it when that is another size."""
        if (width, height) != (self._width, self._height):
            self._width, self._height = width, height
            self._wanted, self._shown = Grid(width, height), Grid(width, height)
            self._dirty.clear()
            self._at = self._at_pen = None

    def forget(self) -> None:
        """Take what the terminal shows for unknown: everything is due again."""
        self._shown.forget()
        self._at = self._at_pen = None
        self._dirty = dict.fromkeys(range(self._height), (0, self._width))

    def take(self, data: str) -> None:
        """Take something that was written for the terminal."""
        end = len(data)
        position = 0
        while position < end:
            token = _TOKEN.match(data, position)
            if token is None or not self._took(token):
                self._pass_on(data[position:])
                return
            position = token.end()

    def due(self) -> str:
        """Return what has to be sent for the terminal to show what was taken; empty when it does already."""
        self._draw()
        if not self._out:
            return ""
        out = "".join(self._out)
        self._out.clear()
        if self._has_synchronized and self._is_entered and len(out) > _LONG:
            return f"{_SYNCHRONIZED[0]}{out}{_SYNCHRONIZED[1]}"
        return out

    # reading --------------------------------------------------------------------------------------------------------

    def _took(self, token: re.Match[str]) -> bool:
        """Take one token; return whether it was understood."""
        kind = token.lastgroup
        if kind == "text":
            return self._put(token[0])
        if kind == "pen":
            pen = taken(self._pen, token["pen"])
            if pen is None:
                return False
            self._pen = pen
        elif kind == "address":
            row, column = token["row"], token["column"]
            self._y, self._x = (max(0, int(row) - 1), max(0, int(column) - 1)) if row else (0, 0)
        elif kind == "line":
            # A line end comes before an address, and a row that is not there any more must not scroll the others.
            self._x, self._y = 0, self._y + (token[0] == "\n")
        elif kind == "synchronized":
            self._has_synchronized = True
        elif kind == "aside":
            self._out.append(token[0])
        else:
            self._turn(token[0], is_entered=kind == "enter")
        return True

    def _turn(self, sequence: str, *, is_entered: bool) -> None:
        """Enter or leave the alternate screen; what was not sent of a frame by then is not sent to the other screen."""
        if self._at_pen != PLAIN:
            self._out.append(change(self._at_pen, PLAIN))
        self._out.append(sequence)
        self.forget()
        self._is_entered, self._at_pen = is_entered, PLAIN

    def _put(self, text: str) -> bool:
        if self._x is None:
            return False
        x, y = self._x, self._y
        cells, pens, leading = cells_of(text, self._pen)
        self._x = x + len(cells)
        if y >= self._height or x >= self._width:
            return True
        if leading and x > 0:
            before = self._wanted.text[y][x - 1]
            if before not in (RIGHT_HALF, UNKNOWN):
                self._mark(y, self._wanted.put(x - 1, y, [before + leading], [self._wanted.pens[y][x - 1]]))
        room = self._width - x
        if len(cells) > room:
            is_cut = cells[room] == RIGHT_HALF
            cells, pens = cells[:room], pens[:room]
            if is_cut:
                cells[-1] = " "
        self._mark(y, self._wanted.put(x, y, cells, pens))
        return True

    def _mark(self, row: int, columns: tuple[int, int] | None) -> None:
        if columns is not None:
            was = self._dirty.get(row)
            self._dirty[row] = columns if was is None else (min(was[0], columns[0]), max(was[1], columns[1]))

    def _pass_on(self, rest: str) -> None:
        """Pass on what is not understood as it stands, from where and with the pen that its writer believes in."""
        self._draw()
        if self._at_pen != self._pen:
            self._out.append(change(self._at_pen, self._pen))
        self._out.append(rest)
        self._wanted.forget()
        self._shown.forget()
        self._dirty.clear()
        self._pen, self._x, self._at, self._at_pen = PLAIN, None, None, None

    # drawing --------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if not self._is_entered:
            return
        for row in sorted(self._dirty):
            self._draw_row(row, *self._dirty[row])
        self._dirty.clear()
        if self._x is not None:
            # Input methods and screen readers follow the cursor although it is hidden.
            self._move(min(self._x, self._width - 1), min(self._y, self._height - 1))

    def _draw_row(self, y: int, start: int, stop: int) -> None:
        """Send what differs in a row between two columns; the loop that a console's time goes into."""
        wanted, shown = self._wanted.text[y], self._shown.text[y]
        wanted_pens, shown_pens = self._wanted.pens[y], self._shown.pens[y]
        has_pairs = RIGHT_HALF in wanted or RIGHT_HALF in shown
        if has_pairs:
            self._break_pairs(y)
            start, stop = 0, self._width
        out, pen, edge = self._out, self._at_pen, self._width - 1
        here = (
            self._at[0] if self._at is not None and self._at[1] == y else -1
        )  # the cursor's column, -1 where it is not in this row
        for x in range(start, stop):
            text, style = wanted[x], wanted_pens[x]
            if text == shown[x] and style == shown_pens[x]:
                continue
            shown[x], shown_pens[x] = text, style
            if text in (RIGHT_HALF, UNKNOWN):
                continue
            if here != x:
                self._at_pen = pen
                if here >= 0:
                    self._at = (here, y)
                self._move(x, y)
            if style != pen and not (text == " " and pen is not None and blank_pen(pen) == style):
                out.append(change(pen, style))
                pen = style
            out.append(text)
            if len(text) == 1 and x < edge and not (has_pairs and wanted[x + 1] == RIGHT_HALF):
                here = x + 1
            else:  # how wide a terminal makes anything but a plain character is not certain, and at the edge terminals differ
                here, self._at = -1, None
        self._at_pen = pen
        if here >= 0:
            self._at = (here, y)

    def _break_pairs(self, y: int) -> None:
        """Make both halves of a wide character due where one is: a terminal does not draw halves, and leaves none."""
        wanted, shown = self._wanted.text[y], self._shown.text[y]
        wanted_pens, shown_pens = self._wanted.pens[y], self._shown.pens[y]
        pairs = [x for x in range(1, self._width) if RIGHT_HALF in (wanted[x], shown[x])]
        has_changed = True
        while has_changed:
            has_changed = False
            for x in pairs:
                is_due = any(wanted[at] != shown[at] or wanted_pens[at] != shown_pens[at] for at in (x - 1, x))
                if is_due and (shown[x - 1] != UNKNOWN or shown[x] != UNKNOWN):
                    shown[x - 1] = shown[x] = UNKNOWN
                    has_changed = True

    def _move(self, x: int, y: int) -> None:
        """Move the terminal's cursor, the shortest way; over a few cells that it shows by drawing them again."""
        if self._at == (x, y):
            return
        best = f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H" if y else "\x1b[H"
        if self._at is not None:
            at_x, at_y = self._at
            way = ""
            if at_y == y:
                steps = x - at_x
                way = f"\x1b[{steps if steps > 1 else ''}C" if steps > 0 else f"\x1b[{-steps if steps < -1 else ''}D"
                again = self._again(at_x, x, y)
                if again and len(again.encode()) <= len(way):
                    way = again
                elif x == 0:
                    way = "\r"
            elif at_x == x:
                steps = y - at_y
                way = f"\x1b[{steps if steps > 1 else ''}B" if steps > 0 else f"\x1b[{-steps if steps < -1 else ''}A"
            if way and len(way.encode()) <= len(best):
                best = way
        self._out.append(best)
        self._at = (x, y)

    def _again(self, start: int, stop: int, y: int) -> str:
        """Return what is shown in these columns where drawing it again is a way over them, empty where it is not."""
        if not 0 < stop - start <= 5:  # a move costs four to six bytes
            return ""
        pen, row = self._at_pen, self._shown.text[y]
        if pen is None or (stop < self._width and row[stop] == RIGHT_HALF):
            return ""
        for cell, style in zip(row[start:stop], self._shown.pens[y][start:stop], strict=True):
            if len(cell) != 1 or cell == UNKNOWN or style != (blank_pen(pen) if cell == " " else pen):
                return ""
        return "".join(row[start:stop])
