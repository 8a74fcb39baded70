"""Opens connections to PostgreSQL, and says why one did not come about or broke.

Imports psycopg and SQLAlchemy; `ppsconsole.drivers.postgres` imports this module when the first instance is looked at.
"""

import asyncio
import os
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy  # noqa: F401  as a whole first: another thread may be loading it, and parts of it would not wait for that one
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from ppsconsole.drivers.base import Endpoint
from ppsconsole.drivers.postgres_query import PRIVILEGES_SQL, Sight, require_version, status_sql
from ppsconsole.drivers.sockets import says_refused, says_timed_out
from ppsconsole.errors import BadAnswer, DriverError, LoginRefused, TimedOut, Unreachable
from ppsconsole.inventory.model import DatabaseGroup
from ppsconsole.masking import plain

CONNECT_TIMEOUT_S = 3
CLOSE_TIMEOUT_S = 2.0
APPLICATION_NAME = "ppsconsole"

FAILURES: tuple[type[Exception], ...] = (SQLAlchemyError, psycopg.Error, OSError)
"""What using a session raises."""

NO_PRIVILEGE = "42501"
"""What the role may see has changed since the statement was made."""
NOT_IN_THIS_STATE = "55000"
"""What standby functions say when the server was promoted in the middle of the statement."""


class Starting(BadAnswer):
    """The server runs and does not let anybody in yet."""

    word = "starting"


class Stopping(BadAnswer):
    """The server is shutting down."""

    word = "stopping"


class NoConnectionLeft(LoginRefused):
    """The server runs, and all the connections that it would give to this login are in use."""

    word = "no-connection-left"


class DiskFull(BadAnswer):
    """The server runs, and has no room to begin a session: it writes a file for the first one behind its start."""

    word = "disk-full"


@dataclass(slots=True, eq=False)
class Session:
    """One open connection to an instance.

    Attributes:
        raw: psycopg's connection, None before it is open.
        connection: SQLAlchemy's, around it.
        statement: The status query, made for what this session may see.
    """

    raw: "psycopg.AsyncConnection[Any] | None" = None
    connection: AsyncConnection | None = None
    sight: Sight | None = None
    statement: str = ""

    async def open(
        self, group: DatabaseGroup, endpoint: Endpoint, server_name: str, password: str | None, timeout_s: float
    ) -> None:
        """Log in, and find out what this session may see.

        Args:
            group: Says how to log in.
            endpoint: Where to connect to.
            server_name: The name that the certificate must cover.
            password: None leaves it to libpq's own password file.
            timeout_s: The server's own limit for one statement.
        """
        arguments = connect_arguments(group, endpoint, server_name, password, timeout_s)

        async def login() -> "psycopg.AsyncConnection[Any]":
            self.raw = await psycopg.AsyncConnection.connect(**arguments)
            return self.raw

        engine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=login,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            use_native_hstore=False,
        )
        self.connection = await engine.connect()
        await self.look_around()

    async def look_around(self) -> None:
        """Ask what this session may see, and make the status query for it.

        Raises:
            TooOld: The server is older than PostgreSQL 12; nothing was asked of it.
        """
        assert self.raw is not None
        require_version(self.raw.info.server_version)
        row = (await self._rows(PRIVILEGES_SQL))[0]
        self.sight = Sight(self.raw.info.server_version, *(bool(each) for each in row))
        self.statement = status_sql(self.sight)

    async def status(self) -> Any:
        """Return the answer to the status query."""
        return (await self._rows(self.statement))[0][0]

    async def _rows(self, sql: str) -> Any:
        assert self.connection is not None
        return (await self.connection.exec_driver_sql(sql)).all()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection to the server, as far as is known here."""
        return self.raw is not None and not self.raw.closed

    @property
    def is_usable(self) -> bool:
        """Whether the status query can be sent."""
        return self.statement != "" and self.is_open

    def cut(self) -> None:
        """Break the connection at once, whoever is waiting on it.

        Cancelling a wait would make psycopg ask the server to cancel the query, and wait for that: a server that is frozen
        never answers. Shutting the socket down ends the wait from this side.
        """
        if self.raw is None or self.raw.closed:
            return
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self.raw.fileno())) as twin:
            twin.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """Let go of the connection; never waits for the server."""
        self.cut()
        with suppress(*FAILURES):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                if self.connection is not None:
                    await self.connection.invalidate()
                    await self.connection.close()
        if self.raw is not None and not self.raw.closed:
            self.raw.pgconn.finish()


def connect_arguments(
    group: DatabaseGroup, endpoint: Endpoint, server_name: str, password: str | None, timeout_s: float
) -> dict[str, Any]:
    """Return what psycopg is told to log in with; see `Session.open`."""
    arguments: dict[str, Any] = {
        "host": server_name,
        "port": endpoint.port,
        "dbname": group.database,
        "user": group.user,
        "password": password,
        "sslmode": group.tls.mode,
        "sslrootcert": os.path.expanduser(group.tls.root_certificate) if group.tls.root_certificate else None,
        "gssencmode": "disable",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": APPLICATION_NAME,
        "client_encoding": "utf-8",  # else a database in SQL_ASCII gives bytes where text is expected
        "keepalives_idle": 5,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        # search_path: nobody can slip a function of their own under the names that the queries use.
        "options": f"-c statement_timeout={max(1, round(timeout_s * 1000))} -c search_path=pg_catalog -c jit=off",
    }
    if endpoint.address != server_name:
        arguments["hostaddr"] = endpoint.address
    return {name: value for name, value in arguments.items() if value is not None}


def sqlstate_of(error: BaseException) -> str:
    """Return the SQLSTATE that `error` carries, or the empty string."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(original, "sqlstate", None) or "")


def may_be_asked_again(error: BaseException) -> bool:
    """Return whether a new connection may do better: this one broke, or what it was made for is no longer so."""
    state = sqlstate_of(error)
    is_broken = state == "" or state[:2] == "08" or state in ("57P01", "57P02", "57P03")
    return is_broken or state in (NO_PRIVILEGE, NOT_IN_THIS_STATE)


_FULL = ("connection slots", "too many clients", "too many connections for")
"""What libpq tells of SQLSTATE 53300, of which it tells no number while it connects."""


_ROOMLESS = ("no space left on device", "could not write init file")
"""What a server without room says: of the file that a first session makes 15.18 tells no reason, and 18.6 does."""


def _freed(user: str | None) -> str:
    """Return how connections are freed, and kept free for `user` from then on."""
    return (
        'On its host, as a superuser: psql -c "SELECT usename, state, wait_event, count(*), min(pid) FROM pg_stat_activity '
        'GROUP BY 1, 2, 3" tells who holds them, pg_terminate_backend(PID) ends one; where psql is refused as well: kill -TERM '
        "one's process. SyncRep: a synchronous standby is gone, empty synchronous_standby_names. Keep some for the console: "
        f"reserved_connections = 3 and GRANT pg_use_reserved_connections TO {user or 'ppsconsole'} (16 and newer), else "
        "ALTER ROLE of PPS's account CONNECTION LIMIT"
    )


_DIALLED = re.compile(r'^connection (?:failed: connection )?to server at "[^"]*", port \d+ failed: ')


def translated(error: BaseException, where: str, place: str, user: str | None, database: str) -> DriverError:
    """Return the error of psycopg or SQLAlchemy as one of the tree; made from text where libpq tells no SQLSTATE.

    Args:
        error: What was raised.
        where: The instance.
        place: Address and port as the operator knows them.
        user: Who wanted to log in.
        database: Where to.
    """
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    # libpq begins with the address that it dialled: a forwarded port, which means nothing to the operator; `place` does.
    said = plain(
        re.sub(
            r'^connection (?:failed: connection )?to server at "[^"]*", port \d+ failed: ', "", str(original).partition("\n")[0]
        )
    )
    text = str(original).lower()
    state = sqlstate_of(error)
    if state == "57014" or isinstance(original, psycopg.errors.ConnectionTimeout) or says_timed_out(text):
        return TimedOut(f"no answer from {place}: {said}", where=where)
    if "shutting down" in text or state == "57P01":
        return Stopping(f"{place} is shutting down", where=where)
    if state == "57P03" or any(words in text for words in _STARTING):
        return Starting(f"{place} does not let anybody in yet: {said}", where=where)
    if state == "53300" or any(words in text for words in _FULL):  # some of these words name roles, and no password is wrong
        return NoConnectionLeft(f"{place} has no connection left: {said}", where=where, remedy=_freed(user))
    if state == "53100" or any(words in text for words in _ROOMLESS):
        return DiskFull(f"{place}: {said}", where=where, remedy="Make room on its host: df -h")
    if state.startswith("28") or any(words in text for words in _LOGIN):
        return LoginRefused(
            f"{place} did not accept the login of {user or 'the current user'}: {said}",
            where=where,
            remedy="Check database.user and database.password in the inventory, and pg_hba.conf on the server",
        )
    if state == "3D000" or ("database" in text and "does not exist" in text):
        return BadAnswer(f"{place} has no database {database}", where=where, remedy="Check database.database in the inventory")
    if "certificate" in text or "ssl" in text:
        return BadAnswer(f"no TLS session with {place}: {said}", where=where, remedy="Check database.tls in the inventory")
    if says_refused(text):
        return Unreachable(f"{place} refused the connection: nothing listens there", where=where, is_refused=True)
    if any(words in text for words in _NO_WAY):
        return Unreachable(f"no way to {place}: {said}", where=where)
    if "closed the connection" in text or "eof detected" in text or isinstance(error, OSError):
        return Unreachable(f"{place} closed the connection", where=where)
    return BadAnswer(f"{place}: {said}", where=where)


_STARTING = ("starting up", "not yet accepting connections", "not accepting connections", "in recovery mode")
_LOGIN = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "authentication failed",
    "role",  # role "x" does not exist, ... is not permitted to log in
    "permission denied for database",
)
_NO_WAY = ("no route", "network is unreachable", "host is unreachable", "could not translate", "resolve host", "name or service")
