"""Takes the disk away from under the journal in the middle of a run on real SSH servers, gives it back, and goes on.

python -m tests.engine.journal_lost FOLDER CASE

Each console is a process of its own, and is watched as the command `run` does it. Cases: `full` (a small file system, so this
runs in a mount namespace of its own); `remounted` (one that is made read-only between two records, likewise: `mount` refuses that
while a file is open for writing, so the journal's is closed for it); `read-only` (writing fails with EROFS in open files, as it
does when the kernel makes a file system with errors read-only); `quota` (no file may grow). Prints one JSON object
for each console.
"""

import asyncio
import contextlib
import ctypes
import errno
import io
import json
import os
import platform
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ppsconsole.cli.gate import Asker, Flags
from ppsconsole.cli.watch import watched
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.engine.desk import Desk
from ppsconsole.engine.journal import Journal
from ppsconsole.engine.journal_place import RESERVE_FILE
from ppsconsole.engine.open_run import OpenRun
from ppsconsole.engine.session import Session
from ppsconsole.errors import JournalError
from ppsconsole.inventory.model import Inventory
from tests.engine.full_disk import fill, mount
from tests.engine.hosts import Hosts
from tests.engine.read_only import remount
from tests.engine.test_session import Console, Touch, counts
from tests.unit.observations import facts, look

AT = "stop-primary"
"""The disk is taken away while this step acts."""


def take_away(disk: Path, case: str, journal: Journal) -> None:
    """Let nothing be written to the journal any more, for as long as this process lives."""
    state = disk / "state"
    if case == "remounted":
        with journal._lock:  # no record is being written
            journal._engine.dispose()
            remount(disk, "ro")
        return
    if case == "full":
        fill(disk)
        (state / RESERVE_FILE).unlink()  # what was put by is used up, too
        (disk / "log").rename(disk / "log1")
        fill(disk)
    elif case == "quota" or not writes_refused():
        resource.setrlimit(resource.RLIMIT_FSIZE, ((state / "journal.sqlite-wal").stat().st_size, resource.RLIM_INFINITY))


def writes_refused() -> bool:
    """Have the kernel answer `pwrite64`, by which SQLite writes, with EROFS in every thread; False where it has no seccomp."""
    pwrite64, seccomp = {"x86_64": (18, 317), "aarch64": (68, 277)}[platform.machine()]
    load, is_equal, end = 0x20, 0x15, 0x06
    filters = ((load, 0, 0, 0), (is_equal, 0, 1, pwrite64), (end, 0, 0, 0x00050000 | errno.EROFS), (end, 0, 0, 0x7FFF0000))
    rules = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in filters))
    program = ctypes.create_string_buffer(struct.pack("HP", len(filters), ctypes.addressof(rules)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    return bool(libc.syscall(seccomp, 1, 1, program) == 0)  # SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC


class Interrupted(Touch):
    """Acts as ever, and while one step does the disk goes."""

    def __init__(self, take: Callable[[], None]) -> None:
        self.take = take

    async def act(self, bench, step) -> None:
        await super().act(bench, step)
        if step.id == AT:
            self.take()


async def begun(folder: Path, case: str) -> dict[str, object]:
    """Begin a run, and lose the disk."""
    told: dict[str, object] = {}
    async with Hosts(folder / "hosts") as hosts:
        await hosts.open("h1", "h2")
        disk = folder / "disk"
        console = Console.on(hosts, disk / "state")
        touch = Interrupted(lambda: take_away(disk, case, console.journal))
        console = replace(console, around=replace(console.around, actions={"touch": touch}))
        if case == "full":
            fill(disk)
            try:
                await console.start()
            except JournalError as error:
                told["refused"], told["touched"] = str(error), [counts(hosts), hosts.lines(), len(console.journal.runs())]
            (disk / "log").unlink()
        session = await console.start()
        told |= await as_a_command(session, console.around.inventory)
        console.journal.close()
        lease = sorted(line.split(" ", 2)[2] for line in hosts.lines().values())
        return told | {"run": session.run_id, "done": counts(hosts), "lease": lease}


class Seen(Desk):
    """A desk whose look at the cluster costs nothing."""

    async def look(self) -> Snapshot:
        return look(facts())


async def as_a_command(session: Session, inventory: Inventory) -> dict[str, object]:
    """Do the run as `ppsconsole run --json` does, and return what came of it."""
    desk, opened = Seen(inventory), OpenRun(session, (), 1.0)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = await watched(desk, opened, Asker(Flags(), is_terminal=False), OpenRun.go, is_json=True, is_ascii=True)
    await desk.aclose()
    result = json.loads(out.getvalue().splitlines()[-1])
    said = [line.removeprefix("stopped: ") for line in err.getvalue().splitlines() if line.startswith("stopped: ")]
    return {"said": "; ".join(said), "exit_code": code, "result": [result[name] for name in ("exit_code", "state", "words")]}


async def gone_on(folder: Path) -> dict[str, object]:
    """Go on, as another console does."""
    async with Hosts(folder / "hosts") as hosts:
        await hosts.open("h1", "h2")
        console = Console.on(hosts, folder / "disk" / "state")
        async with await console.resume() as session:
            verdict = (await session.runner.run()).verdict.value
        numbers = [event.number for event in console.journal.events(session.run_id)]
        console.journal.close()
        assert numbers == list(range(1, len(numbers) + 1))
        return {"run": session.run_id, "verdict": verdict, "done": counts(hosts), "lease": list(hosts.lines())}


def main(folder: Path, case: str, role: str) -> None:
    """Prepare the disk and run two consoles; or be one of them."""
    if role:
        print(json.dumps(asyncio.run(begun(folder, case) if role == "begin" else gone_on(folder))))
        return
    (folder / "hosts").mkdir()
    (folder / "disk").mkdir()
    if case in ("full", "remounted"):
        mount(folder / "disk")
    for console in ("begin", "go-on"):
        subprocess.run([sys.executable, "-m", "tests.engine.journal_lost", str(folder), case, console], check=True)
        if case == "remounted" and console == "begin":
            remount(folder / "disk", "rw")
        for each in (folder / "disk").glob("log*"):
            each.unlink()


if __name__ == "__main__":
    os.environ.pop("SSH_AUTH_SOCK", None)
    main(Path(sys.argv[1]), sys.argv[2], "".join(sys.argv[3:]))
