"""Clusters of any size for tests: 2 to 200 nodes over one to four sites, in every state worth drawing."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from ppsconsole.cluster.snapshot import Edge, Node, Snapshot
from ppsconsole.cluster.verdicts import Judgement
from ppsconsole.draw.stale import as_stale
from tests.unit import snapshots
from tests.unit.snapshots import AT, DOWN, OFF, OK, UNKNOWN, WARN

SITES = ("a", "b", "c", "d")


def plain_name(kind: str, number: int) -> str:
    """Return a name as the lab gives it: `pps12`."""
    return f"{kind}{number}"


def long_name(kind: str, number: int) -> str:
    """Return a name as companies give it, of which only the end differs."""
    return f"{kind}-frankfurt-prod-eu-central-{number:02d}"


def wide_name(kind: str, number: int) -> str:
    """Return a name of characters that are two cells wide."""
    return f"{ {'lb': '负载', 'pps': '网页', 'db': '数据库', 'bastion': '堡垒', 'ad': '目录'}[kind] }{number}"


def world(count: int, sites: int, named: Callable[[str, int], str] = plain_name) -> Snapshot:
    """Return a healthy cluster of `count` nodes (at least 2) over `sites` sites.

    The first database is the primary; the second and third copy from it, the others each from the one two before: a cascade.
    The web nodes of the last of several sites stand by stopped. Every balancer routes to every web node.
    """
    places = SITES[:sites]
    balancers = 0 if count < 4 else 1 if count < 12 else 2 if count < 40 else 4
    databases = 1 if count < 4 else 2 if count < 12 else 3 if count < 20 else 4 if count < 40 else 6
    bastions = 0 if count < 7 else sites
    directories = 0 if count < 12 else 2
    webs = count - balancers - databases - bastions - directories
    nodes: list[Node] = [snapshots.bastion(named("bastion", index + 1), places[index]) for index in range(bastions)]
    edges: list[Edge] = []
    primary = named("db", 1)
    fronts = [named("lb", index + 1) for index in range(balancers)]
    names = [named("pps", index + 1) for index in range(webs)]
    nodes += [snapshots.balancer(name, places[index % sites], names[0]) for index, name in enumerate(fronts)]
    edges += [Edge("users", name, "front", "serving", OK, "200", at=AT - 0.4) for name in fronts]
    for index, name in enumerate(names):
        is_serving = sites == 1 or index % sites != sites - 1
        nodes.append(snapshots.web(name, places[index % sites], f"10.0.{index}.3", is_serving=is_serving, points_at=primary))
        state, verdict = ("serving", OK) if is_serving else ("idle", OFF)
        words = ("", "3 sessions") if is_serving else ("set down", "0 sessions")
        edges += [Edge(front, name, "route", state, verdict, words[0], at=AT - 0.4) for front in fronts]  # type: ignore[arg-type]
        edges.append(Edge(name, primary, "uses", state, verdict, words[1], at=AT - 0.4))  # type: ignore[arg-type]
    for index in range(databases):
        name = named("db", index + 1)
        nodes.append(snapshots.database(name, places[index % sites], f"10.1.{index}.5", is_primary=index == 0))
        if index:
            source = named("db", max(1, index - 1))
            edges.append(Edge(source, name, "replication", "streaming", OK, f"0.{index}s", 0, index / 10, AT - 0.4))
    nodes += [snapshots.directory(named("ad", index + 1)) for index in range(directories)]
    return snapshots.snapshot(cluster="world", is_lab=False, nodes=tuple(nodes), edges=tuple(edges), gauges=())


def _names(base: Snapshot, kind: str) -> list[str]:
    return [node.name for node in base.nodes if node.kind == kind]


def degraded(base: Snapshot) -> Snapshot:
    """Return `base` with the last standby behind, and a web node whose certificate ends soon."""
    last, web = _names(base, "database")[-1], _names(base, "web")[0]
    for edge in base.edges:
        if edge.kind == "replication" and edge.target == last:
            behind = {"lag_bytes": 52_428_800, "lag_s": 41.0}
            base = snapshots.rewired(base, edge.source, last, state="catching-up", verdict=WARN, label="41s", **behind)
            judged = (Judgement(last, "lag_s", WARN, f"41s behind {edge.source}", "warns from 5s"),)
            base = snapshots.changed(base, last, verdict=WARN, judgements=judged)
    judged = (Judgement(web, "certificate_days", WARN, "certificate ends in 9 days", "warns from 21 days"),)
    return snapshots.changed(base, web, verdict=WARN, judgements=judged)


def primary_down(base: Snapshot) -> Snapshot:
    """Return `base` after the primary was killed: every serving web node answers 500, nothing is replicated from it."""
    primary = _names(base, "database")[0]
    judged = (Judgement(primary, "sql", DOWN, "nothing serves 10.1.0.5:5432: connection refused"),)
    base = snapshots.changed(base, primary, role="unknown", verdict=DOWN, words="DOWN", judgements=judged)
    served = {edge.source for edge in base.edges if edge.kind == "uses" and edge.state == "serving"}
    for name in served:
        judged = (Judgement(name, "http", DOWN, "answers 500: its database is gone"),)
        base = snapshots.changed(base, name, verdict=DOWN, words="500", judgements=judged)
    for name in _names(base, "balancer"):
        base = snapshots.changed(
            base, name, verdict=DOWN, words="500", judgements=(Judgement(name, "http", DOWN, "users get 500"),)
        )
    edges = []
    for edge in base.edges:
        if edge.kind == "front" or (edge.kind == "route" and edge.target in served):
            edge = replace(edge, state="broken", verdict=DOWN, label="500")
        elif edge.kind == "uses" and edge.source in served:
            edge = replace(edge, state="broken", verdict=DOWN, label="refused")
        elif edge.kind == "replication" and edge.source == primary:
            edge = replace(edge, state="broken", verdict=DOWN, label="down 41s", lag_bytes=None, lag_s=None)
            judged = (Judgement(edge.target, "receiver", WARN, "receives nothing for 41s", "warns from 5s"),)
            base = snapshots.changed(base, edge.target, verdict=WARN, judgements=judged)
        edges.append(edge)
    judged = (Judgement("cluster", "no-primary", DOWN, "no instance accepts writes"),)
    return replace(base, edges=tuple(edges), judgements=judged)


def split_brain(base: Snapshot) -> Snapshot:
    """Return `base` with its last database promoted beside the primary; with one database only, nothing is changed."""
    first, *others = _names(base, "database")
    if not others:
        return base
    second = others[-1]
    base = snapshots.changed(
        base,
        second,
        role="primary",
        verdict=DOWN,
        words="PRIMARY",
        judgements=(Judgement(second, "role", DOWN, "primary, declared standby; timeline 2"),),
    )
    base = snapshots.changed(
        base, first, verdict=DOWN, judgements=(Judgement(first, "role", DOWN, f"primary, and so is {second}"),)
    )
    edges = tuple(edge for edge in base.edges if (edge.kind, edge.target) != ("replication", second))
    edges += (Edge(first, second, "replication", "broken", DOWN, "two primaries", at=AT),)
    words = f"split brain: {first} and {second} both accept writes"
    return replace(base, edges=edges, judgements=(Judgement("cluster", "split-brain", DOWN, words),))


def unknown(base: Snapshot) -> Snapshot:
    """Return `base` when nothing answers any more and every fact has become stale."""
    stale = "stale; last seen 2026-11-23T03:13:20Z"
    nodes = tuple(
        replace(
            each,
            role=each.role if each.kind in ("bastion", "balancer", "directory") else "unknown",
            verdict=UNKNOWN,
            words="no answer",
            facts={name: replace(fact, value=None, at=AT - 47, detail=stale) for name, fact in each.facts.items()},
            judgements=(Judgement(each.name, "ssh", UNKNOWN, "nothing seen for 47s"),),
        )
        for each in base.nodes
    )
    edges = tuple(
        replace(each, state="unknown", verdict=UNKNOWN, label="", lag_bytes=None, lag_s=None, at=None) for each in base.edges
    )
    return replace(base, nodes=nodes, edges=edges)


CHANGES: Mapping[str, Callable[[Snapshot], Snapshot]] = {
    "fine": lambda base: base,
    "degraded": degraded,
    "down": primary_down,
    "split-brain": split_brain,
    "stale": as_stale,
    "unknown": unknown,
}
"""What befalls a healthy cluster, by the name of the state."""
