"""`ppsconsole why`: the rules and facts behind the advice, as lines or JSON."""

import asyncio
import sys

import click

from ppsconsole.advice.diagnosis import advise
from ppsconsole.advice.why import why as reasons_of
from ppsconsole.cli.options import Options
from ppsconsole.cli.show import columns, json_text, print_lines
from ppsconsole.cli.status import exit_code, glyphs
from ppsconsole.cluster.reasons import Why
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.draw.why import draw_why
from ppsconsole.engine.desk import Desk
from ppsconsole.engine.facts import deadline_s
from ppsconsole.inventory.model import Inventory
from ppsconsole.probes.monitor import Monitor


@click.command()
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@click.option("--ascii", "is_ascii", is_flag=True, help="Draw with ASCII characters only.")
@click.pass_obj
def why(options: Options, is_json: bool, is_ascii: bool) -> int:
    """Print why `status` says what it says: each rule, the facts behind it, the limit, what the cost of each way rests on.

    Exit 0: all ok. 5: something warns or is down. 6: something is unknown.
    """
    snapshot, found = asyncio.run(_look(options.load_inventory()))
    if is_json:
        document = {"cluster": snapshot.cluster, "why": [each.as_json(snapshot.at) for each in found]}
        click.echo(json_text(document))
    elif found:
        lines = draw_why(found, snapshot.at, columns(), glyphs(is_ascii), is_exact=True)
        print_lines(lines, is_coloured=sys.stdout.isatty())
    else:
        click.echo("Every rule is kept: there is nothing to explain.")
    return exit_code(snapshot)


async def _look(inventory: Inventory) -> tuple[Snapshot, tuple[Why, ...]]:
    desk = Desk(inventory)
    try:
        snapshot = (await Monitor(inventory).once(deadline_s(inventory))).snapshot
        desk.saw(snapshot)
        background = await desk.background(snapshot)
    finally:
        await desk.aclose()
    return snapshot, reasons_of(advise(snapshot, inventory, background), snapshot, inventory, background)
