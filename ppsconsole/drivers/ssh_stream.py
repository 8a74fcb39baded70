"""A command on a host whose input and output are as much as there is: dumps and bundles go through the console by it.

Imports asyncssh; `ppsconsole.drivers.ssh` imports this module when the first such command is started.
"""

import asyncio
import time
from collections.abc import Callable

import asyncssh

from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.pipes import PIECE, STILL_S, Ending, TakesNoMore
from ppsconsole.drivers.ssh_commands import dropped, started_process, status_of
from ppsconsole.errors import TimedOut


async def pipe(connection: asyncssh.SSHClientConnection, command: str, where: str, on_over: Callable[[], None]) -> "HostPipe":
    """Start `command` over `connection`; `on_over` is called once, when it is over or cut.

    Raises:
        ClosedBeforeUse: The connection was dead and the command was not sent.
        DriverError: As `ssh_commands.execute`.
    """
    return HostPipe(connection, await started_process(connection, command, where), where, on_over)


class HostPipe:
    """Implements `pipes.Pipe`. What is kept of the output is one window of the channel, whatever the host sends."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        process: "asyncssh.SSHClientProcess[bytes]",
        where: str,
        on_over: Callable[[], None],
    ) -> None:
        self._connection, self._process, self._where, self._on_over = connection, process, where, on_over
        self._started, self._is_cut = time.monotonic(), False
        self._errors = asyncio.ensure_future(self._read_errors())

    async def read(self) -> bytes:
        """See `pipes.Pipe.read`."""
        try:
            async with asyncio.timeout(STILL_S):
                found = await self._process.stdout.read(PIECE)
        except TimeoutError:
            raise TimedOut(f"nothing came for {STILL_S:g}s", where=self._where) from None
        except (asyncssh.Error, OSError) as error:
            raise dropped(self._where) from error
        if not found and self._connection.is_closed():
            raise dropped(self._where)
        return found

    async def write(self, piece: bytes) -> None:
        """See `pipes.Pipe.write`."""
        try:
            async with asyncio.timeout(STILL_S):
                self._process.stdin.write(piece)
                await self._process.stdin.drain()
        except TimeoutError:
            raise TimedOut(f"nothing was taken for {STILL_S:g}s", where=self._where) from None
        except (asyncssh.Error, OSError) as error:
            if self._connection.is_closed():
                raise dropped(self._where) from error
            raise TakesNoMore("the command takes no more", where=self._where) from error
        if self._process.channel.is_closing() and self._process.exit_status is not None:
            raise TakesNoMore("the command takes no more", where=self._where)

    async def end(self, timeout_s: float = STILL_S) -> CommandResult:
        """See `pipes.Pipe.end`."""
        try:
            async with asyncio.timeout(timeout_s):
                if not self._process.channel.is_closing():
                    self._process.stdin.write_eof()
                while await self._process.stdout.read(PIECE):
                    pass
                errors = await self._errors
                await self._process.wait_closed()
            status = status_of(self._process, self._where)
        except TimeoutError:
            raise TimedOut(f"no end within {timeout_s:g}s", where=self._where) from None
        except (asyncssh.Error, OSError) as error:
            raise dropped(self._where) from error
        finally:
            await self.cut()
        return CommandResult(status, "", errors, time.monotonic() - self._started)

    async def cut(self) -> None:
        """See `pipes.Pipe.cut`."""
        if not self._is_cut:
            self._is_cut = True
            self._errors.cancel()
            self._process.channel.abort()
            self._on_over()

    async def _read_errors(self) -> str:
        ending = Ending()
        try:
            while piece := await self._process.stderr.read(PIECE):
                ending.feed(piece)
        except (asyncssh.Error, OSError):
            pass  # the line was lost: whoever reads or writes learns of it
        return ending.text()
