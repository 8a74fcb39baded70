"""The run: where it stands, what it does, what can be done. Leaving the screen leaves the run alone."""

from textual.app import ComposeResult
from textual.events import Resize
from textual.geometry import Region

from ppsconsole.draw.text import Glyphs
from ppsconsole.tui.finding import Find
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.widgets.key_strip import KeyStrip
from ppsconsole.tui.widgets.run_panes import OutputPane, RunHead, RunPane, SafetyPane, StepsPane

SIDE_BY_SIDE = 110  # columns from which steps and output stand beside each other


class RunScreen(ConsoleScreen, inherit_bindings=False):
    """Three lines that never scroll, steps, output, and the answers that matter."""

    BINDINGS = bindings("run")
    CSS_PATH = "run.tcss"

    def __init__(self, scene: Scene, glyphs: Glyphs) -> None:
        super().__init__(scene, glyphs)
        self.head = RunHead(glyphs, id="head")
        self.steps = StepsPane(glyphs, id="steps")
        self.output = OutputPane(glyphs, id="output")
        self.safety = SafetyPane(glyphs, id="safety")
        self.keys = KeyStrip(glyphs, "run")

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
        panes: tuple[RunPane, ...] = (self.head, self.steps, self.output, self.safety)
        for pane in panes:
            pane.show_scene(scene)
        self.keys.show_lock(scene.is_unlocked)

    def on_resize(self, event: Resize) -> None:
        """Give each pane its place: beside each other where there is room, else below each other."""
        width, height = self.size
        count = 0 if self.scene.run is None else len(self.scene.run.view.plan.steps) + 1
        head, foot = 3, 4
        middle = max(0, height - head - foot - 1)
        is_wide = width >= SIDE_BY_SIDE
        self.set_class(not is_wide, "-stacked")
        left = width * 9 // 20
        upper = min(count + 1, max(3, middle - 7 if middle > 14 else middle * 6 // 10))
        beside = (Region(0, head, left, middle), Region(left, head, width - left, middle))
        below = (Region(0, head, width, upper), Region(0, head + upper, width, middle - upper))
        steps, output = beside if is_wide else below
        places = {self.head: Region(0, 0, width, head), self.steps: steps, self.output: output}
        places[self.safety] = Region(0, head + middle, width, foot)
        for pane, place in places.items():
            pane.styles.offset = place.offset
            pane.styles.width, pane.styles.height = place.size
        self.call_after_refresh(lambda: self.show_scene(self.scene))

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

    def action_scroll(self, rows: int) -> None:
        """Scroll the output by lines."""
        self.output.scroll_by(rows)

    def action_scroll_page(self, pages: int) -> None:
        """Scroll the output by pages."""
        self.output.scroll_by(pages * max(1, self.output.size.height - 1))

    def action_scroll_to_end(self, which: int) -> None:
        """Go to the first output when `which` is 0, else to the newest, and follow it."""
        self.output.scroll_by(len(self.output.lines) if which else -len(self.output.lines))
