"""Where plans are made and runs are begun: fresh facts, journal and lease behind one counter, the same for every face."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ppsconsole.actions.registry import ACTIONS
from ppsconsole.clock import Clock, SystemClock, duration
from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.draw.plan import direction
from ppsconsole.engine import facts, memory
from ppsconsole.engine.estimate import learned
from ppsconsole.engine.following import Follower
from ppsconsole.engine.gates import Ask
from ppsconsole.engine.journal import Journal, open_journal
from ppsconsole.engine.lease import Claim, Lease
from ppsconsole.engine.open_run import OpenRun, Unfinished
from ppsconsole.engine.reading import Reading, reading_of
from ppsconsole.engine.resume import FoundRun, KnownRuns, find_run, holder_of, known_runs, started_at
from ppsconsole.engine.session import Session, Surroundings
from ppsconsole.engine.shown import moved
from ppsconsole.errors import JournalError, WorldMoved
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import FenceProof
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.alternate import bundle_of
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.catalog import RUNBOOKS, plan_of
from ppsconsole.runbooks.failover import failover_loss
from ppsconsole.runbooks.history import History
from ppsconsole.runbooks.items_tried import insisted
from ppsconsole.runbooks.ladder import chosen_rung
from ppsconsole.runbooks.quarantine import path_of
from ppsconsole.runbooks.rejoin import chosen_way
from ppsconsole.runbooks.request import Request, known

if TYPE_CHECKING:
    from ppsconsole.probes.tools import Tools

JOURNAL_VARIABLE = "PPSCONSOLE_JOURNAL"
"""SQLAlchemy URL of a journal that a team shares; unset, the journal is SQLite in the console's state folder."""

READ_ONLY_VARIABLE = "PPSCONSOLE_READ_ONLY"
"""Set to anything but the empty text and `0`, nothing is run."""

KEEP_S = 5.0
"""How often what was seen is written down while nothing is new: well within `memory.WATCHED_S`."""

SAME_S = 2.0
"""Questions that are asked one after the other rest on one look."""

REREAD_S = 4.0
"""How long a question waits for what it rests on: users are out meanwhile."""

SIZE_S = 20.0
"""For how long a plan waits for a database to tell its size, in seconds: a restore's outage is announced by it."""
FRESH_S = 30.0
"""A plan that is older is made again before it is begun: somebody may have read it for an hour."""


class Desk:
    """Plans and runs of one cluster.

    Attributes:
        inventory: What was declared.
        history: What was seen of primary and standbys before, also by earlier commands on this machine.
        snapshot: What the last look saw; None before the first.
    """

    def __init__(self, inventory: Inventory, clock: Clock | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self.inventory = inventory
        self._clock: Clock = clock or SystemClock()
        self.history = memory.recall(inventory.cluster.name, self._clock.now())
        self.snapshot: Snapshot | None = None
        self._environ = environ
        self._opened: Journal | None = None
        self._opening = asyncio.Lock()
        self._tools: Tools | None = None
        self._dead_wal: DeadWal | None = None
        self._kept_at = self._acted_at = 0.0
        self._learned: Mapping[str, float] = {}
        self._sizes: Mapping[str, int] = {}
        self._learned_at = 0.0

    async def aclose(self) -> None:
        """Let go of connections and journal."""
        tools, self._tools = self._tools, None
        journal, self._opened = self._opened, None
        if tools is not None:
            await tools.aclose()
        if journal is not None:
            await asyncio.to_thread(journal.close)

    # --- plans ------------------------------------------------------------------------------------------------

    async def look(self) -> Snapshot:
        """Look at everything once; what does not answer in time stays unknown."""
        self.snapshot = await facts.look(self.inventory, self._clock)
        self.saw(self.snapshot)
        return self.snapshot

    def saw(self, snapshot: Snapshot) -> None:
        """Take note of what was seen, for the loss that a later failover would have; a face that polls calls it."""
        before, self.history = self.history, self.history.after(snapshot)
        # Also where nothing is new: a death is remembered only while somebody is known to have kept looking.
        if self.history != before or not 0.0 <= snapshot.at - self._kept_at < KEEP_S:
            memory.keep(self.inventory.cluster.name, self.history, snapshot.at)
            self._kept_at = snapshot.at

    async def background(self, snapshot: Snapshot) -> Background:
        """Return what advice on `snapshot` rests on beside it: the same as for plans, but for the secrets.

        That is what earlier runs took, what was seen before, and what stands on the disk of a dead primary. Journal and disk are
        read again only where the last reading is older than `FRESH_S` or does not tell of this death.
        """
        if not 0.0 <= snapshot.at - self._learned_at < FRESH_S:
            self._learned, self._learned_at = await self._estimates(), snapshot.at
            self._sizes = await facts.sizes(self.inventory, snapshot, self._drivers(), REREAD_S)
        return Background(self._learned, self.history, None, await self._read(snapshot, ""), sizes=self._sizes)

    async def plan(self, request: Request) -> Plan:
        """Return the plan for `request`, from facts that are read now; what does not answer in time is looked at again.

        Raises:
            UsageError: The request names what does not exist, or leaves a choice open.
            Blocked: Nothing can be planned in this state; the error says what to do instead.
        """
        known(request.runbook, RUNBOOKS, "runbook")  # a misspelt name is told before everything is looked at
        beside = asyncio.gather(self._estimates(), facts.tried_secrets(self.inventory), self._journal_trouble())
        made: Plan | Barred | None = None
        async with aclosing(facts.looks(self.inventory, self._clock)) as looks:
            async for snapshot, is_last in looks:
                self.snapshot, self._dead_wal = snapshot, None  # a plan rests on what is read for it
                self.saw(snapshot)
                dead_wal = await self._read(snapshot, request.to) if request.runbook == "failover" else None
                estimates, secrets, trouble = await beside
                remnant = None
                if request.runbook == "rejoin":
                    remnant = await facts.remnant(self.inventory, snapshot, self._drivers(), self._clock, request.node)
                ways = await facts.ways(self.inventory, snapshot, self._drivers().ssh, request)
                is_alternate = RUNBOOKS[request.runbook].is_for_alternates
                offered = await facts.offered(self.inventory, self._drivers(), request.node) if is_alternate else None
                is_copy = request.runbook == "restore"
                sizes = await facts.sizes(self.inventory, snapshot, self._drivers(), SIZE_S) if is_copy else {}
                background = Background(estimates, self.history, secrets, dead_wal, trouble, remnant, offered, sizes, ways)
                try:
                    made = plan_of(self.inventory, snapshot, request, commands_of, background)
                except Barred as error:
                    made = error
                if is_last or not facts.is_worth_another_look(self.inventory, snapshot, made, is_for_alternates=is_alternate):
                    break
        if isinstance(made, Barred):
            raise made
        assert made is not None, "it is looked once at least"
        return made

    async def _read(self, snapshot: Snapshot, to: str) -> DeadWal | None:
        """Return what stands on the disk of a dead primary, from a reading that is still good or a new one."""
        if any(node.role == "primary" for node in snapshot.of_kind("database")):
            self._dead_wal = None
            return None
        last, now = self._dead_wal, self._clock.now()
        ours = None if last is None else snapshot.node(last.standby)
        is_good = last is not None and ours is not None and ours.value("lsn") == last.have_lsn and now - last.at <= FRESH_S
        if not is_good or last is None or to not in ("", last.standby):
            self._dead_wal = await facts.dead_wal(self.inventory, snapshot, self._drivers().ssh, self._clock, to)
        return self._dead_wal

    async def _estimates(self) -> Mapping[str, float]:
        try:
            journal = await self.journal()
            return await asyncio.to_thread(learned, journal, self.inventory.cluster.name)
        except JournalError:
            return {}  # a plan can be shown without it; a run cannot be begun, and says so

    async def _journal_trouble(self) -> tuple[str, str]:
        """Return why a run could not be journaled and what to do, both empty when it could."""
        try:
            journal = await self.journal()
            journal.refuse_moved(self.inventory)
            await asyncio.to_thread(journal.check_room)
        except JournalError as error:
            return f"{error.where}: {error.what}" if error.where else error.what, error.remedy
        return "", ""

    async def read_again(self, step: Step, plan: Plan, fence: FenceProof | None = None) -> Reading:
        """Return what the gate of `step` rests on, read at this moment, and what has moved since the plan was made.

        A look that is younger than `SAME_S` is not taken twice, but one from before the run's last act says nothing of what that
        changed, and one from before the fence nothing of what was written until then: a machine that was off may have come back.
        It waits `REREAD_S` at most: what is silent for longer is told as not seen, and a loss that cannot be told any more is
        unknown.

        Args:
            step: With a gate.
            plan: As it was made, by whatever console.
            fence: The proof that the old primary cannot write any more; None before that.
        """
        snapshot, acted_at = self.snapshot, max(self._acted_at, fence.at if fence is not None else 0.0)
        if snapshot is None or snapshot.at < acted_at or not 0.0 <= self._clock.now() - snapshot.at <= SAME_S:
            self._dead_wal = None
            snapshot = self.snapshot = await facts.look_with(self._drivers(), self.inventory, self._clock, REREAD_S)
            self.saw(snapshot)
        loss, dead_since = plan.loss, self.history.dead_since
        old = next((each.arguments.get("primary", "") for each in plan.steps if each.is_point_of_no_return), "")
        if plan.runbook == "failover" and old:
            history = self.history if self.history.primary == old else History(old)
            if fence is not None:  # since then nothing was written; where it lived again, until then
                dead_since = None if fence.is_found_running else history.dead_since
                history = replace(history, dead_since=min(fence.at, dead_since or fence.at))
            background = Background({}, history, None, await self._read(snapshot, plan.to))
            loss, dead_since = failover_loss(snapshot, background, old, plan.to), history.dead_since
        out_since = dead_since if plan.out_since is None else plan.out_since
        reading = reading_of(plan, snapshot, loss, out_since, snapshot.at)
        return replace(reading, age_s=max(0.0, self._clock.now() - snapshot.at))

    async def plan_to_run(self, request: Request) -> Plan:
        """Return the plan for `request` as `plan` does, but only where no other run holds the lease.

        Raises:
            Leased: Another run does, and the request gives no reason for taking over: what it moves is not worth planning on.
            UsageError: As `plan`.
            Blocked: As `plan`.
        """
        claim = Claim(self.inventory.cluster.name, "", request.runbook, (), request.reason)
        lease = Lease(claim, self.inventory, self._drivers().ssh, self._clock)
        leased, plan = await asyncio.gather(lease.look(), self.plan(request), return_exceptions=True)
        if isinstance(leased, BaseException):
            raise leased
        if isinstance(plan, BaseException):
            raise plan
        return plan

    # --- runs -------------------------------------------------------------------------------------------------

    async def begin(self, plan: Plan, ask: Ask, *, reason: str = "", is_interactive: bool = True) -> OpenRun:
        """Take the lease and open a run of `plan`; nothing is done yet.

        Args:
            plan: As it was read by whoever wants it; made again, and compared, where it is not fresh any more.
            ask: Asks at gates.
            reason: Why; also for taking a lease over.
            is_interactive: Gates are asked as the run comes to them; otherwise all of them now.

        Raises:
            WorldMoved: The plan would be another one now; says what moved.
            RunError: As `Session.start`.
        """
        around = await self._surroundings()
        if self._clock.now() - plan.made_at > FRESH_S:
            refuse_moved(plan, await self.plan(request_of(plan)))
        session = await Session.start(around, plan, ask, is_interactive=is_interactive, reason=reason)
        return await self._open_run(session)

    async def reopen(
        self, run: str, ask: Ask, reason: str = "", *, is_interactive: bool = True, is_way_back: bool = False
    ) -> OpenRun:
        """Take the lease of an open run again, also of one that another machine began; nothing is done yet.

        Args:
            run: Its id or the beginning of it; empty for the one open run.
            ask: Asks at gates.
            reason: For taking it over from somebody who may be at it.
            is_interactive: As for `begin`.
            is_way_back: It will only be backed out or abandoned; that may need the lease in another place.

        Raises:
            UsageError: There is no such run, or it has ended.
            RunError: As `Session.resume`.
        """
        around = await self._surroundings()
        found = await self.find(run)
        session = await Session.resume(around, found, ask, is_interactive=is_interactive, reason=reason, is_way_back=is_way_back)
        return await self._open_run(session)

    async def find(self, run: str) -> FoundRun:
        """Return the run whose id begins with `run`, from the journal here and the copies on the hosts.

        Raises:
            UsageError: There is none, or more than one.
        """
        around = await self._surroundings()
        return await find_run(self.inventory, around.tools.ssh, around.journal, run)

    async def follow(self, found: FoundRun) -> Follower:
        """Return what looks at a run again and again while another console is at it; nothing is taken.

        Raises:
            JournalError: The journal cannot be used.
        """
        return Follower(self.inventory, self._drivers().ssh, await self.journal(), found)

    async def runs(self, limit: int, *, is_local: bool = False) -> tuple[tuple[FoundRun, ...], tuple[str, ...]]:
        """Return the runs of this cluster, the latest first, and the hosts that could not be asked for their copies.

        Args:
            limit: How many at most.
            is_local: Ask the journal here only.
        """
        known = await self.known_runs(limit, is_local=is_local)
        return known.ours, known.missing

    async def known_runs(self, limit: int, *, is_local: bool = False) -> KnownRuns:
        """Return as `runs` does, with the runs of other clusters that had the same name beside them."""
        shell = None if is_local else self._drivers().ssh
        return await known_runs(self.inventory, await self.journal(), shell, limit=limit)

    async def unfinished(self) -> tuple[Unfinished, ...]:
        """Return the open runs of this cluster that the journal here or a host knows, the latest first."""
        found, _ = await self.runs(50)
        return tuple(
            Unfinished(each.run, f"{each.plan.runbook} {direction(each.plan)}".rstrip(), holder_of(each), started_at(each))
            for each in found
            if each.is_open
        )

    async def journal(self) -> Journal:
        """Return the journal, opened on first use.

        Raises:
            JournalError: It cannot be used.
        """
        async with self._opening:
            if self._opened is None:
                url = self._environ.get(JOURNAL_VARIABLE) or None
                self._opened = await asyncio.to_thread(open_journal, url)
            return self._opened

    # --- inside -----------------------------------------------------------------------------------------------

    async def _surroundings(self) -> Surroundings:
        is_read_only = self._environ.get(READ_ONLY_VARIABLE, "") not in ("", "0")
        journal = await self.journal()
        return Surroundings(self.inventory, self._drivers(), journal, self._clock, ACTIONS, is_read_only, reread=self.read_again)

    def _drivers(self) -> "Tools":
        if self._tools is None:
            from ppsconsole.probes.tools import Tools

            self._tools = Tools(self.inventory, self._clock, _no_record)
        return self._tools

    async def _open_run(self, session: Session) -> OpenRun:
        try:
            journal = await self.journal()
            past = await asyncio.to_thread(journal.events, session.run_id)
            session.runner.recorder.listen(self._heard)
            return OpenRun(session, past, past[0].at if past else session.plan.made_at)
        except BaseException:
            await session.aclose()
            raise

    def _heard(self, event: RunEvent) -> None:
        if event.kind in ("step-started", "step-finished", "undo-started", "undo-finished"):
            self._acted_at = event.at


def _no_record(_: Any) -> None:
    """Take note of nothing: the guard reports what acts, and what only looks would drown it."""


def commands_of(inventory: Inventory, step: Step) -> tuple[str, ...]:
    """Return exactly what a step will send, one `HOST$ command` a line, secrets masked."""
    return ACTIONS[step.verb].commands(inventory, step)


def request_of(plan: Plan) -> Request:
    """Return what was asked for when `plan` was made."""
    fence, way, bundle, path = chosen_rung(plan), chosen_way(plan), bundle_of(plan), path_of(plan)
    return Request(plan.runbook, plan.node, plan.to, fence=fence, way=way, bundle=bundle, path=path, insist=insisted(plan))


def refuse_moved(read: Plan, now: Plan) -> None:
    """Refuse to run a plan that would be another one now.

    Raises:
        WorldMoved: It would; says what moved.
    """
    if read.hash != now.hash:
        age, what = duration(max(0.0, now.made_at - read.made_at)), "; ".join(moved(read, now)[:6])
        raise WorldMoved(
            f"since plan {read.hash} was made, {age} ago, the world moved: {what}; nothing was touched",
            where=now.cluster,
            remedy=f"Read the plan again; it is {now.hash} now",
        )
