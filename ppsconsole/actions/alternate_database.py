"""The database server of an alternate server: what is asked of it and sent to it, by psql on its own host. Little IO."""

import re
from datetime import UTC, datetime

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.copying import identifier, literal
from ppsconsole.actions.looks import LOOK_S
from ppsconsole.actions.places import on_host
from ppsconsole.actions.table_sums import psql_command
from ppsconsole.cluster.copies import Copy
from ppsconsole.errors import BadAnswer, RunError, WorldMoved
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.masking import plain
from ppsconsole.probes.alternate import copies_command, parse_copies

_LONGEST = 63
"""Bytes of a name in PostgreSQL."""


def archival_name(database: str, taken_at: float) -> str:
    """Return the name under which a copy is kept beside `database`: with the moment that it is of."""
    return f"{database[: _LONGEST - 25]}_archive_{datetime.fromtimestamp(taken_at, UTC):%Y%m%dt%H%M%Sz}"


def aside_name(database: str, run: str) -> str:
    """Return the name that `database` gets when a run sets it aside: nothing is deleted (law 6)."""
    return f"{database[: _LONGEST - len(run) - 9]}_before_{re.sub(r'[^0-9A-Za-z]', '_', run)}"


def program(alternate: Alternate, name: str) -> str:
    """Return the path of one of PostgreSQL's programs on the database's host."""
    return f"{alternate.database.bin_directory}/{name}" if alternate.database.bin_directory else name


def connection(alternate: Alternate, database: str, *, as_owner: bool = False) -> str:
    """Return libpq's keywords for one database of the alternate server.

    Args:
        alternate: Which server.
        database: Which database.
        as_owner: Whatever is made belongs to the role that PPS logs in with, as if it had made it itself.
    """
    role = f" options={_value('-c role=' + _escaped(alternate.database.owner))}" if as_owner else ""
    return f"{alternate.database.maintenance} dbname={_value(database)}{role}"


def psql(alternate: Alternate, database: str, *lines: str) -> str:
    """Return the command that sends `lines` to one database of the alternate server; it ends at the first mistake."""
    return psql_command(program(alternate, "psql"), connection(alternate, database), *lines)


def same_server_sql(system: str) -> str:
    """Return the statement that ends everything behind it where another server answers than was planned for (law 7)."""
    words = "this is another database server than was planned for; nothing was done"
    check = f"(SELECT system_identifier::text FROM pg_control_system()) <> {literal(system)}"
    return f"DO $guard$ BEGIN IF {check} THEN RAISE EXCEPTION $${words}$$; END IF; END $guard$;"


def comment_sql(copy: Copy) -> str:
    """Return the statement that makes a database known as a copy."""
    return f"COMMENT ON DATABASE {identifier(copy.database)} IS {literal(copy.comment())};"


async def held(bench: Workbench, alternate: Alternate) -> tuple[tuple[Copy, ...], tuple[str, ...]]:
    """Return the copies and all databases that it holds now.

    Raises:
        BadAnswer: Its database server does not answer.
        WorldMoved: It is one of the database group's by now.
        DriverError: Its host could not be asked.
    """
    result = await bench.hosts.look(alternate.database_host, copies_command(alternate), timeout_s=LOOK_S)
    try:
        found = parse_copies(result)
    except ValueError as error:
        raise BadAnswer(str(error), where=alternate.name) from error
    if found["sql"] != "ok":
        what = f"its database server does not answer ({found['sql']}): {found['detail']}"
        raise BadAnswer(what, where=alternate.name, remedy=f"Start it on {alternate.database_host}")
    own, known = str(found["system_identifier"]), {each.node: each.system_identifier for each in bench.plan.identities}
    if known.get(alternate.name) not in (None, "", own):
        what = f"its database server is {own}, the plan was made for {known[alternate.name]}"
        raise WorldMoved(what, where=alternate.name, remedy="Find out what runs there, then make a new plan")
    shared = [name for name in bench.inventory.database.instances if known.get(name) == own]
    if shared:
        what = f"its database server has the system identifier of {shared[0]}: it is one of the group's"
        raise WorldMoved(what, where=alternate.name, remedy="Compare the inventory with the host")
    return found["copies"], found["databases"]  # type: ignore[return-value]


async def send(bench: Workbench, alternate: Alternate, command: str, what: str, *, timeout_s: float = 60.0) -> str:
    """Send a command to the database's host, bound to the lease; return what it said.

    Raises:
        RunError: It failed; with its words.
        DriverError: As `Guarded.act`.
    """
    result = await bench.hosts.act(alternate.database_host, command, timeout_s=timeout_s)
    if result.exit_status != 0:
        words = plain(result.stderr or result.stdout, 300) or f"status {result.exit_status}"
        raise RunError(f"{what}: {words}", where=alternate.database_host)
    return result.stdout


def shown(alternate: Alternate, *commands: str) -> tuple[str, ...]:
    """Return commands on the database's host as a plan shows them."""
    return on_host(alternate.database_host, *commands)


def _value(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _escaped(text: str) -> str:
    """Return an argument as the server splits the keyword `options`: at blanks that have no backslash before them."""
    return re.sub(r"([\\\s])", r"\\\1", text)
