"""The tasks that read and poll beside the console: they end when it is left, whatever they are at."""

import asyncio
from collections.abc import AsyncIterator

from ppsconsole.cluster.picture import Picture
from ppsconsole.probes.monitor import Monitor
from ppsconsole.tui.feed import Feed
from tests.tui.scripted import inventory
from tests.unit.snapshots import fine, picture

DEADLINE_S = 60.0


class Deaf:
    """A source that does not hear the first time that it is cancelled."""

    def __init__(self) -> None:
        self.times = 0
        self.is_polling = asyncio.Event()

    async def pictures(self) -> AsyncIterator[Picture]:
        yield picture(fine())
        await asyncio.Event().wait()

    async def run(self) -> None:
        while self.times < 2:
            self.is_polling.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.times += 1
        raise asyncio.CancelledError


def test_leaving_does_not_wait_for_ever_for_what_did_not_hear_it() -> None:
    sources: list[Deaf] = []

    async def main() -> None:
        source = Deaf()
        sources.append(source)
        feed = Feed(source, lambda _: None, lambda _: None)
        feed.start()
        await feed.has_picture()
        feed.painted()
        async with asyncio.timeout(DEADLINE_S):
            await source.is_polling.wait()
            await feed.stop()
        assert source.times == 1

    asyncio.run(main())
    assert sources[0].times == 2, "the end of the loop told it again"


def test_a_change_at_the_moment_of_leaving_keeps_no_picture_waiting() -> None:
    async def main() -> None:
        monitor = Monitor(inventory())
        seen = asyncio.Event()

        async def read() -> None:
            async for _ in monitor.pictures():
                seen.set()

        reading = asyncio.create_task(read())
        async with asyncio.timeout(DEADLINE_S):
            await seen.wait()
        for _ in range(3):  # the reader waits for the next change by now
            await asyncio.sleep(0)
        monitor._changed.set()
        await asyncio.sleep(0)  # what waits for it has got it, the reader has not gone on yet
        reading.cancel()
        done, _ = await asyncio.wait([reading], timeout=DEADLINE_S)
        assert done == {reading}
        assert reading.cancelled()

    asyncio.run(main())
