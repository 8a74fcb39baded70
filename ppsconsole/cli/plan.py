"""`ppsconsole plan`: what a runbook would do now, listed whole, with its preflight and its hash; nothing is changed."""

import asyncio
import sys

import click

from ppsconsole.cli.options import Options
from ppsconsole.cli.show import columns, json_text, print_lines
from ppsconsole.cli.status import glyphs
from ppsconsole.cli.wish import wish
from ppsconsole.draw.plan import draw_plan
from ppsconsole.draw.promise import Promises
from ppsconsole.engine.desk import Desk
from ppsconsole.engine.shown import remember
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.outcomes import EXIT_BLOCKED
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.alternate import bundle_of
from ppsconsole.runbooks.catalog import RUNBOOKS
from ppsconsole.runbooks.items_tried import insisted
from ppsconsole.runbooks.ladder import chosen_rung
from ppsconsole.runbooks.rejoin import chosen_way
from ppsconsole.runbooks.request import Request

RUNBOOK_LIST = "\b\nRunbooks:\n" + "\n".join(
    f"  {each.name:<{max(map(len, RUNBOOKS))}}  {each.sentence}" for each in RUNBOOKS.values()
)


@click.command(epilog=RUNBOOK_LIST)
@wish
@click.option("--json", "is_json", is_flag=True, help="Print JSON: hash, preflight, steps, loss, tolerances and the rest.")
@click.option("--ascii", "is_ascii", is_flag=True, help="Draw with ASCII characters only.")
@click.pass_obj
def plan(
    options: Options,
    request: Request,
    is_json: bool,
    is_ascii: bool,
) -> int:
    """Show what RUNBOOK would do now, on NODE where it takes one; nothing is changed.

    Looks at everything, then lists preflight and every step with its exact commands, and prints the plan's hash, which
    `run --approve` takes.

    Exit 0: it can be run. 3: it is blocked, and the text says by what.
    """
    inventory = options.load_inventory()
    made = asyncio.run(_made(inventory, request))
    remember(made)
    if is_json:
        click.echo(json_text(made.as_json()))
    else:
        print_plan(made, inventory, is_ascii=is_ascii)
        click.echo()
        click.echo(_next(made))
    return EXIT_BLOCKED if made.blockers else 0


async def _made(inventory: Inventory, request: Request) -> Plan:
    desk = Desk(inventory)
    try:
        return await desk.plan(request)
    finally:
        await desk.aclose()


def print_plan(made: Plan, inventory: Inventory, *, is_ascii: bool = False) -> None:
    """Print a plan whole."""
    is_lab = inventory.cluster.environment == "lab"
    lines = draw_plan(made, is_lab, columns(), glyphs(is_ascii), Promises.of(inventory.cluster))
    print_lines(lines, is_coloured=sys.stdout.isatty())


def _next(made: Plan) -> str:
    if made.blockers:
        return f"blocked by {', '.join(item.name for item in made.blockers)}: nothing was changed, and this does not run"
    words = ["ppsconsole run", made.runbook, made.node, f"--to {made.to}" if made.to else "", f"--approve {made.hash}"]
    words.append(f"--fence {chosen_rung(made)}" if chosen_rung(made) else "")
    words.append(f"--way {chosen_way(made)}" if chosen_way(made) else "")
    words.append(f"--bundle {bundle_of(made)}" if bundle_of(made) else "")
    words.append(f"--insist {insisted(made)}" if insisted(made) else "")
    gates = {step.gate.kind for step in made.steps if step.gate is not None}
    words.append("--accept-loss WINDOW" if "accept-loss" in gates else "")
    words.append("--attest TEXT" if "attest" in gates else "")
    return "nothing was changed; to run it: " + " ".join(word for word in words if word)
