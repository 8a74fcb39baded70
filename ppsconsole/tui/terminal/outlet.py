"""The file behind the thread that writes: it tells when the terminal took what it was sent, and minds no error."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from typing import IO

_DRAIN_S = 2.0
_LET_GO_S = 2.0


class Outlet:
    """A file whose errors are nobody's business: that the terminal is gone is told by the side that reads.

    Args:
        file: The terminal.
        taken: Called in the writing thread whenever everything was taken.
    """

    def __init__(self, file: IO[str], taken: Callable[[], object]) -> None:
        self._file, self._when_taken = file, taken
        self._change = threading.Condition()
        self._expected = self._written = self._sent = 0
        self._writer: int | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is on its way that the terminal has not taken yet."""
        return self._sent < self._expected

    def expect(self) -> None:
        """Be busy until one more write was taken."""
        self._expected += 1

    def drain(self) -> None:
        """Wait until the terminal took everything; what it does not take for long goes nowhere.

        A terminal that is frozen, or whose line hangs, would keep the process for ever: the thread that writes waits in the
        kernel, with the lock of the stream that Python flushes at its end.
        """
        if self._is_drained(_DRAIN_S) or self._writer is None or threading.current_thread() is not threading.main_thread():
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        with contextlib.suppress(OSError, ValueError):
            os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        # Interrupted, the write is begun again by Python, and by now ends in another file. The signal needs a handler for that.
        before = signal.signal(signal.SIGWINCH, lambda *_: None)
        with contextlib.suppress(OSError):
            signal.pthread_kill(self._writer, signal.SIGWINCH)
        self._is_drained(_LET_GO_S)
        signal.signal(signal.SIGWINCH, before)

    def _is_drained(self, limit_s: float) -> bool:
        with self._change:
            return self._change.wait_for(lambda: not self.is_busy, limit_s)

    def write(self, text: str) -> int:
        """Write text."""
        self._writer = threading.get_ident()
        self._written += 1
        with contextlib.suppress(OSError, ValueError):
            return self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """Send what was written; returns when the terminal took it."""
        with contextlib.suppress(OSError, ValueError):
            self._file.flush()
        with self._change:
            self._sent = self._written
            self._change.notify_all()
        with contextlib.suppress(RuntimeError):  # the event loop is closed
            self._when_taken()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._file.isatty()
