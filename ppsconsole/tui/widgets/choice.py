"""A button of one row: brackets, pointer and reverse video where the focus is, a word where it is locked; never colour alone."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.tui.widgets.lines import LinesView


class Choice(LinesView, can_focus=True, inherit_bindings=False):
    """Taken with Enter or Space while it has the focus. A paste does nothing: it is not made of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "take", show=False)]

    class Taken(Message):
        """The operator took it."""

        def __init__(self, choice: "Choice") -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, id: str, label: str, glyphs: Glyphs) -> None:
        super().__init__(id=id)
        self._label, self._glyphs = label, glyphs
        self.is_locked = False

    def set_locked(self, is_locked: bool) -> None:
        """Lock it, or unlock it."""
        if is_locked != self.is_locked:
            self.is_locked = is_locked
            self.redraw()

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return the button."""
        words = f"[ {self._label} ]" + (" (locked)" if self.is_locked else "")
        if self.has_focus:
            return ((Span(f"{self._glyphs.pointer} "), Span(words, "selected")),)
        return ((Span("  "), Span(words, "dim" if self.is_locked else "title")),)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Carry the reverse video, or give it away."""
        super().watch_has_focus(has_focus)
        self.redraw()

    def action_take(self) -> None:
        """Tell the dialog, unless it is locked."""
        if not self.is_locked:
            self.post_message(self.Taken(self))
