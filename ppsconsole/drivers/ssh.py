"""SSH: one kept connection per host, through chains of bastions, with limits on everything."""

import asyncio
import importlib
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ppsconsole.clock import Clock
from ppsconsole.cluster.picture import CommandRecord
from ppsconsole.drivers.base import CommandResult, Endpoint, OnCommand, OpenCommand
from ppsconsole.drivers.pipes import Pipe
from ppsconsole.drivers.sockets import reach_directly
from ppsconsole.drivers.ssh_line import Chain, Forward, Line, declared_bastions, finished
from ppsconsole.errors import BadAnswer, BastionDown, DriverError, HostKeyRefused, TimedOut, Unreachable
from ppsconsole.inventory.model import Host, Inventory
from ppsconsole.masking import plain

if TYPE_CHECKING:
    import asyncssh

    from ppsconsole.drivers.ssh_connect import Connector

CLOSE_TIMEOUT_S = 2.0
_LOST_AT_ONCE = "the connection was lost as soon as it was made"

_T = TypeVar("_T")


@dataclass(slots=True)
class _Outcome:
    """How a command ended, as far as is known."""

    outcome: str


class SshPool:
    """Runs commands on the hosts of an inventory, and reaches what stands behind them. Implements `base.Shell`.

    asyncssh is imported when the first connection is made. A connection found dead is made anew at its next use.
    """

    def __init__(self, inventory: Inventory, clock: Clock, on_command: OnCommand) -> None:
        self._inventory = inventory
        self._clock = clock
        self._on_command = on_command
        self._setups = asyncio.Semaphore(inventory.polling.concurrency)
        self._lines: dict[Chain, Line] = {}
        self._forwards: dict[tuple[Chain, str, int], Forward] = {}
        self._forward_locks: dict[tuple[Chain, str, int], asyncio.Lock] = {}
        self._chains: dict[str, Chain] = {}
        self._fingerprints: dict[str, str] = {}
        self._pinned: dict[str, frozenset[str]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._connector: Connector | None = None
        self._is_closed = False

    # --- what callers use -------------------------------------------------------------------------------------

    async def run(
        self, host: Host, command: str, *, stdin: str | None = None, timeout_s: float = 5.0, limit_bytes: int = 1 << 20
    ) -> CommandResult:
        """Run one shell command on `host`; the time that making a connection takes is part of `timeout_s`.

        Args:
            host: Where to run it.
            command: For the login shell of the host.
            timeout_s: Limit for everything together.
            stdin: Sent as UTF-8, and closed after it; None closes it at once.
            limit_bytes: How much output, standard and error together, is read before the command is cut off.

        Returns:
            What it printed, as the host sent it: data that still has to go through `masking.plain`.

        Raises:
            TimedOut: No end within `timeout_s`; the command may still be running.
            LineDropped: The connection was lost after the command was sent.
            OutputTooLong: It printed more than `limit_bytes`.
            DriverError: There is no connection; the subclass says why.
        """
        with self._recorded(host, command, "cancelled") as record:
            result = await self._run(host, command, stdin, timeout_s, limit_bytes)
            record.outcome = f"rc {result.exit_status}"
            return result

    async def stream(self, host: Host, command: str, *, timeout_s: float = 5.0) -> AsyncGenerator[bytes, None]:
        """Run one shell command that goes on until this generator is closed, and yield what it prints as it comes.

        Its standard input is open for as long: a command that is to leave nothing behind ends at its end.

        Args:
            host: Where to run it.
            command: For the login shell of the host.
            timeout_s: Limit for the connection; the command has none.

        Raises:
            LineDropped: The connection was lost.
            DriverError: There is no connection; the subclass says why.
        """
        with self._recorded(host, command, "ok"):
            try:
                async with asyncio.timeout(timeout_s):
                    chain = (*await self._bastions_of(host), host.name)
                    line = self._line(chain, host)
                    connection = await self._connected(line, chain)
            except TimeoutError:
                raise TimedOut(f"no login to the host within {timeout_s:g}s", where=host.name) from None
            from ppsconsole.drivers import ssh_commands

            async with line.channels:
                try:
                    async with aclosing(ssh_commands.stream(connection, command, host.name)) as chunks:
                        async for chunk in chunks:
                            yield chunk
                except ssh_commands.ClosedBeforeUse as error:
                    raise Unreachable("the connection was lost before the command was sent", where=host.name) from error

    async def open(self, host: Host, command: str, *, timeout_s: float = 5.0) -> OpenCommand:
        """Start one shell command on `host` and leave it running; it holds one of the host's channels until it is over or cut.

        Raises:
            DriverError: As `run`.
        """

        async def talk(connection: "asyncssh.SSHClientConnection", line: Line) -> OpenCommand:
            from ppsconsole.drivers import ssh_talk

            return await ssh_talk.talk(connection, command, host.name, line.channels.release)

        return await self._begun(host, timeout_s, talk)

    async def pipe(self, host: Host, command: str, *, timeout_s: float = 15.0) -> Pipe:
        """Start one shell command on `host` whose input and output are as much as there is; holds a channel as `open` does.

        Raises:
            DriverError: As `run`.
        """

        async def pipe(connection: "asyncssh.SSHClientConnection", line: Line) -> Pipe:
            from ppsconsole.drivers import ssh_stream

            return await ssh_stream.pipe(connection, command, host.name, line.channels.release)

        with self._recorded(host, command, "ok"):
            return await self._begun(host, timeout_s, pipe)

    @contextmanager
    def _recorded(self, host: Host, command: str, outcome: str) -> Iterator[_Outcome]:
        """Tell of a command when it ended, with the outcome that was put down by then, or the word of the error."""
        at, started, told = self._clock.now(), time.monotonic(), _Outcome(outcome)
        try:
            yield told
        except DriverError as error:
            told.outcome = error.word
            raise
        finally:
            self._on_command(CommandRecord(at, host.name, plain(command), time.monotonic() - started, told.outcome))

    async def _begun(
        self,
        host: Host,
        timeout_s: float,
        begin: "Callable[[asyncssh.SSHClientConnection, Line], Coroutine[Any, Any, _T]]",
        waiting: str = "waiting for the command to begin",
    ) -> _T:
        """Return what `begin` makes of a connection, on a new one where the kept one was dead; it takes the channel along."""
        phase = "logging in to the host"
        try:
            async with asyncio.timeout(timeout_s):
                chain = (*await self._bastions_of(host), host.name)
                line = self._line(chain, host)
                await self._connected(line, chain)
                from ppsconsole.drivers import ssh_commands

                phase = "waiting for one of its channels to be free"
                await line.channels.acquire()
                try:
                    phase = waiting
                    for is_last in (False, True):
                        connection = await self._connected(line, chain)
                        try:
                            return await begin(connection, line)
                        except ssh_commands.ClosedBeforeUse as error:
                            if is_last:
                                raise Unreachable(_LOST_AT_ONCE, where=host.name) from error
                except BaseException:
                    line.channels.release()
                    raise
        except TimeoutError:
            raise TimedOut(f"no answer within {timeout_s:g}s, {phase}", where=host.name) from None
        raise AssertionError("unreachable")

    async def endpoint(self, host: Host, address: str, port: int, *, timeout_s: float = 5.0) -> Endpoint:
        """Return where `address:port`, as seen from the last bastion before `host`, can be connected to from here.

        A host without bastions gives the address itself. A forwarded port listens on 127.0.0.1 until the pool is closed.

        Raises:
            DriverError: The bastions could not be logged in to; mostly `BastionDown`.
        """
        chain = await self._bastions_of(host)
        if not chain:
            return Endpoint(address, port)
        key = (chain, address, port)
        lock = self._forward_locks.setdefault(key, asyncio.Lock())
        async with lock:
            connection = await self._bastion(host, chain, timeout_s)
            kept = self._forwards.get(key)
            if kept is not None and kept.connection is connection:
                return kept.endpoint
            if kept is not None:
                kept.listener.close()
            try:
                listener = await connection.forward_local_port("127.0.0.1", 0, address, port)
            except OSError as error:
                raise DriverError(f"no port on 127.0.0.1 for a forward: {plain(str(error))}", where=host.name) from error
            endpoint = Endpoint("127.0.0.1", listener.get_port())
            self._forwards[key] = Forward(connection, listener, endpoint)
            return endpoint

    async def reach(self, host: Host, address: str, port: int, *, timeout_s: float = 5.0) -> None:
        """Connect to `address:port`, as seen from the last bastion before `host`, and close again.

        Raises:
            Unreachable: With `is_refused` when the port is closed; `BastionDown` when a bastion failed.
            TimedOut: Nothing answered within `timeout_s`.
        """
        place = f"{address}:{port}"
        chain = await self._bastions_of(host)
        if not chain:
            await reach_directly(host.name, address, port, timeout_s)
            return
        connection = await self._bastion(host, chain, timeout_s)
        from ppsconsole.drivers import ssh_commands

        try:
            async with asyncio.timeout(timeout_s):
                await ssh_commands.reach(connection, address, port, chain[-1], host.name)
        except TimeoutError:
            raise TimedOut(f"no answer from {place}, seen from {chain[-1]}, within {timeout_s:g}s", where=host.name) from None

    def fingerprint(self, host_name: str) -> str | None:
        """Return the SHA256 fingerprint of the key that the host proved when it was last logged in to; None if it never was."""
        return self._fingerprints.get(host_name)

    def pin(self, keys: Mapping[str, frozenset[str]]) -> None:
        """Accept only these fingerprints at further logins to the hosts with these names; nothing else is accepted less or more.

        Known_hosts may allow several keys for an address; a run was planned for one of them.
        """
        self._pinned = dict(keys)

    async def aclose(self) -> None:
        """Close all connections and forwarded ports; returns within a few seconds even if no host answers."""
        self._is_closed = True
        for forward in self._forwards.values():
            forward.listener.close()
        self._forwards.clear()
        for task in tuple(self._tasks):
            task.cancel()
        lines, self._lines = self._lines, {}
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await asyncio.gather(*self._tasks, return_exceptions=True)
                # Those behind bastions first: a line through a closed one could not say goodbye.
                for depth in sorted({len(chain) for chain in lines}, reverse=True):
                    open_ones = [line.connection for chain, line in lines.items() if len(chain) == depth and line.connection]
                    for connection in open_ones:
                        connection.close()
                    await asyncio.gather(*(connection.wait_closed() for connection in open_ones), return_exceptions=True)
        except TimeoutError:
            for line in lines.values():
                if line.connection is not None:
                    line.connection.abort()

    # --- lines ------------------------------------------------------------------------------------------------

    async def _bastions_of(self, host: Host) -> Chain:
        """The chain before `host`: as declared, or else `ProxyJump`; the outermost one's own bastions come before it."""
        if host.name not in self._chains:
            self._chains[host.name] = declared_bastions(self._inventory, host) or await self._configured_bastions(host)
        return self._chains[host.name]

    async def _configured_bastions(self, host: Host) -> Chain:
        configured = await (await self._loaded()).configured(host)
        from ppsconsole.drivers.ssh_connect import jump_host

        chain: Chain = ()
        for jump in configured.jumps:
            chain = (*chain, jump)
            if chain not in self._lines:
                self._lines[chain] = Line(self._inventory.hosts.get(jump) or jump_host(jump, host))
        return chain

    def _line(self, chain: Chain, host: Host | None = None) -> Line:
        if chain not in self._lines:
            found = host or self._inventory.hosts.get(chain[-1])
            if found is None:
                raise BadAnswer(f"no host {chain[-1]} in the inventory", where=chain[-1])
            self._lines[chain] = Line(found)
        return self._lines[chain]

    async def _connected(self, line: Line, chain: Chain) -> "asyncssh.SSHClientConnection":
        """The open connection of `line`; callers that come while it is being made share the attempt and its error."""
        if self._is_closed:
            raise Unreachable("the console is closing its connections", where=line.host.name)
        if line.connection is not None and not line.connection.is_closed():
            return line.connection
        if line.attempt is None:
            line.attempt = self._spawn(self._attempt(line, chain))
            line.attempt.add_done_callback(finished(line))
        attempt = line.attempt
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if attempt.cancelled() and (task is None or not task.cancelling()):
                # The pool was closed meanwhile; nobody asked the caller itself to stop.
                raise Unreachable("the console is closing its connections", where=line.host.name) from None
            raise

    async def _attempt(self, line: Line, chain: Chain) -> "asyncssh.SSHClientConnection":
        host = line.host
        connector = await self._loaded()
        self._chains.pop(host.name, None)  # asked for anew next time: the SSH configuration may have been corrected by then
        tunnel = await self._bastion(host, chain[:-1], None) if len(chain) > 1 else None
        configured = await connector.configured(host)
        async with self._setups:
            at, started, outcome = self._clock.now(), time.monotonic(), "cancelled"
            try:
                connection = await connector.connect(host, configured, tunnel, chain[-2] if tunnel is not None else None)
                outcome = "ok"
            except DriverError as error:
                outcome = error.word
                raise
            finally:
                through = f" via {' '.join(chain[:-1])}" if len(chain) > 1 else ""
                words = plain(f"(ssh login to {host.address}:{configured.port}{through})")
                self._on_command(CommandRecord(at, host.name, words, time.monotonic() - started, outcome))
        key = connection.get_server_host_key()
        if host.name in self._pinned and (key is None or key.get_fingerprint() not in self._pinned[host.name]):
            connection.abort()
            shown = "no key" if key is None else f"the key {key.get_fingerprint()}"
            raise HostKeyRefused(
                f"CHANGED host key: it proves {shown} now, and the run at hand was planned for "
                f"{', '.join(sorted(self._pinned[host.name]))}",
                where=host.name,
                remedy="Either it was installed anew or something stands in its place: find out before anything is done there",
            )
        if key is not None:
            self._fingerprints[host.name] = key.get_fingerprint()
        line.connection = connection
        return connection

    async def _bastion(self, host: Host, chain: Chain, timeout_s: float | None) -> "asyncssh.SSHClientConnection":
        """The connection of the last bastion in `chain`.

        Raises:
            BastionDown: It has none; the text names the bastion that failed, wherever in the chain it is.
        """
        name = chain[-1]
        try:
            async with asyncio.timeout(timeout_s):
                return await self._connected(self._line(chain), chain)
        except TimeoutError:
            raise BastionDown(f"bastion {name} is still being logged in to after {timeout_s:g}s", where=host.name) from None
        except BastionDown as error:
            raise BastionDown(error.what, where=host.name, remedy=error.remedy) from error
        except DriverError as error:
            raise BastionDown(
                f"bastion {name} failed: {error.what}", where=host.name, remedy=error.remedy or f"See to {name} first"
            ) from error

    async def _loaded(self) -> "Connector":
        if self._connector is None:
            # Importing asyncssh takes a good part of a second: not on the loop that draws the screen.
            await asyncio.to_thread(importlib.import_module, "ppsconsole.drivers.ssh_commands")
            from ppsconsole.drivers.ssh_connect import Connector

            self._connector = self._connector or Connector()
        return self._connector

    def _spawn(self, work: Coroutine[Any, Any, _T]) -> "asyncio.Task[_T]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, host: Host, command: str, stdin: str | None, timeout_s: float, limit_bytes: int) -> CommandResult:
        async def execute(connection: "asyncssh.SSHClientConnection", line: Line) -> CommandResult:
            from ppsconsole.drivers import ssh_commands

            result = await ssh_commands.execute(connection, command, stdin, limit_bytes, host.name)
            line.channels.release()
            return result

        return await self._begun(host, timeout_s, execute, "waiting for the command's end; it may still be running")
