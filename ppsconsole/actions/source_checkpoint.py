"""See that the primary's control file is on its timeline: a rewind reads it, and right after a promotion it is not.

pg_rewind compares control files. Until the first checkpoint after a promotion that of the new primary still names the old
timeline, and pg_rewind says that nothing has to be rewound (PostgreSQL's documentation of pg_rewind, "Notes").
"""

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.checkpoint import SQL, may_checkpoint
from ppsconsole.actions.kinds import patience, settled
from ppsconsole.actions.places import instance_of, on_database
from ppsconsole.actions.standing import standing
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step

_TIMELINE_SQL = "SELECT timeline_id FROM pg_control_checkpoint()"
_LOOK_S = 5.0


class CheckpointSource:
    """Writes a checkpoint on the primary where its control file needs one. Leaves nothing to undo."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one statement."""
        return on_database(step.node, SQL)

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is a primary, and one may be written or is not needed."""
        found = await standing(bench, step.node)
        if found.in_recovery:
            return Finding("no", f"{step.node} is a standby: nothing is copied from it")
        if (await self._look(bench, step)).state == "yes":
            words = f"the control file of {step.node} is on timeline {found.timeline} already"
            return Finding("yes", words, {"is_needed": False})
        if not await may_checkpoint(bench, step.node):
            words = f"the control file of {step.node} is not on timeline {found.timeline} yet, and the console may not write a "
            return Finding("no", f"{words}checkpoint: send CHECKPOINT to it as a superuser, or grant pg_checkpoint")
        return Finding("yes", f"{step.node} is primary on timeline {found.timeline}", {"is_needed": True})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Write it, where it is needed."""
        if bench.noted(step, "is_needed") is not False:
            await bench.hosts.act_sql(step.node, SQL, timeout_s=step.timeout_s)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the control file is on the timeline on which the primary writes."""
        return await settled(bench, lambda: self._look(bench, step), patience(step))

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Do nothing: a checkpoint changes nothing that anybody sees."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that there is nothing to put back."""
        return Finding("yes", "a checkpoint leaves nothing to put back")

    async def _look(self, bench: Workbench, step: Step) -> Finding:
        found = await standing(bench, step.node)
        rows = await bench.tools.postgres.execute(instance_of(bench.inventory, step.node), _TIMELINE_SQL, timeout_s=_LOOK_S)
        timeline = int(rows[0][0])
        words = f"the control file of {step.node} is on timeline {timeline}, it writes on {found.timeline}"
        return Finding("yes" if timeline == found.timeline and not found.in_recovery else "no", words)
