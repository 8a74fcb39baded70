"""How lines are printed: coloured on a terminal, plain elsewhere, as wide as the terminal."""

import json
import shutil
from collections.abc import Iterable
from typing import Any

import click

from ppsconsole.draw.text import Line, Style, line_text
from ppsconsole.masking import escaped, inert

_COLOURS: dict[Style, dict[str, object]] = {
    "title": {"bold": True},
    "dim": {"dim": True},
    "ok": {"fg": "green"},
    "warn": {"fg": "yellow"},
    "down": {"fg": "red", "bold": True},
    "unknown": {"fg": "magenta"},
    "selected": {"reverse": True},
}


def print_lines(lines: Iterable[Line], *, is_coloured: bool) -> None:
    """Print styled lines."""
    for line in lines:
        if is_coloured:
            click.echo("".join(click.style(inert(span.text), **_COLOURS.get(span.style, {})) for span in line))  # type: ignore[arg-type]
        else:
            click.echo(line_text(line))


def columns() -> int:
    """Return how wide lines may be: the terminal's width, 100 without one."""
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def json_text(document: Any, *, indent: int | None = 2) -> str:
    """Return a document as JSON for a terminal or a program: readable letters, and nothing in it that a terminal obeys.

    Args:
        document: What `json` takes, and anything else as it is told as text.
        indent: Blanks for each level; None puts it all into one line.
    """
    return escaped(json.dumps(document, ensure_ascii=False, indent=indent, default=str))
