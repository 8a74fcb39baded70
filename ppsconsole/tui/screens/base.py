"""What all screens have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.events import Click
from textual.screen import Screen

from ppsconsole.draw.text import ASCII, Glyphs
from ppsconsole.tui.finding import Find
from ppsconsole.tui.jumping import Target
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.widgets.key_strip import KeyStrip
from ppsconsole.tui.widgets.lines import LinesView

if TYPE_CHECKING:
    from ppsconsole.tui.commanding import Command


class ConsoleScreen(Screen[None], inherit_bindings=False):
    """A screen that shows scenes.

    Attributes:
        scene: The newest one.
        found: What `/` searches for here; empty while nothing is.
    """

    ALLOW_SELECT = False

    def __init__(self, scene: Scene, glyphs: Glyphs, classes: str = "") -> None:
        # Not set later, one by one: for each of them Textual would style the screen anew.
        lab, plain = "-lab" if scene.inventory.is_lab else "", "-ascii" if glyphs is ASCII else ""
        super().__init__(classes=f"{lab} {plain} {classes}")
        self.scene = scene
        self.glyphs = glyphs
        self.found = Find()

    def on_mount(self) -> None:
        """Take away what was said in passing: it was said of the screen before, and would cover this one."""
        self.app.clear_notifications()

    @abstractmethod
    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`."""

    def show_head(self) -> int:
        """Show what says which cluster this is about, and return how many rows that takes: a question leaves them in sight."""
        return 1

    def text(self) -> str:
        """Return what is on the screen as plain text, also what is scrolled out of sight; the keys are left out."""
        views = [view for view in self.query(LinesView) if view.display and view.id != "keys"]
        return "\n".join(text for view in views if (text := view.text()))

    # finding --------------------------------------------------------------------------------------------------------

    def find_view(self) -> LinesView | None:
        """Return the view that `/` searches; None where this screen has nothing to search, or searches by itself."""
        return None

    def show_found(self, found: Find) -> None:
        """Search for something else; an empty search clears the marks. A screen with a list leaves out what does not match."""
        self.found = found
        view = self.find_view()
        if view is not None:
            view.redraw()
            view.decorate("found", (lambda _, line: found.marked(line)) if found else None)
            rows = self._found_rows(view)
            if rows and not any(view.top <= row < view.top + view.size.height for row in rows):
                view.reveal(rows[0])

    def next_found(self, step: int) -> None:
        """Go to the next place that was found, or the one before, and round the end."""
        view = self.find_view()
        rows = self._found_rows(view) if view is not None else []
        if view is None or not rows:
            return
        past = [row for row in rows if (row > view.top if step > 0 else row < view.top)]
        view.go_to((past or rows)[0 if step > 0 else -1])

    def found_words(self) -> str:
        """Return how much was found, for the line below."""
        view = self.find_view()
        count = len(self._found_rows(view)) if view is not None else 0
        return f"{count} rows" if count != 1 else "1 row"

    def _found_rows(self, view: LinesView) -> list[int]:
        """Return the rows in which at least one of the words stands."""
        return [number for number, line in enumerate(view.lines) if self.found and self.found.marked(line) != line]

    # choosing -------------------------------------------------------------------------------------------------------

    def jump_targets(self) -> Sequence[Target]:
        """Return what can be chosen here by a letter, or by the mouse."""
        return ()

    def on_click(self, event: Click) -> None:
        """Choose what was clicked."""
        for target in (*self.jump_targets(), *(each for strip in self.query(KeyStrip) for each in strip.jump_targets())):
            if target.is_at(event.screen_x, event.screen_y):
                target.act()
                return

    def commands(self) -> Sequence["Command"]:
        """Return what can be typed behind `:` on this screen beside its actions."""
        return ()
