"""Events on their way: numbered, masked, made durable, and only then shown to those who listen."""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from ppsconsole.clock import Clock
from ppsconsole.errors import JournalError
from ppsconsole.masking import mask, plain
from ppsconsole.plan.event import EventKind, RunEvent

_log = logging.getLogger(__name__)

Listener = Callable[[RunEvent], Awaitable[None] | None]
"""Called for every event after it is durable, in order. A slow one falls behind by itself; a failing one is called on."""

WORDS_LIMIT = 2000
CLOSE_TIMEOUT_S = 2.0
GATHER_S = 0.2
"""How long a note may wait for the next record, to be made durable with it: each writing waits for the disk."""


class Records(Protocol):
    """Where events are made durable: the journal."""

    def append(self, *events: RunEvent) -> None:
        """Write `events`; they are durable when this returns. Called from a thread."""
        ...


class Recorder:
    """Writes the events of one run.

    `record` waits until its event is durable. `note` does not wait: its event is written with the next record, or `GATHER_S`
    later, and never before what was said earlier. Several events that wait are written in one transaction.

    Args:
        records: The journal.
        run: The run's id.
        clock: Time.
        number: Of the last event that is there already.
        follow: Called with each durable event before any listener; what it raises ends the recorder.
    """

    def __init__(self, records: Records, run: str, clock: Clock, *, number: int = 0, follow: Callable[[RunEvent], None]) -> None:
        self._records, self._run, self._clock, self._number, self._follow = records, run, clock, number, follow
        self._waiting: list[RunEvent] = []
        self._writing_now: list[RunEvent] = []
        self._durable = number
        self._failure: BaseException | None = None
        self._writer: asyncio.Task[None] | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._listeners: dict[Listener, tuple[asyncio.Queue[RunEvent], asyncio.Task[None]]] = {}

    async def record(self, kind: EventKind, step: str = "", words: str = "", data: Mapping[str, Any] | None = None) -> RunEvent:
        """Write an event, and return it once it is durable.

        Raises:
            JournalError: It could not be made durable: nothing may be done on the strength of it.
        """
        self.check()
        event = self._said(kind, step, words, data)
        await self.settle()
        return event

    def note(self, kind: EventKind, step: str = "", words: str = "", data: Mapping[str, Any] | None = None) -> None:
        """Write an event soon; a failure is raised by the next `record` or `settle`, what is said behind it stays `pending`."""
        self._said(kind, step, words, data)
        if self._failure is None and self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(GATHER_S, self._writing)

    async def settle(self) -> None:
        """Wait until everything that was said so far is durable.

        Raises:
            JournalError: It could not be made durable: nothing may be done on the strength of it.
        """
        upto = self._number
        while self._durable < upto and self._failure is None:
            # A caller that is cancelled leaves the writer at work.
            await asyncio.shield(self._writing())
        if self._durable < upto:
            assert self._failure is not None
            raise self._failure

    def check(self) -> None:
        """See that what was noted is not lost.

        Raises:
            JournalError: Something that was said could not be made durable, and nothing that is said now will be.
        """
        if self._failure is not None:
            raise self._failure

    @property
    def pending(self) -> tuple[RunEvent, ...]:
        """What was said and is not durable yet."""
        return (*self._writing_now, *self._waiting)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called for all events from now on; the returned function ends that."""
        queue: asyncio.Queue[RunEvent] = asyncio.Queue()
        self._listeners[listener] = (queue, asyncio.ensure_future(_pump(listener, queue)))

        def end() -> None:
            _, task = self._listeners.pop(listener, (None, None))
            if task is not None:
                task.cancel()

        return end

    async def aclose(self) -> None:
        """Write what is waiting, let the listeners catch up for a moment, and let go of them."""
        if self._failure is None:
            with contextlib.suppress(JournalError):  # whoever acts on it is told by the next record
                await self.settle()
        queues = [queue.join() for queue, _ in self._listeners.values()]
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await asyncio.gather(*queues)
        except TimeoutError:
            _log.warning("a listener did not take the last events of run %s in time", self._run)
        tasks = [task for _, task in self._listeners.values()]
        self._listeners.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _said(self, kind: EventKind, step: str, words: str, data: Mapping[str, Any] | None) -> RunEvent:
        self._number += 1
        event = RunEvent(self._run, self._number, self._clock.now(), kind, step, plain(words, WORDS_LIMIT), masked(data or {}))
        self._waiting.append(event)
        return event

    def _writing(self) -> "asyncio.Task[None]":
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._writer is None or self._writer.done():
            self._writer = asyncio.ensure_future(self._write())
            self._writer.add_done_callback(_seen)
        return self._writer

    async def _write(self) -> None:
        while self._waiting and self._failure is None:
            self._writing_now = batch = self._waiting
            self._waiting = []
            try:
                await asyncio.to_thread(self._records.append, *batch)
                for event in batch:
                    self._follow(event)
                self._writing_now = []
            except Exception as error:
                self._failure = error if isinstance(error, JournalError) else JournalError(f"the journal failed: {error!r}")
                return
            except asyncio.CancelledError:
                self._failure = JournalError("the journal was left while it was written")
                raise
            except BaseException as error:
                self._failure = error  # for whoever says something next, as for whoever waits now
                raise
            self._durable = batch[-1].number
            for event in batch:
                for queue, _ in self._listeners.values():
                    queue.put_nowait(event)


def _seen(writer: "asyncio.Task[None]") -> None:
    """Take note of how the writer ended: nobody may be waiting for it at the moment, and its failure is kept."""
    if not writer.cancelled():
        writer.exception()


async def _pump(listener: Listener, queue: "asyncio.Queue[RunEvent]") -> None:
    while True:
        event = await queue.get()
        try:
            called = listener(event)
            if inspect.isawaitable(called):
                await called
        except Exception:
            _log.exception("a listener failed at event %s of run %s", event.number, event.run)
        finally:
            queue.task_done()


def masked(data: Any) -> Any:
    """Return JSON-like `data` with every secret in its texts masked."""
    if isinstance(data, str):
        return mask(data)
    if isinstance(data, Mapping):
        return {mask(str(name)): masked(value) for name, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [masked(each) for each in data]
    return data
