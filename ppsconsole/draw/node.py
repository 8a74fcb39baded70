"""Everything that is known of one node."""

from collections.abc import Iterator

from ppsconsole.cluster.catalog import FACTS
from ppsconsole.cluster.facts import Fact
from ppsconsole.cluster.snapshot import Node, Vantage
from ppsconsole.cluster.verdicts import Judgement
from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.values import value_said
from ppsconsole.draw.words import age_said, fitted, hanging, mark, padded, style_of, width_of

_MOST_NAME = 24
_SEES: dict[str, Style] = {"alive": "ok", "dead": "down", "lost": "warn", "silent": "unknown"}


def draw_node(node: Node, now: float, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return `node` told in full: what is wrong first, then who sees it how, then every fact with value, age and source.

    Args:
        node: The node.
        now: Seconds since 1970 UTC, for ages.
        width: Cells in a row; no line is longer.
        glyphs: The characters to draw with.
    """
    state = style_of(node.verdict)
    lines: list[Line] = [
        (Span(f"{mark(node.verdict, glyphs)} {node.name}", state), Span(f"  {node.verdict.value}  {node.words}", state)),
        *hanging((), _about(node), "dim", width, glyphs),
    ]
    if node.judgements:
        lines += [(), (Span("JUDGED", "title"),)]
        lines += [line for each in node.judgements for line in judgement_lines(each, "", width, glyphs)]
    if node.vantages:
        lines += [(), (Span("SEEN FROM", "title"),)]
        lines += [line for each in node.vantages for line in _vantage_lines(each, width, glyphs)]
    if node.facts:
        lines += [(), (Span("FACTS", "title"),)]
        lines += _fact_lines(node, now, width, glyphs)
    return tuple(fitted(line, width, glyphs) for line in lines)


def judgement_lines(judgement: Judgement, owner: str, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return one judgement, wrapped: glyph, word, whose it is (when `owner` is not empty), rule, words and limit."""
    state = style_of(judgement.verdict)
    head = [Span(f"{mark(judgement.verdict, glyphs)} {judgement.verdict.value:<7} ", state)]
    if owner:
        head.append(Span(f"{owner} "))
    limit = f" ({judgement.limit})" if judgement.limit else ""
    return hanging((*head, Span(f"{judgement.rule}: ", "dim")), judgement.words + limit, "text", width, glyphs)


def _about(node: Node) -> str:
    parts = [node.kind, f"site {node.site}" if node.site else "", f"on {node.host}" if node.host else ""]
    if node.role != node.kind:
        parts.append(
            f"role {node.role}" + (f", declared {node.declared}" if node.declared and node.declared != node.role else "")
        )
    return ", ".join(part for part in parts if part)


def _vantage_lines(vantage: Vantage, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    head = (Span(f"{vantage.observer} sees "), Span(f"{vantage.sees}: ", _SEES[vantage.sees]))
    return hanging(head, vantage.words, "text", width, glyphs)


def _ordered(node: Node) -> Iterator[tuple[str, Fact]]:
    """Yield the facts in the order of the catalog: those of the node itself, then those of its host."""
    places = {name: place for place, name in enumerate(FACTS)}

    def place(name: str) -> tuple[bool, int, str]:
        own = name.removeprefix("host.")
        return own != name, places.get(own, len(places)), name

    yield from ((name, node.facts[name]) for name in sorted(node.facts, key=place))


def _fact_lines(node: Node, now: float, width: int, glyphs: Glyphs) -> Iterator[Line]:
    longest = max(width_of(name) for name in node.facts)
    column = min(longest, _MOST_NAME, max(8, width // 3))
    for name, fact in _ordered(node):
        is_stale = fact.is_known and fact.is_stale(now)
        head = Span(padded(name, column, glyphs) + "  ", "dim")
        blank = Span(" " * (column + 2))
        style: Style = "text" if fact.is_known and not is_stale else "unknown"
        said = list(value_said(name, fact.value, now))
        if not fact.is_known:
            said = [f"{glyphs.unknown} unknown" + (f": {fact.detail}" if fact.detail else "")]
        elif is_stale:
            said[0] = f"{glyphs.unknown} unknown: stale, was {said[0]}"
        elif fact.detail:
            said.append(fact.detail)
        origin = ", ".join(part for part in (fact.source, age_said(fact.at, now)) if part)
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
