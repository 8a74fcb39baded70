"""What can be planned, the ways that the advice ranks first; for a choice among all, and for what can be done about one node."""

from dataclasses import dataclass, replace

from ppsconsole.advice.diagnosis import Advice
from ppsconsole.advice.ways import Way, compared
from ppsconsole.clock import duration
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


def choices(advice: tuple[Advice, ...], inventory: Inventory, snapshot: Snapshot | None) -> tuple[Choice, ...]:
    """Return what can be planned: open ways of the advice first, in its order, then all others, then what is blocked.

    Args:
        advice: As made from `snapshot`.
        inventory: What was declared.
        snapshot: An instance that is the primary in it is no target; None when nothing was seen yet.
    """
    found: dict[Request, Choice] = {}
    for each in advice:
        for way in each.ways:
            found.setdefault(request_of(way), choice_of(way))
    primaries = _primaries(snapshot) if snapshot else ()
    for request in _all(inventory):
        if request.to in primaries:
            continue
        runbook = RUNBOOKS[request.runbook]
        found.setdefault(request, Choice(request, _title(request), runbook.sentence))
    return tuple(sorted(found.values(), key=lambda each: (each.is_blocked, not each.is_advised)))


def choices_about(node: str, snapshot: Snapshot | None, inventory: Inventory, background: Background) -> tuple[Choice, ...]:
    """Return what can be done about `node`: what names it, and what moves the whole service; none for a bastion.

    Every one of them is weighed: what it would cost now, or by what it is blocked. Open ones come first.
    """
    if node not in (*inventory.database.instances, *inventory.web_nodes, *inventory.balancers, *inventory.alternates):
        return ()
    if snapshot is None or not snapshot.is_complete:
        return ()
    requests = [each for each in _all(inventory) if each.node in ("", node) and each.to not in _primaries(snapshot)]
    return tuple(replace(choice_of(way), is_advised=False) for way in compared(requests, snapshot, inventory, background))


def _primaries(snapshot: Snapshot) -> tuple[str, ...]:
    return tuple(node.name for node in snapshot.of_kind("database") if node.role == "primary")


def request_of(way: Way) -> Request:
    """Return what a way stands for, from the command that it tells people: `ppsconsole run RUNBOOK [NODE] [--to NODE]`."""
    words = way.command.split()[3:]
    to = words[words.index("--to") + 1] if "--to" in words else ""
    return Request(way.runbook, node=words[0] if words and not words[0].startswith("--") else "", to=to)


def choice_of(way: Way) -> Choice:
    """Return a way of the advice as something to choose: what it costs, or why it is blocked."""
    request = request_of(way)
    if way.is_blocked:
        return Choice(request, _title(request), way.why, is_advised=True, is_blocked=True)
    time = f"users are kept out for about {duration(way.downtime_s)}" if way.downtime_s else "users are not kept out"
    return Choice(request, _title(request), f"{time}; loss {way.loss}", is_advised=True)


def _all(inventory: Inventory) -> tuple[Request, ...]:
    found: list[Request] = []
    for name, runbook in RUNBOOKS.items():
        if runbook.to != "none":
            found.extend(Request(name, to=instance) for instance in inventory.database.instances)
        elif runbook.is_for_places:
            found.extend(Request(name, node=place) for place in inventory.backups)
        elif runbook.is_for_alternates:
            found.extend(Request(name, node=alternate) for alternate in inventory.alternates)
        elif runbook.node != "none":
            others = () if runbook.is_for_databases else (*inventory.web_nodes, *inventory.balancers)
            nodes = (*inventory.database.instances, *others)
            found.extend(Request(name, node=node) for node in nodes)
        else:
            found.append(Request(name))
    return tuple(found)


def _title(request: Request) -> str:
    return " ".join(part for part in (request.runbook, request.node, f"--to {request.to}" if request.to else "") if part)
