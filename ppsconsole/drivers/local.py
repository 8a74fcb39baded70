"""Programs of the operator's own on the console's machine: no shell, no terminal, ended with all their children when late."""

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from contextlib import suppress

from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import BadAnswer, OutputTooLong, TimedOut

HERE = "console"
"""What the console's own machine is called where a host's name would stand; no host may be called so."""

_LIMIT_BYTES = 1 << 16


async def run_here(argv: Sequence[str], *, timeout_s: float) -> CommandResult:
    """Run a program to its end, with nothing on its standard input.

    Args:
        argv: Program and arguments.
        timeout_s: After that it is killed, with its children.

    Raises:
        BadAnswer: It could not be started.
        TimedOut: It did not end in time; what it did by then is not known.
        OutputTooLong: It printed more than 64 KiB.
    """
    began = time.monotonic()
    try:
        process = await asyncio.create_subprocess_exec(*argv, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadAnswer(f"{argv[0]} cannot be started: {why}", where=HERE, remedy="See that it is installed here") from None
    assert process.stdout is not None
    assert process.stderr is not None
    reading = [asyncio.ensure_future(_read(each)) for each in (process.stdout, process.stderr)]
    try:
        async with asyncio.timeout(timeout_s):
            stdout, stderr = await asyncio.gather(*reading)
            status = await process.wait()
    except TimeoutError:
        raise TimedOut(f"{argv[0]} did not end within {timeout_s:g}s", where=HERE) from None
    finally:
        for each in reading:
            each.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        await killed(process)
    return CommandResult(status, stdout, stderr, time.monotonic() - began)


async def _read(stream: asyncio.StreamReader) -> str:
    raw = b""
    while chunk := await stream.read(_LIMIT_BYTES):
        raw += chunk
        if len(raw) > _LIMIT_BYTES:
            raise OutputTooLong(f"more than {_LIMIT_BYTES} bytes", where=HERE)
    return raw.decode("utf-8", "replace")


async def killed(process: asyncio.subprocess.Process) -> None:
    """Kill a program that leads a session of its own, with its children, and wait until nothing of it is left open."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    streams = [each for each in (process.stdout, process.stderr) if each is not None]
    with suppress(TimeoutError):  # a grandchild that left the session may hold the pipes open for ever
        async with asyncio.timeout(1.0):
            await asyncio.gather(*(_emptied(each) for each in streams))  # wait() does not return before they are
            await process.wait()


async def _emptied(stream: asyncio.StreamReader) -> None:
    while await stream.read(_LIMIT_BYTES):
        pass
