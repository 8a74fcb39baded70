"""`ppsconsole node`: all that is known of one node, as lines or JSON."""

import asyncio
import sys

import click

from ppsconsole.advice.choices import choices_about
from ppsconsole.cli.logs import require_node, tail_of
from ppsconsole.cli.options import Options
from ppsconsole.cli.show import columns, json_text, print_lines
from ppsconsole.cli.status import EXIT_DEGRADED, EXIT_OK, EXIT_UNKNOWN, glyphs
from ppsconsole.cluster.picture import Picture
from ppsconsole.cluster.snapshot import Node
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.node import About, LogTail, draw_sections, joined
from ppsconsole.engine import memory
from ppsconsole.engine.facts import deadline_s
from ppsconsole.inventory.model import Inventory
from ppsconsole.probes.monitor import Monitor
from ppsconsole.runbooks.building import Background

_LOG_LINES = 10


@click.command()
@click.argument("node")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@click.option("--ascii", "is_ascii", is_flag=True, help="Draw with ASCII characters only.")
@click.option("--no-log", is_flag=True, help="Leave the end of its log out.")
@click.pass_obj
def node(options: Options, node: str, is_json: bool, is_ascii: bool, no_log: bool) -> int:
    """Print all that is known of NODE: judgements, what can be done, sessions, facts with source and age, log, commands.

    Looks at the whole cluster once: what can be done about a node hangs on the others.

    Exit 0: it is well, or off on purpose. 5: it warns or is down. 6: it is unknown. 2: no such node.
    """
    inventory = options.load_inventory()
    require_node(inventory, node)
    picture, log = asyncio.run(_look(inventory, node, has_log=not no_log))
    found = picture.snapshot.node(node)
    assert found is not None  # the snapshot has every node that the inventory declares
    about = _about(inventory, picture, found, log)
    if is_json:
        click.echo(json_text(_document(about)))
    else:
        width, drawn = columns(), glyphs(is_ascii)
        print_lines(joined(draw_sections(about, width, drawn), width, drawn), is_coloured=sys.stdout.isatty())
    return exit_code(found)


def exit_code(node: Node) -> int:
    """Return 5 when `node` warns or is down, 6 when it is unknown, else 0."""
    if node.verdict in (Verdict.WARN, Verdict.DOWN):
        return EXIT_DEGRADED
    return EXIT_UNKNOWN if node.verdict is Verdict.UNKNOWN else EXIT_OK


async def _look(inventory: Inventory, node: str, *, has_log: bool) -> tuple[Picture, LogTail]:
    looking = Monitor(inventory).once(deadline_s(inventory))
    if not has_log:
        return await looking, LogTail(words="Left out.")
    return await asyncio.gather(looking, tail_of(inventory, node, _LOG_LINES))


def _about(inventory: Inventory, picture: Picture, node: Node, log: LogTail) -> About:
    snapshot = picture.snapshot
    background = Background(history=memory.recall(inventory.cluster.name, snapshot.at).after(snapshot))
    found = choices_about(node.name, snapshot, inventory, background)
    return About(node, snapshot.at, picture.commands, found, log, is_exact=True)


def _document(about: About) -> dict[str, object]:
    places = {about.node.name, about.node.host}
    return about.node.as_json(about.now) | {
        "actions": [{"title": each.title, "words": each.words, "is_blocked": each.is_blocked} for each in about.actions],
        "log": {"title": about.log.title, "lines": list(about.log.lines), "words": about.log.words},
        "commands": [
            {"at": each.at, "where": each.where, "command": each.command, "duration_s": each.duration_s, "outcome": each.outcome}
            for each in about.commands
            if each.where in places
        ],
    }
