"""What was sent to hosts and databases to find all this out."""

from collections.abc import Sequence

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.picture import CommandRecord
from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import fitted, hanging
from ppsconsole.tui.widgets.panel import Panel


class CommandsPanel(Panel, inherit_bindings=False):
    """Each different command once, without time and duration: a round that went like the last one changes no row."""

    TITLE = "Commands we ran"

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return one row for each different command, those that went wrong first."""
        if self.scene is None or self.scene.picture is None:
            return ()
        newest = {(each.where, each.command): each for each in self.scene.picture.commands}
        rows = sorted(newest.values(), key=lambda each: (went_well(each), each.where, each.command))
        return tuple(
            fitted((Span(f"{each.where:<8} ", "title"), outcome(each), Span(f" {each.command}")), width, self.glyphs)
            for each in rows
        )


def went_well(record: CommandRecord) -> bool:
    """Return whether a command came to what it should."""
    return record.outcome in ("ok", "rc 0")


def outcome(record: CommandRecord) -> Span:
    """Return how a command ended, at least ten cells."""
    style: Style = "ok" if went_well(record) else "warn"
    return Span(f"{record.outcome:<10}", style)


def command_lines(records: Sequence[CommandRecord], width: int, glyphs: Glyphs) -> list[Line]:
    """Return the commands, newest first, each as long as it is."""
    lines: list[Line] = []
    for each in reversed(records):
        head = (
            Span(f"{hhmmss(each.at)}Z ", "dim"),
            Span(f"{each.where:<8} ", "title"),
            outcome(each),
            Span(f" {each.duration_s:6.2f}s ", "dim"),
        )
        lines.extend(hanging(head, each.command, "text", width, glyphs))
    return lines
