"""What the lines and marks of a drawing mean."""

from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import mark, style_of, width_of


def draw_legend(width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return the legend of the topology in lines of at most `width` cells."""
    items: list[tuple[str, Style, str]] = [
        (glyphs.junctions[10], "edge", "serving"),
        (glyphs.idle_horizontal, "edge-idle", "idle"),
        (glyphs.replication, "edge", "replication"),
        (glyphs.replication_broken, "edge-broken", "broken"),
    ]
    items += [(mark(verdict, glyphs), style_of(verdict), verdict.value) for verdict in Verdict]
    lines: list[Line] = []
    current: tuple[Span, ...] = ()
    used = 0
    for glyph, style, word in items:
        wide = width_of(f"{glyph} {word}")
        if current and used + 2 + wide > width:
            lines.append(current)
            current, used = (), 0
        between = (Span("  "),) if current else ()
        current = (*current, *between, Span(glyph, style), Span(f" {word}", "dim"))
        used += wide + (2 if between else 0)
    return (*lines, current)
