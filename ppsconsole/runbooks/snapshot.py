"""Snapshot copies as standbys: what promoting one gives up, and why nothing is switched over to one."""

from ppsconsole.clock import hhmmss, iso
from ppsconsole.cluster.copies import Copy
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.runbooks.barred import Barred


def held_snapshot(node: Node) -> Copy | None:
    """Return the snapshot copy that an instance holds; None for any other one."""
    found = node.value("copy")
    return found if isinstance(found, Copy) else None


def snapshot_loss(copy: Copy, snapshot: Snapshot, dead_since: float | None) -> Loss:
    """Return what promoting a snapshot copy gives up: all that was written after it was taken.

    Args:
        copy: The snapshot.
        snapshot: The world now.
        dead_since: When the primary was first seen dead, seconds since 1970 UTC; None takes the snapshot's own time.
    """
    end = snapshot.at if dead_since is None else dead_since
    said = f"not seen dead before {hhmmss(end)}" if dead_since is None else f"seen dead at {hhmmss(end)}"
    words = f"the snapshot {copy.bundle} is of {iso(copy.taken_at)}, and the primary was {said} UTC; what is lost is not merged"
    return Loss(LossTier.BOUNDED, max(0.0, end - copy.taken_at), words=words)


def no_switchover(inventory: Inventory) -> None:
    """Refuse a switchover to a snapshot copy: it loses what a switchover promises to keep (law 2).

    Raises:
        Barred: The standbys are snapshot copies.
    """
    if inventory.database.replication == "snapshot":
        what = "the standbys are snapshot copies: each lacks what was written since it was taken, and a switchover loses nothing"
        remedy = "restore --to NODE copies the data without loss; where the primary is gone, failover says what is lost"
        raise Barred("snapshot-copies", what, where="database", remedy=remedy)
