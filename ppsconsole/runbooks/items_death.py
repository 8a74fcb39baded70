"""Preflight of a failover: is the primary dead, and is this the right standby to take its place?"""

from ppsconsole.cluster.snapshot import Vantage
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, unseen
from ppsconsole.runbooks.loss import behind
from ppsconsole.runbooks.situation import is_hung_where_it_stands, said, standbys


def dead(case: Case) -> Item:
    """Return whether the primary is dead from two vantage points (law 9); what the operator states counts as one."""
    name, old = "primary-dead", case.old
    alive = [each for each in old.vantages if each.sees == "alive"]
    sees_dead = [each for each in old.vantages if each.sees in ("dead", "lost")]
    observers = [each.observer for each in sees_dead] + (["the operator"] if case.request.attest else [])
    if old.words in ("STARTING", "STOPPING"):
        remedy = "Wait until it has started or stopped; that is mostly shorter than a failover"
        return failing(name, f"{old.name} is {old.words.lower()}", remedy, is_blocking=True)
    # A standby goes on vouching for it for a while: by what it heard before the processes were stopped.
    if is_hung_where_it_stands(old) and not any(_is_used(case, each) for each in alive):
        words = f"{old.name} hangs: its host says that its processes are stopped, and it does not answer; the fence ends them"
        return ok(name, words, is_blocking=True)
    if alive:
        remedy = "Repair the way to it: promoting now would make a second writer"
        return failing(name, f"{old.name} lives: {said(tuple(alive))}", remedy, is_blocking=True)
    if len(observers) >= 2:
        return ok(name, f"{old.name} serves nobody: dead or lost as seen by {', '.join(observers)}", is_blocking=True)
    remedy = (
        f"Unreachable is not dead: repair the way to {old.name}, or look at it yourself and say what you saw with --attest TEXT"
    )
    return failing(name, f"{old.name} is not seen dead by two: {said(old.vantages)}", remedy, is_blocking=True)


def _is_used(case: Case, seen: Vantage) -> bool:
    """Return whether it is a web node that says so: one works with it now, a standby only remembers."""
    return seen.observer in case.inventory.web_nodes


def candidate(case: Case) -> Item:
    """Return whether the most advanced standby is promoted, and what another choice costs."""
    name, new = "candidate", case.new
    answering = standbys(case.snapshot)
    best = answering[0]
    if best.name != new.name:
        cost = "its position is not known"
        if best.value("lsn") is not None and new.value("lsn") is not None:
            cost = f"{new.name} is {behind(best.value('lsn'), new.value('lsn'))} {best.name}"
        if best.value("timeline") != new.value("timeline"):
            cost = f"{new.name} is on timeline {new.value('timeline')}, {best.name} on {best.value('timeline')}"
        return failing(name, f"{best.name} is ahead: {cost}", f"failover --to {best.name} loses less")
    if new.value("lsn") is None:
        return unseen(name, f"the position of {new.name} is not known")
    others = [each.name for each in case.snapshot.of_kind("database") if each.name not in (new.name, case.old.name)]
    hidden = [each for each in others if each not in {node.name for node in answering}]
    if hidden:
        return unseen(
            name, f"{', '.join(hidden)} does not answer and may have more than {new.name}", "Look at it before you accept a loss"
        )
    return ok(name, f"{new.name} has the most: timeline {new.value('timeline')}, {new.value('lsn')}")
