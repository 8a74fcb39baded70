"""A server that has given away all its connections: told as that, by whatever words it says so, and what keeps one free."""

import asyncio
import contextlib
from collections.abc import Iterator

import psycopg
import pytest

from ppsconsole.drivers.postgres_connect import NoConnectionLeft
from tests.lab.conftest import wait_for
from tests.lab.postgres_server import PASSWORD, PostgresServer, running_postgres, shared_folder
from tests.lab.test_postgres_driver import Looker

MONITOR, PPS = "monitor", "pps_web"
KEPT = ("ALTER SYSTEM SET reserved_connections = 3", f"GRANT pg_use_reserved_connections TO {MONITOR}")
"""What the README tells admins to do, on PostgreSQL 16 and newer."""


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with shared_folder() as folder, running_postgres(folder / "server") as made:
        made.execute(f"CREATE ROLE {MONITOR} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor")
        made.execute(f"CREATE ROLE {PPS} LOGIN PASSWORD '{PASSWORD}'")
        yield made


@contextlib.contextmanager
def taken(server: PostgresServer, **numbers: int) -> Iterator[str]:
    """Take so many connections by each user, all that it can get; give what is said to the last one when it wants one more.

    A session that ended a moment ago may hold its place still: one that is refused is tried again until all places are ours.
    """
    with contextlib.ExitStack() as stack:

        def is_taken(user: str) -> bool:
            try:
                stack.enter_context(contextlib.closing(connected(server, user)))
            except psycopg.OperationalError:
                return False
            return True

        for user, number in numbers.items():
            for each in range(number):
                wait_for(lambda user=user: is_taken(user), f"connection {each + 1} of {user}", 120)
        with pytest.raises(psycopg.OperationalError) as refused:
            connected(server, user)
        yield str(refused.value)


def connected(server: PostgresServer, user: str) -> psycopg.Connection[tuple[object, ...]]:
    place = f"host={server.address} port={server.port} user={user} password={PASSWORD} dbname=postgres"
    return psycopg.connect(place, connect_timeout=60)


def looked(server: PostgresServer, user: str) -> None:
    """Look as the console does."""

    async def main() -> None:
        async with Looker({"db1": (server.address, server.port)}, user=user, secret="OWN", database="postgres") as looker:
            found = await looker.look("db1")
            assert found.in_recovery is False

    asyncio.run(main())


def test_a_server_without_a_connection_left_is_told_as_that_and_one_can_be_kept_free(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PPSCONSOLE_TEST_OWN", PASSWORD)
    looked(server, MONITOR)
    [[all_of_them]] = server.execute("SHOW max_connections")
    users = int(str(all_of_them)) - 3  # superuser_reserved_connections
    for superusers, words in ((0, "connection slots are reserved"), (3, "too many clients already")):
        with taken(server, **{PPS: users, **({"pps": superusers} if superusers else {})}) as said:
            assert words in said
            with pytest.raises(NoConnectionLeft, match=f"has no connection left: FATAL: .*{words}") as raised:
                looked(server, MONITOR)
            assert raised.value.word == "no-connection-left"
            assert f"reserved_connections = 3 and GRANT pg_use_reserved_connections TO {MONITOR}" in raised.value.remedy
    server.execute(f"ALTER ROLE {MONITOR} CONNECTION LIMIT 0")
    with pytest.raises(NoConnectionLeft, match="too many connections for role"):
        looked(server, MONITOR)
    for each in (f"ALTER ROLE {MONITOR} CONNECTION LIMIT -1", *KEPT):
        server.execute(each)
    server.stop()
    server.start()
    with taken(server, **{PPS: users - 3}) as said:
        assert "pg_use_reserved_connections" in said
        looked(server, MONITOR)
