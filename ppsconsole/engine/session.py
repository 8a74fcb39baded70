"""One console's hold of one run: journal, lease, copies, guard and runner, put together and taken apart in the right order."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ppsconsole.actions.base import Action, Workbench
from ppsconsole.clock import Clock
from ppsconsole.engine.binding import planned_keys
from ppsconsole.engine.copies import KEEPS_NO_COPY, Copies
from ppsconsole.engine.gates import Ask
from ppsconsole.engine.guard import Guard, SentCommand
from ppsconsole.engine.journal import Journal
from ppsconsole.engine.lease import Claim, Lease
from ppsconsole.engine.lease_script import ROOT
from ppsconsole.engine.pruning import prune
from ppsconsole.engine.reading import Reread
from ppsconsole.engine.resume import FoundRun, epoch_of
from ppsconsole.engine.runner import Runner
from ppsconsole.engine.stage import Stage
from ppsconsole.engine.state import RunState, state_of
from ppsconsole.engine.takeover import close_replaced
from ppsconsole.errors import Blocked, PpsConsoleError, UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import Rung

_log = logging.getLogger(__name__)


Pin = Callable[[Mapping[str, frozenset[str]]], None]
"""Takes the only keys that hosts may prove from now on, by the host's name (`SshPool.pin`)."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What runs of one cluster need.

    Attributes:
        tools: The drivers (`ppsconsole.probes.tools.Tools`): `ssh`, `postgres`.
        actions: By verb.
        is_read_only: Nothing is run at all.
        root: Folder of lease and copies on the hosts.
        reread: Reads again what a gate's question rests on, as it is asked; None asks with what the plan says.
    """

    inventory: Inventory
    tools: Any
    journal: Journal
    clock: Clock
    actions: Mapping[str, Action]
    is_read_only: bool = False
    root: str = ROOT
    reread: Reread | None = None


def new_run_id() -> str:
    """Return an id that is short enough to be read aloud."""
    return secrets.token_hex(4)


class Session:
    """Holds a run: use as `async with await Session.start(...) as session: await session.runner.run()`.

    Leaving it gives the lease back where the run has ended; else the run is journaled as held, and its lease says that nobody
    is at it.

    Attributes:
        runner: Runs the plan; its `recorder` is where to listen.
        lease: Held on the hosts.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        plan: Plan,
        run: str,
        ask: Ask,
        events: tuple[RunEvent, ...],
        reason: str,
        *,
        is_way_back: bool = False,
    ) -> None:
        """Put a session together; `start` and `resume` are what is called."""
        self.plan, self.run_id = plan, run
        self._around, self._reason, self._stage = surroundings, reason.strip(), Stage()
        self._tidying: asyncio.Future[None] | None = None
        self._pin: Pin = getattr(surroundings.tools.ssh, "pin", lambda keys: None)
        inventory, ssh, clock = surroundings.inventory, surroundings.tools.ssh, surroundings.clock
        state = state_of(plan, events)
        self._issues = list(state.issues)
        required = hosts_back(inventory, plan, state) if is_way_back or state.is_backing_out else required_hosts(inventory, plan)
        claim = Claim(plan.cluster, run, plan.runbook, required, reason, epoch_of(events))
        self.lease = Lease(claim, inventory, ssh, clock, root=surroundings.root)
        postgres = getattr(surroundings.tools, "postgres", None)
        self._guard = Guard(inventory, plan, ssh, self.lease, clock, self._stage, self._sent, ssh.fingerprint, postgres)
        self._copies = Copies(plan, self.lease, ssh, self._issue, events, self._kept)
        bench = Workbench(inventory, plan, run, clock, surroundings.tools, self._guard, self._say)
        self.runner = Runner(
            bench, surroundings.actions, surroundings.journal, ask, self, self._stage, state, surroundings.reread
        )

    @classmethod
    async def start(
        cls, surroundings: Surroundings, plan: Plan, ask: Ask, *, is_interactive: bool, reason: str = "", run: str | None = None
    ) -> "Session":
        """Begin a run of `plan`: everything that can refuse it does so before anything is touched.

        Args:
            surroundings: The cluster's.
            plan: What will be done.
            ask: Asks at gates.
            is_interactive: Gates are asked as the run comes to them; otherwise all of them now.
            reason: For taking over a lease.
            run: Its id; None for a new one.

        Raises:
            Blocked: Read-only mode, a preflight item, a gate without an answer, or a required host without a lease.
            Leased: Another run holds the lease.
            JournalError: The journal cannot be used, or no space can be put by for it.
        """
        _refuse_read_only(surroundings)
        if plan.blockers:
            said = "; ".join(f"{item.name}: {item.words}" for item in plan.blockers)
            remedy = "; ".join(dict.fromkeys(item.remedy for item in plan.blockers if item.remedy))
            raise Blocked(f"preflight does not allow it: {said}", where=plan.cluster, remedy=remedy)
        session = cls(surroundings, plan, run or new_run_id(), ask, (), reason)
        if not is_interactive:
            await session.runner.answer_all()
        surroundings.journal.refuse_moved(surroundings.inventory)
        await asyncio.to_thread(surroundings.journal.reserve)
        await session.lease.take()
        try:
            holder = session.lease.holder.said()
            await asyncio.to_thread(surroundings.journal.start, session.run_id, plan, surroundings.clock.now(), holder)
            data = {"runbook": plan.runbook, "cluster": plan.cluster, "plan": plan.hash, "holder": holder}
            await session.runner.record("run-started", words=f"{plan.runbook} of {plan.cluster}, plan {plan.hash}", data=data)
            await session._taken()
        except BaseException:
            await session._quit()
            raise
        return session

    @classmethod
    async def resume(
        cls,
        surroundings: Surroundings,
        found: FoundRun,
        ask: Ask,
        *,
        is_interactive: bool,
        reason: str = "",
        is_way_back: bool = False,
    ) -> "Session":
        """Take up a run that was left; nothing is done yet: go on with `runner.run`, `back_out`, `abandon`.

        With `is_way_back` it will only be backed out or abandoned: see `hosts_back` for where that needs the lease.

        Raises:
            UsageError: The run has ended.
            Blocked: As `start`.
            Leased: Somebody else may be at it, and no reason was given.
            JournalError: As `start`.
        """
        _refuse_read_only(surroundings)
        if not found.is_open:
            raise UsageError(f"run {found.run} has ended", remedy="See `ppsconsole runs show`")
        journal = surroundings.journal
        session = cls(surroundings, found.plan, found.run, ask, found.events, reason, is_way_back=is_way_back)
        if not is_interactive:
            await session.runner.answer_all()
        journal.refuse_moved(surroundings.inventory)
        await asyncio.to_thread(journal.reserve)
        try:
            await session.lease.take()
        except Blocked as error:
            raise Blocked(error.what, where=error.where, remedy=session._ways_on(error, is_way_back=is_way_back)) from error
        try:
            holder = session.lease.holder.said()
            if found.is_copy:
                await asyncio.to_thread(journal.adopt, found.run, found.plan, found.events, holder)
            await session.runner.record("resumed", words=f"taken up by {holder}", data={"holder": holder})
            await session._taken()
            # Another console had it meanwhile, and died before a host had its records, where more than one epoch has gone by.
            is_whole = not found.is_copy and session.lease.epoch <= epoch_of(found.events) + 1
            await session.runner.look_ahead(found.begun, is_whole=is_whole)
            if is_way_back:
                session._refuse_late()
        except BaseException:
            await session._quit()
            raise
        return session

    async def __aenter__(self) -> "Session":
        """Return the session."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go of the run."""
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of the run: see the class. What cannot be written any more does not keep the rest from being let go."""
        state = self.runner.state
        try:
            if state.verdict is None and not state.is_held:
                self.lease.check()
                await self.runner.record("held", words="the console left", data={"verdict": self.runner.standing().value})
        except PpsConsoleError as error:
            _log.warning("run %s was left without a record: %s", self.run_id, error)
        await self._quit()

    async def hand_over(self, words: str) -> None:
        """Let go of an open run, between two steps, for the next console to take it up without a reason; `words` are for it.

        Raises:
            UsageError: The run has ended.
            LeaseLost: Another console has it already.
        """
        if self.runner.state.verdict is not None:
            raise UsageError("the run has ended: there is nothing to hand over")
        self.lease.check()
        said = f"handed over by {self.lease.holder.said()}" + (f": {words.strip()}" if words.strip() else "")
        await self.runner.record("held", words=said, data={"verdict": self.runner.standing().value, "is_handed_over": True})
        await self._quit()

    # --- Custody, for the runner ------------------------------------------------------------------------------

    def check(self) -> None:
        """See `runner.Custody.check`."""
        self.lease.check()

    async def confirm(self) -> None:
        """See `runner.Custody.confirm`."""
        await self.lease.confirm()

    async def settle(self, *, is_whole: bool = False) -> None:
        """See `runner.Custody.settle`."""
        await self._copies.settle(is_whole=is_whole)

    async def flush(self) -> None:
        """See `runner.Custody.flush`."""
        await self._copies.flush()

    def saw(self, event: RunEvent) -> None:
        """See `runner.Custody.saw`."""
        self._copies.add(event)

    # --- inside -----------------------------------------------------------------------------------------------

    async def _taken(self) -> None:
        lease = self.lease
        # A host that is installed anew, or another one in its place, is not even logged in to while the run is at hand.
        self._pin(planned_keys(self.plan))
        holder = lease.holder.said()
        if lease.previous:
            data: dict[str, Any] = {"holder": holder, "reason": self._reason, "previous": lease.previous}
            words = f"taken over: {lease.previous}" + (f"; because {self._reason}" if self._reason else "")
            await self.runner.record("taken-over", words=words, data=data)
        hosts = [host.name for host in lease.hosts]
        words = f"epoch {lease.epoch} on {', '.join(hosts)}"
        if lease.unreachable:
            words += "; not on " + ", ".join(f"{name} ({why})" for name, why in lease.unreachable.items())
        data = {"epoch": lease.epoch, "hosts": hosts, "unreachable": dict(lease.unreachable)}
        await self.runner.record("lease-taken", words=words, data=data)
        around = self._around
        for failure in await close_replaced(
            around.inventory, around.tools.ssh, around.journal, lease, around.clock.now(), reason=self._reason, root=around.root
        ):
            self._issue(f"still says that it is open: {failure}")
        self._tidying = asyncio.ensure_future(prune(around.tools.ssh, lease))

    def _ways_on(self, error: Blocked, *, is_way_back: bool) -> str:
        """Return what can be done about a run whose lease cannot be had where it is needed."""
        run, required = self.run_id, self.lease.claim.required
        back = hosts_back(self._around.inventory, self.plan, self.runner.state)
        ways = f"`ppsconsole runs back-out {run}`, or `ppsconsole runs abandon {run} --reason TEXT`"
        closes = "a new run that is begun with --reason takes over from it and closes it"
        if is_way_back:
            return f"{error.remedy}; until then it stays open, and {closes}"
        if back != required:
            return (
                f"{error.remedy}, then resume it. Or, without that host: {ways}; they need {', '.join(back)} alone. And {closes}"
            )
        return f"{error.remedy}, then resume it. {ways} need it there as well: the primary may have been stopped. But {closes}"

    def _refuse_late(self) -> None:
        """See that the lease is held where it is needed, now that it is known how far a console before this one came."""
        held = {host.name for host in self.lease.hosts}
        lacking = [each for each in hosts_back(self._around.inventory, self.plan, self.runner.state) if each not in held]
        if lacking:
            what = "the primary may have been stopped, and without the lease on this host another console might promote"
            raise Blocked(what, where=lacking[0], remedy="See that the host can be reached")

    async def _quit(self) -> None:
        """Bring the copies up to date, let the lease go, and the listeners."""
        self._guard.disarm()
        try:
            if self._tidying is not None:
                await asyncio.gather(self._tidying, return_exceptions=True)
            await self.runner.recorder.aclose()
            await self._copies.aclose()
        finally:
            is_over = self.runner.state.verdict is not None or self.runner.state.last_number == 0
            failed = await (self.lease.release() if is_over else self.lease.leave())
            if failed:
                _log.warning("the lease of run %s could not be let go on %s", self.run_id, ", ".join(failed))
            self._pin({})

    def _issue(self, words: str) -> None:
        self._issues.append(words)
        self.runner.recorder.note("issue-noted", "", words)

    def _kept(self, host: str) -> None:
        """Take back what this console, or one before it, said of a host that has a copy now: no end is worse for it."""
        if self.runner.state.verdict is not None:
            return
        for issue in [each for each in self._issues if each.startswith(f"{host}{KEEPS_NO_COPY}")]:
            self._issues.remove(issue)
            self.runner.recorder.note("issue-over", "", f"{host} keeps a copy of the journal again", {"issue": issue})

    def _say(self, words: str) -> None:
        self.runner.recorder.note("output", self._stage.step, words)

    def _sent(self, sent: SentCommand) -> None:
        data = {"kind": sent.kind, "host": sent.host, "duration_s": sent.duration_s, "outcome": sent.outcome}
        prompt = "=>" if sent.kind == "sql" else "$"
        self.runner.recorder.note("command-sent", self._stage.step, f"{sent.host}{prompt} {sent.command}", data)


def required_hosts(inventory: Inventory, plan: Plan) -> tuple[str, ...]:
    """Return where the lease must be held: on the host that becomes primary, or else on the one that is acted on first.

    A machine that is switched off from elsewhere keeps no lease: then it is on the host of the primary that goes on.
    """
    others = (each.node for each in plan.identities if each.role == "primary" and each.node != plan.node)
    for node in (plan.to, next(others, plan.node) if _is_switched_off(plan) else plan.node):
        host = inventory.host_of(node) if node else None
        if host is not None and host.platform == "linux":
            return (host.name,)
    return tuple(step.host for step in plan.steps if step.host is not None)[:1]


def _is_switched_off(plan: Plan) -> bool:
    """Return whether the node that is acted on is fenced without its own host."""
    return any(step.node == plan.node and step.arguments.get("rung") == Rung.FENCE_COMMAND.value for step in plan.steps)


def hosts_back(inventory: Inventory, plan: Plan, state: RunState) -> tuple[str, ...]:
    """Return where the lease must be held to back out or abandon a run.

    As long as nothing was done that a proof is made from, it is enough to hold it on the old primary's host: a console
    that goes forwards has to act there first, and is refused. So a standby whose host is lost does not keep users
    out. Later on another console might promote without asking the old primary again, and both need the lease on the host that
    becomes primary.
    """
    is_forward_free = any(not step.is_markable and state.of(step.id).may_have_acted for step in plan.steps)
    old = next((each.host for each in plan.identities if each.role == "primary" and each.node != plan.to and each.host), "")
    if _is_switched_off(plan):
        return required_hosts(inventory, plan)
    return required_hosts(inventory, plan) if is_forward_free or not old else (old,)


def _refuse_read_only(surroundings: Surroundings) -> None:
    if surroundings.is_read_only:
        raise Blocked("the console is in read-only mode", remedy="Start it without read-only mode to run anything")
