"""The children of the supervisor: started, awaited and reaped by one table, orphans included."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ppsconsole.errors import LabError
from ppsconsole.lab.account import Account
from ppsconsole.lab.processes import ProcessId, identify
from ppsconsole.masking import plain

NO_SPACE = "No space left on device"  # what strerror calls ENOSPC; programs are run with LC_ALL=C.UTF-8


@dataclass(slots=True)
class Child:
    """A process that the supervisor started.

    Attributes:
        identity: Its number and start time.
        popen: Holds the pipes; never wait on it, the table does.
        exited: Comes to the exit status; negative for the signal that ended it.
    """

    identity: ProcessId
    popen: subprocess.Popen[bytes]
    exited: asyncio.Future[int]

    @property
    def pid(self) -> int:
        """The process id."""
        return self.identity.pid


class Children:
    """Starts processes and reaps everything that ends, also orphans that the kernel hands to the subreaper.

    asyncio's own subprocesses are not used beside it: two reapers would steal each other's exit status.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._table: dict[int, Child] = {}
        self._loop.add_signal_handler(signal.SIGCHLD, self.reap)

    def spawn(
        self,
        argv: Sequence[str],
        *,
        account: Account,
        cwd: Path,
        env: Mapping[str, str],
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[Any] = subprocess.DEVNULL,
        stderr: int | IO[Any] = subprocess.STDOUT,
        is_root_kept: bool = False,
    ) -> Child:
        """Start a process in a session of its own, as the service account.

        `is_root_kept` leaves privileges as they are: the program drops them itself.

        Raises:
            LabError: It could not be started.
        """
        drop: dict[str, Any] = {} if is_root_kept else account.popen_arguments()
        try:
            popen = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                bufsize=0,
                start_new_session=True,  # a Ctrl-C at the terminal is for the supervisor alone
                **drop,
            )
        except OSError as error:
            raise LabError(f"could not start {argv[0]}: {error.strerror or error}", where="lab") from error
        identity = identify(popen.pid)
        # A child that has ended already is still a zombie here (it is reaped from the event loop), so it has a stat line.
        child = Child(identity or ProcessId(popen.pid, 0), popen, self._loop.create_future())
        self._table[popen.pid] = child
        return child

    async def run(
        self,
        argv: Sequence[str],
        *,
        account: Account,
        cwd: Path,
        env: Mapping[str, str],
        stdin: bytes = b"",
        timeout_s: float = 60.0,
        is_root_kept: bool = False,
    ) -> str:
        """Run a program to its end.

        Returns:
            What it wrote, stdout and stderr together.

        Raises:
            LabError: It could not be started, failed, or did not end in time; with the last of what it wrote.
        """
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb", buffering=0) as output:
            try:
                child = self.spawn(
                    argv,
                    account=account,
                    cwd=cwd,
                    env=env,
                    stdin=subprocess.PIPE,
                    stdout=writer,
                    is_root_kept=is_root_kept,
                )
            finally:
                os.close(writer)
            if child.popen.stdin is not None:
                # What is sent is a few lines and fits in the pipe's buffer.
                with contextlib.suppress(BrokenPipeError), child.popen.stdin as pipe:
                    pipe.write(stdin)
            try:
                async with asyncio.timeout(timeout_s):
                    text = (await _read_all(output)).decode("utf-8", "replace")
                    status = await asyncio.shield(child.exited)
            except TimeoutError:
                child.popen.send_signal(signal.SIGKILL)
                raise LabError(f"{Path(argv[0]).name} did not end within {timeout_s:.0f}s", where="lab") from None
        if status != 0:
            # The last lines say why; where the disk is full, each of many lines says the same.
            said = NO_SPACE if NO_SPACE in text else plain(_last_lines(text), 600)
            raise LabError(f"{Path(argv[0]).name} failed ({status}): {said}", where="lab")
        return text

    def reap(self) -> None:
        """Take the status of everything that has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._table.pop(pid, None)
            if child is not None:
                code = os.waitstatus_to_exitcode(status)
                child.popen.returncode = code  # so that Popen does not try to wait for it again
                if not child.exited.done():
                    child.exited.set_result(code)


def _last_lines(text: str) -> str:
    """Return the end of `text`, from the beginning of a line on."""
    return text if len(text) <= 600 else text[-600:].partition("\n")[2] or text[-600:]


async def _read_all(output: IO[bytes]) -> bytes:
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), output)
    try:
        return await stream.read()
    finally:
        transport.close()
