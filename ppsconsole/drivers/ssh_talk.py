"""A command on a host that is started, left running and talked to, over one open SSH connection.

Imports asyncssh; `ppsconsole.drivers.ssh` imports this module when the first such command is started.
"""

import asyncio
import time
from collections.abc import Callable

import asyncssh

from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.ssh_commands import dropped, started_process, status_of
from ppsconsole.errors import OutputTooLong

LIMIT_BYTES = 1 << 20
"""How much it may print."""


async def talk(connection: asyncssh.SSHClientConnection, command: str, where: str, on_over: Callable[[], None]) -> "Talk":
    """Start `command` over `connection`; `on_over` is called once, when it is over or cut.

    Raises:
        ClosedBeforeUse: The connection was dead and the command was not sent.
        DriverError: As `ssh_commands.execute`.
    """
    return Talk(await started_process(connection, command, where), where, on_over)


class Talk:
    """Implements `base.OpenCommand`."""

    def __init__(self, process: "asyncssh.SSHClientProcess[bytes]", where: str, on_over: Callable[[], None]) -> None:
        self._process, self._where, self._on_over = process, where, on_over
        self._started, self._left = time.monotonic(), LIMIT_BYTES
        self._is_cut = False
        self._failure: Exception | None = None
        self._stderr = asyncio.ensure_future(self._read_errors())

    @property
    def is_over(self) -> bool:
        """See `base.OpenCommand.is_over`."""
        process = self._process
        return self._is_cut or process.exit_status is not None or process.channel.is_closing() or process.stdout.at_eof()

    def send(self, text: str) -> None:
        """See `base.OpenCommand.send`; what a lost line swallows is seen at the next read."""
        try:
            self._process.stdin.write(text.encode())
        except (asyncssh.Error, OSError):
            self.cut()

    async def line(self) -> str:
        """See `base.OpenCommand.line`."""
        try:
            found = await self._process.stdout.readline()
        except (asyncssh.Error, OSError) as error:
            raise dropped(self._where) from error
        self._count(found)
        return found.decode("utf-8", "replace").removesuffix("\n")

    async def end(self) -> CommandResult:
        """See `base.OpenCommand.end`."""
        chunks: list[bytes] = []
        try:
            self._process.stdin.write_eof()
            while chunk := await self._process.stdout.read(65536):
                self._count(chunk)
                chunks.append(chunk)
            stderr = await self._stderr
            if self._failure is not None:
                raise self._failure
            await self._process.wait_closed()
            status = status_of(self._process, self._where)
        except (asyncssh.Error, OSError) as error:
            raise dropped(self._where) from error
        finally:
            self.cut()
        stdout = b"".join(chunks).decode("utf-8", "replace")
        return CommandResult(status, stdout, stderr.decode("utf-8", "replace"), time.monotonic() - self._started)

    def cut(self) -> None:
        """See `base.OpenCommand.cut`."""
        if not self._is_cut:
            self._is_cut = True
            self._stderr.cancel()
            self._process.channel.abort()
            self._on_over()

    async def _read_errors(self) -> bytes:
        chunks: list[bytes] = []
        try:
            while chunk := await self._process.stderr.read(65536):
                self._count(chunk)
                chunks.append(chunk)
        except (asyncssh.Error, OSError, OutputTooLong) as error:
            self._failure = error  # for `end`, if anybody still asks
        return b"".join(chunks)

    def _count(self, chunk: bytes) -> None:
        self._left -= len(chunk)
        if self._left < 0:
            raise OutputTooLong(f"the command printed more than {LIMIT_BYTES} bytes and was cut off", where=self._where)
