"""A log of any length: only the rows in sight are laid out."""

import re
from collections.abc import Callable, Iterator, Sequence

from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import cell_width, width_of
from ppsconsole.masking import inert
from ppsconsole.tui.log_buffer import LogBuffer, LogLine
from ppsconsole.tui.widgets.lines import LinesView

ASIDE = 16
"""Cells by which a line that is cut off moves to the side."""

_BAD = re.compile(r"\b(?:FATAL|PANIC|ERROR|CRITICAL)\b|\[(?:emerg|alert|crit|error)\]")
_DUBIOUS = re.compile(r"\b(?:WARN|WARNING)\b|\[warn\]")


class LogView(LinesView, inherit_bindings=False):
    """Shows a part of a log buffer: its end while it follows, else from a line on.

    Attributes:
        buffer: What it shows.
        is_following: The newest line is at the bottom.
        is_wrapped: Long lines take several rows; otherwise they are cut off and `aside` cells are skipped.
        found: The text that was searched, lower-case where capitals do not matter; empty for none.
        current: Number of the line of the match at hand; None for none.
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="log")
        self.glyphs = glyphs
        self.buffer = LogBuffer()
        self.is_following = True
        self.is_wrapped = False
        self.aside = 0
        self.found = ""
        self.current: int | None = None
        self._anchor = (0, 0)  # the line, by its number, and the row of it that are at the top

    def restart(self, buffer: LogBuffer) -> None:
        """Show another log, its end."""
        self.buffer, self.is_following, self.current, self._anchor, self.aside = buffer, True, None, (0, 0), 0
        self.redraw()

    def text(self) -> str:
        """Return every line that the filter lets through, whole."""
        kept = (self.buffer.line(self.buffer.number(index)) for index in range(self.buffer.shown))
        return "\n".join([f"== {self._title} ==", *(inert(_said(each)) for each in kept)])

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Return the rows in sight."""
        last = self._above(self.buffer.shown, 0, height, width)
        if self.is_following or self._anchor > last:
            self._anchor = last  # where less is shown than before, nothing is gained by rows that are empty
        rows: list[Line] = []
        number, row = self._anchor
        if number < self.buffer.first:
            number, row = self.buffer.first, 0  # what stood at the top is not kept any more
        index = self.buffer.index(number)
        while index < self.buffer.shown and len(rows) < height:
            number = self.buffer.number(index)
            line = self.buffer.line(number)
            rows.extend(self._row(line, piece, number) for piece in self._pieces(line, width)[row:])
            index, row = index + 1, 0
        return rows[:height]

    # moving ---------------------------------------------------------------------------------------------------------

    def move(self, rows: int) -> None:
        """Scroll by rows; up ends following, and coming to the end does not begin it."""
        width, height = self.size
        self.is_following = False
        index, row = self.buffer.index(self._anchor[0]), self._anchor[1]
        if rows < 0:
            self._anchor = self._above(index, row, -rows, width)
        else:
            last = self._above(self.buffer.shown, 0, height, width)
            self._anchor = min(self._below(index, row, rows, width), last)
        self.redraw()

    def to_top(self) -> None:
        """Go to the oldest line that is kept."""
        self.is_following, self._anchor = False, (self.buffer.first, 0)
        self.redraw()

    def to_end(self) -> None:
        """Go to the newest line, and follow."""
        self.is_following = True
        self.redraw()

    def to_line(self, number: int) -> None:
        """Bring a line into sight, a third from the top where it is not."""
        self.current = number
        width, height = self.size
        index = self.buffer.index(number)
        top = self.buffer.index(self._anchor[0])
        bottom = self.buffer.index(self._below(top, self._anchor[1], max(0, height - 1), width)[0])
        self.is_following = False
        if not top <= index <= bottom or (index == top and self._anchor[1]):
            last = self._above(self.buffer.shown, 0, height, width)
            self._anchor = min(self._above(index, 0, height // 3, width), last)
        self.redraw()

    def next_match(self, matches: Callable[[str], bool], step: int) -> bool:
        """Go to the next line that matches, or the one before; around the end. Return whether there is any."""
        count = self.buffer.shown
        if not count:
            return False
        if self.current is None:
            # The first search goes to the newest match: that is what a log is read for.
            begin = count if step < 0 or self.is_following else self.buffer.index(self._anchor[0]) - 1
            step = -1 if self.is_following else step
        else:
            begin = self.buffer.index(self.current)
        for distance in range(1, count + 1):
            number = self.buffer.number((begin + step * distance) % count)
            if matches(self.buffer.line(number).text):
                self.to_line(number)
                return True
        return False

    def on_mouse_scroll_down(self) -> None:
        """Follow the wheel."""
        self.move(3)

    def on_mouse_scroll_up(self) -> None:
        """Follow the wheel."""
        self.move(-3)

    # rows -----------------------------------------------------------------------------------------------------------

    def _above(self, index: int, row: int, rows: int, width: int) -> tuple[int, int]:
        """Return line and row that lie `rows` above row `row` of the line at `index`."""
        while rows > row and index > 0:
            rows -= row
            index -= 1
            row = len(self._pieces(self.buffer.line(self.buffer.number(index)), width))
        if index >= self.buffer.shown:
            return (self.buffer.first + len(self.buffer), 0)
        return (self.buffer.number(index), max(0, row - rows))

    def _below(self, index: int, row: int, rows: int, width: int) -> tuple[int, int]:
        while index < self.buffer.shown:
            count = len(self._pieces(self.buffer.line(self.buffer.number(index)), width))
            if row + rows < count:
                return (self.buffer.number(index), row + rows)
            rows -= count - row
            index, row = index + 1, 0
        return (self.buffer.first + len(self.buffer), 0)

    def _pieces(self, line: LogLine, width: int) -> tuple[str, ...]:
        """Return the rows of a line, at least one."""
        text = _said(line)
        if not self.is_wrapped:
            if self.aside:
                text = text[self.aside :]
            if width_of(text) <= width:
                return (text,)
            return (next(_chunks(text, width - 1)) + self.glyphs.ellipsis,)
        if text.isascii() and len(text) <= width:
            return (text,)
        return tuple(_chunks(text, width)) or ("",)

    def _row(self, line: LogLine, piece: str, number: int) -> Line:
        style: Style = "dim" if line.is_remark else _style(line.text)
        if not self.found:
            return (Span(piece, style),)
        hit: Style = "selected" if number == self.current else "title"
        spans: list[Span] = []
        where = piece if self.found != self.found.lower() else piece.lower()
        position = 0
        # Lower-casing may change the length of a text: then nothing is marked rather than the wrong part.
        while len(where) == len(piece) and (found := where.find(self.found, position)) >= 0:
            spans += [Span(piece[position:found], style), Span(piece[found : found + len(self.found)], hit)]
            position = found + len(self.found)
        return tuple(span for span in (*spans, Span(piece[position:], style)) if span.text)


def _said(line: LogLine) -> str:
    return f"-- {line.text}" if line.is_remark else line.text


def _style(text: str) -> Style:
    return "down" if _BAD.search(text) else "warn" if _DUBIOUS.search(text) else "text"


def _chunks(text: str, width: int) -> Iterator[str]:
    """Yield `text` in pieces of at most `width` cells."""
    width = max(1, width)
    if text.isascii():
        for start in range(0, len(text), width):
            yield text[start : start + width]
        return
    piece, used = "", 0
    for each in text:
        wide = cell_width(each)
        if used + wide > width and piece:
            yield piece
            piece, used = "", 0
        piece, used = piece + each, used + wide
    if piece:
        yield piece
