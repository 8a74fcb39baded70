"""What the console asks of the desk: `ppsconsole.engine.desk`, or a double of it. Names alone."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.history import History
from ppsconsole.runbooks.request import Request

if TYPE_CHECKING:
    from ppsconsole.engine.custody import RunResult
    from ppsconsole.engine.following import Watch
    from ppsconsole.engine.gates import Ask
    from ppsconsole.engine.reading import Reading


class Found(Protocol):
    """A run as the journal or a copy on a host knows it."""

    @property
    def run(self) -> str:
        """Its id."""
        ...

    @property
    def plan(self) -> Plan:
        """Its plan."""
        ...

    @property
    def events(self) -> tuple[RunEvent, ...]:
        """What happened."""
        ...

    @property
    def is_copy(self) -> bool:
        """Whether it is known from a host and not from the journal here."""
        ...


class Session(Protocol):
    """One run at the desk, its lease taken: what the console does with it."""

    @property
    def run(self) -> str:
        """Its id."""
        ...

    @property
    def plan(self) -> Plan:
        """Its plan."""
        ...

    @property
    def holder(self) -> str:
        """Who has its lease."""
        ...

    @property
    def started_at(self) -> float:
        """When it was started, seconds since 1970 UTC."""
        ...

    @property
    def past(self) -> tuple[RunEvent, ...]:
        """What had happened before it was opened."""
        ...

    def listen(self, listener: Callable[[RunEvent], None]) -> None:
        """Have `listener` called for every event from now on."""
        ...

    async def go(self) -> "RunResult":
        """Do what is left of it, until its end or until something has to be decided."""
        ...

    def hold(self) -> None:
        """Ask it to stop after the step at hand."""
        ...

    async def back_out(self, reason: str) -> "RunResult | None":
        """Undo what was done."""
        ...

    async def mark_done(self, step: str, reason: str) -> "RunResult | None":
        """Take the operator's word for the step at which it stands, after a look."""
        ...

    async def abandon(self, reason: str) -> "RunResult | None":
        """End it where it stands."""
        ...

    async def hand_over(self, words: str) -> None:
        """Let go of it between two steps, for the next console to take it up."""
        ...

    async def aclose(self) -> None:
        """Let go of it: lease, lines, journal."""
        ...


class Follower(Protocol):
    """Looks at a run from outside."""

    async def look(self) -> "Watch":
        """Return what is known of it now."""
        ...


class Unfinished(Protocol):
    """A run that is open."""

    @property
    def run(self) -> str:
        """Its id."""
        ...

    @property
    def title(self) -> str:
        """`switchover db1 -> db2`."""
        ...

    @property
    def holder(self) -> str:
        """Who had it last."""
        ...


class Desk(Protocol):
    """Plans and runs on fresh facts: `ppsconsole.engine.desk.Desk`, or a double of it.

    Attributes:
        history: What was seen before now; whoever polls keeps it up to date.
    """

    history: History

    def saw(self, snapshot: Snapshot) -> None:
        """Take note of what was seen, for the loss that a later failover would have."""
        ...

    async def background(self, snapshot: Snapshot) -> Background:
        """Return what advice on `snapshot` rests on beside it."""
        ...

    async def read_again(self, step: Step, plan: Plan) -> "Reading":
        """Return what the gate of `step` rests on, read at this moment."""
        ...

    async def plan(self, request: Request) -> Plan:
        """Return the plan for `request`, from facts that are read now."""
        ...

    async def begin(self, plan: Plan, ask: "Ask") -> Session:
        """Take the lease and open a run of `plan`; nothing is done yet."""
        ...

    async def runs(self, limit: int, *, is_local: bool = False) -> tuple[tuple[Found, ...], tuple[str, ...]]:
        """Return the runs of this cluster, the latest first, and the hosts that could not be asked."""
        ...

    async def unfinished(self) -> tuple[Unfinished, ...]:
        """Return the open runs of this cluster, the latest first."""
        ...

    async def find(self, run: str) -> Found:
        """Return what journal and hosts know of a run."""
        ...

    async def follow(self, found: Any) -> Follower:
        """Return what looks at a run that another console is at, or has left."""
        ...

    async def reopen(self, run: str, ask: "Ask", reason: str = "", *, is_way_back: bool = False) -> Session:
        """Take the lease of an open run again, maybe to back it out or abandon it alone; nothing is done yet."""
        ...

    async def aclose(self) -> None:
        """Let go of everything."""
        ...
