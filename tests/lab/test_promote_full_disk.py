"""A standby without room for the log of its own timeline, on real servers: told at once, and promoted once there is room."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from ppsconsole.actions.base import Finding
from ppsconsole.actions.promote import Promote
from ppsconsole.errors import RunError
from tests.lab.promoting import MAJORS, WATCHER, Promoting, promoting
from tests.lab.small_disk import reason_to_skip

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


def test_a_promotion_that_the_disk_has_no_room_for_is_told_at_once_and_done_once_there_is(pair: Promoting) -> None:
    assert pair.disk is not None
    pair.stop_primary()
    pair.disk.fill()
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
