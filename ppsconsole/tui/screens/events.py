"""All events."""

from collections.abc import Sequence

from ppsconsole.draw.text import Line, Span
from ppsconsole.tui.screens.page import Page
from ppsconsole.tui.widgets.events import event_lines


class EventsScreen(Page):
    """Every event with all its words, newest first."""

    NAME = "events"
    TITLE = "Events, newest first"

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return the events."""
        lines = event_lines(self.scene.events(), width, self.glyphs)
        return lines or [(Span("Nothing has changed since this console was opened.", "dim"),)]
