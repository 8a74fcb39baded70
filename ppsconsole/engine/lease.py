"""The lease: one run at a time, kept as a file on the cluster's own hosts, with an epoch that every act re-reads."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppsconsole.clock import Clock, duration, iso
from ppsconsole.drivers.base import CommandResult, Shell
from ppsconsole.engine import lease_script as scripts
from ppsconsole.engine.holder import Holder, life_of, this_process
from ppsconsole.engine.lease_script import Sighting
from ppsconsole.engine.stage import LeaseLost
from ppsconsole.errors import Blocked, DriverError, Leased
from ppsconsole.inventory.model import Host, Inventory
from ppsconsole.masking import plain

HEARTBEAT_S = 5.0
ANSWER_S = 8.0
"""How long a required host is waited for; includes logging in."""

OTHERS_ANSWER_S = 3.0
"""How long each other one is: in a failover some host is mostly gone, and users are waiting."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a lease is wanted for.

    Attributes:
        required: Hosts where it must be taken: the one that becomes primary, or the one that is acted on.
        reason: Typed by the operator, for taking over from somebody who may be alive; empty otherwise.
    """

    cluster: str
    run: str
    runbook: str
    required: tuple[str, ...]
    reason: str = ""


class Lease:
    """A lease that was taken.

    Attributes:
        claim: What for.
        epoch: Higher than that of any lease before.
        line: First line of its file: what every act compares.
        folder: Of the cluster on each host, as shell text.
        unreachable: Hosts where it could not be taken, and why.
        previous: Whom it was taken over from, for the journal; empty when it was free.
        replaced: The open runs of others that lost it by that.
    """

    def __init__(
        self,
        claim: Claim,
        inventory: Inventory,
        shell: Shell,
        clock: Clock,
        *,
        holder: Holder | None = None,
        root: str = scripts.ROOT,
    ) -> None:
        self.claim, self.epoch, self.line, self.previous = claim, 0, "", ""
        self.replaced: tuple[str, ...] = ()
        self.folder = scripts.folder_of(claim.cluster, root)
        self.holder = holder or this_process()
        self.unreachable: dict[str, str] = {}
        self._inventory, self._shell, self._clock = inventory, shell, clock
        self._held: dict[str, Host] = {}
        self._lost = ""
        self._heart: asyncio.Task[None] | None = None
        self._extending = asyncio.Lock()

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The hosts where it is held."""
        return tuple(self._held.values())

    # --- taking -----------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Look whether it could be taken, and take nothing: what somebody else's run moves is not worth planning on.

        Raises:
            Leased: As `take`.
        """
        seen, _ = await self._look(lease_hosts(self._inventory, self.claim.required))
        self._refuse(seen)

    async def take(self) -> None:
        """Take it on all hosts that can be reached.

        Raises:
            Leased: Somebody else has it; the text names whom, which run and since when. Nothing is held.
            Blocked: It could not be taken on a required host. Nothing is held.
        """
        seen, self.unreachable = await self._look(lease_hosts(self._inventory, self.claim.required))
        self._refuse(seen)
        self._require(self.unreachable)
        replaced = [each for each in seen.values() if each.line and each.run not in _ended(seen)]
        self.previous = "; ".join(dict.fromkeys(_said(each) for each in replaced))
        self.replaced = tuple(dict.fromkeys(each.run for each in replaced if each.run != self.claim.run))
        self.epoch = max((each.epoch for each in seen.values()), default=0) + 1
        self.line = scripts.lease_line(self.epoch, self.claim.run, "held")
        try:
            await self._create(seen)
        except BaseException:
            await self._everywhere(scripts.give_back_script(self.folder, self.line))
            self._held.clear()
            raise
        self._heart = asyncio.ensure_future(self._beat())

    async def extend(self, host: Host) -> None:
        """Take it on a host that could not be reached earlier, before something is done there.

        Raises:
            LeaseLost: Somebody else holds it there.
            DriverError: It still cannot be reached.
            Blocked: The lease cannot be written there.
        """
        async with self._extending:
            if host.name in self._held:
                return
            try:
                found = scripts.sighting(host.name, await self._run(host, scripts.look_script(self.folder)))
            except ValueError as error:
                raise Blocked(f"the lease cannot be seen there: {error}", where=host.name) from error
            refusal = refusal_of(found, self.claim, self.holder)
            if refusal or found.epoch >= self.epoch:
                raise LeaseLost(refusal or f"the lease has epoch {found.epoch} there, ours is {self.epoch}", where=host.name)
            await self._take_on(host, found)
            self.unreachable.pop(host.name, None)

    def _refuse(self, seen: Mapping[str, Sighting]) -> None:
        for each in seen.values():
            refusal = "" if each.run in _ended(seen) else refusal_of(each, self.claim, self.holder)
            if refusal:
                raise Leased(refusal, where=each.host, remedy=_remedy(each, self.claim))

    def _require(self, missing: Mapping[str, str]) -> None:
        for name in self.claim.required:
            if name in missing:
                raise Blocked(
                    f"the lease could not be taken, and it is needed here: {missing[name]}",
                    where=name,
                    remedy="See that the host can be reached and that the login may write to its home",
                )

    async def _look(self, hosts: Sequence[Host]) -> tuple[dict[str, Sighting], dict[str, str]]:
        async def look(host: Host) -> Sighting | str:
            try:
                return scripts.sighting(host.name, await self._run(host, scripts.look_script(self.folder)))
            except (DriverError, ValueError) as error:
                return plain(str(error))

        found = await asyncio.gather(*(look(host) for host in hosts))
        seen = {each.host: each for each in found if isinstance(each, Sighting)}
        missing = {host.name: each for host, each in zip(hosts, found, strict=True) if isinstance(each, str)}
        return seen, missing

    async def _create(self, seen: Mapping[str, Sighting]) -> None:
        """Take it on each host that was seen: first on one, so that of two consoles one wins, then on the others."""
        names = sorted(seen)
        hosts = {name: self._inventory.hosts[name] for name in names}
        for group in (names[:1], names[1:]):
            found = await asyncio.gather(*(self._take_on(hosts[name], seen[name]) for name in group), return_exceptions=True)
            for name, error in zip(group, found, strict=True):
                if isinstance(error, (DriverError, Blocked)):
                    self.unreachable[name] = plain(error.what)
                elif isinstance(error, LeaseLost):
                    raise Leased(error.what, where=name, remedy="Look at it with `ppsconsole runs list`") from error
                elif error is not None:
                    raise error
        self._require(self.unreachable)

    async def _take_on(self, host: Host, seen: Sighting) -> None:
        note = {"since": iso(self._clock.now()), "runbook": self.claim.runbook, "reason": plain(self.claim.reason)}
        text = scripts.lease_text(self.line, self.holder, note)
        self._held[host.name] = host  # even where the answer is lost: giving it back touches only what is ours
        result = await self._run(host, scripts.take_script(self.folder, self.epoch, seen.line), text)
        if result.exit_status == 0:
            return
        del self._held[host.name]
        if result.exit_status == scripts.NOT_OURS:
            raise LeaseLost("another console took the lease at the same moment", where=host.name)
        said = plain(result.stderr or result.stdout, 160)
        raise Blocked(f"the lease cannot be written there: {said or f'exit {result.exit_status}'}", where=host.name)

    # --- keeping ----------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Look whether it is still ours, as far as the last signs of life told.

        Raises:
            LeaseLost: It is not.
        """
        if self._lost:
            raise LeaseLost(self._lost, remedy="Look at the run with `ppsconsole runs show`")

    def lose(self, words: str) -> None:
        """Note that somebody else has it."""
        self._lost = self._lost or words

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(HEARTBEAT_S)
            results = await self._everywhere(scripts.beat_script(self.folder, self.line))
            for name, result in results.items():
                if result.exit_status == scripts.NOT_OURS:
                    self.lose(f"the lease on {name} is not this console's any more")

    # --- letting go -------------------------------------------------------------------------------------------

    async def release(self) -> tuple[str, ...]:
        """Give it back: the run has ended. Returns the hosts where that failed: the next run needs a reason there."""
        return await self._let_go(scripts.give_back_script(self.folder, self.line))

    async def leave(self) -> tuple[str, ...]:
        """Say on the hosts that nobody is at the run, which is not finished. Returns the hosts where that failed."""
        line = scripts.lease_line(self.epoch, self.claim.run, "left")
        note = {"since": iso(self._clock.now()), "runbook": self.claim.runbook, "reason": plain(self.claim.reason)}
        return await self._let_go(scripts.leave_script(self.folder, self.line), scripts.lease_text(line, self.holder, note))

    async def _let_go(self, script: str, stdin: str | None = None) -> tuple[str, ...]:
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.gather(self._heart, return_exceptions=True)
            self._heart = None
        results = await self._everywhere(script, stdin)
        failed = tuple(name for name in self._held if name not in results or results[name].exit_status != 0)
        self._held.clear()
        return failed

    async def _everywhere(self, script: str, stdin: str | None = None) -> dict[str, CommandResult]:
        """Run a script on all hosts where the lease is held; those that do not answer are left out."""

        async def on(host: Host) -> CommandResult | None:
            try:
                return await self._run(host, script, stdin)
            except DriverError:
                return None

        hosts = list(self._held.values())
        results = await asyncio.gather(*(on(host) for host in hosts))
        return {host.name: result for host, result in zip(hosts, results, strict=True) if result is not None}

    async def _run(self, host: Host, script: str, stdin: str | None = None) -> CommandResult:
        limit_s = ANSWER_S if host.name in self.claim.required else OTHERS_ANSWER_S
        return await self._shell.run(host, script, stdin=stdin, timeout_s=limit_s)


def lease_hosts(inventory: Inventory, required: Sequence[str] = ()) -> tuple[Host, ...]:
    """Return where the lease is tried: every Linux host but those that are bastions and nothing else."""
    owners: Mapping[str, Any] = {**inventory.web_nodes, **inventory.database.instances, **inventory.balancers}
    used = {owner.host for owner in owners.values()} | set(required)
    bastions = {host.name for host in inventory.bastions()}
    linux = [host for host in inventory.hosts.values() if host.platform == "linux"]
    return tuple(host for host in linux if host.name in used or host.name not in bastions)


def _ended(seen: Mapping[str, Sighting]) -> frozenset[str]:
    """The runs that have ended: a host that was away then still holds their lease, and the copies on the others tell."""
    return frozenset[str]().union(*(each.finished for each in seen.values()))


def refusal_of(found: Sighting, claim: Claim, here: Holder) -> str:
    """Return why the lease that was seen may not be replaced for `claim`; empty when it may."""
    if not found.line or claim.reason.strip():
        return ""
    life = life_of(found.holder, here) if found.holder is not None else "unknown"
    if found.run == claim.run and (found.state == "left" or life in ("dead", "this")):
        return ""
    if found.run != claim.run and life == "dead" and not found.is_touched:
        return ""
    return _said(found, life)


def _said(found: Sighting, life: str = "unknown") -> str:
    who = found.holder.said() if found.holder is not None else "somebody unknown"
    runbook, since = plain(str(found.note.get("runbook", "")), 40), plain(str(found.note.get("since", "")), 40)
    run = f"run {plain(found.run, 40)}" + (f" ({runbook})" if runbook else "")
    if found.state == "left":
        return f"{run} is not finished; {who} left it at {since}"
    if life == "dead":
        return f"{run} is not finished; its console, {who}, is dead"
    sign = "" if found.beat_age_s is None else f", last sign of life {duration(max(0.0, found.beat_age_s))} ago"
    return f"{run} holds the lease since {since}: {who}{sign}"


def _remedy(found: Sighting, claim: Claim) -> str:
    if found.run == claim.run:
        return "Follow it with `ppsconsole runs show`; give --reason to take it over, which makes that console powerless"
    run = plain(found.run, 40)
    return (
        f"See `ppsconsole runs show {run}`; resume, back out or abandon it. Or give --reason to take over: {run} is closed "
        f"by that. Give it as well where {run} ended while {found.host} was cut off, so that only this host does not know"
    )
