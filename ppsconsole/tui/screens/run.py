"""The run: where it stands, what it does, what can be done. Leaving the screen leaves the run alone."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Resize
from textual.geometry import Region

from ppsconsole.draw.run import run_steps
from ppsconsole.draw.text import Glyphs
from ppsconsole.settings.actions import Place
from ppsconsole.tui.finding import Find
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.widgets.key_strip import KeyStrip
from ppsconsole.tui.widgets.run_panes import OutputPane, RunHead, RunPane, SafetyPane, StepsPane, foot_rows

SIDE_BY_SIDE = 110  # columns from which steps and output stand beside each other
ROOMY = 18  # rows from which the lease has a row of its own
BOTH = 8  # rows between head and foot from which steps and output stand below each other


class RunScreen(ConsoleScreen, inherit_bindings=False):
    """Three lines that never scroll, steps, output, and the answers that matter."""

    BINDINGS = bindings("run")
    CSS_PATH = "run.tcss"
    PLACE: ClassVar[Place] = "run"

    def __init__(self, scene: Scene, glyphs: Glyphs) -> None:
        super().__init__(scene, glyphs)
        self.head = RunHead(glyphs, id="head")
        self.steps = StepsPane(glyphs, id="steps")
        self.output = OutputPane(glyphs, id="output")
        self.safety = SafetyPane(glyphs, id="safety")
        self.keys = KeyStrip(glyphs, self.PLACE)
        self.pane: StepsPane | OutputPane = self.output  # the one that scrolls; alone on a small terminal
        self._is_chosen = False
        self._foot = 0

    def compose(self) -> ComposeResult:
        """Put the panes on the screen."""
        yield self.head
        yield self.steps
        yield self.output
        yield self.safety
        yield self.keys

    def on_mount(self) -> None:
        """Show what there is already."""
        self.show_scene(self.scene)

    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`."""
        self.scene = scene
        if self._wanted_foot() != self._foot:
            self._arrange()
        panes: tuple[RunPane, ...] = (self.head, self.steps, self.output, self.safety)
        for pane in panes:
            pane.show_scene(scene)
        self.keys.show_lock(scene.is_unlocked)
        self.keys.show_barred(frozenset() if scene.run is None else frozenset(scene.run.barred))

    def on_resize(self, event: Resize) -> None:
        """Give each pane its place."""
        self._arrange()
        self.call_after_refresh(lambda: self.show_scene(self.scene))

    def _wanted_foot(self) -> int:
        width, height = self.size
        return foot_rows(self.scene, width, 4 if height < ROOMY else 6, self.glyphs)

    def _arrange(self) -> None:
        """Put steps and output beside each other where there is room, else below each other, else one in the other's place."""
        width, height = self.size
        run, now = self.scene.run, self.scene.now
        count = 0 if run is None else len(run_steps(run.view, now, width - 2, self.glyphs))  # without its frame
        head, foot = 3 if height < ROOMY else 4, self._wanted_foot()
        self._foot = foot
        middle = max(0, height - head - foot - 1)
        is_wide, has_both = width >= SIDE_BY_SIDE, middle >= BOTH
        self.set_class(not is_wide, "-stacked")
        if not self._is_chosen:
            self.pane = self.output if is_wide or has_both else self.steps
        self.steps.display = is_wide or has_both or self.pane is self.steps
        self.output.display = is_wide or has_both or self.pane is self.output
        left = width * 9 // 20
        upper = min(count + 1, max(3, middle - 7 if middle > 14 else middle * 6 // 10))
        whole = Region(0, head, width, middle)
        steps, output = (whole, whole)
        if is_wide:
            steps, output = Region(0, head, left, middle), Region(left, head, width - left, middle)
        elif has_both:
            steps, output = Region(0, head, width, upper), Region(0, head + upper, width, middle - upper)
        places = {self.head: Region(0, 0, width, head), self.steps: steps, self.output: output}
        places[self.safety] = Region(0, head + middle, width, foot)
        for pane, place in places.items():
            pane.styles.offset = place.offset
            pane.styles.width, pane.styles.height = place.size

    def show_head(self) -> int:
        """Return how many rows the head has: it never scrolls."""
        return self.head.size.height

    def find_view(self) -> OutputPane:
        """Return the output."""
        return self.output

    def show_found(self, found: Find) -> None:
        """Mark what is searched for, and hold the output while it is."""
        if found:
            self.output.hold()
        super().show_found(found)

    # keys -----------------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Leave; the run goes on."""
        self.dismiss()

    def action_next_pane(self) -> None:
        """Scroll the other one of steps and output; on a small terminal it takes the other's place."""
        self.pane, self._is_chosen = self.output if self.pane is self.steps else self.steps, True
        for each in (self.steps, self.output):
            each.set_mark(self.glyphs.pointer if each is self.pane else "")
        self._arrange()
        self.call_after_refresh(lambda: self.show_scene(self.scene))

    def action_scroll(self, rows: int) -> None:
        """Scroll by lines."""
        self.pane.scroll_by(rows)

    def action_scroll_page(self, pages: int) -> None:
        """Scroll by pages."""
        self.pane.scroll_by(pages * max(1, self.pane.size.height - 1))

    def action_scroll_to_end(self, which: int) -> None:
        """Go to the first row when `which` is 0, else to the last, and follow."""
        self.pane.scroll_by(len(self.pane.lines) if which else -len(self.pane.lines))
