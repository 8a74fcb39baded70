"""Runs a program on a pseudo-terminal and writes down what it sends and when; what that looked like is worked out afterwards."""

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.tui.emulator import Emulator

ROOT = Path(__file__).parent.parent.parent
LIMIT_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Recorded:
    """A program on a terminal, and its output so far.

    Attributes:
        chunks: When something came (seconds, monotonic) and what.
    """

    def __init__(self, process: subprocess.Popen[bytes], master: int, orders: int, size: tuple[int, int], began: float) -> None:
        self.process, self.master, self.orders, self.size, self.began = process, master, orders, size, began
        self.chunks: list[tuple[float, bytes]] = []
        self.cpu_s = self.rss_mib = 0.0

    @property
    def sent(self) -> int:
        """Bytes so far."""
        return sum(len(data) for _, data in self.chunks)

    def listen(self, for_s: float) -> None:
        """Write down what comes within that time."""
        until = time.monotonic() + for_s
        while (left := until - time.monotonic()) > 0:
            self._take(left)

    def listen_until(self, text: bytes) -> float:
        """Write down what comes until `text` came; return when that was."""
        seen, until = b"", time.monotonic() + LIMIT_S
        while text not in seen:
            if time.monotonic() > until:
                raise TimeoutError(f"{text!r} never came: {seen[-300:]!r}")
            before = len(self.chunks)
            self._take(0.2)
            seen += b"".join(data for _, data in self.chunks[before:])
        return self.chunks[-1][0]

    def settle(self, quiet_s: float = 0.6, least_s: float = 0.0) -> None:
        """Listen until nothing came for that long, and nothing is worked at that would delay what follows."""
        start = busy = time.monotonic()
        cpu = 0.0
        while time.monotonic() - start < LIMIT_S:
            last = self.chunks[-1][0] if self.chunks else start
            now = time.monotonic()
            if (spent := self.cpu_so_far_s()) > cpu + 0.02:
                cpu, busy = spent, now
            if now - max(last, busy) >= quiet_s and now - start >= max(least_s, quiet_s):
                return
            self._take(0.05)

    def _take(self, wait_s: float) -> None:
        if select.select([self.master], [], [], wait_s)[0]:
            try:
                self.chunks.append((time.monotonic(), os.read(self.master, 65536)))
            except OSError:
                time.sleep(0.001)

    def press(self, key: bytes) -> float:
        """Send a key; return when."""
        os.write(self.master, key)
        return time.monotonic()

    def tell(self, order: str) -> None:
        """Send an order to `tests.tui.played`."""
        os.write(self.orders, f"{order}\n".encode())

    def cpu_so_far_s(self) -> float:
        """Return the processor time that it took, user and system."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / _TICKS

    def cpu_of_threads_s(self) -> float:
        """Return the processor time of the threads that it has now, to the nanosecond: before any of them has ended."""
        found = 0
        for each in Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            found += int(each.read_text().split()[0])
        return found / 1e9

    def quit(self, key: bytes = b"q") -> float:
        """Send the quit key; return the seconds until the process was gone."""
        ended = os.pidfd_open(self.process.pid)
        start = self.press(key)
        while True:
            ready = select.select([self.master, ended], [], [], LIMIT_S)[0]
            if ended in ready or not ready:
                break
            self._take(0)
        took = time.monotonic() - start
        os.close(ended)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_s, self.rss_mib = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
        return took

    def painted_at(self, marks: Sequence[float], place: Callable[[Emulator], object]) -> list[float]:
        """Return for each moment of `marks` how many seconds later `place` of the screen changed for the first time."""
        emulator = Emulator(*self.size)
        found: list[float] = []
        waiting = list(marks)
        before: object = None
        is_open = False
        for at, data in self.chunks:
            while len(waiting) > 1 and at >= waiting[1]:  # nothing changed before the next key: there was nothing to paint
                waiting.pop(0)
                is_open = False
            if waiting and at >= waiting[0] and not is_open:
                before, is_open = place(emulator), True
            emulator.feed(data)
            if is_open and place(emulator) != before:
                found.append(at - waiting.pop(0))
                is_open = False
        return found

    def changed_cells(self, since: float, gap_s: float = 0.05) -> tuple[int, int]:
        """Return the bytes that came after that moment, and how many cells they changed, burst by burst."""
        emulator = Emulator(*self.size)
        sent = cells = 0
        burst: list[bytes] = []
        last = 0.0
        before = None
        for at, data in [*self.chunks, (float("inf"), b"")]:
            if at - last > gap_s and burst:
                emulator.feed(b"".join(burst))
                burst.clear()
                after = emulator.cells()
                if before is not None:
                    cells += sum(a != b for row, old in zip(after, before, strict=True) for a, b in zip(row, old, strict=True))
                before = after if last >= since or at >= since else None
            if at >= since and before is None:
                before = emulator.cells()
            sent += len(data) if at >= since else 0
            burst.append(data)
            last = at
        return sent, cells


@contextmanager
def recorded(
    words: Sequence[str],
    size: tuple[int, int] = (80, 24),
    *,
    environ: Mapping[str, str] | None = None,
    takes_orders: bool = False,
) -> Iterator[Recorded]:
    """Run `words` on a terminal of that size; `{orders}` in them is the pipe that takes orders."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    reading, writing = os.pipe() if takes_orders else (-1, -1)
    began = time.monotonic()
    process = subprocess.Popen(
        [each.replace("{orders}", str(reading)) for each in words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8", **(environ or {})},
        start_new_session=True,
        pass_fds=(reading,) if takes_orders else (),
    )
    os.close(slave)
    run = Recorded(process, master, writing, size, began)
    try:
        yield run
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for each in (master, reading, writing):
            if each >= 0:
                os.close(each)


def python(module: str, *words: str) -> list[str]:
    """Return the command that runs a module with this Python."""
    return [sys.executable, "-m", module, *words]
