"""The law of the drawing: no line suggests a link that is not there."""

from dataclasses import replace

from hypothesis import given, note, settings
from hypothesis import strategies as st

from ppsconsole.cluster.snapshot import Edge, Node, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.place import place
from ppsconsole.draw.text import UNICODE, line_text
from ppsconsole.draw.topology import draw_topology
from tests.unit import worlds
from tests.unit.snapshots import AT
from tests.unit.strokes import copied, linked

CARRIES = ("serving", "streaming", "catching-up")
STATES = ("serving", "serving", "serving", "idle", "broken", "unknown")


@st.composite
def wired(draw: st.DrawFn) -> Snapshot:
    """Return a cluster that is drawn in boxes, with any links between its tiers."""
    sites = st.sampled_from(["a", "b"])
    numbers = {"balancer": draw(st.integers(0, 3)), "web": draw(st.integers(1, 4)), "database": draw(st.integers(1, 4))}
    nodes = tuple(
        Node(f"{kind[0]}{number}", kind, draw(sites), None, "unknown", "", Verdict.OK, "ok")  # type: ignore[arg-type]
        for kind, count in numbers.items()
        for number in range(count)
    )
    edges: list[Edge] = []
    for kind, above, below in (("route", "balancer", "web"), ("uses", "web", "database")):
        for source in range(numbers[above]):
            for target in range(numbers[below]):
                if draw(st.booleans()):
                    names = f"{above[0]}{source}", f"{below[0]}{target}"
                    label = draw(st.sampled_from(["", "3 sessions"]))
                    edges.append(Edge(*names, kind, draw(st.sampled_from(STATES)), Verdict.OK, label, at=AT))  # type: ignore[arg-type]
    for target in range(1, numbers["database"]):
        source = draw(st.integers(0, target - 1))
        state = draw(st.sampled_from(["streaming", "catching-up", "broken", "unknown"]))
        edges.append(Edge(f"d{source}", f"d{target}", "replication", state, Verdict.OK, "0.2s", 0, 0.2, AT))  # type: ignore[arg-type]
    return Snapshot("any", False, AT, nodes, tuple(edges), ())


def rows_of(snapshot: Snapshot, spots: dict[str, tuple[int, int, int]]) -> dict[str, int]:
    return {node.kind: spots[node.name][0] for node in snapshot.nodes}


@given(wired(), st.integers(80, 200), st.sampled_from([None, 8, 12, 40]))
@settings(max_examples=300, deadline=None)
def test_every_line_between_two_tiers_belongs_to_a_link(snapshot: Snapshot, width: int, height: int | None) -> None:
    drawing = draw_topology(snapshot, width, height, UNICODE)
    note("\n".join(line_text(line) for line in drawing.lines))
    places = place(snapshot.nodes, width, height)
    if places is None:
        return
    rows = rows_of(snapshot, dict(drawing.spots))
    for (above, _), gap in places.gaps.items():
        between = {(edge.source, edge.target): edge.state for edge in snapshot.edges if edge.kind != "replication"}
        shown = linked(drawing.lines, drawing.spots, rows[above], gap, solid_only=False)
        assert shown <= set(between)
        carrying = linked(drawing.lines, drawing.spots, rows[above], gap, solid_only=True)
        assert carrying <= {ends for ends, state in between.items() if state in CARRIES}


@given(wired(), st.integers(80, 200))
@settings(max_examples=150, deadline=None)
def test_every_arrow_between_two_databases_is_a_replication(snapshot: Snapshot, width: int) -> None:
    drawing = draw_topology(snapshot, width, None, UNICODE)
    if place(snapshot.nodes, width, None) is None:
        return
    rows = rows_of(snapshot, dict(drawing.spots))
    ends = {(edge.source, edge.target) for edge in snapshot.edges if edge.kind == "replication"}
    assert copied(drawing.lines, drawing.spots, rows["database"]) <= ends


@given(wired(), st.integers(80, 200), st.sampled_from([None, 8, 40]))
@settings(max_examples=200, deadline=None)
def test_what_is_broken_between_two_tiers_is_marked_there(snapshot: Snapshot, width: int, height: int | None) -> None:
    drawing = draw_topology(snapshot, width, height, UNICODE)
    note("\n".join(line_text(line) for line in drawing.lines))
    if place(snapshot.nodes, width, height) is None:
        return
    rows = rows_of(snapshot, dict(drawing.spots))
    for kind, above, below in (("route", "balancer", "web"), ("uses", "web", "database")):
        if any(edge.kind == kind and edge.state == "broken" for edge in snapshot.edges):
            gap = [line_text(line) for line in drawing.lines[rows[above] + 1 : rows[below]]]
            assert any(UNICODE.replication_broken in line for line in gap)


def test_links_in_boxes_are_drawn_all_where_there_is_room() -> None:
    base = worlds.world(7, 2)
    drawing = draw_topology(base, 120, 30, UNICODE)
    rows = rows_of(base, dict(drawing.spots))
    places = place(base.nodes, 120, 30)
    assert places is not None
    upper, lower = places.gaps.values()
    routes = {(edge.source, edge.target) for edge in base.edges if edge.kind == "route"}
    assert linked(drawing.lines, drawing.spots, rows["balancer"], upper, solid_only=False) == routes
    uses = {(edge.source, edge.target) for edge in base.edges if edge.kind == "uses"}
    assert linked(drawing.lines, drawing.spots, rows["web"], lower, solid_only=False) == uses


def test_two_primaries_cannot_be_overlooked_in_any_form() -> None:
    for count, sites, width in ((4, 2, 60), (4, 2, 140), (12, 3, 80), (20, 2, 140), (60, 3, 80), (4, 1, 40), (12, 3, 40)):
        base = worlds.split_brain(worlds.world(count, sites))
        lines = draw_topology(base, width, None, UNICODE).lines
        loud = [span.text for line in lines for span in line if span.style in ("down", "edge-broken")]
        assert any("PRIMARIES" in text or "SPLIT" in text for text in loud), (count, width)


def test_nothing_is_said_to_hold_in_a_stale_drawing() -> None:
    for count, sites, width in ((4, 2, 60), (7, 2, 140), (20, 2, 140), (60, 3, 80), (7, 2, 40)):
        stale = worlds.CHANGES["stale"](worlds.primary_down(worlds.world(count, sites)))
        drawing = draw_topology(stale, width, 30, UNICODE)
        text = "\n".join(line_text(line) for line in drawing.lines)
        assert not {UNICODE.ok, UNICODE.down, "│", "═"} & set(text)
        assert {span.style for line in drawing.lines for span in line} <= {"text", "dim", "title", "unknown"}
        assert drawing.spots == draw_topology(worlds.world(count, sites), width, 30, UNICODE).spots


def test_a_line_hides_no_link_behind_another_of_the_same_pair() -> None:
    base = worlds.world(4, 2)
    lost = replace(base, edges=tuple(edge for edge in base.edges if edge.kind != "replication"))
    drawing = draw_topology(lost, 100, None, UNICODE)
    assert UNICODE.arrow_right not in line_text(drawing.lines[drawing.spots["db1"][0]])


def test_an_idle_link_that_is_all_corners_is_not_drawn_as_if_it_carried_something() -> None:
    sites = {"b0": "a", "b1": "b", "b2": "b"}
    kinds = {"b": "balancer", "w": "web", "d": "database"}
    names = ("b0", "b1", "b2", "w0", "w1", "d0", "d1", "d2")
    nodes = tuple(Node(each, kinds[each[0]], sites.get(each, "b"), None, "unknown", "", Verdict.OK, "ok") for each in names)  # type: ignore[arg-type]
    links = {("w0", "d0"): "serving", ("w0", "d2"): "serving", ("w1", "d0"): "serving", ("w1", "d2"): "idle"}
    edges = tuple(Edge(*ends, "uses", state, Verdict.OK, "", at=AT) for ends, state in links.items())  # type: ignore[arg-type]
    snapshot = Snapshot("any", False, AT, nodes, edges, ())
    drawing = draw_topology(snapshot, 80, None, UNICODE)
    places = place(snapshot.nodes, 80, None)
    assert places is not None
    rows = rows_of(snapshot, dict(drawing.spots))
    for (above, _), gap in places.gaps.items():
        carrying = linked(drawing.lines, drawing.spots, rows[above], gap, solid_only=True)
        assert carrying <= {ends for ends, state in links.items() if state in CARRIES}
