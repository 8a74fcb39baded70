"""Which node the arrow keys go to: the one that lies there, by geometry."""

from collections.abc import Mapping

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict, worst

Centres = Mapping[str, tuple[float, float]]
"""Column and row of the middle of each node."""

_ROW_WEIGHT = 4.0
"""A cell is about twice as high as wide, and a row away feels further than a column away."""


def neighbour(centres: Centres, selected: str | None, dx: int, dy: int) -> str | None:
    """Return the nearest node in the direction `(dx, dy)` of `selected`.

    Returns:
        `selected` where nothing lies there; the first node in reading order where nothing was selected; None without nodes.
    """
    if selected is None or selected not in centres:
        return end(centres, 0)
    x, y = centres[selected]
    best, best_cost = selected, float("inf")
    for name, (other_x, other_y) in centres.items():
        along = (other_x - x) * dx + (other_y - y) * dy
        if along <= 0:
            continue
        # Up and down go to the next row whatever the column; left and right stay in the row while there is anything in it.
        cost = along * 1000 + abs(other_x - x) if dy else along + abs(other_y - y) * _ROW_WEIGHT * 10
        if cost < best_cost:
            best, best_cost = name, cost
    return best


def end(centres: Centres, which: int) -> str | None:
    """Return the first node in reading order when `which` is 0, else the last; None without nodes."""
    ordered = sorted(centres, key=lambda name: (centres[name][1], centres[name][0]))
    return ordered[-1 if which else 0] if ordered else None


def most_urgent(snapshot: Snapshot) -> str | None:
    """Return the node to look at first: the loudest, nearest to the data; the primary where all is well; None without nodes.

    A directory of which nothing is known does not count: none of them is probed yet.
    """
    if not snapshot.nodes:
        return None
    order = {"database": 0, "bastion": 1, "web": 2, "balancer": 3, "alternate": 4, "directory": 5}
    known = [node for node in snapshot.nodes if node.kind != "directory" or node.verdict is not Verdict.UNKNOWN]
    loudest = worst([node.verdict for node in known])
    if loudest in (Verdict.OK, Verdict.OFF) or not known:
        candidates = [node for node in known if node.role == "primary"] or list(snapshot.nodes)
    else:
        candidates = [node for node in known if node.verdict is loudest]
    return min(candidates, key=lambda node: order[node.kind]).name
