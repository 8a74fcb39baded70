"""Jump mode while it is on: letters stand on the screen, and the next one or two keys choose."""

from typing import TYPE_CHECKING

from textual.events import Key

from ppsconsole.tui.jumping import Target, decoration, labelled
from ppsconsole.tui.line_edit import LineEdit
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.widgets.key_strip import KeyStrip
from ppsconsole.tui.widgets.lines import LinesView

if TYPE_CHECKING:
    from ppsconsole.tui.hands import HandsApp


class Jump:
    """Anything but a letter that stands there leaves the mode and does nothing.

    Attributes:
        marks: The targets by their letters; empty where there is nothing to choose.
    """

    def __init__(self, app: "HandsApp", screen: ConsoleScreen, strip: KeyStrip) -> None:
        self.screen = screen
        self._app = app
        self._begun = LineEdit()
        targets: list[Target] = [*screen.jump_targets(), *strip.jump_targets()]
        self.marks = labelled(targets)
        self._views: set[LinesView] = {target.view for target in self.marks.values()}
        self._decorate()

    async def take_key(self, event: Key) -> None:
        """Choose, wait for the second letter, or leave."""
        begun = self._begun.typed(event.character or "\x00")
        fitting = [label for label in self.marks if label.startswith(begun.text)]
        if not event.character or not event.is_printable or not fitting:
            self._app.end_taking()
        elif begun.text in self.marks:
            target = self.marks[begun.text]
            self._app.end_taking()
            target.act()
        else:
            self._begun = begun
            self._decorate()

    def take_paste(self, text: str) -> None:
        """Leave: nobody pastes a letter."""
        self._app.end_taking()

    def close(self) -> None:
        """Take the letters off."""
        for view in self._views:
            view.decorate("jump", None)

    def resized(self) -> None:
        """Leave: everything stands elsewhere now."""
        self._app.end_taking()

    def _decorate(self) -> None:
        begun = self._begun.text
        shown = {label: target for label, target in self.marks.items() if label.startswith(begun)}
        for view in self._views:
            view.decorate("jump", decoration(view, shown))
