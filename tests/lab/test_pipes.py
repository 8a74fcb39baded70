"""Commands whose input and output are as much as there is: over real SSH, and on this machine. Both keep the same promises."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ppsconsole.drivers import pipes
from ppsconsole.drivers.base import LineDropped
from ppsconsole.drivers.pipes import Pipe, TakesNoMore, pipe_here
from ppsconsole.drivers.ssh import SshPool
from ppsconsole.errors import TimedOut
from tests.lab.ssh_server import World

PIECE = bytes(range(256)) * 1024
PIECES = 40
Opener = Callable[[str], Awaitable[Pipe]]


def on_both(tmp_path: Path, test: Callable[[Opener], Awaitable[None]]) -> None:
    """Do the test over SSH, and here."""

    async def main() -> None:
        async with World(tmp_path) as world:
            await world.add("h", "127.41.5.1")
            pool: SshPool = world.pool()
            for _ in range(3):  # more than the channels of a connection, were one kept
                await test(lambda command: pool.pipe(world.hosts["h"], command, timeout_s=20.0))
        await test(pipe_here)

    asyncio.run(asyncio.wait_for(main(), 120))


async def flooded(pipe: Pipe) -> None:
    """Write more than anybody keeps."""
    for _ in range(10_000):
        await pipe.write(PIECE)


async def drained(pipe: Pipe) -> int:
    count = 0
    while piece := await pipe.read():
        count += len(piece)
    return count


def test_much_goes_through_unchanged_and_the_status_is_told(tmp_path: Path) -> None:
    async def both(opened: Opener) -> None:
        pipe = await opened("sha256sum; echo why >&2; exit 3")
        for _ in range(PIECES):
            await pipe.write(PIECE)
        result = await pipe.end(60.0)
        assert (result.exit_status, result.stderr) == (3, "why\n")

        out = await opened(f"head -c {PIECES * len(PIECE)} /dev/zero")
        assert await drained(out) == PIECES * len(PIECE)
        assert (await out.end(60.0)).exit_status == 0

    on_both(tmp_path, both)


def test_what_is_written_arrives_whole(tmp_path: Path) -> None:
    numbers = iter(range(100))

    async def both(opened: Opener) -> None:
        file = tmp_path / f"arrived{next(numbers)}"
        pipe = await opened(f"cat >{file}")
        for _ in range(PIECES):
            await pipe.write(PIECE)
        assert (await pipe.end(60.0)).exit_status == 0
        assert file.read_bytes() == PIECE * PIECES

    on_both(tmp_path, both)


def test_a_command_that_takes_no_more_is_noticed_and_tells_why(tmp_path: Path) -> None:
    async def both(opened: Opener) -> None:
        pipe = await opened("head -c 10 >/dev/null; echo 'No space left on device' >&2; exit 1")
        with pytest.raises(TakesNoMore):
            await flooded(pipe)
        result = await pipe.end(60.0)
        assert (result.exit_status, result.stderr) == (1, "No space left on device\n")

    on_both(tmp_path, both)


def test_only_the_end_of_many_complaints_is_kept(tmp_path: Path) -> None:
    async def both(opened: Opener) -> None:
        pipe = await opened("head -c 200000 /dev/zero | tr '\\0' x >&2; echo end >&2")
        result = await pipe.end(60.0)
        assert len(result.stderr) == pipes.ERRORS_BYTES
        assert result.stderr.endswith("xend\n")

    on_both(tmp_path, both)


def test_one_that_stands_still_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("pipes", "ssh_stream"):
        monkeypatch.setattr(f"ppsconsole.drivers.{module}.STILL_S", 0.3)

    async def both(opened: Opener) -> None:
        pipe = await opened("exec sleep 300")
        with pytest.raises(TimedOut, match=r"nothing came for 0\.3s"):
            await pipe.read()
        with pytest.raises(TimedOut, match=r"nothing was taken for 0\.3s"):
            await flooded(pipe)
        await pipe.cut()
        await pipe.cut()

        waiting = await opened("exec sleep 300")
        with pytest.raises(TimedOut, match="no end within"):
            await waiting.end(0.3)

    on_both(tmp_path, both)


@pytest.mark.parametrize("is_reading", [True, False])
def test_a_line_that_is_lost_is_no_end(tmp_path: Path, is_reading: bool) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            server = await world.add("h", "127.41.5.1")
            pipe = await world.pool().pipe(world.hosts["h"], "cat", timeout_s=20.0)
            await pipe.write(b"x")
            assert await pipe.read() == b"x"
            server.drop()
            with pytest.raises(LineDropped):
                await (pipe.read() if is_reading else flooded(pipe))
            with suppress(LineDropped):
                assert (await pipe.end(20.0)).exit_status != 0
            await pipe.cut()
            while server.running:  # noqa: ASYNC110 - the command ends with its line, and is waited for there
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(main(), 60))
