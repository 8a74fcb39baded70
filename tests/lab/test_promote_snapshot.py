"""A snapshot copy on a real server: told by the comment on its database, and made the primary by psql."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from ppsconsole.actions.copying import asked_command
from ppsconsole.actions.promote_snapshot import _ASK, PromoteSnapshot
from ppsconsole.cluster.copies import Copy, copy_of
from ppsconsole.drivers.postgres_query import Sight, parse_status, status_sql
from ppsconsole.plan.step import Step
from tests.lab.pg_pair import wheel_binaries
from tests.lab.postgres_server import PASSWORD, PostgresServer, postgres_with_passfile
from tests.unit import runbook_cases

COPY = Copy("snap's", "nightly", "lab", 1_795_000_000.0, "9.1.11.0", is_verified=True)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_with_passfile() as server:
        yield server


def _shell(command: str) -> str:
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_its_mark_is_read_and_taken_away(server: PostgresServer) -> None:
    server.execute('CREATE DATABASE "snap\'s"')
    inventory = runbook_cases.declared()
    login = f"host={server.address} port={server.port} user=pps passfile={server.folder / 'pass'}"
    db2 = replace(inventory.database.instances["db2"], dumps={"db2": login}, bin_directory=str(wheel_binaries()))
    group = replace(inventory.database, database="snap's", instances={**inventory.database.instances, "db2": db2})
    inventory = replace(inventory, database=group)
    with psycopg.connect(f'{login} dbname="snap\'s"'.replace('"', ""), password=PASSWORD, autocommit=True) as connection:
        connection.execute(f'COMMENT ON DATABASE "snap\'s" IS {psycopg.sql.Literal(COPY.comment()).as_string(connection)}')
        sight = Sight(connection.info.server_version, True, True, True)
        row = connection.execute(status_sql(sight)).fetchone()
        assert row is not None
        status = parse_status(row[0], sight, 0.1)
        assert copy_of("snap's", status.comment) == COPY

        asked = _shell(asked_command(inventory, "db2", "db2", "snap's", _ASK)).split("|", 2)
        assert (asked[0], asked[1], copy_of("snap's", asked[2])) == ("false", "off", COPY)
        step = Step("promote", "", "promote-snapshot", "db2", "db2", {"primary": "db1", "bundle": "nightly"})
        (command,) = PromoteSnapshot().commands(inventory, step)
        _shell(command.partition("$ ")[2])
        row = connection.execute(status_sql(sight)).fetchone()
        assert row is not None
        after = parse_status(row[0], sight, 0.1)
        assert copy_of("snap's", after.comment) is None
        assert after.comment == "primary since run RUN; it was the snapshot nightly"
