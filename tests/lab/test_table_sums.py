"""Counts and hashes of a database, taken by a real psql of a real server: the same wherever the rows lie."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from ppsconsole.actions.table_sums import parse_sums, sequences_command, sums_command
from ppsconsole.cluster.database_sums import DatabaseSums
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import BadAnswer
from tests.lab.pg_pair import wheel_binaries
from tests.lab.postgres_server import PostgresServer, postgres_with_passfile

_MADE = """
CREATE SCHEMA "Odd one";
CREATE TABLE "Odd one"."r" (r int, "a b" text, at timestamptz, j jsonb, x float8, b bytea);
CREATE TABLE empty_one (id int);
CREATE TABLE no_columns ();
CREATE TABLE parts (id bigint GENERATED ALWAYS AS IDENTITY, v text) PARTITION BY RANGE (id);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (100) TO (10000);
INSERT INTO no_columns DEFAULT VALUES;
INSERT INTO "Odd one"."r"
    SELECT g, 'it''s ' || g, timestamptz '2026-01-01 00:00Z' + g * interval '1 s', '{"a": 1}', g / 3.0, '\\xff'
    FROM generate_series(1, 3000) g;
INSERT INTO parts (v) SELECT repeat('v', g) FROM generate_series(1, 200) g;
SELECT lo_from_bytea(4711, '\\x0102');
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_with_passfile() as server:
        for name in ("one", "two"):
            server.execute(f"CREATE DATABASE {name}")
            _in(server, name, _MADE)
        yield server


def _connection(server: PostgresServer, name: str) -> str:
    return f"host={server.address} port={server.port} user=pps passfile={server.folder / 'pass'} dbname={name}"


def _shell(command: str) -> CommandResult:
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    return CommandResult(done.returncode, done.stdout, done.stderr, 0.0)


def _in(server: PostgresServer, name: str, sql: str) -> None:
    environment = {**os.environ, "PGOPTIONS": "-c TimeZone=Asia/Tokyo -c DateStyle=German"}
    done = subprocess.run(
        [wheel_binaries() / "psql", "-Xqw", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-d", _connection(server, name)],
        input=sql,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _sums(server: PostgresServer, name: str, snapshot: str = "") -> DatabaseSums:
    return parse_sums(_shell(sums_command(_psql(), _connection(server, name), snapshot=snapshot)))


def _psql() -> str:
    return str(wheel_binaries() / "psql")


def test_the_same_rows_in_another_order_are_the_same(server: PostgresServer) -> None:
    before = _sums(server, "one")
    assert before.tables['"Odd one".r'].rows == 3000
    assert (before.tables["public.no_columns"].rows, before.tables["public.empty_one"].rows) == (1, 0)
    assert (before.tables["public.parts_low"].rows, before.tables["public.parts_high"].rows) == (99, 101)
    assert (before.sequences["public.parts_id_seq"], before.large_objects.rows) == ("200", 1)
    assert before.extensions.keys() == {"plpgsql"}
    assert before.differences(_sums(server, "two")) == ()
    _in(server, "two", "UPDATE \"Odd one\".r SET r = r WHERE r % 2 = 0; ALTER DATABASE two SET TimeZone = 'Asia/Tokyo'")
    assert before.differences(_sums(server, "two")) == ()
    assert DatabaseSums.from_json(before.as_json()) == before


def test_each_kind_of_difference_is_told(server: PostgresServer) -> None:
    server.execute("CREATE DATABASE three TEMPLATE one")
    _in(
        server,
        "three",
        """
        UPDATE "Odd one".r SET "a b" = 'its 17' WHERE r = 17;
        INSERT INTO empty_one VALUES (1);
        INSERT INTO parts (v) VALUES ('more');
        DROP TABLE no_columns;
        CREATE INDEX ON empty_one (id);
        SELECT lo_put(4711, 0, '\\x09');
        CREATE TABLE another ();
        """,
    )
    found = _sums(server, "one").differences(_sums(server, "three"), "on db1", "on db2")
    assert found == (
        'table "Odd one".r: 3000 rows on both sides, and not the same ones',
        "table public.another is missing on db1",
        "table public.empty_one: 0 rows on db1, 1 on db2",
        "table public.no_columns is missing on db2",
        "table public.parts_high: 101 rows on db1, 102 on db2",
        "large objects: 1 of them on both sides, and not the same ones",
        "sequence public.parts_id_seq: 200 on db1, 201 on db2",
        "number of indexes: none on db1, 1 on db2",
    )


def test_an_exported_snapshot_is_what_is_counted(server: PostgresServer) -> None:
    server.execute("CREATE DATABASE four TEMPLATE one")
    before = _sums(server, "four")
    with psycopg.connect(_connection(server, "four")) as held:
        held.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = held.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        _in(server, "four", "INSERT INTO empty_one VALUES (7)")
        assert before.differences(_sums(server, "four", str(row[0]))) == ()
        assert before.differences(_sums(server, "four")) == ("table public.empty_one: 0 rows here, 1 there",)
        # Sequences stand outside of it: what a dump has of them is bracketed.
        asked = sequences_command(_psql(), _connection(server, "four"), snapshot=str(row[0]))
        first = parse_sums(_shell(asked)).sequences
        _in(server, "four", "SELECT nextval('parts_id_seq')")
        found = _sums(server, "four", str(row[0]))
        _in(server, "four", "SELECT nextval('parts_id_seq')")
        last = _sums(server, "four", str(row[0]))
        assert last.differences(found) == ("sequence public.parts_id_seq: 202 here, 201 there",)
        assert replace(last, sequences_before=first).differences(found) == ()


def test_what_was_not_counted_is_no_answer(server: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(BadAnswer, match='database "nobody" does not exist'):
        _sums(server, "nobody")
    with pytest.raises(BadAnswer, match="invalid snapshot identifier"):
        _sums(server, "one", "00000003-0000001B-1'; DROP TABLE users --")
    whole = _shell(sums_command(_psql(), _connection(server, "one"))).stdout
    with pytest.raises(BadAnswer, match="cut off"):
        parse_sums(CommandResult(0, whole.partition('["end"]')[0], "", 0.0))
    with pytest.raises(BadAnswer, match="no count of a database"):
        parse_sums(CommandResult(0, "Welcome to this host\n", "", 0.0))
