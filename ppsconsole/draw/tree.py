"""The cluster as an indented tree: one line for each node, for narrow screens and large clusters."""

from collections.abc import Sequence

from ppsconsole.cluster.snapshot import Edge, Node, NodeKind, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.replication import labels
from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import cut, fitted, mark, padded, style_of, width_of

_ORDER: tuple[NodeKind, ...] = ("bastion", "balancer", "web", "database", "directory")
_VERDICT_WIDTH = 7  # `unknown`


def draw_tree(
    snapshot: Snapshot, width: int, glyphs: Glyphs, selected: str | None
) -> tuple[tuple[Line, ...], dict[str, tuple[int, int, int]]]:
    """Return the lines of the tree, and row, first column and width of each node in it.

    Sites are the branches and their nodes stand in the order of the inventory: what is observed never moves a node.
    """
    sites = list(dict.fromkeys(node.site or "" for node in snapshot.nodes))
    sites.sort(key=lambda site: site == "")
    lines: list[Line] = []
    spots: dict[str, tuple[int, int, int]] = {}
    columns = _Columns(snapshot.nodes, width)
    for site in sites:
        members = [node for kind in _ORDER for node in snapshot.nodes if node.kind == kind and (node.site or "") == site]
        indent = "" if sites == [""] else "  "
        if indent:
            lines.append((Span(cut(f"SITE {site.upper()}" if site else "NO SITE", width, glyphs), "title"),))
        for node in members:
            spots[node.name] = (len(lines), 0, width)
            lines.append(columns.line(node, snapshot, indent, glyphs, node.name == selected))
    return tuple(lines), spots


class _Columns:
    """The widths of the columns: from names, kinds and the room alone."""

    def __init__(self, nodes: Sequence[Node], width: int) -> None:
        self.width = width
        self.name = min(max((width_of(node.name) for node in nodes), default=0), max(8, width - 6 - _VERDICT_WIDTH))
        # Who copies from whom comes before the role, which the words mostly say as well.
        room = width - self.name - _VERDICT_WIDTH - 8
        self.words = 10 if room >= 11 else 0
        room -= self.words + 2
        self.role = 9 if room >= 27 else 0
        self.rest = max(0, room - (self.role + 2 if self.role else 0))

    def line(self, node: Node, snapshot: Snapshot, indent: str, glyphs: Glyphs, is_selected: bool) -> Line:
        """Return one node's line."""
        state = style_of(node.verdict)
        pointer = glyphs.pointer + indent[1:] if is_selected else indent or " "
        spans = [
            Span(pointer or glyphs.pointer),
            Span(mark(node.verdict, glyphs) + " ", state),
            Span(padded(node.name, self.name, glyphs) + "  ", "text" if state in ("ok", "warn") else state),
        ]
        if self.role:
            spans.append(Span(padded(_role(node), self.role, glyphs) + "  ", "dim"))
        spans.append(Span(padded(node.verdict.value, _VERDICT_WIDTH, glyphs) + "  ", state))
        if self.words:
            spans.append(Span(padded(node.words, self.words, glyphs) + "  ", state))
        if self.rest >= 8:
            spans += _relations(node, snapshot) + _complaint(node)
        line = fitted(tuple(spans), self.width, glyphs)
        if not is_selected:
            return line
        return (Span(padded("".join(span.text for span in line), self.width, glyphs), "selected"),)


def _role(node: Node) -> str:
    return node.kind if node.role == "unknown" else node.role


def _relations(node: Node, snapshot: Snapshot) -> list[Span]:
    """Return what the node has to do with others, in words."""
    said: list[Span] = []
    for edge in snapshot.edges:
        words = ""
        if edge.kind == "replication" and edge.target == node.name:
            words = f"from {edge.source} {_lag(edge, snapshot.at)}"
        elif edge.kind == "uses" and edge.source == node.name and edge.state != "idle":
            words = f"uses {edge.target}" + (f" {edge.state}" if edge.state != "serving" else "")
        if words:
            style: Style = "down" if edge.state == "broken" else "warn" if edge.state == "catching-up" else "dim"
            said.append(Span(words + "  ", style))
    return said


def _complaint(node: Node) -> list[Span]:
    """Return the loudest judgement of a node that is not well."""
    if node.verdict in (Verdict.OK, Verdict.OFF):
        return []
    return [Span(each.words, style_of(each.verdict)) for each in node.judgements if each.verdict is node.verdict][:1]


def _lag(edge: Edge, now: float) -> str:
    return labels(edge, now)[0] if edge.state in ("broken", "unknown") else labels(edge, now)[-2]
