"""One run at hand, as faces hold it, and the ones that are open."""

from collections.abc import Callable
from dataclasses import dataclass

from ppsconsole.engine.custody import RunResult
from ppsconsole.engine.session import Session
from ppsconsole.plan.event import RunEvent


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that is open: running somewhere, held, or left by a console that died.

    Attributes:
        run: Its id.
        title: `switchover db1 -> db2`.
        holder: Who had it last.
        started_at: Seconds since 1970 UTC.
    """

    run: str
    title: str
    holder: str
    started_at: float


class OpenRun:
    """One run at hand. Nothing is done by opening it.

    Attributes:
        run: Its id.
        plan: What is done.
        holder: Who has the lease: this process.
        started_at: Seconds since 1970 UTC.
        past: What had happened before anybody could listen.
    """

    def __init__(self, session: Session, past: tuple[RunEvent, ...], started_at: float) -> None:
        self.run, self.plan, self.past, self.started_at = session.run_id, session.plan, past, started_at
        self.holder = session.lease.holder.said()
        self._session = session

    def listen(self, listener: Callable[[RunEvent], None]) -> None:
        """Have `listener` called for every event after `past`, once it is durable."""
        last = self.past[-1].number if self.past else 0
        self._session.runner.recorder.listen(lambda event: listener(event) if event.number > last else None)

    async def go(self) -> RunResult:
        """Do what is left, until its end or until something has to be decided; see `Runner.run`."""
        return await self._session.runner.run()

    def cut_short(self, words: str) -> RunResult:
        """Return how far it came where the journal took no record of that; `words` say why."""
        return RunResult(self._session.runner.standing(), True, words)

    def hold(self) -> None:
        """Ask for it to stop after the step at hand."""
        self._session.runner.hold()

    async def back_out(self, reason: str) -> RunResult:
        """Undo what was done; see `Runner.back_out`."""
        return await self._session.runner.back_out(reason)

    async def mark_done(self, step: str, reason: str) -> None:
        """Take the operator's word for the step at which it stands; see `Runner.mark_done`."""
        await self._session.runner.mark_done(step, reason)

    async def abandon(self, reason: str) -> RunResult:
        """End it where it stands; see `Runner.abandon`."""
        return await self._session.runner.abandon(reason)

    async def hand_over(self, words: str) -> None:
        """Let go of it between two steps, for the next console to take it up; see `Session.hand_over`."""
        await self._session.hand_over(words)

    async def aclose(self) -> None:
        """Let go of it: an open run is journaled as held, and its lease says that nobody is at it."""
        await self._session.aclose()
