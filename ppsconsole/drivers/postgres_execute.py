"""Statements that act, one at a time, each with a deadline that the console keeps itself.

`statement_timeout` does not run while a commit waits for a synchronous standby (seen on 15.18: it hung for minutes), so the
limit is kept on this side: the statement is cancelled on the server, and the connection is cut.

Imports psycopg; `ppsconsole.drivers.postgres` imports this module when the first statement is sent.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from ppsconsole.drivers.base import Endpoint
from ppsconsole.drivers.postgres_connect import FAILURES, NO_PRIVILEGE, Session, connect_arguments, sqlstate_of
from ppsconsole.errors import BadAnswer, TimedOut
from ppsconsole.inventory.model import DatabaseGroup
from ppsconsole.masking import plain

CANCEL_TIMEOUT_S = 1.0
IDLE_S = 1.0
"""A kept connection that was idle for longer is tried with a harmless query first: one that acts is never sent twice."""

_SERVER_LIMIT_S = 600.0
"""The server's own limit, only for statements whose console is gone."""


class NotPermitted(BadAnswer):
    """The console's account may not do that."""

    word = "not-permitted"


@dataclass(slots=True)
class _Attempt:
    """One statement on its way. Once nobody waits for it any more it must not be sent: its caller was told that it is over."""

    is_given_up: bool = False


class Executor:
    """One kept connection to one instance for statements that act, in autocommit."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = asyncio.Lock()
        self._session: Session | None = None
        self._used_at = 0.0

    async def execute(
        self, opened: Callable[[], Awaitable[Session]], sql: str, parameters: Sequence[Any], timeout_s: float
    ) -> list[tuple[Any, ...]]:
        """Run one statement.

        Args:
            opened: Makes a new connection.
            sql: With `%s` for each of `parameters`.
            parameters: Values, sent apart from the statement.
            timeout_s: Limit for everything together.

        Returns:
            The rows; none for a statement that gives none.

        Raises:
            TimedOut: No end in time. The server was asked to cancel; whether it did is unknown.
            NotPermitted: The account may not do that.
            Exception: One of `postgres_connect.FAILURES`, for the caller to translate.
        """
        limit = time.monotonic() + timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                await self._lock.acquire()
        except TimeoutError:
            raise self._late(timeout_s) from None
        try:
            return await self._bounded(opened, sql, parameters, limit, timeout_s)
        except FAILURES as error:
            if sqlstate_of(error) == NO_PRIVILEGE:
                raise NotPermitted(plain(str(error).partition("\n")[0]), where=self._name) from error
            raise
        finally:
            self._lock.release()

    async def aclose(self) -> None:
        """Let go of the connection; never waits for the server."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _bounded(
        self,
        opened: Callable[[], Awaitable[Session]],
        sql: str,
        parameters: Sequence[Any],
        limit: float,
        timeout_s: float,
    ) -> list[tuple[Any, ...]]:
        attempt = _Attempt()
        task = asyncio.create_task(self._execute(attempt, opened, sql, parameters))
        try:
            done, _ = await asyncio.wait({task}, timeout=max(0.0, limit - time.monotonic()))
        except asyncio.CancelledError:
            await self._give_up(task, attempt)
            raise
        if not done:
            await self._give_up(task, attempt)
            raise self._late(timeout_s)
        try:
            return task.result()
        except FAILURES:
            if self._session is not None and (self._session.raw is None or self._session.raw.broken or self._session.raw.closed):
                await self.aclose()
            raise

    async def _execute(
        self, attempt: _Attempt, opened: Callable[[], Awaitable[Session]], sql: str, parameters: Sequence[Any]
    ) -> list[tuple[Any, ...]]:
        if self._session is not None and time.monotonic() - self._used_at > IDLE_S:
            try:
                await _rows(self._session, "SELECT 1", ())
            except FAILURES:
                if attempt.is_given_up:
                    raise  # it was cut by us, not by the server: a new connection would send the statement after its time
                await self.aclose()
        if self._session is None or not self._session.is_open:
            self._session = await opened()
        rows = await _rows(self._session, sql, parameters)
        self._used_at = time.monotonic()
        return rows

    async def _give_up(self, task: "asyncio.Task[list[tuple[Any, ...]]]", attempt: _Attempt) -> None:
        """Have the server cancel the statement, then cut the connection: it does not wait for a server that is frozen."""
        attempt.is_given_up = True
        task.add_done_callback(_seen)
        session, self._session = self._session, None
        if session is not None and session.raw is not None and session.is_open:
            with suppress(*FAILURES, TimeoutError):
                async with asyncio.timeout(CANCEL_TIMEOUT_S):
                    await session.raw.cancel_safe(timeout=CANCEL_TIMEOUT_S)
            session.cut()
        else:
            task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_TIMEOUT_S)
        if session is not None:
            await session.close()

    def _late(self, timeout_s: float) -> TimedOut:
        return TimedOut(f"the statement has not ended within {timeout_s:g}s", where=self._name)


def _seen(task: "asyncio.Task[list[tuple[Any, ...]]]") -> None:
    """Take note of how it ended: nobody waits for it any more, and asyncio would print the traceback of an error unseen."""
    if not task.cancelled():
        task.exception()


async def open_session(group: DatabaseGroup, endpoint: Endpoint, server_name: str, password: str | None) -> Session:
    """Log in for statements that act; see `postgres_connect.Session.open` for the arguments."""
    arguments = connect_arguments(group, endpoint, server_name, password, _SERVER_LIMIT_S)
    return Session(raw=await psycopg.AsyncConnection.connect(**arguments, autocommit=True))


async def _rows(session: Session, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    assert session.raw is not None
    # Nothing is prepared: a server that was restarted or promoted behind a kept connection knows no prepared statement.
    cursor = await session.raw.execute(sql, parameters or None, prepare=False)
    return await cursor.fetchall() if cursor.description is not None else []
