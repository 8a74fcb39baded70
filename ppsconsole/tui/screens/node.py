"""One node: every fact about it, with source and age."""

from collections.abc import Sequence

from ppsconsole.draw.node import draw_node
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.page import Page


class NodeScreen(Page):
    """All that is known about one node."""

    NAME = "node"

    def __init__(self, scene: Scene, glyphs: Glyphs, node: str) -> None:
        super().__init__(scene, glyphs)
        self.node = node

    def page_title(self) -> str:
        """Name the node."""
        return self.node

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return the facts."""
        node = None if self.scene.snapshot is None else self.scene.snapshot.node(self.node)
        if node is None:
            return [(Span(f"Nothing is known about {self.node}.", "unknown"),)]
        return draw_node(node, self.scene.now, width, self.glyphs)
