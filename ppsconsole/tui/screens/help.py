"""Which key does what, made from the table of keys; and what the marks mean."""

from collections.abc import Sequence

from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import hanging
from ppsconsole.settings.actions import ACTIONS, Action, Place
from ppsconsole.settings.sheet import in_order, key_of, keys_of, place_lines
from ppsconsole.tui.badge import badge
from ppsconsole.tui.finding import Find
from ppsconsole.tui.keymap import actions_of
from ppsconsole.tui.screens.page import Page
from ppsconsole.tui.widgets.key_strip import KeyStrip

_MEANINGS = {
    Verdict.OK: "seen, and within its limits",
    Verdict.WARN: "seen, and past the limit that warns",
    Verdict.DOWN: "does not do what it is for",
    Verdict.UNKNOWN: "not seen yet, too old, or out of reach: it may be well or not",
    Verdict.OFF: "switched off on purpose",
}


class HelpScreen(Page):
    """Every key, by the place where it works; the place that it was asked for in comes first."""

    NAME = "help"
    TITLE = "Help"

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return the keys and the legend; while something is searched for, only the keys that have it."""
        return help_lines(width, self.glyphs, actions_of(self.app), self._place(), self.found)

    def _place(self) -> Place | None:
        """Return the place of the screen below."""
        below = self.app.screen_stack[:-1][-1:]
        return next((strip.where for screen in below for strip in screen.query(KeyStrip)), None)


def help_lines(
    width: int,
    glyphs: Glyphs,
    actions: Sequence[Action] = ACTIONS,
    place: Place | None = None,
    found: Find | None = None,
) -> list[Line]:
    """Return the help page for that many cells.

    Args:
        width: Cells.
        glyphs: Characters to draw with.
        actions: The table, with the user's own keys.
        place: The place to tell first.
        found: Leave out all that has not these words.
    """
    if found:
        return _found_lines(width, glyphs, actions, found)
    lines: list[Line] = [*hanging((), _how(actions), "text", width, glyphs), ()]
    for each in in_order(place):
        if told := place_lines(each, actions, width, glyphs):
            lines.extend((*told, ()))
    lines.append((Span("Marks", "title"),))
    for verdict, meaning in _MEANINGS.items():
        lines.extend(hanging((Span("  "), badge(verdict, glyphs), Span("      ")), meaning, "text", width, glyphs))
    lines.append(())
    lines.append((Span("Times are UTC. A fact that is too old is unknown, never its last good value.", "dim"),))
    lines.extend(hanging((), "Other keys: `ppsconsole keys --yaml` prints a console.yaml to start from.", "dim", width, glyphs))
    return lines


def _how(actions: Sequence[Action]) -> str:
    unlock, run = key_of("unlock", actions), key_of("to-run", actions)
    return (
        f"The console starts read-only and only looks; {unlock} unlocks it. Nothing is changed before a plan was read and what "
        f"its gates ask was answered. A run belongs to the console and not to its screen: Esc leaves it running, {run} goes back "
        "to it."
    )


def _found_lines(width: int, glyphs: Glyphs, actions: Sequence[Action], found: Find) -> list[Line]:
    lines: list[Line] = []
    for place in in_order():
        fitting = [each for each in actions if each.where == place and found.matches(each.id, each.description, keys_of(each))]
        if told := place_lines(place, fitting, width, glyphs):
            lines.extend((*told, ()))
    return lines or [(Span("No key does anything with these words.", "dim"),)]
