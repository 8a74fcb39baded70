"""The databases that restores have set aside in servers that run: renamed, and kept until somebody deletes them by name."""

import asyncio
import re
import shlex
from collections.abc import Iterable

from ppsconsole.actions.copying import LOOK_S, asked_command, copy_name, literal, rows_of
from ppsconsole.actions.places import data_directory_of
from ppsconsole.cluster.set_aside import DATABASE, SetAside
from ppsconsole.drivers.base import Shell
from ppsconsole.errors import Blocked, DriverError
from ppsconsole.inventory.model import Instance, Inventory
from ppsconsole.masking import plain

_NAMED = re.compile("(?P<copy>.+_(?P<kind>before|restore)_(?P<run>[0-9A-Za-z]+))")
_HALF = re.compile("(?P<head>.+)_half_[0-9]+")
_HALF_HEAD = 40
"""Characters of the name of a half-made copy that stay when it is set aside; see `restore_database`."""


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
                if not why_no_database_aside(str(database), inventory.database.database):
                    path = f"{DATABASE}{plain(str(database), 80)}"
                    found.append(SetAside(name, host.name, path, int(size_bytes), float(since)))
        except (DriverError, Blocked, ValueError, TypeError) as error:
            unseen[f"databases of {name}"] = plain(str(error), 200)

    await asyncio.gather(*(look(name) for name in names))
    return tuple(sorted(found, key=lambda each: (-each.size_bytes, each.path))), unseen


def list_command(inventory: Inventory, instance: Instance) -> str:
    """Return the command that tells name, bytes and time of each, one JSON array a line; nothing where no server runs."""
    begins = literal(inventory.database.database[:20])
    sql = (
        "SELECT json_build_array(datname, pg_database_size(oid), COALESCE(extract(epoch FROM "
        "(pg_stat_file($$base/$$ || oid || $$/PG_VERSION$$, true)).modification), 0)) FROM pg_database "
        f"WHERE starts_with(datname, {begins}) AND datname ~ $$_(before|restore|half)_[0-9A-Za-z]+\\Z$$;"
    )
    running = f"{shlex.quote(data_directory_of(instance))}/postmaster.pid"
    return f"[ -e {running} ] || exit 0; {asked_command(inventory, instance.name, instance.name, 'postgres', sql)}"


def why_no_database_aside(name: str, database: str) -> str:
    """Return why `name` is no database that a restore of `database` set aside; empty when it is named as one.

    Named so are `pps_before_RUN`, `pps_restore_RUN`, and, of a copy that was never whole, the first 40 characters of the latter
    with `_half_` and the number that the server gave it.
    """
    if name == database:
        return f"{name} is the database in use"
    named, half = _NAMED.fullmatch(name), _HALF.fullmatch(name)
    if named is not None and name == copy_name(database, named["kind"], named["run"]):
        return ""
    if half is not None and _is_head_of_copy(half["head"], database):
        return ""
    kinds = ", ".join(copy_name(database, kind, "RUN") for kind in ("before", "restore"))
    return f"{name} is no name that a restore gives to what it sets aside: {kinds}"


def _is_head_of_copy(head: str, database: str) -> bool:
    """Return whether a copy that a restore makes of `database` may have a name whose first 40 characters are `head`."""
    begin = f"{database}_restore_"
    if len(head) == _HALF_HEAD and begin.startswith(head):
        return True
    run = head.removeprefix(begin)
    return run != head and run.isascii() and run.isalnum()
