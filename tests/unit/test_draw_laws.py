"""What holds for every drawing, whatever the cluster and its state."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ppsconsole.cluster.picture import Picture
from ppsconsole.cluster.snapshot import Edge, Gauge, Node, NodeKind, Snapshot
from ppsconsole.cluster.verdicts import Judgement, Verdict
from ppsconsole.draw.gauges import draw_gauges
from ppsconsole.draw.node import draw_node
from ppsconsole.draw.status import draw_status
from ppsconsole.draw.text import ASCII, UNICODE, Line, line_text
from ppsconsole.draw.topology import draw_topology
from ppsconsole.draw.words import shortened, width_of
from tests.unit.snapshots import AT, STATES

KINDS: tuple[NodeKind, ...] = ("bastion", "balancer", "web", "database", "directory")
names = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789-.é中"), min_size=1, max_size=14)
words = st.text(st.sampled_from("abcXYZ 0123456789中́"), max_size=30)
verdicts = st.sampled_from(list(Verdict))
glyph_sets = st.sampled_from([UNICODE, ASCII])


@st.composite
def clusters(draw: st.DrawFn) -> Snapshot:
    """Return any cluster of up to 20 nodes, in no particular state."""
    chosen = draw(st.lists(names, min_size=1, max_size=20, unique=True))
    sites = st.sampled_from([None, "a", "b", "frankfurt"])
    nodes = tuple(Node(name, draw(st.sampled_from(KINDS)), draw(sites), None, "unknown", "", Verdict.OK, "ok") for name in chosen)
    return Snapshot("any", False, AT, nodes, (), ())


@st.composite
def states(draw: st.DrawFn, base: Snapshot) -> Snapshot:
    """Return `base` with everything that can be observed made up anew."""
    nodes = tuple(
        replace(
            node,
            verdict=draw(verdicts),
            words=draw(words),
            role=draw(st.sampled_from(["primary", "standby", "unknown", "serving"])),
            judgements=(Judgement(node.name, "rule", draw(verdicts), draw(words)),),
        )
        for node in base.nodes
    )
    by_kind = {kind: [node.name for node in nodes if node.kind == kind] for kind in KINDS}
    edges = []
    for kind, above, below in (
        ("route", "balancer", "web"),
        ("uses", "web", "database"),
        ("replication", "database", "database"),
    ):
        for source in by_kind[above]:
            for target in by_kind[below]:
                if source != target and draw(st.booleans()):
                    state = draw(st.sampled_from(["serving", "idle", "streaming", "catching-up", "broken", "unknown"]))
                    at = draw(st.sampled_from([None, AT, AT - 90]))
                    edges.append(Edge(source, target, kind, state, draw(verdicts), draw(words), None, None, at))  # type: ignore[arg-type]
    edges += [Edge("users", name, "front", "serving", draw(verdicts)) for name in by_kind["balancer"]]
    return replace(base, nodes=nodes, edges=tuple(edges))


def fits(lines: tuple[Line, ...], width: int) -> bool:
    return all(width_of(line_text(line)) <= width for line in lines)


@given(st.data(), st.integers(40, 160), st.sampled_from([None, 6, 9, 12, 24]), glyph_sets)
@settings(max_examples=150, deadline=None)
def test_a_topology_stays_within_its_width_and_names_everyone(data, width, height, glyphs) -> None:
    snapshot = data.draw(clusters().flatmap(states))
    drawing = draw_topology(snapshot, width, height, glyphs)
    assert fits(drawing.lines, width)
    text = "\n".join(line_text(line) for line in drawing.lines)
    for node in snapshot.nodes:
        # A name that finds no room loses its middle, never its end.
        forms = range(min(4, width_of(node.name)), width_of(node.name) + 1)
        assert any(shortened(node.name, wide, glyphs) in text for wide in forms)
        row, col, wide = drawing.spots[node.name]
        assert 0 <= row < len(drawing.lines)
        assert col >= 0
        assert wide > 0
        assert col + wide <= width


@given(st.data(), st.integers(40, 160), st.sampled_from([None, 6, 9, 12, 24]))
@settings(max_examples=100, deadline=None)
def test_no_node_moves_between_two_states(data, width, height) -> None:
    cluster = data.draw(clusters())
    first, second = (draw_topology(data.draw(states(cluster)), width, height, UNICODE) for _ in range(2))
    assert first.spots == second.spots
    assert len(first.lines) == len(second.lines)


@given(clusters().flatmap(states), st.integers(40, 160))
@settings(max_examples=60, deadline=None)
def test_no_two_boxes_share_a_cell(snapshot, width) -> None:
    taken: set[tuple[int, int]] = set()
    for row, col, wide in draw_topology(snapshot, width, None, UNICODE).spots.values():
        cells = {(row, each) for each in range(col, col + wide)}
        assert not cells & taken
        taken |= cells


@given(clusters().flatmap(states), st.integers(30, 160), glyph_sets)
@settings(max_examples=60, deadline=None)
def test_status_and_nodes_stay_within_their_width(snapshot, width, glyphs) -> None:
    assert fits(draw_status(Picture(snapshot), (), width, glyphs), width)
    for node in snapshot.nodes:
        assert fits(draw_node(node, AT, width, glyphs), width)


@given(
    st.lists(st.tuples(names, st.none() | st.floats(-1e9, 1e9), words, verdicts), max_size=8),
    st.lists(st.none() | st.floats(-1e9, 1e9), max_size=40),
    st.integers(10, 100),
    glyph_sets,
)
@settings(max_examples=150, deadline=None)
def test_gauges_stay_within_their_width(rows, trend, width, glyphs) -> None:
    gauges = [Gauge(name, "cluster", value, said, verdict, "<5s") for name, value, said, verdict in rows]
    lines = draw_gauges(gauges, {name: trend for name, *_ in rows[:3]}, width, glyphs)
    assert len(lines) == len(gauges)
    assert fits(lines, width)


def test_every_state_of_one_cluster_has_everything_in_one_place() -> None:
    for width in (50, 78, 138):
        places = [draw_topology(build(), width, 20, UNICODE).spots for build in STATES.values()]
        assert all(each == places[0] for each in places)


def test_columns_of_gauges_stand_still_whatever_the_values() -> None:
    marks = UNICODE.ok + UNICODE.warn + UNICODE.down + UNICODE.off + UNICODE.unknown
    for width in (30, 38, 48, 80):
        columns = {
            next(index for index, each in enumerate(line_text(line)) if each in marks)
            for build in STATES.values()
            for line in draw_gauges(build().gauges, {"lag db2": (0.1, 0.2)}, width, UNICODE)
        }
        assert len(columns) == 1
