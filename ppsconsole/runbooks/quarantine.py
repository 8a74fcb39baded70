"""Quarantine-delete: delete one thing that an earlier run set aside, after it was typed. Nothing else in the console deletes."""

from dataclasses import replace

from ppsconsole.cluster.set_aside import kind_of, why_not_ours
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.step import Gate
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import NOTHING_KNOWN, Background, Commands, Shop, bound
from ppsconsole.runbooks.case import failing, ok
from ppsconsole.runbooks.request import Request, named_instance, without_to
from ppsconsole.runbooks.situation import is_reachable

_GONE_FOR_GOOD = Loss(LossTier.NONE, words="nothing of the running service; what is deleted is gone for good")


def plan_quarantine_delete(
    inventory: Inventory, snapshot: Snapshot, request: Request, commands: Commands, background: Background = NOTHING_KNOWN
) -> Plan:
    """Return the plan that deletes `request.path` beside the data directory of `request.node`.

    Raises:
        UsageError: No such instance, or none was named.
        Barred: No path was named, it is none of ours, or the host is out of reach.
    """
    without_to(request)
    if not request.node:
        raise UsageError("quarantine-delete needs a NODE", remedy=f"One of: {', '.join(inventory.database.instances)}")
    name = named_instance(inventory, request.node)
    node, data = snapshot.node(name), inventory.database.instances[name].data_directory
    if not request.path:
        remedy = "See `ppsconsole quarantine list`, then: ppsconsole quarantine delete NODE PATH"
        raise Barred("no-path", "it deletes one thing that is named by its path, and none was", where=name, remedy=remedy)
    if node is None or data is None:
        raise Barred("no-data-directory", f"no data_directory is declared for {name}", where=name, remedy="Declare it")
    if lack := why_not_ours(request.path, data):
        raise Barred("not-set-aside", lack, where=name, remedy="See `ppsconsole quarantine list`")
    if not is_reachable(snapshot, name):
        what = f"the host of {name} cannot be logged in to ({node.value('host.ssh') or 'not seen'})"
        raise Barred("host-unreachable", what, where=name, remedy="Repair the way to it")
    shop = Shop(inventory, commands, background.estimates)
    question = (
        f"Delete {request.path} on the host of {name} for good? It is {kind_of(request.path)}. There is no way back. "
        f"Type the cluster's name ({inventory.cluster.name}) to delete it."
    )
    step = shop.step(
        "delete-set-aside",
        name,
        f"Delete {request.path}",
        id="delete-set-aside",
        arguments={"path": request.path},
        gate=Gate("name", question, "--approve"),
    )
    steps = (replace(step, is_undoable=False, is_markable=False),)
    return bound(
        inventory,
        snapshot,
        runbook="quarantine-delete",
        node=name,
        steps=steps,
        preflight=(_is_well(node),),
        loss=_GONE_FOR_GOOD,
    )


def path_of(plan: Plan) -> str:
    """Return the path that a plan of this runbook deletes; empty for all others."""
    return next((step.arguments["path"] for step in plan.steps if step.verb == "delete-set-aside"), "")


def _is_well(node: Node) -> Item:
    name = "redundancy"
    if node.role == "primary" or (node.role == "standby" and (seen := node.value("receiver")) and seen.status == "streaming"):
        return ok(name, f"{node.name} is a {node.role} that is well")
    words = f"{node.name} is {node.words or node.role}: what was set aside may be all that is left of its writes"
    return failing(name, words, f"Bring {node.name} back first, and look at the report of its rejoin")
