"""Switchover: both sides alive, nothing lost, and everything can be put back until the point of no return (law 2)."""

from dataclasses import replace

from ppsconsole.clock import duration
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Brief, Shop, closed
from ppsconsole.runbooks.case import Case, tolerances_of
from ppsconsole.runbooks.costs import downtime_of
from ppsconsole.runbooks.loss import PROVED_LATER
from ppsconsole.runbooks.other_standbys import follow_steps, told_to_follow
from ppsconsole.runbooks.preflight import preflight_switchover
from ppsconsole.runbooks.request import named_instance, without_node
from ppsconsole.runbooks.situation import driven, letting_in, one_history, primaries, standbys, unanswered
from ppsconsole.runbooks.snapshot import no_switchover
from ppsconsole.runbooks.web_side import (
    WebSide,
    after_steps,
    drain_steps,
    move_steps,
    serve_steps,
    stop_steps,
    verify_steps,
    web_side,
)


def plan_switchover(brief: Brief) -> Plan:
    """Return the plan that makes the standby `request.to` the primary while both sides live.

    Raises:
        UsageError: The request names what does not exist, or leaves a choice open.
        Barred: There is no living primary, or there are two, or the target is no standby, or no driver can move it.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    without_node(request)
    driven(inventory)
    no_switchover(inventory)
    one_history(snapshot)
    old, new = pair_of(inventory, snapshot, request.to)
    side = web_side(inventory, snapshot, new.name, old.name)
    shop = brief.shop()
    steps = _steps(shop, snapshot, side, old.name, new.name)
    downtime_s = downtime_of(steps, is_out=False)
    steps = (replace(steps[0], gate=_gate(inventory, steps, old.name, new.name, downtime_s)), *steps[1:])
    case = Case(inventory, snapshot, brief.background, old, new, side, request)
    return brief.plan(
        to=new.name,
        steps=steps,
        preflight=preflight_switchover(case),
        loss=PROVED_LATER,
        tolerances=tolerances_of(case),
        downtime_s=downtime_s,
    )


def pair_of(inventory: Inventory, snapshot: Snapshot, to: str = "") -> tuple[Node, Node]:
    """Return the primary and the standby to promote: the one called `to`, else the only one.

    Raises:
        UsageError: `to` does not exist, or none of several standbys was named.
        Barred: No instance answers as a primary, or the target not as a standby.
    """
    old = _primary(snapshot)
    return old, _target(inventory, snapshot, to, old)


def _primary(snapshot: Snapshot) -> Node:
    found = primaries(snapshot)
    for node in () if found else snapshot.of_kind("database"):
        letting_in(node)
    if not found and (late := unanswered(snapshot)):
        raise Barred(
            "primary-unseen",
            f"{', '.join(late)} did not answer in time, so it is not known which instance is the primary",
            where="database",
            remedy="Plan again; where it stays silent, `status` says what to do",
        )
    if not found:
        raise Barred(
            "no-primary",
            "no instance answers as a primary, and a switchover needs both sides alive",
            where="database",
            remedy="Start the primary where it is (restart), or fail over; `status` says which",
        )
    return found[0]


def _target(inventory: Inventory, snapshot: Snapshot, to: str, old: Node) -> Node:
    usable = standbys(snapshot)
    if not to and len(usable) == 1:
        return usable[0]
    others = [name for name in inventory.database.instances if name != old.name]
    if not to and (usable or len(others) != 1):
        if not usable:
            what = f"none of {', '.join(others)} answers as a standby" if others else f"there is no instance beside {old.name}"
            raise Barred("no-standby", what, where="database", remedy="Bring a standby back first; `status` says what is seen")
        raise UsageError("switchover needs --to NODE", remedy=f"Standbys: {', '.join(node.name for node in usable)}")
    name = named_instance(inventory, to) if to else others[0]
    if name == old.name:
        raise Barred("already-primary", f"{name} is the primary already", where=name, remedy="There is nothing to switch over")
    found = next((node for node in usable if node.name == name), None)
    if found is None:
        if name in unanswered(snapshot):
            what = f"{name} did not answer in time, so it is not known whether it is a standby"
            raise Barred("standby-unseen", what, where=name, remedy=f"Plan again; where it stays silent, bring {name} back first")
        letting_in(node := snapshot.node(name))
        words = "is not known" if node is None else f"is {node.words}" if node.words else f"is {node.role}"
        raise Barred(
            "no-standby", f"{name} does not answer as a standby: it {words}", where=name, remedy=f"Bring {name} back first"
        )
    return found


def _steps(shop: Shop, snapshot: Snapshot, side: WebSide, old: str, new: str) -> tuple[Step, ...]:
    ends = [
        *drain_steps(shop, shop.inventory.balancers, is_optional=False),
        *stop_steps(shop, side),
        shop.step("end-sessions", old, f"End what is still connected to {old}", id="end-sessions"),
        shop.step(
            "checkpoint", old, f"Write a checkpoint on {old}, so that its stop is short", id="checkpoint", is_optional=True
        ),
        shop.step("disable", old, f"Keep {old} from coming back as a primary at boot"),
    ]
    writes_end = "No writes from here until the promotion."
    moves = [
        shop.step("stop-primary", old, f"Stop {old} cleanly", id="stop-primary", for_users=writes_end),
        shop.step(
            "prove-zero-loss",
            new,
            f"Prove that {new} has everything that {old} wrote",
            id="prove-zero-loss",
            arguments={"primary": old},
        ),
        shop.step("promote", new, f"Promote {new}", id="promote", arguments={"primary": old}, needs=("fence", "zero-loss")),
    ]
    others = follow_steps(shop, snapshot, old, new)
    told = {"others": told_to_follow(others)} if told_to_follow(others) else {}
    begins = [
        *serve_steps(shop, side, new),
        *move_steps(shop, side),
        *verify_steps(shop, side.serving, new),
        *others,
        *after_steps(shop, side, new),
        shop.step(
            "follow",
            old,
            f"Let {old} follow {new}, and start at boot as a standby",
            id="follow",
            arguments={"primary": new, **told},
            is_optional=True,
        ),
    ]
    return closed([*ends, *moves, *begins])


def _gate(inventory: Inventory, steps: tuple[Step, ...], old: str, new: str, downtime_s: float) -> Gate:
    """Return the one question, asked before anything is touched: a pause between stop and promotion would be an outage."""
    number = next(number for number, step in enumerate(steps, 1) if step.is_point_of_no_return)
    question = (
        f"Switch over from {old} to {new}: users are kept out for about {duration(downtime_s)}, nothing is lost. "
        f"After step {number} (promote {new}) the way back is another switchover. "
        f"Type the cluster's name ({inventory.cluster.name}) to begin."
    )
    return Gate("name", question, "--approve")
