"""Where the panes of the home screen stand, for any size of terminal: a pure function."""

from collections.abc import Mapping
from typing import Literal

from textual.geometry import Region

Form = Literal["single", "compact", "full"]

PANES = ("topology", "gauges", "advice", "node", "events", "commands")
"""All panes, in the order of the Tab key."""

_LEAST_WITH_LINE = 6  # rows from which a line of advice stands below the only pane
_SIDE = 52  # cells for gauges and node detail beside the topology
_TOPOLOGY = 24  # rows that the topology can use; more of them go to the events
_WIDE, _TALL = 180, 50  # from here on node detail and commands get a column of their own, as high as the screen
_MOST_TOPOLOGY, _MOST_SIDE = 40, 110
_TWO_COLUMNS = 78  # so wide a pane shows the gauges in two columns


def form_of(width: int, height: int) -> Form:
    """Return how much of the home screen is shown at once."""
    if width < 60 or height < 20:
        return "single"
    return "full" if width >= 120 and height >= 36 else "compact"


def arrange(width: int, height: int, gauges: int, current: str) -> Mapping[str, Region]:
    """Return the place of each pane that is shown; row 0 belongs to the header, the last row to the keys.

    Args:
        width: Columns of the terminal.
        height: Rows of the terminal.
        gauges: How many gauges there are.
        current: The pane that the keys act on: the only one shown when there is room for no more, but for a line of advice.
    """
    form = form_of(width, height)
    if form == "single":
        line = int(current != "advice" and height >= _LEAST_WITH_LINE)
        places = {current: Region(0, 1, width, max(0, height - 2 - line))}
        return {**places, "advice": Region(0, height - 2, width, 1)} if line else places
    return _compact(width, height, gauges) if form == "compact" else _full(width, height, gauges)


def _compact(width: int, height: int, gauges: int) -> dict[str, Region]:
    """Stack topology, gauges in two columns, advice and events; each has a rule above instead of a frame, events have none."""
    spare = max(0, height - 24)
    events = 1 + spare // 4
    advice = 5 + min(4, spare // 4)
    gauge_rows = 1 + max(1, min((gauges + 1) // 2, 4 + spare // 4))
    topology = height - 2 - events - advice - gauge_rows
    rows = {"topology": topology, "gauges": gauge_rows, "advice": advice, "events": events}
    places, row = {}, 1
    for pane, count in rows.items():
        places[pane] = Region(0, row, width, count)
        row += count
    return places


def _full(width: int, height: int, gauges: int) -> dict[str, Region]:
    """Topology with gauges and node detail beside it, advice below, then events and commands side by side."""
    if width >= _WIDE and height >= _TALL:
        return _roomy(width, height, gauges)
    advice = 9
    rest = height - 2 - advice
    upper = min(_TOPOLOGY, rest * 6 // 10)
    gauge_rows = max(4, min(gauges + 2, upper - 8))
    left = width - _SIDE
    bottom = 1 + upper + advice
    half = width * 4 // 7
    return {
        "topology": Region(0, 1, left, upper),
        "gauges": Region(left, 1, _SIDE, gauge_rows),
        "node": Region(left, 1 + gauge_rows, _SIDE, upper - gauge_rows),
        "advice": Region(0, 1 + upper, width, advice),
        "events": Region(0, bottom, half, rest - upper),
        "commands": Region(half, bottom, width - half, rest - upper),
    }


def _roomy(width: int, height: int, gauges: int) -> dict[str, Region]:
    """Topology, advice and events in one column; gauges, node detail and commands in another, which facts fill best."""
    rest, side = height - 2, min(_MOST_SIDE, width * 2 // 5)
    left = width - side
    upper, advice = min(_MOST_TOPOLOGY, rest // 2), 9 + min(6, rest // 16)
    gauge_rows = max(4, min(((gauges + 1) // 2 if side >= _TWO_COLUMNS else gauges) + 2, rest // 3))
    node = (rest - gauge_rows) * 6 // 10
    return {
        "topology": Region(0, 1, left, upper),
        "gauges": Region(left, 1, side, gauge_rows),
        "node": Region(left, 1 + gauge_rows, side, node),
        "advice": Region(0, 1 + upper, left, advice),
        "events": Region(0, 1 + upper + advice, left, rest - upper - advice),
        "commands": Region(left, 1 + gauge_rows + node, side, rest - gauge_rows - node),
    }
