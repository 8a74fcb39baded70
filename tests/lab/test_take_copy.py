"""A copy put in the place of what PPS uses, and put back, on a real server: by renaming, with nothing lost on the way."""

import asyncio
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ppsconsole.actions.alternate_database import archival_name, comment_sql, held
from ppsconsole.actions.alternate_home import rights_command
from ppsconsole.actions.base import Workbench
from ppsconsole.actions.take_copy import TakeCopy
from ppsconsole.clock import SystemClock
from ppsconsole.cluster.copies import Copy
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step
from tests.lab.pg_pair import wheel_binaries
from tests.lab.postgres_server import PostgresServer, postgres_with_passfile
from tests.unit import alternate_cases

TAKEN_AT = 1_795_000_000.0
NAME = archival_name("pleasant", TAKEN_AT)
COPY = Copy(NAME, "pps-1", "lab", TAKEN_AT, "9.1.11.0", is_verified=True)


def _shell(command: str) -> CommandResult:
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    return CommandResult(done.returncode, done.stdout, done.stderr, 0.0)


class Here:
    """Runs what is sent to the database's host on this machine."""

    async def look(self, _: str, command: str, *, timeout_s: float = 10.0) -> CommandResult:
        return await asyncio.to_thread(_shell, command)

    async def act(self, host: str, command: str, **_: Any) -> CommandResult:
        return await self.look(host, command)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_with_passfile() as server:
        server.execute('CREATE DATABASE "pleasant"')
        server.execute(f'CREATE DATABASE "{NAME}"')
        server.execute(comment_sql(COPY).rstrip(";"))
        yield server


def _inventory(server: PostgresServer) -> Inventory:
    inventory = alternate_cases.declared()
    login = f"host={server.address} port={server.port} user=pps passfile={server.folder / 'pass'}"
    database = replace(inventory.alternates["alt1"].database, maintenance=login, bin_directory=str(wheel_binaries()))
    return replace(inventory, alternates={"alt1": replace(inventory.alternates["alt1"], database=database)})


def _step(system: str) -> Step:
    held_by = {"database": NAME, "bundle": "pps-1", "cluster": "lab", "taken_at": repr(TAKEN_AT), "version": "9.1.11.0"}
    return Step("take-copy", "", "take-copy", "alt1", "alt1", {**held_by, "system": system})


def _bench(inventory: Inventory) -> Workbench:
    plan = Plan("alternate-activate", "lab", "alt1", "", 0.0, (), (), (), Loss(LossTier.NONE), {}, 0.0)
    return Workbench(inventory, plan, "abcd1234", SystemClock(), None, Here(), lambda _: None)


def _system(server: PostgresServer) -> str:
    ((found,),) = server.execute("SELECT system_identifier::text FROM pg_control_system()")
    return str(found)


def test_it_is_taken_and_put_back(server: PostgresServer) -> None:
    inventory, action, step = _inventory(server), TakeCopy(), _step(_system(server))
    bench, alternate = _bench(inventory), inventory.alternates["alt1"]

    async def story() -> None:
        found = await action.precheck(bench, step)
        assert (found.state, found.values["aside"]) == ("yes", "pleasant_before_abcd1234")
        bench.note(step, **found.values)
        await action.act(bench, step)
        assert (await action.verify(bench, step)).state == "yes"
        copies, databases = await held(bench, alternate)
        # Users write into it from now on: what was compared holds no more.
        assert [(each.database, each.bundle, each.is_verified) for each in copies] == [("pleasant", "pps-1", False)]
        assert set(databases) >= {"pleasant", "pleasant_before_abcd1234"}

        await action.undo(bench, step)
        assert (await action.verify_undone(bench, step)).state == "yes"
        copies, databases = await held(bench, alternate)
        assert [replace(each, size_bytes=0) for each in copies] == [COPY]
        assert "pleasant_before_abcd1234" not in databases

    asyncio.run(story())


def test_another_server_is_left_alone(server: PostgresServer) -> None:
    inventory, action, step = _inventory(server), TakeCopy(), _step("7000000000000000009")
    bench = _bench(inventory)

    async def story() -> None:
        bench.note(step, **(await action.precheck(bench, step)).values)
        with pytest.raises(RunError, match="this is another database server than was planned for"):
            await action.act(bench, step)
        assert (await action.verify(bench, step)).state == "no"

    asyncio.run(story())


_RIGHTS = (
    "SELECT relname, relacl::text FROM pg_class WHERE relname = 't' UNION ALL "
    "SELECT attname, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL AND attname = 'a' UNION ALL "
    "SELECT proname, proacl::text FROM pg_proc WHERE proname = 'f' UNION ALL "
    "SELECT nspname, nspacl::text FROM pg_namespace WHERE nspname = 's'"
)


def test_what_comes_home_gets_the_rights_that_the_old_database_has(server: PostgresServer) -> None:
    inventory = alternate_cases.declared()
    login = f"host={server.address} port={server.port} user=pps passfile={server.folder / 'pass'}"
    db1 = replace(inventory.database.instances["db1"], dumps={"db1": login}, bin_directory=str(wheel_binaries()))
    group = replace(inventory.database, database="home", instances={**inventory.database.instances, "db1": db1})
    inventory = replace(inventory, database=group)
    server.execute('CREATE ROLE "odd role"')

    def ask(name: str, sql: str) -> CommandResult:
        psql = shlex.quote(f"{wheel_binaries()}/psql")
        return _shell(f"{psql} -XAtq -v ON_ERROR_STOP=1 -d {shlex.quote(f'{login} dbname={name}')} -c {shlex.quote(sql)}")

    for name in ("home", "home_restore_r"):
        server.execute(f'CREATE DATABASE "{name}"')
        made = ask(
            name, "CREATE SCHEMA s; CREATE TABLE s.t (a int, b int); CREATE FUNCTION s.f() RETURNS int LANGUAGE sql RETURN 1"
        )
        assert made.exit_status == 0, made.stderr
    granted = ask(
        "home",
        'GRANT USAGE ON SCHEMA s TO "odd role"; GRANT SELECT ON s.t TO "odd role"; GRANT INSERT (a) ON s.t TO "odd role"; '
        "REVOKE EXECUTE ON FUNCTION s.f() FROM PUBLIC",
    )
    assert granted.exit_status == 0, granted.stderr
    done = _shell(rights_command(inventory, "db1", "r"))
    assert (done.exit_status, done.stdout) == (0, ""), done.stderr
    assert "odd role" in ask("home", _RIGHTS).stdout
    assert ask("home_restore_r", _RIGHTS).stdout == ask("home", _RIGHTS).stdout
    # What cannot be given, since it is not there, is told and keeps nobody out.
    assert ask("home_restore_r", "DROP FUNCTION s.f()").exit_status == 0
    done = _shell(rights_command(inventory, "db1", "r"))
    assert (done.exit_status, "error:" in done.stdout) == (0, True), done.stderr
