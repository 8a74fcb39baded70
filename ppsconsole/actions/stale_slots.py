"""Drop the replication slots that an instance kept from when it was the primary: they pin its log until the disk is full.

Arguments: `slots`, separated by commas, as they were listed to the operator; and `source`, whose host has the way there.
"""

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.follow import declared_way, drop_command
from ppsconsole.actions.kinds import Lasting
from ppsconsole.actions.places import argument, host_of, instance_of, on_database, on_host
from ppsconsole.errors import RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step


class DropStaleSlots(Lasting):
    """Drops those of the listed slots that nobody uses at that moment; one that is in use is left and told."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return one command for each slot: by replication login where a way is declared, else by SQL."""
        source, names = argument(step, "source"), _listed(step)
        conninfo = declared_way(inventory, source, step.node)
        if conninfo is None:
            return on_database(step.node, *(_drop_sql(name) for name in names))
        return on_host(host_of(inventory, source).name, *(drop_command(inventory, source, conninfo, name) for name in names))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return which of them are still there, and idle, on what is a standby by now."""
        status = await bench.tools.postgres.status(instance_of(bench.inventory, step.node))
        if not status.in_recovery:
            return Finding("no", f"{step.node} is a primary: whoever follows it may need its slots")
        busy = [each.name for each in status.slots if each.is_active and each.name in _listed(step)]
        idle = [each.name for each in status.slots if not each.is_active and each.name in _listed(step)]
        words = f"{step.node} has {', '.join(idle) or 'none'} of them, used by nobody"
        return Finding("yes", f"{words}; {', '.join(busy)} is in use and stays" if busy else words, {"idle": idle})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Drop them.

        Raises:
            RunError: One could not be dropped.
        """
        source = argument(step, "source")
        conninfo = declared_way(bench.inventory, source, step.node)
        host = host_of(bench.inventory, source).name
        for name in bench.noted(step, "idle") or ():
            if conninfo is None:
                await bench.hosts.act_sql(step.node, _drop_sql(name), timeout_s=step.timeout_s)
                continue
            command = drop_command(bench.inventory, source, conninfo, name)
            result = await bench.hosts.act(host, command, timeout_s=step.timeout_s)
            if result.exit_status != 0 and "does not exist" not in result.stderr:
                raise RunError(f"slot {name} of {step.node} was not dropped: {plain(result.stderr)}", where=host)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether none of them is left idle."""
        status = await bench.tools.postgres.status(instance_of(bench.inventory, step.node))
        left = [each.name for each in status.slots if each.name in _listed(step) and not each.is_active]
        if left:
            return Finding("no", f"{step.node} still has {', '.join(left)}, which nobody uses")
        return Finding("yes", f"{step.node} keeps its log for nobody who does not read it")


def _listed(step: Step) -> tuple[str, ...]:
    return tuple(argument(step, "slots").split(","))


def _drop_sql(name: str) -> str:
    literal = name.replace("'", "''")
    return f"SELECT pg_drop_replication_slot('{literal}')"
