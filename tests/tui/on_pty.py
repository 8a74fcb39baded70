"""A program in a pseudo-terminal of its own, whose screen is read through an emulator."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.tui.emulator import Emulator

ROOT = Path(__file__).parent.parent.parent
DEADLINE_S = 120.0


def is_at(step: str) -> Callable[[str], bool]:
    """Return what tells whether the run on the screen is at this step: between two, a console that is to end leaves at once."""
    return lambda screen: re.search(rf"Do {step} +at it", screen) is not None


class Terminal:
    """A pseudo-terminal with a program in it."""

    def __init__(self, master: int, process: subprocess.Popen[bytes], size: tuple[int, int]) -> None:
        self.master, self.process = master, process
        self.seen = b""
        self.screen = Emulator(*size)

    def read_until(self, text: str) -> None:
        """Read until `text` stands on the screen."""
        self.read_until_true(lambda screen: text in screen)

    def read_until_true(self, is_true: Callable[[str], bool]) -> None:
        """Read until the screen is as it should be."""
        until = time.monotonic() + DEADLINE_S
        while not is_true(self.screen.text):
            assert time.monotonic() < until, f"it never came; what stands there:\n{self.screen.text}"
            assert self.read(0.2) or self.process.poll() is None, f"ended with {self.process.returncode}: {self.seen!r}"

    def read_to_end(self) -> int:
        """Read until the program has left; return its exit code."""
        until = time.monotonic() + DEADLINE_S
        while self.process.poll() is None or self.read(0):
            assert time.monotonic() < until, "it did not leave"
            self.read(0.05)
        return self.process.returncode

    def read(self, wait_s: float) -> bool:
        """Read what is there, or comes within that time; return whether there was anything."""
        ready, _, _ = select.select([self.master], [], [], wait_s)
        if not ready:
            return False
        try:
            got = os.read(self.master, 65536)
        except OSError:  # EIO: nobody holds the other side any more
            return False
        self.seen += got
        self.screen.feed(got)
        return bool(got)

    def press(self, keys: bytes) -> None:
        """Send keys."""
        os.write(self.master, keys)

    def resize(self, width: int, height: int) -> None:
        """Change the size, as a window does."""
        self.screen.resize(width, height)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def strike(self, process: int, how: str) -> None:
        """Do what ends `process`: close the terminal, press Ctrl-C (`interrupt`), or send SIGHUP (`hang-up`) or SIGTERM."""
        if how == "close":
            os.close(self.master)
            self.master = -1
        elif how == "interrupt":
            self.press(b"\x03")
        else:
            os.kill(process, signal.SIGHUP if how == "hang-up" else signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone."""
        self.process.send_signal(number)


@contextmanager
def on_pty(
    words: Sequence[str],
    size: tuple[int, int] = (80, 24),
    *,
    has_controlling_terminal: bool = True,
    pass_fds: Sequence[int] = (),
    **environ: str,
) -> Iterator[Terminal]:
    """Run a program in a terminal which it controls as a login shell does; below `su -c` it does not."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = subprocess.Popen(
        words,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8", **environ},
        start_new_session=True,
        preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if has_controlling_terminal else None,
        pass_fds=pass_fds,
    )
    os.close(slave)
    opened = Terminal(master, process, size)
    try:
        yield opened
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if opened.master >= 0:
            os.close(opened.master)


class Played(Terminal):
    """The console on a scripted source, which is told through a pipe what to show; see `tests.tui.played`."""

    orders: int = -1

    def tell(self, order: str) -> None:
        """Send an order; what it does is seen on the screen."""
        os.write(self.orders, f"{order}\n".encode())


@contextmanager
def played(size: tuple[int, int] = (80, 24), **environ: str) -> Iterator[Played]:
    """Open the console on a scripted source, on a terminal."""
    reading, writing = os.pipe()
    words = [sys.executable, "-m", "tests.tui.played", str(reading)]
    try:
        with on_pty(words, size, pass_fds=(reading,), **environ) as opened:
            os.close(reading)
            reading = -1
            opened.__class__ = Played
            assert isinstance(opened, Played)
            opened.orders = writing
            opened.read_until("q Quit")  # the end of the last row
            yield opened
    finally:
        for each in (reading, writing):
            if each >= 0:
                os.close(each)
