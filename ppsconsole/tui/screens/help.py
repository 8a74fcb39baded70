"""Which key does what, made from the table of keys; and what the marks mean."""

from collections.abc import Sequence

from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import hanging
from ppsconsole.settings.actions import ACTIONS, PLACES
from ppsconsole.settings.keys import shown_key
from ppsconsole.tui.badge import badge
from ppsconsole.tui.screens.page import Page

HOW = (
    "The console starts read-only and only looks; w unlocks it. Nothing is changed before a plan was read and the cluster's name "
    "was typed. A run belongs to the console and not to its screen: Esc leaves it running, R goes back to it."
)

_MEANINGS = {
    Verdict.OK: "seen, and within its limits",
    Verdict.WARN: "seen, and past the limit that warns",
    Verdict.DOWN: "does not do what it is for",
    Verdict.UNKNOWN: "not seen yet, too old, or out of reach: it may be well or not",
    Verdict.OFF: "switched off on purpose",
}


class HelpScreen(Page):
    """Every key, by the place where it works."""

    NAME = "help"
    TITLE = "Help"

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return the keys and the legend."""
        return help_lines(width, self.glyphs)


def help_lines(width: int, glyphs: Glyphs) -> list[Line]:
    """Return the help page for that many cells."""
    lines: list[Line] = [
        *hanging((), HOW, "text", width, glyphs),
        (),
    ]
    for place, title in PLACES.items():
        lines.append((Span(title, "title"),))
        for action in ACTIONS:
            if action.where == place:
                keys = ", ".join(shown_key(key) for key in action.keys)
                lines.extend(hanging((Span(f"  {keys:<14} ", "edge"),), action.description, "text", width, glyphs))
        lines.append(())
    lines.append((Span("Marks", "title"),))
    for verdict, meaning in _MEANINGS.items():
        lines.extend(hanging((Span("  "), badge(verdict, glyphs), Span("      ")), meaning, "text", width, glyphs))
    lines.append(())
    lines.append((Span("Times are UTC. A fact that is too old is unknown, never its last good value.", "dim"),))
    return lines
