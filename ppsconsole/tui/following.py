"""Follows an open run of which this console has not the lease, in a task of its own, and tells what is new of it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ppsconsole.errors import PpsConsoleError
from ppsconsole.masking import plain
from ppsconsole.tui.desks import Desk

if TYPE_CHECKING:
    from ppsconsole.engine.following import Watch

ATTENDED_S = 1.0
"""How often a run is looked at that another console is at."""
IDLE_S = 4.0
"""How often one is that nobody is at: somebody else may take it up."""


class Following:
    """At most one run at a time.

    Args:
        news: Called with what is new; signs of life alone are no news.
        trouble: Called with why it is not followed any more.
    """

    def __init__(self, news: "Callable[[Watch], None]", trouble: Callable[[str], None]) -> None:
        self._news, self._trouble = news, trouble
        self._task: asyncio.Task[None] | None = None

    def start(self, desk: Desk, run: str) -> None:
        """Follow `run` from now on, until it ends."""
        self._cancel()
        self._task = asyncio.create_task(self._followed(desk, run), name="follow")

    async def stop(self) -> None:
        """Follow no longer."""
        task = self._cancel()
        if task is not None and task is not asyncio.current_task():
            await asyncio.gather(task, return_exceptions=True)

    def _cancel(self) -> asyncio.Task[None] | None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        return task

    async def _followed(self, desk: Desk, run: str) -> None:
        last: Watch | None = None
        try:
            follower = await desk.follow(await desk.find(run))
            while last is None or not any(event.kind == "run-finished" for event in last.events):
                watch = await follower.look()
                if last is None or replace(last, beat_age_s=None) != replace(watch, beat_age_s=None):
                    self._news(watch)
                last = watch
                await asyncio.sleep(ATTENDED_S if watch.is_attended else IDLE_S)
        except PpsConsoleError as error:
            self._trouble(plain(f"not followed any more: {error}", 500))
