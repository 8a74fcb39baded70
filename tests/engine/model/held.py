"""Time that moves only when everybody waits: an event loop whose clock jumps to the next timer."""

import asyncio
import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")
STARTED_AT = 1_795_000_000.0
SHORTEST_SLEEP_S = 0.2
"""Whoever polls is served as by a machine that is busy: it spares the simulator thousands of looks at nothing."""


LONGEST_S = 4 * 3600.0
"""No story takes so long: one that does goes round and round."""


class EndlessError(Exception):
    """What was begun goes on for ever."""


class _Timer(asyncio.TimerHandle):
    """A timer that its loop does not have to be told of when it is cancelled."""

    __slots__ = ()

    def cancel(self) -> None:
        asyncio.Handle.cancel(self)


class HeldLoop(asyncio.BaseEventLoop):
    """Runs what is due, and when nothing is, moves its clock to the next timer. What is for a thread is done in place.

    It has no files to wait for, and is leaner than the loop that it stands for: stories are mostly turns of it.

    Attributes:
        held_s: What its clock shows, in seconds.
        longest_s: When it raises `EndlessError` instead of going on.
        tasks: All that are not done, and some that are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held_s, self.longest_s = 0.0, LONGEST_S
        self.tasks: list[asyncio.Task[Any]] = []
        self._soon: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, _Timer]] = []
        self._numbers = itertools.count()

    def time(self) -> float:
        return self.held_s

    get_debug = staticmethod(bool)  # false; asked for so often that a method of Python would cost more than what it is for

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._soon.append(handle)
        return handle

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> _Timer:
        return self.call_at(self.held_s + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> _Timer:
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name="of a story", context=context)
        self.tasks.append(task)
        return task

    def alive(self) -> set[asyncio.Task[Any]]:
        """Return all tasks that are not done."""
        self.tasks = [task for task in self.tasks if not task.done()]
        return set(self.tasks)

    def run_forever(self) -> None:
        """Run until somebody stops it."""
        asyncio.events._set_running_loop(self)
        try:
            while not self._stopping:
                self._turn()
        finally:
            self._stopping = False
            asyncio.events._set_running_loop(None)

    def _turn(self) -> None:
        """Run what is due, and what becomes due by it in the next turn."""
        timers, soon = self._timers, self._soon
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not soon:
            if not timers:
                raise RuntimeError("everybody waits, and nobody will ever wake them")
            self.held_s = max(self.held_s, timers[0][0])
            if self.held_s > self.longest_s:
                self.longest_s = math.inf  # what is left over is let end
                raise EndlessError
        while timers and timers[0][0] <= self.held_s:
            soon.append(heapq.heappop(timers)[2])
        for _ in range(len(soon)):
            handle = soon.popleft()
            if not handle._cancelled:
                handle._context.run(handle._callback, *handle._args)

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
        return STARTED_AT + _playing[0].held_s

    def monotonic(self) -> float:
        return _playing[0].held_s

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(max(delay_s, SHORTEST_SLEEP_S))


_playing: list[HeldLoop] = []
"""The loop of the story at hand."""


def now() -> float:
    """Return the model's time, in seconds since 1970."""
    return STARTED_AT + _playing[0].held_s


async def passed(delay_s: float) -> None:
    """Wait: `asyncio.sleep`, without what that does for others than the model."""
    loop = _playing[0]
    over = loop.create_future()
    loop.call_at(loop.held_s + delay_s, _end, over)
    await over


def _end(over: "asyncio.Future[None]") -> None:
    if not over.done():
        over.set_result(None)


def alive() -> set[asyncio.Task[Any]]:
    """Return all tasks of the story at hand that are not done."""
    return _playing[0].alive()


def play(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on held time, and leave no task behind.

    Raises:
        EndlessError: It did not end by itself.
    """
    loop = HeldLoop()
    _playing[:] = [loop]
    try:
        return loop.run_until_complete(main)
    finally:
        left = loop.alive()
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
