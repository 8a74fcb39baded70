"""Why something is said, as lines: the rule, the facts behind it with source and age, the limit, what would change it."""

from collections.abc import Iterator, Sequence

from ppsconsole.clock import iso
from ppsconsole.cluster.facts import Fact
from ppsconsole.cluster.reasons import Reason, WayReason, Why
from ppsconsole.draw.node_facts import origin_said
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.values import value_said
from ppsconsole.draw.words import fitted, hanging, mark, style_of

_MOST_VALUES = 4


def draw_why(found: Sequence[Why], now: float, width: int, glyphs: Glyphs, *, is_exact: bool = False) -> tuple[Line, ...]:
    """Return everything behind the advice.

    Args:
        found: What happened, the loudest first.
        now: Seconds since 1970 UTC, for ages.
        width: Cells in a row; no line is longer.
        glyphs: The characters to draw with.
        is_exact: Tell every age as it is; otherwise what is fresh looks the same from look to look.
    """
    lines: list[Line] = []
    for each in found:
        state = style_of(each.verdict)
        lines += [()] if lines else []
        lines += hanging(
            (Span(f"{mark(each.verdict, glyphs)} {each.verdict.value.upper()}  ", state),), each.headline, "title", width, glyphs
        )
        if each.remedy:
            lines += hanging((Span("  next      "),), each.remedy, "text", width, glyphs)
        for reason in each.reasons:
            lines += _reason(reason, now, width, glyphs, is_exact=is_exact)
        for way in each.ways:
            lines += _way(way, width, glyphs)
    return tuple(fitted(line, width, glyphs) for line in lines)


def _reason(reason: Reason, now: float, width: int, glyphs: Glyphs, *, is_exact: bool) -> Iterator[Line]:
    state = style_of(reason.verdict)
    yield ()
    head = (
        Span("  rule      ", "dim"),
        Span(f"{reason.rule} "),
        Span(f"{mark(reason.verdict, glyphs)} {reason.verdict.value}: ", state),
    )
    yield from hanging(head, reason.sentence, "text", width, glyphs)
    yield from hanging((Span("  here      ", "dim"),), f"{reason.owner}: {reason.words}", state, width, glyphs)
    told: set[str] = set()
    for name, fact in reason.facts.items():
        said = _said(name.rpartition(".")[2], fact, now, is_exact=is_exact)
        more = f" and {len(said) - _MOST_VALUES} more" if len(said) > _MOST_VALUES else ""
        words = f"{name} = {'; '.join(said[:_MOST_VALUES])}{more}"
        if not fact.is_known and fact.detail:
            words += ", as above" if fact.detail in told else f": {fact.detail}"
            told.add(fact.detail)
        words += f"  ({origin_said(fact, now, is_exact=is_exact)})"
        yield from hanging((Span("  fact      ", "dim"),), words, "text" if fact.is_known else "unknown", width, glyphs)
    for words in reason.seen:
        yield from hanging((Span("  seen      ", "dim"),), words, "text", width, glyphs)
    if reason.limit:
        yield from hanging((Span("  limit     ", "dim"),), reason.limit, "text", width, glyphs)
    yield from hanging((Span("  otherwise ", "dim"),), reason.change, "text", width, glyphs)


def _said(name: str, fact: Fact, now: float, *, is_exact: bool) -> tuple[str, ...]:
    if name.endswith("_at") and isinstance(fact.value, float) and not is_exact:  # `points_at` is no time
        return (iso(fact.value),)  # how long ago would change at each look
    return value_said(name, fact.value, now)


def _way(way: WayReason, width: int, glyphs: Glyphs) -> Iterator[Line]:
    yield ()
    state = Span(f"{glyphs.down} BLOCKED ", "down") if way.is_blocked else Span("")
    yield from hanging((Span("  way       ", "dim"), state, Span(f"{way.title}: ", "title")), way.words, "text", width, glyphs)
    for each in way.time:
        yield from hanging((Span("  time      ", "dim"),), each, "text", width, glyphs)
    if way.loss:
        yield from hanging((Span("  loss      ", "dim"),), way.loss, "text", width, glyphs)
