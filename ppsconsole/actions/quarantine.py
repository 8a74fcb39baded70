"""Put an old primary in quarantine after a failover: its service is disabled, and a marker says why."""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.looks import QUARANTINE, remains, service_status
from ppsconsole.actions.places import data_directory_of, host_of, instance_of, on_host, service_of, written
from ppsconsole.actions.service import send
from ppsconsole.actions.service_command import service_command
from ppsconsole.actions.standing import standing
from ppsconsole.clock import iso
from ppsconsole.errors import DriverError, RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.outcomes import SECOND_PRIMARY
from ppsconsole.plan.step import Step


class Quarantine:
    """Writes the marker beside the data directory, with the run in it, and disables the service."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return marker and disabling; what the marker says comes by standard input."""
        disable = service_command(service_of(inventory, step.node), "disable", step.node)
        return on_host(host_of(inventory, step.node).name, _mark_command(inventory, step.node), disable)

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return how it stands; a primary that runs has to be fenced first."""
        try:
            left, status = await remains(bench, step.node), await service_status(bench, step.node)
        except DriverError as error:
            once = f"as soon as its host answers: ppsconsole run fence {step.node}"
            return Finding("no", f"{step.node} could not be put in quarantine: {error}; {once}")
        values = {"was_enabled": status.enabled, "was_quarantined": left.is_quarantined}
        if not left.is_gone:
            second = {SECOND_PRIMARY: step.node} if await _takes_writes(bench, step.node) else {}
            remedy = f"fence it, ppsconsole run fence {step.node}, then make it a standby, ppsconsole run rejoin {step.node}"
            beside = " AS A PRIMARY beside the new one: somebody started it" if second else ""
            return Finding("no", f"{step.node} still runs{beside}; {remedy}", {**values, **second})
        return Finding("yes", f"{step.node} is down, {status.enabled}", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Write the marker and disable the service.

        Raises:
            RunError: The marker could not be written.
        """
        host = host_of(bench.inventory, step.node).name
        words = f"{iso(bench.clock.now())} run {bench.run} of {bench.plan.cluster}: {step.node} was failed over; rejoin it.\n"
        command = _mark_command(bench.inventory, step.node)
        result = await bench.hosts.act(host, command, node=step.node, stdin=words, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            raise RunError(f"the quarantine marker could not be written: {plain(result.stderr)}", where=host)
        await send(bench, step, "disable")

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether marker and service are as they should be."""
        left = await remains(bench, step.node)
        status = await service_status(bench, step.node)
        if not left.is_quarantined or status.enabled != "disabled" or not left.is_gone:
            marker = "marked" if left.is_quarantined else "not marked"
            return Finding("no", f"{step.node} is {marker}, {status.state}, {status.enabled}")
        return Finding("yes", f"{step.node} is in quarantine", {"quarantined_by": bench.run})

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Set the marker aside and enable the service, as far as that was so."""
        host = host_of(bench.inventory, step.node).name
        if not bench.noted(step, "was_quarantined"):
            marker = _marker(bench.inventory, step.node)
            command = f"[ ! -e {marker} ] || mv -fT {marker} {marker}.lifted"
            await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
        if bench.noted(step, "was_enabled") == "enabled":
            await send(bench, step, "enable")

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is as it was found."""
        left = await remains(bench, step.node)
        status = await service_status(bench, step.node)
        is_back = left.is_quarantined == bool(bench.noted(step, "was_quarantined"))
        if not is_back or status.enabled != (bench.noted(step, "was_enabled") or status.enabled):
            return Finding("no", f"{step.node} is {'' if left.is_quarantined else 'not '}in quarantine, {status.enabled}")
        return Finding("yes", f"{step.node} is as it was found: {status.enabled}")


async def _takes_writes(bench: Workbench, node: str) -> bool:
    try:
        return not (await standing(bench, node)).in_recovery
    except DriverError:
        return False


def _marker(inventory: Inventory, node: str) -> str:
    return shlex.quote(data_directory_of(instance_of(inventory, node)) + QUARANTINE)


def _mark_command(inventory: Inventory, node: str) -> str:
    marker = _marker(inventory, node)
    return f"{written(marker)} && sync"
