"""What a node has to do with others, in words: for drawings that have no room for lines."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from ppsconsole.cluster.snapshot import Edge, EdgeKind, Node, Snapshot
from ppsconsole.draw.replication import labels
from ppsconsole.draw.route import word_style
from ppsconsole.draw.text import Glyphs, Span

_LOUDEST_FIRST = ("broken", "catching-up", "unknown", "serving", "streaming", "idle")
_MOST_NAMES = 3  # of targets that are named; more are counted


class Relations:
    """The links of a snapshot, found by node."""

    def __init__(self, snapshot: Snapshot, glyphs: Glyphs) -> None:
        self._now = snapshot.at
        self._glyphs = glyphs
        self._leaving: dict[str, list[Edge]] = defaultdict(list)
        self._arriving: dict[str, list[Edge]] = defaultdict(list)
        self._of_kind: dict[EdgeKind, list[Edge]] = defaultdict(list)
        for edge in snapshot.edges:
            self._leaving[edge.source].append(edge)
            self._arriving[edge.target].append(edge)
            self._of_kind[edge.kind].append(edge)
        self._writers = primaries_of(snapshot)

    def of(self, node: Node) -> list[Span]:
        """Return what is said beside `node`, two blanks behind each part, the loudest first."""
        leaving = self._leaving.get(node.name, [])
        said: list[Span] = []
        if len(self._writers) > 1 and node.name in self._writers:
            others = ", ".join(name for name in self._writers if name != node.name)
            said.append(Span(f"TWO PRIMARIES: so is {others}  ", "down"))
        elif node.kind == "database":
            copies = [edge for edge in self._arriving.get(node.name, []) if edge.kind == "replication"]
            said += [Span(f"from {edge.source} {self._lag(edge)}  ", word_style(edge)) for edge in copies]
        elif node.kind == "web":
            used = [edge for edge in leaving if edge.kind == "uses" and edge.state != "idle"]
            for edge in used:
                said += [Span(f"uses {edge.target} ", word_style(edge)), Span(f"{_use(edge)}  ", word_style(edge))]
        elif node.kind == "balancer":
            fronts = [edge for edge in self._arriving.get(node.name, []) if edge.kind == "front"]
            bad = [edge for edge in fronts if edge.state in ("broken", "unknown")]
            said += [Span(f"users {self._sign(edge)} {edge.label}".rstrip() + "  ", word_style(edge)) for edge in bad]
            said += self._routes([edge for edge in leaving if edge.kind == "route"])
        return said

    def _routes(self, edges: Sequence[Edge]) -> list[Span]:
        """Return where a balancer leads, one part for each state; members that are set down are left out."""
        said: list[Span] = []
        for state in _LOUDEST_FIRST:
            here = [edge for edge in edges if edge.state == state]
            if not here or state == "idle":
                continue
            names = ",".join(edge.target for edge in here) if len(here) <= _MOST_NAMES else f"{len(here)} web nodes"
            said.append(Span(f"{self._sign(here[0])} {names}  ", word_style(here[0])))
        return said

    def _sign(self, edge: Edge) -> str:
        signs = {"broken": self._glyphs.replication_broken, "unknown": self._glyphs.unknown}
        return signs.get(edge.state, self._glyphs.arrow_right)

    def _lag(self, edge: Edge) -> str:
        return labels(edge, self._now)[0] if edge.state in ("broken", "unknown") else labels(edge, self._now)[-2]

    def counts(self, kind: EdgeKind) -> list[Span]:
        """Return how many links of `kind` are in each state, the loudest first: `1 broken, 11 serving`; empty without any."""
        edges = self._of_kind.get(kind, [])
        counted: Counter[str] = Counter(edge.state for edge in edges)
        said: list[Span] = []
        for state in _LOUDEST_FIRST:
            if counted[state]:
                first = next(edge for edge in edges if edge.state == state)
                said.append(Span((", " if said else "") + f"{counted[state]} {state}", word_style(first)))
        return said


def _use(edge: Edge) -> str:
    if edge.state == "broken":
        return edge.label if edge.label and not edge.label.endswith(("session", "sessions")) else "broken"
    return edge.label if edge.state == "serving" else edge.state


def primaries_of(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the names of all databases that say that they are the primary; more than one is a split brain."""
    return tuple(node.name for node in snapshot.nodes if node.kind == "database" and node.role == "primary")
