"""Reads logs over SSH: their end at once, or line by line as they grow."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from ppsconsole.clock import Clock
from ppsconsole.drivers.log import TAIL_BYTES, LogSource, Splitter, failure_of, follow_command, remark_on, tail_command
from ppsconsole.drivers.ssh import SshPool
from ppsconsole.errors import BadAnswer, DriverError

_TIMEOUT_S = 15.0
_PAUSE_S = 5.0
_SEAM = 3
"""How many lines have to be found again for a log to be taken up where it was left."""

_AGAIN = 100
_PART = 256
"""Lines that are cleaned before others get their turn: a flood must not keep keys waiting."""


async def read_tail(ssh: SshPool, source: LogSource, count: int) -> list[str]:
    """Return the last `count` lines of a log, fewer where they do not lie in its last `TAIL_BYTES`.

    Raises:
        BadAnswer: It cannot be read; says why and what to do.
        DriverError: The host is not reached.
    """
    command = tail_command(source, count)
    result = await ssh.run(source.host, command, timeout_s=_TIMEOUT_S, limit_bytes=TAIL_BYTES + (1 << 16))
    failure = failure_of(source, result)
    if failure:
        raise BadAnswer(failure, where=source.host.name)
    splitter, stdout = Splitter(), result.stdout.encode()
    if source.kind == "file" and len(stdout) >= TAIL_BYTES:  # it begins somewhere in a line: half a secret would be no known one
        stdout = stdout.partition(b"\n")[2] or f"(a line of more than {TAIL_BYTES} bytes, not shown)".encode()
    return [*splitter.feed(stdout), *splitter.end()]


async def follow(ssh: SshPool, source: LogSource, count: int) -> AsyncGenerator[list[str], None]:
    """Yield the last `count` lines of a log and then new ones, in lists, as they come; messages of the reader are among them.

    Nothing stays on the host when this generator is closed, the console dies, or the line drops.

    Raises:
        DriverError: The host is not reached, or the line dropped.
    """
    splitter = Splitter()
    async with aclosing(ssh.stream(source.host, follow_command(source, count), timeout_s=_TIMEOUT_S)) as chunks:
        async for chunk in chunks:
            for part in _parts(chunk):
                lines = splitter.feed(part)
                if lines:
                    yield lines
                    await asyncio.sleep(0)
    rest = splitter.end()
    if rest:
        yield rest


@dataclass(frozen=True, slots=True)
class News:
    """What a log that is followed has to say.

    Attributes:
        lines: New lines.
        remark: What the reader has to say itself: that the line dropped, that lines may be missing; empty mostly.
    """

    lines: tuple[str, ...] = ()
    remark: str = ""


async def follow_on(
    ssh: SshPool, source: LogSource, count: int, clock: Clock, *, is_patient: bool = True
) -> AsyncGenerator[News, None]:
    """Follow a log across dropped lines: what was read before is not told twice, and a gap is told as one.

    Args:
        ssh: Reaches the host.
        source: What to follow.
        count: How many lines of its end to begin with.
        clock: Waits between attempts.
        is_patient: Also try again where the first attempt fails, instead of raising what it raised.

    Raises:
        DriverError: The first attempt failed, and `is_patient` is not set.
    """
    seen: deque[str] = deque(maxlen=_SEAM)
    is_begun = False
    while True:
        try:
            async with aclosing(follow(ssh, source, _AGAIN if seen else count)) as batches:
                is_seam = bool(seen)
                async for batch in batches:
                    is_begun = True
                    remarks = [remark for line in batch if (remark := remark_on(source, line))]
                    lines = [line for line in batch if not remark_on(source, line)]
                    if is_seam and lines:
                        fresh, is_seam = _after_seam(lines, seen), False
                        if fresh is None:
                            remarks.append(f"{source.name} is read again: lines may be missing before this, or be told twice")
                        lines = lines if fresh is None else fresh
                    seen.extend(lines)
                    for remark in remarks:
                        yield News(remark=remark)
                    if lines:
                        yield News(tuple(lines))
                reason = "the reader on the host ended"
        except DriverError as error:
            if not (is_begun or is_patient):
                raise
            reason = str(error)
        yield News(remark=f"not followed: {reason}. Trying again every {_PAUSE_S:.0f}s")
        await clock.sleep(_PAUSE_S)


def _after_seam(lines: list[str], seen: "deque[str]") -> list[str] | None:
    """Return what of `lines` comes after the lines that were `seen` last; None where those are not among them."""
    last = list(seen)
    for end in range(len(lines), 0, -1):
        begin = max(0, end - len(last))
        if lines[begin:end] == last[begin - end :]:
            return lines[end:]
    return None


def _parts(chunk: bytes) -> list[bytes]:
    """Return a chunk in pieces of not too many lines; where lines end does not matter."""
    step = max(1, len(chunk) * _PART // max(_PART, chunk.count(b"\n")))
    return [chunk[start : start + step] for start in range(0, len(chunk), step)]
