"""The line behind `/`: what is typed is searched for at once."""

from typing import TYPE_CHECKING

from textual.events import Key

from ppsconsole.tui.finding import Find
from ppsconsole.tui.line_edit import LineEdit
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.widgets.key_strip import KeyStrip, Typing

if TYPE_CHECKING:
    from ppsconsole.tui.hands import HandsApp


class FindLine:
    """Enter keeps the search, Esc forgets it; arrows go through what was found."""

    def __init__(self, app: "HandsApp", screen: ConsoleScreen, strip: KeyStrip) -> None:
        self.screen = screen
        self._app, self._strip = app, strip
        self._edit = LineEdit()
        app.show_found(Find())
        self._show()

    async def take_key(self, event: Key) -> None:
        """Edit, keep or forget."""
        if event.key == "escape" or (event.key == "backspace" and not self._edit.text):
            self._app.end_taking()
            self._app.show_found(Find())
        elif event.key == "enter":
            self._app.end_taking()
        elif event.key in ("down", "up", "tab", "shift+tab"):
            self.screen.next_found(1 if event.key in ("down", "tab") else -1)
            self._show()
        elif (edited := self._edit.pressed(event.key)) is not None:
            self._search(edited)
        elif event.character and event.is_printable:
            self._search(self._edit.typed(event.character))

    def take_paste(self, text: str) -> None:
        """Take in the first line of what was pasted."""
        self._search(self._edit.typed(text))

    def close(self) -> None:
        """Show the keys again; what is searched for stays."""
        self._strip.show_typing(None)

    def _search(self, edit: LineEdit) -> None:
        self._edit = edit
        self._app.show_found(Find(edit.text))
        self._show()

    def _show(self) -> None:
        remark = self.screen.found_words() if self.screen.found else "type words; Enter keeps them, Esc leaves"
        is_refused = bool(self.screen.found) and remark.startswith("0 ")
        self._strip.show_typing(Typing("/", self._edit, remark, is_refused))
