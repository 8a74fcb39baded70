"""Why: the rules and facts behind the advice."""

from collections.abc import Sequence

from ppsconsole.advice.why import why
from ppsconsole.cluster.reasons import Why
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.why import draw_why
from ppsconsole.runbooks.building import NOTHING_KNOWN, Background
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.page import Page


class WhyScreen(Page):
    """What stands behind everything that the advice says."""

    NAME = "why"
    TITLE = "Why"

    def __init__(self, scene: Scene, glyphs: Glyphs) -> None:
        super().__init__(scene, glyphs)
        self._found: tuple[Why, ...] = ()
        self._weighed: tuple[Snapshot, Background] | None = None

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return rules, facts, limits and costs."""
        scene = self.scene
        snapshot, background = scene.snapshot, scene.background or NOTHING_KNOWN
        if snapshot is None or not snapshot.is_complete:
            return [(Span("The first look has not ended yet: until then nothing is said against anything.", "unknown"),)]
        if self._weighed is None or self._weighed[0] is not snapshot or self._weighed[1] is not background:
            self._weighed = snapshot, background
            self._found = why(scene.advice, snapshot, scene.inventory, background)
        if not self._found:
            return [(Span("Every rule is kept: there is nothing to explain.", "ok"),)]
        return draw_why(self._found, scene.now, width, self.glyphs)
