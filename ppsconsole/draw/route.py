"""Lines between two tiers: which links share a bus, in which row it runs, and where its words stand.

Links whose sources lead to the same targets share one bus, which then says "any to any" and nothing untrue. What finds no room
among the rows of the gap is dropped when it is idle, and said in words otherwise.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import field

from ppsconsole.cluster.snapshot import Edge
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.canvas import Canvas, Cell, path_cells
from ppsconsole.draw.seats import Box
from ppsconsole.draw.text import Style
from ppsconsole.draw.words import width_of
from ppsconsole.values import dataclass

_SOLID = ("serving", "streaming", "catching-up")
_LOUDNESS = {"idle": 0, "unknown": 1, "serving": 2, "streaming": 2, "catching-up": 3, "broken": 4}
_ASIDE = (0, 4, 6, 2)  # from a box's centre, for the second and further lines that end at it


@dataclass(slots=True)
class _Net:
    """Links that are drawn as one connected line.

    Attributes:
        edges: Loudest first.
        ends: Column of each end: (is it a source, node) to column.
    """

    edges: list[Edge]
    ends: dict[tuple[bool, str], int] = field(default_factory=dict)
    row: int = 0

    @property
    def loudness(self) -> int:
        return max(_LOUDNESS[edge.state] for edge in self.edges)

    @property
    def is_fan_out(self) -> bool:
        return len({edge.source for edge in self.edges}) < len({edge.target for edge in self.edges})

    @property
    def extent(self) -> tuple[int, int]:
        return min(self.ends.values()), max(self.ends.values())


def edge_style(edge: Edge) -> Style:
    """Return the style in which the line of `edge` is drawn."""
    if edge.state == "broken" or (edge.state in _SOLID and edge.verdict is Verdict.DOWN):
        return "edge-broken"
    if edge.state in _SOLID:
        return "warn" if edge.verdict is Verdict.WARN else "edge"
    return "unknown" if edge.state == "unknown" else "edge-idle"


def is_solid(edge: Edge) -> bool:
    """Return whether `edge` carries something, and so is drawn with a solid line."""
    return edge.state in _SOLID


def word_style(edge: Edge) -> Style:
    """Return the style in which the words of `edge` are drawn."""
    style = edge_style(edge)
    return "down" if style == "edge-broken" else "dim" if style in ("edge", "edge-idle") else style


def route(canvas: Canvas, edges: Sequence[Edge], boxes: Mapping[str, Box], gap: range, told: Mapping[str, int]) -> None:
    """Draw `edges`, all from boxes above `gap` to boxes below it, into the rows of `gap`.

    Args:
        canvas: Where to.
        edges: The links.
        boxes: Where the nodes stand.
        gap: The rows between the two tiers.
        told: The last row of each node, its lines of detail included: lines begin below it.
    """
    nets = sorted(_nets(edges), key=lambda net: (-net.loudness, not _is_straight(net, boxes)))
    used: dict[int, int] = {}
    routed: list[tuple[int, _Net]] = []
    untold: list[_Net] = []
    for number, net in enumerate(nets):
        _attach(number, net, boxes, used)
        row = _free_row(net, [each for _, each in routed], gap)
        if row is None:
            for taken in net.ends.values():
                used.pop(taken, None)
            untold.append(net)
            continue
        net.row = row
        untold += _without_hidden(net, gap)
        routed.append((number, net))
    for number, net in routed:
        _draw(canvas, number, net, gap, told)
    # Where a link leads comes before how it is doing: those that are only said get their room first.
    for net in untold:
        _say(canvas, net, boxes, gap)
    for _, net in routed:
        _annotate(canvas, net, gap)


def _nets(edges: Sequence[Edge]) -> list[_Net]:
    """Return the links in groups that one bus can tell truthfully: all sources of a group have the same targets.

    Where there are several targets, each link to one of them is in the same state as well: a piece of line to it is shared.
    """
    targets: dict[str, dict[str, str]] = defaultdict(dict)
    for edge in edges:
        targets[edge.source][edge.target] = edge.state
    keys = {
        source: frozenset(states.items()) if len(states) > 1 else frozenset((target, "") for target in states)
        for source, states in targets.items()
    }
    groups: dict[frozenset[tuple[str, str]], list[Edge]] = defaultdict(list)
    for edge in edges:
        groups[keys[edge.source]].append(edge)
    return [_Net(sorted(group, key=lambda edge: -_LOUDNESS[edge.state])) for group in groups.values()]


def _is_straight(net: _Net, boxes: Mapping[str, Box]) -> bool:
    return all(boxes[edge.source].centre == boxes[edge.target].centre for edge in net.edges)


def _attach(number: int, net: _Net, boxes: Mapping[str, Box], used: dict[int, int]) -> None:
    """Give each end of the net a column that no other net uses in this gap."""
    ends = [(True, edge.source) for edge in net.edges] + [(False, edge.target) for edge in net.edges]
    middle = sum(boxes[name].centre for _, name in ends) / len(ends)
    for end in dict.fromkeys(ends):
        box = boxes[end[1]]
        side = 1 if middle >= box.centre else -1
        columns = [box.centre + sign * aside for aside in _ASIDE for sign in (side, -side)]
        inside = [col for col in columns if box.col < col < box.col + box.width - 1]
        net.ends[end] = next((col for col in inside if used.get(col, number) == number), inside[0])
        used[net.ends[end]] = number


def _free_row(net: _Net, routed: Sequence[_Net], gap: range) -> int | None:
    """Return the row for the net's bus, None when every row is taken by another one there."""
    first, last = net.extent
    columns = set(net.ends.values())
    if any(columns & set(other.ends.values()) for other in routed):
        return None
    if first == last:
        return gap.start
    # A bus that collects runs low and one that spreads runs high: the words then stand at the ends that differ.
    rows = list(gap) if net.is_fan_out else list(reversed(gap))
    if len({edge.target for edge in net.edges}) > 1 and len(gap) > 1 and not net.is_fan_out:
        # Each target needs a piece of line of its own, to show how it is doing.
        rows = [*rows[1:], rows[0]]
    for row in rows:
        rivals = [other.extent for other in routed if other.row == row and other.extent[0] != other.extent[1]]
        if all(last < other_first or other_last < first for other_first, other_last in rivals):
            return row
    return None


def _without_hidden(net: _Net, gap: range) -> list[_Net]:
    """Take out what would vanish under a line that carries something, as if it did so too; return it, to be told in words."""
    solid = {cell for edge in net.edges if is_solid(edge) for cell in path_cells(_corners(net, edge, gap)) if cell[0] in gap}
    is_collecting = len({edge.target for edge in net.edges}) == 1

    def own_end(edge: Edge) -> Cell:
        """Return the cell next to the box that no other link of the net should pass."""
        if is_collecting:
            return gap.start, net.ends[True, edge.source]
        return gap.stop - 1, net.ends[False, edge.target]

    def has_dashes(edge: Edge) -> bool:
        """Return whether there is a cell that shows that nothing is carried: a corner looks alike for all."""
        corners = set(_corners(net, edge, gap)) if net.ends[True, edge.source] != net.ends[False, edge.target] else set()
        cells = path_cells(_corners(net, edge, gap))
        return any(cell not in solid and cell not in corners for cell in cells if cell[0] in gap)

    hidden = [edge for edge in net.edges if not is_solid(edge) and (own_end(edge) in solid or not has_dashes(edge))]
    net.edges = [edge for edge in net.edges if edge not in hidden]
    return [_Net(hidden)] if hidden else []


def _corners(net: _Net, edge: Edge, gap: range) -> list[Cell]:
    source, target = net.ends[True, edge.source], net.ends[False, edge.target]
    return [(gap.start - 1, source), (net.row, source), (net.row, target), (gap.stop, target)]


def _draw(canvas: Canvas, number: int, net: _Net, gap: range, told: Mapping[str, int]) -> None:
    for edge in net.edges:
        above = (told.get(edge.source, gap.start - 1), net.ends[True, edge.source])
        canvas.path(number, [above, *_corners(net, edge, gap)], edge_style(edge), is_solid=is_solid(edge))


def _units(net: _Net) -> list[list[Edge]]:
    """Return the links of a net in groups that are told together: those to one target, or each alone where it collects."""
    by_target: dict[str, list[Edge]] = defaultdict(list)
    for edge in net.edges:
        by_target[edge.target].append(edge)
    return [[edge] for edge in net.edges] if len(by_target) == 1 else list(by_target.values())


def _annotate(canvas: Canvas, net: _Net, gap: range) -> None:
    """Mark what is broken or unknown, and write the words of each link beside a part of the line that is its own."""
    cells = {id(edge): path_cells(_corners(net, edge, gap))[1:-1] for edge in net.edges}
    users: dict[Cell, int] = Counter(cell for edge in net.edges for cell in cells[id(edge)])
    solid = {cell for edge in net.edges if is_solid(edge) for cell in cells[id(edge)]}
    for unit in _units(net):
        edge = unit[0]
        label = edge.label if all(each.label == edge.label for each in unit) else ""
        sign = {"broken": canvas.glyphs.replication_broken, "unknown": canvas.glyphs.unknown}.get(edge.state, "")
        mine = Counter(cell for each in unit for cell in cells[id(each)])
        own = [cell for cell in cells[id(edge)] if users[cell] == mine[cell]]
        upright = [cell for cell in own if cell[0] != net.row or net.extent[0] == net.extent[1]]
        if sign and not upright:
            own = own or [cell for cell in cells[id(edge)] if cell not in solid]
            _mark_level(canvas, edge, label, [cell for cell in own if cell[0] == net.row], sign)
            continue
        beside = upright or [cell for cell in own if cell[1] == net.ends[False, edge.target]]
        if not beside:
            continue
        row, col = min(beside, key=lambda cell: (canvas.is_written(*cell), _crowd(canvas, cell, label), cell))
        if sign:
            canvas.put(row, col, sign, edge_style(edge))
        if label and canvas.is_blank(row, col + 1, width_of(label) + 2):
            canvas.put(row, col + 2, label, word_style(edge))


def _crowd(canvas: Canvas, cell: Cell, label: str) -> bool:
    return not canvas.is_blank(cell[0], cell[1] + 1, width_of(label) + 2)


def _mark_level(canvas: Canvas, edge: Edge, label: str, cells: Sequence[Cell], sign: str) -> None:
    """Put the sign of `edge`, and its words when there is room, into the middle of a horizontal line."""
    if not cells:
        return
    row, columns = cells[0][0], sorted(col for _, col in cells)
    for said in (f" {sign} {label} ", sign):
        wide = width_of(said)
        if wide > 1 and (not label or len(columns) < wide + 4):
            continue
        middle = columns[0] + (len(columns) - wide) // 2
        starts = sorted((col for col in columns if col + wide - 1 <= columns[-1]), key=lambda col: abs(col - middle))
        free = next((col for col in starts if not canvas.is_written(row, col, wide)), None)
        if free is not None:
            canvas.put(row, free, said, word_style(edge))
            return


def _say(canvas: Canvas, net: _Net, boxes: Mapping[str, Box], gap: range) -> None:
    """Say in words where the links of a net without room lead; idle ones are left out."""
    told: dict[str, list[Edge]] = defaultdict(list)
    for edge in net.edges:
        if edge.state != "idle":
            told[edge.source].append(edge)
    for source, edges in told.items():
        arrow = {"broken": canvas.glyphs.replication_broken, "unknown": canvas.glyphs.unknown}
        sign = arrow.get(edges[0].state, canvas.glyphs.arrow_right)
        words = f"{source} {sign} " + ",".join(edge.target for edge in edges)
        box = boxes[source]
        wide = width_of(words)
        room = [(row, col) for row in gap for col in range(box.col, box.col + box.width)]
        free = [cell for cell in room if canvas.is_blank(cell[0], cell[1] - 1, wide + 2)]
        # A link that carries something is never left out; on top of a line it reads worse than beside it, and still is true.
        free = free or [cell for cell in room if canvas.is_level(*cell, wide)]
        row, col = free[0] if free else (gap.start, max(0, min(box.col, canvas.width - wide)))
        canvas.put(row, col, words, word_style(edges[0]))
