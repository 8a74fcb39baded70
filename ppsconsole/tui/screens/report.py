"""The report of a run: read here, in the pager, copied, or saved to a file."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from ppsconsole.draw.plan import direction
from ppsconsole.draw.run_view import RunView
from ppsconsole.draw.text import Glyphs, Line, Span, line_text
from ppsconsole.draw.words import folded
from ppsconsole.inventory.places import state_home
from ppsconsole.plan.event import RunEvent
from ppsconsole.settings.actions import Place
from ppsconsole.tui.clipboard import keep
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.page import Page

if TYPE_CHECKING:
    from ppsconsole.tui.attending import AttendingApp

FILE_WIDTH = 100
"""Cells in a row of a saved or copied report; commands are kept whole."""


class ReportScreen(Page, inherit_bindings=False):
    """What `runs report` prints, on a screen."""

    BINDINGS = bindings("report")
    PLACE: ClassVar[Place] = "report"

    def __init__(self, scene: Scene, glyphs: Glyphs, view: RunView, events: Sequence[RunEvent]) -> None:
        super().__init__(scene, glyphs)
        self.run_view, self.events = view, tuple(events)
        self.is_markdown = False

    def page_title(self) -> str:
        """Return what it is about."""
        plan = self.run_view.plan
        form = ", as Markdown" if self.is_markdown else ""
        return f"Report of run {self.run_view.run}: {plan.runbook} {direction(plan)}".rstrip() + form

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return the report; what is too long for a row goes on in the next one."""
        from ppsconsole.reports.text import report_lines

        if self.is_markdown:
            lines: Sequence[Line] = [(Span(each),) for each in self._markdown().splitlines()]
        else:
            lines = report_lines(self.run_view, self.events, self.scene.now, width, self.glyphs)
        return [part for line in lines for part in folded(line, width)]

    def text(self) -> str:
        """Return the report, as it is shown, for a file or the clipboard."""
        from ppsconsole.reports.text import report_lines

        if self.is_markdown:
            return self._markdown().rstrip("\n")
        lines = report_lines(self.run_view, self.events, self.scene.now, FILE_WIDTH, self.glyphs)
        return "\n".join(line_text(line) for line in lines)

    # keys -----------------------------------------------------------------------------------------------------------

    def action_markdown(self) -> None:
        """Show it as Markdown, or as text again."""
        self.is_markdown = not self.is_markdown
        self.view.set_title(self.page_title())
        self.view.redraw()

    def action_pager(self) -> None:
        """Open it in the pager."""
        cast("AttendingApp", self.app).open_in_pager(f"{self.text()}\n")

    def action_save(self) -> None:
        """Save it below the state folder, and say where."""
        path = state_home() / "reports" / f"{self.run_view.run}.{'md' if self.is_markdown else 'txt'}"
        try:
            keep(self.text(), path)
        except OSError as error:
            self.notify(f"{path}: {error.strerror}", title="Not saved", severity="warning", timeout=12, markup=False)
        else:
            self.notify(f"Saved to {path}", timeout=12, markup=False)

    def _markdown(self) -> str:
        from ppsconsole.reports.text import report_markdown

        return report_markdown(self.run_view, self.events, self.scene.now)
