"""Injected time: everything that waits or stamps takes a `Clock`, so that tests and drills can hold time."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> float:
        """Return the wall clock in seconds since 1970-01-01 UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never steps; only differences mean something."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait for `delay_s` seconds of this clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the wall clock in seconds since 1970-01-01 UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds on the monotonic clock."""
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """Wait for `delay_s` seconds."""
        await asyncio.sleep(delay_s)


class HeldClock:
    """A clock that moves only when told to: for tests and drills.

    Attributes:
        at: The time it shows, in seconds since 1970-01-01 UTC.
    """

    def __init__(self, at: float = 1_000_000_000.0) -> None:
        self.at = at

    def now(self) -> float:
        """Return the held time."""
        return self.at

    def monotonic(self) -> float:
        """Return the held time."""
        return self.at

    def advance(self, by_s: float) -> None:
        """Move the clock forward by `by_s` seconds."""
        self.at += by_s

    async def sleep(self, delay_s: float) -> None:
        """Advance by `delay_s` and let other tasks run once."""
        self.at += delay_s
        await asyncio.sleep(0)


def iso(at: float) -> str:
    """Return `at` (seconds since 1970 UTC) as `2026-11-23T03:14:07Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def hhmmss(at: float) -> str:
    """Return the UTC time of day of `at` as `03:14:07`."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def duration(seconds: float) -> str:
    """Return a length of time as a person says it: `0s`, `18ms`, `0.8s`, `41s`, `3m40s`, `26h00m`, `41d`.

    Args:
        seconds: Any length; a negative one keeps its sign.
    """
    if seconds < 0:
        return "-" + duration(-seconds)
    if seconds == 0:
        return "0s"
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f}ms" if seconds >= 0.00095 else f"{seconds * 1000:.1f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 48 * 3600:
        hours, rest = divmod(whole, 3600)
        return f"{hours}h{rest // 60:02d}m"
    return f"{whole // 86400}d"
