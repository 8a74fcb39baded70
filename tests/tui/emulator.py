"""A terminal emulator for tests: what bytes look like once a terminal has taken them."""

import re
from typing import NamedTuple

import pyte
from pyte.screens import Char

_BEYOND_PYTE = re.compile(rb"\x1b\[[<>=?][\d;]*u|\x1b\[\?[\d;]+\$p|\x1b\][^\x00-\x1f]*(?:\x07|\x1b\\)|\x1b\[\d* q")
"""What pyte would take for text: keyboard protocols, questions, OSC strings, cursor shapes."""

_SCRIBBLE = "▒"
_WHOLE = re.compile(rb"\x1b(?:\[[<>=?]?[\d;]*[ $]?[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[^\[\]])")


class Cell(NamedTuple):
    """What an eye sees in one cell; of a blank that shows no line and no reversal only the background is seen."""

    text: str
    style: tuple[object, ...]


class Emulator:
    """A screen that bytes are fed to."""

    def __init__(self, width: int = 80, height: int = 24) -> None:
        self._screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self._screen)
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Show `data`; a sequence or a character that is not whole waits for the next."""
        data = self._rest + data
        cut = data.rfind(b"\x1b", len(data) - 64 if len(data) > 64 else 0)
        is_whole = cut < 0 or _WHOLE.match(data, cut)
        data, self._rest = (data, b"") if is_whole else (data[:cut], data[cut:])
        self._stream.feed(_BEYOND_PYTE.sub(b"", data))

    def resize(self, width: int, height: int) -> None:
        """Change the size as a terminal does: what was shown is anybody's guess."""
        self._screen.resize(height, width)
        self.scribble()

    def scribble(self) -> None:
        """Write over everything, as a message from the kernel would."""
        for row in range(self._screen.lines):
            for column in range(self._screen.columns):
                self._screen.buffer[row][column] = Char(_SCRIBBLE, fg="red")

    @property
    def is_scribbled(self) -> bool:
        """Whether something of a scribble is left."""
        return any(_SCRIBBLE in row for row in self.rows)

    @property
    def rows(self) -> list[str]:
        """The rows as text."""
        return list(self._screen.display)

    @property
    def text(self) -> str:
        """All rows as text, without trailing blanks."""
        return "\n".join(row.rstrip() for row in self.rows)

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and row of the cursor."""
        return min(self._screen.cursor.x, self._screen.columns - 1), self._screen.cursor.y

    def cells(self) -> list[list[Cell]]:
        """Every cell as an eye sees it."""
        return [[_seen(self._screen.buffer[y][x]) for x in range(self._screen.columns)] for y in range(self._screen.lines)]


def _seen(char: Char) -> Cell:
    marks = (char.reverse, char.underscore, char.strikethrough, char.blink)
    if char.data == " " and not any(marks):
        return Cell(" ", (char.bg,))
    return Cell(char.data, (char.fg, char.bg, char.bold, char.italics, *marks))
