"""A standby on a file system that is full, on real servers: it is told at once, and promoted once there is room."""

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from ppsconsole.actions.base import Finding
from ppsconsole.actions.promote import Promote
from ppsconsole.drivers.postgres_connect import DiskFull, translated
from ppsconsole.errors import DriverError, RunError
from tests.lab.promoting import MAJORS, WATCHER, Promoting, promoting
from tests.lab.small_disk import SmallDisk, reason_to_skip

DISK_BYTES = 128 << 20


@pytest.fixture(params=MAJORS)
def pair(request: pytest.FixtureRequest) -> Iterator[Promoting]:
    if reason := reason_to_skip():
        pytest.skip(reason)
    with promoting(request.param, "wal_retrieve_retry_interval=100ms", disk_bytes=DISK_BYTES) as made:
        yield made


def looked(pair: Promoting, look: Any) -> Finding:
    """Return what the action finds when it looks."""

    async def main() -> Finding:
        bench, step = pair.bench(WATCHER, [])
        try:
            return await look(bench, step)
        finally:
            await bench.tools.postgres.aclose()

    return asyncio.run(main())


def refused(pair: Promoting, disk: SmallDisk) -> DriverError:
    """Return how the driver tells that a server on a full disk does not begin the first session behind its start."""
    for cache in pair.standby.data.rglob("pg_internal.init"):
        cache.unlink()  # what that session would make; those before made it
    disk.fill()
    with pytest.raises(psycopg.OperationalError) as raised:
        pair.connected(pair.standby, WATCHER).close()
    disk.free()
    return translated(raised.value, "db2", "h2", WATCHER, "postgres")


def test_a_promotion_that_the_disk_has_no_room_for_is_told_at_once_and_done_once_there_is(pair: Promoting) -> None:
    assert pair.disk is not None
    pair.stop_primary()
    assert isinstance(refused(pair, pair.disk), DiskFull)
    with pair.connected(pair.standby, WATCHER):
        pair.disk.fill()  # now with all files that a session needs
    with pytest.raises(RunError, match="its server ended while it was promoted"):
        asyncio.run(pair.promote(WATCHER, []))
    postmaster = pair.standby.process
    assert postmaster is not None
    assert postmaster.wait() != 0
    assert "No space left on device" in (pair.standby.folder / "log").read_text()
    action = Promote()
    for look in (action.verify, action.precheck):
        found = looked(pair, look)
        assert (found.state, "was not promoted: it is a standby still" in found.words) == ("no", True), found.words
        assert "Make room on h2, start it there" in found.words

    pair.disk.free()
    pair.start_again()
    assert looked(pair, action.verify).words == "db2 is still in recovery"
    assert looked(pair, action.precheck).state == "yes"
    asyncio.run(pair.promote(WATCHER, []))
    assert looked(pair, action.verify).state == "yes"
