"""A few kept database connections, with a deadline on everything, remade when they die."""

import asyncio
import contextlib
import logging
import select
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg import AsyncConnection

from ppsconsole.errors import LabError
from ppsconsole.lab.standin.config import ConnectionSetting, resolve
from ppsconsole.masking import plain

Connection = AsyncConnection[tuple[object, ...]]
T = TypeVar("T")

_SIZE = 5
_CONNECT_TIMEOUT_S = 3
_DEADLINE_S = 5.0

_log = logging.getLogger("standin")


class DatabaseUnavailable(Exception):
    """The database did not do what was asked: gone, silent, read-only, or without the tables."""


class Pool:
    """Lends connections to one database; what it cannot do within the deadline it gives up.

    Args:
        name: The web node's name, for `application_name`.
        setting: The database to connect to.
        hosts_file: Where its host name is looked up.
        prepare: Called once for each new connection, before its first use.
        size: How many connections are open at most.
        deadline_s: How long one piece of work may take, waiting for a connection included.
    """

    def __init__(
        self,
        name: str,
        setting: ConnectionSetting,
        hosts_file: Path,
        prepare: Callable[[Connection], Awaitable[None]],
        *,
        size: int = _SIZE,
        deadline_s: float = _DEADLINE_S,
    ) -> None:
        self._name = name
        self._setting = setting
        self._hosts_file = hosts_file
        self._prepare = prepare
        self._deadline_s = deadline_s
        self._places = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._is_reached: bool | None = None
        self._refusal = ""

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Return what `work` returns, given a connection in autocommit mode.

        Raises:
            DatabaseUnavailable: When no connection came about, it broke, the server refused, or the deadline passed. A write
                may then have happened or not.
        """
        until = asyncio.get_running_loop().time() + self._deadline_s
        try:
            async with asyncio.timeout_at(until):
                await self._places.acquire()
        except TimeoutError:
            raise self._lost("all connections were busy") from None
        try:
            connection = await self._take(until)
            try:
                answer = await self._within(until, connection, work)
            except BaseException:
                # What a failed statement left behind is not worth knowing: the next one gets a new connection.
                _sever(connection)
                await connection.close()
                raise
            self._idle.append(connection)
            self._reached()
            return answer
        finally:
            self._places.release()

    async def close(self) -> None:
        """Close the idle connections; to be called when no work is under way."""
        while self._idle:
            await self._idle.pop().close()

    async def _take(self, until: float) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if _is_alive(connection):
                return connection
            await connection.close()
        connection = await self._connect(until)
        try:
            await self._within(until, connection, self._prepare)
        except BaseException:
            _sever(connection)
            await connection.close()
            raise
        return connection

    async def _connect(self, until: float) -> Connection:
        setting = self._setting
        try:
            async with asyncio.timeout_at(until):
                return await AsyncConnection.connect(
                    host=setting.host,
                    hostaddr=resolve(setting.host, self._hosts_file),
                    port=setting.port,
                    dbname=setting.dbname,
                    user=setting.user,
                    password=setting.password,
                    application_name=f"pps:{self._name}",
                    connect_timeout=_CONNECT_TIMEOUT_S,
                    options=f"-c statement_timeout={round(self._deadline_s * 1000)}",
                    gssencmode="disable",
                    autocommit=True,
                )
        except (psycopg.Error, LabError, OSError) as error:
            raise self._lost(str(error)) from None
        except TimeoutError:
            raise self._lost("no connection within the deadline") from None

    async def _within(self, until: float, connection: Connection, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work`, and cut the line when its time is up.

        Not `asyncio.timeout`: a cancelled psycopg statement first asks the server to cancel and waits for that, which
        takes another ten seconds where the server hangs.
        """
        task = asyncio.ensure_future(work(connection))
        task.add_done_callback(_seen)
        is_late = False
        try:
            await asyncio.wait({task}, timeout=max(0.0, until - asyncio.get_running_loop().time()))
            is_late = not task.done()
        finally:
            if not task.done():
                _sever(connection)
                await asyncio.wait({task}, timeout=1.0)
        try:
            return await task
        except psycopg.Error as error:
            if is_late:
                raise self._lost("no answer within the deadline") from None
            if connection.closed:
                raise self._lost(str(error)) from None
            raise self._refused(str(error)) from None

    def _lost(self, why: str) -> DatabaseUnavailable:
        """The line is gone: said once in the log, until it is back."""
        if self._is_reached is not False:
            _log.warning("database lost at %r: %s", self._setting, plain(why))
        self._is_reached = False
        return DatabaseUnavailable(plain(why))

    def _refused(self, why: str) -> DatabaseUnavailable:
        """The server answered with an error (a standby, say, that cannot be written): each said once in a row."""
        if why != self._refusal:
            _log.warning("database at %r refused: %s", self._setting, plain(why))
        self._refusal = why
        return DatabaseUnavailable(plain(why))

    def _reached(self) -> None:
        if self._is_reached is not True:
            _log.info("database reached at %r", self._setting)
        self._is_reached = True


def _seen(task: asyncio.Future[T]) -> None:
    """Look at the error of a task whose request was cancelled: asyncio would complain that nobody did."""
    if not task.cancelled():
        task.exception()


def _is_alive(connection: Connection) -> bool:
    """An idle connection on which something can be read has been closed by the server, or is about to be."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


def _sever(connection: Connection) -> None:
    """Shut the socket under libpq: whoever waits on it sees the end of the stream at once."""
    if connection.closed:
        return
    duplicate = socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM)
    with duplicate as line, contextlib.suppress(OSError):  # gone already is what is wanted
        line.shutdown(socket.SHUT_RDWR)
