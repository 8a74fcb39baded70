"""Facts to snapshot: a pure function, so that the same facts always make the same picture."""

from dataclasses import replace

from ppsconsole.cluster.facts import Observations
from ppsconsole.cluster.snapshot import Edge, Node, Snapshot
from ppsconsole.cluster.verdicts import Judgement, Verdict
from ppsconsole.inventory.model import Inventory
from ppsconsole.probes.edges import edges_of
from ppsconsole.probes.gauges import gauges_of
from ppsconsole.probes.judge_alternate import alternate_node
from ppsconsole.probes.judge_cluster import judge_cluster
from ppsconsole.probes.judge_database import database_node
from ppsconsole.probes.judge_host import bastion_node
from ppsconsole.probes.judge_product import servers_running
from ppsconsole.probes.judge_web import balancer_node, web_node
from ppsconsole.probes.view import View, settle


def compose(inventory: Inventory, seen: Observations, now: float, *, is_complete: bool = True) -> Snapshot:
    """Return the snapshot of everything that may be believed at `now`.

    Args:
        inventory: What was declared; every declared node is in the snapshot, seen or not.
        seen: The facts.
        now: Seconds since 1970 UTC; facts that are stale by then count as unknown.
        is_complete: Whether everything was looked at at least once.
    """
    view = View(inventory, seen, now)
    nodes: dict[str, Node] = {}
    for host in inventory.bastions():
        nodes[host.name] = bastion_node(view, host)
    for balancer in inventory.balancers.values():
        nodes[balancer.name] = balancer_node(view, balancer)
    for declared in inventory.web_nodes.values():
        nodes[declared.name] = web_node(view, declared)
    for instance in inventory.database.instances.values():
        nodes[instance.name] = database_node(view, instance)
    for directory in inventory.directories.values():
        nodes[directory.name] = _directory_node(directory.name, directory.kind)
    has_primary = any(node.role == "primary" for node in nodes.values())
    for alternate in inventory.alternates.values():
        nodes[alternate.name] = alternate_node(view, alternate, has_primary=has_primary)
    edges = edges_of(view, nodes)
    nodes = {name: _with_lag(node, edges) for name, node in nodes.items()}
    return Snapshot(
        cluster=inventory.cluster.name,
        is_lab=inventory.is_lab,
        at=now,
        nodes=tuple(nodes.values()),
        edges=edges,
        gauges=gauges_of(view, nodes, edges),
        judgements=judge_cluster(view, nodes),
        is_complete=is_complete,
        facts=view.loose_facts() | servers_running(view),
    )


def _directory_node(name: str, kind: str) -> Node:
    judgement = Judgement(name, "probed", Verdict.UNKNOWN, f"not probed yet: {kind}")
    return Node(name, "directory", None, None, "directory", "", Verdict.UNKNOWN, "not probed yet", {}, (judgement,))


def _with_lag(node: Node, edges: tuple[Edge, ...]) -> Node:
    """Return a standby with its lag judged: lag belongs to the edge, but a standby that lags is not a healthy standby."""
    stream = next((edge for edge in edges if edge.kind == "replication" and edge.target == node.name), None)
    if stream is None or node.role != "standby" or stream.state not in ("streaming", "catching-up"):
        return node
    if stream.verdict is Verdict.OK:
        return node
    lag = "unknown" if stream.lag_bytes is None else f"{stream.lag_bytes} bytes"
    words = f"lag {stream.label} ({lag}) behind {stream.source}"
    verdict, ordered = settle([*node.judgements, Judgement(node.name, "lag", stream.verdict, words)])
    return replace(node, verdict=verdict, judgements=ordered)
