"""Quarantine-delete: delete one thing that an earlier run set aside, after it was typed. Nothing else in the console deletes."""

from dataclasses import replace

from ppsconsole.actions.databases_aside import why_no_database_aside
from ppsconsole.cluster.set_aside import DATABASE, kind_of, why_not_ours
from ppsconsole.cluster.snapshot import Node
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.step import Gate
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Brief
from ppsconsole.runbooks.case import failing, ok
from ppsconsole.runbooks.request import wanted_instance, without_to
from ppsconsole.runbooks.situation import is_reachable

_DELETES = ("delete-set-aside", "drop-set-aside")
_GONE_FOR_GOOD = Loss(LossTier.NONE, words="nothing of the running service; what is deleted is gone for good")


def plan_quarantine_delete(brief: Brief) -> Plan:
    """Return the plan that deletes `request.path` beside the data directory of `request.node`, or the database that it names.

    Raises:
        UsageError: No such instance, or none was named.
        Barred: No path was named, it is none of ours, the host is out of reach, or a database would be dropped on what is no
            primary.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    without_to(request)
    name = wanted_instance(inventory, request)
    node, data = snapshot.node(name), inventory.database.instances[name].data_directory
    if not request.path:
        remedy = "See `ppsconsole quarantine list`, then: ppsconsole quarantine delete NODE PATH, or NODE database:NAME"
        raise Barred("no-path", "it deletes one thing that is named by its path, and none was", where=name, remedy=remedy)
    if node is None or data is None:
        raise Barred("no-data-directory", f"no data_directory is declared for {name}", where=name, remedy="Declare it")
    is_database = request.path.startswith(DATABASE)
    if lack := _why_not(inventory, request.path, data):
        raise Barred("not-set-aside", lack, where=name, remedy="See `ppsconsole quarantine list`")
    if not is_reachable(snapshot, name):
        what = f"the host of {name} cannot be logged in to ({node.value('host.ssh') or 'not seen'})"
        raise Barred("host-unreachable", what, where=name, remedy="Repair the way to it")
    if is_database:
        _refuse_undroppable(inventory, node)
    shop = brief.shop()
    where = f"on {name}" if is_database else f"on the host of {name}"
    verb = "drop-set-aside" if is_database else "delete-set-aside"
    question = (
        f"Delete {request.path} {where} for good? It is {kind_of(request.path)}. There is no way back. "
        f"Type the cluster's name ({inventory.cluster.name}) to delete it."
    )
    step = shop.step(
        verb,
        name,
        f"Delete {request.path}",
        id=verb,
        arguments={"path": request.path},
        gate=Gate("name", question, "--approve"),
    )
    steps = (replace(step, is_undoable=False, is_markable=False),)
    return brief.plan(
        node=name,
        steps=steps,
        preflight=(_is_well(node),),
        loss=_GONE_FOR_GOOD,
    )


def path_of(plan: Plan) -> str:
    """Return the path that a plan of this runbook deletes; empty for all others."""
    return next((step.arguments["path"] for step in plan.steps if step.verb in _DELETES), "")


def _why_not(inventory: Inventory, path: str, data: str) -> str:
    """Return why `path` is nothing that a run set aside; empty when it may be."""
    if path.startswith(DATABASE):
        return why_no_database_aside(path.removeprefix(DATABASE), inventory.database.database)
    return why_not_ours(path, data)


def _refuse_undroppable(inventory: Inventory, node: Node) -> None:
    """Refuse to drop a database on a server that would not, or could not be asked to.

    Raises:
        Barred: It is a standby, is down, or nothing says how a program on its host logs in to it.
    """
    name = node.name
    if node.role == "standby":
        what = f"{name} is a standby: what is dropped on its primary goes there as well"
        raise Barred("is-standby", what, where=name, remedy="Name its primary")
    if node.role != "primary":
        what = f"{name} does not answer as a primary ({node.words or node.role}): no database can be dropped there"
        raise Barred("is-down", what, where=name, remedy="Bring it back first, or wait until it answers")
    if name not in inventory.database.instances[name].dumps:
        remedy = f"Declare `dumps: {{{name}: host=... user=... passfile=...}}` of {name}"
        raise Barred("no-login", f"nothing says how psql on its host logs in to {name}", where=name, remedy=remedy)


def _is_well(node: Node) -> Item:
    name = "redundancy"
    if node.role == "primary" or (node.role == "standby" and (seen := node.value("receiver")) and seen.status == "streaming"):
        return ok(name, f"{node.name} is a {node.role} that is well")
    words = f"{node.name} is {node.words or node.role}: what was set aside may be all that is left of its writes"
    return failing(name, words, f"Bring {node.name} back first, and look at the report of its rejoin")
