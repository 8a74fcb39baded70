"""What all screens have in common."""

from abc import abstractmethod

from textual.screen import Screen

from ppsconsole.draw.text import ASCII, Glyphs
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.widgets.lines import LinesView


class ConsoleScreen(Screen[None], inherit_bindings=False):
    """A screen that shows scenes.

    Attributes:
        scene: The newest one.
    """

    ALLOW_SELECT = False

    def __init__(self, scene: Scene, glyphs: Glyphs) -> None:
        super().__init__()
        self.scene = scene
        self.glyphs = glyphs
        self.set_class(scene.inventory.is_lab, "-lab")
        self.set_class(glyphs is ASCII, "-ascii")

    @abstractmethod
    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`."""

    def text(self) -> str:
        """Return what is on the screen as plain text, also what is scrolled out of sight; the keys are left out."""
        views = [view for view in self.query(LinesView) if view.display and view.id != "keys"]
        return "\n".join(text for view in views if (text := view.text()))
