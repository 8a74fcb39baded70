"""Let a standby that runs follow another primary, without stopping it. Argument `source`: that primary.

PostgreSQL 13 and newer take a new `primary_conninfo` by a reload. What it has received must not go on behind the point at which
the primary's history left its own: then it would replay what never happened, and has to be rejoined instead.
"""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.follow import declared_way, settings_command, slot_command, slot_of, streams, switchpoint, way_to
from ppsconsole.actions.kinds import Lasting, patience, settled
from ppsconsole.actions.places import argument, data_directory_of, host_of, instance_of, on_host
from ppsconsole.actions.standing import standing
from ppsconsole.cluster.database import TAKES_PRIMARY_BY_RELOAD, lsn_number
from ppsconsole.errors import RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step


class Repoint(Lasting):
    """Makes its slot on the primary, writes whom it follows, and has it read that."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return slot, settings and reload."""
        source = argument(step, "source")
        conninfo = declared_way(inventory, step.node, source) or f"(as {source} followed, with its address)"
        return on_host(host_of(inventory, step.node).name, *_commands(inventory, step.node, conninfo))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is a standby whose past the primary shares, and takes a new primary by a reload."""
        source, rejoin = argument(step, "source"), f"ppsconsole run rejoin {step.node}"
        new, own = await standing(bench, source), await standing(bench, step.node)
        if new.in_recovery or not own.in_recovery:
            return Finding("no", f"{source} is {new.role} and {step.node} is {own.role}: that is not what was planned for")
        if own.system_identifier != new.system_identifier:
            return Finding("no", f"{step.node} and {source} are not the same system: {rejoin}")
        status = await bench.tools.postgres.status(instance_of(bench.inventory, step.node))
        if status.version < TAKES_PRIMARY_BY_RELOAD:
            return Finding("no", f"{step.node} is older than PostgreSQL 13 and takes no new primary without a restart: {rejoin}")
        if own.timeline != new.timeline:
            began = await switchpoint(bench, source, own.timeline, new.timeline)
            if began is None or own.have is None or lsn_number(own.have) > lsn_number(began):
                words = f"{step.node} has log up to {own.have} on timeline {own.timeline}, which {source} left at {began}"
                return Finding("no", f"{words}. Its way home: {rejoin}")
        return Finding("yes", f"{step.node} is a standby on timeline {own.timeline}, {source} writes on {new.timeline}")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Send the three commands, unless it follows already.

        Raises:
            RunError: One failed.
            Blocked: The way to the primary is not known.
        """
        if (await streams(bench, step.node, argument(step, "source"))).state == "yes":
            return
        bench.note(step, is_told=False)
        conninfo, host = await way_to(bench, step.node, argument(step, "source")), host_of(bench.inventory, step.node).name
        for command in _commands(bench.inventory, step.node, conninfo):
            result = await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
            if result.exit_status != 0:
                raise RunError(plain(result.stderr or result.stdout) or f"status {result.exit_status}", where=host)
        bench.note(step, is_told=True)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it streams from the primary on its timeline; else its way home."""
        source = argument(step, "source")
        limit_s = 0.0 if bench.noted(step, "is_told") is False else patience(step)
        found = await settled(bench, lambda: streams(bench, step.node, source), limit_s, every_s=0.1)
        if found.state == "yes":
            return Finding("yes", found.words, {**found.values, "follows": source})
        left = f"if {source} has its slot {slot_of(step.node)}, that keeps log for it until it does"
        return Finding(found.state, f"{found.words}. Its way home: ppsconsole run rejoin {step.node}; {left}", found.values)


def _commands(inventory: Inventory, node: str, conninfo: str) -> tuple[str, ...]:
    folder = shlex.quote(data_directory_of(instance_of(inventory, node)))
    reload = (
        f'd={folder}; read -r p <"$d/postmaster.pid" && [ "/proc/$p/cwd" -ef "$d" ] && kill -HUP "$p" || '
        "{ echo 'no server works in its data directory' >&2; exit 65; }"
    )
    return slot_command(inventory, node, conninfo), settings_command(inventory, node, conninfo), reload
