"""The runs of a cluster as a list to choose from: what, when, how it ended, what it cost, who."""

from collections.abc import Sequence
from dataclasses import dataclass

from ppsconsole.clock import duration, iso
from ppsconsole.draw.plan import badge, direction
from ppsconsole.draw.run import verdict_style
from ppsconsole.draw.run_view import RunView
from ppsconsole.draw.text import Glyphs, Line, Span, line_text
from ppsconsole.draw.words import fitted, padded, width_of

NARROW = 60
WIDE = 120
"""From that many cells on, a run takes one row."""


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One run of the list.

    Attributes:
        ways: What can be done with it while it is open; empty when it has ended.
        is_copy: It is known from a host of the cluster, and not from the journal here.
    """

    view: RunView
    ways: str = ""
    is_copy: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.view.verdict is None

    def words(self) -> str:
        """Return all that it can be found by."""
        view = self.view
        return " ".join((view.run, iso(view.started_at), view.plan.runbook, direction(view.plan), view.state, view.holder))


def entry_lines(entry: RunEntry, now: float, width: int, glyphs: Glyphs, *, is_selected: bool) -> tuple[Line, ...]:
    """Return the rows of one run.

    Args:
        entry: The run.
        now: Seconds since 1970 UTC, for those that are open.
        width: Cells in a row; no line is longer.
        glyphs: The characters to draw with.
        is_selected: It carries the pointer, and its name stands in reverse video.
    """
    view = entry.view
    what = f"{view.plan.runbook} {direction(view.plan)}".rstrip()
    is_wide, is_narrow = width >= WIDE, width < NARROW
    head: Line = (
        Span(f"{glyphs.pointer if is_selected else ' '} "),
        Span(iso(view.started_at)[5 if is_narrow else 0 : 16].replace("T", " "), "dim"),
        Span("  "),
        Span(padded(what, 24, glyphs) if is_wide else what, "selected" if is_selected else "title"),
    )
    state: Line = (Span(f"{view.state:<19}" if is_wide else view.state, verdict_style(view)), Span("  "))
    cost = (badge(view.is_lab), Span(f"  {cost_said(view, now)}"), Span(f"  {view.holder}", "dim"), Span(f"  {view.run}", "dim"))
    rows: list[Line] = [(*head, Span("  "), *state, *cost)]
    if is_narrow:  # how it ended is never cut
        rows = [head, (Span("    "), *state, *cost)]
    elif not is_wide:
        rows = [(*head, Span("  "), *state), (Span("    "), *cost)]
    if entry.ways:
        rows.append((Span("    "), Span(f"OPEN: {entry.ways}", "warn")))
    elif view.words and view.verdict is not None and verdict_style(view) != "ok":
        rows.append((Span("    "), Span(view.words, "dim")))
    return tuple(fitted(row, width, glyphs) for row in rows)


def cost_said(view: RunView, now: float) -> str:
    """Return how long a run took, how long users were out, and what was lost."""
    now = view.until(now)
    took = f"{'took' if view.finished_at is not None else 'for'} {duration(max(0.0, now - view.started_at))}"
    out = f"users out {duration(view.users.length_s(now))}" if view.users.began_at is not None else "users not out"
    return f"{took}, {out}, loss {view.loss}"


def runs_lines(
    entries: Sequence[RunEntry], now: float, width: int, glyphs: Glyphs, selected: str
) -> tuple[tuple[Line, ...], dict[str, tuple[int, int]]]:
    """Return the list, open runs first, and for each run its first row and how many it takes.

    Args:
        entries: In the order in which they are shown.
        now: Seconds since 1970 UTC.
        width: Cells in a row.
        glyphs: The characters to draw with.
        selected: Id of the selected run.
    """
    lines: list[Line] = []
    places: dict[str, tuple[int, int]] = {}
    for number, entry in enumerate(entries):
        if number and entries[number - 1].is_open and not entry.is_open:
            lines.append(())
        rows = entry_lines(entry, now, width, glyphs, is_selected=entry.view.run == selected)
        places[entry.view.run] = (len(lines), len(rows))
        lines.extend(rows)
    return tuple(lines), places


def runs_table(views: Sequence[RunView], now: float, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return the list to read: id, when, what, how it ended or stands, what it cost, who; one row each, two where it is narrow.

    Args:
        views: In the order in which they are listed.
        now: Seconds since 1970 UTC, for those that are open.
        width: Cells in a row; no line is longer.
        glyphs: The characters to draw with.
    """
    what = [f"{view.plan.runbook} {direction(view.plan)}".rstrip() for view in views]
    wide = max(map(width_of, what), default=0), max((width_of(view.state) for view in views), default=0)
    rows: list[tuple[Line, Line]] = []
    for view, each in zip(views, what, strict=True):
        head = (
            Span(view.run, "title"),
            Span(f"  {iso(view.started_at)}"),
            Span(f"  {padded(each, wide[0], glyphs)}"),
            Span(f"  {padded(view.state, wide[1], glyphs)}", verdict_style(view)),
        )
        rows.append((head, (Span(f"  {cost_said(view, now)}"), Span(f"  {view.holder}", "dim"))))
    fits = all(width_of(line_text((*head, *cost))) <= width for head, cost in rows)
    lines: list[Line] = []
    for first, cost in rows:
        lines += [(*first, *cost)] if fits else [first, (Span("  "), *cost)]
    return tuple(fitted(line, width, glyphs) for line in lines)
