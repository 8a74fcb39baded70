"""What changed, newest first."""

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.picture import Event
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import fitted, hanging
from ppsconsole.tui.badge import badge
from ppsconsole.tui.widgets.panel import Panel


class EventsPanel(Panel, inherit_bindings=False):
    """The newest events, one row each."""

    TITLE = "Events"

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return one row for each event."""
        if self.scene is None:
            return ()
        events = self.scene.events()
        if not events:
            return ((Span("Nothing has changed since this console was opened.", "dim"),),)
        return tuple(fitted((*event_head(event, self.glyphs), Span(event.words)), width, self.glyphs) for event in events)


def event_head(event: Event, glyphs: Glyphs) -> Line:
    """Return what stands before an event's words: time (UTC), state, subject."""
    return Span(f"{hhmmss(event.at)}Z ", "dim"), badge(event.verdict, glyphs), Span(f" {event.subject:<8} ", "title")


def event_lines(events: tuple[Event, ...], width: int, glyphs: Glyphs) -> list[Line]:
    """Return events with all their words, as many rows as they need."""
    return [line for event in events for line in hanging(event_head(event, glyphs), event.words, "text", width, glyphs)]
