"""The last row of every screen: the keys that work here, from the table of keys."""

from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.tui.keymap import ACTIONS, Place, shown_key
from ppsconsole.tui.widgets.lines import LinesView


class KeyStrip(LinesView, inherit_bindings=False):
    """One row; help and quit stay when not everything fits."""

    def __init__(self, glyphs: Glyphs, where: Place) -> None:
        super().__init__(id="keys")
        self.glyphs = glyphs
        self.where: Place = where

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return the row."""
        return (key_line(self.where, width),)


def key_line(where: Place, width: int) -> Line:
    """Return keys and labels of a place, at most `width` cells; those before the last two are dropped from the right."""
    pairs = [(shown_key(each.keys[0]), each.label) for each in ACTIONS if each.label and each.where in (where, "everywhere")]
    while len(pairs) > 2 and sum(len(key) + len(label) + 3 for key, label in pairs) > width:
        del pairs[-3]
    line: list[Span] = []
    for key, label in pairs:
        line.extend((Span(" "), Span(key, "title"), Span(f" {label} ", "dim")))
    return tuple(line)
