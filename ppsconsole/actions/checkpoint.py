"""Have a server write its dirty pages now, so that stopping it takes no time."""

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.places import instance_of, on_database
from ppsconsole.actions.stop_primary import clean_stop
from ppsconsole.errors import DriverError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step

SQL = "CHECKPOINT"
# pg_checkpoint is a role of PostgreSQL 15 and later; before that only superusers may.
MAY_SQL = """
SELECT current_setting('is_superuser') = 'on'
       OR EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_checkpoint' AND pg_has_role(oid, 'USAGE'))
"""
_AGE_SQL = (
    "SELECT extract(epoch FROM clock_timestamp() - checkpoint_time)::float8, checkpoint_lsn::text FROM pg_control_checkpoint()"
)
_LOOK_S = 5.0
_SLACK_S = 30.0


class Checkpoint:
    """Sends CHECKPOINT. Without it everything works as well, a little slower; so its step is optional."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one statement."""
        return on_database(step.node, SQL)

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the console's account may do it."""
        if not await may_checkpoint(bench, step.node):
            return Finding("no", "not permitted: the console's account is no member of pg_checkpoint; the stop may take longer")
        return Finding("yes", "the console's account may do it")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Do it; takes as long as the dirty pages take."""
        await bench.hosts.act_sql(step.node, SQL, timeout_s=step.timeout_s)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the last checkpoint is as young as this step, or the server has been stopped by one since."""
        try:
            rows = await bench.tools.postgres.execute(instance_of(bench.inventory, step.node), _AGE_SQL, timeout_s=_LOOK_S)
        except DriverError:
            # A console that takes a run up from an older copy may find the server stopped by a later step.
            if (found := await clean_stop(bench, step.node)).state != "yes":
                raise
            return Finding("yes", f"it is not needed any more: {found.words}", found.values)
        age_s, lsn = float(rows[0][0]), str(rows[0][1])
        state = "yes" if age_s <= step.timeout_s + _SLACK_S else "no"
        return Finding(state, f"the last checkpoint of {step.node} is {lsn}, {age_s:.0f}s ago", {"checkpoint_lsn": lsn})  # type: ignore[arg-type]

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Do nothing: a checkpoint changes nothing that anybody sees."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that there is nothing to put back."""
        return Finding("yes", "a checkpoint leaves nothing to put back")


async def may_checkpoint(bench: Workbench, node: str) -> bool:
    """Return whether the console's account may write a checkpoint on `node`."""
    rows = await bench.tools.postgres.execute(instance_of(bench.inventory, node), MAY_SQL, timeout_s=_LOOK_S)
    return bool(rows[0][0])
