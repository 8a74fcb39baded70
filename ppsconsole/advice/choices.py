"""What can be planned, the ways that the advice ranks first; for a choice among all, and for what can be done about one node."""

from dataclasses import dataclass, replace

from ppsconsole.advice.diagnosis import Advice
from ppsconsole.advice.ways import FLAGS, Way, compared, words_of
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.catalog import RUNBOOKS
from ppsconsole.runbooks.request import Request


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to plan.

    Attributes:
        title: `failover --to db2`.
        words: What it costs where the advice knows, else what it does.
        is_advised: The advice named it.
        is_blocked: The advice says that it cannot be gone now; it can be planned all the same, and then says why.
    """

    request: Request
    title: str
    words: str
    is_advised: bool = False
    is_blocked: bool = False


def choices(
    advice: tuple[Advice, ...], snapshot: Snapshot | None, inventory: Inventory, background: Background
) -> tuple[Choice, ...]:
    """Return what can be planned: open ways of the advice first, in its order, then all others, then what is blocked, and why.

    Args:
        advice: As made from `snapshot`.
        snapshot: What every other way is weighed on; while it is not complete none of them is, and each says what it does.
        inventory: What was declared.
        background: What is known beside it.
    """
    found: dict[Request, Choice] = {}
    for each in advice:
        for way in each.ways:
            found.setdefault(request_of(way), choice_of(way))
    primaries = _primaries(snapshot) if snapshot else ()
    others = [each for each in _all(inventory, primaries) if _may_become(each, primaries) and each not in found]
    weighed: dict[Request, Choice] = {}
    if snapshot is not None and snapshot.is_complete:
        weighed = {request_of(way): _in_full(way) for way in compared(others, snapshot, inventory, background)}
    for request in others:
        found[request] = weighed.get(request) or Choice(request, _title(request), RUNBOOKS[request.runbook].sentence)
    return tuple(sorted(found.values(), key=lambda each: (each.is_blocked, not each.is_advised)))


def choices_about(node: str, snapshot: Snapshot | None, inventory: Inventory, background: Background) -> tuple[Choice, ...]:
    """Return what can be done about `node`: what names it, and what moves the whole service; none for a bastion.

    Every one of them is weighed: what it would cost now, or by what it is blocked. Open ones come first.
    """
    if node not in (*inventory.database.instances, *inventory.web_nodes, *inventory.balancers, *inventory.alternates):
        return ()
    if snapshot is None or not snapshot.is_complete:
        return ()
    living = _primaries(snapshot)
    requests = [each for each in _all(inventory, living) if each.node in ("", node) and _may_become(each, living)]
    return tuple(replace(choice_of(way), is_advised=False) for way in compared(requests, snapshot, inventory, background))


def _may_become(request: Request, primaries: tuple[str, ...]) -> bool:
    """Return whether the request's target is no primary yet; of two primaries one can be restored over by the other."""
    return request.to not in primaries or (request.runbook == "restore" and len(primaries) > 1)


def _primaries(snapshot: Snapshot) -> tuple[str, ...]:
    return tuple(node.name for node in snapshot.of_kind("database") if node.role == "primary")


def request_of(way: Way) -> Request:
    """Return what a way stands for, from the command that it tells people: `ppsconsole run RUNBOOK [NODE] [--to NODE] ...`."""
    words = way.command.split()[3:]
    said = {name: words[words.index(name) + 1] if name in words else "" for name in ("--from", *FLAGS)}
    node = words[0] if words and not words[0].startswith("--") else said["--from"]
    return Request(
        way.runbook,
        node=node,
        to=said["--to"],
        fence=said["--fence"],
        way=said["--way"],
        bundle=said["--bundle"],
        insist=said["--insist"],
    )


def choice_of(way: Way) -> Choice:
    """Return a way of the advice as something to choose: what it costs, or why it is blocked."""
    request = request_of(way)
    if way.is_blocked:
        return Choice(request, _title(request), way.why, is_advised=True, is_blocked=True)
    return Choice(request, _title(request), f"{way.kept_out()}; loss {way.loss}", is_advised=True)


def _in_full(way: Way) -> Choice:
    """Return a way that the advice does not name: what it costs, and what it does."""
    choice = replace(choice_of(way), is_advised=False)
    return choice if choice.is_blocked else replace(choice, words=f"{choice.words}. {RUNBOOKS[way.runbook].sentence}")


def _all(inventory: Inventory, primaries: tuple[str, ...]) -> tuple[Request, ...]:
    found: list[Request] = []
    for name, runbook in RUNBOOKS.items():
        if runbook.is_for_alternates:
            found.extend(Request(name, node=alternate) for alternate in inventory.alternates)
            continue
        if runbook.to == "required":
            for instance in inventory.database.instances:
                sources = [each for each in primaries if each != instance]
                # One of several has to be named: whose data are kept is for people to say.
                found.extend(Request(name, node=source, to=instance) for source in (sources if len(sources) > 1 else [""]))
        elif runbook.to != "none":
            found.extend(Request(name, to=instance) for instance in inventory.database.instances)
        elif runbook.is_for_places:
            found.extend(Request(name, node=place) for place in inventory.backups)
        elif runbook.node != "none":
            others = () if runbook.is_for_databases else (*inventory.web_nodes, *inventory.balancers)
            nodes = (*inventory.database.instances, *others)
            found.extend(Request(name, node=node) for node in nodes)
        else:
            found.append(Request(name))
    return tuple(found)


def _title(request: Request) -> str:
    return " ".join(words_of(request))
