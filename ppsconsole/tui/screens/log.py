"""A log: followed, searched, filtered, opened in a pager; a node's own ones and those of the console."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult

from ppsconsole.draw.text import Glyphs
from ppsconsole.drivers.log import matcher
from ppsconsole.masking import plain
from ppsconsole.tui.desks import Desk
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.log_buffer import LogBuffer, LogLine
from ppsconsole.tui.log_feeds import HostFeed, LogFeed, SearchFeed, ended, own_feeds
from ppsconsole.tui.log_prompt import LogPrompt
from ppsconsole.tui.logs import Logs
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.widgets.header_bar import HeaderBar
from ppsconsole.tui.widgets.key_strip import KeyStrip
from ppsconsole.tui.widgets.log import ASIDE, LogView

if TYPE_CHECKING:
    from ppsconsole.tui.hands import HandsApp

COALESCED_S = 0.1
"""Lines that come within this time are shown together: ten frames a second are more than anybody reads."""


class LogScreen(ConsoleScreen, inherit_bindings=False):
    """One log at a time.

    Attributes:
        node: Whose logs; None for the console's own alone.
        feeds: The logs that can be looked at.
        at_hand: Which of them is.
    """

    BINDINGS = bindings("log")
    CSS_PATH = "log.tcss"

    def __init__(
        self, scene: Scene, glyphs: Glyphs, node: str | None, logs: Logs | None, desk: Callable[[], Desk] | None = None
    ) -> None:
        super().__init__(scene, glyphs)
        self.node, self._logs = node, logs
        self.feeds: tuple[LogFeed, ...] = own_feeds(desk)
        if node is not None:
            words = "Looking for its logs ..." if logs is not None else "This console has no way to read the logs of hosts."
            self.feeds = (SearchFeed(node, words), *self.feeds)
        self.at_hand = 0
        self.filtered = ""
        self.header = HeaderBar(glyphs)
        self.view = LogView(glyphs)
        self.keys = KeyStrip(glyphs, "log")
        self._reading: asyncio.Task[None] | None = None
        self._finding: asyncio.Task[None] | None = None
        self._is_waiting = False
        self._has_match = False

    def compose(self) -> ComposeResult:
        """Put header, log and keys on the screen."""
        yield self.header
        yield self.view
        yield self.keys

    def on_mount(self) -> None:
        """Begin to read."""
        self.header.show_scene(self.scene)
        self.keys.show_lock(self.scene.is_unlocked)
        self._open(0)
        if self.node is not None and self._logs is not None:
            self._finding = asyncio.create_task(self._find(self.node, self._logs))

    async def on_unmount(self) -> None:
        """Leave nothing behind, here or on the host."""
        await ended(self._finding)
        await ended(self._reading)

    def show_scene(self, scene: Scene) -> None:
        """Draw the header of `scene`, and add what it brings to a log of the console's own."""
        self.scene = scene
        self.header.show_scene(scene)
        self.keys.show_lock(scene.is_unlocked)
        self.feeds[self.at_hand].show_scene(scene, self._adder(self.view.buffer))

    # what comes -----------------------------------------------------------------------------------------------------

    async def _find(self, node: str, logs: Logs) -> None:
        found = await logs.find(node)
        own = self.feeds[1:]
        hosts: tuple[LogFeed, ...] = tuple(HostFeed(logs, source) for source in found.sources)
        was_first = self.at_hand == 0
        self.feeds = (*(hosts or (SearchFeed(node, found.words),)), *own)
        self.at_hand = 0 if was_first else self.at_hand + len(self.feeds) - len(own) - 1
        if was_first:
            self._open(0)
            if hosts and found.words:
                self._adder(self.view.buffer)([LogLine(found.words, is_remark=True)])
        self._retitle()

    def _open(self, which: int) -> None:
        """Show another log; the one before is let go."""
        if self._reading is not None:
            self._reading.cancel()
        self.at_hand = which % len(self.feeds)
        feed, buffer = self.feeds[self.at_hand], LogBuffer()
        buffer.filter(matcher(self.filtered) if self.filtered else None)
        self.view.restart(buffer)
        add = self._adder(buffer)
        feed.show_scene(self.scene, add)
        self._reading = asyncio.create_task(self._read(feed, add))
        self._retitle()

    async def _read(self, feed: LogFeed, add: Callable[[Iterable[LogLine]], None]) -> None:
        try:
            await feed.run(add)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whatever it is: a log that cannot be read must not take the console along
            add([LogLine(plain(f"not read: {error}"), is_remark=True)])

    def _adder(self, buffer: LogBuffer) -> Callable[[Iterable[LogLine]], None]:
        def add(lines: Iterable[LogLine]) -> None:
            before = buffer.first + len(buffer)
            buffer.add(lines)
            # What a log brings after it was left goes nowhere.
            if buffer is self.view.buffer and buffer.first + len(buffer) != before and not self._is_waiting:
                self._is_waiting = True
                self.set_timer(COALESCED_S, self._show_news)

        return add

    def _show_news(self) -> None:
        self._is_waiting = False
        self.view.redraw()
        self._retitle()

    def _retitle(self) -> None:
        view, feed = self.view, self.feeds[self.at_hand]
        count = f"{view.buffer.shown} of {len(view.buffer)}" if self.filtered else f"{len(view.buffer)}"
        parts = [
            f"{feed.title} ({self.at_hand + 1}/{len(self.feeds)})",
            "following" if view.is_following else "NOT FOLLOWING (f)",
            f"{count} {'line' if count == '1' else 'lines'}" + (", older ones dropped" if view.buffer.dropped else ""),
            f"only: {self.filtered}" if self.filtered else "",
            f"search: {view.found}{'' if self._has_match else ' NOT FOUND'}" if view.found else "",
            "wrapped" if view.is_wrapped else f"from column {view.aside + 1}" if view.aside else "",
            feed.place,
        ]
        view.set_title("  ".join(part for part in parts if part))

    # keys -----------------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Clear the search, then the filter; without them, go back."""
        if self.view.found:
            self._search("")
        elif self.filtered:
            self._filter("")
        else:
            self.dismiss()

    def action_follow(self) -> None:
        """Follow, or stop at what is shown."""
        if self.view.is_following:
            self.view.is_following = False
        else:
            self.view.to_end()
        self._retitle()

    def action_scroll(self, rows: int) -> None:
        """Scroll by rows."""
        self.view.move(rows)
        self._retitle()

    def action_scroll_page(self, pages: int) -> None:
        """Scroll by pages; one row stays in sight."""
        self.action_scroll(pages * max(1, self.view.size.height - 1))

    def action_scroll_to_end(self, which: int) -> None:
        """Go to the oldest line when `which` is 0, else to the newest, and follow."""
        if which:
            self.view.to_end()
        else:
            self.view.to_top()
        self._retitle()

    def action_scroll_aside(self, step: int) -> None:
        """Show what stands further right, or left, in lines that are cut off."""
        self.view.aside = max(0, self.view.aside + step * ASIDE)
        self.view.is_wrapped = False
        self.view.redraw()
        self._retitle()

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them off."""
        self.view.is_wrapped, self.view.aside = not self.view.is_wrapped, 0
        self.view.redraw()
        self._retitle()

    def action_next_source(self, step: int) -> None:
        """Show the next log."""
        self._open(self.at_hand + step)

    def action_search(self) -> None:
        """Ask what to search for."""
        self._ask("/", self.view.found, self._search)

    def action_filter(self) -> None:
        """Ask what to show only."""
        self._ask("&", self.filtered, self._filter)

    def action_next_match(self, step: int) -> None:
        """Go to the next match."""
        if not self.view.found:
            self.action_search()
        else:
            self._has_match = self.view.next_match(matcher(self.view.found), step)
            self._retitle()

    def action_pager(self) -> None:
        """Open all lines in the pager."""
        text = "".join(f"{'-- ' if each.is_remark else ''}{each.text}\n" for each in self.view.buffer.lines)
        cast("HandsApp", self.app).open_in_pager(text)

    # how ------------------------------------------------------------------------------------------------------------

    def _ask(self, sign: str, text: str, taken: Callable[[str], None]) -> None:
        app = cast("HandsApp", self.app)
        app.take_over(LogPrompt(app, self, self.keys, sign, text, taken))

    def _search(self, text: str) -> None:
        self.view.found, self.view.current = text, None
        self._has_match = bool(text) and self.view.next_match(matcher(text), -1)
        self.view.redraw()
        self._retitle()

    def _filter(self, text: str) -> None:
        self.filtered, self.view.current = text, None
        self.view.buffer.filter(matcher(text) if text else None)
        self.view.redraw()
        self._retitle()
