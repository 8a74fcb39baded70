"""In which manner a plan can be carried out: by which rung, by which way, from whose data, with which bundle."""

from dataclasses import replace

from ppsconsole.advice.choices import Choice, choice_of
from ppsconsole.advice.ways import WRONG_REQUEST, compared, words_of
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.alternate import shelved
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.ladder import DOES
from ppsconsole.runbooks.rejoin import weighed_ways
from ppsconsole.runbooks.request import Request

ASKED = {
    "alternate-activate": "Which copy it serves from",
    "alternate-prepare": "Which bundle is put into it",
    "failover": "How the old primary is kept from writing",
    "fence": "How it is kept from writing",
    "rejoin": "How it becomes a standby again",
    "restore": "Whose data are copied",
}
"""What is chosen for a runbook; every other one can be carried out in one manner only."""


def manners(
    plan: Plan, request: Request, snapshot: Snapshot | None, inventory: Inventory, background: Background
) -> tuple[Choice, ...]:
    """Return the manners in which what is planned can be done, best first, those that are barred with their reason.

    Args:
        plan: As it is read now; it knows what was found on the disk of an instance that is to be rejoined, and in an archive.
        request: What it was made for.
        snapshot: What each manner is weighed on.
        inventory: What was declared.
        background: What is known beside it.

    Returns:
        One for each, in the order of the ladder, of what the ways cost, or of the inventory; the best that is open is the
        advised one. None for a runbook that is not in `ASKED`, and while the snapshot is not complete.
    """
    if plan.runbook == "rejoin":
        found = _ways(plan, request)
    elif plan.runbook in ("alternate-activate", "alternate-prepare"):
        found = _bundles(plan, request)
    elif snapshot is None or not snapshot.is_complete:
        return ()
    elif plan.runbook in ("failover", "fence"):
        found = _rungs(request, snapshot, inventory, background)
    elif plan.runbook == "restore":
        found = _sources(request, snapshot, inventory, background)
    else:
        return ()
    best = next((each for each in found if not each.is_blocked), None)
    return tuple(replace(each, is_advised=each is best) for each in found)


def _rungs(request: Request, snapshot: Snapshot, inventory: Inventory, background: Background) -> list[Choice]:
    found: list[Choice] = []
    for rung, does in DOES.items():
        (way,) = compared([replace(request, fence=rung.value)], snapshot, inventory, background)
        if way.rule == WRONG_REQUEST:
            continue  # writers that stand still, and a statement, end nothing that runs: a fence has no such rung
        choice = choice_of(way)
        found.append(choice if choice.is_blocked else replace(choice, words=f"{does}; {choice.words}"))
    return found


def _ways(plan: Plan, request: Request) -> list[Choice]:
    found: list[Choice] = []
    for each in weighed_ways(plan):
        wanted = replace(request, way=each.way)
        planned = "planned now; " if each.is_taken else ""
        found.append(Choice(wanted, " ".join(words_of(wanted)), planned + each.words, is_blocked=not each.is_possible))
    return found


def _bundles(plan: Plan, request: Request) -> list[Choice]:
    found: list[Choice] = []
    for each in shelved(plan):
        wanted = replace(request, bundle=each.bundle)
        planned = "planned now; " if each.is_taken else ""
        found.append(Choice(wanted, " ".join(words_of(wanted)), planned + each.words, is_blocked=not each.is_possible))
    return found


def _sources(request: Request, snapshot: Snapshot, inventory: Inventory, background: Background) -> list[Choice]:
    names = [name for name in inventory.database.instances if name != request.to]
    ways = {name: compared([replace(request, node=name)], snapshot, inventory, background)[0] for name in names}
    return [choice_of(way) for way in ways.values()]
