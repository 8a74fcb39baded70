"""Taking a lab away: its processes, its shared memory, its files. Only what the lab made."""

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

from ppsconsole.lab.account import remove_tree
from ppsconsole.lab.layout import LAB_MARK
from ppsconsole.lab.processes import descendants, marked, reap_all, send
from ppsconsole.lab.registry import unregister
from ppsconsole.lab.state import STATE_FILE, LabState

_IPC_RMID = 0


def end_processes(state: LabState, deadline_s: float = 10.0) -> list[int]:
    """SIGKILL whatever of a dead lab still runs: recorded servers with their descendants, and all that carry its mark.

    Servers overwrite their environment with their titles, so the mark alone would not find them.

    Returns:
        Processes that could not be ended within `deadline_s`.
    """
    limit = time.monotonic() + deadline_s
    while True:
        left: list[int] = []
        for process in state.servers.values():
            if process.is_alive:
                left += [process.pid, *descendants(process.pid)]
        left += [pid for pid in marked(LAB_MARK, state.id) if pid not in left]
        if not left or time.monotonic() > limit:
            return left
        send(left, signal.SIGKILL)
        time.sleep(0.02)
        reap_all()


def remove_files(state: LabState) -> list[str]:
    """Remove what the lab made and take it from the registry.

    Returns:
        Names in its folder that are not the lab's and stay.
    """
    homes = Path(state.elsewhere) if state.elsewhere else state.folder / "hosts"
    if homes.is_dir() and not homes.is_symlink():
        for data in homes.glob("*/data"):
            release_shared_memory(data)
    if state.elsewhere:
        _remove(Path(state.elsewhere))
    # The state file goes last: until then the rest can be found again.
    for name in [*(each for each in state.made if each != STATE_FILE), STATE_FILE]:
        _remove(state.folder / name)
    for draft in state.folder.glob(f".{STATE_FILE}.*"):
        _remove(draft)
    unregister(state.id)
    try:
        foreign = sorted(os.listdir(state.folder))
    except OSError:
        return []
    if not foreign and state.is_folder_made:
        with contextlib.suppress(OSError):
            for folder in (state.folder, *state.folder.parents)[: 1 + state.parents_made]:
                folder.rmdir()
    return foreign


def release_shared_memory(data: Path) -> None:
    """Remove the System V segment that a killed postmaster leaves: key and id stand in line 7 of its postmaster.pid.

    Only a segment with that key, that nobody is attached to, is touched.
    """
    try:
        key, number = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[6].split()
        segments = Path("/proc/sysvipc/shm").read_text(encoding="utf-8").splitlines()[1:]
    except (OSError, IndexError, ValueError):
        return
    for segment in segments:
        fields = segment.split()
        # key shmid perms size cpid lpid nattch ...; keys are printed signed here and unsigned there
        if fields[1] == number and int(fields[0]) % 2**32 == int(key) % 2**32 and fields[6] == "0":
            ctypes.CDLL(None).shmctl(int(number), _IPC_RMID, None)


def _remove(path: Path) -> None:
    # A process that is just ending may still write, and another command may be taking the same lab away.
    for _ in range(20):
        try:
            remove_tree(path)
        except OSError:
            time.sleep(0.02)
            continue
        return
