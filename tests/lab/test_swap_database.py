"""Both renames of a swap on a real server, cut between them by SIGKILL: whoever comes next finishes or backs out."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.copying import copy_name
from ppsconsole.actions.restore_database import whole_mark
from ppsconsole.actions.swap_database import SwapDatabase
from ppsconsole.clock import SystemClock
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Inventory
from tests.lab.conftest import wait_for
from tests.lab.pg_pair import wheel_binaries
from tests.lab.postgres_server import PASSWORD, PostgresServer, postgres_with_passfile
from tests.unit.runbook_cases import plan
from tests.unit.test_restore_plan import failed_over, with_dumps

LIMIT_S = 120.0
WAITS = (
    "SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) WHERE NOT l.granted AND l.locktype = 'object' "
    "AND l.classid = 'pg_database'::regclass AND a.application_name = 'ppsconsole swap'"
)
"""Sessions that have renamed one database, and wait to rename the other."""


class Host:
    """The one host of this test, and all commands on it."""

    async def look(self, host: str, command: str, *, timeout_s: float = LIMIT_S) -> CommandResult:
        line = ["/bin/sh", "-c", command]
        done = await asyncio.to_thread(subprocess.run, line, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        return CommandResult(done.returncode, done.stdout, done.stderr, 0.0)

    async def act(self, host: str, command: str, *, node: str, timeout_s: float) -> CommandResult:
        return await self.look(host, command)


@dataclass
class Scene:
    """A server with the database `pleasant` and a copy of it that a run has restored and compared."""

    server: PostgresServer
    inventory: Inventory
    run: str

    def bench(self) -> Workbench:
        """Return what a console that goes on with the run knows of it: what its journal tells."""
        made = plan(failed_over(), "restore", to="db1", inventory=self.inventory)
        hosts: Any = Host()
        bench = Workbench(self.inventory, made, self.run, SystemClock(), None, hosts, lambda words: None)
        bench.note(made.step("restore-database"), oid=self.oids()[self.copy], limit=-1, comment="")
        bench.note(made.step("compare-databases"), rows=1)
        return bench

    @property
    def copy(self) -> str:
        return copy_name("pleasant", "restore", self.run)

    def oids(self) -> dict[str, int]:
        return {str(name): int(str(oid)) for name, oid in self.server.execute("SELECT datname, oid FROM pg_database")}

    def told(self) -> str:
        """Return whose data a user finds in the database of the name."""
        way = {"host": self.server.address, "port": self.server.port, "user": "pps", "password": PASSWORD, "dbname": "pleasant"}
        with psycopg.connect(**way, connect_timeout=30) as connection:  # type: ignore[arg-type]
            return str(connection.execute("SELECT whose FROM data").fetchone()[0])  # type: ignore[index]

    @contextmanager
    def cut_between(self, bench: Workbench) -> Iterator["subprocess.Popen[bytes]"]:
        """Swap, and come back between the two renames: the second one waits for a lock until the block ends."""
        [sent] = asyncio.run(sent_by(SwapDatabase().act, bench))
        with self.server.connect() as holder, holder.transaction(force_rollback=True):
            holder.execute(f"COMMENT ON DATABASE {self.copy} IS 'holds the lock'")  # type: ignore[arg-type]
            shell = subprocess.Popen(["/bin/sh", "-c", sent], start_new_session=True)
            try:
                wait_for(lambda: self.server.execute(WAITS) == [(1,)], "one is renamed, the other is not", LIMIT_S)
                yield shell
            finally:
                if shell.poll() is None:
                    os.killpg(shell.pid, signal.SIGKILL)
                shell.wait(LIMIT_S)


async def sent_by(act: Callable[[Workbench, Any], Awaitable[None]], bench: Workbench) -> list[str]:
    """Return the commands that an act would send, with what its precheck noted."""
    step, sent = bench.plan.step("swap-database"), []
    found = await SwapDatabase().precheck(bench, step)
    assert found.state == "yes", found.words
    bench.note(step, **found.values)

    class Kept(Host):
        async def act(self, host: str, command: str, *, node: str, timeout_s: float) -> CommandResult:
            sent.append(command)
            return CommandResult(0, "", "", 0.0)

    hosts: Any = Kept()
    await act(replace(bench, hosts=hosts), step)
    return sent


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_with_passfile() as server:
        yield server


@pytest.fixture
def scene(server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[Scene]:
    plain = with_dumps()
    passfile = Path(server.folder) / "pass"
    login = f"host={server.address} port={server.port} user=pps passfile={passfile}"
    instances = {
        name: replace(each, dumps={"db1": login}, bin_directory=str(wheel_binaries()))
        for name, each in plain.database.instances.items()
    }
    scene = Scene(server, replace(plain, database=replace(plain.database, instances=instances)), "1a2b3c")
    for name, whose in (("pleasant", "old"), (scene.copy, "new")):
        server.execute(f"CREATE DATABASE {name}")
        way = {"host": server.address, "port": server.port, "user": "pps", "password": PASSWORD, "dbname": name}
        with psycopg.connect(**way, autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute(f"CREATE TABLE data AS SELECT '{whose}' AS whose")  # type: ignore[arg-type]
    server.execute(f"COMMENT ON DATABASE {scene.copy} IS '{whole_mark(scene.run)}'")
    yield scene
    for name in scene.oids():
        if name.startswith("pleasant"):
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("is_all_killed", [True, False], ids=["its-host's-processes-too", "the-console-alone"])
def test_who_backs_out_between_the_renames_has_the_old_database_back_and_open(scene: Scene, is_all_killed: bool) -> None:
    before, bench, swap = scene.oids(), scene.bench(), SwapDatabase()
    step = bench.plan.step("swap-database")
    with scene.cut_between(bench) as shell:
        if is_all_killed:
            os.killpg(shell.pid, signal.SIGKILL)
        assert scene.oids() == before, "there is a database of the name at every moment"
        assert scene.server.execute("SELECT datname FROM pg_database WHERE datname ~ '^pleasant' AND datallowconn") == []
        asyncio.run(swap.undo(bench, step))
        if not is_all_killed:
            shell.wait(LIMIT_S)  # ended with its session, which whoever backs out has ended
        found = asyncio.run(swap.verify_undone(bench, step))
        assert found.state == "yes", found.words
    assert (scene.oids(), scene.told()) == (before, "old")


def test_who_goes_on_between_the_renames_finishes_and_a_second_time_changes_nothing(scene: Scene) -> None:
    before, bench, swap = scene.oids(), scene.bench(), SwapDatabase()
    step, aside = bench.plan.step("swap-database"), copy_name("pleasant", "before", scene.run)
    with scene.cut_between(bench) as shell:
        os.killpg(shell.pid, signal.SIGKILL)
    assert asyncio.run(swap.verify(bench, step)).state == "no"
    for _ in range(2):
        found = asyncio.run(swap.precheck(bench, step))
        assert found.state == "yes", found.words
        bench.note(step, **found.values)
        asyncio.run(swap.act(bench, step))
        found = asyncio.run(swap.verify(bench, step))
        assert found.state == "yes", found.words
    after = scene.oids()
    assert (after["pleasant"], after[aside], scene.told()) == (before[scene.copy], before["pleasant"], "new")
    asyncio.run(swap.undo(bench, step))
    found = asyncio.run(swap.verify_undone(bench, step))
    assert found.state == "yes", found.words
    assert (scene.oids(), scene.told()) == (before, "old")
