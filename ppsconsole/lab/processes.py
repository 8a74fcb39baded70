"""What /proc says about processes, and the two kernel switches that keep orphans in the family. Linux only."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process beyond doubt: numbers are used again, a number with its start time is not.

    Attributes:
        start: Clock ticks between boot and the start of the process (field 22 of /proc/PID/stat).
    """

    pid: int
    start: int

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        stat = _stat(self.pid)
        return stat is not None and stat[19] == str(self.start) and stat[0] not in "ZX"


def identify(pid: int) -> ProcessId | None:
    """Return the process that has the number `pid` now, None when there is none."""
    stat = _stat(pid)
    return None if stat is None else ProcessId(pid, int(stat[19]))


def state_letter(pid: int) -> str | None:
    """Return the state of `pid` as one letter (`R`, `S`, `T` stopped, `Z` zombie ...), None when it is gone."""
    stat = _stat(pid)
    return None if stat is None else stat[0]


def descendants(pid: int) -> list[int]:
    """Return the numbers of all living descendants of `pid`, without itself, parents before children."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = _stat(int(entry))
            if stat is not None and stat[0] not in "ZX":
                children.setdefault(int(stat[1]), []).append(int(entry))
    found: list[int] = []
    queue = list(children.get(pid, ()))
    while queue:
        each = queue.pop(0)
        found.append(each)
        queue.extend(children.get(each, ()))
    return found


def marked(variable: str, value: str) -> list[int]:
    """Return the processes that were started with `variable=value` in their environment and have not written over it."""
    wanted = f"{variable}={value}".encode()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/environ", "rb") as file:
                if wanted in file.read().split(b"\0"):
                    found.append(int(entry))
    return found


def working_below(folder: str) -> list[int]:
    """Return the processes whose working directory is `folder` or below it."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                where = os.readlink(f"/proc/{entry}/cwd")
                if where == folder or where.startswith(folder + "/"):
                    found.append(int(entry))
    return found


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each of `pids`; those that are gone are skipped."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end_tree(pid: int, deadline_s: float = 10.0) -> bool:
    """SIGKILL every descendant of this process `pid` until there are none; reap them where they are our own children.

    Returns:
        Whether all were gone within `deadline_s`.
    """
    limit = time.monotonic() + deadline_s
    while left := descendants(pid):
        if time.monotonic() > limit:
            return False
        send(left, signal.SIGKILL)
        time.sleep(0.01)
        reap_all()
    reap_all()
    return True


def reap_all() -> None:
    """Take the exit status of every child that has ended, so that none stays a zombie."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def become_subreaper() -> None:
    """Make orphans among our descendants our children instead of those of process 1, which reaps on a slow timer."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: signal.Signals) -> None:
    """Ask the kernel to send `number` to this process when its parent ends."""
    _prctl(_PR_SET_PDEATHSIG, number)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the third (state) on: the second may itself hold blanks and brackets."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(") ")[2].split()
    except OSError:
        return None
