"""A framed view of the scene: what the home screen is made of."""

from typing import ClassVar

from ppsconsole.draw.text import Glyphs
from ppsconsole.tui.arrangement import PANES
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.widgets.lines import LinesView


class Panel(LinesView, can_focus=True, inherit_bindings=False):
    """A view that is drawn from the scene and the selected node.

    Attributes:
        scene: What is shown; None before the first one.
        selected: Name of the selected node.
    """

    TITLE: ClassVar[str] = ""

    def __init__(self, glyphs: Glyphs, *, id: str) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self.scene: Scene | None = None
        self.selected: str | None = None
        if id in PANES:
            self.set_mark(str(PANES.index(id) + 1))

    def show_scene(self, scene: Scene, selected: str | None) -> None:
        """Draw `scene`."""
        self.scene, self.selected = scene, selected
        self.retitle()
        self.redraw()

    @property
    def is_old(self) -> bool:
        """Whether nothing newer came than what is shown when it should have."""
        return self.scene is not None and (self.scene.is_stale or bool(self.scene.trouble))

    def title(self) -> str:
        """Return what stands in the frame."""
        return self.TITLE

    def retitle(self) -> None:
        """Renew the title; the pane that the keys act on carries the pointer, so that it is not told by colour alone."""
        self.set_title(f"{self.glyphs.pointer} {self.title()}" if self.has_focus else self.title())

    def watch_has_focus(self, has_focus: bool) -> None:
        """Carry the pointer, or give it away."""
        super().watch_has_focus(has_focus)
        self.retitle()
