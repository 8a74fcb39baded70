"""What a failover does about writes that only the dead primary has: brings them over before, keeps and lists the lost behind."""

from dataclasses import replace

from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.building import Shop
from ppsconsole.runbooks.situation import is_reachable


def can_be_salvaged(inventory: Inventory, snapshot: Snapshot, old: str, new: str) -> bool:
    """Return whether the log of `old` can be brought to `new`: both hosts answer, and it is known where the files are."""
    places = [inventory.database.instances[name].data_directory for name in (old, new)]
    return None not in places and all(is_reachable(snapshot, name) for name in (old, new))


def salvage_steps(shop: Shop, snapshot: Snapshot, old: str, new: str) -> tuple[Step, ...]:
    """Return the step that brings the rest of the log of the fenced `old` to `new`; none where that cannot be."""
    if not can_be_salvaged(shop.inventory, snapshot, old, new):
        return ()
    title = f"Bring what only the disk of {old} has to {new}, so that nothing is lost"
    return (shop.step("salvage", new, title, id="salvage", arguments={"primary": old}, is_optional=True, needs=("fence",)),)


def lost_writes_steps(shop: Shop, snapshot: Snapshot, old: str, new: str) -> tuple[Step, ...]:
    """Return the step that keeps and lists what `old` had and `new` has not; none where that cannot be now.

    It comes last: users are back, and what is lost does not become more.
    """
    if not can_be_salvaged(shop.inventory, snapshot, old, new):
        return ()
    return (replace(keep_step(shop, old, new), is_optional=True),)


def keep_step(shop: Shop, old: str, new: str) -> Step:
    """Return the step that keeps the log of `old` behind the point at which `new` left it, and lists what was lost.

    Whatever rewinds `old` or writes over it has this step before it (law 5).
    """
    title = f"Keep what only {old} has, and list the transactions that were lost"
    return shop.step("keep-lost-writes", old, title, id="keep-lost-writes", arguments={"primary": new})


def with_salvage(loss: Loss, new: str, dead_wal: DeadWal | None) -> Loss:
    """Return the loss of a plan with that step. Nothing is promised where reading that disk failed already."""
    if loss.tier is LossTier.NONE or (dead_wal is not None and dead_wal.trouble):
        return loss
    return replace(loss, words=f"{loss.words}; its log is brought to {new} before that is promoted", is_salvage_ahead=True)
