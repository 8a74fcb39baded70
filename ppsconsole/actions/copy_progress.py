"""How far a long copy is: what pg_basebackup and pg_rewind write down of it, as a line with rate and time left."""

import asyncio
import re
import shlex
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from ppsconsole.actions.base import Workbench
from ppsconsole.clock import duration
from ppsconsole.cluster.judging import size
from ppsconsole.errors import DriverError
from ppsconsole.inventory.model import Host

_EVERY_S = 1.0
_SLOWEST_S = 10.0
_LOOK_S = 8.0
_COUNT = re.compile(r"(\d+)/(\d+) kB")
_SAID_EVERY = 0.1


def copied(text: str) -> tuple[int, int] | None:
    """Return done and whole of the last count in what such a program wrote, in bytes; None where there is none."""
    found = _COUNT.findall(text)
    return (int(found[-1][0]) * 1024, int(found[-1][1]) * 1024) if found else None


def progress_said(done: int, whole: int, took_s: float) -> str:
    """Return how far it is: `12% of 1.2 GB, 45 MB/s, about 20s left`; without rate where nothing was measured yet.

    Args:
        done: Bytes at the end of the time that was measured.
        whole: All bytes, as far as is known.
        took_s: For how many seconds it was copied.
    """
    percent = min(100, round(100 * done / whole)) if whole else 0
    words = f"{percent}% of {size(whole)}"
    if done <= 0 or took_s <= 0:
        return words
    rate = done / took_s
    return f"{words}, {size(rate)}/s, about {duration(max(0.0, whole - done) / rate)} left"


@asynccontextmanager
async def progress_told(bench: Workbench, host: Host, log: str, what: str) -> AsyncGenerator[None, None]:
    """Say how far the copy is that writes to the file `log` on `host`, until the end of the block; not often."""
    telling = asyncio.ensure_future(_tell(bench, host, log, what))
    try:
        yield
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


async def _tell(bench: Workbench, host: Host, log: str, what: str) -> None:
    command = f"tail -c 400 {shlex.quote(log)} 2>/dev/null; :"
    first: tuple[float, int] | None = None
    told, every_s = -1.0, _EVERY_S
    while True:
        await bench.clock.sleep(every_s)
        every_s = min(_SLOWEST_S, every_s * 1.3)
        with suppress(DriverError):
            seen = copied((await bench.tools.ssh.run(host, command, timeout_s=_LOOK_S)).stdout)
            if seen is None:
                continue
            done, whole = seen
            now = bench.clock.monotonic()
            first = first or (now, done)
            share = done / whole if whole else 0.0
            if share - told < _SAID_EVERY:
                continue
            told = share
            # Since it was first seen: a console that takes a run up does not know when it began.
            took_s, moved = now - first[0], done - first[1]
            rate_s = took_s * done / moved if moved > 0 else 0.0
            bench.say(f"{what}: {progress_said(done, whole, rate_s)}")
