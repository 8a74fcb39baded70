"""Standbys that are snapshot copies: servers of their own, that take writes and hold what was restored into them. Pure.

Nothing of them says `standby` but the comment on their database (`ppsconsole.cluster.copies`), which whoever delivers one writes
with it, and which a promotion takes away. So the loss window is known all the time: it is the age of the snapshot.
"""

from ppsconsole.cluster.copies import Copy
from ppsconsole.cluster.judging import against, age, limit_words
from ppsconsole.cluster.snapshot import Edge
from ppsconsole.cluster.verdicts import Judgement, Verdict, worst
from ppsconsole.inventory.limits import Limit
from ppsconsole.inventory.model import Inventory
from ppsconsole.probes.view import View

_USUAL_S = 26 * 3600.0
_NEVER = float("inf")


def are_snapshots(inventory: Inventory) -> bool:
    """Return whether the standbys of the database group are snapshot copies."""
    return inventory.database.replication == "snapshot"


def snapshot_limit(inventory: Inventory) -> Limit:
    """Return from which age on a snapshot warns: what was promised, else a day and two hours; nobody is out for it."""
    promised_s = inventory.cluster.loss_objective_s
    return Limit(_USUAL_S if promised_s is None else promised_s, _NEVER)


def copy_at(view: View, instance: str) -> Copy | None:
    """Return the snapshot copy that `instance` holds, None where it is none or nobody knows."""
    found = view.value(instance, "copy") if are_snapshots(view.inventory) else None
    return found if isinstance(found, Copy) else None


def snapshot_judgement(view: View, name: str) -> Judgement:
    """Return what is to be said of the age of the snapshot that `name` holds."""
    copy, limit = copy_at(view, name), snapshot_limit(view.inventory)
    if copy is None:
        return Judgement(name, "copy", Verdict.UNKNOWN, "of when its snapshot is is not known")
    verdicts = [against(copy.age_s(view.now), limit)]
    words = f"holds the snapshot {copy.bundle}, {age(copy.age_s(view.now))} old: what was written since is not in it"
    if not copy.is_verified:
        verdicts.append(Verdict.WARN)
        words += "; nobody compared it"
    return Judgement(name, "copy", worst(verdicts), words, limit_words(limit, "age"))


def snapshot_edge(view: View, source: str, standby: str) -> Edge:
    """Return the link from the primary to a snapshot copy: as old as the snapshot, and nothing moves on it now."""
    copy, fact = copy_at(view, standby), view.fact(standby, "copy")
    if copy is None:
        return Edge(source, standby, "replication", "unknown", Verdict.UNKNOWN, "unknown")
    old_s = copy.age_s(view.now)
    verdict = against(old_s, snapshot_limit(view.inventory))
    return Edge(source, standby, "replication", "idle", verdict, f"snapshot {age(old_s)} old", None, old_s, fact.at)
