"""All runs of the cluster, as the journal here and the hosts know them: open ones first, with what can be done about them."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult

from ppsconsole.draw.runs import RunEntry, runs_lines
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import hanging
from ppsconsole.errors import PpsConsoleError
from ppsconsole.masking import plain
from ppsconsole.tui.desks import Desk, Found
from ppsconsole.tui.jumping import Target
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.screens.page import PageView
from ppsconsole.tui.widgets.header_bar import HeaderBar
from ppsconsole.tui.widgets.key_strip import KeyStrip
from ppsconsole.tui.widgets.lines import LinesView

if TYPE_CHECKING:
    from ppsconsole.engine.resume import FoundRun
    from ppsconsole.tui.attending import AttendingApp

LIMIT = 200


class RunsScreen(ConsoleScreen, inherit_bindings=False):
    """A list with one selected run.

    Args:
        scene: What is shown.
        glyphs: The characters to draw with.
        desk: Reads journal and hosts.
    """

    BINDINGS = bindings("runs")

    def __init__(self, scene: Scene, glyphs: Glyphs, desk: Callable[[], Desk]) -> None:
        super().__init__(scene, glyphs)
        self._desk = desk
        self._all: dict[str, tuple[Found, RunEntry]] = {}
        self._remarks: tuple[str, ...] = ("Reading the journal here ...",)
        self._places: dict[str, tuple[int, int]] = {}
        self._reading: asyncio.Task[None] | None = None
        self.selected = ""
        self._is_chosen = False  # until somebody chooses, it is the first one: an open run that comes from a host is
        self.header = HeaderBar(glyphs)
        self.view = PageView(self)
        self.keys = KeyStrip(glyphs, "runs")

    def compose(self) -> ComposeResult:
        """Put header, list and keys on the screen."""
        yield self.header
        yield self.view
        yield self.keys

    def on_mount(self) -> None:
        """Show what there is already, and read."""
        self.view.set_title("Runs")
        self.show_scene(self.scene)
        self.action_read_again()

    async def on_unmount(self) -> None:
        """Read no longer."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def on_screen_resume(self) -> None:
        """Read again what may have changed while another screen was above."""
        if self._all:
            self.action_read_again()

    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`."""
        self.scene = scene
        self.header.show_scene(scene)
        self.keys.show_lock(scene.is_unlocked)
        self.view.redraw()

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return what is still read or could not be, then the list."""
        lines: list[Line] = []
        for each in self._remarks:
            lines.extend(hanging((), each, "dim", width, self.glyphs))
        entries = self._entries()
        if entries and not (self._is_chosen and self.selected in {each.view.run for each in entries}):
            self.selected = entries[0].view.run
        listed, places = runs_lines(entries, self.scene.now, width, self.glyphs, self.selected)
        self._places = {run: (row + len(lines), count) for run, (row, count) in places.items()}
        if not listed and self._all:
            lines.append((Span("No run has these words."),))
        return (*lines, *listed)

    # reading --------------------------------------------------------------------------------------------------------

    def action_read_again(self) -> None:
        """Read journal and hosts again."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            desk = self._desk()
            if not self._all:
                self._take((await desk.runs(LIMIT, is_local=True))[0], ("Asking the hosts for their copies ...",))
            found, missing = await desk.runs(LIMIT)
            self._take(found, tuple(f"Not asked for its copies: {each}" for each in missing))
        except PpsConsoleError as error:
            self._remarks = (f"Not read: {plain(str(error), 300)}",)
            self.view.redraw()

    def _take(self, found: Sequence[Found], remarks: tuple[str, ...]) -> None:
        self._all = {each.run: (each, _entry(each, is_lab=self.scene.inventory.is_lab)) for each in found}
        self._remarks = remarks or (() if found else (f"No run of {self.scene.inventory.cluster.name} is known yet.",))
        count = sum(entry.is_open for _, entry in self._all.values())
        self.view.set_title(f"Runs: {len(found)}" + (f", {count} OPEN" if count else ""))
        self.view.redraw()

    def _entries(self) -> list[RunEntry]:
        """Return the runs that are shown, open ones first, the latest first among each."""
        shown = [entry for _, entry in self._all.values() if self.found.matches(entry.words(), entry.ways)]
        return sorted(shown, key=lambda each: (not each.is_open, -each.view.started_at))

    # keys -----------------------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """Select another run."""
        entries = self._entries()
        index = next((number for number, each in enumerate(entries) if each.view.run == self.selected), 0)
        self._select(entries, index + by)

    def action_leap(self, which: int) -> None:
        """Select the first run when `which` is 0, else the last."""
        entries = self._entries()
        self._select(entries, len(entries) - 1 if which else 0)

    def action_open(self) -> None:
        """Open the selected run: an open one where it stands, another one as a replay."""
        if (chosen := self._chosen()) is not None:
            found, entry = chosen
            if entry.is_open:
                self._app().open_run(found.run)
            else:
                self._app().open_replay(entry.view, found.events)

    def action_replay(self) -> None:
        """Replay the selected run."""
        if (chosen := self._chosen()) is not None:
            self._app().open_replay(chosen[1].view, chosen[0].events)

    def action_report(self) -> None:
        """Open the report of the selected run."""
        if (chosen := self._chosen()) is not None:
            self._app().open_report(chosen[1].view, chosen[0].events)

    def action_back(self) -> None:
        """Go back."""
        self.dismiss()

    def find_view(self) -> LinesView:
        """Return the list."""
        return self.view

    def next_found(self, step: int) -> None:
        """Select the next run: those that do not match are left out already."""
        self.action_move(step)

    def found_words(self) -> str:
        """Return how many runs are left."""
        count = len(self._entries())
        return f"{count} runs" if count != 1 else "1 run"

    def jump_targets(self) -> list[Target]:
        """Return the runs."""
        return [
            Target(self.view, row, 0, self.view.size.width, partial(self._pick, run)) for run, (row, _) in self._places.items()
        ]

    # how ------------------------------------------------------------------------------------------------------------

    def _app(self) -> "AttendingApp":
        return cast("AttendingApp", self.app)

    def _chosen(self) -> tuple[Found, RunEntry] | None:
        return self._all.get(self.selected)

    def _pick(self, run: str) -> None:
        entries = self._entries()
        self._select(entries, next((number for number, each in enumerate(entries) if each.view.run == run), 0))

    def _select(self, entries: Sequence[RunEntry], index: int) -> None:
        if entries:
            self._is_chosen = True
            self.selected = entries[max(0, min(index, len(entries) - 1))].view.run
            self.view.redraw()
            self.view.reveal(*self._places[self.selected])


def _entry(found: Found, *, is_lab: bool) -> RunEntry:
    from ppsconsole.engine.exits import back_refusal
    from ppsconsole.engine.state import state_of
    from ppsconsole.reports.story import story_of_found

    view = story_of_found(cast("FoundRun", found), is_lab=is_lab)
    if view.verdict is not None:
        return RunEntry(view, is_copy=found.is_copy)
    has_way_back = not back_refusal(found.plan, state_of(found.plan, found.events))
    ways = "Enter looks at it: follow, take up" + (", back out" if has_way_back else "") + ", abandon"
    return RunEntry(view, ways, found.is_copy)
