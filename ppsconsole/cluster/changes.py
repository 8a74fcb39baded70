"""What changed between two snapshots, as events."""

from ppsconsole.cluster.picture import Event
from ppsconsole.cluster.snapshot import Edge, Node, Snapshot
from ppsconsole.cluster.verdicts import Verdict


def changes(before: Snapshot, after: Snapshot) -> tuple[Event, ...]:
    """Return one event for each node, edge or cluster rule that stands differently in `after`, in the order of `after`."""
    events = [Event(after.at, *change) for change in _nodes(before, after)]
    events += [Event(after.at, *change) for change in _edges(before, after)]
    events += [Event(after.at, *change) for change in _rules(before, after)]
    return tuple(events)


def _nodes(before: Snapshot, after: Snapshot) -> list[tuple[str, Verdict, str]]:
    old = {node.name: node for node in before.nodes}
    found = []
    for node in after.nodes:
        was = old.get(node.name)
        if was is None or (was.verdict, was.words, was.role) == (node.verdict, node.words, node.role):
            continue
        words = f"{_state(was)} → {_state(node)}{_why(node)}"
        if _state(was) == _state(node):
            words = f"role {was.role} → {node.role}"
        found.append((node.name, node.verdict, words))
    return found


def _state(node: Node) -> str:
    return f"{node.verdict.value} ({node.words})" if node.words else node.verdict.value


def _why(node: Node) -> str:
    loud = [each for each in node.judgements if each.verdict is node.verdict]
    return f": {loud[0].words}" if loud and node.verdict is not Verdict.OK else ""


def _edges(before: Snapshot, after: Snapshot) -> list[tuple[str, Verdict, str]]:
    old = {(edge.kind, edge.source, edge.target): edge for edge in before.edges}
    found = []
    for edge in after.edges:
        was = old.get((edge.kind, edge.source, edge.target))
        state_before = "absent" if was is None else was.state
        if state_before == edge.state or (was is None and not before.is_complete):
            continue
        found.append((edge.target, edge.verdict, f"{_road(edge)}: {state_before} → {edge.state}"))
    return found


def _road(edge: Edge) -> str:
    return f"{edge.kind} {edge.source} → {edge.target}"


def _rules(before: Snapshot, after: Snapshot) -> list[tuple[str, Verdict, str]]:
    old = {(each.rule, each.words) for each in before.judgements}
    new = {(each.rule, each.words) for each in after.judgements}
    found = [("cluster", each.verdict, each.words) for each in after.judgements if (each.rule, each.words) not in old]
    rules_now = {rule for rule, _ in new}
    found += [("cluster", Verdict.OK, f"over: {each.words}") for each in before.judgements if each.rule not in rules_now]
    return found
