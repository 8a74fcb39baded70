"""Facts as lines: name, value, source and age, in the order and the groups of the catalog."""

from collections.abc import Iterable, Iterator

from ppsconsole.clock import duration, iso
from ppsconsole.cluster.catalog import FACTS
from ppsconsole.cluster.facts import Fact
from ppsconsole.cluster.snapshot import Node
from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.values import value_said
from ppsconsole.draw.words import age_said, hanging, padded, width_of

_MOST_NAME = 24

FACT_GROUPS = ("the node", "replication", "load", "on disk", "service", "host")
"""Groups in the order in which they are shown."""

_MEMBERS = {
    "replication": (
        "timeline lsn replay_lsn is_replay_paused last_replay_at receiver replicas slots archiver_failed archive_backlog"
    ),
    "load": "prepared_transactions longest_transaction_s sessions sessions_percent",
}
_GROUPS = {name: group for group, names in _MEMBERS.items() for name in names.split()}


def group_of(name: str) -> str:
    """Return the group that the fact called `name` is shown in."""
    if name.startswith("host."):
        return "host"
    if name.startswith(("control_", "server_process", "server_started")):
        return "on disk"
    return "service" if name.startswith("service") else _GROUPS.get(name, "the node")


def fact_lines(
    node: Node, names: Iterable[str], now: float, width: int, glyphs: Glyphs, *, is_exact: bool = False
) -> Iterator[Line]:
    """Yield the facts called `names`, those of the node itself first, in the order of the catalog.

    Args:
        node: Whose they are.
        names: Which of them.
        now: Seconds since 1970 UTC, for ages.
        width: Cells in a row.
        glyphs: The characters to draw with.
        is_exact: Tell every age as it is; otherwise that of a fresh fact as `under 10s ago`, which does not change at each look.
    """
    chosen = sorted(names, key=_place)
    longest = max(width_of(name) for name in chosen)
    column = min(longest, _MOST_NAME, max(8, width // 3))
    for name in chosen:
        yield from _lines_of(name, node.facts[name], column, now, width, glyphs, is_exact=is_exact)


def _place(name: str) -> tuple[bool, int, str]:
    own = name.removeprefix("host.")
    return own != name, _PLACES.get(own, len(_PLACES)), name


_PLACES = {name: place for place, name in enumerate(FACTS)}


def _lines_of(name: str, fact: Fact, column: int, now: float, width: int, glyphs: Glyphs, *, is_exact: bool) -> Iterator[Line]:
    is_stale = fact.is_known and fact.is_stale(now)
    head, blank = Span(padded(name, column, glyphs) + "  ", "dim"), Span(" " * (column + 2))
    style: Style = "text" if fact.is_known and not is_stale else "unknown"
    said = list(value_said(name, fact.value, now))
    if not fact.is_known:
        said = [f"{glyphs.unknown} unknown" + (f": {fact.detail}" if fact.detail else "")]
    elif is_stale:
        said[0] = f"{glyphs.unknown} unknown: stale, was {said[0]}"
    else:
        if name.endswith("_at") and isinstance(fact.value, float) and not is_exact:  # `points_at` is no time
            said = [iso(fact.value)]  # how long ago would change at each look
        if fact.detail:
            said.append(fact.detail)
    origin = origin_said(fact, now, is_exact=is_exact)
    for index, text in enumerate(said):
        lines = hanging((blank if index else head,), text, style, width, glyphs)
        if index < len(said) - 1:
            yield from lines
            continue
        # The origin follows on the same line where it fits.
        used = sum(width_of(span.text) for span in lines[-1])
        if used + 4 + width_of(origin) <= width:
            yield from lines[:-1]
            yield (*lines[-1], Span(f"  ({origin})", "dim"))
        else:
            yield from lines
            yield from hanging((blank,), f"({origin})", "dim", width, glyphs)


def origin_said(fact: Fact, now: float, *, is_exact: bool) -> str:
    """Return source and age of a fact: `db1 SQL, 0.4s ago`; a fresh one is `under 10s ago` unless it is told exactly."""
    age = age_said(fact.at, now)
    if not is_exact and fact.at and not fact.is_stale(now):
        age = f"under {duration(fact.fresh_s).replace('.0s', 's')} ago"
    return ", ".join(part for part in (fact.source, age) if part)
