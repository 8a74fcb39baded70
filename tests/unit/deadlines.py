"""A limit for what may never hang: far above what it takes, so that a slow machine is no failure."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def within(limit_s: float) -> Iterator[None]:
    """Raise `AssertionError` in what runs inside if it is still at it after `limit_s` seconds; only in the main thread."""

    def ring(*_: object) -> None:
        raise AssertionError(f"still at it after {limit_s:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
