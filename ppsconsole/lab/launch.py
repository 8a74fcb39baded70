"""Starting, finding and ending labs, from the side of the commands."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ppsconsole.errors import LabError, UsageError
from ppsconsole.lab.control import call
from ppsconsole.lab.layout import PROFILES
from ppsconsole.lab.order import Order, python_path
from ppsconsole.lab.processes import ProcessId
from ppsconsole.lab.registry import registered, unlisted_reason, unregister
from ppsconsole.lab.remains import end_processes, remove_files
from ppsconsole.lab.state import LabState, new_folder
from ppsconsole.masking import plain

Progress = Callable[[str], None]


class Leash:
    """Holds a lab that ends with its holder.

    Attributes:
        inventory: Path of the lab's inventory.
        folder: Where the lab lives.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", inventory: str, folder: Path) -> None:
        self.inventory, self.folder = inventory, folder
        self._process = process

    def wait(self) -> int:
        """Wait until the lab ends by itself (`lab down`); return the supervisor's exit code."""
        return self._process.wait()

    def release(self) -> None:
        """Let go: the lab ends; returns when it is gone."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def launch(order: Order, progress: Progress) -> Leash | str:
    """Start a lab and wait until it is healthy.

    Returns:
        The leash when the order is leashed, else the path of the inventory: the lab then goes on by itself.

    Raises:
        UsageError: No such profile.
        LabError: The folder cannot be used, or the lab did not come up; says why.
    """
    if order.profile not in PROFILES:
        raise UsageError(f"no profile {order.profile!r}", remedy="There are " + ", ".join(PROFILES))
    clear_dead(progress)
    prepare(order, progress)
    env = {**os.environ, "PYTHONPATH": python_path()}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "ppsconsole.lab.reaper", order.to_json()],
        stdin=subprocess.PIPE if order.is_leashed else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=env,
        start_new_session=True,
    )
    leash = Leash(process, "", order.path)
    try:
        leash.inventory = _follow(process, order, progress)
    except BaseException:
        # Also on Ctrl-C: nothing half-started stays behind.
        process.terminate()
        leash.release()
        raise
    if order.is_leashed:
        return leash
    process.returncode = 0  # it is meant to outlive us; keeps Popen from complaining that nobody waits for it
    return leash.inventory


def _follow(process: "subprocess.Popen[bytes]", order: Order, progress: Progress) -> str:
    stray: list[str] = []
    assert process.stdout is not None
    with process.stdout as report:
        for line in report:
            try:
                message = json.loads(line)
            except ValueError:
                stray.append(line.decode("utf-8", "replace"))
                continue
            if "ready" in message:
                return str(message["ready"])
            if "failed" in message:
                process.wait()
                raise LabError(f"the lab did not start: {message['failed']}", where=str(order.path))
            progress(str(message.get("progress", "")))
    raise LabError(f"the lab ended while it started: {plain(''.join(stray)[-390:]) or 'it said nothing'}", where=str(order.path))


def clear_dead(progress: Progress) -> None:
    """Take away what is left of listed labs whose keeper and supervisor are both gone. What lives is left alone."""
    for state in registered():
        if state.is_alive:
            continue
        progress(f"a lab was killed in {state.folder}: taking away its remains")
        try:
            _clear(state)
        except LabError as error:
            progress(str(error))


def prepare(order: Order, progress: Progress) -> None:
    """See that the folder is absent or empty; take away what a dead lab left there.

    Raises:
        UsageError: It is no folder, may not be looked into, or holds things that are not a lab's.
        LabError: A lab lives there.
    """
    folder = order.path
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError("is not a folder", where=str(folder))
    try:
        state = LabState.read(folder)
        if state is not None:
            if state.is_alive:
                words = "a lab is just starting there" if state.phase == "starting" else "a lab runs there already"
                raise LabError(words, where=str(folder), remedy="End it first: ppsconsole lab down --dir " + str(folder))
            progress("found the remains of a lab that was killed: taking them away")
            _clear(state)
        names = sorted(os.listdir(folder)) if folder.exists() else []
    except PermissionError:
        raise UsageError("may not be looked into", where=str(folder)) from None
    if names:
        shown = ", ".join(plain(name, 60) for name in names[:5]) + (" ..." if len(names) > 5 else "")
        raise UsageError(f"is not empty: {shown}", where=str(folder), remedy="A lab wants an absent or empty folder")


def temporary_order(postgres: str = "bundled", profile: str = "default", *, is_leashed: bool = True, rows: int = 0) -> Order:
    """Return the order for a lab in a folder of its own below the temporary folder."""
    folder = new_folder(Path(tempfile.gettempdir()).resolve())
    return Order(str(folder), profile=profile, postgres=postgres, is_leashed=is_leashed, rows=rows)


def find_lab(folder: str | None, *, is_dead_allowed: bool = False) -> LabState:
    """Return the lab in `folder`, or the only one that runs.

    Args:
        folder: As the user named it, None when he did not.
        is_dead_allowed: A lab that was killed will do.

    Raises:
        UsageError: No lab lives in the folder that was named, or several run and none was named.
        LabError: None runs, or the one that was named is dead.
    """
    if folder is not None:
        state = LabState.read(Path(folder).resolve())
        if state is None:
            raise UsageError("no lab lives there", where=folder, remedy="Start one: ppsconsole lab up --dir " + folder)
        if not state.is_alive and not is_dead_allowed:
            raise LabError("the lab there was killed", where=folder, remedy="Clear up: ppsconsole lab down --dir " + folder)
        return state
    labs = [state for state in registered() if is_dead_allowed or state.is_alive]
    if not labs:
        if reason := unlisted_reason():
            raise LabError(f"no lab is listed; {reason}", where="lab", remedy="Name the folder of the one you mean: --dir DIR")
        raise LabError("no lab runs", where="lab", remedy="Start one: ppsconsole lab up --detach --dir DIR")
    if len(labs) > 1:
        folders = ", ".join(str(state.folder) for state in labs)
        raise UsageError(f"{len(labs)} labs run: {folders}", where="lab", remedy="Say which one: --dir DIR")
    return labs[0]


def end_lab(state: LabState, deadline_s: float = 30.0) -> list[str]:
    """End a lab, or clear up after a dead one.

    Returns:
        Names in its folder that are not the lab's and were left alone.

    Raises:
        LabError: It has not gone within `deadline_s`.
    """
    if state.is_alive:
        try:
            for _ in call(state, {"verb": "down"}, timeout_s=5.0):
                pass
        except LabError:
            # It does not listen (still starting, or stuck): its keeper passes the signal on.
            _signal(state.keeper)
        limit = time.monotonic() + deadline_s
        while state.is_alive:
            if time.monotonic() > limit:
                raise LabError(f"has not ended within {deadline_s:.0f}s", where=str(state.folder))
            time.sleep(0.02)
    left = LabState.read(state.folder)
    if left is not None and left.id == state.id:
        return _clear(left)
    unregister(state.id)
    return sorted(os.listdir(state.folder)) if state.folder.is_dir() else []


def _clear(state: LabState) -> list[str]:
    left = end_processes(state)
    if left:
        raise LabError(f"processes {left} of the dead lab could not be ended", where=str(state.folder))
    return remove_files(state)


def _signal(process: ProcessId | None) -> None:
    if process is not None and process.is_alive:
        os.kill(process.pid, 15)
