"""What the screens before there is a cluster have in common: a title row, one text, and the keys."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.screen import Screen

from ppsconsole.draw.text import ASCII, Glyphs, Line, Span
from ppsconsole.draw.words import hanging
from ppsconsole.settings.actions import Place
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.screens.page import PageView
from ppsconsole.tui.widgets.key_strip import KeyStrip
from ppsconsole.tui.widgets.lines import LinesView


class _KeptView(PageView, inherit_bindings=False):
    """Tells its screen when its size changed: what matters has to stay in sight."""

    def __init__(self, screen: "FirstScreen") -> None:
        super().__init__(screen)
        self._first_screen = screen

    def on_resize(self) -> None:
        """Lay out anew."""
        super().on_resize()
        self._first_screen.resized()


class FirstScreen(Screen[None], inherit_bindings=False):
    """One text below a title row."""

    TITLE_WORDS: ClassVar[str] = ""
    WHERE: ClassVar[Place] = "first"
    ALLOW_SELECT = False

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.set_class(glyphs is ASCII, "-ascii")
        self.head = LinesView(classes="head")
        self.view: PageView = _KeptView(self)
        self.keys = KeyStrip(glyphs, self.WHERE)

    def compose(self) -> ComposeResult:
        """Put title, text and keys on the screen."""
        yield self.head
        yield self.view
        yield self.keys

    def on_mount(self) -> None:
        """Show what there is already."""
        self.head.show([(Span(" ppsconsole", "title"), Span(f"  {self.TITLE_WORDS}", "dim"))])
        self.view.redraw()

    @abstractmethod
    def page_lines(self, width: int) -> Sequence[Line]:
        """Return the text for that many cells."""

    def resized(self) -> None:
        """Bring what matters into sight again."""

    def action_back(self) -> None:
        """Go back to the screen before; on the first one there is none."""
        if len(self.app.screen_stack) > 1:
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


@dataclass(frozen=True, slots=True)
class Item:
    """One line that can be chosen.

    Attributes:
        title: What it is.
        words: What it does, or what it holds.
        act: Done when it is chosen.
    """

    title: str
    words: Sequence[Span]
    act: Callable[[], None]


class ListScreen(FirstScreen, inherit_bindings=False):
    """A list of things to choose from, with words above and below it."""

    BINDINGS = bindings("first")

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs)
        self.selected = 0

    @abstractmethod
    def items(self) -> Sequence[Item]:
        """Return what can be chosen."""

    @abstractmethod
    def above(self) -> str:
        """Return what is said above the list."""

    def below(self, width: int) -> Sequence[Line]:
        """Return what is said below the list."""
        return ()

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return everything."""
        lines: list[Line] = [*hanging((), self.above(), "text", width, self.glyphs), ()]
        for number in range(len(self.items())):
            lines.extend(self._item_lines(number, width))
        return [*lines, *self.below(width)]

    def action_move(self, by: int) -> None:
        """Select the next line in that direction."""
        self._select(self.selected + by)

    def action_leap(self, which: int) -> None:
        """Select the first line when `which` is 0, else the last."""
        self._select(len(self.items()) - 1 if which else 0)

    def action_choose(self) -> None:
        """Do what the selected line says."""
        self.items()[self.selected].act()

    def _select(self, number: int) -> None:
        self.selected = max(0, min(number, len(self.items()) - 1))
        self.view.redraw()
        self.resized()

    def resized(self) -> None:
        """Keep the selected line in sight."""
        width = self.view.size.width
        head = len(hanging((), self.above(), "text", width, self.glyphs)) + 1
        before = head + sum(len(self._item_lines(each, width)) for each in range(self.selected))
        if self.selected == 0:
            self.view.go_to(0)
        else:
            self.view.reveal(before, len(self._item_lines(self.selected, width)))

    def _item_lines(self, number: int, width: int) -> list[Line]:
        item = self.items()[number]
        is_selected = number == self.selected
        pointer = self.glyphs.pointer if is_selected else " "
        words = "".join(span.text for span in item.words)
        style = item.words[0].style if item.words else "dim"
        head = (Span(f"{pointer} "), Span(item.title, "selected" if is_selected else "title"))
        return [head, *hanging((Span("    "),), words, style, width, self.glyphs)]
