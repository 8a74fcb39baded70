"""Fence: an old primary came back beside the one that serves now. It is stopped, kept down, and put in quarantine (again).

Web nodes that use it are stopped before, so that their users write nothing more that nobody keeps (`fence_users`).

Where its host cannot be logged in to, the operator's own fence command switches the machine off, if one is declared.
"""

from dataclasses import replace

from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.proof import Rung
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Brief, Shop, closed
from ppsconsole.runbooks.case import failing, ok, unseen
from ppsconsole.runbooks.costs import downtime_of
from ppsconsole.runbooks.fence_users import Misled, misled_by, off_steps, on_steps
from ppsconsole.runbooks.items_balancer import accepted
from ppsconsole.runbooks.ladder import comes_back, command_lacks, fence_step, kept_down_lacks
from ppsconsole.runbooks.request import known, wanted_instance, without_to
from ppsconsole.runbooks.situation import primaries

_SET_ASIDE = Loss(LossTier.NONE, words="nothing is thrown away: what only it has stays on its disk, and is not merged")


def to_fence(snapshot: Snapshot) -> tuple[Node, ...]:
    """Return the primaries that were failed over: in quarantine, or on an older timeline than another primary.

    Two primaries on one timeline are none of them: only people know which copy users worked with.
    """
    found = primaries(snapshot)
    # After a restore the primary may be on the older one; the other one is in quarantine then.
    newest = max((node.value("timeline") or 0 for node in found if not node.value("quarantine")), default=0)
    return tuple(node for node in found if node.value("quarantine") or 0 < (node.value("timeline") or 0) < newest)


_AS_BEFORE = "it goes on sending users where it does, until it is mended; that does not hold the fence up"


def plan_fence(brief: Brief) -> Plan:
    """Return the plan that stops the instance `request.node`, keeps it down over a reboot, and marks it; or switches it off.

    Raises:
        UsageError: No such instance or rung, or no instance was named.
        Barred: It is the only primary, takes no writes, or its host is out of reach and no fence command can be used.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    without_to(request)
    name = wanted_instance(inventory, request)
    node = snapshot.node(name)
    if inventory.database.kind != "postgres" or node is None:
        what = f"the console cannot fence an instance of kind {inventory.database.kind} yet"
        raise Barred("no-driver", what, where=name, remedy="Stop it with its own tools, and keep it down")
    others = [each for each in primaries(snapshot) if each.name != name]
    _may_be_fenced(node, others)
    rung, lacks = _rung(inventory, snapshot, name, request.fence)
    shop = brief.shop()
    misled = misled_by(inventory, snapshot, node, others)
    fencing = _fencing(shop, snapshot, node, rung, _arguments(name, rung, lacks, is_chosen=bool(request.fence)))
    steps = [*off_steps(shop, snapshot, misled), *fencing, *on_steps(shop, snapshot, misled)]
    downtime_s = _downtime_s(steps, misled)
    users = misled.said(downtime_s)
    steps[0] = replace(steps[0], gate=_gate(shop, node, others, rung, users))
    return brief.plan(
        node=name,
        # Undoing it would start a second primary, and let users in at it.
        steps=tuple(replace(step, is_undoable=False) for step in closed(steps)),
        preflight=(
            _other_primary(node, others),
            _newer(node, others),
            _users(misled, users),
            *((accepted(inventory, snapshot, misled.all_doors, _AS_BEFORE, is_blocking=False),) if misled.all_doors else ()),
            *((comes_back(name),) if rung is Rung.FENCE_COMMAND else ()),
        ),
        loss=_SET_ASIDE,
        tolerances={f"position of {name}": str(node.value("lsn") or node.value("control_checkpoint") or "unknown")},
        downtime_s=downtime_s,
        users=users,
    )


def _may_be_fenced(node: Node, others: list[Node]) -> None:
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


def _rung(inventory: Inventory, snapshot: Snapshot, name: str, wanted: str) -> tuple[Rung, dict[Rung, str]]:
    """Return the rung to take, and for each that cannot be taken why not; only what stops a server is of use against one.

    Raises:
        UsageError: There is no rung called `wanted`, or it stops nothing.
        Barred: Neither its host nor a fence command can be used; or not the one that is wanted.
    """
    lacks = {
        Rung.KEPT_DOWN: kept_down_lacks(inventory, snapshot, name),
        Rung.FENCE_COMMAND: command_lacks(inventory, snapshot, name),
    }
    missing = {rung: words for rung, words in lacks.items() if words}
    if wanted:
        rung = Rung(known(wanted, (each.value for each in lacks), "rung"))
        if rung in missing:
            raise Barred(
                "fence-rung", f"{name} cannot be fenced by {wanted}: {missing[rung]}", where=name, remedy="Leave --fence out"
            )
        return rung, missing
    if len(missing) == len(lacks):
        remedy = f"Switch its machine off or cut it off by hand; fence {name} as soon as its host can be logged in to"
        what = f"{missing[Rung.KEPT_DOWN]}: nothing can be stopped there; and {missing[Rung.FENCE_COMMAND]}"
        raise Barred("host-unreachable", what, where=name, remedy=remedy)
    return next(each for each in lacks if each not in missing), missing


def _arguments(name: str, rung: Rung, lacks: dict[Rung, str], *, is_chosen: bool) -> dict[str, str]:
    """Return what the fence is told: why it is by this rung, and what comes after it should it fail."""
    by_hand = f"Switch the machine of {name} off by hand: nothing else holds it"
    next_one = (
        f"The next rung is {Rung.FENCE_COMMAND.value}: abandon this run, then fence {name} --fence {Rung.FENCE_COMMAND.value}"
    )
    has_next = rung is Rung.KEPT_DOWN and Rung.FENCE_COMMAND not in lacks
    found = {"after": next_one if has_next else by_hand}
    if rung is Rung.FENCE_COMMAND:
        lack = lacks.get(Rung.KEPT_DOWN)
        found["why"] = f"not {Rung.KEPT_DOWN.value}: {lack}" if lack else "chosen by the operator, though kept-down is possible"
    if is_chosen:
        found["chosen"] = rung.value
    return found


def _fencing(shop: Shop, snapshot: Snapshot, node: Node, rung: Rung, arguments: dict[str, str]) -> list[Step]:
    name = node.name
    steps = [fence_step(shop, snapshot, name, rung, arguments, None)]
    if rung is not Rung.FENCE_COMMAND:
        title = f"Put {name} into quarantine: an alarm is raised should it come back"
        steps.append(shop.step("quarantine", name, title, id="quarantine"))
    return steps


def _gate(shop: Shop, node: Node, others: list[Node], rung: Rung, users: str) -> Gate:
    """Return the one question, asked before anything is touched."""
    name, of = node.name, shop.inventory.cluster.name
    beside = f" beside {', '.join(each.name for each in others)}" if others else ""
    kept = f"What only {name} has stays in its data directory and is not merged."
    said = f" {users[0].upper()}{users[1:]}." if users else ""
    if rung is Rung.FENCE_COMMAND:
        question = f"The machine of {name} of {of} is switched off{beside}, with all that runs on it. {kept}{said} Switch it off?"
    else:
        question = f"{name} of {of} is stopped and kept down{beside}. {kept}{said} Stop it?"
    return Gate("confirm", question, "--approve")


def _downtime_s(steps: list[Step], misled: Misled) -> float:
    """Return for how many seconds users are kept out; 0 where nobody is, or until somebody does something by hand."""
    if misled.moved:
        return downtime_of(steps, is_out=False)
    # Those who are sent to another web node are out while that is done.
    return round(sum(step.estimate_s for step in steps if step.verb == "move-members"), 3)


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


def _users(misled: Misled, users: str) -> Item:
    name = "users"
    if misled.web_nodes:
        remedy = f"Point {', '.join(misled.web_nodes)} at the primary that stays"
        if misled.stopped:
            remedy = f"{', '.join(misled.stopped)}: stopped before {misled.name} is, and disabled"
            left = [each for each in misled.stopped if each not in misled.moved]
            remedy += f"; once it names the right instance: ppsconsole run restart {left[0]}" if left else ""
        return failing(name, f"{misled.name} is used by {misled.named(misled.web_nodes)}: {users}", remedy)
    if misled.unseen:
        remedy = f"Look on {', '.join(misled.unseen)} which database its connection setting names"
        return unseen(name, f"whether users work on {misled.name} is not known: {users}", remedy)
    return ok(name, f"no web node that serves users is set to {misled.name}, or has a session on it")
