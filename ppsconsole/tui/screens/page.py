"""A page: one long text below the header, scrolled by keys."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol

from textual.app import ComposeResult

from ppsconsole.draw.text import Glyphs, Line
from ppsconsole.settings.actions import Place
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.widgets.header_bar import HeaderBar
from ppsconsole.tui.widgets.key_strip import KeyStrip
from ppsconsole.tui.widgets.lines import LinesView


class Paged(Protocol):
    """A screen with one long text."""

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return the text for that many cells."""
        ...


class PageView(LinesView, inherit_bindings=False):
    """The text of a page, laid out again whenever the width changes."""

    def __init__(self, page: Paged) -> None:
        super().__init__(id="page")
        self._page = page

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Return the page's lines."""
        return self._page.page_lines(width)


class Page(ConsoleScreen, inherit_bindings=False):
    """Base of the pages; a subclass says what they show.

    Attributes:
        NAME: What the page is called by `open_page`.
        TITLE: What stands in the frame.
        PLACE: Where its keys stand in the table.
    """

    NAME: ClassVar[str] = ""
    TITLE = ""
    PLACE: ClassVar[Place] = "page"
    BINDINGS = bindings("page")

    def __init__(self, scene: Scene, glyphs: Glyphs) -> None:
        super().__init__(scene, glyphs)
        self.header = HeaderBar(glyphs)
        self.keys = KeyStrip(glyphs, self.PLACE)
        self.view = PageView(self)

    def compose(self) -> ComposeResult:
        """Put header, text and keys on the screen."""
        yield self.header
        yield self.view
        yield self.keys

    def on_mount(self) -> None:
        """Show what there is already."""
        self.view.set_title(self.page_title())
        self.show_scene(self.scene)

    def page_title(self) -> str:
        """Return what stands in the frame."""
        return self.TITLE or ""

    @abstractmethod
    def page_lines(self, width: int) -> Sequence[Line]:
        """Return the text for that many cells."""

    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`."""
        self.scene = scene
        self.header.show_scene(scene)
        self.keys.show_lock(scene.is_unlocked)
        self.view.redraw()

    def find_view(self) -> LinesView:
        """Return the text."""
        return self.view

    def action_back(self) -> None:
        """Go back to the home screen."""
        self.dismiss()

    def action_scroll(self, rows: int) -> None:
        """Scroll by lines."""
        self.view.go_to(self.view.top + rows)

    def action_scroll_page(self, pages: int) -> None:
        """Scroll by pages; one line stays in sight."""
        self.view.go_to(self.view.top + pages * max(1, self.view.size.height - 1))

    def action_scroll_to_end(self, which: int) -> None:
        """Go to the top when `which` is 0, else to the end."""
        self.view.go_to(len(self.view.lines) if which else 0)
