"""One node: all that is known of it, what can be done about it, the end of its log."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from ppsconsole.advice.choices import Choice, choices_about
from ppsconsole.clock import hhmmss
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.draw.node import About, LogTail, Section, draw_sections, joined, section_rows
from ppsconsole.draw.text import Glyphs, Line, Span, line_text
from ppsconsole.runbooks.building import NOTHING_KNOWN
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.logs import Logs
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.page import Page

if TYPE_CHECKING:
    from ppsconsole.tui.app import PpsConsoleApp

_LOG_LINES = 10
_COPIED_WIDTH = 400


class NodeScreen(Page, inherit_bindings=False):
    """All that is known about one node, in sections.

    Attributes:
        node: Its name.
        tail: The end of its log, as it was read last.
        section: The section that Tab went to; None before.
    """

    NAME = "node"
    PLACE = "node"
    BINDINGS = bindings("node")

    def __init__(self, scene: Scene, glyphs: Glyphs, node: str, logs: Logs | None = None) -> None:
        super().__init__(scene, glyphs)
        self.node = node
        self.tail = LogTail(words="This console has no way to read the logs of hosts." if logs is None else "Being read ...")
        self.section: int | None = None
        self._logs = logs
        self._reading: asyncio.Task[None] | None = None
        self._sections: tuple[Section, ...] = ()
        self._actions: tuple[Choice, ...] = ()
        self._weighed: Snapshot | None = None

    def on_screen_resume(self) -> None:
        """Read its log, also when coming back from another screen: a short stop may have been over before anybody looked."""
        self._read_log()

    def on_unmount(self) -> None:
        """Let go of what is being read."""
        if self._reading is not None:
            self._reading.cancel()

    def page_title(self) -> str:
        """Name the node."""
        return self.node

    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`; where the node has become another, its log has something to say about it."""
        before, after = self._found(self.scene), self._found(scene)
        super().show_scene(scene)
        if before is not None and after is not None and before.words != after.words:
            self._read_log()

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return the sections."""
        about = self._about()
        if about is None:
            return [(Span(f"Nothing is known about {self.node}.", "unknown"),)]
        self._sections = draw_sections(about, width, self.glyphs)
        return joined(self._sections, width, self.glyphs, self.section)

    def text(self) -> str:
        """Return everything with its lines whole, however narrow the terminal is."""
        about = self._about()
        if about is None:
            return super().text()
        lines = joined(draw_sections(about, _COPIED_WIDTH, self.glyphs), _COPIED_WIDTH, self.glyphs)
        return "\n".join([self.header.text(), *(line_text(line) for line in lines)])

    # keys -----------------------------------------------------------------------------------------------------------

    def action_next_section(self, step: int) -> None:
        """Go to the next section, or the one before; round the end."""
        rows = section_rows(self._sections)
        if rows:
            begin = self.section if self.section is not None else 0
            self.section = (begin + step) % len(rows)
            self.view.redraw()
            self.view.go_to(rows[self.section])

    def action_poll(self) -> None:
        """Look at everything now, also at its log."""
        cast("PpsConsoleApp", self.app).action_poll()
        self._read_log()

    # how ------------------------------------------------------------------------------------------------------------

    def _found(self, scene: Scene) -> Node | None:
        return None if scene.snapshot is None else scene.snapshot.node(self.node)

    def _about(self) -> About | None:
        scene, node = self.scene, self._found(self.scene)
        if node is None:
            return None
        if self._weighed is not scene.snapshot:
            self._weighed = scene.snapshot
            self._actions = choices_about(self.node, scene.snapshot, scene.inventory, scene.background or NOTHING_KNOWN)
        commands = () if scene.picture is None else scene.picture.commands
        return About(node, scene.now, commands, self._actions, self.tail)

    def _read_log(self) -> None:
        if self._logs is not None:
            if self._reading is not None:
                self._reading.cancel()
            self._reading = asyncio.create_task(self._log_read(self._logs))

    async def _log_read(self, logs: Logs) -> None:
        tail = await logs.tail(self.node, _LOG_LINES)
        title = f"read {hhmmss(self.scene.now)}Z  {tail.title}" if tail.title else ""
        self.tail = LogTail(title, tail.lines, tail.words)
        self.view.redraw()
