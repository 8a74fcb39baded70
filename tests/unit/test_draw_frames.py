"""Whole drawings, compared cell by cell with the frames beside this file."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from ppsconsole.cluster.picture import Attempt
from ppsconsole.cluster.snapshot import Edge, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.gauges import draw_gauges
from ppsconsole.draw.node import draw_node
from ppsconsole.draw.status import draw_status
from ppsconsole.draw.text import ASCII, UNICODE, line_text
from ppsconsole.draw.topology import draw_topology
from tests.unit import snapshots
from tests.unit.framing import assert_frame
from tests.unit.snapshots import AT, DOWN, OFF, OK, STATES, WARN


@dataclass(frozen=True)
class Advice:
    verdict: Verdict
    headline: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    ways: tuple[()] = ()


ADVICE = (
    Advice(
        DOWN,
        "db1 is dead, seen from two vantage points; users cannot log in",
        ("console: connection refused", "db1's host: no postgres process"),
        "restart db1 where it is: no loss, about 20s; or fail over to db2: at most 0.8s of writes lost",
    ),
)


def linked(*uses: tuple[str, str, str, str]) -> Snapshot:
    """Return the cluster with these links from web nodes to databases: source, target, state, label."""
    base = snapshots.fine()
    verdicts = {"serving": OK, "idle": OFF, "broken": DOWN}
    edges = tuple(Edge(source, target, "uses", state, verdicts[state], label) for source, target, state, label in uses)
    return replace(base, edges=tuple(edge for edge in base.edges if edge.kind != "uses") + edges)


LINKS: dict[str, Callable[[], Snapshot]] = {
    "crossed": lambda: linked(("pps1", "db2", "serving", "3 sessions"), ("pps2", "db1", "serving", "1 session")),
    "both-on-db2": lambda: linked(("pps1", "db2", "serving", "3 sessions"), ("pps2", "db2", "serving", "1 session")),
    "one-on-both": lambda: linked(
        ("pps1", "db2", "serving", "3 sessions"), ("pps1", "db1", "idle", "old"), ("pps2", "db2", "broken", "refused")
    ),
    "any-to-any": lambda: linked(*((web, db, "serving", "") for web in ("pps1", "pps2") for db in ("db1", "db2"))),
    "directories": lambda: replace(
        snapshots.fine(), nodes=(*snapshots.fine().nodes, snapshots.directory("ad1"), snapshots.directory("ldap2", "b"))
    ),
    "bastion-chain": lambda: replace(
        snapshots.fine(), nodes=(snapshots.bastion("bastion-outer", "a"), *snapshots.fine().nodes, snapshots.bastion("jump", "b"))
    ),
    "front-without-site": lambda: snapshots.changed(snapshots.fine(), "lb1", site=None),
}


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("state", STATES)
def test_topology_in_every_state(state: str, width: int) -> None:
    assert_frame(f"topology-{state}-{width}", draw_topology(STATES[state](), width, None, UNICODE).lines)


@pytest.mark.parametrize("links", LINKS)
def test_links_that_are_not_side_by_side(links: str) -> None:
    assert_frame(f"topology-links-{links}", draw_topology(LINKS[links](), 80, None, UNICODE).lines)


@pytest.mark.parametrize("height", [6, 8, 9, 11, 30])
def test_forms_by_height(height: int) -> None:
    drawing = draw_topology(snapshots.primary_down(), 78, height, UNICODE, selected="db1")
    assert len(drawing.lines) <= height
    assert_frame(f"topology-height-{height}", drawing.lines)


def test_two_links_without_room_for_both_rows() -> None:
    crossed = LINKS["crossed"]()
    assert_frame("topology-links-crossed-flat", draw_topology(crossed, 80, 6, UNICODE).lines)


COPIES: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "one-primary": (
        ("db3", "db1", "streaming", "0.2s"),
        ("db3", "db2", "catching-up", "41s"),
        ("db3", "db4", "broken", "down 41s"),
    ),
    "far-link-broken": (
        ("db1", "db3", "broken", "down 41s"),
        ("db1", "db2", "streaming", "0.1s"),
        ("db1", "db4", "streaming", "0s"),
    ),
    "cascade": (("db1", "db2", "streaming", "0.1s"), ("db2", "db3", "streaming", "0.2s"), ("db3", "db4", "streaming", "0.4s")),
    "tangle": (("db1", "db3", "broken", "two primaries"), ("db3", "db1", "streaming", "1s"), ("db2", "db4", "streaming", "9s")),
    "three-sources": (("db3", "db1", "streaming", "1s"), ("db1", "db4", "broken", "gone"), ("db4", "db2", "streaming", "2s")),
}


@pytest.mark.parametrize("copies", COPIES)
def test_four_databases(copies: str) -> None:
    sites = {"db1": "a", "db2": "a", "db3": "b", "db4": "b"}
    nodes = tuple(snapshots.database(name, site, "10.0.0.5", is_primary=name == "db3") for name, site in sites.items())
    verdicts = {"streaming": OK, "broken": DOWN, "catching-up": WARN}
    edges = tuple(
        Edge(source, target, "replication", state, verdicts[state], label, lag_s=41.0 if state == "catching-up" else None, at=AT)
        for source, target, state, label in COPIES[copies]
    )
    seen = snapshots.snapshot(nodes=nodes, edges=edges)
    assert_frame(f"topology-copies-{copies}", draw_topology(seen, 100, None, UNICODE).lines)


@pytest.mark.parametrize("width", [40, 55, 80])
@pytest.mark.parametrize("state", ["fine", "primary-down", "split-brain"])
def test_tree_in_ascii(state: str, width: int) -> None:
    assert_frame(f"topology-ascii-{state}-{width}", draw_topology(STATES[state](), width, None, ASCII, selected="db2").lines)


@pytest.mark.parametrize(("count", "sites", "width"), [(2, 1, 80), (7, 1, 80), (12, 2, 80), (12, 2, 140), (60, 3, 80)])
def test_small_and_large_clusters(count: int, sites: int, width: int) -> None:
    drawing = draw_topology(snapshots.many(count, sites), width, None, UNICODE)
    assert len(drawing.spots) == count
    assert_frame(f"topology-many-{count}-{sites}-{width}", drawing.lines)


def eight_databases() -> Snapshot:
    names = [f"db{number}" for number in range(1, 9)]
    nodes = tuple(snapshots.database(name, "ab"[at // 4], "10.0.0.5", is_primary=not at) for at, name in enumerate(names))
    edges = tuple(Edge("db1", name, "replication", "streaming", OK, "0.2s", 0, 0.2, AT) for name in names[1:])
    return snapshots.snapshot(nodes=nodes, edges=edges)


@pytest.mark.parametrize(("width", "height"), [(200, 40), (100, 40), (200, 20)])
def test_eight_databases_have_lines_where_there_is_room_and_words_elsewhere(width: int, height: int) -> None:
    drawing = draw_topology(eight_databases(), width, height, UNICODE)
    shown = "\n".join(line_text(line) for line in drawing.lines)
    if (width, height) == (200, 40):
        assert shown.count("▶") == 7
        assert not drawing.note
        assert_frame("topology-eight-databases-200", drawing.lines)
    else:
        assert shown.count("from db1 0.2s") == 7
        assert drawing.note == "too many nodes for lines: links in words"


@pytest.mark.parametrize("width", [30, 38, 60, 80])
@pytest.mark.parametrize("state", ["fine", "degraded", "primary-down", "unknown"])
def test_gauges(state: str, width: int) -> None:
    assert_frame(f"gauges-{state}-{width}", draw_gauges(STATES[state]().gauges, snapshots.TRENDS, width, UNICODE))


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize(("state", "name"), [("fine", "db1"), ("fine", "lb1"), ("primary-down", "db1"), ("unknown", "pps1")])
def test_node(state: str, name: str, width: int) -> None:
    node = STATES[state]().node(name)
    assert node is not None
    assert_frame(f"node-{state}-{name}-{width}", draw_node(node, AT, width, UNICODE))


def test_node_whose_facts_have_grown_old() -> None:
    node = snapshots.fine().node("db2")
    assert node is not None
    assert_frame("node-stale-db2-80", draw_node(node, AT + 47, 80, UNICODE))


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("state", STATES)
def test_status(state: str, width: int) -> None:
    advice = ADVICE if state == "primary-down" else ()
    attempts = (Attempt("bastion-b", AT - 4.2),) if state == "bastion-down" else ()
    seen = snapshots.picture(STATES[state](), attempts=attempts)
    assert_frame(f"status-{state}-{width}", draw_status(seen, advice, width, UNICODE))


def test_status_in_ascii() -> None:
    lines = draw_status(snapshots.degraded(), (), 80, ASCII)
    assert all(span.text.isascii() for line in lines for span in line)
    assert_frame("status-ascii-degraded-80", lines)
