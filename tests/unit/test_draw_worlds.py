"""Clusters of 2 to 60 nodes in every state, drawn at 60, 80 and 140 columns and compared with the frames beside this file.

A frame holds all states of one cluster at one width, one under the other: nothing may move between them. After a wanted change,
look at the drawings and store them with `UPDATE_FRAMES=1 pytest tests/unit/test_draw_worlds.py`.
"""

from collections.abc import Callable
from time import perf_counter

import pytest

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.draw.text import ASCII, UNICODE, Glyphs, Line, Span
from ppsconsole.draw.topology import draw_topology
from ppsconsole.draw.words import width_of
from tests.unit.framing import assert_frame
from tests.unit.worlds import CHANGES, long_name, plain_name, wide_name, world

SIZES = {2: 1, 4: 2, 7: 2, 12: 3, 20: 2, 40: 4, 60: 3}
"""How many sites a cluster of so many nodes has here."""


def in_every_state(base: Snapshot, width: int, height: int | None, glyphs: Glyphs = UNICODE) -> list[Line]:
    lines: list[Line] = []
    for state, change in CHANGES.items():
        drawing = draw_topology(change(base), width, height, glyphs)
        lines += [(Span(f"--- {state}"),), *drawing.lines, ()]
    return lines


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("count", SIZES)
def test_worlds(count: int, width: int) -> None:
    assert_frame(f"world-{count}-{width}", in_every_state(world(count, SIZES[count]), width, None))


@pytest.mark.parametrize(
    ("count", "width", "height"),
    [(7, 38, 8), (7, 40, 10), (20, 40, 10), (12, 80, 9), (60, 80, 12), (7, 140, 23), (4, 300, 60), (12, 300, 60), (60, 300, 60)],
)
def test_worlds_in_a_pane(count: int, width: int, height: int) -> None:
    assert_frame(f"world-{count}-{width}x{height}", in_every_state(world(count, SIZES[count]), width, height))


@pytest.mark.parametrize("named", [long_name, wide_name])
@pytest.mark.parametrize(("count", "width"), [(7, 40), (7, 60), (7, 80), (12, 140), (20, 80)])
def test_names_that_are_long_or_wide(named: Callable[[str, int], str], count: int, width: int) -> None:
    assert_frame(f"world-{named.__name__}-{count}-{width}", in_every_state(world(count, SIZES[count], named), width, None))


@pytest.mark.parametrize(("count", "width"), [(4, 60), (12, 80), (20, 140)])
def test_worlds_in_ascii(count: int, width: int) -> None:
    lines = in_every_state(world(count, SIZES[count]), width, None, ASCII)
    assert all(span.text.isascii() for line in lines for span in line)
    assert_frame(f"world-ascii-{count}-{width}", lines)


@pytest.mark.parametrize("named", [plain_name, long_name, wide_name])
@pytest.mark.parametrize("count", SIZES)
def test_no_node_moves_and_no_line_is_too_long_at_any_size(count: int, named: Callable[[str, int], str]) -> None:
    base = world(count, SIZES[count], named)
    for width in (20, 40, 55, 56, 60, 80, 100, 140, 200, 300):
        for height in (4, 10, 24, 60, None):
            drawings = [draw_topology(change(base), width, height, UNICODE) for change in CHANGES.values()]
            assert all(drawing.spots == drawings[0].spots for drawing in drawings)
            assert len(drawings[0].spots) == count
            for drawing in drawings:
                assert all(sum(width_of(span.text) for span in line) <= width for line in drawing.lines)
                assert len(drawing.lines) == len(drawings[0].lines)


def test_one_node_that_changes_changes_only_its_rows_and_the_counts_of_its_band() -> None:
    base = world(60, 3)
    before = draw_topology(base, 140, 30, UNICODE)
    changed = CHANGES["degraded"](base)
    after = draw_topology(changed, 140, 30, UNICODE)
    rows = {number for number, pair in enumerate(zip(before.lines, after.lines, strict=True)) if pair[0] != pair[1]}
    old = {node.name: node for node in base.nodes}
    nodes = {node.name for node in changed.nodes if node is not old[node.name]}
    assert rows <= {before.spots[name][0] for name in nodes} | {before.spots["db1"][0] - 1}
    assert len(rows) == 3


def measure(count: int, width: int = 140, height: int = 40) -> float:
    """Return the milliseconds that one more drawing of `count` nodes takes, the best of 20: for a person to look at."""
    base = world(count, 3)
    draw_topology(base, width, height, UNICODE)
    times = []
    for _ in range(20):
        began = perf_counter()
        draw_topology(base, width, height, UNICODE)
        times.append(perf_counter() - began)
    return min(times) * 1000


if __name__ == "__main__":
    for nodes in (7, 20, 60, 200):
        print(f"{nodes} nodes: {measure(nodes):.2f} ms")
