"""The console before there is a cluster: no inventory, several, or a broken one. An app of its own; it ends with a choice."""

import os
import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.events import Event, Key
from textual.keys import Keys
from textual.screen import Screen
from textual.widgets import Input

from ppsconsole.draw.text import UNICODE, Glyphs
from ppsconsole.inventory.find import candidates
from ppsconsole.inventory.start import Start
from ppsconsole.settings.file import Settings, load_settings
from ppsconsole.tui.colouring import Colouring
from ppsconsole.tui.keymap import overlay, why_nothing
from ppsconsole.tui.leaving import JOB_CONTROL, LeavingApp
from ppsconsole.tui.opening import driver_class, glyphs_for
from ppsconsole.tui.screens.first_base import FirstScreen
from ppsconsole.tui.screens.mistakes import MistakesScreen
from ppsconsole.tui.screens.picker import PickerScreen
from ppsconsole.tui.screens.welcome import WelcomeScreen
from ppsconsole.tui.theme_file import Palette

if TYPE_CHECKING:
    from textual.driver import Driver


class FirstApp(LeavingApp[Start], inherit_bindings=False):
    """Lets somebody choose what to open.

    Args:
        broken: An inventory with mistakes that was asked for; empty when none was.
    """

    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", "screens/first.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [JOB_CONTROL]
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    TITLE = "ppsconsole"

    def __init__(
        self,
        broken: str = "",
        *,
        palette: Palette | None = None,
        glyphs: Glyphs = UNICODE,
        settings: Settings | None = None,
        driver_class: "type[Driver] | None" = None,
    ) -> None:
        settings = settings or Settings()
        self.colouring = Colouring(self, palette, settings.theme)
        super().__init__(driver_class=driver_class, ansi_color=self.colouring.is_native)
        self.colouring.put_on()
        self.animation_level = "none"
        self.actions = settings.actions()
        self.set_keymap(overlay(self.actions))
        self.glyphs = glyphs
        self._broken = broken

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return our colours, so that the style sheets can be read before the theme is in place."""
        return self.colouring.palette.variables()

    def get_default_screen(self) -> Screen[None]:
        """Return what fits what was found: the mistakes, the picker, or the welcome."""
        if self._broken:
            return MistakesScreen(self._broken, self.glyphs)
        return PickerScreen(self.glyphs) if candidates() else WelcomeScreen(self.glyphs)

    def on_mount(self) -> None:
        """Leave in order on hang-up and termination; look after the colours."""
        self.call_after_refresh(self.colouring.begin, self._of_colours)
        self.catch_signals()

    async def on_event(self, event: Event) -> None:
        """Say of a key that does nothing here that it does nothing, as the console does elsewhere."""
        if isinstance(event, Key) and not event.is_forwarded and (words := self._why_nothing(event)):
            self.clear_notifications()
            self.notify(words, timeout=3, markup=False)
        else:
            await super().on_event(event)

    def _why_nothing(self, event: Key) -> str:
        """Return why a key does nothing; empty where it does something, or is typed into a field."""
        screen = self.screen
        is_typed = isinstance(self.focused, Input) and event.is_printable
        if not isinstance(screen, FirstScreen) or is_typed or event.key == Keys.Ignore or event.key in screen.active_bindings:
            return ""
        return why_nothing(event.key, screen.WHERE, self.actions)

    def _of_colours(self, words: str, *, is_wrong: bool) -> None:
        self.notify(words, severity="warning" if is_wrong else "information", timeout=10 if is_wrong else None, markup=False)

    def action_leave(self) -> None:
        """Leave without opening anything."""
        self.exit(Start("quit"))

    def leave_with(self, code: int, *, is_line_lost: bool = False) -> None:
        """Leave at once: nothing was begun."""
        self.exit(Start("quit", code=code))


def choose(*, broken: str = "", settings: Settings | None = None) -> Start:
    """Show the console without a cluster until somebody chooses something.

    Args:
        broken: An inventory with mistakes that was asked for; empty when none was.
        settings: How the person at the console wants it; read from the environment and `console.yaml` when left out.
    """
    settings = settings or load_settings(os.environ)
    app = FirstApp(broken, glyphs=glyphs_for(settings), settings=settings, driver_class=driver_class(os.environ))
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    chosen = app.run(mouse=settings.has_mouse) or Start("quit")
    if app.crash is not None:
        print(app.told_of_crash(), file=sys.stderr)
        return Start("quit", code=1)
    return chosen
