"""The services of the hosts: what systemd or the Windows service manager is elsewhere."""

import asyncio
import contextlib
import os
import signal
import stat
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ppsconsole.errors import LabError
from ppsconsole.lab.account import Account
from ppsconsole.lab.children import Child, Children
from ppsconsole.lab.fabric import Fabric
from ppsconsole.lab.layout import LabHost
from ppsconsole.lab.processes import ProcessId, descendants, send, state_letter, working_below
from ppsconsole.masking import plain

START_LIMIT_S = 30.0
STOP_LIMIT_S = 15.0
_GUARD_LIMIT_S = 20.0

State = Literal["running", "stopped", "frozen", "failed", "starting"]


@dataclass(frozen=True, slots=True)
class Program:
    """How a service is run.

    Attributes:
        stop_signal: What asks it to end in good order.
        is_ready: Whether it serves; asked again until it says yes.
        is_root_kept: Started as root because it drops privileges itself (its interpreter may be closed to the account).
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    stop_signal: signal.Signals
    is_ready: Callable[[], Awaitable[bool]]
    is_root_kept: bool = False


class Service:
    """One server of a host: started, stopped, watched; its pid file says how it stands to whoever logs in.

    Attributes:
        host: Where it runs.
        name: `db`, `pps` or `nginx`.
    """

    def __init__(
        self,
        host: LabHost,
        name: str,
        program: Program,
        *,
        children: Children,
        fabric: Fabric,
        account: Account,
        record: Callable[[str, ProcessId], None],
    ) -> None:
        self.host, self.name = host, name
        self._program, self._children, self._fabric, self._account = program, children, fabric, account
        self._record = record
        self._child: Child | None = None
        self._is_stopping = False
        self._has_failed = False
        self._is_starting = False
        self._lock = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        """How it stands now."""
        if self._child is not None and self._child.identity.is_alive:
            if state_letter(self._child.pid) in ("T", "t"):
                return "frozen"
            return "starting" if self._is_starting else "running"
        return "failed" if self._has_failed or self._child is not None else "stopped"

    @property
    def pid(self) -> int | None:
        """Number of its main process, None when it does not run."""
        return self._child.pid if self._child is not None and self._child.identity.is_alive else None

    @property
    def is_enabled(self) -> bool:
        """Whether it starts when the host boots."""
        return self._flag("enabled").exists()

    def processes(self) -> list[int]:
        """Return its processes, the main one first."""
        if self.pid is None:
            return working_below(str(self._program.cwd)) if self.name == "db" else []
        return [self.pid, *descendants(self.pid)]

    async def start(self) -> str:
        """Start it and wait until it serves.

        Returns:
            What happened, one sentence.

        Raises:
            LabError: It ended again, or did not serve in time; with the end of its log.
        """
        async with self._lock:
            if self.pid is not None:
                return f"{self.name} is running already"
            await self._await_leftovers()
            self._is_stopping = self._has_failed = False
            self._is_starting = True
            self._run_file("starting").touch()
            try:
                await self._start()
            finally:
                self._is_starting = False
                self._run_file("starting").unlink(missing_ok=True)
            return f"{self.name} started"

    async def stop(self) -> str:
        """Ask it to end in good order and wait for that.

        Returns:
            What happened, one sentence.

        Raises:
            LabError: It has not ended in time. It is left as it is: killing it is somebody's decision.
        """
        async with self._lock:
            child = self._child
            if child is None or not child.identity.is_alive:
                self._has_failed = False
                self._run_file("pid").unlink(missing_ok=True)
                return f"{self.name} is not running"
            self._is_stopping = True
            send([child.pid], self._program.stop_signal)
            try:
                async with asyncio.timeout(STOP_LIMIT_S):
                    await asyncio.shield(child.exited)
                    if self._watch is not None:
                        await asyncio.shield(self._watch)
            except TimeoutError:
                raise LabError(f"{self.name} has not stopped within {STOP_LIMIT_S:.0f}s", where=self.host.name) from None
            return f"{self.name} stopped"

    async def ended(self) -> None:
        """Wait until its main process has ended."""
        if self._child is not None:
            await asyncio.shield(self._child.exited)

    async def kill(self) -> None:
        """SIGKILL it: the postmaster alone, whose children notice; the whole tree of anything else."""
        tree = self.processes()
        if self.name == "db" and self.pid is not None and self.state != "frozen":
            tree = [self.pid]
        send(tree, signal.SIGKILL)
        if self._watch is not None:
            await asyncio.shield(self._watch)
        await self._await_leftovers()

    def freeze(self) -> None:
        """SIGSTOP all its processes, until none is left running: a server may fork while it is stopped."""
        for _ in range(5):
            moving = [pid for pid in self.processes() if state_letter(pid) not in ("T", "t", "Z", None)]
            if not moving:
                return
            send(moving, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT all its processes."""
        send(self.processes(), signal.SIGCONT)

    async def _guarded(self) -> None:
        """Run the boot guard of a database where one was installed, as `ExecStartPre` of systemd does.

        Raises:
            LabError: It keeps the database from starting; with what it said.
        """
        guard = Path(f"{self._program.cwd}.boot-guard")
        if self.name == "db" and os.access(guard, os.X_OK):
            await self._children.run(
                [str(guard)], account=self._account, cwd=self.host.home, env=self._program.env, timeout_s=_GUARD_LIMIT_S
            )

    async def _start(self) -> None:
        await self._guarded()
        log = self.host.home / "log" / f"{self.name}.log"
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as output:
            self._account.own(log)
            began = output.tell()
            child = self._children.spawn(
                self._program.argv,
                account=self._account,
                cwd=self._program.cwd,
                env=self._program.env,
                stdout=output,
                is_root_kept=self._program.is_root_kept,
            )
        self._child = child
        self._record(f"{self.host.name}/{self.name}", child.identity)
        self._account.write(self._run_file("pid"), f"{child.pid} {child.identity.start}\n", 0o644)
        self._watch = asyncio.get_running_loop().create_task(self._observe(child))
        limit = time.monotonic() + START_LIMIT_S
        while not child.exited.done():
            if await self._program.is_ready():
                self._fabric.serve(self.host.name, self.name, True)
                return
            if time.monotonic() > limit:
                raise LabError(f"{self.name} does not serve {START_LIMIT_S:.0f}s after its start", where=self.host.name)
            await asyncio.wait([child.exited], timeout=0.02)
        with log.open("rb") as file:
            file.seek(began)
            said = file.read()[-1200:].decode("utf-8", "replace")
        raise LabError(f"{self.name} ended at once: {plain(said, 500) or 'it said nothing'}", where=self.host.name)

    async def _observe(self, child: Child) -> None:
        status = await asyncio.shield(child.exited)
        self._fabric.serve(self.host.name, self.name, False)
        self._has_failed = not self._is_stopping and status != 0
        self._child = None
        if not self._has_failed:
            self._run_file("pid").unlink(missing_ok=True)

    async def _await_leftovers(self) -> None:
        """Wait until the children of a killed postmaster are gone: they hold its shared memory."""
        if self.name != "db":
            return
        limit = time.monotonic() + 10.0
        while left := working_below(str(self._program.cwd)):
            if time.monotonic() > limit:
                raise LabError(f"processes {left} of the killed server are still there", where=self.host.name)
            # A frozen child cannot notice that its postmaster is gone.
            send([pid for pid in left if state_letter(pid) in ("T", "t")], signal.SIGKILL)
            await asyncio.sleep(0.02)

    def _run_file(self, kind: str) -> Path:
        return self.host.home / "run" / f"{self.name}.{kind}"

    def _flag(self, kind: str) -> Path:
        return self.host.home / "etc" / f"{self.name}.{kind}"


async def accepts(address: str, port: int) -> bool:
    """Return whether something accepts connections at `address:port`."""
    try:
        async with asyncio.timeout(2.0):
            _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


class RequestLine:
    """The way from a service program to the supervisor: a FIFO in the host's run folder.

    A line is `REPLY SERVICE VERB`; the answer goes to the FIFO `run/reply.REPLY` as `EXITCODE WORDS`.
    """

    def __init__(self, host: LabHost, account: Account, answer: Callable[[str, str], Awaitable[str]]) -> None:
        self._folder = host.home / "run"
        self._answer = answer
        self._buffer = b""
        self._tasks: set[asyncio.Task[None]] = set()
        path = self._folder / "init"
        os.mkfifo(path, 0o600)
        account.own(path)
        # Read and write: so there is always a writer, and the line never ends.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def close(self) -> None:
        """Stop listening."""
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._buffer += os.read(self._descriptor, 4096)
        *lines, self._buffer = self._buffer[-4096:].split(b"\n")
        for line in lines:
            match line.decode("ascii", "replace").split():
                case [reply, service, ("start" | "stop") as verb] if reply.isdigit():
                    task = asyncio.get_running_loop().create_task(self._handle(reply, service, verb))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    async def _handle(self, reply: str, service: str, verb: str) -> None:
        try:
            words = f"0 {await self._answer(service, verb)}"
        except LabError as error:
            words = f"1 {plain(str(error))}"
        limit = time.monotonic() + 5.0
        while time.monotonic() < limit:
            try:
                # Not following links and writing only to a FIFO: the folder belongs to the service account, we may be root.
                descriptor = os.open(self._folder / f"reply.{reply}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
            except OSError:
                await asyncio.sleep(0.01)  # not opened for reading yet
                continue
            try:
                if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                    with contextlib.suppress(BrokenPipeError):
                        os.write(descriptor, f"{words}\n".encode())
            finally:
                os.close(descriptor)
            return
