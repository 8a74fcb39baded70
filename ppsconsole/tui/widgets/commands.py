"""What was sent to hosts and databases to find all this out."""

from collections.abc import Sequence

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.picture import CommandRecord
from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import fitted, hanging
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.widgets.panel import Panel

SLOW_S = 1.0
"""What takes longer is marked: it is what makes everything else late."""

LOUD_S = 120.0
"""For so long what went wrong, or was slow, stands in front of all else: until it must have been tried again."""

_COARSE_S = (30.0, 10.0, 5.0, 2.0, SLOW_S)


class CommandsPanel(Panel, inherit_bindings=False):
    """Each different command once, without time and duration: a round that went like the last one changes no row.

    Only a slow one says how slow, and so coarse that it says the same the next time.
    """

    TITLE = "Commands we ran"

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return one row for each different command, those that went wrong of late first, then the slow ones."""
        if self.scene is None or self.scene.picture is None:
            return ()
        newest = {(each.where, each.command): each for each in records_of(self.scene)}
        since = self.scene.picture.snapshot.at - LOUD_S

        def place(each: CommandRecord) -> tuple[bool, bool, str, str]:
            is_past = each.at < since
            return is_past or went_well(each), is_past or not is_slow(each), each.where, each.command

        return tuple(fitted(_row(each), width, self.glyphs) for each in sorted(newest.values(), key=place))


def records_of(scene: Scene) -> list[CommandRecord]:
    """Return what was sent, oldest first: by the probes, and by the run that is shown, whose words begin with the host."""
    seen = () if scene.picture is None else scene.picture.commands
    sent = [] if scene.run is None else [each for each in scene.run.events if each.kind == "command-sent"]
    acted = [
        CommandRecord(
            each.at,
            str(each.data.get("host", "")),
            each.words,
            float(each.data.get("duration_s", 0.0)),
            str(each.data.get("outcome", "sent")),
        )
        for each in sent
    ]
    return sorted((*seen, *acted), key=lambda each: each.at)


def went_well(record: CommandRecord) -> bool:
    """Return whether a command came to what it should."""
    return record.outcome in ("ok", "rc 0") or record.outcome.endswith(" rows")


def is_slow(record: CommandRecord) -> bool:
    """Return whether it took longer than it should."""
    return record.duration_s > SLOW_S


def outcome(record: CommandRecord) -> Span:
    """Return how a command ended, at least ten cells."""
    style: Style = "ok" if went_well(record) else "warn"
    return Span(f"{record.outcome:<10}", style)


def _row(record: CommandRecord) -> Line:
    spans = [Span(f"{record.where:<8} ", "title"), outcome(record)]
    if is_slow(record):
        coarse = next(limit for limit in _COARSE_S if record.duration_s > limit)
        spans.append(Span(f" SLOW >{coarse:g}s", "warn"))
    return (*spans, Span(f" {record.command}"))


def command_lines(records: Sequence[CommandRecord], width: int, glyphs: Glyphs) -> list[Line]:
    """Return the commands, newest first, each as long as it is; the slow ones are marked."""
    lines: list[Line] = []
    for each in reversed(records):
        head = (
            Span(f"{hhmmss(each.at)}Z ", "dim"),
            Span(f"{each.where:<8} ", "title"),
            outcome(each),
            Span(f" {each.duration_s:6.2f}s ", "warn" if is_slow(each) else "dim"),
            *((Span("SLOW ", "warn"),) if is_slow(each) else ()),
        )
        lines.extend(hanging(head, each.command, "text", width, glyphs))
    return lines
