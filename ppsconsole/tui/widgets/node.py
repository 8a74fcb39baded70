"""The selected node in short."""

from ppsconsole.draw.text import Line
from ppsconsole.tui.widgets.panel import Panel


class NodePanel(Panel, inherit_bindings=False):
    """What is known about the selected node; Enter shows all of it."""

    TITLE = "Node"

    def title(self) -> str:
        """Name the node."""
        return f"{self.selected}: Enter for all" if self.selected else self.TITLE

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return the node's lines."""
        if self.scene is None or self.scene.snapshot is None or self.selected is None:
            return ()
        from ppsconsole.draw.node import draw_node  # a small terminal has no room for this pane

        node = self.scene.snapshot.node(self.selected)
        return () if node is None else draw_node(node, self.scene.now, width, self.glyphs)
