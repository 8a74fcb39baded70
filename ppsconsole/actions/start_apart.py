"""Start an old primary as a server of its own, while no web node runs: a database is to be restored there."""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.kinds import patience, settled
from ppsconsole.actions.looks import QUARANTINE, remains, service_status
from ppsconsole.actions.places import argument, data_directory_of, host_of, identity_of, instance_of, on_host, service_of
from ppsconsole.actions.service import ACTIONS as SERVICE_ACTIONS
from ppsconsole.actions.service import send
from ppsconsole.actions.service_command import service_command
from ppsconsole.actions.standing import standing
from ppsconsole.errors import BadAnswer, DriverError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

_GONE_EVERY_S = 5.0
"""How often it is looked whether its processes are there while it recovers, in seconds: each look is a line in the journal."""


class StartApart:
    """Starts `step.node` as a primary, in quarantine or not. Argument `primary`: the one that goes on until the swap.

    It is a second writable server for a while, so nobody may be able to use either of them: the engine wants the fence proof of
    the other one before (law 1). The quarantine's marker is set aside: the instance is the one that was chosen.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        return on_host(host_of(inventory, step.node).name, _command(inventory, step.node))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it would come up as a primary; how it stood is kept for the way back."""
        status, left = await service_status(bench, step.node), await remains(bench, step.node)
        values = {"was": status.state, "was_enabled": status.enabled, "was_quarantined": left.is_quarantined}
        if left.is_standby:
            return Finding("no", f"{step.node} would come up as a standby (standby.signal): switch over to it instead", values)
        if left.is_half_rewound:
            words = f"a rewind of {step.node} was begun and never ended: what is half rewound is no database"
            return Finding("no", f"{words}. Rejoin it instead: ppsconsole run rejoin {step.node}", values)
        if not left.control:
            return Finding("no", f"the control file of {step.node} was not read: {left.complaint}", values)
        words = f"{step.node} is {status.state}, {status.enabled}{', in quarantine' if left.is_quarantined else ''}"
        return Finding("yes", f"{words}; {argument(step, 'primary')} is fenced from writers", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Set the marker aside, enable the service, start it.

        Raises:
            BadAnswer: It did not start.
        """
        host = host_of(bench.inventory, step.node).name
        result = await bench.hosts.act(host, _command(bench.inventory, step.node), node=step.node, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            raise BadAnswer(f"it did not start: {plain(result.stderr or result.stdout, 300)}", where=step.node)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it serves as a primary of its own, the system that was planned for.

        Where no process of it is left it is not waited for: it may never have been started, and users are out.
        """
        identity = identity_of(bench.plan, step.node)
        due = bench.clock.monotonic()

        async def is_gone() -> bool:
            nonlocal due
            if bench.clock.monotonic() < due:
                return False
            due = bench.clock.monotonic() + _GONE_EVERY_S
            try:
                return (await remains(bench, step.node)).is_gone
            except DriverError:
                return False

        async def look() -> Finding:
            try:
                found = await standing(bench, step.node)
            except DriverError as error:
                return Finding("no", str(error))
            if found.in_recovery:
                return Finding("no", f"{step.node} is in recovery")
            if identity is not None and identity.system_identifier not in ("", found.system_identifier):
                return Finding("no", f"{step.node} is system {found.system_identifier}, planned was {identity.system_identifier}")
            words = f"{step.node} runs as a server of its own on timeline {found.timeline}, and nobody uses it"
            return Finding("yes", words, {"timeline": found.timeline})

        return await settled(bench, look, patience(step), is_vain=is_gone)

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Stop it, and put disabling and quarantine back as they were."""
        if bench.noted(step, "was") not in ("stopped", "failed"):
            return
        await send(bench, step, "stop")
        if bench.noted(step, "was_enabled") == "disabled":
            await send(bench, step, "disable")
        if bench.noted(step, "was_quarantined"):
            marker = _marker(bench.inventory, step.node)
            command = f"[ -e {marker} ] || mv -T {marker}.lifted {marker}"
            await bench.hosts.act(host_of(bench.inventory, step.node).name, command, node=step.node, timeout_s=step.timeout_s)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is down again, as it was found."""
        if bench.noted(step, "was") not in ("stopped", "failed"):
            return Finding("yes", f"{step.node} ran before")
        found = await settled(bench, lambda: SERVICE_ACTIONS["stop"].look(bench, step.node), patience(step))
        if found.state == "yes" and (await remains(bench, step.node)).is_quarantined != bool(
            bench.noted(step, "was_quarantined")
        ):
            return Finding("no", f"{found.words}; its quarantine is not as it was found")
        return found


def _marker(inventory: Inventory, node: str) -> str:
    return shlex.quote(data_directory_of(instance_of(inventory, node)) + QUARANTINE)


def _command(inventory: Inventory, node: str) -> str:
    folder, marker = shlex.quote(data_directory_of(instance_of(inventory, node))), _marker(inventory, node)
    service = service_of(inventory, node)
    enable, start = service_command(service, "enable", node), service_command(service, "start", node)
    insist = f"[ ! -e {folder}/standby.signal ] || {{ echo 'it would come up as a standby' >&2; exit 65; }}"
    return f"{insist}; [ ! -e {marker} ] || mv -fT {marker} {marker}.lifted; {enable} && {start}"
