"""The whole of `ppsconsole status` as lines: a drawing for the eye, then a table to grep and to read aloud."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from ppsconsole.clock import duration, iso
from ppsconsole.cluster.picture import Picture
from ppsconsole.cluster.snapshot import Edge, Node, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.gauges import draw_gauges
from ppsconsole.draw.legend import draw_legend
from ppsconsole.draw.node import judgement_lines
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.topology import draw_topology
from ppsconsole.draw.values import lag_said
from ppsconsole.draw.words import fitted, hanging, mark, style_of, width_of

_LOUDEST_FIRST = (Verdict.DOWN, Verdict.WARN, Verdict.UNKNOWN, Verdict.OK, Verdict.OFF)


class WayLine(Protocol):
    """One way out, as the drawing needs it."""

    def said(self) -> str:
        """Return it as one sentence: what to type, what it costs, or why it is blocked."""
        ...


class AdviceLine(Protocol):
    """One piece of advice, as the drawing needs it."""

    @property
    def verdict(self) -> Verdict:
        """How loud it is."""
        ...

    @property
    def headline(self) -> str:
        """What happened, one sentence."""
        ...

    @property
    def evidence(self) -> tuple[str, ...]:
        """What it was concluded from."""
        ...

    @property
    def remedy(self) -> str:
        """What to do next; may be empty."""
        ...

    @property
    def ways(self) -> Sequence[WayLine]:
        """The ways out, the best first."""
        ...


def draw_status(seen: Picture | Snapshot, advice: Sequence[AdviceLine], width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return the text of `ppsconsole status`.

    Args:
        seen: The snapshot, or the picture that holds it: then its trends and what is still being tried are told too.
        advice: What happened and what to do, most important first.
        width: Cells in a row; no line is longer, sentences are wrapped and names are cut.
        glyphs: The characters to draw with.
    """
    picture = seen if isinstance(seen, Picture) else Picture(seen)
    snapshot = picture.snapshot
    sections = (
        tuple(_head(snapshot, width, glyphs)),
        _drawn(snapshot, width, glyphs),
        tuple(_nodes(snapshot)),
        tuple(_edges(snapshot, width, glyphs)),
        tuple(_troubles(snapshot, width, glyphs)),
        tuple(_vantages(snapshot, width, glyphs)),
        draw_gauges(snapshot.gauges, picture.trends, width, glyphs),
        tuple(_attempts(picture)),
        tuple(_advice(advice, width, glyphs)),
    )
    lines: list[Line] = []
    for section in sections:
        lines += ((),) if lines and section else ()
        lines += section
    return tuple(fitted(line, width, glyphs) for line in lines)


def count_said(snapshot: Snapshot) -> str:
    """Return how many nodes there are of each verdict, the loudest first: `1 down, 2 warn, 4 ok`."""
    counts = {verdict: sum(node.verdict is verdict for node in snapshot.nodes) for verdict in _LOUDEST_FIRST}
    return ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)


def _head(snapshot: Snapshot, width: int, glyphs: Glyphs) -> Iterator[Line]:
    state = style_of(snapshot.verdict)
    noun = "node" if len(snapshot.nodes) == 1 else "nodes"
    about = f"{iso(snapshot.at)}  {len(snapshot.nodes)} {noun}: {count_said(snapshot)}"
    head = (
        Span(snapshot.cluster, "title"),
        Span("  LAB" if snapshot.is_lab else "  LIVE", "title"),
        Span(f"  {mark(snapshot.verdict, glyphs)} {snapshot.verdict.value}", state),
    )
    if sum(width_of(span.text) for span in head) + 2 + width_of(about) <= width:
        yield (*head, Span("  " + about))
    else:
        yield head
        yield from hanging((), about, "text", width, glyphs)
    if not snapshot.is_complete:
        yield (Span(f"{glyphs.unknown} not everything was looked at yet", "unknown"),)


def _drawn(snapshot: Snapshot, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    drawing = draw_topology(snapshot, width, None, glyphs)
    note = ((Span(drawing.note, "dim"),),) if drawing.note else ()
    return (*drawing.lines, *note, (), *draw_legend(width, glyphs))


def _nodes(snapshot: Snapshot) -> Iterator[Line]:
    """Yield one line for each node; two blanks between the columns, so that `awk -F'  +'` finds them."""
    names = max((width_of(node.name) for node in snapshot.nodes), default=0)
    sites = max((width_of(node.site or "-") for node in snapshot.nodes), default=0)
    roles = max((width_of(node.role) for node in snapshot.nodes), default=0)
    for node in snapshot.nodes:
        site = node.site or "-"
        yield (
            Span(node.name + " " * (names - width_of(node.name))),
            Span(f"  {node.kind:<9}  site {site}" + " " * (sites - width_of(site)), "dim"),
            Span(f"  {node.role}" + " " * (roles - width_of(node.role))),
            Span(f"  {node.verdict.value:<7}", style_of(node.verdict)),
            Span(f"  {_words(node)}"),
        )


def _words(node: Node) -> str:
    is_drift = node.declared not in ("", node.role) and node.kind == "database" and node.role in ("primary", "standby")
    return node.words + (f", declared {node.declared}" if is_drift else "")


def _edges(snapshot: Snapshot, width: int, glyphs: Glyphs) -> Iterator[Line]:
    for edge in snapshot.edges:
        head = Span(f"{edge.source} -> {edge.target} ")
        yield from hanging((head,), _edge_words(edge, snapshot.at), style_of(edge.verdict), width, glyphs)


def _edge_words(edge: Edge, now: float) -> str:
    parts: list[str] = [edge.kind, edge.state]
    if edge.kind == "replication":
        parts.append(lag_said(edge.lag_bytes, edge.lag_s))
    parts.append(edge.verdict.value)
    # What a replication that runs has to say is its lag, which stands there already.
    if edge.label and (edge.kind != "replication" or edge.state in ("broken", "unknown")):
        parts.append(f"({edge.label})")
    if edge.at is None:
        parts.append("never seen")
    elif now - edge.at > 10:
        parts.append(f"{duration(now - edge.at)} old")
    return " ".join(parts)


def _troubles(snapshot: Snapshot, width: int, glyphs: Glyphs) -> Iterator[Line]:
    judged = [("cluster", each) for each in snapshot.judgements]
    judged += [(node.name, each) for node in snapshot.nodes for each in node.judgements]
    wrong = [(owner, each) for owner, each in judged if each.verdict not in (Verdict.OK, Verdict.OFF)]
    wrong.sort(key=lambda pair: _LOUDEST_FIRST.index(pair[1].verdict))
    for owner, each in wrong:
        yield from judgement_lines(each, owner, width, glyphs)


def _vantages(snapshot: Snapshot, width: int, glyphs: Glyphs) -> Iterator[Line]:
    for node in snapshot.nodes:
        if node.vantages:
            seen = "; ".join(f"{each.observer} sees {each.sees} ({each.words})" for each in node.vantages)
            yield from hanging((Span(f"{node.name}: "),), seen, "text", width, glyphs)


def _attempts(picture: Picture) -> Iterator[Line]:
    for attempt in picture.attempts:
        waited = duration(max(0.0, picture.snapshot.at - attempt.since))
        yield (Span(f"still trying {attempt.where} ({waited})", "unknown"),)


def _advice(advice: Sequence[AdviceLine], width: int, glyphs: Glyphs) -> Iterator[Line]:
    for each in advice:
        state = style_of(each.verdict)
        yield from hanging(
            (Span(f"{mark(each.verdict, glyphs)} {each.verdict.value:<7} ", state),), each.headline, state, width, glyphs
        )
        for evidence in each.evidence:
            yield from hanging((Span("  because "),), evidence, "dim", width, glyphs)
        if each.remedy:
            yield from hanging((Span("  next "),), each.remedy, "text", width, glyphs)
        for way in each.ways:
            yield from hanging((Span("  way "),), way.said(), "text", width, glyphs)
