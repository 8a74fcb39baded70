"""The cluster as an indented tree: one line for each node, for narrow screens."""

from collections.abc import Sequence

from ppsconsole.cluster.snapshot import Node, NodeKind, Snapshot
from ppsconsole.draw.detail import complaint_of, last_seen
from ppsconsole.draw.relation import Relations, primaries_of
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import cut, fitted, mark, padded, shortened, style_of, width_of

_ORDER: tuple[NodeKind, ...] = ("bastion", "balancer", "web", "database", "directory", "alternate")
_LEAST_WORDS, _USUAL_WORDS, _MOST_WORDS = 7, 9, 12  # `standby`, `no answer`, `unreachable`
_LEAST_REST = 12  # for what is said behind the words
_ROLE, _MOST_SITE = 9, 8


def draw_tree(
    snapshot: Snapshot, width: int, height: int | None, glyphs: Glyphs, selected: str | None
) -> tuple[tuple[Line, ...], dict[str, tuple[int, int, int]]]:
    """Return the lines of the tree, and row, first column and width of each node in it.

    Sites are the branches and their nodes stand in the order of the inventory: what is observed never moves a node. Where the
    lines above the branches are what does not fit into `height` rows, each node says its site instead.
    """
    sites = list(dict.fromkeys(node.site or "" for node in snapshot.nodes))
    sites.sort(key=lambda site: site == "")
    lines: list[Line] = []
    spots: dict[str, tuple[int, int, int]] = {}
    is_flat = height is not None and len(snapshot.nodes) + len(sites) > height
    columns = _Columns(snapshot.nodes, width, sites if is_flat else [])
    relations = Relations(snapshot, glyphs)
    for site in sites:
        members = [node for kind in _ORDER for node in snapshot.nodes if node.kind == kind and (node.site or "") == site]
        indent = "" if is_flat or sites == [""] else "  "
        if indent:
            lines.append(_title(f"SITE {site.upper()}" if site else "NO SITE", site, snapshot, width, glyphs))
        for node in members:
            spots[node.name] = (len(lines), 0, width)
            lines.append(columns.line(node, relations, snapshot.at, indent, glyphs, node.name == selected))
    return tuple(lines), spots


def _title(said: str, site: str, snapshot: Snapshot, width: int, glyphs: Glyphs) -> Line:
    """Return the line above a site's nodes; two primaries are told there as well, for that line is never too full."""
    writers = primaries_of(snapshot)
    here = len(writers) > 1 and any((node.site or "") == site for node in snapshot.nodes if node.name in writers)
    alarm = (Span(f"  {glyphs.down} SPLIT BRAIN: {', '.join(writers)}", "down"),) if here else ()
    return fitted((Span(cut(said, width, glyphs), "title"), *alarm), width, glyphs)


class _Columns:
    """The widths of the columns: from names, kinds and the room alone."""

    def __init__(self, nodes: Sequence[Node], width: int, sites: Sequence[str]) -> None:
        self.width = width
        self.site = min(_MOST_SITE, max((width_of(site) for site in sites), default=0))
        longest = max((width_of(node.name) for node in nodes), default=0)
        self.name = min(longest, max(8, width - 6 - _LEAST_WORDS))
        room = width - 5 - self.name - (self.site + 1 if self.site else 0)
        self.words = max(0, min(_MOST_WORDS, room))
        room -= self.words + 1
        self.role = _ROLE if room >= 3 * _LEAST_REST else 0
        self.rest = max(0, room - (self.role + 2 if self.role else 0))

    def line(self, node: Node, relations: Relations, now: float, indent: str, glyphs: Glyphs, is_selected: bool) -> Line:
        """Return one node's line."""
        state = style_of(node.verdict)
        pointer = glyphs.pointer + indent[1:] if is_selected else indent or " "
        spans = [
            Span(pointer or glyphs.pointer),
            Span(mark(node.verdict, glyphs) + " ", state),
            Span(padded(shortened(node.name, self.name, glyphs), self.name, glyphs) + " ", "text" if state == "ok" else state),
        ]
        if self.site:
            spans.append(Span(padded(node.site or "-", self.site, glyphs) + " ", "dim"))
        if self.role:
            spans.append(Span(padded(_role(node), self.role, glyphs) + "  ", "dim"))
        words = node.words or node.verdict.value
        said = padded(words, min(self.words, max(_USUAL_WORDS, width_of(words))), glyphs)
        spans.append(Span(said + " ", state))
        room = self.rest + self.words - width_of(said)
        if room >= _LEAST_REST:
            spans += told(node, relations, now, room, glyphs)
        line = fitted(tuple(spans), self.width, glyphs)
        if not is_selected:
            return line
        return (Span(padded("".join(span.text for span in line), self.width, glyphs), "selected"),)


def _role(node: Node) -> str:
    return node.kind if node.role == "unknown" else node.role


def told(node: Node, relations: Relations, now: float, room: int, glyphs: Glyphs) -> list[Span]:
    """Return what is said behind a node's words, in at most `room` cells.

    Two primaries come first, then what is wrong with it and since when, then what it has to do with others. What does not fit is
    cut while enough of it can be read, and left out otherwise.
    """
    state = style_of(node.verdict)
    related = relations.of(node)
    urgent = [span for span in related if span.text.startswith("TWO")]
    wrong = [Span(each + "  ", state) for each in (complaint_of(node), last_seen(node, now)) if each]
    said: list[Span] = []
    is_headless = False
    for span in (*urgent, *wrong, *(each for each in related if each not in urgent)):
        if width_of(span.text.rstrip()) <= room and not is_headless:
            said.append(span)
            room -= width_of(span.text)
        elif room >= _LEAST_REST and not is_headless:
            said.append(Span(cut(span.text.rstrip(), room, glyphs), span.style))
            break
        # Two blanks end a part; the rest of one whose beginning was left out says nothing.
        is_headless = span not in said and not span.text.endswith("  ")
    return said
