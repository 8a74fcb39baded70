"""An inventory with mistakes: each with its line; the editor is one key away, and the file is checked again after it."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from textual.app import SuspendNotSupported

from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import hanging
from ppsconsole.errors import InventoryError, Mistake
from ppsconsole.inventory.load import load
from ppsconsole.inventory.start import Start
from ppsconsole.masking import plain
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.screens.first_base import FirstScreen

_JUMPERS = ("vi", "vim", "nvim", "nano", "emacs", "joe", "mg", "micro", "kak", "ne")
"""Editors that take `+LINE` before the file."""


class MistakesScreen(FirstScreen, inherit_bindings=False):
    """Opens the inventory as soon as it has none any more."""

    TITLE_WORDS = "this inventory cannot be used"
    WHERE = "mistakes"
    BINDINGS = bindings("mistakes")

    def __init__(self, path: str, glyphs: Glyphs) -> None:
        super().__init__(glyphs)
        self.path = path
        self.remark = ""
        self.mistakes: tuple[Mistake, ...] = ()

    def on_mount(self) -> None:
        """Check the file, and show what is wrong."""
        super().on_mount()
        self.action_check()
        self.remark = ""
        self.view.redraw()

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return every mistake with its line of the file."""
        count = len(self.mistakes)
        head = f"{self.path}: {count} {'mistake' if count == 1 else 'mistakes'}. Nothing is looked at before they are mended."
        lines: list[Line] = [*hanging((), head, "text", width, self.glyphs)]
        if self.remark:
            lines.extend(hanging((), self.remark, "warn", width, self.glyphs))
        source = _lines_of(self.path)
        for mistake in self.mistakes:
            lines.append(())
            place = f"line {mistake.line}, column {mistake.column}" if mistake.line else "the file"
            lines.extend(hanging((Span(f"{self.glyphs.down} {place}  ", "down"),), mistake.what, "text", width, self.glyphs))
            if 0 < mistake.line <= len(source):
                number = Span(f"  {mistake.line:>4} | ", "dim")
                lines.append((number, Span(shown_line(source[mistake.line - 1], mistake)[: max(8, width - 9)])))
            if mistake.allowed:
                lines.extend(hanging((Span("  "),), mistake.allowed, "dim", width, self.glyphs))
        return lines

    def action_check(self) -> None:
        """Check the file again; open it when it is good."""
        try:
            load(self.path)
        except InventoryError as error:
            self.mistakes = error.mistakes
            self.remark = "Checked again: not good yet."
            self.view.redraw()
            return
        self.app.exit(Start("open", self.path))

    def action_edit(self) -> None:
        """Open the file in the editor of this person, at the first mistake."""
        line = next((each.line for each in self.mistakes if each.line), 0)
        words = editor_words(self.path, line, os.environ)
        try:
            with self.app.suspend():
                done = self.run_editor(words)
        except SuspendNotSupported:
            done = self.run_editor(words)
        if done:
            self.remark = done
            self.view.redraw()
        else:
            self.action_check()

    def run_editor(self, words: Sequence[str]) -> str:
        """Run the editor and return what went wrong; empty when nothing did."""
        try:
            status = subprocess.run(words, check=False).returncode
        except OSError as error:
            return f"{words[0]} could not be started: {error.strerror}. Set EDITOR, or edit {self.path} elsewhere and press r."
        return f"{words[0]} ended with exit status {status}." if status else ""


def editor_words(path: str, line: int, environ: Mapping[str, str]) -> list[str]:
    """Return the command that edits `path`: `$VISUAL`, `$EDITOR` or vi, at `line` where the editor is known to take one."""
    words = shlex.split(environ.get("VISUAL") or environ.get("EDITOR") or "vi") or ["vi"]
    jump = [f"+{line}"] if line and words[0].rpartition("/")[2] in _JUMPERS else []
    return [*words, *jump, os.path.expanduser(path)]


def shown_line(text: str, mistake: Mistake) -> str:
    """Return a line of the file, harmless; without its value where that may be a secret."""
    if "not shown" in mistake.what:
        return plain(text.partition(":")[0]) + ": (not shown)"
    indent = len(text) - len(text.lstrip())
    return " " * indent + plain(text)


def _lines_of(path: str) -> list[str]:
    """Return the lines of a file; none where it cannot be read, which is a mistake of its own."""
    try:
        with Path(os.path.expanduser(path)).open(encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20).splitlines()
    except OSError:
        return []
