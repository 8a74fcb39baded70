"""Failover: the primary is gone. Loss is estimated and accepted by name, and nothing is promoted beside a possible writer."""

from dataclasses import replace

from ppsconsole.clock import duration
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import Rung
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Background, Brief, Shop, closed
from ppsconsole.runbooks.case import Case, tolerances_of
from ppsconsole.runbooks.costs import downtime_of
from ppsconsole.runbooks.items_balancer import refused_by
from ppsconsole.runbooks.ladder import Ladder, comes_back, fence_step, ladder_of
from ppsconsole.runbooks.loss import loss_of
from ppsconsole.runbooks.other_standbys import follow_steps
from ppsconsole.runbooks.preflight import preflight_failover, preflight_snapshot
from ppsconsole.runbooks.request import named_instance, without_node
from ppsconsole.runbooks.salvage import can_be_salvaged, lost_writes_steps, salvage_steps, with_salvage
from ppsconsole.runbooks.situation import (
    driven,
    is_driven,
    is_reachable,
    letting_in,
    lost_primary,
    no_copy_serves,
    one_history,
    primaries,
    standbys,
    unanswered,
)
from ppsconsole.runbooks.snapshot import held_snapshot, snapshot_loss
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


def plan_failover(brief: Brief) -> Plan:
    """Return the plan that promotes a standby in place of the dead primary.

    Whether the primary is dead is a preflight item (law 9): where it is not, the plan is shown and does not run.

    Raises:
        UsageError: The request names what does not exist.
        Barred: The primary lives, there are two, there is no standby to promote, or no driver can move it.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    without_node(request)
    driven(inventory)
    one_history(snapshot)
    no_copy_serves(snapshot)
    old, new = pair_of(inventory, snapshot, request.to)
    side = web_side(inventory, snapshot, new.name, old.name)
    ladder = ladder_of(inventory, snapshot, side, old.name, request.fence)
    shop = brief.shop()
    loss = failover_loss(snapshot, brief.background, old.name, new.name)
    held = held_snapshot(new)
    if held is None and can_be_salvaged(inventory, snapshot, old.name, new.name):
        loss = with_salvage(loss, new.name, brief.background.dead_wal)
    steps = _steps(shop, snapshot, side, ladder, old.name, new.name, loss)
    case = Case(inventory, snapshot, brief.background, old, new, side, request)
    return brief.plan(
        to=new.name,
        steps=steps,
        preflight=(
            *(preflight_failover(case) if held is None else preflight_snapshot(case)),
            *((comes_back(old.name),) if ladder.rung is Rung.FENCE_COMMAND else ()),
        ),
        loss=loss,
        tolerances=tolerances_of(case),
        downtime_s=downtime_of(steps, is_out=True),
    )


def _dead_primary(inventory: Inventory, snapshot: Snapshot) -> Node:
    living = primaries(snapshot)
    if living:
        name = living[0].name
        following = [node.name for node in standbys(snapshot) if (seen := node.value("receiver")) and seen.status == "streaming"]
        remedy = f"switchover --to {following[0]} moves it without loss" if following else "It needs no failover"
        raise Barred("primary-alive", f"{name} answers as the primary: it is not dead", where=name, remedy=remedy)
    return lost_primary(inventory, snapshot)


def _candidate(snapshot: Snapshot, name: str) -> Node:
    """Return the standby to promote: the named one, else the most advanced by timeline, then by position."""
    usable = standbys(snapshot)
    found = usable[0] if usable and not name else next((node for node in usable if node.name == name), None)
    if found is None:
        if name in unanswered(snapshot):
            what = f"{name} did not answer in time, so it is not known whether it is a standby"
            raise Barred("standby-unseen", what, where=name, remedy="Plan again; `status` says what answers")
        for node in snapshot.of_kind("database"):
            if node.name == name or not (name or usable):
                letting_in(node)
        remedy = f"Standbys that answer: {', '.join(node.name for node in usable) or 'none'}"
        what = f"{name} does not answer as a standby" if name else "no instance answers as a standby"
        raise Barred("no-standby", what, where=name or "database", remedy=remedy)
    return found


def failover_loss(snapshot: Snapshot, background: Background, old: str, new: str) -> Loss:
    """Return what promoting `new` in place of `old` gives up; what was seen of another primary says nothing of it."""
    history = background.history
    is_ours = history.primary == old
    ours = snapshot.node(new)
    copy = None if ours is None else held_snapshot(ours)
    if copy is not None:
        return snapshot_loss(copy, snapshot, history.dead_since if is_ours else None)
    samples = history.samples.get(new, ()) if is_ours else ()
    dead_since = history.dead_since if is_ours else None
    return loss_of(samples, snapshot, dead_since, primary=old, standby=new, dead_wal=background.dead_wal)


def pair_of(inventory: Inventory, snapshot: Snapshot, to: str = "") -> tuple[Node, Node]:
    """Return the dead primary and the standby to promote: the one called `to`, else the most advanced.

    Raises:
        UsageError: `to` does not exist.
        Barred: The primary lives, or there is no standby to promote.
    """
    named = named_instance(inventory, to) if to else ""  # a wrong name is told first, whatever else is in the way
    return _dead_primary(inventory, snapshot), _candidate(snapshot, named)


def _steps(shop: Shop, snapshot: Snapshot, side: WebSide, ladder: Ladder, old: str, new: str, loss: Loss) -> tuple[Step, ...]:
    inventory = shop.inventory
    refused = refused_by(inventory, snapshot)
    doors = [name for name in inventory.balancers if is_reachable(snapshot, name) is not False and name not in refused]
    first = [name for name in inventory.balancers if name not in refused]
    question = loss_question(old, new, loss)
    node = snapshot.node(new)
    copy = None if node is None else held_snapshot(node)
    promote = shop.step(
        "promote" if copy is None else "promote-snapshot",
        new,
        f"Promote {new}" if copy is None else f"Promote {new}, which holds the snapshot {copy.bundle}",
        id="promote",
        arguments={"primary": old} if copy is None else {"primary": old, "bundle": copy.bundle},
        needs=("fence",),
        gate=Gate("accept-loss", question, "--accept-loss"),
    )
    steps = [
        *drain_steps(shop, doors, is_optional=True),
        *stop_steps(shop, side, is_all_disabled=ladder.rung is Rung.QUIESCED),
        _fence(shop, snapshot, ladder, old, new),
        *(salvage_steps(shop, snapshot, old, new) if copy is None else ()),
        promote,
        *serve_steps(shop, side, new),
        *move_steps(shop, side, first),
        *verify_steps(shop, side.serving, new, first),
        # The run is held there until somebody mends them: by then users get in wherever they can.
        *move_steps(shop, side, refused),
        *verify_steps(shop, side.serving, new, refused),
        *follow_steps(shop, snapshot, old, new),
        *after_steps(shop, side, new),
    ]
    if _has_a_place_for_the_marker(inventory, old):
        title = f"Put {old} into quarantine: it is not started again, and an alarm is raised should it come back"
        steps.append(shop.step("quarantine", old, title, id="quarantine", is_optional=True))
    steps += lost_writes_steps(shop, snapshot, old, new) if copy is None else ()
    made = closed(steps)
    if made[0].gate is None:
        made = (replace(made[0], gate=_gate(inventory, made, ladder, old, new, loss)), *made[1:])
    return made


def _has_a_place_for_the_marker(inventory: Inventory, name: str) -> bool:
    return is_driven(inventory, name) and inventory.database.instances[name].data_directory is not None


def loss_question(old: str, new: str, loss: Loss) -> str:
    """Return what is asked before `new` is promoted: asked again with another loss when that has been read again."""
    return f"Promoting {new} gives up what only {old} had. Loss {loss.said()}: {loss.words}. Name the window that you accept."


def _fence(shop: Shop, snapshot: Snapshot, ladder: Ladder, old: str, new: str) -> Step:
    gate = None
    if ladder.rung is Rung.ATTESTED:
        question = (
            f"The console cannot make sure that {old} is down: {ladder.why()}. Switch it off, or cut it off, then write what you "
            f"did: `I switched off {old} at its console`. If it still takes writes, there will be two copies, and one is thrown "
            "away."
        )
        gate = Gate("attest", question, "--attest")
    arguments = {"why": ladder.why(), "after": ladder.after(new)}
    if ladder.is_chosen:
        arguments["chosen"] = ladder.rung.value
    return fence_step(shop, snapshot, old, ladder.rung, arguments, gate)


def _gate(inventory: Inventory, steps: tuple[Step, ...], ladder: Ladder, old: str, new: str, loss: Loss) -> Gate:
    number = next(number for number, step in enumerate(steps, 1) if step.is_point_of_no_return)
    question = (
        f"Fail over from {old} to {new}: loss {loss.said()}; "
        f"users are back in about {duration(downtime_of(steps, is_out=True))}. "
        f"{old} is fenced by {ladder.said()}. "
        f"After step {number} (promote {new}) there is no way back to {old} but to restore. "
        f"Type the cluster's name ({inventory.cluster.name}) to begin."
    )
    return Gate("name", question, "--approve")
