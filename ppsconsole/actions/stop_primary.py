"""Stop a primary cleanly, as fast as is safe, and make the proof that it cannot write any more."""

import asyncio
import re
import shlex
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.kinds import patience, settled
from ppsconsole.actions.looks import Remains, is_listening, parse_remains, remains, remains_command, service_status
from ppsconsole.actions.places import data_directory_of, host_of, identity_of, instance_of, on_host, service_of
from ppsconsole.actions.promote import promote_command
from ppsconsole.actions.service_command import service_command
from ppsconsole.actions.serving import answers
from ppsconsole.actions.standing import Standing, flushed, standing
from ppsconsole.cluster.database import lsn_number
from ppsconsole.errors import BadAnswer, Blocked, DriverError, WorldMoved
from ppsconsole.inventory.model import Instance, Inventory, Service
from ppsconsole.masking import plain
from ppsconsole.plan.proof import FenceProof, Rung
from ppsconsole.plan.step import Step
from ppsconsole.probes.judge_database import instance_at

_FAST_POLLS = 100
"""Looks at the pid file 2 ms apart before they become rare, for hosts where the kernel is not asked to tell (`_woken`)."""

_SLOW_POLL_S = 0.05
_RESERVE_S = 2.0
"""What of a step's time is left for the answer to come back."""

SETTLE_S = 3.0
_ARRIVAL_S = 10.0
"""For how long what the primary has written may take to its successor. A healthy one has it before it is asked."""
_LONG_S = 2.0
"""After so long it is said who holds a stop up, and looked at again as often."""

_WALSENDER = re.compile(r"walsender \S+ ([0-9A-Fa-f:.]+)\(\d+\)")
"""The address in the title that PostgreSQL gives a walsender: `walsender replicator 192.0.2.12(41284) streaming ...`."""

_WOKEN_S = 1.5
"""For how long the end of the server is waited for without polling; what takes longer is no matter of milliseconds."""

_GONE = "@@ppsconsole-gone"

PREPARED_AFTER = 5
"""psycopg prepares a statement on the server once it was sent so often (its default `prepare_threshold`)."""


def stop_command(instance: Instance, service: Service, node: str, timeout_s: float) -> str:
    """Return the one command that asks for a fast stop and waits for its end.

    SIGINT to the postmaster is PostgreSQL's own fast stop. It is sent directly where that is allowed: it spares the poll of
    100 ms that pg_ctl and the service managers have, and no wrapper can turn it into an immediate stop when it takes long
    (some do, and still report success). Before it is sent, the process has to be the one that works in this data directory.
    A unit that systemd would restart by itself is stopped through systemd.
    """
    folder = shlex.quote(data_directory_of(instance))
    by_service = service_command(service, "stop", node)
    may_signal = '[ "/proc/$p/cwd" -ef "$d" ] && kill -0 "$p" 2>/dev/null'
    if service.kind == "systemd" and service.name is not None:
        may_signal += f' && [ "$(systemctl show -p Restart -- {shlex.quote(service.name)})" = Restart=no ]'
    woken_s = max(0.1, min(_WOKEN_S, (timeout_s - _RESERVE_S) / 2))
    slow = max(1, round((timeout_s - _RESERVE_S - woken_s - _FAST_POLLS * 0.005) / _SLOW_POLL_S))
    return (
        f'd={folder}; p=; {{ read -r p <"$d/postmaster.pid"; }} 2>/dev/null; '
        'if [ -n "$p" ] && [ -d "/proc/$p" ]; then '
        f"{{ {_woken('$d/postmaster.pid', woken_s)} & }} >/dev/null 2>&1; w=$!; "
        f'if {may_signal}; then kill -INT "$p"; else {{ {by_service}; }} </dev/null >&2; fi; wait "$w"; '
        f'n=0; while [ -e "$d/postmaster.pid" ] && [ "$n" -lt {_FAST_POLLS} ]; do sleep 0.002; n=$((n+1)); done; '
        f'n=0; while [ -e "$d/postmaster.pid" ] && [ "$n" -lt {slow} ]; do sleep {_SLOW_POLL_S}; n=$((n+1)); done; fi'
    )


def _woken(path: str, limit_s: float) -> str:
    """Return the shell text that ends as soon as the file at `path` is gone, or after `limit_s`; at once where no GNU `tail` is.

    `tail` is told by the kernel; each look of a shell that polls costs a process, while the server needs the processor to end.
    """
    return f'timeout {limit_s:g} tail -n 0 -s 0.005 --pid="$p" --follow=name "{path}"'


class StopPrimary:
    """Stops a primary cleanly, never immediately. Verifying it makes the fence proof.

    Undone by starting it again: it has to be a primary that takes writes, on the timeline that it was on.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command, which also looks at what is left."""
        return on_host(host_of(inventory, step.node).name, _stop_and_look(inventory, step))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is the primary that was planned for; its timeline is kept for the way back.

        Has the stop, and the promotion that follows, stand ready on their hosts.
        """
        found = await standing(bench, step.node)
        values = {"was_timeline": found.timeline, "was_system_identifier": found.system_identifier}
        if found.in_recovery:
            return Finding("no", f"{step.node} is a standby: there is no primary to stop", values)
        if planned := _differs(bench, step.node, found.timeline, found.system_identifier):
            return Finding("no", planned, values)
        if bench.plan.to and (refusal := await _successor(bench, step, bench.plan.to)):
            return Finding("no", refusal, values)
        ready = await _armed(bench, step)
        return Finding("yes", f"{step.node} is primary on timeline {found.timeline}{ready}", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Ask for the fast stop, wait for its end, and look at what is left in the same remote command.

        As soon as the server is gone its port is tried, and the standby asked how far it is: nobody can write meanwhile.
        """
        host = host_of(bench.inventory, step.node).name
        looks: list[asyncio.Task[Any]] = []

        def heard(line: str) -> None:
            if line == _GONE and len(looks) == 1:
                looks.append(asyncio.ensure_future(is_listening(bench, step.node)))
                if bench.plan.to:
                    looks.append(asyncio.ensure_future(standing(bench, bench.plan.to)))

        command = _stop_and_look(bench.inventory, step)
        looks.append(telling := asyncio.ensure_future(_tell_who_is_waited_for(bench, step.node)))
        try:
            result = await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s, heard=heard)
            said, is_told, look = result.stdout.partition(f"{_GONE}\n")
            telling.cancel()
            seen = await asyncio.gather(*looks[1:], return_exceptions=True)
        finally:
            for each in looks:
                each.cancel()
        if is_told and seen and isinstance(seen[0], bool):
            bench.keep_look(f"clean stop of {step.node}", (replace(result, stdout=look), seen[0]))
        if is_told and len(seen) > 1 and isinstance(seen[1], Standing):
            bench.keep_look(f"standing of {bench.plan.to}", seen[1])
        words = plain(f"{said} {result.stderr}" if is_told else result.stderr)
        if words:
            bench.say(f"{host}: {words}")

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is shut down in good order, and is gone; then with the proof."""
        return await settled(bench, lambda: clean_stop(bench, step.node), min(SETTLE_S, patience(step)), every_s=0.005)

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Start it again, once the old server is gone.

        Raises:
            Blocked: The one that was to follow is a primary by now: there would be two.
        """
        if bench.plan.to and await _is_primary(bench, bench.plan.to):
            raise Blocked(
                f"{bench.plan.to} is a primary: starting {step.node} would make a second one",
                where=step.node,
                remedy="Never start it as it is; resume the run, or make it a standby",
            )
        await settled(bench, lambda: _gone(bench, step.node), step.timeout_s * 0.4)
        service = service_of(bench.inventory, step.node)
        host = host_of(bench.inventory, step.node).name
        status = await service_status(bench, step.node)
        if status.enabled == "disabled":
            bench.say(f"{step.node} is disabled: enabling it")
            command = service_command(service, "enable", step.node)
            await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
        command = service_command(service, "start", step.node)
        result = await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            bench.say(f"{host}: {plain(result.stdout + ' ' + result.stderr)}")

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is a primary that takes writes again, on its old timeline."""

        async def look() -> Finding:
            found = await answers(bench, step.node)
            if found.state != "yes":
                return found
            was = bench.noted(step, "was_timeline")
            if found.values["role"] != "primary" or (was is not None and found.values["timeline"] != was):
                return Finding("no", f"{found.words}; it was primary on timeline {was}")
            return found

        return await settled(bench, look, patience(step))


async def clean_stop(bench: Workbench, node: str) -> Finding:
    """Return whether the server of `node` was stopped cleanly and is gone: with the proof, and where its WAL ends."""
    left, is_open = await _left_of(bench, node)
    values: dict[str, Any] = {
        "control_state": left.control.get("control_state"),
        "checkpoint_lsn": left.control.get("control_checkpoint"),
        "timeline": left.control.get("control_timeline"),
        "system_identifier": left.control.get("control_system_identifier"),
    }
    if not left.control:
        return Finding("unknown", f"the control file of {node} cannot be read: {left.complaint}", values)
    if not left.is_gone:
        return Finding("no", _stopping(bench.inventory, node, left), values)
    if not left.is_shut_down:
        return Finding(
            "no", f"{node} was not stopped cleanly: its control file says {plain(str(values['control_state']))}", values
        )
    identity = identity_of(bench.plan, node)
    if identity is not None and identity.system_identifier not in ("", values["system_identifier"]):
        return Finding("no", f"{node}: its data directory belongs to another system, {values['system_identifier']}", values)
    if is_open:
        return Finding("no", f"{node} is shut down, and yet something takes connections on its port", values)
    checkpoint = f"{values['checkpoint_lsn']} on timeline {values['timeline']}"
    evidence = (
        f"the control file of {node} says: {values['control_state']}, checkpoint {checkpoint}",
        f"no process works in {instance_of(bench.inventory, node).data_directory}",
        f"the port of {node} refuses connections",
    )
    proof = FenceProof(node, Rung.CLEAN_STOP, evidence, bench.clock.now(), bench.run)
    return Finding("yes", f"{node} is stopped cleanly, checkpoint {checkpoint}", values, (proof,))


async def _left_of(bench: Workbench, node: str) -> tuple[Remains, bool]:
    """Return what is left of the server of `node` and whether its port takes connections; from the look that the stop made."""
    kept = bench.young_look(f"clean stop of {node}")
    if kept is not None:
        bench.looks.pop(f"clean stop of {node}")
        with suppress(BadAnswer):
            return parse_remains(kept[0]), bool(kept[1])
    return await asyncio.gather(remains(bench, node), is_listening(bench, node))


def _stop_and_look(inventory: Inventory, step: Step) -> str:
    instance = instance_of(inventory, step.node)
    stop = stop_command(instance, service_of(inventory, step.node), step.node, step.timeout_s)
    return f"{stop}; echo {_GONE}; {remains_command(instance)}"


async def _armed(bench: Workbench, step: Step) -> str:
    """Have the stop stand ready on its host, and the promotion on its own; return what is to be said of it."""
    wanted = [(step.node, _stop_and_look(bench.inventory, step))]
    if bench.plan.to:
        wanted.append((bench.plan.to, promote_command(bench.inventory, bench.plan.to)))
    arming = (bench.hosts.arm(host_of(bench.inventory, node).name, command, node=node) for node, command in wanted)
    failed = [each for each in await asyncio.gather(*arming, return_exceptions=True) if each is not None]
    for each in failed:
        if not isinstance(each, DriverError) or isinstance(each, WorldMoved):
            raise each
    # Without it everything works as well, a little slower.
    return f"; not everything stands ready: {plain(str(failed[0]))}" if failed else ""


async def _tell_who_is_waited_for(bench: Workbench, node: str) -> None:
    """Say by whom a stop is held up, once it takes long and whenever that changes. A stop in good time is not disturbed."""
    told = ""
    while True:
        await bench.clock.sleep(_LONG_S)
        with suppress(DriverError):
            left = await remains(bench, node)
            if not left.is_gone and (words := _stopping(bench.inventory, node, left)) != told:
                bench.say(words)
                told = words


def _stopping(inventory: Inventory, node: str, left: Remains) -> str:
    if left.is_shut_down or left.waits_for:
        waits = f"waits for {_waited_for(inventory, left)}" if left.waits_for else f"still there: {', '.join(left.processes)}"
        return f"{node} is stopping, {waits}; it takes no writes any more, and it is not killed for that"
    return f"{node} still runs: {', '.join(left.processes[:3]) or f'pid {left.pid}'}"


def _waited_for(inventory: Inventory, left: Remains) -> str:
    """Return who holds a stop up, by the names of instances where their addresses are known, and what can be done."""
    addresses = dict.fromkeys(_WALSENDER.findall(left.waits_for))
    names = [name for each in addresses if (name := instance_at(inventory, each)) is not None]
    if not names:
        return left.waits_for
    who = ", ".join(names)
    until = "until wal_sender_timeout, and for ever where that is 0"
    return f"{who} to take the last of its log ({left.waits_for}): let {who} go on or end it; else it waits {until}"


async def _successor(bench: Workbench, step: Step, name: str) -> str:
    """Return why the instance that is to follow could not be promoted; empty when nothing is in its way.

    Nobody can write between the stop and the promotion: whatever can be found out before the stop is found out before it. This
    also makes the connections, logins and prepared statements that the next steps use.
    """
    end = await flushed(bench, step.node)
    for _ in range(PREPARED_AFTER):
        await standing(bench, name)
    await bench.hosts.look(host_of(bench.inventory, name).name, ":", timeout_s=SETTLE_S)

    async def look() -> Finding:
        found = await standing(bench, name)
        if refusal := _cannot_follow(name, found):
            return Finding("yes", refusal)  # that does not pass by waiting
        if found.have is None or lsn_number(found.have) < lsn_number(end):
            # A receiver that hangs calls itself streaming, and the primary waits for it in its stop.
            words = f"{name} says that it streams and has {found.have}, {step.node} is at {end}"
            return Finding("no", f"{words}: nothing came within {_ARRIVAL_S:g}s, so its receiver hangs or is far behind")
        return Finding("yes", "")

    return (await settled(bench, look, min(_ARRIVAL_S, patience(step)))).words


def _cannot_follow(name: str, found: Standing) -> str:
    if not found.in_recovery:
        return f"{name} is no standby: nothing is stopped for it"
    if found.receiver != "streaming":
        return f"{name} does not stream (its receiver: {found.receiver or 'none runs'}): what is written last would not reach it"
    return f"replay is paused on {name}" if found.is_replay_paused else ""


def _differs(bench: Workbench, node: str, timeline: int, system_identifier: str) -> str:
    """What is not as planned, empty when all is."""
    identity = identity_of(bench.plan, node)
    if identity is None:
        return ""
    if identity.system_identifier not in ("", system_identifier):
        return f"{node} is another system: {system_identifier}, planned was {identity.system_identifier}"
    if identity.timeline not in (0, timeline):
        return f"{node} is on timeline {timeline}, planned was {identity.timeline}"
    return ""


async def _gone(bench: Workbench, node: str) -> Finding:
    try:
        left = await remains(bench, node)
    except DriverError as error:
        return Finding("unknown", str(error))
    if left.is_gone:
        return Finding("yes", f"{node} is gone")
    if not left.is_shut_down and not left.waits_for and await _takes_queries(bench, node):
        return Finding("yes", f"{node} was never stopped")
    return Finding("no", _stopping(bench.inventory, node, left))


async def _is_primary(bench: Workbench, node: str) -> bool:
    try:
        return not (await standing(bench, node)).in_recovery
    except DriverError:
        return False  # it cannot be asked; that its host holds the lease was seen to before


async def _takes_queries(bench: Workbench, node: str) -> bool:
    try:
        await standing(bench, node)
    except DriverError:
        return False
    return True
