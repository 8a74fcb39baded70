"""What becomes of bundles that are there: counted, set aside beyond what is kept, and, asked for by name, deleted."""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.bundle_store import aside_command
from ppsconsole.actions.bundle_write import at_place, run_tag, store_of
from ppsconsole.actions.places import argument, place_of
from ppsconsole.cluster.bundles import bundle_name, kept
from ppsconsole.errors import Blocked, DriverError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step

_PRUNE_S = 600.0


class RetainBundles:
    """Sets bundles at the place `step.node` aside that are older than the newest `keep` (argument): nothing is deleted."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the renaming, with `BUNDLE` for each that is one too many."""
        backup = place_of(inventory, step.node)
        return at_place(backup, aside_command(backup.path, ("BUNDLE",)))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return which are too many."""
        old = await _too_many(bench, step)
        return Finding("yes", f"{len(old)} are older than the newest {argument(step, 'keep')}", {"old": list(old)})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Give them another name, one that does not count as a backup.

        Raises:
            RunError: One of them could not be renamed.
        """
        old = await _too_many(bench, step)
        if old:
            store = store_of(bench, step.node)
            await store.act(bench.hosts, aside_command(store.backup.path, old))
            bench.say(f"{step.node}: {len(old)} set aside; `ppsconsole backup prune {step.node}` deletes them")

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether no more are there than are kept."""
        old = await _too_many(bench, step)
        if old:
            return Finding("no", f"{len(old)} more than {argument(step, 'keep')} are there: {', '.join(old[:3])}")
        return Finding("yes", f"{step.node} has no more than the newest {argument(step, 'keep')}")

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Leave them aside: they are whole, and nobody misses them."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that nothing has to be put back."""
        return Finding("yes", "what was set aside is still there, by another name")


class CountBundles:
    """Sees that at least one of `places` (argument, by blanks) has a whole bundle of this run. Acts on nothing."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return that nothing is sent but looks."""
        return ()

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return that one may always look."""
        return Finding("yes", "looks only")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Do nothing."""

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return in which places there is one."""
        has: list[str] = []
        lacks: list[str] = []
        for name in argument(step, "places").split():
            try:
                there = await store_of(bench, name).bundles()
            except DriverError as error:
                lacks.append(f"{name} ({error.what})")
                continue
            is_there = any(each.name.run == run_tag(bench.run) and not each.name.prefix and not each.trouble for each in there)
            (has if is_there else lacks).append(name)
        said = f"; not at {', '.join(lacks)}" if lacks else ""
        if not has:
            return Finding("no", f"no place has a bundle of this run{said}")
        return Finding("yes", f"this run's bundle is at {', '.join(has)}{said}", {"places": has})

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Do nothing."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that there is nothing to put back."""
        return Finding("yes", "nothing was done")


class PruneBundles:
    """Deletes at the place `step.node` the folders of `names` (argument, by blanks): set aside, or never finished.

    The plan names each of them, and its hash covers them: what was confirmed is deleted and nothing else.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the deletion."""
        backup = place_of(inventory, step.node)
        return at_place(backup, _prune_command(backup.path, _names(step)))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return which of them are there."""
        left = await _left(bench, step)
        return Finding("yes", f"{len(left)} of {len(_names(step))} are there")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Delete them.

        Raises:
            RunError: One of them could not be deleted.
        """
        store = store_of(bench, step.node)
        await store.act(bench.hosts, _prune_command(store.backup.path, _names(step)), timeout_s=_PRUNE_S)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether none of them is left."""
        left = await _left(bench, step)
        if left:
            return Finding("no", f"still there: {', '.join(left[:3])}")
        return Finding("yes", f"{len(_names(step))} deleted at {step.node}")

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Do nothing: what is deleted is deleted."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that it cannot be put back."""
        return Finding("no", "what was deleted cannot be put back")


def _names(step: Step) -> tuple[str, ...]:
    """Return the folders to delete.

    Raises:
        Blocked: One of them is not hidden, or no bundle's.
    """
    names = tuple(argument(step, "names").split())
    for each in names:
        found = bundle_name(each)
        if found is None or not found.prefix:
            raise Blocked(f"{each!r} is no bundle that was set aside or never finished", where=step.node)
    return names


def _prune_command(path: str, names: tuple[str, ...]) -> str:
    return f"cd {shlex.quote(path)} && rm -rf -- {' '.join(shlex.quote(each) for each in names)}"


async def _left(bench: Workbench, step: Step) -> list[str]:
    there = {each.name.said() for each in await store_of(bench, step.node).bundles()}
    return [each for each in _names(step) if each in there]


async def _too_many(bench: Workbench, step: Step) -> tuple[str, ...]:
    """Return the folders beyond what is kept. What is damaged is not set aside, and does not count as one that is kept."""
    there = [each.name for each in await store_of(bench, step.node).bundles() if not each.trouble]
    return tuple(each.said() for each in kept(there, int(argument(step, "keep")))[1])
