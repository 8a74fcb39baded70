"""`ppsconsole keys`: the table of keys, and a `console.yaml` to start from."""

import json
import sys
from pathlib import Path

import click

from ppsconsole.cli.options import Options
from ppsconsole.cli.show import columns, print_lines
from ppsconsole.errors import UsageError
from ppsconsole.settings.sheet import BEGIN, END, as_json, commented_yaml, markdown, renewed, sheet_lines


@click.command()
@click.option("--json", "is_json", is_flag=True, help="Print the table as JSON.")
@click.option("--yaml", "is_yaml", is_flag=True, help="Print a console.yaml with everything in it, commented out.")
@click.option("--markdown", "is_markdown", is_flag=True, help="Print the cheat sheet of the README.")
@click.option("--update", "file", metavar="FILE", help="Renew the cheat sheet between its two markers in a Markdown file.")
@click.option("--ascii", "is_ascii", is_flag=True, help="Print ASCII characters only.")
@click.pass_obj
def keys(options: Options, is_json: bool, is_yaml: bool, is_markdown: bool, file: str | None, is_ascii: bool) -> int:
    """Print which key does what in the console, with your own keys; a wrong console.yaml exits with 2."""
    if file is not None:
        _update(Path(file))
    elif is_yaml:
        click.echo(commented_yaml(), nl=False)
    elif is_markdown:
        click.echo(markdown())
    elif is_json:
        click.echo(json.dumps(as_json(options.settings().actions()), indent=2))
    else:
        from ppsconsole.cli.status import glyphs

        lines = sheet_lines(options.settings().actions(), columns(), glyphs(is_ascii))
        print_lines(lines, is_coloured=sys.stdout.isatty())
    return 0


def _update(path: Path) -> None:
    try:
        path.write_text(renewed(path.read_text(encoding="utf-8"), BEGIN, END, markdown()), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be renewed: {error.strerror}", where=str(path)) from None
    except ValueError as error:
        raise UsageError(f"cannot be renewed: {error}", where=str(path)) from None
