"""What is done over one open SSH connection: a command run to its end, a port behind it reached.

Imports asyncssh; `ppsconsole.drivers.ssh` imports this module when the first connection is made.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar

import asyncssh

from ppsconsole.drivers.base import CommandResult, LineDropped
from ppsconsole.drivers.ssh_connect import refused_channel
from ppsconsole.errors import BadAnswer, BastionDown, DriverError, OutputTooLong
from ppsconsole.masking import plain

_WINDOW_BYTES = 256 * 1024
"""What a host may send before it is read: with `limit_bytes` this bounds the memory that one command can take."""

_CHUNK_BYTES = 64 * 1024

_T = TypeVar("_T")


class ClosedBeforeUse(Exception):
    """The kept connection was found dead before anything was sent over it: safe to try on a new one."""


async def execute(
    connection: asyncssh.SSHClientConnection, command: str, stdin: str | None, limit_bytes: int, where: str
) -> CommandResult:
    """Run `command` to its end over `connection`.

    Raises:
        ClosedBeforeUse: The connection was dead and the command was not sent.
        LineDropped: The connection was lost after the command was sent.
        OutputTooLong: It printed more than `limit_bytes`; its channel is closed.
        BadAnswer: The host refused to run it.
    """
    started = time.monotonic()
    process = await started_process(connection, command, where)
    try:
        stdout, stderr = await _communicate(process, stdin, limit_bytes, where)
    except (asyncssh.Error, OSError) as error:
        raise dropped(where) from error
    finally:
        process.channel.abort()
    status = status_of(process, where)
    return CommandResult(status, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"), time.monotonic() - started)


async def stream(connection: asyncssh.SSHClientConnection, command: str, where: str) -> AsyncGenerator[bytes, None]:
    """Run `command` over `connection` and yield what it prints as it comes; its standard input stays open until this is left.

    A reader that is slow slows the command down: no more than a window is kept.

    Raises:
        ClosedBeforeUse: The connection was dead and the command was not sent.
        LineDropped: The connection was lost.
        BadAnswer: The host refused to run it.
    """
    process = await started_process(connection, command, where)
    try:
        while chunk := await process.stdout.read(_CHUNK_BYTES):
            yield chunk
        if process.exit_status is None and process.exit_signal is None and connection.is_closed():
            raise dropped(where)
    except (asyncssh.Error, OSError) as error:
        raise dropped(where) from error
    finally:
        process.channel.abort()


async def started_process(
    connection: asyncssh.SSHClientConnection, command: str, where: str
) -> "asyncssh.SSHClientProcess[bytes]":
    """Start `command` over `connection`; see `execute` for what it raises before there is any output."""
    return await _opened(
        connection.create_process(command, encoding=None, request_pty=False, window=_WINDOW_BYTES),
        lambda late: late.channel.abort(),
        connection,
        where,
    )


def status_of(process: "asyncssh.SSHClientProcess[bytes]", where: str) -> int:
    """Return what a process that is over exited with, -1 when a signal ended it.

    Raises:
        LineDropped: Nobody said.
    """
    if process.exit_signal is not None:
        return -1
    if process.exit_status is None:
        raise dropped(where)
    return process.exit_status


async def reach(connection: asyncssh.SSHClientConnection, address: str, port: int, bastion: str, where: str) -> None:
    """Have `bastion` connect to `address:port`, and close again.

    Raises:
        Unreachable: With `is_refused` when the port is closed.
        TimedOut: The bastion gave up waiting.
        BastionDown: The bastion's connection was lost.
    """
    try:
        _, writer = await _opened(
            connection.open_connection(address, port),
            lambda late: late[1].channel.abort(),
            connection,
            where,
            f"{address}:{port}",
            bastion,
        )
    except (ClosedBeforeUse, LineDropped) as error:
        raise BastionDown(f"bastion {bastion} dropped its connection", where=where, remedy=f"See to {bastion} first") from error
    writer.channel.abort()


async def _opened(
    opening: Awaitable[_T],
    close_late: Callable[[_T], None],
    connection: asyncssh.SSHClientConnection,
    where: str,
    place: str = "",
    bastion: str = "",
) -> _T:
    """Wait for a channel. A caller that gives up leaves none behind: sshd counts every open one against MaxSessions."""
    task = asyncio.ensure_future(opening)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:

        def close(late: "asyncio.Future[_T]") -> None:
            if not late.cancelled() and late.exception() is None:
                close_late(late.result())

        task.add_done_callback(close)
        raise
    except asyncssh.ChannelOpenError as error:
        if connection.is_closed():
            # Before the channel is open no request goes out; once it is open, nobody knows what the host still did.
            raise (ClosedBeforeUse() if error.code == asyncssh.OPEN_CONNECT_FAILED else dropped(where)) from error
        if bastion:
            refusal: DriverError = refused_channel(error, where, place, bastion)
            raise refusal from error
        raise BadAnswer(
            f"the host runs no further command: {plain(error.reason)}",
            where=where,
            remedy="See MaxSessions and ForceCommand of its sshd",
        ) from error
    except (asyncssh.Error, OSError) as error:
        raise dropped(where) from error


def dropped(where: str) -> LineDropped:
    """Return the error for a line that was lost after a command was sent."""
    return LineDropped("the connection was lost while the command ran; whether it ran to its end is unknown", where=where)


async def _communicate(
    process: "asyncssh.SSHClientProcess[bytes]", stdin: str | None, limit_bytes: int, where: str
) -> tuple[bytes, bytes]:
    left = limit_bytes

    async def read(stream: Any) -> bytes:
        nonlocal left
        chunks: list[bytes] = []
        while chunk := await stream.read(_CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise OutputTooLong(
                    f"the command printed more than {limit_bytes} bytes and was cut off",
                    where=where,
                    remedy="See what prints that much there: the command itself, or what runs at each login",
                )
            chunks.append(chunk)
        return b"".join(chunks)

    async def write() -> None:
        try:
            if stdin is not None:
                process.stdin.write(stdin.encode())
                await process.stdin.drain()
            process.stdin.write_eof()
        except (BrokenPipeError, ConnectionError):
            pass  # a command that does not read its input has still an exit status

    reads = [asyncio.ensure_future(each) for each in (read(process.stdout), read(process.stderr), write())]
    try:
        stdout, stderr, _ = await asyncio.gather(*reads)
    finally:
        for each in reads:
            each.cancel()
    await process.wait_closed()
    return stdout or b"", stderr or b""
