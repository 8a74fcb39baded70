"""Everything that is known of one node, in short for a pane and in sections for a page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ppsconsole.clock import duration, hhmmss
from ppsconsole.cluster.database import Sessions
from ppsconsole.cluster.picture import CommandRecord
from ppsconsole.cluster.snapshot import Node, Vantage
from ppsconsole.cluster.verdicts import Judgement
from ppsconsole.draw.node_facts import FACT_GROUPS, fact_lines, group_of, origin_said
from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import fitted, hanging, mark, padded, right, style_of

_SEES: dict[str, Style] = {"alive": "ok", "dead": "down", "lost": "warn", "silent": "unknown"}
_SHOWN_COMMANDS = 12


class ActionLine(Protocol):
    """Something that can be done, as the drawing needs it."""

    @property
    def title(self) -> str:
        """What it is: `failover --to db2`."""
        ...

    @property
    def words(self) -> str:
        """What it costs or does, or why it is blocked."""
        ...

    @property
    def is_blocked(self) -> bool:
        """Whether it cannot be done now."""
        ...


@dataclass(frozen=True, slots=True)
class LogTail:
    """The end of a node's log.

    Attributes:
        title: Which log, and when it was read; empty before anything was tried.
        lines: Its last lines, harmless text.
        words: Why there are none; may be empty.
    """

    title: str = ""
    lines: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """A node with what is known around it.

    Attributes:
        now: Seconds since 1970 UTC, for ages.
        commands: All that were sent, to whomever; oldest first.
        actions: What can be done about it.
        is_exact: Tell every age and duration as it is. Otherwise what is fresh looks the same from look to look, so that a
            page that stays open sends nothing while nothing happens.
    """

    node: Node
    now: float
    commands: Sequence[CommandRecord] = ()
    actions: Sequence[ActionLine] = ()
    log: LogTail = LogTail()
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a node's page; the first one has no title."""

    title: str
    lines: tuple[Line, ...]


def draw_node(node: Node, now: float, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return `node` in short: what is wrong first, then who sees it how, then every fact with value, age and source.

    Args:
        node: The node.
        now: Seconds since 1970 UTC, for ages.
        width: Cells in a row; no line is longer.
        glyphs: The characters to draw with.
    """
    about = About(node, now)
    facts = (Section("FACTS", tuple(fact_lines(node, tuple(node.facts), now, width, glyphs))),) if node.facts else ()
    return joined((_head(node, width, glyphs), *_judged(about, width, glyphs), *facts), width, glyphs)


def draw_sections(about: About, width: int, glyphs: Glyphs) -> tuple[Section, ...]:
    """Return all of a node's page in its sections; every line fits `width` cells."""
    made = (
        _head(about.node, width, glyphs),
        *_judged(about, width, glyphs),
        Section("WHAT CAN BE DONE", tuple(_actions(about, width, glyphs))),
        Section("LOG" + (f"  {about.log.title}" if about.log.title else ""), tuple(_log(about.log, width, glyphs))),
        *_sessions(about, width, glyphs),
        *_facts(about, width, glyphs),
        Section("COMMANDS SENT TO IT AND ITS HOST", tuple(_commands(about, width, glyphs))),
    )
    return tuple(Section(each.title, tuple(fitted(line, width, glyphs) for line in each.lines)) for each in made)


def joined(sections: Sequence[Section], width: int, glyphs: Glyphs, selected: int | None = None) -> tuple[Line, ...]:
    """Return sections below each other, an empty line and the title before each but the first.

    Args:
        sections: What to join.
        width: Cells in a row.
        glyphs: The characters to draw with.
        selected: The section whose title is marked; None for none.
    """
    lines: list[Line] = []
    for number, each in enumerate(sections):
        lines += [(), (Span(each.title, "selected" if number == selected else "title"),)] if each.title else []
        lines += each.lines
    return tuple(fitted(line, width, glyphs) for line in lines)


def section_rows(sections: Sequence[Section]) -> tuple[int, ...]:
    """Return for each section the row of `joined` in which it begins: that of its title."""
    rows, row = [], 0
    for each in sections:
        rows.append(row + (1 if each.title else 0))
        row += len(each.lines) + (2 if each.title else 0)
    return tuple(rows)


def judgement_lines(judgement: Judgement, owner: str, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return one judgement, wrapped: glyph, word, whose it is (when `owner` is not empty), rule, words and limit."""
    state = style_of(judgement.verdict)
    head = [Span(f"{mark(judgement.verdict, glyphs)} {judgement.verdict.value:<7} ", state)]
    if owner:
        head.append(Span(f"{owner} "))
    limit = f" ({judgement.limit})" if judgement.limit else ""
    return hanging((*head, Span(f"{judgement.rule}: ", "dim")), judgement.words + limit, "text", width, glyphs)


def _head(node: Node, width: int, glyphs: Glyphs) -> Section:
    state = style_of(node.verdict)
    head = (Span(f"{mark(node.verdict, glyphs)} {node.name}", state), Span(f"  {node.verdict.value}  {node.words}", state))
    return Section("", (head, *hanging((), _place(node), "dim", width, glyphs)))


def _place(node: Node) -> str:
    parts = [node.kind, f"site {node.site}" if node.site else "", f"on {node.host}" if node.host else ""]
    if node.role != node.kind:
        parts.append(
            f"role {node.role}" + (f", declared {node.declared}" if node.declared and node.declared != node.role else "")
        )
    return ", ".join(part for part in parts if part)


def _judged(about: About, width: int, glyphs: Glyphs) -> Iterator[Section]:
    node = about.node
    if node.judgements:
        yield Section("JUDGED", tuple(line for each in node.judgements for line in judgement_lines(each, "", width, glyphs)))
    if node.vantages:
        yield Section("SEEN FROM", tuple(line for each in node.vantages for line in _vantage(each, width, glyphs)))


def _vantage(vantage: Vantage, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    head = (Span(f"{vantage.observer} sees "), Span(f"{vantage.sees}: ", _SEES[vantage.sees]))
    return hanging(head, vantage.words, "text", width, glyphs)


def _actions(about: About, width: int, glyphs: Glyphs) -> Iterator[Line]:
    if not about.actions:
        yield from hanging((), "No runbook acts on it.", "dim", width, glyphs)
    for each in about.actions:
        state = (Span(f"  {glyphs.down} BLOCKED", "down"),) if each.is_blocked else ()
        yield (Span(each.title), *state)
        yield from hanging((Span("    "),), each.words, "dim", width, glyphs)


def _sessions(about: About, width: int, glyphs: Glyphs) -> Iterator[Section]:
    fact = about.node.facts.get("sessions")
    found = None if fact is None else fact.value
    if fact is None or not isinstance(found, tuple) or fact.is_stale(about.now):
        return
    rows = sorted((each for each in found if isinstance(each, Sessions)), key=lambda each: (-each.count, each.client_addr))
    total = sum(each.count for each in rows)
    table = [("count", "address", "application", "user", "database")]
    table += [(str(each.count), each.client_addr, each.application_name or "unnamed", each.user, each.database) for each in rows]
    wide = [min(24, max(len(row[column]) for row in table)) for column in range(5)]
    lines: list[Line] = []
    for number, row in enumerate(table if rows else ()):
        cells = [
            right(row[0], wide[0], glyphs),
            *(padded(cell, size, glyphs) for cell, size in zip(row[1:], wide[1:], strict=True)),
        ]
        lines.append((Span("  ".join(cells), "dim" if number == 0 else "text"),))
    lines += hanging((), f"({origin_said(fact, about.now, is_exact=about.is_exact)})", "dim", width, glyphs)
    said = f"{total} from {len(rows)} {'place' if len(rows) == 1 else 'places'}" if rows else "nobody is connected"
    yield Section(f"SESSIONS  {said}", tuple(lines))


def _facts(about: About, width: int, glyphs: Glyphs) -> Iterator[Section]:
    node = about.node
    by_group: dict[str, list[str]] = {}
    is_told = any(True for _ in _sessions(about, width, glyphs))
    for name in node.facts:
        if name == "sessions" and is_told:
            continue  # they have a section of their own
        by_group.setdefault(group_of(name), []).append(name)
    for group in FACT_GROUPS:
        if group in by_group:
            lines = fact_lines(node, by_group[group], about.now, width, glyphs, is_exact=about.is_exact)
            yield Section(f"FACTS: {group}", tuple(lines))


def _log(log: LogTail, width: int, glyphs: Glyphs) -> Iterator[Line]:
    if log.words:
        yield from hanging((), log.words, "unknown", width, glyphs)
    for line in log.lines:
        yield (Span(line),)
    if not log.words and not log.lines:
        yield (Span("It is empty." if log.title else "Not read yet.", "dim"),)


def _commands(about: About, width: int, glyphs: Glyphs) -> Iterator[Line]:
    """Yield what was sent, newest first; on a page that stays open each different command once, its newest outcome."""
    places = {about.node.name, about.node.host}
    mine = [each for each in reversed(about.commands) if each.where in places]
    if not about.is_exact:
        newest: dict[tuple[str, str], CommandRecord] = {}
        for each in mine:
            newest.setdefault((each.where, each.command), each)
        mine = sorted(newest.values(), key=lambda each: (each.outcome in ("ok", "rc 0"), each.where, each.command))
    if not mine:
        yield (Span("Nothing was sent to it yet.", "dim"),)
    wide = max((len(each.where) for each in mine), default=0)
    for each in mine[:_SHOWN_COMMANDS]:
        is_well = each.outcome in ("ok", "rc 0") or each.outcome.endswith(" rows")
        took = f"{each.duration_s:.2f}s" if about.is_exact else _rounded(each.duration_s)
        head = [Span(f"{hhmmss(each.at)}Z ", "dim")] if about.is_exact else []
        head += [
            Span(f"{each.where:<{wide}} "),
            Span(f"{each.outcome:<9} ", "ok" if is_well else "warn"),
            Span(f"{took:>6} ", "dim"),
        ]
        yield from hanging(head, each.command, "text", width, glyphs)
    if len(mine) > _SHOWN_COMMANDS:
        yield (Span(f"and {len(mine) - _SHOWN_COMMANDS} more", "dim"),)


def _rounded(duration_s: float) -> str:
    """Return a duration so coarse that it mostly stays the same from look to look."""
    return next((f"<{limit:g}s" for limit in (0.2, 0.5, 1, 2, 5, 10) if duration_s < limit), duration(duration_s))
