"""The driver of the terminal, made to outlive it: a run goes on for a step after its line has dropped.

Textual 8.2 loses both of its threads where the terminal goes away. The one that writes ends at the first error, and the thirtieth
frame after that blocks the event loop for ever; the one that reads spins on a file that is always readable and always empty.
"""

import contextlib
import errno
import os
import sys
import termios
from typing import IO, TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App


class SteadyDriver(LinuxDriver):
    """Textual's own driver, which goes on where nobody reads what it writes."""

    def __init__(self, app: "App[Any]", **options: Any) -> None:
        super().__init__(app, **options)
        if self._file is not None:
            self._file = _Steady(self._file)  # type: ignore[assignment]

    def disable_input(self) -> None:
        """Stop reading keys.

        The reading thread may have been told of the hang-up just before the silence took the terminal's place: then it waits in
        a read that never ends, and would be waited for for ever. The end of the silence wakes it.
        """
        _end_silence()
        super().disable_input()


class _Steady:
    """A file whose errors are nobody's business: that the terminal is gone is told by the hang-up."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()


def has_vanished() -> bool:
    """Return whether the terminal is gone although nobody sent a hang-up.

    `su -c` and the like run their command in a session without a controlling terminal: then the kernel tells nobody.
    """
    try:
        termios.tcgetattr(sys.__stdin__.fileno())  # type: ignore[union-attr]
    except termios.error as error:
        return bool(error.args) and error.args[0] == errno.EIO
    except (AttributeError, OSError, ValueError):
        return False
    return False


_silence: list[int] = []
"""The writing ends that keep a silent standard input from ending."""


def _end_silence() -> None:
    while _silence:
        os.close(_silence.pop())


def let_go() -> None:
    """Put something silent in the place of a terminal that hung up: nothing to read, and writes that go nowhere."""
    reading, writing = os.pipe()
    _silence.append(writing)  # while this end is open the other one is never readable, where an empty file always would be
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(reading, sys.__stdin__.fileno())  # type: ignore[union-attr]
    for stream in (sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
