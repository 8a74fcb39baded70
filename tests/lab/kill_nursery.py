"""Consoles that need not load themselves: each is forked off one process that has everything loaded which a console loads.

Of the second that a console of a short run takes, most is its imports. What is forked is a process of its own that runs the
program's `main`, with its own arguments, environment and streams: it is killed, and dies, as one that was begun by hand.
"""

import gc
import importlib
import json
import os
import pkgutil
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_LIBRARIES = ("asyncssh", "psycopg", "sqlalchemy.dialects.sqlite", "aiohttp", "cryptography")
_FACES = ("ppsconsole.tui", "ppsconsole.lab", "ppsconsole.__main__")
"""What a command that runs something never loads, and what is begun itself."""


class Nursery:
    """Begins consoles, one at a time, and waits for their end."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        root = Path(__file__).resolve().parents[2]
        line = [sys.executable, "-m", "tests.lab.kill_nursery"]
        self._parent = subprocess.Popen(line, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(self, *_: object) -> None:
        self._parent.communicate()

    def run(
        self, arguments: Sequence[str], env: Mapping[str, str], *, dies_after: str = "", limit_s: float = 300.0
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command of the console to its end, or until it is killed at a record (see `tests.lab.deadly`).

        Raises:
            subprocess.TimeoutExpired: It took longer, and was killed.
        """
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        with self._turn, tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as errors:
            wanted = {"arguments": arguments, "env": dict(env), "out": out.name, "errors": errors.name}
            print(json.dumps({**wanted, "point": dies_after, "limit_s": limit_s}), file=self._parent.stdin, flush=True)
            answer = self._parent.stdout.readline()
            assert answer, "the process that consoles are forked off ended"
            ended = subprocess.CompletedProcess(list(arguments), json.loads(answer), out.read(), errors.read())
        if ended.returncode is None:
            raise subprocess.TimeoutExpired(list(arguments), limit_s, ended.stdout, ended.stderr)
        return ended


_of_this_process: list[Nursery] = []


def shared_nursery() -> Nursery:
    """Return the one that all tests of this process share, begun by who first asks for it; `end_shared_nursery` ends it."""
    if not _of_this_process:
        _of_this_process.append(Nursery())
    return _of_this_process[0]


def end_shared_nursery() -> None:
    """End what `shared_nursery` has begun, and wait for it."""
    while _of_this_process:
        with _of_this_process.pop():
            pass


def _load() -> None:
    import ppsconsole

    for found in pkgutil.walk_packages(ppsconsole.__path__, "ppsconsole.", onerror=lambda name: None):
        if not found.name.startswith(_FACES):
            importlib.import_module(found.name)
    for name in _LIBRARIES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _serve() -> dict[str, Any]:
    """Answer each line with how the console that it wants ended; return, in the console, what is wanted of it."""
    for line in sys.stdin:
        wanted: dict[str, Any] = json.loads(line)
        pid = os.fork()
        if pid == 0:
            return wanted
        print(json.dumps(_ended(pid, wanted["limit_s"])), flush=True)
    sys.exit(0)


def _ended(pid: int, limit_s: float) -> int | None:
    """Return the exit code of a process, negative for a signal; None where it was killed for taking longer."""
    watched = os.pidfd_open(pid)
    try:
        waits = select.poll()
        waits.register(watched, select.POLLIN)
        is_late = not waits.poll(limit_s * 1000)
    finally:
        os.close(watched)
    if is_late:
        os.kill(pid, 9)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return None if is_late else code


def _become(wanted: dict[str, Any]) -> None:
    """Make this process a console that nobody sits at."""
    for number, (path, flags) in enumerate(
        ((os.devnull, os.O_RDONLY), (wanted["out"], os.O_WRONLY | os.O_APPEND), (wanted["errors"], os.O_WRONLY | os.O_APPEND))
    ):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = os.fdopen(0, closefd=False)  # what the one before had read ahead is not for this one
    os.environ.clear()
    os.environ.update(wanted["env"])
    sys.argv = ["ppsconsole", *wanted["arguments"]]


if __name__ == "__main__":
    _load()
    told = _serve()
    _become(told)
    from ppsconsole.__main__ import main
    from tests.lab.deadly import arm

    if told["point"]:
        arm(told["point"])
    main()
