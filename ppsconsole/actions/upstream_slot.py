"""Make the replication slot of a standby to be on the primary that it will follow. Argument `source`: that primary."""

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.follow import declared_way, drop_command, slot_command, slot_of, way_to
from ppsconsole.actions.places import argument, host_of, instance_of, on_host
from ppsconsole.cluster.database import Slot
from ppsconsole.errors import RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step


class MakeSlot:
    """Makes the slot by the standby's own login: that proves the way there and the right to replicate as well.

    Undone by dropping it where this run made it: a slot that nobody reads keeps log until the disk is full.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        source = argument(step, "source")
        conninfo = declared_way(inventory, step.node, source) or f"(as {source} followed, with its address)"
        return on_host(host_of(inventory, step.node).name, slot_command(inventory, step.node, conninfo))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it can be made; kept is whether it was there."""
        source, name = argument(step, "source"), slot_of(step.node)
        found = await _slot(bench, source, name)
        values = {"was_there": found is not None, "was_lost": found is not None and found.wal_status == "lost"}
        if found is not None and found.is_active:
            return Finding("no", f"somebody streams from {source} by the slot {name}: {step.node} still runs elsewhere?", values)
        if found is not None and found.wal_status == "lost":
            return Finding("yes", f"{source} has a slot {name} which has lost its log: it is made anew", values)
        return Finding("yes", f"{source} has {'the' if found else 'no'} slot {name}{'' if found else ' yet'}", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Make it; one that has lost its log is dropped before.

        Raises:
            RunError: The way there, or the right to replicate, is not there.
            Blocked: The way to the primary is not known.
        """
        source = argument(step, "source")
        conninfo = await way_to(bench, step.node, source)
        command = slot_command(bench.inventory, step.node, conninfo)
        if bench.noted(step, "was_lost"):
            command = f"{drop_command(bench.inventory, step.node, conninfo, slot_of(step.node))}; {command}"
        host = host_of(bench.inventory, step.node).name
        result = await bench.hosts.act(host, command, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            why = plain(result.stderr or result.stdout) or f"status {result.exit_status}"
            raise RunError(f"{step.node} cannot follow {source} by `upstreams`: {why}", where=host)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the primary has it, with its log."""
        source, name = argument(step, "source"), slot_of(step.node)
        found = await _slot(bench, source, name)
        if found is None or found.wal_status == "lost":
            return Finding("no", f"{source} has {'no slot' if found is None else 'a slot without its log called'} {name}")
        return Finding("yes", f"{source} keeps its log for {step.node} in slot {name}")

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Drop it, where it was not there before."""
        source, name = argument(step, "source"), slot_of(step.node)
        if bench.noted(step, "was_there") is not False or await _slot(bench, source, name) is None:
            return
        conninfo = await way_to(bench, step.node, source)
        command = drop_command(bench.inventory, step.node, conninfo, name)
        await bench.hosts.act(host_of(bench.inventory, step.node).name, command, timeout_s=step.timeout_s)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the primary has it only where it had it before."""
        source, name = argument(step, "source"), slot_of(step.node)
        found = await _slot(bench, source, name)
        if found is not None and bench.noted(step, "was_there") is False:
            return Finding("no", f"{source} still has the slot {name}, which keeps its log for nobody")
        return Finding("yes", f"{source} has {'the' if found else 'no'} slot {name}, as before")


async def _slot(bench: Workbench, source: str, name: str) -> Slot | None:
    """Return the slot called `name` on `source`, None when there is none.

    Raises:
        DriverError: It could not be asked.
    """
    status = await bench.tools.postgres.status(instance_of(bench.inventory, source))
    return next((each for each in status.slots if each.name == name), None)
