"""How values are said to a person, and how wide text is on a terminal."""

import unicodedata
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

from ppsconsole.clock import duration
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import Glyphs, Line, Span, Style

_STYLES: dict[Verdict, Style] = {
    Verdict.OK: "ok",
    Verdict.WARN: "warn",
    Verdict.DOWN: "down",
    Verdict.OFF: "off",
    Verdict.UNKNOWN: "unknown",
}


def mark(verdict: Verdict, glyphs: Glyphs) -> str:
    """Return the one-cell glyph of `verdict`; a word always has to stand beside it."""
    marks: dict[Verdict, str] = {
        Verdict.OK: glyphs.ok,
        Verdict.WARN: glyphs.warn,
        Verdict.DOWN: glyphs.down,
        Verdict.OFF: glyphs.off,
        Verdict.UNKNOWN: glyphs.unknown,
    }
    return marks[verdict]


def style_of(verdict: Verdict) -> Style:
    """Return the style in which `verdict` is drawn."""
    return _STYLES[verdict]


def cell_width(character: str) -> int:
    """Return how many cells one character takes: 0 for combining and joining ones, 2 for wide ones, else 1.

    East Asian Width (UAX #11) decides; *ambiguous* counts as narrow, as terminals do outside of CJK locales.
    """
    if unicodedata.category(character) in ("Mn", "Me", "Cf") or character == "\u200d":
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def width_of(text: str) -> int:
    """Return how many cells `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(cell_width(each) for each in text)


def cut(text: str, width: int, glyphs: Glyphs) -> str:
    """Return `text` in at most `width` cells; where something is left out the ellipsis glyph says so."""
    if width_of(text) <= width:
        return text
    if width <= 0:
        return ""
    kept, used = [], 0
    for each in text:
        used += cell_width(each)
        if used > width - 1:
            break
        kept.append(each)
    return "".join(kept) + glyphs.ellipsis


def shortened(name: str, width: int, glyphs: Glyphs) -> str:
    """Return `name` in at most `width` cells with its middle left out: names of machines differ at their end."""
    if width_of(name) <= width:
        return name
    kept, used = "", 0
    for each in reversed(name):
        if used + cell_width(each) > (width * 2 + 1) // 3 - 1:
            break
        kept, used = each + kept, used + cell_width(each)
    return cut(name, width - used, glyphs) + kept if width > 3 else cut(name, width, glyphs)


def padded(text: str, width: int, glyphs: Glyphs) -> str:
    """Return `text` in exactly `width` cells: cut, or filled with blanks on the right."""
    short = cut(text, width, glyphs)
    return short + " " * (width - width_of(short))


def right(text: str, width: int, glyphs: Glyphs) -> str:
    """Return `text` in exactly `width` cells: cut, or filled with blanks on the left."""
    short = cut(text, width, glyphs)
    return " " * (width - width_of(short)) + short


def wrapped(text: str, width: int, glyphs: Glyphs, rows: int = 1) -> tuple[str, ...]:
    """Return `text` in lines of at most `width` cells, broken at blanks where there are any; at least one line.

    A word that is longer than a line fills up to `rows` of them, and is cut there.
    """
    lines: list[str] = []
    current = ""
    for word in text.split():
        if current and width_of(current) + 1 + width_of(word) <= width:
            current += " " + word
            continue
        if current:
            lines.append(current)
        for _ in range(rows - 1):
            if width_of(word) <= width:
                break
            begun = _begun(word, width)
            lines.append(begun)
            word = word[len(begun) :]
        current = cut(word, width, glyphs)
    return (*lines, current) if current or not lines else tuple(lines)


def _begun(word: str, width: int) -> str:
    """Return as much of `word` as `width` cells hold: one character at least."""
    used = 0
    for index, each in enumerate(word):
        used += cell_width(each)
        if used > width and index:
            return word[:index]
    return word


LONG_WORD = 6
"""Rows that a path in a command may fill; a host's line without a blank fills no screen."""


def hanging(head: Iterable[Span], text: str, style: Style, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return `text` behind `head`, wrapped at `width` and indented to where it began."""
    first = tuple(head)
    indent = sum(width_of(span.text) for span in first)
    if width - indent < 12:
        # So narrow that the text gets lines of its own.
        return (first, *((Span("  "), Span(each, style)) for each in wrapped(text, max(1, width - 2), glyphs, LONG_WORD)))
    begun, *rest = wrapped(text, width - indent, glyphs, LONG_WORD)
    return ((*first, Span(begun, style)), *((Span(" " * indent), Span(each, style)) for each in rest))


def folded(line: Line, width: int) -> tuple[Line, ...]:
    """Return `line` in rows of at most `width` cells without losing a character of it, broken behind a blank where one is near.

    Rows after the first are indented.
    """
    left = [(each, span.style) for span in line for each in span.text]
    rows: list[Line] = []
    while True:
        indent = 4 if rows else 0
        count, used = 0, indent
        while count < len(left) and (count == 0 or used + cell_width(left[count][0]) <= width):
            used += cell_width(left[count][0])
            count += 1
        if count < len(left):
            blank = max((number for number in range(count) if left[number][0] == " "), default=-1)
            count = blank + 1 if blank >= count // 2 else count
        row = [Span("".join(each for each, _ in group), style) for style, group in groupby(left[:count], key=itemgetter(1))]
        rows.append((Span(" " * indent), *row) if indent else tuple(row))
        left = left[count:]
        if not left:
            return tuple(rows)


def fitted(line: Line, width: int, glyphs: Glyphs) -> Line:
    """Return `line` in at most `width` cells, without trailing blanks."""
    spans: list[Span] = []
    left = width
    kept = list(line)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Span(kept[-1].text.rstrip(), kept[-1].style)
    for span in kept:
        wide = width_of(span.text)
        if wide > left:
            spans.append(Span(cut(span.text, left, glyphs), span.style))
            break
        spans.append(span)
        left -= wide
    return tuple(spans)


def age_said(at: float | None, now: float) -> str:
    """Return how long ago `at` (seconds since 1970 UTC) was, e.g. `0.4s ago`; `never` for None and for 0."""
    return "never" if not at else f"{duration(max(0.0, now - at))} ago"
