"""The file behind the thread that writes: it tells when the terminal took what it was sent, and minds no error."""

import contextlib
import threading
from collections.abc import Callable
from typing import IO

_DRAIN_S = 1.0


class Outlet:
    """A file whose errors are nobody's business: that the terminal is gone is told by the side that reads.

    Args:
        file: The terminal.
        taken: Called in the writing thread whenever everything was taken.
    """

    def __init__(self, file: IO[str], taken: Callable[[], object]) -> None:
        self._file, self._when_taken = file, taken
        self._is_free = threading.Event()
        self._is_free.set()

    @property
    def is_busy(self) -> bool:
        """Whether something is on its way that the terminal has not taken yet."""
        return not self._is_free.is_set()

    def expect(self) -> None:
        """Be busy until the next flush."""
        self._is_free.clear()

    def drained(self, limit_s: float = _DRAIN_S) -> bool:
        """Wait until the terminal took everything, at most `limit_s`; return whether it did."""
        return self._is_free.wait(limit_s)

    def write(self, text: str) -> int:
        """Write text."""
        with contextlib.suppress(OSError, ValueError):
            return self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """Send what was written; returns when the terminal took it."""
        with contextlib.suppress(OSError, ValueError):
            self._file.flush()
        self._is_free.set()
        with contextlib.suppress(RuntimeError):  # the event loop is closed
            self._when_taken()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._file.isatty()
