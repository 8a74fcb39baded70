"""Mark and word of a verdict side by side: a state is never told by colour alone."""

from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import Glyphs, Span
from ppsconsole.draw.words import mark, style_of


def badge(verdict: Verdict, glyphs: Glyphs) -> Span:
    """Return mark and word of a verdict, padded to nine cells, the longest of them."""
    return Span(f"{mark(verdict, glyphs)} {verdict.value.upper():<7}", style_of(verdict))
