"""How a snapshot is drawn that nothing newer came after: what was known stays to be read, and nothing of it is said to hold."""

from dataclasses import replace

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.snapshot import Edge, Gauge, Node, Snapshot
from ppsconsole.cluster.verdicts import Judgement, Verdict


def as_stale(snapshot: Snapshot) -> Snapshot:
    """Return `snapshot` with everything in it unknown: words and lags are kept as what was last seen, with the moment.

    The moment is a time of day, not an age: what does not change need not be sent to the terminal again.
    """
    since = f"seen {hhmmss(snapshot.at)}Z"
    return replace(
        snapshot,
        nodes=tuple(_node(node, since) for node in snapshot.nodes),
        edges=tuple(_edge(edge) for edge in snapshot.edges),
        gauges=tuple(_gauge(gauge, snapshot.at) for gauge in snapshot.gauges),
    )


def _gauge(gauge: Gauge, at: float) -> Gauge:
    """Return `gauge` as what it was; one that was off stays off."""
    if gauge.verdict is Verdict.OFF:
        return gauge
    return replace(gauge, verdict=Verdict.UNKNOWN, known_at=gauge.known_at if gauge.value is None else at)


def _node(node: Node, since: str) -> Node:
    loudest = next((each.words for each in node.judgements if each.verdict is node.verdict), "")
    is_bad = node.verdict in (Verdict.DOWN, Verdict.WARN)
    words = f"{since}: {loudest}" if is_bad and loudest else since
    return replace(node, verdict=Verdict.UNKNOWN, judgements=(Judgement(node.name, "stale", Verdict.UNKNOWN, words),))


def _edge(edge: Edge) -> Edge:
    label = f"was {edge.label or edge.state}" if edge.kind == "replication" else edge.label
    return replace(edge, state="unknown", verdict=Verdict.UNKNOWN, label=label, at=None)
