"""The last row of every screen: the keys that work here, from the table of keys."""

from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.settings.actions import ACTIONS, Action, Place
from ppsconsole.settings.keys import shown_key
from ppsconsole.tui.widgets.lines import LinesView


class KeyStrip(LinesView, inherit_bindings=False):
    """One row; help and quit stay when not everything fits."""

    def __init__(self, glyphs: Glyphs, where: Place) -> None:
        super().__init__(id="keys")
        self.glyphs = glyphs
        self.where: Place = where
        self.is_unlocked = False

    def show_lock(self, is_unlocked: bool) -> None:
        """Grey the keys that change something, or not."""
        self.is_unlocked = is_unlocked
        self.redraw()

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return the row."""
        return (key_line(self.where, width, self.is_unlocked),)


def key_line(where: Place, width: int, is_unlocked: bool = False) -> Line:
    """Return keys and labels of a place, at most `width` cells; those before the last two are dropped from the right."""
    shown = [each for each in ACTIONS if each.label and each.where in (where, "everywhere")]
    texts = [(each, shown_key(each.keys[0]), _label(each, is_unlocked)) for each in shown]
    while len(texts) > 2 and sum(len(key) + len(label) + 3 for _, key, label in texts) > width:
        del texts[-3]
    line: list[Span] = []
    for each, key, label in texts:
        is_grey = each.is_locked and not is_unlocked
        line.extend((Span(" "), Span(key, "dim" if is_grey else "title"), Span(f" {label} ", "dim")))
    return tuple(line)


def _label(action: Action, is_unlocked: bool) -> str:
    return "Lock" if action.id == "unlock" and is_unlocked else action.label
