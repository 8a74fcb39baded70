"""Lost writes: keep what only an old primary has, and list which transactions were lost. Changes nothing else."""

from dataclasses import replace

from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Brief
from ppsconsole.runbooks.case import failing, ok, unseen
from ppsconsole.runbooks.request import wanted_instance, without_to
from ppsconsole.runbooks.salvage import keep_step
from ppsconsole.runbooks.situation import WRITABLE_STATES, driven, is_reachable, one_history, primaries

NOTHING_IS_GIVEN_UP = Loss(LossTier.NONE, words="what was lost before is kept and listed, nothing is given up")


def can_list(snapshot: Snapshot, node: Node) -> bool:
    """Return whether `node` was left behind by a promotion, is down, and may have writes that can be read on its disk."""
    living = primaries(snapshot)
    old, new = node.value("control_timeline"), living[0].value("timeline") if len(living) == 1 else None
    was_writing = node.value("control_state") in WRITABLE_STATES and node.role == "unknown"
    is_down = node.kind == "database" and was_writing and node.value("service") in ("stopped", "failed")
    return is_down and is_reachable(snapshot, node.name) is True and None not in (old, new) and bool(old < new)


def plan_lost_writes(brief: Brief) -> Plan:
    """Return the plan that keeps and lists what `request.node` has and the primary has not.

    Raises:
        UsageError: No such instance.
        Barred: There is not exactly one primary, it is the primary itself, or its host cannot be reached.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    without_to(request)
    driven(inventory)
    name = wanted_instance(inventory, request, "the instance that was the primary")
    one_history(snapshot)
    node, primary = _pair(snapshot, name)
    if inventory.database.instances[name].data_directory is None:
        raise Barred("no-data-directory", f"no data_directory is declared for {name}", where=name, remedy="Declare it")
    shop = brief.shop()
    steps = (_asked(keep_step(shop, name, primary.name), name),)
    return brief.plan(
        node=name,
        steps=steps,
        preflight=_preflight(node, primary),
        loss=NOTHING_IS_GIVEN_UP,
        tolerances={"control file": str(node.value("control_state") or "unknown")},
    )


def _pair(snapshot: Snapshot, name: str) -> tuple[Node, Node]:
    found, living = snapshot.node(name), primaries(snapshot)
    if not living:
        what = "no instance answers as the primary: which history goes on is not known"
        raise Barred("no-primary", what, where="database", remedy="Fail over, or bring the primary back, first")
    if found is None or found.name == living[0].name:
        raise Barred("is-primary", f"{name} is the primary: it lost nothing", where=name, remedy="Name the old primary")
    if not is_reachable(snapshot, name):
        what = f"the host of {name} cannot be logged in to ({found.value('host.ssh') or 'not seen'})"
        raise Barred("host-unreachable", what, where=name, remedy="Repair the way to it; its disk is where the writes are")
    return found, living[0]


def _asked(step: Step, name: str) -> Step:
    question = f"Copy the log of {name} behind the fork to a folder beside its data directory, and list what was lost?"
    return replace(step, gate=Gate("confirm", question, "--approve"))


def _preflight(node: Node, primary: Node) -> tuple[Item, ...]:
    ours, theirs = node.value("control_system_identifier"), primary.value("system_identifier")
    old, new = node.value("control_timeline"), primary.value("timeline")
    items = []
    if node.role != "unknown":
        words, remedy = f"{node.name} answers as a {node.role}", "Stop it: a log that still grows cannot be listed"
        items.append(failing("is-down", words, remedy, is_blocking=True))
    elif node.value("service") in ("stopped", "failed"):
        items.append(ok("is-down", f"{node.name} is down", is_blocking=True))
    else:
        items.append(unseen("is-down", f"{node.name} is {node.value('service') or 'not seen'}; the step looks itself"))
    if ours is None or theirs is None:
        items.append(unseen("same-cluster", f"the control file of {node.name} was not read; the step looks itself"))
    elif ours != theirs:
        remedy = "Nothing of it can be compared: it is another system"
        items.append(failing("same-cluster", f"{node.name} has {ours}, {primary.name} {theirs}", remedy, is_blocking=True))
    else:
        items.append(ok("same-cluster", f"both have system identifier {ours}", is_blocking=True))
    if old is None or new is None:
        items.append(unseen("forked", "their timelines are not known; the step looks itself"))
    elif new <= old:
        remedy = f"There is no point at which {primary.name} left its history"
        items.append(failing("forked", f"{node.name} is on timeline {old}, {primary.name} on {new}", remedy, is_blocking=True))
    else:
        items.append(ok("forked", f"{node.name} stopped on timeline {old}, {primary.name} is on {new}", is_blocking=True))
    return tuple(items)
