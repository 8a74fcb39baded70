"""What the steps that copy a database have in common: names, logins of the programs on a host, and telling how far they are."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.follow import NO_PASSWORD
from ppsconsole.actions.places import data_directory_of, host_of, instance_of, program_of
from ppsconsole.actions.table_sums import psql_command
from ppsconsole.clock import duration
from ppsconsole.cluster.judging import size as size_said
from ppsconsole.cluster.told import told_json
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import BadAnswer, Blocked, DriverError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain

LOOK_S = 20.0
"""For a look by psql on a host: it logs in to a database over the network."""

TELL_EVERY_S = 2.0
_LONGEST_NAME = 63
"""Bytes of a PostgreSQL name (NAMEDATALEN - 1)."""


def copy_name(database: str, kind: str, run: str) -> str:
    """Return the name of a copy of `database`: `pps_restore_RUN`, `pps_before_RUN`; as long as PostgreSQL keeps names apart."""
    ending = f"_{kind}_{re.sub('[^A-Za-z0-9]', '', run)}"
    return database.encode()[: _LONGEST_NAME - len(ending)].decode(errors="ignore") + ending


def dump_folder(inventory: Inventory, node: str, run: str) -> str:
    """Return the folder on the host of `node` that a run's dump is written to: beside the data directory, on its disk."""
    return f"{data_directory_of(instance_of(inventory, node))}.restore-{re.sub('[^A-Za-z0-9]', '', run)}"


def login(inventory: Inventory, here: str, there: str, database: str) -> str:
    """Return libpq's keywords with which a program on the host of `here` logs in to `database` of the instance `there`.

    Raises:
        Blocked: The inventory does not say how.
    """
    declared = instance_of(inventory, here).dumps.get(there)
    if declared is None:
        raise Blocked(
            f"the inventory does not say how a program on its host logs in to {there}",
            where=here,
            remedy=f"Declare it in `dumps` of {here}, with a passfile",
        )
    if NO_PASSWORD.search(declared):
        what = f"the login of {here} to {there} in `dumps` holds a password, which everybody on the host would see"
        raise Blocked(what, where=here, remedy="Write it into a file of mode 600, and name that: passfile=PATH")
    if re.fullmatch("[A-Za-z0-9_.-]+", database):
        return f"{declared} dbname={database}"
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"{declared} dbname='{escaped}'"


def identifier(name: str) -> str:
    """Return `name` as SQL wants it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return `text` as an SQL string: without a single quote where that can be, since the shell wants those for itself."""
    if "$" not in text:
        return f"$${text}$$"
    doubled = text.replace("'", "''").replace("\\", "\\\\")
    return f"E'{doubled}'"


def asked_command(inventory: Inventory, here: str, there: str, database: str, *lines: str) -> str:
    """Return the shell command with which psql on the host of `here` gives `lines` to `database` of `there`."""
    psql = program_of(instance_of(inventory, here), "psql")
    return psql_command(psql, login(inventory, here, there, database), *lines)


async def asked(bench: Workbench, here: str, there: str, database: str, *lines: str) -> list[Any]:
    """Return what `lines` gave, each row one JSON value: asked by psql on the host of `here`; changes nothing.

    Raises:
        BadAnswer: psql failed, or gave something else.
        DriverError: The host could not be asked.
    """
    command = asked_command(bench.inventory, here, there, database, *lines)
    result = await bench.hosts.look(host_of(bench.inventory, here).name, command, timeout_s=LOOK_S)
    return rows_of(result, there)


def rows_of(result: CommandResult, there: str) -> list[Any]:
    """Return the rows in the answer of psql, each one JSON value.

    Raises:
        BadAnswer: psql failed, or gave something else.
    """
    if result.exit_status != 0:
        raise BadAnswer(f"psql: {plain(result.stderr, 300) or f'status {result.exit_status}'}", where=there)
    try:
        return [told_json(line) for line in result.stdout.splitlines() if line.strip()]
    except ValueError as error:
        raise BadAnswer(f"psql gave something else: {plain(result.stdout, 120)}", where=there) from error


async def done_telling(
    bench: Workbench, work: Awaitable[CommandResult], what: str, look: Callable[[], Awaitable[int]], expected: int
) -> CommandResult:
    """Return what `work` came to; meanwhile say every few seconds how far it is, how fast, and how long it will take.

    Args:
        bench: Says it.
        work: A long command.
        what: `dumped`, `restored`: what was done to so many bytes.
        look: Looks how many bytes there are; where it fails, nothing is said.
        expected: How many there will be, roughly; 0 where nobody knows.
    """
    task = asyncio.ensure_future(work)
    began, before = bench.clock.monotonic(), None
    try:
        while not (await asyncio.wait({task}, timeout=TELL_EVERY_S))[0]:
            try:
                now = await look()
            except DriverError:
                continue
            took_s = bench.clock.monotonic() - began
            if now and now != before:
                bench.say(progress(what, now, expected, took_s))
            before = now
        return task.result()
    finally:
        task.cancel()


def progress(what: str, done: int, expected: int, took_s: float) -> str:
    """Return how far it is: `restored 34MB of about 120MB, 11MB/s, about 8s to go`."""
    rate = done / max(took_s, 0.001)
    said = f"{what} {size_said(done)}"
    if expected > done:
        return f"{said} of about {size_said(expected)}, {size_said(rate)}/s, about {duration((expected - done) / rate)} to go"
    return f"{said}, {size_said(rate)}/s"


def jobs_command() -> str:
    """Return shell text that sets `j` to how many processes copy at the same time: as many as the host has cores, at most 8."""
    return 'j=$(nproc 2>/dev/null || echo 2); [ "$j" -le 8 ] || j=8'
