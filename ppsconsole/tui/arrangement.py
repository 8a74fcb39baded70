"""Where the panes of the home screen stand, for any size of terminal: a pure function."""

from collections.abc import Mapping
from typing import Literal

from textual.geometry import Region

Form = Literal["single", "compact", "full"]

PANES = ("topology", "gauges", "advice", "node", "events", "commands")
"""All panes, in the order of the Tab key."""

_LEAST_WITH_LINE = 6  # rows from which a line of advice stands below the only pane
_LEAST_SIDE, _MOST_SIDE = 52, 110  # cells for gauges, node detail and commands beside the topology
_LEAST_BESIDE = 88  # cells in which the topology of two sites says what it has to
_MOST_TOPOLOGY = 40  # rows, where nobody knows how many it can use


def form_of(width: int, height: int) -> Form:
    """Return how much of the home screen is shown at once."""
    if width < 60 or height < 20:
        return "single"
    return "full" if width >= 120 and height >= 36 else "compact"


def arrange(width: int, height: int, gauges: int, current: str, wanted: int = _MOST_TOPOLOGY) -> Mapping[str, Region]:
    """Return the place of each pane that is shown; row 0 belongs to the header, the last row to the keys.

    Args:
        width: Columns of the terminal.
        height: Rows of the terminal.
        gauges: How many gauges there are.
        current: The pane that the keys act on: the only one shown when there is room for no more, but for a line of advice.
        wanted: Rows that the topology can use, its frame included; more of them go to the events.
    """
    form = form_of(width, height)
    if form == "single":
        line = int(current != "advice" and height >= _LEAST_WITH_LINE)
        places = {current: Region(0, 1, width, max(0, height - 2 - line))}
        return {**places, "advice": Region(0, height - 2, width, 1)} if line else places
    return _compact(width, height, gauges) if form == "compact" else _full(width, height, gauges, wanted)


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


def left_of(width: int) -> int:
    """Return the cells of the left column, with the topology, where there are two."""
    side = max(_LEAST_SIDE, min(_MOST_SIDE, width * 2 // 5))
    return width - (side if width - side >= _LEAST_BESIDE else _LEAST_SIDE)


def _full(width: int, height: int, gauges: int, wanted: int) -> dict[str, Region]:
    """Topology, advice and events in one column; gauges, node detail and commands in another, which facts fill best.

    Nothing has the whole width: a pane that says little, as the advice does while all is well, leaves little empty then.
    """
    rest, left = height - 2, left_of(width)
    side = width - left
    upper, advice = min(wanted, rest * 11 // 20), 9 + min(6, rest // 16)
    gauge_rows = max(4, min(gauges + 2, rest * 2 // 5))
    node = (rest - gauge_rows) * 6 // 10
    return {
        "topology": Region(0, 1, left, upper),
        "gauges": Region(left, 1, side, gauge_rows),
        "node": Region(left, 1 + gauge_rows, side, node),
        "advice": Region(0, 1 + upper, left, advice),
        "events": Region(0, 1 + upper + advice, left, rest - upper - advice),
        "commands": Region(left, 1 + gauge_rows + node, side, rest - gauge_rows - node),
    }
