"""The lab's relay by itself: one direction that is lost, and pieces that are lost and sent again. No cluster around it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ppsconsole.lab.fabric import Road, Way, Weather
from tests.lab.conftest import SILENT_S, refused_or_silent

ORIGIN, DESTINATION = "127.9.9.18", "127.9.9.19"
LIMIT_S = 180.0


@asynccontextmanager
async def road() -> AsyncIterator[tuple[Road, "asyncio.Queue[bytes]", asyncio.StreamReader, asyncio.StreamWriter]]:
    """A road with an open connection, what arrives at its end, where it is echoed, and the streams of the one who came."""
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            arrived.put_nowait(data)
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, DESTINATION, 0)
    target = (DESTINATION, server.sockets[0].getsockname()[1])
    made = Road("db1", "db2", "db", source=ORIGIN, target=target, preferred=7100)
    made.serve(True)
    reader, writer = await asyncio.open_connection(DESTINATION, made.port)
    try:
        yield made, arrived, reader, writer
    finally:
        writer.close()
        await writer.wait_closed()
        made.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("way", ["there", "back"])
def test_one_direction_is_lost_and_the_other_is_not(way: Way) -> None:
    async def main() -> None:
        async with road() as (made, arrived, reader, writer):
            writer.write(b"first")
            assert await arrived.get() == await reader.readexactly(5) == b"first"
            made.cut("broken", way)
            writer.write(b"second")
            answer = asyncio.ensure_future(reader.readexactly(6))
            if way == "back":
                assert await arrived.get() == b"second"
            assert await refused_or_silent((DESTINATION, made.port), SILENT_S) == "silent"  # a new one takes both directions
            assert not answer.done()
            assert arrived.empty()
            made.mend("broken")
            assert await answer == b"second"
            assert made.is_cut is False

    asyncio.run(asyncio.wait_for(main(), LIMIT_S))


def test_what_is_lost_is_sent_again_and_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    chances = itertools.chain((0.0, 0.0), itertools.repeat(1.0))  # the first piece is lost, or two are once
    monkeypatch.setattr("ppsconsole.lab.fabric.random.random", lambda: next(chances))

    async def main() -> None:
        async with road() as (made, _, reader, writer):
            made.slow("bad line", Weather(loss=0.5))
            pieces = [b"%04d" % number for number in range(8)]
            for each in pieces:
                writer.write(each)
                await asyncio.sleep(0)
            assert await reader.readexactly(32) == b"".join(pieces)

    asyncio.run(asyncio.wait_for(main(), LIMIT_S))


def test_losses_add_up_and_make_late_what_is_lost() -> None:
    async def main() -> None:
        async with road() as (made, *_):
            made.slow("one", Weather(0.1, loss=0.5))
            made.slow("other", Weather(0.2, loss=0.5))
            assert made.weather == Weather(pytest.approx(0.3), 0.0, pytest.approx(0.75))

    asyncio.run(asyncio.wait_for(main(), LIMIT_S))
    assert Weather(0.3).late_s() == 0.3
    assert Weather(0.3, loss=1.0).late_s() > 30.0  # each time it is sent again it is waited for twice as long
