"""The line in which a search or a filter of a log is typed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.events import Key

from ppsconsole.tui.line_edit import LineEdit
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.widgets.key_strip import KeyStrip, Typing

if TYPE_CHECKING:
    from ppsconsole.tui.hands import HandsApp


class LogPrompt:
    """Enter takes what was typed, also nothing; Esc leaves everything as it was.

    Args:
        app: Gives it the keys.
        screen: Whose prompt it is.
        strip: Where it is shown.
        sign: What stands before it: `/`, `&`.
        text: What it begins with.
        taken: Called with what was typed.
    """

    def __init__(
        self, app: "HandsApp", screen: ConsoleScreen, strip: KeyStrip, sign: str, text: str, taken: Callable[[str], None]
    ) -> None:
        self.screen = screen
        self._app, self._strip, self._sign, self._taken = app, strip, sign, taken
        self._edit = LineEdit().replaced(text)
        self._show()

    async def take_key(self, event: Key) -> None:
        """Edit, take or leave."""
        if event.key == "escape" or (event.key == "backspace" and not self._edit.text):
            self._app.end_taking()
        elif event.key == "enter":
            self._app.end_taking()
            self._taken(self._edit.text)
        elif (edited := self._edit.pressed(event.key)) is not None:
            self._change(edited)
        elif event.character and event.is_printable:
            self._change(self._edit.typed(event.character))

    def take_paste(self, text: str) -> None:
        """Take in the first line of what was pasted."""
        self._change(self._edit.typed(text))

    def close(self) -> None:
        """Show the keys again."""
        self._strip.show_typing(None)

    def _change(self, edit: LineEdit) -> None:
        self._edit = edit
        self._show()

    def _show(self) -> None:
        self._strip.show_typing(Typing(self._sign, self._edit, "Enter takes it, Esc leaves", False))
