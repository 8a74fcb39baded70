"""A pager of the person's own, in the console's terminal; the console goes on beneath it and comes back."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

_PAGERS = ("less -R", "more", "pg")

_MARK = "PPSCONSOLE_PAGER"
"""The variable by which all that belongs to a pager is known, also what its parent left alone."""

_GRACE_S = 2.0
_LOOK_S = 0.05


def pager_command(environ: Mapping[str, str]) -> str | None:
    """Return the shell command of the pager: `$PAGER`, or the first of the usual ones that is there; None where none is."""
    wanted = environ.get("PAGER", "").strip()
    if wanted:
        return wanted
    return next((each for each in _PAGERS if shutil.which(each.split()[0])), None)


async def show_in_pager(app: "App[Any]", text: str, command: str) -> str:
    """Show `text` in a pager and wait for its end; a run, the polling and everything else go on meanwhile.

    Returns:
        Why it was not shown; empty when it was.
    """
    # Nothing may be painted over the pager: while a batch is open, no frame is sent.
    with _signals_left_to_the_pager(), app.suspend(), app.batch_update():
        mark = secrets.token_hex(8)
        environ = {**os.environ, _MARK: mark}
        starting = asyncio.create_task(asyncio.create_subprocess_shell(command, stdin=asyncio.subprocess.PIPE, env=environ))
        try:
            process = await asyncio.shield(starting)
            # A pager that was left early does not read the rest.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await process.communicate(text.encode())
            status = await process.wait()
        finally:
            process = await starting  # it runs, also where the console ends while asyncio is still at it
            if process.returncode is None:
                await _ended(process, mark)
    return "" if status == 0 else f"the pager {command!r} ended with exit status {status}"


async def _ended(process: asyncio.subprocess.Process, mark: str) -> None:
    """End a pager that is open still, with all that it started: a pipe is several programs, and a script has children.

    They are asked, and what has not gone after `_GRACE_S` is killed. The terminal is the shell's again then: whatever is left
    would go on reading its keys.
    """
    loop, asked = asyncio.get_running_loop(), set[int]()
    until = loop.time() + _GRACE_S
    try:
        left, is_sure = _family(process.pid, mark)
        while left or not is_sure:
            is_late = loop.time() >= until
            for pid in left if is_late else left - asked:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL if is_late else signal.SIGTERM)
            if is_late and loop.time() >= until + _GRACE_S:
                break  # what belongs to somebody else, as a pager below sudo does
            asked |= left
            await asyncio.sleep(_LOOK_S)
            left, is_sure = _family(process.pid, mark)
    except asyncio.CancelledError:
        for pid in _family(process.pid, mark)[0]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        raise
    await process.wait()


def _family(leader: int, mark: str) -> tuple[set[int], bool]:
    """Return the processes of a pager that live, and whether these are all.

    They are its shell, what descends from that, and what carries its mark, which finds what was left alone by its parent. One
    that is just starting another program shows no environment for a moment. Without a /proc it is the shell only.
    """
    parents: dict[int, int] = {}
    found: set[int] = set()
    is_sure, group = True, os.getpgrp()
    wanted = f"{_MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, own_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            if state in "ZX":
                continue
            parents[int(folder.name)] = int(parent)
            environ = (folder / "environ").read_bytes()
            if wanted in environ.split(b"\0"):
                found.add(int(folder.name))
            is_sure = is_sure and (bool(environ) or int(own_group) != group)
        except (OSError, ValueError):
            continue  # it has gone meanwhile, or is somebody else's
    if leader in parents or not parents:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(leader, 0)
            found.add(leader)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found, is_sure


@contextlib.contextmanager
def _signals_left_to_the_pager() -> Iterator[None]:
    """Let Ctrl-C and Ctrl-Z mean what they mean to the pager: both reach the console as well, which is in its group."""
    numbers = (signal.SIGINT, signal.SIGTSTP, signal.SIGCONT)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        # A function and not SIG_IGN: what is ignored would be so in the pager, too.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        for number in (signal.SIGTSTP, signal.SIGCONT):
            signal.signal(number, signal.SIG_DFL)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
