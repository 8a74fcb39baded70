"""Boot guard: install, on a database's host, what keeps it from starting as a second primary; and take it away again."""

from dataclasses import replace

from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Brief
from ppsconsole.runbooks.case import failing, ok
from ppsconsole.runbooks.ladder import host_lacks
from ppsconsole.runbooks.request import Request, wanted_instance, without_to

_NOTHING_TOUCHED = Loss(LossTier.NONE, words="no data is touched")


def plan_boot_guard(brief: Brief) -> Plan:
    """Return the plan that writes the guard of the instance `request.node` and looks whether something calls it.

    Raises:
        UsageError: No such instance, or none was named.
        Barred: Its host is out of reach, or nobody knows how it would ask its peers.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    node = _node(inventory, snapshot, request)
    upstreams = inventory.database.instances[node.name].upstreams
    if not upstreams:
        remedy = f"Declare `upstreams` of {node.name} in the inventory, with a passfile"
        raise Barred("no-upstreams", f"nothing says how {node.name} asks its peers", where=node.name, remedy=remedy)
    shop = brief.shop()
    question = f"Write the guard of {node.name} as the step shows it? Whatever it keeps from starting stays down."
    steps = (
        replace(
            shop.step("install-boot-guard", node.name, f"Write the boot guard of {node.name}"),
            gate=Gate("confirm", question, "--approve"),
        ),
        replace(
            shop.step("check-boot-guard", node.name, f"See that the service of {node.name} calls it", is_optional=True),
            is_undoable=False,
        ),
    )
    unasked = [each for each in inventory.database.instances if each not in (node.name, *upstreams)]
    peers = ok("peers", f"it asks {', '.join(upstreams)}")
    if unasked:
        remedy = f"Declare the way to {', '.join(unasked)} in `upstreams` of {node.name}"
        peers = failing("peers", f"it asks {', '.join(upstreams)}, and not {', '.join(unasked)}", remedy)
    return brief.plan(node=node.name, steps=steps, preflight=(peers,), loss=_NOTHING_TOUCHED)


def plan_boot_guard_remove(brief: Brief) -> Plan:
    """Return the plan that sets the guard of the instance `request.node` aside.

    Raises:
        UsageError: No such instance, or none was named.
        Barred: Its host is out of reach.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    node = _node(inventory, snapshot, request)
    shop = brief.shop()
    question = (
        f"Set the guard of {node.name} aside? What calls it has to stop calling it first: a unit whose ExecStartPre is missing "
        "does not start."
    )
    step = shop.step("remove-boot-guard", node.name, f"Set the boot guard of {node.name} aside")
    steps = (replace(step, gate=Gate("confirm", question, "--approve")),)
    return brief.plan(node=node.name, steps=steps, preflight=(), loss=_NOTHING_TOUCHED)


def _node(inventory: Inventory, snapshot: Snapshot, request: Request) -> Node:
    without_to(request)
    name = wanted_instance(inventory, request)
    node = snapshot.node(name)
    if inventory.database.kind != "postgres" or node is None:
        what = f"there is no boot guard for instances of kind {inventory.database.kind}"
        raise Barred("no-driver", what, where=name, remedy="Keep it down by its own tools")
    if lack := host_lacks(inventory, snapshot, name):
        raise Barred("host-unreachable", lack, where=name, remedy="Repair the way to it, or declare what is missing")
    return node
