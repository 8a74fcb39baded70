"""A snapshot of the PPS database that is held while it is dumped and counted, so that both see the very same rows."""

import asyncio
import shlex
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.dump_source import dump_source
from ppsconsole.cluster.told import told_json
from ppsconsole.drivers.base import OpenCommand
from ppsconsole.errors import BadAnswer, TimedOut
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain

_ANSWER_S = 60.0

_HOLD = (
    "SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; SET search_path = pg_catalog; "
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
    "SELECT json_build_object('snapshot', pg_export_snapshot(), 'at', extract(epoch FROM now()), "
    "'system_identifier', (SELECT system_identifier::text FROM pg_control_system()), "
    "'server_version', current_setting('server_version'), 'version', current_setting('server_version_num')::int, "
    "'role', CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END, "
    "'lsn', (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text, "
    "'name', me.datname, 'bytes', pg_database_size(me.oid), 'encoding', pg_encoding_to_char(me.encoding), "
    "'collate', me.datcollate, 'ctype', me.datctype, 'provider', to_json(me) ->> 'datlocprovider', "
    "'locale', COALESCE(to_json(me) ->> 'datlocale', to_json(me) ->> 'daticulocale')) "
    "FROM pg_database AS me WHERE me.datname = current_database();"
)


@dataclass(frozen=True, slots=True)
class HeldSnapshot:
    """A snapshot that is held.

    Attributes:
        id: For `pg_dump --snapshot`.
        at: When it was taken, by the server's clock, in seconds since 1970 UTC.
        version: `server_version_num`.
        size: The database on disk, in bytes.
        about: What the manifest tells of the database.
    """

    id: str
    at: float
    version: int
    size: int
    about: Mapping[str, str]


def hold_command(inventory: Inventory, source: str) -> str:
    """Return the command that holds a session on the server of `source`, by psql on its own host; ends with its input."""
    found = dump_source(inventory, source)
    return f"LC_ALL=C {shlex.quote(found.program('psql'))} -XAtq -w -v ON_ERROR_STOP=1 -d {shlex.quote(found.login)} -f -"


@asynccontextmanager
async def held_snapshot(bench: Workbench, source: str) -> AsyncGenerator[HeldSnapshot, None]:
    """Take a snapshot on the server of `source` and hold it until the end of the block; a console that dies lets it go.

    Raises:
        BadAnswer: It could not be taken, or was not held to the end: then what was read under it may not belong together.
        DriverError: The host could not be reached, or the line broke.
    """
    host = dump_source(bench.inventory, source).host
    talk: OpenCommand = await bench.tools.ssh.open(host, hold_command(bench.inventory, source), timeout_s=_ANSWER_S)
    try:
        talk.send(_HOLD + "\n")
        try:
            async with asyncio.timeout(_ANSWER_S):
                line = await talk.line()
                if not line:
                    ended = await talk.end()
                    raise BadAnswer(f"no snapshot could be taken: {plain(ended.stderr, 300)}", where=source)
        except TimeoutError:
            raise TimedOut(f"no snapshot within {_ANSWER_S:g}s", where=source) from None
        yield _parsed(line, source)
        if talk.is_over:
            raise BadAnswer("the snapshot was not held to the end", where=source)
    finally:
        talk.cut()


def _parsed(line: str, source: str) -> HeldSnapshot:
    try:
        found = told_json(line)
        about = {name: plain(str(value or ""), 120) for name, value in found.items() if name not in ("snapshot", "at", "version")}
        return HeldSnapshot(
            plain(str(found["snapshot"]), 60), float(found["at"]), int(found["version"]), int(found["bytes"]), about
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BadAnswer(f"psql gave something else: {plain(line, 120)}", where=source) from None
