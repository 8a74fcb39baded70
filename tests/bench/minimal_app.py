"""The peer of `tests.bench terminal`: as little of a Textual application as shows a text, takes keys and changes labels.

Argument: how many labels change ten times a second.
"""

import sys
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import Static


class Minimal(App[None]):
    """Two lines, and labels."""

    BINDINGS: ClassVar[list[BindingType]] = [("q", "quit", "Quit"), ("j", "mark('»  ')", ""), ("k", "mark('  »')", "")]
    ENABLE_COMMAND_PALETTE = False

    def compose(self) -> ComposeResult:
        yield Static("READ-ONLY", id="head")
        yield Static("»  ", id="mark")
        for _ in range(int(sys.argv[1])):
            yield Static("0.0", classes="label")

    def on_mount(self) -> None:
        self.count = 0
        if int(sys.argv[1]):
            self.set_interval(0.1, self.tick)

    def tick(self) -> None:
        self.count += 1
        for number, each in enumerate(self.query(".label").results(Static)):
            each.update(f"{(self.count * 3 + number) % 50 / 10:.1f}")

    def action_mark(self, text: str) -> None:
        self.query_one("#mark", Static).update(text)


if __name__ == "__main__":
    Minimal().run()
