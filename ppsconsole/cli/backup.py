"""`ppsconsole backup ...`: what bundles there are, a key to make them with, and the deletion of those that were set aside.

Making and trying them are runbooks: `run backup`, `run backup-verify`.
"""

import asyncio

import click

from ppsconsole.actions.bundle_listing import ListedPlace, listed_places
from ppsconsole.cli.gate import Flags, gate_flags
from ppsconsole.cli.options import Options
from ppsconsole.cli.run import run_request
from ppsconsole.cli.show import json_text
from ppsconsole.clock import SystemClock
from ppsconsole.cluster.judging import age, size
from ppsconsole.inventory.model import Inventory
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.request import Request, known

_EXITS = {"ok": 0, "warn": 5, "unknown": 6}


@click.group()
def backup() -> None:
    """List bundles, make a key for them, delete those that were set aside.

    A bundle is database, connection settings and encryption keys of the cluster, encrypted for one age key. It is made by
    `ppsconsole run backup [PLACE]`, and proved by `ppsconsole run backup-verify [PLACE]`.
    """


@backup.command("list")
@click.argument("place", required=False, default="")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(options: Options, place: str, is_json: bool) -> int:
    """List the bundles at PLACE, or at all places: age, verdict, size, what is in them. Nothing is decrypted.

    Exit 0: each place has a whole bundle that is not too old. 5: one has not. 6: one could not be looked at.
    """
    inventory = options.load_inventory()
    names = (known(place, inventory.backups, "place for backups"),) if place else tuple(inventory.backups)
    found = asyncio.run(_listed(inventory, names))
    if is_json:
        click.echo(json_text({"places": [each.as_json() for each in found]}))
    elif not found:
        click.echo("no place for backups is declared")
    else:
        click.echo("\n".join(line for each in found for line in _lines(each)))
    return max((_EXITS[each.verdict] for each in found), default=0)


@backup.command()
@click.argument("place", required=False, default="")
@gate_flags
@click.option("--json", "is_json", is_flag=True, help="Print JSON, one document a line: each event, then the result.")
@click.pass_obj
def prune(options: Options, place: str, flags: Flags, is_json: bool) -> int:
    """Delete what was set aside or never finished at PLACE, or at all places, after asking.

    It is the runbook backup-prune: without a terminal it needs `--approve HASH` of `ppsconsole plan backup-prune`.

    Exit 0: it is deleted, or there is nothing. 1: failed. 3: not confirmed. 7: another run holds the lease.
    """
    try:
        return run_request(options, Request("backup-prune", place), flags, is_json=is_json)
    except Barred as error:
        if error.rule != "nothing-to-prune":
            raise
        click.echo(str(error))
        return 0


@backup.command()
def key() -> None:
    r"""Print a new age key: keep it in a file that `encryption_key` names, and a copy away from this cluster.

    Whoever has it can read every bundle; without it nobody can, and there is no other way in.

    \b
    ppsconsole backup key >secrets/backup-encryption-key; chmod 600 secrets/backup-encryption-key

    Exit 0: it was printed.
    """
    from ppsconsole.drivers.age import AgeKey

    click.echo(AgeKey.made(), nl=False)


async def _listed(inventory: Inventory, names: tuple[str, ...]) -> tuple[ListedPlace, ...]:
    from ppsconsole.probes.tools import Tools  # imports the drivers

    clock = SystemClock()
    tools = Tools(inventory, clock, lambda record: None)
    try:
        return await listed_places(inventory, tools.ssh, names, clock.now())
    finally:
        await tools.aclose()


def _lines(place: ListedPlace) -> list[str]:
    backup = place.backup
    lines = [f"{backup.name}  {place.verdict}  {backup.path} on {backup.host or 'this machine'}: {place.words}"]
    for each in place.bundles:
        manifest = each.stored.manifest
        told = ""
        if manifest is not None:
            version = f"PPS {manifest.pps_version}" if manifest.pps_version else "PPS version not known"
            told = f"  {manifest.database.get('said', '')}; {len(manifest.keys)} key files; {version}"
        words = f"  ({each.words})" if each.words else ""
        name = each.stored.name.said()
        lines.append(f"  {name:<36}  {each.verdict:<10} {age(each.age_s):>4}  {size(each.stored.size):>6}{told}{words}")
    return lines
