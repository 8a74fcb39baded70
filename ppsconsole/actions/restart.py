"""Start in place what died on a healthy host: mostly the cheapest way back, without any loss."""

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.looks import remains
from ppsconsole.actions.places import identity_of
from ppsconsole.actions.service import Start
from ppsconsole.actions.standing import standing
from ppsconsole.errors import DriverError, Unreachable
from ppsconsole.plan.step import Step


class RestartService(Start):
    """Starts it. A database has to come back in the role and on the timeline that it had, and never beside another primary."""

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it may be started; for a database whether it would be the only primary."""
        found = await super().precheck(bench, step)
        if found.state != "yes" or step.node not in bench.inventory.database.instances:
            return found
        left = await remains(bench, step.node)
        if left.is_standby:
            return Finding("yes", f"{found.words}; it comes up as a standby", found.values)
        unseen = []
        for name in bench.inventory.database.instances:
            if name == step.node:
                continue
            try:
                other = await standing(bench, name)
            except Unreachable as error:
                if not error.is_refused:
                    unseen.append(f"{name}: {error.what}")
                continue
            except DriverError as error:
                unseen.append(f"{name}: {error.what}")
                continue
            if not other.in_recovery:
                words = f"{name} is primary on timeline {other.timeline}: starting {step.node} would make a second one"
                return Finding("no", words, found.values)
        if unseen:
            return Finding("unknown", f"it is not known whether another one is primary: {'; '.join(unseen)}", found.values)
        return Finding("yes", f"{found.words}; no other instance is primary", found.values)

    async def look(self, bench: Workbench, node: str) -> Finding:
        """Return whether it serves again, as what it was."""
        found = await super().look(bench, node)
        identity = identity_of(bench.plan, node)
        if found.state != "yes" or identity is None or node not in bench.inventory.database.instances:
            return found
        if identity.role in ("primary", "standby") and found.values["role"] != identity.role:
            return Finding("no", f"{found.words}; it was {identity.role}", found.values)
        if identity.timeline not in (0, found.values["timeline"]):
            return Finding("no", f"{found.words}; it was on timeline {identity.timeline}", found.values)
        return found
