"""Commands whose input and output are as much as there is: here, or on a host over SSH (`SshPool.pipe`)."""

import asyncio
import time
from asyncio.subprocess import PIPE
from typing import Protocol

from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.local import HERE, killed
from ppsconsole.errors import BadAnswer, TimedOut
from ppsconsole.masking import masker

PIECE = 256 * 1024
"""As much is read at once, and no more is kept."""

STILL_S = 300.0
"""For how long nothing may move: a line that was cut says nothing, and a dump may wait for a lock."""

ERRORS_BYTES = 16 * 1024
"""So much of the end of its error output is told."""

_BEFORE_BYTES = 4 * 1024
"""So much before that is looked at: a secret which the beginning would go through has to be seen as a whole."""


class Ending:
    """The end of an error output, however much there is."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, piece: bytes) -> None:
        """Take the next piece of it."""
        self._kept = (self._kept + piece)[-_BEFORE_BYTES - ERRORS_BYTES :]

    def text(self) -> str:
        """Return it; it begins within no secret, since nobody would know the second half of one."""
        text = self._kept.decode("utf-8", "replace")
        return text[masker.place_to_cut(text, max(0, len(text) - ERRORS_BYTES)) :]


class TakesNoMore(BadAnswer):
    """The command reads its input no further: it has ended, or is about to."""


class Pipe(Protocol):
    """A command that runs, its input and output open.

    Whoever opens one ends or cuts it: until then it holds a channel.
    """

    async def read(self) -> bytes:
        """Return the next piece of its output, empty at the end.

        Raises:
            LineDropped: The connection was lost.
            TimedOut: Nothing came for `STILL_S`.
        """
        ...

    async def write(self, piece: bytes) -> None:
        """Give it a piece, once it has taken most of what it was given before.

        Raises:
            TakesNoMore: It has ended, or is about to; `end` tells why.
            LineDropped: The connection was lost.
            TimedOut: It took nothing for `STILL_S`.
        """
        ...

    async def end(self, timeout_s: float = STILL_S) -> CommandResult:
        """Close its input and wait for its end; what `read` did not return of its output is thrown away.

        Returns:
            Its status and the end of its error output; no other output.

        Raises:
            LineDropped: The connection was lost; whether it ran to its end is not known.
            TimedOut: It did not end in time, and was cut.
        """
        ...

    async def cut(self) -> None:
        """Let go of it, whatever it is doing. May be called more than once."""
        ...


async def pipe_here(command: str) -> Pipe:
    """Start a shell command on the console's machine, in a session of its own.

    Raises:
        BadAnswer: It could not be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", command, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True, limit=PIECE
        )
    except OSError as error:
        raise BadAnswer(f"no command can be started: {error.strerror}", where=HERE) from None
    return _LocalPipe(process)


class _LocalPipe:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout
        self._started = time.monotonic()
        self._errors = asyncio.ensure_future(_end_of(process.stderr))

    async def read(self) -> bytes:
        try:
            async with asyncio.timeout(STILL_S):
                return await self._stdout.read(PIECE)
        except TimeoutError:
            raise TimedOut(f"nothing came for {STILL_S:g}s", where=HERE) from None

    async def write(self, piece: bytes) -> None:
        try:
            async with asyncio.timeout(STILL_S):
                self._stdin.write(piece)
                await self._stdin.drain()
        except TimeoutError:
            raise TimedOut(f"nothing was taken for {STILL_S:g}s", where=HERE) from None
        except OSError:
            raise TakesNoMore("the command takes no more", where=HERE) from None

    async def end(self, timeout_s: float = STILL_S) -> CommandResult:
        try:
            async with asyncio.timeout(timeout_s):
                self._stdin.close()
                while await self._stdout.read(PIECE):
                    pass
                status = await self._process.wait()
                errors = await self._errors
        except TimeoutError:
            raise TimedOut(f"no end within {timeout_s:g}s", where=HERE) from None
        finally:
            await self.cut()
        return CommandResult(max(status, -1), "", errors, time.monotonic() - self._started)

    async def cut(self) -> None:
        self._stdin.close()
        self._errors.cancel()
        await asyncio.gather(self._errors, return_exceptions=True)
        await killed(self._process)


async def _end_of(stream: asyncio.StreamReader) -> str:
    ending = Ending()
    while piece := await stream.read(PIECE):
        ending.feed(piece)
    return ending.text()
