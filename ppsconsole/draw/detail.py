"""The lines under a box: what is wrong when something is, what to know otherwise."""

from typing import Any

from ppsconsole.clock import duration, hhmmss
from ppsconsole.cluster.database import Sessions
from ppsconsole.cluster.snapshot import Member, Node
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import Glyphs, Style
from ppsconsole.draw.values import value_said
from ppsconsole.draw.words import cut, style_of, width_of, wrapped

_OLD_S = 10.0
"""From this age on the newest fact of a node that is unknown says when it was seen; until then its host still talks."""


def details_of(node: Node, room: int, rows: int, now: float, glyphs: Glyphs) -> tuple[tuple[str, Style], ...]:
    """Return what stands under the box of `node`: at most `rows` lines of at most `room` cells, each with its style.

    Args:
        node: The node.
        room: Cells in a line.
        rows: How many lines there are.
        now: Seconds since 1970 UTC; a node that is unknown says since when.
        glyphs: The characters to draw with.
    """
    if room <= 0 or rows <= 0:
        return ()
    found: list[tuple[str, Style]] = []
    complaint = complaint_of(node)
    if complaint:
        style = style_of(node.verdict)
        lines = wrapped(complaint, room, glyphs)
        # Of three rows one is left for facts; of two, none: a whole sentence is worth more than they are.
        kept = rows - 1 if rows > 2 else rows
        if len(lines) > kept:
            # What does not fit is cut where it ends, not where the line before it broke.
            lines = (*lines[: kept - 1], cut(" ".join(lines[kept - 1 :]), room, glyphs))
        found += [(line, style) for line in lines]
    seen = last_seen(node, now)
    if seen:
        found.append((cut(seen, room, glyphs), "unknown"))
    if len(found) < rows:
        found += [(line, "dim") for line in _packed(_parts(node), room, rows - len(found))]
    return tuple(found[:rows])


def complaint_of(node: Node) -> str:
    """Return the loudest judgement of a node that is not well; empty when it is."""
    if node.verdict in (Verdict.OK, Verdict.OFF):
        return ""
    return next((each.words for each in node.judgements if each.verdict is node.verdict), "")


def last_seen(node: Node, now: float) -> str:
    """Return when an unknown node last said anything, e.g. `last seen 03:13:20Z`: a moment, so that it does not tick.

    Returns:
        Empty when the node is known, was never seen, or something of it was seen just now.
    """
    if node.verdict is not Verdict.UNKNOWN:
        return ""
    # A fact that has become stale keeps the time at which it was seen; one that was missed has the time of the attempt.
    seen = [fact.at for fact in node.facts.values() if fact.is_known or fact.detail.startswith("stale")]
    newest = max(seen, default=0.0)
    return f"last seen {hhmmss(newest)}Z" if newest and now - newest > _OLD_S else ""


def _packed(parts: tuple[str, ...], room: int, rows: int) -> list[str]:
    """Return the parts in lines, two blanks between them; a part that is wider than a line is left out."""
    lines: list[str] = []
    for part in parts:
        if not part or width_of(part) > room:
            continue
        fits = [number for number, line in enumerate(lines) if width_of(line) + 2 + width_of(part) <= room]
        if fits:
            lines[fits[0]] += f"  {part}"
        elif len(lines) < rows:
            lines.append(part)
    return lines


def _parts(node: Node) -> tuple[str, ...]:
    return {"database": _database, "web": _web, "balancer": _balancer}.get(node.kind, _nothing)(node)


def _database(node: Node) -> tuple[str, ...]:
    version = node.value("version")
    return (
        _said(node, "server_address"),
        _sessions(node.value("sessions")),
        _said(node, "host.disk_percent", "disk {:.0f}%"),
        _said(node, "timeline", "timeline {}"),
        "" if version is None else f"version {value_said('version', version, 0.0)[0]}",
    )


def _web(node: Node) -> tuple[str, ...]:
    return (
        _answer(node),
        _said(node, "points_at", "uses {}"),
        _said(node, "certificate_days", "cert {:.0f}d"),
        _service(node),
        _said(node, "host.disk_percent", "disk {:.0f}%"),
    )


def _balancer(node: Node) -> tuple[str, ...]:
    return (
        _said(node, "served_by", "serves from {}"),
        _answer(node),
        _members(node.value("members")),
        _said(node, "certificate_days", "cert {:.0f}d"),
    )


def _service(node: Node) -> str:
    """Return what the service manager says; whether it starts at boot matters as soon as somebody reboots the host."""
    boot = {"enabled": ", starts at boot", "disabled": ", not at boot"}.get(node.value("service_enabled"), "")
    said = _said(node, "service", "service {}")
    return said + boot if said else ""


def _answer(node: Node) -> str:
    """Return what a web page answered, and in what time only where that is felt: milliseconds differ with every look."""
    answer, latency = _said(node, "http", "answers {}"), node.value("http_latency_s")
    return f"{answer} in {duration(latency)}" if answer and latency is not None and latency >= 1 else answer


def _nothing(node: Node) -> tuple[str, ...]:
    return ()


def _said(node: Node, name: str, form: str = "{}") -> str:
    value: Any = node.value(name)
    return "" if value is None else form.format(value)


def _sessions(value: Any) -> str:
    if not isinstance(value, tuple):
        return ""
    count = sum(each.count for each in value if isinstance(each, Sessions))
    if count == 0:
        return ""
    return f"{count} session" if count == 1 else f"{count} sessions"


def _members(value: Any) -> str:
    if not isinstance(value, tuple):
        return ""
    states = [each.state for each in value if isinstance(each, Member)]
    said = {"up": "up", "backup": "backup", "down": "set down"}
    counts = [f"{states.count(state)} {words}" for state, words in said.items() if state in states]
    return f"members: {', '.join(counts)}" if counts else ""
