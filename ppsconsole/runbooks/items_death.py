"""Preflight of a failover: is the primary dead, and is this the right standby to take its place?"""

from ppsconsole.clock import iso
from ppsconsole.cluster.copies import Copy
from ppsconsole.cluster.snapshot import Node, Vantage
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.proof import Rung
from ppsconsole.runbooks.case import Case, failing, ok, unseen
from ppsconsole.runbooks.ladder import ladder_of
from ppsconsole.runbooks.loss import behind
from ppsconsole.runbooks.situation import FULL, ROOMLESS, is_hung_where_it_stands, is_wedged, said, standbys


def dead(case: Case) -> Item:
    """Return whether the primary is gone as seen from two vantage points (law 9); what the operator states counts as one.

    Seen dead is: it was refused, or its host says that no process of it is left. Out of reach from two places is not dead, and
    said to be what it is: the fence has to make sure of it, whatever rung that takes.
    """
    name, old = "primary-dead", case.old
    alive = [each for each in old.vantages if each.sees == "alive"]
    if old.words in ("STARTING", "STOPPING"):
        remedy = "Wait until it has started or stopped; that is mostly shorter than a failover"
        return failing(name, f"{old.name} is {old.words.lower()}", remedy, is_blocking=True)
    is_used = any(_is_used(case, each) for each in alive)
    # A standby goes on vouching for it for a while: by what it heard before the processes were stopped.
    if is_hung_where_it_stands(old) and not is_used:
        words = f"{old.name} hangs: its host says that its processes are stopped, and it does not answer; the fence ends them"
        return ok(name, words, is_blocking=True)
    if is_wedged(old) and not is_used and _of(old, "lost") and not _of(old, "alive", but="host"):
        words = f"{old.name} is wedged: it runs and answers nobody ({said(_of(old, 'lost', 'silent'))}); the fence ends it"
        return ok(name, words, is_blocking=True)
    if old.value("sql") == FULL:
        remedy = f"It needs no failover: free a connection, and look again. {old.facts['sql'].detail}"
        return failing(name, f"{old.name} lives, and has no connection left for the console", remedy, is_blocking=True)
    if old.value("sql") == ROOMLESS:
        remedy = f"It needs no failover: make room on {old.host} (df -h), and look again"
        return failing(name, f"{old.name} lives, and lets nobody in: its disk is full", remedy, is_blocking=True)
    if alive:
        remedy = "Repair the way to it: promoting now would make a second writer"
        return failing(name, f"{old.name} lives: {said(tuple(alive))}", remedy, is_blocking=True)
    return _unanswering(case)


def _unanswering(case: Case) -> Item:
    """Return what is to be said of a primary that nobody sees alive."""
    name, old = "primary-dead", case.old
    dead, lost, silent = _of(old, "dead"), _of(old, "lost"), _of(old, "silent")
    stated = ("the operator",) if case.request.attest else ()
    if (dead or stated) and len(dead) + len(lost) + len(stated) >= 2:
        who = ", ".join((*(each.observer for each in dead), *stated))
        also = f", and lost to {', '.join(each.observer for each in lost)}" if lost else ""
        return ok(name, f"{old.name} is dead as seen by {who}{also}", is_blocking=True)
    places = tuple(each.observer for each in (*silent, *dead, *lost))
    if (dead or lost) and len(places) >= 2:
        rung = ladder_of(case.inventory, case.snapshot, case.side, old.name, case.request.fence).rung.value
        words = f"{old.name} was not seen dead: it is unreachable from {_listed(places)}, and may still run and take writes"
        remedy = f"The fence has to make sure that it cannot, by {rung}: see there what better would take"
        return failing(name, words, remedy)
    remedy = (
        f"Unreachable is not dead: repair the way to {old.name}, or look at it yourself and say what you saw with --attest TEXT"
    )
    return failing(name, f"{old.name} is not seen dead by two: {said(old.vantages)}", remedy, is_blocking=True)


def fence(case: Case) -> Item:
    """Return by which rung of the ladder it is made sure that the old primary cannot write, and what a better one would take."""
    name, old = "fence", case.old.name
    ladder = ladder_of(case.inventory, case.snapshot, case.side, old, case.request.fence)
    if ladder.rung in (Rung.KEPT_DOWN, Rung.FENCE_COMMAND) and not ladder.passed_over:
        return ok(name, ladder.said())
    if ladder.passed_over:
        remedy = f"Leave --fence out: {ladder.passed_over[0].value} is possible, and better"
    else:
        remedy = "For a better proof: let its host be reached, or declare `fence` for it in the inventory"
    return failing(name, ladder.said(), remedy)


def _of(node: Node, *sees: str, but: str = "") -> tuple[Vantage, ...]:
    return tuple(each for each in node.vantages if each.sees in sees and each.observer != but)


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


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
    copy = new.value("copy")
    if isinstance(copy, Copy):
        remedy = "What was written since is lost for good: nothing of it is ever merged"
        return failing(name, f"{new.name} holds the snapshot {copy.bundle} of {iso(copy.taken_at)}", remedy)
    if new.value("lsn") is None:
        return unseen(name, f"the position of {new.name} is not known")
    others = [each.name for each in case.snapshot.of_kind("database") if each.name not in (new.name, case.old.name)]
    hidden = [each for each in others if each not in {node.name for node in answering}]
    if hidden:
        return unseen(
            name, f"{', '.join(hidden)} does not answer and may have more than {new.name}", "Look at it before you accept a loss"
        )
    return ok(name, f"{new.name} has the most: timeline {new.value('timeline')}, {new.value('lsn')}")
