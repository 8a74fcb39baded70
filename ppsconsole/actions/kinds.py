"""What kinds of action have in common: those that change nothing, and those that cannot be undone."""

from collections.abc import Awaitable, Callable

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.errors import Blocked
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step

HIDING = ("swap-database", "swap-in")
"""Verbs that rename what a step before them made: who does not know how that ended would not find it, and make it again."""


class Lasting:
    """An action that cannot be undone: backing out of it is a plan of its own."""

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Refuse.

        Raises:
            Blocked: Always.
        """
        raise Blocked(f"step {step.id} cannot be undone", where=step.node, remedy="Make a plan for the way back")

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that it is not undone."""
        return Finding("no", f"{step.id} cannot be undone")


class Looking:
    """An action that only looks: it is done when its verification says so, and leaves nothing to undo."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return nothing: nothing is changed."""
        return ()

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return that one may always look."""
        return Finding("yes", "only looks")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Do nothing."""

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Do nothing."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that there is nothing to undo."""
        return Finding("yes", "nothing was changed")


def patience(step: Step) -> float:
    """Return for how long the step's verification may wait for a state, in seconds: the last look has to fit in as well."""
    return step.timeout_s * 0.6


async def settled(
    bench: Workbench,
    look: Callable[[], Awaitable[Finding]],
    limit_s: float,
    *,
    every_s: float = 0.05,
    is_vain: Callable[[], Awaitable[bool]] | None = None,
) -> Finding:
    """Return the first finding of `look` that says yes, or the last one before `limit_s` seconds have passed.

    Args:
        bench: For its clock.
        look: Looks once.
        limit_s: For how long it is waited, in seconds.
        every_s: Between two looks, in seconds.
        is_vain: Asked after each look that did not say yes; true ends the wait early.
    """
    limit = bench.clock.monotonic() + limit_s
    while True:
        found = await look()
        if found.state == "yes" or bench.clock.monotonic() >= limit:
            return found
        if is_vain is not None and await is_vain():
            return found
        await bench.clock.sleep(every_s)
