"""Programs on the console's machine: whatever they do, they end, and nothing of them stays open."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from ppsconsole.drivers.local import run_here
from ppsconsole.drivers.pipes import pipe_here
from ppsconsole.errors import BadAnswer, OutputTooLong, TimedOut


def settled(work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Do it in an event loop of its own; what it left open is told as a warning, which is an error here."""
    asyncio.run(asyncio.wait_for(work(), 60))
    gc.collect()


def test_a_program_that_ends_tells_its_status_and_both_outputs() -> None:
    async def main() -> None:
        result = await run_here(("/bin/sh", "-c", "echo out; echo err >&2; exit 3"), timeout_s=30.0)
        assert (result.exit_status, result.stdout, result.stderr) == (3, "out\n", "err\n")

    settled(main)


@pytest.mark.parametrize("where", ["", " >&2"])
def test_endless_output_is_cut_and_named(where: str) -> None:
    async def main() -> None:
        with pytest.raises(OutputTooLong, match="more than 65536 bytes"):
            await run_here(("/bin/sh", "-c", f"exec yes{where}"), timeout_s=30.0)

    settled(main)


def test_a_late_program_is_ended_with_its_children(tmp_path: Path) -> None:
    noted = tmp_path / "pid"

    async def main() -> None:
        while not (noted.exists() and noted.read_text().strip()):  # a busy machine may not have come so far
            with pytest.raises(TimedOut, match="did not end within"):
                await run_here(("/bin/sh", "-c", f"sleep 300 & echo $! >{noted}; wait"), timeout_s=1.0)
        while is_running(int(noted.read_text())):  # noqa: ASYNC110 - it is no child of this process
            await asyncio.sleep(0.01)

    settled(main)


def is_running(pid: int) -> bool:
    """Return whether it runs: a child that was adopted may stay as a zombie for as long as its new parent likes."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_one_that_is_not_there_is_named() -> None:
    async def main() -> None:
        with pytest.raises(BadAnswer, match="/no/such cannot be started: No such file or directory"):
            await run_here(("/no/such",), timeout_s=1.0)

    settled(main)


@pytest.mark.parametrize("command", ["exec sleep 300", "exec yes", "exec yes >&2", "true"])
def test_a_pipe_that_is_cut_leaves_nothing_open(command: str) -> None:
    async def main() -> None:
        pipe = await pipe_here(command)
        if command == "exec yes":
            assert await pipe.read()
        await pipe.cut()
        await pipe.cut()

    settled(main)
