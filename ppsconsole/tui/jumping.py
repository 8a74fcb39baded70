"""Jump mode: a letter on everything that can be chosen on a screen; the letter chooses it."""

from collections.abc import Callable, Mapping, Sequence

from ppsconsole.draw.text import Line, Span
from ppsconsole.draw.words import width_of
from ppsconsole.tui.widgets.lines import LinesView
from ppsconsole.values import dataclass

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""Where the fingers rest comes first."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that can be chosen.

    Attributes:
        view: Where it is shown.
        row: Its line in the view, also when that is scrolled out of sight.
        column: Its first cell.
        width: Cells that belong to it, for the mouse.
        act: Chooses it.
    """

    view: LinesView
    row: int
    column: int
    width: int
    act: Callable[[], None]

    @property
    def is_in_sight(self) -> bool:
        """Whether it is shown now."""
        size = self.view.size
        return self.view.display and 0 <= self.row - self.view.top < size.height and 0 <= self.column < size.width

    def is_at(self, x: int, y: int) -> bool:
        """Return whether the cell of the screen belongs to it."""
        region = self.view.content_region
        return self.is_in_sight and y == region.y + self.row - self.view.top and 0 <= x - region.x - self.column < self.width


def labels(count: int) -> list[str]:
    """Return `count` labels of which none begins another: one letter each, or two where there are more than letters."""
    if count <= len(LETTERS):
        return list(LETTERS[:count])
    return [first + second for first in LETTERS for second in LETTERS][:count]


def labelled(targets: Sequence[Target]) -> dict[str, Target]:
    """Return the targets in sight, each under its label."""
    shown = [each for each in targets if each.is_in_sight]
    return dict(zip(labels(len(shown)), shown, strict=False))


def decoration(view: LinesView, marks: Mapping[str, Target]) -> Callable[[int, Line], Line]:
    """Return what draws the labels over the lines of `view`."""
    rows: dict[int, list[tuple[int, str]]] = {}
    for label, target in marks.items():
        if target.view is view:
            rows.setdefault(target.row, []).append((target.column, label))

    def drawn(number: int, line: Line) -> Line:
        for column, label in rows.get(number, ()):
            line = put(line, column, label)
        return line

    return drawn


def put(line: Line, column: int, text: str) -> Line:
    """Return `line` with `text` in reverse video over its cells from `column` on."""
    end, at = column + len(text), 0
    before: list[Span] = []
    after: list[Span] = []
    for span in line:
        for character in span.text:
            width = width_of(character)
            if at + width <= column:
                before.append(Span(character, span.style))
            elif at >= end:
                after.append(Span(character, span.style))
            at += width
    gap = column - sum(width_of(span.text) for span in before)
    return (*_joined(before), Span(" " * gap), Span(text, "selected"), *_joined(after))


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].style == span.style:
            joined[-1] = Span(joined[-1].text + span.text, span.style)
        else:
            joined.append(span)
    return joined
