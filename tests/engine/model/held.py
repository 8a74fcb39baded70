"""Time that moves only when everybody waits: an event loop whose clock jumps to the next timer."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
STARTED_AT = 1_795_000_000.0
SHORTEST_SLEEP_S = 0.2
"""Whoever polls is served as by a machine that is busy: it spares the simulator thousands of looks at nothing."""


LONGEST_S = 4 * 3600.0
"""No story takes so long: one that does goes round and round."""


class EndlessError(Exception):
    """What was begun goes on for ever."""


class _Waiting:
    """Stands where a loop has its selector: it has no files, and a wait lets the held clock jump."""

    def __init__(self, loop: "HeldLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nobody will ever wake them")
        self._loop.held_s += timeout
        if self._loop.held_s > self._loop.longest_s:
            self._loop.longest_s = math.inf  # what is left over is let end
            raise EndlessError
        return []


class HeldLoop(asyncio.BaseEventLoop):
    """Runs what is due, and when nothing is, moves its clock to the next timer. What is for a thread is done in place.

    Attributes:
        held_s: What its clock shows, in seconds.
        longest_s: When it raises `EndlessError` instead of going on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held_s, self.longest_s = 0.0, LONGEST_S
        self._selector = _Waiting(self)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self.held_s

    def _process_events(self, event_list: list[Any]) -> None:
        assert not event_list

    def _write_to_self(self) -> None:
        """Do nothing: nobody else wakes it."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done


class ModelClock:
    """A `Clock` on the loop's held time."""

    def now(self) -> float:
        return STARTED_AT + asyncio.get_running_loop().time()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(max(delay_s, SHORTEST_SLEEP_S))


def play(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on held time, and leave no task behind.

    Raises:
        EndlessError: It did not end by itself.
    """
    loop = HeldLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
