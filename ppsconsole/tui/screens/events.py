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
        events = self.scene.events()
        shown = tuple(each for each in events if self.found.matches(each.subject, each.words, each.verdict.name))
        if events and not shown:
            return [(Span("No event has these words.", "dim"),)]
        lines = event_lines(shown, width, self.glyphs)
        return lines or [(Span("Nothing has changed since this console was opened.", "dim"),)]
