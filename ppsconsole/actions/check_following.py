"""See that a standby goes along with the new primary by itself, behind it or behind another standby; nothing is sent.

A standby that streams from one that is promoted reads of the new timeline there, and goes over to it: `recovery_target_timeline`
is `latest` by default (PostgreSQL 12 and newer). Arguments: `source`, whom it streams from; `primary`, the new one.
"""

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.follow import streams
from ppsconsole.actions.kinds import Looking, patience, settled
from ppsconsole.actions.places import argument
from ppsconsole.actions.standing import standing
from ppsconsole.errors import DriverError
from ppsconsole.plan.step import Step


class CheckFollowing(Looking):
    """Waits until the standby streams on the timeline of the primary."""

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it does; else its way home."""
        source, primary = argument(step, "source"), argument(step, "primary")

        async def look() -> Finding:
            try:
                wanted = (await standing(bench, primary)).timeline
            except DriverError as error:
                return Finding("unknown", f"{primary} was not asked for its timeline: {error.what}")
            found = await streams(bench, step.node, source)
            if found.state == "yes" and found.values["timeline"] != wanted:
                words = f"{step.node} streams on timeline {found.values['timeline']} still, {primary} writes on {wanted}"
                return Finding("no", words, found.values)
            return found

        found = await settled(bench, look, patience(step), every_s=0.1)
        if found.state == "no":
            return Finding("no", f"{found.words}. Its way home: ppsconsole run rejoin {step.node}", found.values)
        return found
