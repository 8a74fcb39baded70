"""The lease: one run at a time, kept as a file on the cluster's own hosts, with an epoch that every act re-reads."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppsconsole.clock import Clock, duration, iso
from ppsconsole.drivers.base import CommandResult, Shell
from ppsconsole.engine import lease_script as scripts
from ppsconsole.engine.exits import LEAVES_NOTHING_OPEN
from ppsconsole.engine.holder import Holder, life_of, this_process
from ppsconsole.engine.lease_script import Sighting
from ppsconsole.engine.stage import LeaseLost
from ppsconsole.errors import Blocked, DriverError, Leased
from ppsconsole.inventory.model import Host, Inventory
from ppsconsole.masking import plain

HEARTBEAT_S = 5.0
ANSWER_S = 8.0
"""How long a required host is waited for; includes logging in."""

SILENT_S = 600.0
"""For how long a console of which nobody can say whether it lives gave no sign of life, until its backup keeps nobody waiting."""

OTHERS_ANSWER_S = 3.0
"""How long each other one is: in a failover some host is mostly gone, and users are waiting."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a lease is wanted for.

    Attributes:
        required: Hosts where it must be taken: the one that becomes primary, or the one that is acted on.
        reason: Typed by the operator, for taking over from somebody who may be alive; empty otherwise.
        epoch_before: Highest epoch under which this run was held, as its journal tells: hosts may have forgotten it.
    """

    cluster: str
    run: str
    runbook: str
    required: tuple[str, ...]
    reason: str = ""
    epoch_before: int = 0


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
        self._ended: frozenset[str] = frozenset()
        self._replaced: frozenset[tuple[int, str, Holder | None]] = frozenset()
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
        self._ended = _ended(seen)
        replaced = [each for each in seen.values() if each.is_taken and each.run not in self._ended]
        self._replaced = frozenset((each.epoch, each.run, each.holder) for each in replaced if each.line)
        self.previous = "; ".join(dict.fromkeys(_said(each) for each in replaced))
        self.replaced = tuple(dict.fromkeys(each.run for each in replaced if each.run not in ("", self.claim.run)))
        self.epoch = max((each.epoch for each in seen.values()), default=0)
        self.epoch = max(self.epoch, self.claim.epoch_before) + 1
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
            # A host that was away has what was there before: the lease of a run that has ended since, or the very one that was
            # taken over on the others.
            is_old = found.run in self._ended | found.finished or (found.epoch, found.run, found.holder) in self._replaced
            refusal = "" if is_old else refusal_of(found, self.claim, self.holder)
            if refusal:
                raise LeaseLost(refusal, where=host.name, remedy=_remedy(found, self.claim))
            if found.epoch >= self.epoch:
                what = f"the lease has epoch {found.epoch} there, ours is {self.epoch}: another console was at it meanwhile"
                raise LeaseLost(what, where=host.name, remedy="Resume the run: it gets a higher epoch by that")
            await self._take_on(host, found)
            self.unreachable.pop(host.name, None)

    def _refuse(self, seen: Mapping[str, Sighting]) -> None:
        for each in seen.values():
            is_over = not each.garbled and each.run in _ended(seen)
            refusal = "" if is_over else refusal_of(each, self.claim, self.holder)
            if refusal:
                raise Leased(refusal, where=each.host, remedy=_remedy(each, self.claim))

    def _require(self, missing: Mapping[str, str]) -> None:
        for name in self.claim.required:
            if name in missing:
                raise Blocked(
                    f"the lease could not be taken, and it is needed here: {missing[name]}",
                    where=name,
                    remedy="See that the host can be reached, that its disk has room and that the login may write to its home",
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
        """Take it on the hosts that were seen, one after the other in the order of their names.

        Of several consoles that begin at the same moment exactly one gets it by that, whichever hosts each of them reaches: the
        one that holds the last host that another one wants is stopped by nobody.
        """
        for name in sorted(seen):
            try:
                await self._take_on(self._inventory.hosts[name], seen[name])
            except LeaseLost as error:
                raise await self._overtaken(self._inventory.hosts[name], error) from error
            except (DriverError, Blocked) as error:
                self.unreachable[name] = plain(error.what)
                self._require(self.unreachable)

    async def _overtaken(self, host: Host, error: LeaseLost) -> Leased:
        """Return what to tell when another console took it in between: who, where that can be seen."""
        seen, _ = await self._look([host])
        who = next((f": {_said(each)}" for each in seen.values() if each.is_taken), "")
        return Leased(f"{error.what}{who}", where=host.name, remedy="Look at it with `ppsconsole runs list`")

    async def _take_on(self, host: Host, seen: Sighting) -> None:
        note = {"since": iso(self._clock.now()), "runbook": self.claim.runbook, "reason": plain(self.claim.reason)}
        text = scripts.lease_text(self.line, self.holder, note)
        if seen.garbled:
            await self._run(host, scripts.clear_script(self.folder, seen.checksum))  # whether it is gone, the next one sees
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
            remedy = f"This console can do nothing more in it: look at it with `ppsconsole runs show {self.claim.run}`"
            raise LeaseLost(self._lost, remedy=remedy)

    async def confirm(self) -> None:
        """Ask the hosts whether it is still ours: a console that slept, or was cut off, does not know yet.

        Raises:
            LeaseLost: It is not, on one that answered.
        """
        self.check()
        seen, _ = await self._look(list(self._held.values()))
        for each in seen.values():
            if each.line != self.line:
                self.lose(f"{each.host}: {taken_words(each, self)}")
        self.check()

    async def lost_on(self, name: str) -> None:
        """Note that a host said that it is not ours, and who has it: what is told of that later is told whole.

        Meanwhile every act is refused by the host itself.
        """
        if self._lost or name not in self._held:
            return
        seen, _ = await self._look([self._held[name]])
        is_told = name in seen and seen[name].line != self.line
        self.lose(f"{name}: {taken_words(seen[name], self) if is_told else LOST}")

    def lose(self, words: str) -> None:
        """Note that somebody else has it; the first to see it says so."""
        self._lost = self._lost or words

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(HEARTBEAT_S)
            results = await self._everywhere(scripts.beat_script(self.folder, self.line))
            for name, result in results.items():
                if result.exit_status == scripts.NOT_OURS:
                    await self.lost_on(name)

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
    if found.garbled:
        return "" if claim.reason.strip() and found.checksum else _said(found)
    if not found.line or claim.reason.strip():
        return ""
    life = life_of(found.holder, here) if found.holder is not None else "unknown"
    if found.run == claim.run and (found.state == "left" or life in ("dead", "this")):
        return ""
    if found.run != claim.run and life == "dead" and not found.is_touched:
        return ""
    if found.run != claim.run and found.note.get("runbook") in LEAVES_NOTHING_OPEN and _is_deserted(found, life):
        return ""
    return _said(found, life)


def _is_deserted(found: Sighting, life: str) -> bool:
    """Return whether nobody is at a run any more. A console that wakes after all can do nothing: each act re-reads the epoch."""
    return found.state == "left" or life == "dead" or (life == "unknown" and (found.beat_age_s or 0.0) > SILENT_S)


def _said(found: Sighting, life: str = "unknown") -> str:
    if found.garbled:
        return f"a lease lies there that cannot be read, {found.garbled}: whose it is, it does not tell{_sign(found)}"
    who = found.holder.said() if found.holder is not None else "somebody unknown"
    runbook, since = plain(str(found.note.get("runbook", "")), 40), plain(str(found.note.get("since", "")), 40)
    run = f"run {plain(found.run, 40)}" + (f" ({runbook})" if runbook else "")
    if found.state == "left":
        return f"{run} is not finished; {who} left it at {since}"
    if life == "dead":
        return f"{run} is not finished; its console, {who}, is dead"
    return f"{run} holds the lease since {since}: {who}{_sign(found)}"


def _sign(found: Sighting) -> str:
    if found.beat_age_s is None:
        return ""
    if found.beat_age_s < -_CLOCK_SLACK_S:
        return ", last sign of life unknown: the clock of that host was put back since"
    return f", last sign of life {duration(max(0.0, found.beat_age_s))} ago"


_CLOCK_SLACK_S = 5.0

LOST = "the lease is not this console's any more"


def taken_words(found: Sighting, lease: Lease) -> str:
    """Return what became of a lease that was held: who has it now, since which epoch and why."""
    if found.garbled:
        return f"{LOST}: {_said(found)}"
    if not found.line and found.epoch > lease.epoch:
        since = f"(epoch {found.epoch}, this console's is {lease.epoch})"
        return f"another console took the lease of run {lease.claim.run} over and has given it back since {since}"
    if not found.line:
        return f"the lease of run {lease.claim.run} is gone from there, and nobody holds it"
    who = found.holder.said() if found.holder is not None else "another console"
    reason, run = plain(str(found.note.get("reason", "")), 200), plain(found.run, 40)
    since = f"(epoch {found.epoch}, this console's is {lease.epoch})" + (f", because: {reason}" if reason else "")
    if found.run != lease.claim.run:
        return f"{who} began run {run} and took the lease from run {lease.claim.run} by that {since}"
    return f"{who} took over run {run}{' and has left it since' if found.state == 'left' else ''} {since}"


def _remedy(found: Sighting, claim: Claim) -> str:
    if found.garbled and not found.checksum:
        return "Look at the file `lease` in ~/.ppsconsole there, and move it away by hand once no console is at work"
    if found.garbled:
        return (
            "A host that lost its power may leave such a file. See with `ppsconsole runs list` that nobody is at work, then give "
            "--reason: the file is replaced by that"
        )
    if found.run == claim.run:
        return "Follow it with `ppsconsole runs show`; give --reason to take it over, which makes that console powerless"
    run = plain(found.run, 40)
    return (
        f"See `ppsconsole runs show {run}`; resume, back out or abandon it. Or give --reason to take over: {run} is closed "
        f"by that. Give it as well where {run} ended while {found.host} was cut off, so that only this host does not know"
    )
