"""The one widget that draws: styled lines from `ppsconsole.draw`, no markup, only changed rows are sent again."""

from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style as Pen
from textual.color import Color
from textual.content import Content
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from ppsconsole.draw.text import Line, Style, line_text
from ppsconsole.masking import inert

_CACHED_ROWS = 512

_WEIGHTS = {
    "title": "bold",
    "warn": "bold",
    "down": "bold",
    "edge-broken": "bold",
    "selected": "bold reverse",
}
_WEIGHTS_ANSI = {**_WEIGHTS, "dim": "dim", "off": "dim", "edge-idle": "dim"}
"""Sixteen colours have no second grey."""

Decoration = Callable[[int, Line], Line]
"""Draws something over a line, given its number: what was found, or the letter of a jump."""


class LinesView(Widget, can_focus=False, inherit_bindings=False):
    """Shows lines of spans; what does not fit is reached by scrolling, which is never animated.

    A subclass overrides `draw` when its lines depend on its size; otherwise `show` is all there is to call.
    """

    DEFAULT_CSS = """
    LinesView {
        color: $pps-text;
    }
    """

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()
        self._top = 0
        self._title = ""
        self._mark = ""
        self._decorations: dict[str, Decoration] = {}
        self._position = ""
        self._drawn_for = Size(0, 0)
        self._strips: dict[tuple[Line, int], Strip] = {}
        self._pens: dict[Style, Pen] = {}

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines, also those that are scrolled out of sight."""
        return self._lines

    @property
    def top(self) -> int:
        """How many lines are scrolled off the top."""
        return self._top

    def text(self) -> str:
        """Return everything it shows as plain text, one row for each line, the title first."""
        rows = [line_text(line) for line in self._lines]
        return "\n".join(([f"== {inert(self._title)} =="] if self._title else []) + rows)

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines; rows that stay the same are not drawn again."""
        old, new = self._lines, tuple(lines)
        if old == new:
            return
        self._lines = new
        top, height, width = self._top, self.size.height, self.size.width
        if len(old) != len(new):
            self._show_position()
        self.go_to(top)
        for row in range(height if self._top == top else 0):
            number = row + top
            if old[number : number + 1] != new[number : number + 1]:
                self.refresh(Region(0, row, width, 1))

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Return the lines for a content area of that many cells; a view without own drawing keeps what it was shown."""
        return self._lines

    def redraw(self) -> None:
        """Draw again at the present size; nothing is sent when nothing changed."""
        width, height = self._drawn_for = self.size
        if width > 0 and height > 0:
            self.show(self.draw(width, height))

    def on_resize(self) -> None:
        """Lay the lines out anew."""
        self.redraw()
        self.go_to(self._top)
        self._show_position()

    def set_title(self, title: str) -> None:
        """Put `title` into the frame, as it stands: names come from files and are never markup."""
        if title != self._title:
            self._title = title
            self._write_title()

    def set_mark(self, mark: str) -> None:
        """Put `mark` before the title, such as the key that leads here; it is no part of the text that is copied."""
        if mark != self._mark:
            self._mark = mark
            self._write_title()

    def decorate(self, name: str, decoration: Decoration | None) -> None:
        """Draw something over the lines from now on, or no longer."""
        if decoration is not None:
            self._decorations[name] = decoration
        elif self._decorations.pop(name, None) is None:
            return
        self.refresh()

    # scrolling ------------------------------------------------------------------------------------------------------

    def go_to(self, row: int) -> None:
        """Scroll so that line `row` is the first one shown, as far as there are lines."""
        row = max(0, min(row, len(self._lines) - self.size.height))
        if row != self._top:
            self._top = row
            self._show_position()
            self.refresh()

    def reveal(self, row: int, count: int = 1) -> None:
        """Scroll no further than needed to bring `count` lines from `row` on into sight, their first one in any case."""
        height = self.size.height
        if row + count > self._top + height:
            self.go_to(row + count - height)
        if row < self._top:
            self.go_to(row)

    def on_mouse_scroll_down(self) -> None:
        """Follow the wheel."""
        self.go_to(self._top + 3)

    def on_mouse_scroll_up(self) -> None:
        """Follow the wheel."""
        self.go_to(self._top - 3)

    def _show_position(self) -> None:
        """Say in the frame what part is shown: a scroll bar would need glyphs that not every terminal has."""
        height, count = self.size.height, len(self._lines)
        position = f"{self._top + 1}-{min(count, self._top + height)} of {count}" if count > height > 0 else ""
        if position != self._position:
            self._position = position
            self._write_title()

    def _write_title(self) -> None:
        self.border_title = Content(inert("  ".join(part for part in (self._entitled(), self._position) if part)))

    def _entitled(self) -> str:
        return f"{self._mark} {self._title}" if self._mark and self._title else self._title

    # drawing --------------------------------------------------------------------------------------------------------

    def notify_style_update(self) -> None:
        """Forget what was drawn in the old colours."""
        super().notify_style_update()
        self._forget_colours()

    def on_mount(self) -> None:
        """Learn of other colours: those of the styles are no part of what Textual looks at to find out what changed."""
        self.app.theme_changed_signal.subscribe(self, self._recoloured)

    def _recoloured(self, _: object) -> None:
        self._forget_colours()
        self.refresh()

    def _forget_colours(self) -> None:
        self._strips.clear()
        self._pens.clear()

    def render_line(self, y: int) -> Strip:
        """Return row `y` of what is visible."""
        width, height = self.size
        if self._drawn_for != self.size:
            # Painted before the news of the new size came: drawing now spares a frame that would be painted over at once.
            self._drawn_for = self.size
            self._lines = tuple(self.draw(width, height))
        number = y + self._top
        if number >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[number]
        for decoration in self._decorations.values():
            line = decoration(number, line)
        key = (line, width)
        strip = self._strips.get(key)
        if strip is None:
            if len(self._strips) >= _CACHED_ROWS:
                self._strips.clear()
            strip = self._strips[key] = self._strip(*key)
        return strip

    def _strip(self, line: Line, width: int) -> Strip:
        segments = [Segment(inert(span.text), self._pen(span.style)) for span in line if span.text]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _pen(self, style: Style) -> Pen:
        """Return how text of a style is drawn on this view.

        Style sheets could say it, too: with a part for each style and view they would take as long as all else of a first frame.
        """
        pen = self._pens.get(style)
        if pen is None:
            weights = _WEIGHTS_ANSI if self.app.native_ansi_color else _WEIGHTS
            colour = self.app.theme_variables.get(f"pps-{style}")
            pen = self.rich_style + Pen.parse(weights.get(style, ""))
            if colour is not None:
                pen += Pen(color=Color.parse(colour).rich_color)
            self._pens[style] = pen
        return pen
