"""Commands on hosts, bound to what the plan was made for: lease, host and instance are re-read with each one (law 7)."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from ppsconsole.clock import Clock
from ppsconsole.drivers.base import CommandResult, LineDropped, Shell
from ppsconsole.drivers.local import HERE, run_here
from ppsconsole.engine import armed, detached
from ppsconsole.engine.binding import Binding, moved_words, planned_keys
from ppsconsole.engine.lease import Lease, taken_words
from ppsconsole.engine.lease_script import lease_seen, sh
from ppsconsole.engine.line_wait import lost_line
from ppsconsole.engine.stage import LeaseLost, Stage
from ppsconsole.errors import BadAnswer, Blocked, DriverError, OutputTooLong, TimedOut, WorldMoved
from ppsconsole.inventory.model import Host, Instance, Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.plan import Plan

_CONDITIONS_S = 8.0
LOOK_COUNTS_S = _CONDITIONS_S
"""For how long a look at lease and instance counts for the statement behind it: they cannot be one remote command."""

_LOOKS = 3

_NEW_PLAN = "Make a new plan"
_IDENTIFIER_SQL = "SELECT system_identifier::text FROM pg_control_system()"

KEY_S = 8.0
"""How long a login may take that is made to see the host's key."""


_Kind = Literal["look", "act", "detached", "sql"]


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A command that was sent to a host, or a statement to an instance, after it ended.

    Attributes:
        host: The host; the instance for a statement.
        command: As one harmless line, without the guard around it.
        outcome: `rc 0`, or the word of the error.
    """

    kind: _Kind
    host: str
    command: str
    duration_s: float
    outcome: str


class Statements(Protocol):
    """Sends statements to instances (`drivers.postgres.PostgresPool`)."""

    async def execute(self, instance: Instance, sql: str, *, timeout_s: float) -> list[tuple[Any, ...]]:
        """Run one statement in autocommit, on a connection that is kept."""
        ...


class Guard:
    """Implements `actions.base.Guarded` for one run."""

    def __init__(
        self,
        inventory: Inventory,
        plan: Plan,
        shell: Shell,
        lease: Lease,
        clock: Clock,
        stage: Stage,
        report: Callable[[SentCommand], None],
        fingerprint: Callable[[str], str | None],
        postgres: Statements | None = None,
    ) -> None:
        """Prepare.

        Args:
            inventory: Says where hosts and programs are.
            plan: Says who is who.
            shell: Sends the commands.
            lease: Held by this run.
            clock: Time.
            stage: Told what was sent for the step at hand.
            report: Called for each command, after it ended; must not block.
            fingerprint: Returns the key that a host proved at its last login (`SshPool.fingerprint`).
            postgres: Sends statements; None where none are sent.
        """
        self._inventory, self._plan, self._shell, self._lease, self._clock = inventory, plan, shell, lease, clock
        self._stage, self._report, self._fingerprint, self._postgres = stage, report, fingerprint, postgres
        self._binding = Binding(inventory, plan, lease, stage)
        self._armed: dict[tuple[str, str, str | None], armed.Armed] = {}

    async def look(self, host: str, command: str, *, timeout_s: float = 10.0) -> CommandResult:
        """Run a command that changes nothing; see `Guarded.look`."""
        found = self._host(host)
        return await self._sent("look", host, command, lambda: self._shell.run(found, command, timeout_s=timeout_s))

    async def arm(self, host: str, command: str, *, node: str | None = None, timeout_s: float = 8.0) -> None:
        """Have `act` of the same command act at one word; see `Guarded.arm`."""
        found = await self._ready(host)
        key = (host, command, node)
        self._disarm(key)
        identity = self._binding.identity(node)
        of_instance = self._binding.instance_conditions(identity) if identity is not None else []
        instance = (shlex.quote(identity.data_directory), "\n".join(of_instance) + "\n") if identity and of_instance else None
        ready = armed.Readiness(
            self._binding.conditions(found, node), instance, self._lease.line, self._lease.epoch, self._binding.begun('"$s"')
        )
        text = armed.script(ready, command)
        until = self._clock.monotonic() + timeout_s
        talk = await self._shell.open(found, sh(text), timeout_s=timeout_s)
        try:
            async with asyncio.timeout(max(0.1, until - self._clock.monotonic())):
                said = await talk.line()
                if said != armed.READY:
                    self._refuse(found, await talk.end())
                    raise BadAnswer(f"it does not stand ready: {plain(said, 160)}", where=host)
        except TimeoutError:
            talk.cut()
            raise TimedOut(f"nothing stands ready within {timeout_s:g}s", where=host) from None
        except BaseException:
            talk.cut()
            raise
        self._armed[key] = armed.Armed(talk, self._clock.monotonic() + armed.HELD_S)

    def disarm(self) -> None:
        """Let go of everything that stands ready; nothing is done by that."""
        for key in tuple(self._armed):
            self._disarm(key)

    async def act(
        self,
        host: str,
        command: str,
        *,
        node: str | None = None,
        stdin: str | None = None,
        timeout_s: float = 30.0,
        heard: Callable[[str], None] | None = None,
    ) -> CommandResult:
        """Run a command that changes something, bound to lease and identity; see `Guarded.act`."""
        ready = self._armed.pop((host, command, node), None)
        if ready is not None and (result := await self._fired(ready, host, command, timeout_s, heard)) is not None:
            return result
        found = await self._ready(host)
        script = sh(f"{self._binding.conditions(found, node)}{self._binding.begun()}exec /bin/sh -c {shlex.quote(command)}\n")
        return await self._bound("act", found, command, lambda: self._shell.run(found, script, stdin=stdin, timeout_s=timeout_s))

    async def act_detached(
        self, host: str, name: str, command: str, *, node: str | None = None, timeout_s: float = 60.0
    ) -> CommandResult:
        """Run a command that may outlive the line; see `Guarded.act_detached`."""
        found = await self._ready(host)
        place = detached.Place(self._lease.folder, self._lease.claim.run, name, self._stage.attempt)
        limit = self._clock.monotonic() + timeout_s
        wait_s = min(timeout_s, detached.WAIT_S)
        start = sh(self._binding.conditions(found, node) + self._binding.begun() + place.start(command) + place.wait(wait_s))
        result: CommandResult | None
        try:
            limit_s = wait_s + detached.GRACE_S
            result = await self._bound("detached", found, command, lambda: self._shell.run(found, start, timeout_s=limit_s))
        except (LineDropped, TimedOut):
            result = None  # it may have been started: from here on it is only looked for
        while True:
            left_s = limit - self._clock.monotonic()
            ended = None if result is None else place.outcome(result)
            if ended is not None:
                return ended
            if left_s <= 0:
                raise TimedOut(f"no end of {name} within {timeout_s:g}s; it may still be running", where=host)
            result = await self._looked_for(found, place, min(left_s, detached.WAIT_S))

    async def act_sql(self, node: str, sql: str, *, timeout_s: float = 30.0) -> list[tuple[Any, ...]]:
        """Run a statement that changes something, bound to lease and identity; see `Guarded.act_sql`."""
        instance, host = self._inventory.database.instances.get(node), self._inventory.host_of(node)
        if instance is None or self._postgres is None:
            raise Blocked("no statement can be sent to it", where=node)
        for _ in range(_LOOKS):
            looked_at, looked_on = self._clock.monotonic(), self._clock.now()
            await self._looked_at(instance, host)
            # A console that slept in between, with its machine or without, looks again: a lease may be taken over meanwhile.
            if max(self._clock.monotonic() - looked_at, self._clock.now() - looked_on) <= LOOK_COUNTS_S:
                break
        else:
            words = (
                f"looking at lease and instance took longer than {LOOK_COUNTS_S:g}s, {_LOOKS} times; the statement was not sent"
            )
            self._stage.refused = late = TimedOut(words, where=node)
            raise late
        started, outcome = self._clock.monotonic(), "cancelled"
        self._stage.sent += 1
        try:
            rows = await self._postgres.execute(instance, sql, timeout_s=timeout_s)
            outcome = f"{len(rows)} rows"
            return rows
        except DriverError as error:
            outcome = error.word
            raise
        finally:
            took_s = self._clock.monotonic() - started
            self._report(SentCommand("sql", node, plain(sql, 2000), round(took_s, 4), outcome))

    async def _looked_at(self, instance: Instance, host: Host | None) -> None:
        """See, before a statement, that lease, host and instance are as planned; raises what moved."""
        self._lease.check()
        if host is not None and host.platform == "linux":
            found = await self._ready(host.name)
            script = sh(self._binding.conditions(found, instance.name) + self._binding.begun())
            self._refuse(found, await self._shell.run(found, script, timeout_s=_CONDITIONS_S))
        identity = self._binding.identity(instance.name)
        if identity is not None and identity.system_identifier and self._postgres is not None:
            rows = await self._postgres.execute(instance, _IDENTIFIER_SQL, timeout_s=_CONDITIONS_S)
            if rows != [(identity.system_identifier,)]:
                words = f"system identifier: {plain(str(rows[0][0]) if rows else '')}, planned was {identity.system_identifier}"
                self._stage.refused = refusal = WorldMoved(f"{words}; nothing was done", where=instance.name, remedy=_NEW_PLAN)
                raise refusal

    async def act_here(self, argv: Sequence[str], *, timeout_s: float = 30.0) -> CommandResult:
        """Run a program on the console's machine, after a look at the lease; see `Guarded.act_here`."""
        for name in self._lease.claim.required:
            found = await self._ready(name)
            seen = await self._shell.run(
                found, sh(self._binding.conditions(found, None) + self._binding.begun()), timeout_s=_CONDITIONS_S
            )
            self._refuse(found, seen)
        self._lease.check()
        self._stage.sent += 1
        return await self._sent("act", HERE, shlex.join(argv), lambda: run_here(argv, timeout_s=timeout_s))

    async def _looked_for(self, host: Host, place: detached.Place, wait_s: float) -> CommandResult | None:
        script = sh(place.find() + place.wait(wait_s))
        try:
            return await self._shell.run(host, script, timeout_s=wait_s + detached.GRACE_S)
        except (OutputTooLong, BadAnswer):
            raise
        except DriverError:
            await self._clock.sleep(detached.RETRY_S)
            return None

    # --- what stands ready --------------------------------------------------------------------------------------

    def _disarm(self, key: tuple[str, str, str | None]) -> None:
        ready = self._armed.pop(key, None)
        if ready is not None:
            ready.talk.cut()

    async def _fired(
        self, ready: armed.Armed, name: str, command: str, timeout_s: float, heard: Callable[[str], None] | None
    ) -> CommandResult | None:
        """Give the word; None when nothing was done by it, and the act has to be sent the ordinary way."""
        self._lease.check()
        if ready.talk.is_over or self._clock.monotonic() > ready.until:
            ready.talk.cut()
            return None
        host, talk = self._host(name), ready.talk

        async def given() -> CommandResult:
            lines: list[str] = []
            talk.send(armed.word(self._lease.epoch, self._stage.step, self._stage.attempt))
            try:
                async with asyncio.timeout(timeout_s):
                    while heard is not None and (line := await talk.line()):
                        lines.append(line)
                        heard(line)
                    ended = await talk.end()
            except TimeoutError:
                what = f"no answer within {timeout_s:g}s, waiting for the command's end; it may still be running"
                raise TimedOut(what, where=name) from None
            finally:
                talk.cut()
            return replace(ended, stdout="".join(f"{line}\n" for line in lines) + ended.stdout)

        result = await self._bound("act", host, command, given)
        is_unused = result.exit_status == armed.UNUSED and armed.UNUSED_MARK in result.stderr
        if is_unused:
            self._stage.sent -= 1
        return None if is_unused else result

    # --- sending ----------------------------------------------------------------------------------------------

    async def _ready(self, name: str) -> Host:
        """See that the lease is held on the host; nothing of the step is done by that."""
        host = self._host(name)
        self._lease.check()
        try:
            await self._check_key(host)
            await self._lease.extend(host)
        except (DriverError, WorldMoved, Blocked) as error:
            self._stage.refused = error
            raise
        return host

    def _host(self, name: str) -> Host:
        host = self._inventory.hosts.get(name)
        if host is None or host.platform != "linux":
            raise Blocked("commands can be bound to the lease on declared Linux hosts only", where=name)
        return host

    async def _bound(self, kind: _Kind, host: Host, command: str, run: Callable[[], Awaitable[CommandResult]]) -> CommandResult:
        try:
            result = await self._sent(kind, host.name, command, run)
        except (LineDropped, TimedOut, OutputTooLong, BadAnswer):
            self._stage.sent += 1
            raise
        except DriverError as error:
            self._stage.refused = error
            raise
        self._refuse(host, result)
        self._stage.sent += 1
        return result

    def _refuse(self, host: Host, result: CommandResult) -> None:
        """Raise what the guard found moved on the host, if it did."""
        moved = moved_words(result)
        if moved is not None:
            self._stage.refused = refusal = self._refusal(host, moved)
            raise refusal

    async def _sent(self, kind: _Kind, host: str, command: str, run: Callable[[], Awaitable[CommandResult]]) -> CommandResult:
        started = self._clock.monotonic()
        outcome = "cancelled"
        try:
            result = await run()
            outcome = f"rc {result.exit_status}"
            return result
        except DriverError as error:
            outcome = error.word
            if kind == "look" and lost_line(error) is not None:
                self._stage.lost = error
            raise
        finally:
            took_s = self._clock.monotonic() - started
            self._report(SentCommand(kind, host, plain(command, 2000), round(took_s, 4), outcome))

    # --- what is bound ----------------------------------------------------------------------------------------

    async def _check_key(self, host: Host) -> None:
        planned = planned_keys(self._plan).get(host.name)
        if planned is None:
            return
        if self._fingerprint(host.name) is None:
            await self._shell.run(host, "true", timeout_s=KEY_S)  # it shows its key when it is logged in to
        proved = self._fingerprint(host.name)
        if proved not in planned:
            raise WorldMoved(
                f"the host's key is {proved}, the plan was made for {', '.join(sorted(planned))}",
                where=host.name,
                remedy="Find out why before anything is done there",
            )

    def _refusal(self, host: Host, moved: str) -> WorldMoved:
        what, _, rest = moved.partition(" ")
        if what == "lease":
            line, _, note = rest.partition(" {")
            found = lease_seen(host.name, f"{line}\n{{{note}")
            if line.startswith("none"):
                epoch = line.removeprefix("none").strip()
                found = replace(found, garbled="", epoch=int(epoch) if epoch.isdigit() else 0)
            words = taken_words(found, self._lease)
            self._lease.lose(f"{host.name}: {words}")
            remedy = f"This console can do nothing more in it: look at it with `ppsconsole runs show {self._lease.claim.run}`"
            return LeaseLost(f"{words}; nothing was done", where=host.name, remedy=remedy)
        return WorldMoved(f"{what.replace('-', ' ')}: {rest}; nothing was done", where=host.name, remedy=_NEW_PLAN)
