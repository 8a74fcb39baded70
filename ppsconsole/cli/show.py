"""How lines are printed: coloured on a terminal, plain elsewhere, as wide as the terminal."""

import shutil
from collections.abc import Iterable

import click

from ppsconsole.draw.text import Line, Style, line_text

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
            click.echo("".join(click.style(span.text, **_COLOURS.get(span.style, {})) for span in line))  # type: ignore[arg-type]
        else:
            click.echo(line_text(line))


def columns() -> int:
    """Return how wide lines may be: the terminal's width, 100 without one."""
    return max(40, shutil.get_terminal_size((100, 24)).columns)
