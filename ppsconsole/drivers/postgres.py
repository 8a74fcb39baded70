"""PostgreSQL: one kept connection per instance, and all that is asked of it in one round trip. Never goes through a balancer."""

import asyncio
import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ppsconsole.clock import Clock
from ppsconsole.cluster.picture import CommandRecord
from ppsconsole.drivers import secrets
from ppsconsole.drivers.base import Endpoint, OnCommand, Shell
from ppsconsole.drivers.postgres_query import PostgresStatus, parse_status
from ppsconsole.errors import BadAnswer, DriverError, SecretError, TimedOut, Unreachable
from ppsconsole.inventory.model import Host, Instance, Inventory
from ppsconsole.masking import plain

if TYPE_CHECKING:
    from ppsconsole.drivers.postgres_connect import Session
    from ppsconsole.drivers.postgres_execute import Executor

CLOSE_TIMEOUT_S = 3.0

_MISSHAPEN = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, AssertionError)
"""What SQLAlchemy, and the reading of an answer, raise where something answers like PostgreSQL and is none that is known."""


@dataclass(slots=True, eq=False)
class _Look:
    """One look while it lasts: what has to be cut off when the caller has waited long enough."""

    session: "Session | None" = None
    is_abandoned: bool = False


class PostgresPool:
    """Asks the instances of an inventory's database group how they are.

    psycopg and SQLAlchemy are imported at the first look. A connection found broken is made anew within the same look.
    """

    def __init__(self, inventory: Inventory, ssh: Shell, clock: Clock, on_command: OnCommand) -> None:
        self._inventory = inventory
        self._ssh = ssh
        self._clock = clock
        self._on_command = on_command
        self._kept: dict[str, Session] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._looks: dict[asyncio.Task[PostgresStatus], _Look] = {}
        self._executors: dict[str, Executor] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def status(self, instance: Instance, *, timeout_s: float = 4.0) -> PostgresStatus:
        """Return what `instance` says of itself.

        Args:
            instance: One of the inventory's.
            timeout_s: Limit for everything together; it holds against a server that is frozen, too.

        Raises:
            Unreachable: With `is_refused` when nothing listens; `BastionDown` when a bastion on the way failed.
            TimedOut: No answer in time; the connection was dropped.
            LoginRefused: User or password were not accepted.
            BadAnswer: Its `word` is `starting` or `stopping` when the server runs and lets nobody in.
            SecretError: The password does not resolve.
        """
        started, at, outcome = time.monotonic(), self._clock.now(), "cancelled"
        lock = self._locks.setdefault(instance.name, asyncio.Lock())
        try:
            async with asyncio.timeout(timeout_s), lock:
                found = await self._bounded(instance, timeout_s)
            outcome = "ok"
            return found
        except TimeoutError:
            outcome = TimedOut.word
            raise TimedOut(f"no answer from {self._place(instance)} within {timeout_s:g}s", where=instance.name) from None
        except DriverError as error:
            outcome = error.word
            raise
        except SecretError:
            outcome = "no-secret"
            raise
        finally:
            self._on_command(CommandRecord(at, instance.name, "(status query)", time.monotonic() - started, outcome))

    async def execute(
        self, instance: Instance, sql: str, *, timeout_s: float, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run one statement that acts, in autocommit, never twice; the deadline is kept here and not by the server.

        Raises:
            NotPermitted: The account may not do that; a `BadAnswer` whose `word` is `not-permitted`.
            TimedOut: No end within `timeout_s`; whether it acted is unknown.
            DriverError: As `status` raises it.
            SecretError: The password does not resolve.
        """
        if not self._executors:
            await asyncio.to_thread(importlib.import_module, "ppsconsole.drivers.postgres_execute")
        from ppsconsole.drivers.postgres_connect import FAILURES
        from ppsconsole.drivers.postgres_execute import Executor, open_session

        async def opened() -> "Session":
            endpoint, address, password = await self._entrance(instance, timeout_s)
            try:
                return await open_session(self._inventory.database, endpoint, address, password)
            except FAILURES as error:
                reason = self._translated(error, instance)
                host, _ = self._way(instance)
                if host is not None and isinstance(reason, Unreachable):
                    await self._ssh.reach(host, address, instance.port, timeout_s=timeout_s)
                raise reason from error

        started, at, outcome = time.monotonic(), self._clock.now(), "cancelled"
        executor = self._executors.setdefault(instance.name, Executor(instance.name))
        try:
            rows = await executor.execute(opened, sql, parameters, timeout_s)
            outcome = f"{len(rows)} rows"
            return rows
        except FAILURES as error:
            reason = self._translated(error, instance)
            outcome = reason.word
            raise reason from error
        except (DriverError, SecretError) as error:
            outcome = error.word
            raise
        finally:
            self._on_command(CommandRecord(at, instance.name, plain(sql), time.monotonic() - started, outcome))

    async def aclose(self) -> None:
        """Close all connections; never waits for a server."""
        for executor in self._executors.values():
            await executor.aclose()
        for task, look in tuple(self._looks.items()):
            _abandon(task, look)
        for name, session in tuple(self._kept.items()):
            self._drop(name, session)
        waited_for = (*self._looks, *self._closing)
        if waited_for:
            await asyncio.wait(waited_for, timeout=CLOSE_TIMEOUT_S)

    async def _bounded(self, instance: Instance, timeout_s: float) -> PostgresStatus:
        """One look that ends when the caller does: its connection is cut, not waited for."""
        look = _Look()
        task = asyncio.create_task(self._look(instance, timeout_s, look))
        self._looks[task] = look
        task.add_done_callback(self._looked)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            _abandon(task, look)
            raise

    def _looked(self, task: "asyncio.Task[PostgresStatus]") -> None:
        del self._looks[task]
        if not task.cancelled():
            task.exception()  # seen: the caller may have gone

    async def _look(self, instance: Instance, timeout_s: float, look: _Look) -> PostgresStatus:
        # The first import takes a good part of a second: not on the loop that draws the screen.
        await asyncio.to_thread(importlib.import_module, "ppsconsole.drivers.postgres_connect")
        from ppsconsole.drivers.postgres_connect import FAILURES, may_be_asked_again

        for is_last in (False, True):
            session = self._kept.get(instance.name)
            if session is None or not session.is_usable:
                session = await self._opened(instance, timeout_s, look)
            look.session = session
            started = time.monotonic()
            try:
                answer = await session.status()
                assert session.sight is not None
                return parse_status(answer, session.sight, time.monotonic() - started)
            except FAILURES as error:
                self._drop(instance.name, session)
                # A kept connection breaks when the server restarts. The query changes nothing, so asking twice is safe.
                if is_last or look.is_abandoned or not may_be_asked_again(error):
                    raise self._translated(error, instance) from error
            except _MISSHAPEN as error:
                self._drop(instance.name, session)
                raise self._misshapen(error, instance) from error
        raise AssertionError("unreachable")

    async def _opened(self, instance: Instance, timeout_s: float, look: _Look) -> "Session":
        from ppsconsole.drivers.postgres_connect import FAILURES, Session

        endpoint, address, password = await self._entrance(instance, timeout_s)
        host, _ = self._way(instance)
        session = look.session = Session()
        try:
            await session.open(self._inventory.database, endpoint, address, password, timeout_s)
        except FAILURES as error:
            self._drop(instance.name, session)
            reason = self._translated(error, instance)
            if host is not None and isinstance(reason, Unreachable) and not look.is_abandoned:
                # The forwarded port accepts and closes, whatever the matter is on the far side: the bastion knows it.
                await self._ssh.reach(host, address, instance.port, timeout_s=timeout_s)
            raise reason from error
        except DriverError:
            self._drop(instance.name, session)
            raise
        except _MISSHAPEN as error:
            self._drop(instance.name, session)
            raise self._misshapen(error, instance) from error
        if look.is_abandoned:
            self._drop(instance.name, session)
            raise TimedOut("the answer came too late", where=instance.name)
        self._kept[instance.name] = session
        return session

    async def _entrance(self, instance: Instance, timeout_s: float) -> tuple[Endpoint, str, str | None]:
        """Where to connect to for `instance`, the address that it has there, and the password."""
        group = self._inventory.database
        password = await secrets.resolve(group.password) if group.password is not None else None
        host, address = self._way(instance)
        endpoint = Endpoint(address, instance.port)
        if host is not None:
            endpoint = await self._ssh.endpoint(host, address, instance.port, timeout_s=timeout_s)
        return endpoint, address, password

    def _way(self, instance: Instance) -> tuple[Host | None, str]:
        """The host whose bastions lead to `instance`, None for a direct connection, and the address to connect to."""
        host = self._inventory.host_of(instance.name)
        address = instance.address or (host.address if host is not None else instance.name)
        is_forwarded = self._inventory.database.through_bastions and host is not None and host.via
        return (host if is_forwarded else None), address

    def _place(self, instance: Instance) -> str:
        return f"{self._way(instance)[1]}:{instance.port}"

    def _translated(self, error: Exception, instance: Instance) -> DriverError:
        from ppsconsole.drivers.postgres_connect import translated

        group = self._inventory.database
        return translated(error, instance.name, self._place(instance), group.user, group.database)

    def _misshapen(self, error: Exception, instance: Instance) -> DriverError:
        return BadAnswer(
            f"what answers at {self._place(instance)} does not answer as PostgreSQL does ({type(error).__name__})",
            where=instance.name,
            remedy="See what listens there, and which version it is",
        )

    def _drop(self, name: str, session: "Session") -> None:
        if self._kept.get(name) is session:
            del self._kept[name]
        session.cut()
        task = asyncio.create_task(session.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _abandon(task: "asyncio.Task[PostgresStatus]", look: _Look) -> None:
    look.is_abandoned = True
    if look.session is not None and look.session.is_open:
        look.session.cut()
    else:
        task.cancel()
