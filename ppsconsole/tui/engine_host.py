"""Owns the run: a task of the application, outside of every screen and of Textual's workers, which die with theirs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.errors import Blocked, JournalError, PpsConsoleError
from ppsconsole.masking import plain
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.loss import accepted_window
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.history import History
from ppsconsole.tui.desks import Desk, Session
from ppsconsole.tui.following import Following
from ppsconsole.tui.live import Activity, Live, Told, barred, is_busy_with
from ppsconsole.tui.lock import Lock

if TYPE_CHECKING:
    from ppsconsole.engine.custody import RunResult
    from ppsconsole.engine.following import Watch
    from ppsconsole.engine.gates import Ask

KEPT_EVENTS = 5000
TELL_S = 0.03
"""Events that come together are told together: a flood of output must not paint a frame each."""
LEAVE_LIMIT_S = 120.0
"""How long leaving waits for the step at hand; what has not ended by then is `unknown` and is verified when it is resumed."""


class EngineHost:
    """Holds at most one session and the task that drives it.

    Args:
        desk: Makes the desk when it is first needed: it loads libraries that a first frame must not wait for.
        ask: "Ask"s the operator at gates that were not answered before.
        changed: Called after every change of `live`.
        lock: Whether anything may be run at all.
        is_lab: Whether the cluster is a lab.

    Attributes:
        history: What the pictures showed of primary and standbys.
        background: What advice rests on beside the pictures.
        live: What is shown of the run; None before there is one.
    """

    def __init__(
        self, desk: Callable[[], Desk], ask: "Ask", changed: Callable[[], None], lock: Lock, *, is_lab: bool = False
    ) -> None:
        self._make_desk, self._ask, self._changed, self._is_lab = desk, ask, changed, is_lab
        self.lock = lock
        self._desk: Desk | None = None
        self._session: Session | None = None
        self._is_way_back = False  # what the session was taken for
        self._told: Told | None = None  # whose story is shown: outlives the session's end
        self._telling: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._answers: dict[str, str] = {}
        self._events: list[RunEvent] = []
        self._leaving: asyncio.Task[bool] | None = None
        self._following = Following(self._watched, lambda words: self._show("standing", words))
        self._watch: Watch | None = None
        self._is_stopping = False
        self._farewell: str | None = None  # said to the next console, once the step at hand is done
        self.history = History()
        self.background = Background()
        self._is_weighing = False
        self.live: Live | None = None

    @property
    def desk(self) -> Desk:
        """The desk; made on first use."""
        if self._desk is None:
            self._desk = self._make_desk()
            self._desk.history = self._desk.history.then(self.history)  # what earlier commands saw, then our own pictures
        return self._desk

    @property
    def events(self) -> tuple[RunEvent, ...]:
        """All that happened in the run that is shown."""
        return tuple(self._events)

    def saw(self, snapshot: Snapshot) -> None:
        """Remember what a picture showed: losses are estimated from it, also by later commands on this machine."""
        if self._desk is None:
            self.history = self.history.after(snapshot)
        else:
            self._desk.saw(snapshot)
            self.history = self._desk.history
        has_primary = any(node.role == "primary" for node in snapshot.of_kind("database"))
        self.background = replace(
            self.background, history=self.history, dead_wal=None if has_primary else self.background.dead_wal
        )

    async def read_again(self, step: Step, plan: Plan) -> tuple[Gate, Plan]:
        """Return the gate of `step` and the plan as they are asked now, with what is read for this question."""
        from ppsconsole.engine.reading import asked_now

        assert step.gate is not None
        return asked_now(step.gate, step, plan, await self.desk.read_again(step, plan), None)

    async def weigh(self, snapshot: Snapshot) -> bool:
        """Read what advice on `snapshot` rests on beside it; return whether that is new. Without a desk nothing is read yet."""
        if self._desk is None or self._is_weighing or snapshot.verdict is Verdict.OK or not snapshot.is_complete:
            return False
        self._is_weighing = True
        try:
            before, self.background = self.background, await self._desk.background(snapshot)
        finally:
            self._is_weighing = False
        return self.background != before

    @property
    def is_busy(self) -> bool:
        """Whether something is being done in a run right now, if only letting go of it."""
        return self._task is not None and not self._task.done()

    @property
    def is_acting(self) -> bool:
        """Whether a run is being done that has not ended."""
        return self.is_busy and self.live is not None and self.live.view.verdict is None

    # what the operator does -----------------------------------------------------------------------------------------

    async def begin(self, plan: Plan, answers: Mapping[str, str]) -> None:
        """Open a run of `plan`, which `go_on` sets going; gates whose step is in `answers` are not asked again.

        Raises:
            Blocked: The console is read-only, or has a run that is not ended.
            RunError: The lease is taken, the world moved, or the journal cannot be written; nothing was touched.
        """
        self._may_act()
        if self.live is not None and self.live.activity != "ended":
            raise Blocked(f"run {self.live.view.run} is not ended", remedy="Go to it with R: go on, back out or abandon it")
        self._answers = dict(answers)
        await self._open(await self.desk.begin(plan, self._asked))

    async def inspect(self, run: str) -> None:
        """Show an open run of another console, or one that was left, and follow it; nothing is taken and nothing is done.

        Raises:
            UsageError: The journal does not know it.
            JournalError: It cannot be read.
        """
        found = await self.desk.find(run)
        if self._session is not None:
            if self._session.run == found.run:
                return  # it is at hand
            raise Blocked(f"run {self._session.run} is at hand here", remedy="Finish it, or hand it over, first")
        self._events, self._watch = list(found.events), None
        started_at = self._events[0].at if self._events else found.plan.made_at
        self._told = Told(found.run, found.plan, "nobody", started_at)
        self._show("standing")
        self._following.start(self.desk, found.run)

    async def take(self, reason: str = "", *, is_way_back: bool = False) -> None:
        """Take the lease of the run that is shown, unless it is held already.

        Args:
            reason: For taking it over from somebody who may be at it.
            is_way_back: It will only be backed out or abandoned, which may need the lease in another place: a lost standby must
                not keep users out. A run that was taken so is taken again before it goes on.

        Raises:
            Blocked: The console is read-only, there is no run to take, or the lease cannot be had where it is needed.
            Leased: Somebody else has the lease; a reason takes it over where the engine allows that.
        """
        self._may_act()
        if self._session is not None and self._is_way_back and not is_way_back and not self.is_busy:
            await self._close()
        if self._session is None:
            if self._told is None or self.live is None or self.live.activity == "ended":
                raise Blocked("there is no run at hand", remedy="f plans a way out; R goes to an unfinished run")
            self._answers = {}
            session = await self.desk.reopen(self._told.run, self._asked, reason, is_way_back=is_way_back)
            await self._open(session)
            self._is_way_back = is_way_back

    def hold(self) -> None:
        """Ask the run to stop after the step at hand.

        Raises:
            Blocked: Nothing is being done.
        """
        if self._session is None or not self.is_busy:
            raise Blocked("nothing is being done that could be held")
        self._session.hold()
        self._is_stopping = True
        self._tell()

    def hand_over(self, words: str) -> None:
        """Let go of the run, after the step at hand, for the next console to take it up without a reason.

        Args:
            words: For whoever does; may be empty.

        Raises:
            Blocked: The console is read-only, or does not have the run.
        """
        self._may_act()
        session = self._session
        if session is None:
            raise Blocked("this console does not have the run")
        self._farewell = words
        if self.is_busy:
            self.hold()
        else:
            self._set_going(_nothing)

    def go_on(self) -> None:
        """Go on with a run that was taken and stands; a step that may have acted is verified first.

        Raises:
            Blocked: The console is read-only, or something is being done already.
        """
        self._set_going(self._idle_session().go)

    def back_out(self, reason: str) -> None:
        """Undo what was done; refused by the engine once the point of no return may have been passed.

        Raises:
            Blocked: The console is read-only, or something is being done already.
        """
        session = self._idle_session()
        self._set_going(lambda: session.back_out(reason))

    def mark_done(self, step: str, reason: str) -> None:
        """Mark the step done; the engine looks first, and refuses where a proof hangs on it.

        Raises:
            Blocked: The console is read-only, or something is being done already.
        """
        session = self._idle_session()
        self._set_going(lambda: session.mark_done(step, reason))

    def abandon(self, reason: str) -> None:
        """End the run where it stands.

        Raises:
            Blocked: The console is read-only, or something is being done already.
        """
        session = self._idle_session()
        self._set_going(lambda: session.abandon(reason))

    async def leave(self, limit_s: float = LEAVE_LIMIT_S) -> bool:
        """Finish and verify the step at hand, hold, and let go of everything; return whether that was done in time.

        Called again while it is at it, it waits for the same end: a line that drops takes signal and terminal at once.
        """
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._left(limit_s), name="leave")
        return await asyncio.shield(self._leaving)

    async def _left(self, limit_s: float) -> bool:
        is_done = True
        if self._task is not None and not self._task.done():
            if self._session is not None:
                self._session.hold()
            _, late = await asyncio.wait({self._task}, timeout=limit_s)
            is_done = not late
            if late:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
        await self._close()
        await self._following.stop()
        if self._desk is not None:
            desk, self._desk = self._desk, None
            await desk.aclose()
        return is_done

    # how ------------------------------------------------------------------------------------------------------------

    def _may_act(self) -> None:
        if not self.lock.is_open:
            raise Blocked("the console is read-only", remedy="Unlock it with w")

    def _idle_session(self) -> Session:
        self._may_act()
        if self.is_busy:
            raise Blocked("the run is at a step", remedy="Hold it first with Space; it stops after the step at hand")
        if self._session is None:
            raise Blocked("there is no run at hand", remedy="f plans a way out; R goes to an unfinished run")
        return self._session

    async def _open(self, session: Session) -> None:
        await self._close()
        await self._following.stop()
        self._watch = None
        self._session, self._is_way_back = session, False
        self._told = Told(session.run, session.plan, session.holder, session.started_at)
        self._events = list(session.past)
        session.listen(self._heard)
        self._show("standing")

    async def _close(self) -> str:
        """Let go of the session, once it has told all; return what went wrong with that, empty when nothing did."""
        session, self._session = self._session, None
        if session is None:
            return ""
        try:
            await session.aclose()
        except PpsConsoleError as error:
            return plain(str(error), 500)
        return ""

    def _set_going(self, work: "Callable[[], Awaitable[RunResult | None]]") -> None:
        self._is_stopping = False
        self._show("going")
        self._task = asyncio.create_task(self._driven(work), name="run")

    async def _driven(self, work: "Callable[[], Awaitable[RunResult | None]]") -> None:
        from ppsconsole.engine.stage import LeaseLost

        trouble, result, is_broken = "", None, False
        try:
            result = await work()
            await self._said_farewell()
        except PpsConsoleError as error:
            # Nothing more can be done or written in it: who goes on takes the run up again from what is durable.
            trouble, is_broken = plain(str(error), 500), isinstance(error, LeaseLost | JournalError)
        except Exception as error:  # whatever it is, the operator has to see it, and the console has to stay
            trouble = plain(f"{type(error).__name__}: {error}", 500)
        self._farewell, self._is_stopping = None, False
        if is_broken or (result is not None and not result.is_open):
            trouble = await self._close() or trouble
        self._show("standing", trouble)
        if self._session is None and self.live is not None and self.live.view.verdict is None and self._leaving is None:
            self._following.start(self.desk, self.live.view.run)

    async def _said_farewell(self) -> None:
        """Hand the run over where that was asked for; one that has ended by then needs nobody."""
        if self._farewell is None or self._session is None or (self.live is not None and self.live.view.verdict is not None):
            return
        session = self._session
        await session.hand_over(self._farewell)
        self._session = None

    def _watched(self, watch: "Watch") -> None:
        """Show what was seen of a run of which this console has not the lease."""
        if self._session is None and self.live is not None:
            self._watch, self._events = watch, list(watch.events)
            self._show("followed" if watch.is_attended else "standing", self.live.trouble)

    async def _asked(self, gate: Gate, step: Step, plan: Plan) -> str | None:
        given = self._answers.get(step.id)
        # A window that was accepted before the run began may not cover the loss as it is read now.
        if given is not None and (gate.kind != "accept-loss" or plan.loss.is_accepted_by(accepted_window(given))):
            return given
        self._show("asking")
        answer = await self._ask(gate, step, plan)
        self._show("going")
        return answer

    def _heard(self, event: RunEvent) -> None:
        self._events.append(event)
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TELL_S, self._tell)

    def _tell(self) -> None:
        if self.live is not None:
            self._show(self.live.activity, self.live.trouble)

    def _show(self, activity: Activity, trouble: str = "") -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        told = self._told
        if told is None:
            return
        from ppsconsole.engine.state import state_of
        from ppsconsole.reports.story import story_of  # brings the engine along, which a first frame does not need

        holder = next((str(each.data["holder"]) for each in reversed(self._events) if each.data.get("holder")), told.holder)
        view = story_of(told.run, told.plan, self._events, is_lab=self._is_lab, holder=holder, started_at=told.started_at)
        if view.verdict is not None and not is_busy_with(activity):
            activity = "ended"
        is_ours = self._session is not None
        live = Live(view, activity, tuple(self._events[-KEPT_EVENTS:]), trouble, is_ours, self._is_stopping, self._watch)
        self.live = replace(live, barred=barred(live, state_of(told.plan, self._events)))
        self._changed()


async def _nothing() -> None:
    """Do nothing: what is to be done comes after it."""
