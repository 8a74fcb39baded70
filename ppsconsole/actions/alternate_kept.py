"""What an old primary had that was in no copy: it is kept in its old database, and told table by table. Nothing is merged."""

from ppsconsole.actions.alternate_home import sums_of
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.bundle_read import open_bundle
from ppsconsole.actions.bundle_write import store_of
from ppsconsole.actions.copying import copy_name
from ppsconsole.actions.kinds import Looking
from ppsconsole.actions.places import argument
from ppsconsole.errors import PpsConsoleError
from ppsconsole.plan.step import Step

_TOLD = 20


class TellKept(Looking):
    """Compares the old database of `step.node` with the bundle that the alternate server was activated from.

    Arguments: `archive`, the place of that bundle; `bundle`, its name. What differs was written to the old primary after the
    bundle was taken, and is in the old database only.
    """

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return what differs, table by table; says so where it cannot be compared."""
        kept = copy_name(bench.inventory.database.database, "before", bench.run)
        try:
            name = argument(step, "bundle")
            bundle = await open_bundle(
                store_of(bench, argument(step, "archive")), cluster=bench.inventory.cluster.name, name=name
            )
            old = await sums_of(bench, step.node, kept, step.timeout_s)
        except PpsConsoleError as error:
            words = f"what only {step.node} had is kept as {kept}, and not compared with the bundle that was activated: {error}"
            return Finding("no", words)
        found = bundle.sums.differences(old, "in the bundle", f"in {kept}")
        if not found:
            return Finding("yes", f"{kept} on {step.node} has nothing that was not in {name}", {"kept": kept, "differences": []})
        for line in found[:_TOLD]:
            bench.say(line)
        more = f"; {len(found) - _TOLD} more are not listed" if len(found) > _TOLD else ""
        words = (
            f"NOT merged: {kept} on {step.node} differs from {name} in {len(found)} things ({'; '.join(found[:3])}{more}); it is "
            "kept, and what is missed is entered again by hand"
        )
        return Finding("yes", words, {"kept": kept, "differences": list(found[:_TOLD])})
