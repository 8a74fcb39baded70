"""`ppsconsole quarantine ...`: what runs have set aside on the hosts of databases, and its deletion. No run deletes anything."""

import asyncio
import time
from dataclasses import replace

import click

from ppsconsole.actions.databases_aside import databases_aside
from ppsconsole.actions.set_aside import listed
from ppsconsole.cli.gate import Flags, gate_flags
from ppsconsole.cli.options import Options
from ppsconsole.cli.run import run_request
from ppsconsole.cli.show import json_text
from ppsconsole.clock import SystemClock
from ppsconsole.cluster.judging import size
from ppsconsole.cluster.set_aside import SetAside
from ppsconsole.engine.desk import Desk
from ppsconsole.engine.shown import remember
from ppsconsole.inventory.model import Inventory
from ppsconsole.runbooks.request import Request, known

_UNSEEN = 6


@click.group()
def quarantine() -> None:
    """List what runs have set aside on the hosts of databases; delete one of these after asking.

    Old data directories, copies that were not used, the log of lost writes, and databases that a restore renamed stay until
    somebody deletes them here.
    """


@quarantine.command("list")
@click.argument("node", required=False, default="")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(options: Options, node: str, is_json: bool) -> int:
    """List what was set aside on NODE, or on all databases: where, how big, since when, what it is.

    That is what lies beside data directories, and the databases in servers that run, as `database:NAME`.

    Exit 0: everything was looked at. 6: a host could not be.
    """
    inventory = options.load_inventory()
    instances = inventory.database.instances
    names = (known(node, instances, "database instance"),) if node else tuple(instances)
    found, unseen = asyncio.run(_listed(inventory, names))
    if is_json:
        document = {"set_aside": [each.as_json() for each in found], "unseen": unseen}
        click.echo(json_text(document))
    else:
        now = time.time()
        lines = [each.said(now) for each in found] or ["nothing is set aside"]
        if found:
            total = size(sum(each.size_bytes for each in found))
            lines.append(
                f"{len(found)} in all, {total}; to delete one: ppsconsole quarantine delete NODE PATH, or NODE database:NAME"
            )
        click.echo("\n".join([*lines, *(f"{name}: not looked at: {why}" for name, why in unseen.items())]))
    return _UNSEEN if unseen else 0


@quarantine.command()
@click.argument("node")
@click.argument("path")
@gate_flags
@click.option("--json", "is_json", is_flag=True, help="Print JSON, one document a line: each event, then the result.")
@click.pass_obj
def delete(options: Options, node: str, path: str, flags: Flags, is_json: bool) -> int:
    """Delete PATH, which a run set aside beside the data directory of NODE, or the database that `database:NAME` names, for good.

    Asks for the cluster's name to be typed; without a terminal it needs `--approve PATH`, the same word once more. What is a data
    directory or a database in use, is not named as runs name what they set aside, or is a database that somebody is in, is
    refused; so is a database on a standby.

    Exit 0: it is deleted. 1: failed. 3: refused or not confirmed. 7: another run holds the lease.
    """
    request = Request("quarantine-delete", node, path=path)
    if flags.approve is not None and flags.approve == path:
        flags = replace(flags, approve=asyncio.run(_hash(options.load_inventory(), request)))
    return run_request(options, request, flags, is_json=is_json)


async def _listed(inventory: Inventory, names: tuple[str, ...]) -> tuple[tuple[SetAside, ...], dict[str, str]]:
    from ppsconsole.probes.tools import Tools

    tools = Tools(inventory, SystemClock(), lambda _: None)
    try:
        files, databases = await asyncio.gather(listed(inventory, tools.ssh, names), databases_aside(inventory, tools.ssh, names))
        return (*files[0], *databases[0]), files[1] | databases[1]
    finally:
        await tools.aclose()


async def _hash(inventory: Inventory, request: Request) -> str:
    desk = Desk(inventory)
    try:
        made = await desk.plan(request)
        remember(made)
        return made.hash
    finally:
        await desk.aclose()
