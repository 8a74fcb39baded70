"""Prove that promoting a standby loses nothing (law 3): the end of the primary's shutdown checkpoint has arrived."""

from collections.abc import Mapping
from typing import Any

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.follow import switchpoint
from ppsconsole.actions.kinds import Looking, patience, settled
from ppsconsole.actions.places import argument
from ppsconsole.actions.standing import Standing, young_standing
from ppsconsole.actions.stop_primary import clean_stop
from ppsconsole.cluster.database import lsn_number
from ppsconsole.errors import DriverError
from ppsconsole.plan.proof import ZeroLossProof
from ppsconsole.plan.step import Step


class ProveZeroLoss(Looking):
    """Waits until a standby has all that its primary wrote before its clean stop. Argument `primary`."""

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the primary was stopped in this run: else there is no end to compare with."""
        primary = argument(step, "primary")
        if bench.fence_of(primary) is None:
            return Finding("no", f"{primary} is not proved to be stopped in this run")
        return Finding("yes", f"{primary} is stopped")

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the whole shutdown checkpoint is on the standby's disk; then with the proof."""
        primary = argument(step, "primary")
        end = bench.found_by("stop-primary", primary)
        if not end.get("checkpoint_lsn"):
            stopped = await clean_stop(bench, primary)
            if stopped.state != "yes":
                return stopped
            end = stopped.values
        checkpoint, timeline = str(end["checkpoint_lsn"]), int(end["timeline"])

        async def look() -> Finding:
            try:
                found = await young_standing(bench, step.node)
            except DriverError as error:
                return Finding("unknown", str(error))
            values = {"checkpoint_lsn": checkpoint, "have_lsn": found.have, "timeline": found.timeline}
            if not found.in_recovery:
                return await _promoted(bench, step, end, found)
            if found.system_identifier != end["system_identifier"]:
                return Finding("no", f"{step.node} is another system: {found.system_identifier}", values)
            if found.timeline != timeline:
                return Finding("no", f"{step.node} is on timeline {found.timeline}, {primary} on {timeline}", values)
            have, replayed = found.have, found.replayed
            # Positions that were received may lie inside of a record, those that were replayed never do: beyond the start of
            # the checkpoint's record a replayed position has all of it.
            if not have or not replayed or lsn_number(replayed) <= lsn_number(checkpoint):
                bench.looks.pop(f"standing of {step.node}", None)  # it moves on: the next look is a new one
                return Finding("no", f"{step.node} has {have}, replayed {replayed}; {primary} ends behind {checkpoint}", values)
            words = f"{step.node} has {have}, behind the shutdown checkpoint {checkpoint} of {primary}, on timeline {timeline}"
            proof = ZeroLossProof(primary, step.node, checkpoint, have, timeline, bench.clock.now(), bench.run)
            return Finding("yes", f"nothing is lost: {words}", values, (proof,))

        return await settled(bench, look, patience(step), every_s=0.005)


async def _promoted(bench: Workbench, step: Step, end: Mapping[str, Any], found: Standing) -> Finding:
    """Prove it of one that was promoted already, by a console whose last words did not reach the copy that this run goes on from.

    Its own timeline begins behind the last record that it had replayed of the old one: beyond the start of the shutdown
    checkpoint's record it had all of it.
    """
    primary = argument(step, "primary")
    checkpoint, timeline = str(end["checkpoint_lsn"]), int(end["timeline"])
    values = {"checkpoint_lsn": checkpoint, "timeline": found.timeline}
    if found.system_identifier != end["system_identifier"] or found.timeline == timeline:
        return Finding("no", f"{step.node} is a primary", values)
    try:
        began = await switchpoint(bench, step.node, timeline, found.timeline)
    except DriverError as error:
        return Finding("unknown", str(error))
    if began is None or lsn_number(began) <= lsn_number(checkpoint):
        return Finding("no", f"{step.node} is a primary since {began}; {primary} ends behind {checkpoint}", values)
    words = (
        f"{step.node} was promoted at {began}, behind the shutdown checkpoint {checkpoint} of {primary}, on timeline {timeline}"
    )
    proof = ZeroLossProof(primary, step.node, checkpoint, began, timeline, bench.clock.now(), bench.run)
    return Finding("yes", f"nothing is lost: {words}", values | {"have_lsn": began}, (proof,))
