"""Fence: an old primary came back beside the one that serves now. It is stopped, kept down, and put in quarantine (again)."""

from dataclasses import replace

from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.proof import Rung
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import NOTHING_KNOWN, Background, Commands, Shop, closed, identities_of
from ppsconsole.runbooks.case import failing, ok, unseen
from ppsconsole.runbooks.ladder import kept_down_lacks
from ppsconsole.runbooks.request import Request, known, without_to
from ppsconsole.runbooks.situation import is_hung_where_it_stands, is_wedged, primaries

_SET_ASIDE = Loss(LossTier.NONE, words="nothing is thrown away: what only it has stays on its disk, and is not merged")


def to_fence(snapshot: Snapshot) -> tuple[Node, ...]:
    """Return the primaries that were failed over: in quarantine, or on an older timeline than another primary.

    Two primaries on one timeline are none of them: only people know which copy users worked with.
    """
    found = primaries(snapshot)
    newest = max((node.value("timeline") or 0 for node in found), default=0)
    return tuple(node for node in found if node.value("quarantine") or 0 < (node.value("timeline") or 0) < newest)


def plan_fence(
    inventory: Inventory,
    snapshot: Snapshot,
    request: Request,
    commands: Commands,
    background: Background = NOTHING_KNOWN,
) -> Plan:
    """Return the plan that stops the instance `request.node`, keeps it down over a reboot, and marks it.

    Raises:
        UsageError: No such instance, or none was named.
        Barred: It is the only primary, takes no writes, or its host is out of reach.
    """
    without_to(request)
    if not request.node:
        raise UsageError("fence needs a NODE", remedy=f"One of: {', '.join(inventory.database.instances)}")
    name = known(request.node, inventory.database.instances, "database instance")
    node = snapshot.node(name)
    if inventory.database.kind != "postgres" or node is None:
        what = f"the console cannot fence an instance of kind {inventory.database.kind} yet"
        raise Barred("no-driver", what, where=name, remedy="Stop it with its own tools, and keep it down")
    others = [each for each in primaries(snapshot) if each.name != name]
    _may_be_fenced(inventory, snapshot, node, others)
    shop = Shop(inventory, commands, background.estimates)
    steps = _steps(shop, node, others)
    return Plan(
        runbook="fence",
        cluster=snapshot.cluster,
        node=name,
        to="",
        made_at=snapshot.at,
        identities=identities_of(inventory, snapshot, steps),
        steps=steps,
        preflight=_preflight(snapshot, node, others),
        loss=_SET_ASIDE,
        tolerances={f"position of {name}": str(node.value("lsn") or node.value("control_checkpoint") or "unknown")},
        downtime_s=0.0,
    )


def _may_be_fenced(inventory: Inventory, snapshot: Snapshot, node: Node, others: list[Node]) -> None:
    name, is_marked = node.name, bool(node.value("quarantine"))
    if node.role == "standby":
        remedy = "fence is for an old primary that came back; a standby is left as it is"
        raise Barred("nothing-to-fence", f"{name} answers as a standby: it takes no writes", where=name, remedy=remedy)
    if not others and not is_marked:
        what = f"no other instance answers as the primary, and {name} is not in quarantine: without it nobody serves"
        remedy = "switchover moves a primary that lives, failover one that is gone; both fence it"
        raise Barred("only-primary", what, where=name, remedy=remedy)
    if node.value("service") in ("stopped", "failed") and node.value("service_enabled") == "disabled" and is_marked:
        what = f"{name} is down, disabled and in quarantine: it is fenced already"
        raise Barred("nothing-to-fence", what, where=name, remedy="To bring it back, make it a standby: rejoin it")
    if lack := kept_down_lacks(inventory, snapshot, name):
        remedy = f"Switch its machine off or cut it off by hand; fence {name} as soon as its host can be logged in to"
        raise Barred("host-unreachable", f"{lack}: nothing can be stopped there", where=name, remedy=remedy)


def _steps(shop: Shop, node: Node, others: list[Node]) -> tuple[Step, ...]:
    name = node.name
    arguments = {"rung": Rung.KEPT_DOWN.value, "after": f"Switch the machine of {name} off by hand: nothing else holds it"}
    if is_hung_where_it_stands(node) or is_wedged(node):
        arguments["kill"] = "yes"  # processes that are stopped do not react to a fast stop
    beside = f" beside {', '.join(each.name for each in others)}" if others else ""
    question = (
        f"{name} of {shop.inventory.cluster.name} is stopped and kept down{beside}. What only {name} has stays in its data "
        "directory and is not merged. Stop it?"
    )
    gate = Gate("confirm", question, "--approve")
    steps = [
        replace(
            shop.step("fence", name, f"Stop {name} and keep it down, also over a reboot", id="fence", arguments=arguments),
            gate=gate,
        ),
        shop.step("quarantine", name, f"Put {name} into quarantine: an alarm is raised should it come back", id="quarantine"),
    ]
    # Undoing it would start a second primary.
    return tuple(replace(step, is_undoable=False) for step in closed(steps))


def _preflight(snapshot: Snapshot, node: Node, others: list[Node]) -> tuple[Item, ...]:
    return (_other_primary(node, others), _newer(node, others), _users(snapshot, node))


def _other_primary(node: Node, others: list[Node]) -> Item:
    name = "other-primary"
    if len(others) == 1:
        return ok(name, f"{others[0].name} answers as the primary")
    if others:
        remedy = "Decide which copy stands; fence all others, one by one"
        return failing(name, f"{', '.join(each.name for each in others)} all take writes", remedy)
    remedy = f"{node.name} is the only one that serves: bring the primary back first, or know that users are out after this"
    return failing(
        name, f"no other instance answers as the primary; {node.name} is in quarantine ({node.value('quarantine')})", remedy
    )


def _newer(node: Node, others: list[Node]) -> Item:
    name = "older-copy"
    own, theirs = node.value("timeline") or node.value("control_timeline"), [each.value("timeline") for each in others]
    if own is None or not theirs or None in theirs:
        return unseen(name, f"whether {node.name} was left behind by a promotion could not be seen")
    if all(own < each for each in theirs):
        return ok(name, f"{node.name} is on timeline {own}, {others[0].name} was promoted after it, to {theirs[0]}")
    remedy = "Find out which copy users last worked with before one is stopped: the number of a timeline does not say it"
    return failing(
        name, f"{node.name} is on timeline {own}, {others[0].name} on {theirs[0]}: neither is known to be older", remedy
    )


def _users(snapshot: Snapshot, node: Node) -> Item:
    name = "users"
    using = [each.name for each in snapshot.of_kind("web") if each.value("points_at") == node.name and each.role == "serving"]
    if using:
        remedy = f"Point {', '.join(using)} at the primary: from the stop on users of it see errors"
        return failing(name, f"{', '.join(using)} serves users from {node.name}", remedy)
    return ok(name, f"no web node that serves users is set to {node.name}")
