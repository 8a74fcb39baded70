"""Runs the source beside the console, outside of Textual's workers: those die with their screen, or take the app along."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from ppsconsole.cluster.picture import Picture
from ppsconsole.masking import plain
from ppsconsole.tui.source import Source

_FIRST_PICTURE_S = 1.0
_LETTING_GO_S = 2.0
"""What looks at a thousand hosts may miss that it was cancelled. Nobody waits longer for it: the end of the event loop cancels
whatever is left, one by one."""


class Feed:
    """Two tasks: one reads pictures, one polls.

    Polling starts once the first frame is on the terminal: it loads libraries that take longer than everything before it.

    Args:
        on_picture: Called with each picture.
        on_trouble: Called with one sentence when either task ends although nobody asked it to.
    """

    def __init__(self, source: Source, on_picture: Callable[[Picture], None], on_trouble: Callable[[str], None]) -> None:
        self._source = source
        self._on_picture = on_picture
        self._on_trouble = on_trouble
        self._has_picture = asyncio.Event()
        self._is_painted = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def start(self) -> None:
        """Begin to read pictures; polling waits for `painted`."""
        self._tasks = (
            asyncio.create_task(self._guarded(self._read, "the pictures"), name="pictures"),
            asyncio.create_task(self._guarded(self._poll, "the monitor"), name="monitor"),
        )

    async def has_picture(self) -> None:
        """Wait for the first picture, at most a second: a source without one must not keep the console from polling."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_PICTURE_S):
                await self._has_picture.wait()

    def painted(self) -> None:
        """Say that the first frame is on the terminal."""
        self._is_painted.set()

    async def stop(self) -> None:
        """Cancel both tasks and wait until they have cleaned up, or for two seconds."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LETTING_GO_S)
        self._tasks = ()

    async def _read(self) -> None:
        async for picture in self._source.pictures():
            self._on_picture(picture)
            self._has_picture.set()

    async def _poll(self) -> None:
        await self._is_painted.wait()
        await self._source.run()

    async def _guarded(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except BaseExceptionGroup as group:
            self._on_trouble(plain(f"{what} stopped: {_first(group)}"))
        except Exception as error:  # whatever it is, the operator has to see it and the rest has to stay
            self._on_trouble(plain(f"{what} stopped: {type(error).__name__}: {error}"))
        else:
            self._on_trouble(f"{what} ended, although nobody asked for it")


def _first(group: BaseExceptionGroup[BaseException]) -> str:
    """Return the first error inside a group: `unhandled errors in a TaskGroup` says nothing to an operator."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
