"""The line behind `:`: what is typed narrows the candidates, Enter takes the selected one, what fits nothing does nothing."""

from typing import TYPE_CHECKING

from textual.events import Key

from ppsconsole.tui.commanding import Command, commands, matching, refusal
from ppsconsole.tui.line_edit import LineEdit
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.theming import theme_names
from ppsconsole.tui.widgets.candidates import MOST_ROWS, CandidatesView
from ppsconsole.tui.widgets.key_strip import KeyStrip, Typing

if TYPE_CHECKING:
    from ppsconsole.tui.hands import HandsApp

_MOST_TYPED = 100


class CommandLine:
    """A command is taken by a key that a person pressed: never by a line end that was pasted."""

    def __init__(self, app: "HandsApp", screen: ConsoleScreen, strip: KeyStrip) -> None:
        self.screen = screen
        self._app, self._strip = app, strip
        self._edit = LineEdit()
        self._remark = ""
        self._is_refused = False
        self._selected = 0
        self._typed_at = 0.0
        self._recalled = len(app.typed)
        self._commands = commands(app.scene, strip.where, app.actions, theme_names(), screen.commands())
        self._found: list[Command] = list(self._commands)
        self._view = CandidatesView(screen.glyphs)
        self.resized()
        screen.mount(self._view)
        self._show()

    async def take_key(self, event: Key) -> None:
        """Edit, select, complete, take or leave."""
        key = event.key
        if key == "escape" or (key == "backspace" and not self._edit.text):
            self._app.end_taking()
        elif key == "enter":
            await self._enter(event.time)
        elif key == "tab":
            if self._found:
                self._type(self._edit.replaced(self._found[self._selected].words))
        elif key in ("up", "down") and (not self._edit.text or self._recalled < len(self._app.typed)) and self._recall(key):
            return
        elif key in ("up", "down", "shift+tab", "ctrl+p", "ctrl+n"):
            step = 1 if key in ("down", "ctrl+n") else -1
            self._selected = max(0, min(self._selected + step, len(self._found) - 1))
            self._show()
        elif (edited := self._edit.pressed(key)) is not None:
            self._type(edited)
        elif event.character and event.is_printable:
            self._typed_at = event.time
            self._type(self._edit.typed(event.character))

    def take_paste(self, text: str) -> None:
        """Take in the first line of what was pasted."""
        self._type(self._edit.typed(text))
        if len(text.splitlines()) > 1:
            self._remark, self._is_refused = "only the first line was taken", True
            self._show()

    def close(self) -> None:
        """Show the screen again."""
        self._strip.show_typing(None)
        self._view.remove()

    def resized(self) -> None:
        """Leave the row of the line and those of the header in sight."""
        self._view.styles.height = max(2, min(MOST_ROWS + 1, self.screen.size.height - 3))

    async def _enter(self, at: float) -> None:
        if at - self._typed_at < self._app.paste_gap_s:
            self._remark, self._is_refused = "Enter came with the text, as a paste does: press it again", True
            self._show()
        elif not self._edit.text.strip() and self._selected == 0:
            self._app.end_taking()
        elif not self._found:
            self._remark, self._is_refused = refusal(self._edit.text, self._strip.where, self._app.actions), True
            self._show()
        else:
            await self._take(self._found[self._selected])

    async def _take(self, command: Command) -> None:
        self._app.end_taking()
        history = self._app.typed
        if command.words in history:
            history.remove(command.words)
        history.append(command.words)
        del history[:-_MOST_TYPED]
        await self._app.run_action(command.act, self._app if command.is_of_app else self.screen)

    def _recall(self, key: str) -> bool:
        """Put what was typed before into the line; return whether there is any."""
        at = self._recalled + (-1 if key == "up" else 1)
        if not 0 <= at <= len(self._app.typed) or at == self._recalled or not self._app.typed:
            return False
        words = self._app.typed[at] if at < len(self._app.typed) else ""
        self._type(self._edit.replaced(words))
        self._recalled = at
        return True

    def _type(self, edit: LineEdit) -> None:
        self._edit = edit
        self._recalled = len(self._app.typed)
        self._remark, self._is_refused = "", False
        self._found = matching(edit.text, self._commands)
        self._selected = 0
        self._show()

    def _show(self) -> None:
        self._view.show_found(self._found, self._selected)
        remark, is_refused = self._remark, self._is_refused
        if not remark and not self._found:
            remark, is_refused = "nothing fits", True
        elif not remark:
            remark = "Enter takes it, Tab completes, Esc leaves" if self._edit.text else "type, or choose with the arrows"
        self._strip.show_typing(Typing(":", self._edit, remark, is_refused))
