"""Make a snapshot copy the primary: it takes writes already, so what changes is that its database is called a copy no more."""

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.copying import LOOK_S, asked_command, identifier, literal
from ppsconsole.actions.kinds import Lasting
from ppsconsole.actions.places import argument, host_of, on_host
from ppsconsole.actions.promote import WRITE_PROBE_SQL
from ppsconsole.actions.risen import risen
from ppsconsole.clock import iso
from ppsconsole.cluster.copies import Copy, copy_of
from ppsconsole.errors import BadAnswer, RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

_ASK = (
    "SELECT pg_is_in_recovery()::text, current_setting($$default_transaction_read_only$$), "
    "COALESCE(shobj_description((SELECT oid FROM pg_database WHERE datname = current_database()), $$pg_database$$), $$$$);"
)


class PromoteSnapshot(Lasting):
    """Takes the mark of a copy away, by psql on the instance's own host (`dumps` of the inventory), and tries a write.

    Arguments: `primary`, the old one, which has to be fenced (law 1); `bundle`, the snapshot that was planned with.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        return on_host(host_of(inventory, step.node).name, _mark_command(inventory, step, "RUN"))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it may be promoted: the old primary is fenced, and the snapshot is the one that was planned with."""
        primary = argument(step, "primary")
        if (fence := bench.fence_of(primary)) is None:
            return Finding("no", f"there is no fence proof for {primary}: it might still write")
        if words := await risen(bench, fence):
            return Finding("no", words)
        is_writable, copy = await _asked(bench, step.node)
        if copy is None or copy.bundle != argument(step, "bundle"):
            held = "no snapshot copy" if copy is None else f"the snapshot {copy.bundle}"
            return Finding("no", f"{step.node} holds {held}, planned was {argument(step, 'bundle')}")
        if not is_writable:
            return Finding("no", f"{step.node} takes no writes: default_transaction_read_only is on, or it is in recovery")
        return Finding("yes", f"{step.node} holds {copy.bundle} of {iso(copy.taken_at)}, {primary} is fenced")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Take the mark away and write something that no table sees.

        Raises:
            RunError: It failed; then the mark is as it was.
            DriverError: The line broke.
        """
        host = host_of(bench.inventory, step.node).name
        command = _mark_command(bench.inventory, step, bench.run)
        result = await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            raise RunError(f"it was not made the primary: {plain(result.stderr, 300)}", where=step.node)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is no copy any more and takes writes."""
        is_writable, copy = await _asked(bench, step.node)
        if copy is not None:
            return Finding("no", f"{step.node} is still marked as the snapshot {copy.bundle}")
        if not is_writable:
            return Finding("no", f"{step.node} is a copy no more, and refuses writes")
        return Finding("yes", f"{step.node} is the primary, and takes writes")


def _mark_command(inventory: Inventory, step: Step, run: str) -> str:
    database = inventory.database.database
    words = f"primary since run {run}; it was the snapshot {argument(step, 'bundle')}"
    mark = f"COMMENT ON DATABASE {identifier(database)} IS {literal(words)};"
    return asked_command(inventory, step.node, step.node, database, "BEGIN;", mark, f"{WRITE_PROBE_SQL};", "COMMIT;")


async def _asked(bench: Workbench, node: str) -> tuple[bool, Copy | None]:
    database = bench.inventory.database.database
    command = asked_command(bench.inventory, node, node, database, _ASK)
    result = await bench.hosts.look(host_of(bench.inventory, node).name, command, timeout_s=LOOK_S)
    if result.exit_status != 0:
        raise BadAnswer(f"it was not asked: {plain(result.stderr, 200)}", where=node)
    parts = result.stdout.strip().split("|", 2)
    if len(parts) != 3:
        raise BadAnswer(f"not an answer about a snapshot: {plain(result.stdout, 80)}", where=node)
    return (parts[0], parts[1]) == ("false", "off"), copy_of(database, plain(parts[2], 600))
