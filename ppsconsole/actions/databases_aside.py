"""List the databases that restores have set aside in servers that run: renamed, and kept until somebody drops them."""

import asyncio
import shlex
from collections.abc import Iterable

from ppsconsole.actions.copying import LOOK_S, asked_command, literal, rows_of
from ppsconsole.actions.places import data_directory_of
from ppsconsole.cluster.set_aside import DATABASE, DATABASES, SetAside
from ppsconsole.drivers.base import Shell
from ppsconsole.errors import Blocked, DriverError
from ppsconsole.inventory.model import Instance, Inventory
from ppsconsole.masking import plain


async def databases_aside(
    inventory: Inventory, shell: Shell, names: Iterable[str]
) -> tuple[tuple[SetAside, ...], dict[str, str]]:
    """Return the databases that were set aside in the servers of `names`; and why some could not be looked at.

    A server that is down, or that its host has no declared login to, is left out: nothing can be dropped there either.
    """
    found: list[SetAside] = []
    unseen: dict[str, str] = {}

    async def look(name: str) -> None:
        instance, host = inventory.database.instances[name], inventory.host_of(name)
        if host is None or instance.data_directory is None or name not in instance.dumps:
            return
        try:
            result = await shell.run(host, list_command(inventory, instance), timeout_s=LOOK_S)
            for database, size_bytes, since in rows_of(result, name):
                path = f"{DATABASE}{plain(str(database), 80)}"
                found.append(SetAside(name, host.name, path, int(size_bytes), float(since)))
        except (DriverError, Blocked, ValueError, TypeError) as error:
            unseen[f"databases of {name}"] = plain(str(error), 200)

    await asyncio.gather(*(look(name) for name in names))
    return tuple(sorted(found, key=lambda each: (-each.size_bytes, each.path))), unseen


def list_command(inventory: Inventory, instance: Instance) -> str:
    """Return the command that tells name, bytes and time of each, one JSON array a line; nothing where no server runs."""
    name = inventory.database.database
    named = " OR ".join(f"starts_with(datname, {literal(name[:40] + ending)})" for ending in DATABASES)
    sql = (
        "SELECT json_build_array(datname, pg_database_size(oid), COALESCE(extract(epoch FROM "
        f"(pg_stat_file($$base/$$ || oid || $$/PG_VERSION$$, true)).modification), 0)) FROM pg_database WHERE {named};"
    )
    running = f"{shlex.quote(data_directory_of(instance))}/postmaster.pid"
    return f"[ -e {running} ] || exit 0; {asked_command(inventory, instance.name, instance.name, 'postgres', sql)}"
