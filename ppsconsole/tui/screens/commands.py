"""Commands we ran."""

from collections.abc import Sequence

from ppsconsole.draw.text import Line, Span
from ppsconsole.tui.screens.page import Page
from ppsconsole.tui.widgets.commands import command_lines, records_of


class CommandsScreen(Page):
    """Every command and query that was sent, with duration and outcome, newest first."""

    NAME = "commands"
    TITLE = "Commands we ran, newest first"

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return the commands."""
        records = records_of(self.scene)
        shown = [each for each in records if self.found.matches(each.where, each.outcome, each.command)]
        if records and not shown:
            return [(Span("No command has these words.", "dim"),)]
        return command_lines(shown, width, self.glyphs) or [(Span("Nothing was sent yet.", "dim"),)]
