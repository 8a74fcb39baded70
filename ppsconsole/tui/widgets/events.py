"""What changed, newest first."""

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.picture import Event
from ppsconsole.draw.events import Told, grouped
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import fitted, hanging
from ppsconsole.tui.badge import badge
from ppsconsole.tui.widgets.panel import Panel


class EventsPanel(Panel, inherit_bindings=False):
    """The newest events, one row each; a flood is one row, too."""

    TITLE = "Events"

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return one row for each event."""
        if self.scene is None:
            return ()
        events = self.scene.events()
        if not events:
            return ((Span("Nothing has changed since this console was opened.", "dim"),),)
        return tuple(fitted((*told_head(each, self.glyphs), Span(each.words)), width, self.glyphs) for each in grouped(events))


def told_head(told: Told, glyphs: Glyphs) -> Line:
    """Return what stands before the words: time (UTC), state, subject."""
    first = told.first
    return Span(f"{hhmmss(first.at)}Z ", "dim"), badge(first.verdict, glyphs), Span(f" {told.subject:<8} ", "title")


def event_lines(events: tuple[Event, ...], width: int, glyphs: Glyphs) -> list[Line]:
    """Return events with all their words, as many rows as they need; those of a flood stand below what they are together."""
    lines: list[Line] = []
    for told in grouped(events):
        lines += hanging(told_head(told, glyphs), told.words, "text", width, glyphs)
        is_flood = len({(each.subject, each.words) for each in told.members}) > 1
        for each in told.members if is_flood else ():
            lines += hanging((Span(f"          {each.subject:<8} ", "dim"),), each.words, "dim", width, glyphs)
    return lines
