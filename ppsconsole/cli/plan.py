"""`ppsconsole plan`: what a runbook would do now, listed whole, with its preflight and its hash; nothing is changed."""

import asyncio
import json
import sys

import click

from ppsconsole.cli.options import Options
from ppsconsole.cli.show import columns, print_lines
from ppsconsole.cli.status import glyphs
from ppsconsole.draw.plan import draw_plan
from ppsconsole.draw.promise import Promises
from ppsconsole.engine.desk import Desk
from ppsconsole.engine.shown import remember
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.outcomes import EXIT_BLOCKED
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.alternate import bundle_of
from ppsconsole.runbooks.catalog import RUNBOOKS
from ppsconsole.runbooks.ladder import DOES, chosen_rung
from ppsconsole.runbooks.rejoin import chosen_way
from ppsconsole.runbooks.rejoin_way import WAYS
from ppsconsole.runbooks.request import Request

RUNBOOK_LIST = "\b\nRunbooks:\n" + "\n".join(f"  {each.name:<12} {each.sentence}" for each in RUNBOOKS.values())

fence_option = click.option(
    "--fence", type=click.Choice([each.value for each in DOES]), help="Failover, fence: by this rung, not by the best one."
)

way_option = click.option("--way", type=click.Choice(WAYS), help="Rejoin: go this way, not the cheapest that the facts allow.")

bundle_option = click.option("--bundle", metavar="NAME", default="", help="Alternate server: this bundle, not the newest one.")

from_option = click.option(
    "--from", "source", metavar="NODE", default="", help="Restore: copy the data of this instance; left out, of the only primary."
)


def acted_on(runbook: str, node: str, source: str) -> str:
    """Return the node that a request is about, given as NODE or, for a restore, as `--from`.

    Raises:
        UsageError: Both were given, or `--from` with another runbook.
    """
    if source and (node or runbook != "restore"):
        what = f"--from {source} was given with {'NODE ' + node if node else runbook}"
        raise UsageError(what, remedy="--from is for restore: restore --from NODE --to NODE")
    return source or node


@click.command(epilog=RUNBOOK_LIST)
@click.argument("runbook")
@click.argument("node", required=False, default="")
@click.option("--to", metavar="NODE", default="", help="The database instance that becomes primary.")
@from_option
@fence_option
@way_option
@bundle_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON: hash, preflight, steps, loss, tolerances and the rest.")
@click.option("--ascii", "is_ascii", is_flag=True, help="Draw with ASCII characters only.")
@click.pass_obj
def plan(
    options: Options,
    runbook: str,
    node: str,
    to: str,
    source: str,
    fence: str | None,
    way: str | None,
    bundle: str,
    is_json: bool,
    is_ascii: bool,
) -> int:
    """Show what RUNBOOK would do now, on NODE where it takes one; nothing is changed.

    Looks at everything, then lists preflight and every step with its exact commands, and prints the plan's hash, which
    `run --approve` takes.

    Exit 0: it can be run. 3: it is blocked, and the text says by what.
    """
    inventory = options.load_inventory()
    node = acted_on(runbook, node, source)
    made = asyncio.run(_made(inventory, Request(runbook, node, to, fence=fence or "", way=way or "", bundle=bundle)))
    remember(made)
    if is_json:
        click.echo(json.dumps(made.as_json(), ensure_ascii=False, indent=2))
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
    gates = {step.gate.kind for step in made.steps if step.gate is not None}
    words.append("--accept-loss WINDOW" if "accept-loss" in gates else "")
    words.append("--attest TEXT" if "attest" in gates else "")
    return "nothing was changed; to run it: " + " ".join(word for word in words if word)
