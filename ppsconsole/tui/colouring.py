"""What colours an application wears: at the start, changed by a command, and read again when a person's own theme changes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from textual.app import App
from textual.timer import Timer

from ppsconsole.errors import SettingsError, UsageError
from ppsconsole.tui.borders import add_borders
from ppsconsole.tui.contrast import hard_to_see
from ppsconsole.tui.theme_file import Palette
from ppsconsole.tui.theming import load_palette, own_theme, palette_for, suitable_theme, told

_EVERY_S = 1.0
_MOST_REMARKS = 2


class Say(Protocol):
    """Tells the person at the console something about colours; what `is_wrong` stays for longer."""

    def __call__(self, words: str, *, is_wrong: bool) -> None:
        """Tell it."""
        ...


class Colouring:
    """The colours of one application.

    Args:
        app: Whose colours.
        palette: Colours to begin with; those that were asked for, or suit the terminal, when left out.
        theme: The theme that was asked for; empty leaves it to the terminal.
        environ: The environment.

    Attributes:
        palette: The colours now.

    Raises:
        UsageError: There is no theme called `theme`.
    """

    def __init__(
        self, app: App[Any], palette: Palette | None = None, theme: str = "", environ: Mapping[str, str] = os.environ
    ) -> None:
        add_borders()
        self._app = app
        self._is_colourless = "NO_COLOR" in environ
        self._trouble = ""
        self._file: Path | None = None
        if palette is None:
            palette, self._trouble = palette_for(theme, environ)
            self._file = own_theme(theme or suitable_theme(environ))
        self.palette = palette
        self._seen = _stamp(self._file)
        self._watch: Timer | None = None
        self._say: Say | None = None

    @property
    def is_native(self) -> bool | None:
        """Whether the terminal's own colours are used, for `App(ansi_color=...)`; None leaves it to the theme.

        Under NO_COLOR they always are: Textual decides while the application is made whether to take all colours away or to turn
        them into greys, which are colours too.
        """
        return True if self._is_colourless or self.palette.is_ansi else None

    def put_on(self) -> None:
        """Show the colours."""
        app, theme = self._app, self.palette.theme()
        app.ansi_color = self.is_native
        app.register_theme(theme)
        if app.theme == theme.name:
            app.mutate_reactive(App.theme)  # the same name, and other colours: they were read again
        else:
            app.theme = theme.name

    def begin(self, say: Say) -> None:
        """Tell what was wrong at the start, and look at the file from now on where it is a person's own."""
        self._say = say
        if self._trouble:
            say(self._trouble, is_wrong=True)
        self._look_after()

    def switch(self, name: str) -> None:
        """Wear another theme.

        Raises:
            UsageError: There is no such theme.
            SettingsError: Its file has mistakes.
        """
        self.palette = load_palette(name)
        self._file = own_theme(name)
        self._seen = _stamp(self._file)
        self.put_on()
        self._remark()
        self._look_after()

    def _look_after(self) -> None:
        """Look at a person's own theme once a second; at nothing where it is none."""
        if self._file is not None and self._watch is None:
            self._watch = self._app.set_interval(_EVERY_S, self._look)
        elif self._file is None and self._watch is not None:
            self._watch.stop()
            self._watch = None

    def _look(self) -> None:
        """Read the theme again where its file changed; the colours stay where that fails."""
        stamp = _stamp(self._file)
        if self._file is None or stamp == self._seen:
            return
        self._seen = stamp
        try:
            palette = load_palette(self._file.stem)
        except SettingsError as error:
            self._tell(f"{told(error)}. The colours stay as they are.", is_wrong=True)
        except UsageError:
            self._tell(f"{self._file} is gone. The colours stay as they are.", is_wrong=True)
        else:
            self.palette = palette
            self.put_on()
            self._remark(f"The theme {palette.name} was read again.")

    def _remark(self, news: str = "") -> None:
        """Say, behind the `news`, what of a person's own theme is hard to see: a second remark would cover the first."""
        found = hard_to_see(self.palette) if self._file is not None else []
        more = f" (and {len(found) - _MOST_REMARKS} more)" if len(found) > _MOST_REMARKS else ""
        remark = f"Theme {self.palette.name}: {'; '.join(found[:_MOST_REMARKS])}{more}." if found else ""
        if words := " ".join(part for part in (news, remark) if part):
            self._tell(words, is_wrong=bool(found))

    def _tell(self, words: str, *, is_wrong: bool) -> None:
        if self._say is not None:
            self._say(words, is_wrong=is_wrong)


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """Return what differs once a file was written or replaced; None where there is none."""
    try:
        status = os.stat(path) if path is not None else None
    except OSError:
        return None
    return None if status is None else (status.st_mtime_ns, status.st_size, status.st_ino)
