"""The load generator: what it counts, by value, and against a real stand-in on a real PostgreSQL."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from ppsconsole.errors import LabError, LoginRefused, UsageError
from ppsconsole.lab.load import main
from ppsconsole.lab.load_client import Front
from ppsconsole.lab.load_generator import LoadGenerator
from ppsconsole.lab.load_ledger import Ledger, read_ledger
from ppsconsole.lab.load_report import KindReport, LoadReport, LostWrite, Verification
from ppsconsole.lab.load_tally import Tally
from tests.lab.postgres_server import PostgresServer, running_postgres, shared_folder
from tests.lab.standin_node import ADMIN_PASSWORD, StandinNode, running_standin

_DEADLINE_S = 120.0


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with shared_folder() as made:
        yield made


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[PostgresServer]:
    with running_postgres(folder / "db1") as server:
        yield server


@pytest.fixture(scope="module")
def node(folder: Path, database: PostgresServer) -> Iterator[StandinNode]:
    with running_standin(folder / "web1", database, address="127.0.0.21") as started:
        started.wait_for(200)
        yield started


def generator(node: StandinNode, tmp_path: Path, **arguments: float) -> LoadGenerator:
    rate = arguments.get("rate", 100.0)
    return LoadGenerator(
        node.url,
        node.certificate,
        "admin",
        ADMIN_PASSWORD,
        ledger=tmp_path / "ledger",
        rate=rate,
        timeout_s=arguments.get("timeout_s", 60.0),
    )


def loaded(
    node: StandinNode, tmp_path: Path, during: Callable[[LoadGenerator], Awaitable[None]], **arguments: float
) -> tuple[LoadReport, Verification]:
    """Run a load, with `during` in the middle, and return what it came to."""

    async def run() -> tuple[LoadReport, Verification]:
        load = generator(node, tmp_path, **arguments)
        try:
            await load.start()
            await until(lambda: load.report().writes.acknowledged > 10)
            await during(load)
            report = await load.stop()
            return report, await load.verify()
        finally:
            await load.close()

    return asyncio.run(run())


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(_DEADLINE_S):
        while not is_so():  # noqa: ASYNC110 -- what is waited for is counted, not signalled
            await asyncio.sleep(0.01)


async def quiet(load: LoadGenerator) -> None:
    await until(lambda: all(kind.acknowledged for kind in load.report().kinds))


# by value


def test_a_slow_pace_is_no_outage() -> None:
    tally = Tally("logins", 0.0)
    for at in (0.0, 10.0, 20.0):
        tally.tried(at)
        tally.acknowledged(at, at + 0.01)
    report = tally.report(30.0)
    assert (report.attempts, report.acknowledged, report.failed, report.outages) == (3, 3, 0, ())
    assert report.longest_outage_s == pytest.approx(0.01)


def test_an_outage_reaches_from_the_last_acknowledgement_to_the_next() -> None:
    tally = Tally("writes", 1000.0)
    tally.tried(1.0)
    tally.acknowledged(1.0, 1.1)
    for at in (1.2, 2.0, 3.0):
        tally.tried(at)
        tally.failed("HTTP 503")
    tally.tried(3.5)
    tally.acknowledged(3.5, 3.6)
    report = tally.report(10.0)
    (outage,) = report.outages
    assert (outage.began_at, outage.length_s, outage.is_over) == (pytest.approx(1001.1), pytest.approx(2.5), True)
    assert report.longest_outage_s == pytest.approx(2.5)
    assert report.failures == (("HTTP 503", 3),)


def test_one_slow_answer_is_an_outage_and_an_acknowledgement_beside_it_ends_it() -> None:
    tally = Tally("reads", 0.0)
    tally.tried(0.0)
    tally.tried(0.1)
    tally.acknowledged(0.1, 0.15)
    tally.acknowledged(0.0, 0.9)
    (outage,) = tally.report(1.0).outages
    assert (outage.began_at, outage.length_s) == (0.15, 0.75)


def test_an_outage_at_the_end_is_listed_as_not_over() -> None:
    tally = Tally("writes", 0.0)
    tally.tried(0.0)
    tally.failed("connection lost")
    (outage,) = tally.report(7.0).outages
    assert (outage.length_s, outage.is_over, outage.ended_at) == (7.0, False, 7.0)
    assert tally.report(7.0).latency_p50_s is None


def test_percentiles_are_of_acknowledged_operations() -> None:
    tally = Tally("reads", 0.0)
    for hundredth in range(1, 101):
        tally.tried(float(hundredth))
        tally.acknowledged(float(hundredth), hundredth + hundredth / 1000)
    report = tally.report(200.0)
    assert report.latency_p50_s == pytest.approx(0.051)
    assert report.latency_p99_s == pytest.approx(0.100)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://192.0.2.7:10001", "not on this machine"),
        ("https://0.0.0.0:10001", "not on this machine"),
        ("http://127.0.0.1:10001", "not an https URL"),
        ("127.0.0.1:10001", "not an https URL"),
        ("https://127.0.0.1:99999", "has no address"),
        ("https://pps.invalid", "has no address"),
    ],
)
def test_only_this_machine_is_loaded(url: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        Front.of(url)


def test_a_loopback_front_is_taken() -> None:
    assert Front.of("https://127.0.5.1:8443/").address == "127.0.5.1"
    assert Front.of("https://127.0.5.1:8443/").url == "https://127.0.5.1:8443"


def test_a_ledger_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.tried("f", "one", 1.0)
    ledger.acknowledged("f", "one", "id-1", 1.5)
    ledger.tried("f", "two", 2.0)
    ledger.close()
    text = ledger.path.read_text()
    ledger.path.write_text(text + text[:20])
    folder = read_ledger(ledger.path)["f"]
    assert folder.tried == {"one", "two"}
    assert [(name, each.id, each.at) for name, each in folder.acknowledged.items()] == [("one", "id-1", 1.5)]


def test_the_report_can_be_read_aloud() -> None:
    tally = Tally("writes", 0.0)
    tally.tried(11640.0)
    tally.acknowledged(11640.0, 11640.004)
    tally.tried(11641.0)
    tally.failed("HTTP 503")
    tally.tried(11647.0)
    tally.acknowledged(11647.0, 11647.004)
    idle = KindReport("reads", 0, 0, 0, 0.0, (), None, None, ())
    lost = Verification(2, (LostWrite("load-1", "id-1", 11640.0),), ("load-3",), ())
    report = LoadReport("https://127.0.5.1:8443", 11640.0, 11700.0, tally.report(11700.0), idle, idle, 1, lost)
    assert report.text().splitlines() == [
        "Load on https://127.0.5.1:8443 from 1970-01-01T03:14:00Z for 1m00s: 3 operations tried, 2 acknowledged, 1 failed.",
        "Writes: 3 tried, 2 acknowledged, 1 failed; half within 4 ms, 99 of 100 within 4 ms; longest outage 7.0s.",
        "  out from 03:14:00 for 7.0s",
        "  failed 1 times: HTTP 503",
        "Reads: 0 tried, 0 acknowledged, 0 failed; longest outage 0 ms.",
        "Reads: 0 tried, 0 acknowledged, 0 failed; longest outage 0 ms.",
        "1 reads of acknowledged writes found nothing.",
        "LOST: 1 of 2 acknowledged writes, from 03:14:00 to 03:14:00.",
        "  load-1 (id-1), acknowledged at 03:14:00",
        "There too, though never acknowledged: 1 writes.",
    ]


# against a stand-in


def test_a_quiet_load_loses_nothing(node: StandinNode, tmp_path: Path) -> None:
    report, verification = loaded(node, tmp_path, quiet)
    assert report.failed == 0
    assert report.reads.acknowledged > 0
    assert report.logins.acknowledged > 0
    assert verification.checked == report.writes.acknowledged
    assert (verification.lost, verification.unacknowledged, verification.duplicated) == ((), (), ())


def test_a_stopped_database_is_an_outage_and_no_loss(node: StandinNode, database: PostgresServer, tmp_path: Path) -> None:
    async def stop_and_start(load: LoadGenerator) -> None:
        await asyncio.to_thread(database.stop)
        await until(lambda: all(kind.failed and kind.longest_outage_s > 0.5 for kind in load.report().kinds))
        # A request that was under way may have been answered after another one had failed: that outage is over.
        assert not any(kind.outages[-1].is_over for kind in load.report().kinds)
        await asyncio.to_thread(database.start)
        await until(lambda: all(kind.outages[-1].is_over for kind in load.report().kinds))

    report, verification = loaded(node, tmp_path, stop_and_start)
    for kind in report.kinds:
        assert all(outage.is_over for outage in kind.outages)
        assert kind.longest_outage_s == max(outage.length_s for outage in kind.outages)
        assert 0.5 < kind.longest_outage_s < report.ended_at - report.began_at
    assert "HTTP 503" in dict(report.writes.failures)
    assert verification.lost == ()


def test_a_killed_web_node_is_an_outage(node: StandinNode, tmp_path: Path) -> None:
    async def stop_and_start(load: LoadGenerator) -> None:
        await asyncio.to_thread(node.stop)
        await until(lambda: load.report().writes.failed > 3)
        await asyncio.to_thread(node.start)
        seen = load.report().writes.acknowledged
        await until(lambda: load.report().writes.acknowledged > seen)

    report, verification = loaded(node, tmp_path, stop_and_start)
    assert "no connection: Connection refused" in dict(report.writes.failures)
    assert report.writes.outages[0].is_over
    assert verification.lost == ()


def test_a_deleted_row_is_a_lost_write_and_a_doubled_one_is_found(
    node: StandinNode, database: PostgresServer, tmp_path: Path
) -> None:
    async def damage(load: LoadGenerator) -> None:
        await load.stop()
        (written,) = read_ledger(tmp_path / "ledger").values()
        (gone, doubled, *_) = written.acknowledged.values()
        columns = "folder_id, name, password_encrypted"
        database.execute(f"INSERT INTO credentials ({columns}) SELECT {columns} FROM credentials WHERE id = '{doubled.id}'")
        database.execute(f"DELETE FROM credentials WHERE id = '{gone.id}'")
        expected.extend((gone.id, gone.at))

    expected: list[object] = []
    report, verification = loaded(node, tmp_path, damage)
    assert [(each.id, each.acknowledged_at) for each in verification.lost] == [tuple(expected)]
    assert len(verification.duplicated) == 1
    assert verification.unacknowledged == ()
    assert verification.checked == report.writes.acknowledged


def test_a_write_whose_answer_was_lost_is_no_loss(node: StandinNode, database: PostgresServer, tmp_path: Path) -> None:
    async def freeze(load: LoadGenerator) -> None:
        database.freeze(True)
        await until(lambda: load.report().writes.failed > 0)
        database.freeze(False)
        seen = load.report().writes.acknowledged
        await until(lambda: load.report().writes.acknowledged > seen)

    report, verification = loaded(node, tmp_path, freeze, timeout_s=1.5)
    assert "no answer within 1.5s" in dict(report.writes.failures)
    assert len(verification.unacknowledged) > 0
    assert verification.lost == ()


def test_a_lost_folder_is_a_loss_and_the_load_goes_on(node: StandinNode, database: PostgresServer, tmp_path: Path) -> None:
    async def lose(load: LoadGenerator) -> None:
        (folder_id,) = read_ledger(tmp_path / "ledger")
        # What is being written is waited for; then all is gone, as after a failover to a standby that lagged.
        database.execute(
            f"BEGIN; LOCK credentials, folders; DELETE FROM credentials WHERE folder_id = '{folder_id}'; "
            f"DELETE FROM folders WHERE id = '{folder_id}'; COMMIT"
        )
        await until(lambda: len(read_ledger(tmp_path / "ledger")) > 1 and load.report().missing_reads > 0)

    report, verification = loaded(node, tmp_path, lose)
    assert len(verification.lost) > 10
    assert len(verification.lost) < verification.checked == report.writes.acknowledged
    assert "HTTP 404" in dict(report.writes.failures)


def test_a_front_that_stays_away_leaves_the_loss_unknown(folder: Path, database: PostgresServer, tmp_path: Path) -> None:
    async def run(away: StandinNode) -> None:
        load = generator(away, tmp_path)
        try:
            await load.start()
            await until(lambda: load.report().writes.acknowledged > 0)
            await load.stop()
            await asyncio.to_thread(away.stop)
            with pytest.raises(LabError, match="could not be read back: no connection"):
                await load.verify(deadline_s=0.2)
        finally:
            await load.close()

    with running_standin(folder / "web2", database, address="127.0.0.22", name="web2") as away:
        away.wait_for(200)
        asyncio.run(run(away))


def test_a_wrong_password_is_tried_once(node: StandinNode, database: PostgresServer, tmp_path: Path) -> None:
    failures = "SELECT count(*) FROM audit WHERE event = 'Sign-in Failed'"
    before = database.execute(failures)[0][0]
    with pytest.raises(LoginRefused, match="'admin' or its password was refused"):
        main(node.url, node.certificate, "admin", "not-it", duration_s=1, report=tmp_path / "report.json")
    assert database.execute(failures) == [(int(str(before)) + 1,)]


def test_the_command_reports_as_json_too(node: StandinNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.json"
    assert main(node.url, node.certificate, "admin", ADMIN_PASSWORD, duration_s=0.5, rate=50, report=report) == 0
    told = json.loads(report.read_text())
    assert told["verification"] == {"checked": told["writes"]["acknowledged"], "lost": [], "unacknowledged": [], "duplicated": []}
    assert told["writes"]["acknowledged"] > 0
    printed = capsys.readouterr()
    assert "none is lost" in printed.out
    assert printed.err == ""
    assert sorted(each.name for each in tmp_path.iterdir()) == ["report.json", "report.ledger"]


def test_ctrl_c_ends_it_and_verifies(node: StandinNode) -> None:
    code = (
        "import sys; from pathlib import Path; from ppsconsole.lab.load import main; "
        "sys.exit(main(sys.argv[1], Path(sys.argv[2]), 'admin', sys.stdin.readline().strip(), duration_s=None, report=None))"
    )
    screen, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", code, node.url, str(node.certificate)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=terminal,
            text=True,
        )
        os.close(terminal)
        assert process.stdin is not None
        process.stdin.write(ADMIN_PASSWORD + "\n")
        process.stdin.flush()
        seen = b""
        while b"tried" not in seen:  # the line of progress: it runs
            seen += os.read(screen, 1000)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=_DEADLINE_S)
    finally:
        os.close(screen)
    assert process.returncode == 0
    assert "none is lost" in out
