"""The one line under a box: what is wrong when something is, what to know otherwise."""

from typing import Any

from ppsconsole.clock import duration
from ppsconsole.cluster.database import Sessions
from ppsconsole.cluster.snapshot import Node
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import Glyphs, Style
from ppsconsole.draw.words import cut, style_of, width_of


def detail_of(node: Node, room: int, glyphs: Glyphs) -> tuple[str, Style]:
    """Return what stands under the box of `node` in at most `room` cells, and its style; empty when nothing is known."""
    if node.verdict not in (Verdict.OK, Verdict.OFF):
        loudest = next((each for each in node.judgements if each.verdict is node.verdict), None)
        if loudest is not None:
            return cut(loudest.words, room, glyphs), style_of(node.verdict)
    parts = {"database": _database, "web": _web, "balancer": _balancer}.get(node.kind, _nothing)(node)
    said = ""
    for part in parts:
        longer = f"{said}  {part}" if said and part else said + part
        if width_of(longer) <= room:
            said = longer
    return said, "dim"


def _database(node: Node) -> tuple[str, ...]:
    return _said(node, "server_address"), _sessions(node.value("sessions")), _said(node, "host.disk_percent", "disk {:.0f}%")


def _web(node: Node) -> tuple[str, ...]:
    answer = _said(node, "http", "{}")
    latency = node.value("http_latency_s")
    timed = f"{answer} in {duration(latency)}" if answer and latency is not None else answer
    return timed, _said(node, "points_at", "uses {}"), _said(node, "certificate_days", "cert {:.0f}d")


def _balancer(node: Node) -> tuple[str, ...]:
    return _said(node, "served_by", "serves from {}"), _said(node, "http", "{}")


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
