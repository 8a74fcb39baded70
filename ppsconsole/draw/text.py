"""Styled lines of text: what `draw` returns, and both faces know how to show."""

from typing import Literal

from ppsconsole.masking import inert
from ppsconsole.values import dataclass

Style = Literal[
    "text",  # ordinary
    "dim",  # of little importance
    "title",
    "ok",
    "warn",
    "down",
    "off",
    "unknown",
    "edge",  # a line that carries traffic
    "edge-idle",
    "edge-broken",
    "selected",  # reverse video
]


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text in one style; the text holds no control characters and no markup."""

    text: str
    style: Style = "text"


Line = tuple[Span, ...]


def line_text(line: Line) -> str:
    """Return the line without its styles, trailing blanks removed, and nothing in it that a terminal obeys."""
    return inert("".join(span.text for span in line)).rstrip()


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters that drawings are made of: one set for UTF-8 terminals, one for plain ASCII.

    Attributes:
        ok, warn, down, off, unknown: State marks; a word always stands beside them.
        serving, idle, broken: Vertical and horizontal line characters by 4-bit junction (up 1, right 2, down 4, left 8).
        sparks: Eight heights for trends.
    """

    ok: str
    warn: str
    down: str
    off: str
    unknown: str
    junctions: tuple[str, ...]
    idle_horizontal: str
    idle_vertical: str
    replication: str
    replication_broken: str
    arrow_right: str
    arrow_left: str
    pointer: str
    sparks: str
    ellipsis: str


UNICODE = Glyphs(
    ok="●",
    warn="▲",
    down="✗",
    off="○",
    unknown="?",
    junctions=(" ", "│", "─", "└", "│", "│", "┌", "├", "─", "┘", "─", "┴", "┐", "┤", "┬", "┼"),
    idle_horizontal="┄",
    idle_vertical="┆",
    replication="═",
    replication_broken="╳",
    arrow_right="▶",
    arrow_left="◀",
    pointer="»",
    sparks="▁▂▃▄▅▆▇█",
    ellipsis="…",
)

ASCII = Glyphs(
    ok="*",
    warn="!",
    down="X",
    off="o",
    unknown="?",
    junctions=(" ", "|", "-", "+", "|", "|", "+", "+", "-", "+", "-", "+", "+", "+", "+", "+"),
    idle_horizontal=".",
    idle_vertical=":",
    replication="=",
    replication_broken="x",
    arrow_right=">",
    arrow_left="<",
    pointer=">",
    sparks="_.-=+*#@",
    ellipsis="~",
)
