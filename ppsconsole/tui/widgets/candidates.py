"""What a half-typed command may mean: a few rows above the line."""

from collections.abc import Sequence

from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import fitted, padded, width_of
from ppsconsole.tui.commanding import Command
from ppsconsole.tui.widgets.lines import LinesView

MOST_ROWS = 9


class CandidatesView(LinesView, inherit_bindings=False):
    """Lies over the lowest rows of a screen; one candidate is selected."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="candidates")
        self.glyphs = glyphs
        self._found: Sequence[Command] = ()
        self._selected = 0

    def show_found(self, found: Sequence[Command], selected: int) -> None:
        """Show other candidates, or select another one."""
        self._found, self._selected = found, selected
        self.set_title(f"{len(found)} commands" if len(found) != 1 else "1 command")
        self.redraw()
        self.reveal(selected)

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return one row for each candidate."""
        longest = max((width_of(each.words) for each in self._found), default=0)
        room = max(16, min(longest, width - 12))
        return tuple(
            candidate_line(each, number == self._selected, room, width, self.glyphs) for number, each in enumerate(self._found)
        )


def candidate_line(command: Command, is_selected: bool, room: int, width: int, glyphs: Glyphs) -> Line:
    """Return what is typed in `room` cells, the key that does the same, and what it does."""
    return fitted(
        (
            Span(f"{glyphs.pointer if is_selected else ' '} "),
            Span(padded(command.words, room, glyphs), "selected" if is_selected else "title"),
            Span(f" {command.key:<6} ", "edge"),
            Span(command.about, "dim"),
        ),
        width,
        glyphs,
    )
