"""Make a standby the primary. The point of no return of every switchover and failover."""

import shlex
from collections.abc import Awaitable, Callable

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.fallen import fallen
from ppsconsole.actions.kinds import Lasting
from ppsconsole.actions.places import argument, data_directory_of, host_of, identity_of, instance_of, on_host, program_of
from ppsconsole.actions.risen import risen
from ppsconsole.actions.standing import Standing, standing, young_standing
from ppsconsole.errors import Blocked, DriverError, RunError, TimedOut
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.proof import FenceProof
from ppsconsole.plan.step import Step

WRITE_PROBE_SQL = "SELECT pg_logical_emit_message(true, 'ppsconsole', 'probe')::text"
"""Writes and flushes a WAL record in a transaction, waits for synchronous standbys like any commit, and touches no table."""

_RECOVERY_SQL = """SELECT pg_is_in_recovery(), (SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'startup'),
       current_setting('wal_retrieve_retry_interval')"""
_POLL_S = 0.01
"""How often it is asked whether it is done; each question takes processor time from it, and no user waits for the answer."""

_SLEEPING = "RecoveryRetrieveRetryInterval"
"""What the startup process waits for while it sleeps over the request, for one wal_retrieve_retry_interval, 5 seconds by default.
Once its primary is gone it asks the postmaster for a new WAL receiver. A request that comes before the first instruction of that
receiver makes it give the receiver up and go back to the beginning by way of this sleep: a receiver that has begun wakes it as
it ends, one that has not does not. And a request that comes together with the end of a receiver is slept over before it is looked
for. (`WaitForWALToBecomeAvailable`, `ShutdownWalRcv`, `WalReceiverMain` in PostgreSQL's sources; both seen on 15.18, the first
made to happen on 15.18 and 18.6.) A second request is a signal that wakes it, and changes nothing else: the file that it leaves
behind is removed at the server's next start."""

_SEEN_SLEEPING = 2
"""So often in a row it is seen asleep before it is woken: between two requests to the host the first may not have arrived."""

_STALLED_S = 0.3
"""A promotion that is not over after this is asked for again wherever it is not known what it waits for: the console's account
sees that as a member of pg_monitor only."""

_TELL_S = 1.0
"""What a promotion that goes on for longer waits for is told every so often."""

_WAITS = {
    _SLEEPING: "sleeps for one wal_retrieve_retry_interval ({interval})",
    "RestoreCommand": "waits for its restore_command, which looks into the archive",
    "RecoveryEndCommand": "waits for its recovery_end_command",
    "RecoveryPause": "waits because its replay is paused",
}

_PROBE_S = 5.0


class Promote(Lasting):
    """Promotes a standby and waits until it takes writes. Argument `primary`: the old one, which has to be fenced (law 1)."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command, sent again when a promotion stalls."""
        return on_host(host_of(inventory, step.node).name, promote_command(inventory, step.node))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it may be promoted: the old primary is fenced, and the standby is the one that was planned for."""
        primary = argument(step, "primary")
        if (fence := bench.fence_of(primary)) is None:
            return Finding("no", f"there is no fence proof for {primary}: it might still write")
        if words := await risen(bench, fence):
            return Finding("no", words)
        if "zero-loss" in step.needs and bench.zero_loss_of(primary, step.node) is None:
            return Finding("no", f"it is not proved that {step.node} has all that {primary} wrote")
        found = await _seen(bench, step.node, young_standing)
        if isinstance(found, Finding):
            return found
        values = {"was_timeline": found.timeline, "was_system_identifier": found.system_identifier}
        if not found.in_recovery:
            return Finding("no", f"{step.node} is a primary already, on timeline {found.timeline}", values)
        identity = identity_of(bench.plan, step.node)
        if identity is not None and identity.system_identifier not in ("", found.system_identifier):
            return Finding("no", f"{step.node} is another system: {found.system_identifier}", values)
        if identity is not None and identity.timeline not in (0, found.timeline):
            return Finding("no", f"{step.node} is on timeline {found.timeline}, planned was {identity.timeline}", values)
        if found.is_replay_paused:
            return Finding("no", f"replay is paused on {step.node}: a promotion would wait for it for ever", values)
        return Finding("yes", f"{step.node} is a standby on timeline {found.timeline}, {primary} is fenced", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Promote it and poll until it is in recovery no more.

        Raises:
            Blocked: There is no fence proof, or no proof of zero loss where the step needs one.
            RunError: It was asked to, and its server ended over it.
            TimedOut: It was asked to, and is still in recovery: a long replay. It is not asked again and again.
        """
        primary = argument(step, "primary")
        proof = bench.fence_of(primary)
        if proof is None:
            raise Blocked(f"{primary} is not fenced", where=step.node, remedy="Fence it first")
        if "zero-loss" in step.needs and bench.zero_loss_of(primary, step.node) is None:
            raise Blocked(f"it is not proved that it has all that {primary} wrote", where=step.node)
        await _promoted(bench, step, proof)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it takes writes, on a timeline of its own."""
        found = await _seen(bench, step.node, standing)
        if isinstance(found, Finding):
            return found
        identity, asked_at = identity_of(bench.plan, step.node), bench.noted(step, "asked_at")
        was = bench.noted(step, "was_timeline") or (identity.timeline if identity is not None else None)
        values = {"timeline": found.timeline, "promoted_after_s": bench.noted(step, "promoted_after_s")}
        if refusal := _refusal(step.node, found, was):
            return Finding("no", refusal, values)
        try:
            await bench.tools.postgres.execute(instance_of(bench.inventory, step.node), WRITE_PROBE_SQL, timeout_s=_PROBE_S)
        except TimedOut:
            words = f"{step.node} is primary on timeline {found.timeline}, but a commit does not end"
            return Finding("no", f"{words}: does synchronous_standby_names wait for a standby that is down?", values)
        except DriverError as error:
            return Finding("no", f"{step.node} is primary on timeline {found.timeline}, but takes no write: {error.what}", values)
        if asked_at is not None and values["promoted_after_s"] is None:
            values["promoted_after_s"] = round(bench.clock.now() - float(asked_at), 4)
        took = values["promoted_after_s"]
        words = f"{step.node} is primary on timeline {found.timeline} and takes writes"
        if took is not None:
            words += f", {took * 1000:.0f}ms after it was asked"
        return Finding("yes", f"{words}; it was asked twice" if bench.noted(step, "was_asked_twice") else words, values)


async def _seen(bench: Workbench, name: str, look: Callable[[Workbench, str], Awaitable[Standing]]) -> Standing | Finding:
    """Return how the instance `name` stands, or, where no process of its server is left, that as the finding."""
    try:
        return await look(bench, name)
    except DriverError:
        if words := await fallen(bench, name):
            return Finding("no", words)
        raise


async def _promoted(bench: Workbench, step: Step, proof: FenceProof) -> None:
    """Promote the step's instance; the proof that nobody else can write is what allows it."""
    host = host_of(bench.inventory, step.node).name
    bench.say(f"{proof.instance} is fenced ({proof.rung.value}): promoting {step.node}")
    bench.note(step, asked_at=bench.clock.now())
    command = promote_command(bench.inventory, step.node)
    limit = bench.clock.monotonic() + step.timeout_s * 0.9
    for is_again in (False, True):
        result = await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            bench.say(f"{host}: {plain(result.stderr or result.stdout)}")
        patience = limit if is_again else min(limit, bench.clock.monotonic() + _STALLED_S)
        waits = await _waited(bench, step, patience, is_again=is_again)
        if waits is None:
            return
        if not is_again:
            bench.say(f"{step.node} was asked to promote, and {waits}: it is asked again, which ends a sleep and nothing else")
            bench.note(step, was_asked_twice=True)
    raise TimedOut(
        f"it was asked to promote and is not seen to be a primary after {step.timeout_s:g}s: it {waits}",
        where=step.node,
        remedy="It may be replaying: wait and verify; never start the old primary again",
    )


async def _waited(bench: Workbench, step: Step, limit: float, *, is_again: bool) -> str | None:
    """Wait until the step's instance is promoted, until `limit`, or until it is seen asleep while that can still be helped.

    Returns:
        None once it is promoted, else what it does instead, to be said behind its name.

    Raises:
        RunError: No process of its server is left.
    """
    instance = instance_of(bench.inventory, step.node)
    waits, asleep, tell_at = "does not answer", 0, bench.clock.monotonic() + _TELL_S
    while (now := bench.clock.monotonic()) < limit:
        try:
            [(in_recovery, event, interval)] = await bench.tools.postgres.execute(instance, _RECOVERY_SQL, timeout_s=_PROBE_S)
            if in_recovery is False:
                return None
            waits, asleep = _wait_of(event, interval), asleep + 1 if event == _SLEEPING else 0
            if asleep >= _SEEN_SLEEPING and not is_again:
                return waits
        except DriverError as error:
            waits, asleep = f"does not answer ({error.what})", 0
            if await fallen(bench, step.node):
                raise RunError("its server ended while it was promoted", where=step.node) from error
            await bench.clock.sleep(0.1)
        if now >= tell_at:
            bench.say(f"{step.node} was asked to promote and is not seen to be a primary: it {waits}")
            tell_at = now + _TELL_S
        await bench.clock.sleep(_POLL_S)
    return waits


def _wait_of(event: str | None, interval: str) -> str:
    """Return what the startup process of a standby waits for, as `_RECOVERY_SQL` saw it."""
    if event is None:
        return "is at work, or the console's account may not see what it waits for (pg_monitor)"
    return _WAITS.get(event, "waits for {event}").format(event=plain(event, 40), interval=plain(interval, 20))


def _refusal(node: str, found: Standing, was: int | None) -> str:
    """Why `found` is not a promoted primary; empty when it is."""
    if found.in_recovery:
        return f"{node} is still in recovery"
    if was is not None and found.timeline <= was:
        return f"{node} is primary on timeline {found.timeline}, and was on {was} before"
    if not found.is_writable:
        return f"{node} is primary, but default_transaction_read_only is on: it takes no writes"
    return ""


def promote_command(inventory: Inventory, node: str) -> str:
    """Return the command that asks the standby `node` to promote itself, and waits for nothing."""
    instance = instance_of(inventory, node)
    program = shlex.quote(program_of(instance, "pg_ctl"))
    # -W: it does not wait. pg_ctl polls every 100 ms; writes are taken long before it says so.
    return f"{program} promote -W -s -D {shlex.quote(data_directory_of(instance))}"
