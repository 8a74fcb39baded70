"""Alternate-activate: the cluster is lost, an alternate server serves from an archival copy (the vendor's first procedure)."""

from dataclasses import replace

from ppsconsole.clock import duration, hhmmss, iso
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.proof import Rung
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks import items_alternate as items
from ppsconsole.runbooks.alternate import RUNS, Source, quiet_steps, restore_step, shelf_said, source_of, wanted_alternate
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Background, Brief, Shop, closed
from ppsconsole.runbooks.case import failing, ok, unseen
from ppsconsole.runbooks.costs import downtime_of
from ppsconsole.runbooks.items_per_host import not_with_the_database
from ppsconsole.runbooks.ladder import Ladder, fence_step, ladder_of
from ppsconsole.runbooks.situation import driven, is_reachable, primaries, standbys
from ppsconsole.runbooks.users_text import users_text
from ppsconsole.runbooks.web_side import WebSide, drain_steps, stop_steps


def plan_alternate_activate(brief: Brief) -> Plan:
    """Return the plan that fences the cluster and activates the alternate server `request.node` with the copy of one's choice.

    Raises:
        UsageError: No such alternate server, or none was named.
        Barred: A primary lives, its host is out of reach, it serves already, or there is no copy to serve from.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    driven(inventory)
    alternate, node = wanted_alternate(inventory, snapshot, request)
    _no_primary(snapshot)
    if node.value("service") in RUNS:
        what, remedy = (
            f"the PPS of {alternate.name} runs already",
            f"Look at it: {alternate.url}; or go on with its run: runs resume",
        )
        raise Barred("already-active", what, where=alternate.name, remedy=remedy)
    source = source_of(inventory, snapshot, alternate, node, brief.background, request.bundle, may_be_prepared=True)
    side = _all_aside(inventory, snapshot)
    silent = tuple(each.name for each in snapshot.of_kind("database") if each.role != "standby")
    ladders = {name: ladder_of(inventory, snapshot, side, name, request.fence) for name in silent}
    loss = _loss(snapshot, brief.background, source)
    shop = brief.shop()
    steps = _steps(shop, snapshot, side, ladders, alternate, node, source, loss)
    return brief.plan(
        node=alternate.name,
        steps=steps,
        preflight=_preflight(inventory, snapshot, alternate, node, source, side),
        loss=loss,
        tolerances={
            "age of the copy": duration(max(0.0, snapshot.at - source.taken_at)),
            **shelf_said(inventory, alternate, node, brief.background, source),
        },
        downtime_s=downtime_of(steps, is_out=True),
    )


def _no_primary(snapshot: Snapshot) -> None:
    living = primaries(snapshot)
    if living:
        names = ", ".join(each.name for each in living)
        what = f"{names} takes writes: users who write into a copy beside it write for nothing"
        remedy = "Bring the web nodes back (restart, switchover); an alternate server is for when no database can be brought back"
        raise Barred("primary-alive", what, where=living[0].name, remedy=remedy)


def _all_aside(inventory: Inventory, snapshot: Snapshot) -> WebSide:
    """Return what becomes of the web nodes: none of them serves; those that cannot be reached are not quiet."""
    unreachable = tuple(name for name in inventory.web_nodes if is_reachable(snapshot, name) is False)
    return WebSide((), tuple(name for name in inventory.web_nodes if name not in unreachable), unreachable)


def _loss(snapshot: Snapshot, background: Background, source: Source) -> Loss:
    """Return what serving from the copy gives up: all that was written after it was taken, until nobody could write any more."""
    dead_since = background.history.dead_since
    end = snapshot.at if dead_since is None else dead_since
    said = f"not seen dead before {hhmmss(end)}" if dead_since is None else f"seen dead at {hhmmss(end)}"
    words = f"{source.bundle} was taken {iso(source.taken_at)}; the database group was {said} UTC"
    return Loss(LossTier.BOUNDED, max(0.0, end - source.taken_at), words=words)


def _steps(
    shop: Shop,
    snapshot: Snapshot,
    side: WebSide,
    ladders: dict[str, Ladder],
    alternate: Alternate,
    node: Node,
    source: Source,
    loss: Loss,
) -> tuple[Step, ...]:
    name = alternate.name
    doors = [each for each in shop.inventory.balancers if is_reachable(snapshot, each)]
    question = (
        f"{name} serves {source.said()}: lost is what was written since, {loss.said()} ({loss.words}). Name the window that you "
        "accept."
    )
    take = shop.step(
        "take-copy",
        name,
        f"Put {source.bundle} in the place of {alternate.database.database} on {name}",
        id="take-copy",
        arguments={
            "database": source.database(alternate),
            "bundle": source.bundle,
            "cluster": shop.inventory.cluster.name,
            "taken_at": repr(source.taken_at),
            "version": source.version,
            "system": str(node.value("system_identifier") or "not seen"),
        },
        gate=Gate("accept-loss", question, "--accept-loss"),
    )
    start = shop.step(
        "start", name, f"Activate {name}: start its PPS", needs=("fence",), for_users="Users get in at its address."
    )
    text = users_text(shop.inventory, alternate, source)
    steps = [
        *drain_steps(shop, doors, is_optional=True),
        *stop_steps(shop, side),
        *(_fence(shop, snapshot, ladder, each, alternate) for each, ladder in ladders.items()),
        *quiet_steps(shop, alternate),
        *((restore_step(shop, alternate, node, source),) if source.prepared is None else ()),
        replace(take, host=alternate.database_host, is_markable=False),
        shop.step("enable", name, f"Let {name} start at boot"),
        replace(start, is_point_of_no_return=True, is_markable=False),
        shop.step("verify-alternate", name, f"See that users get in at {alternate.url}", id="verify-alternate"),
        replace(
            shop.step("tell-users", name, f"Tell users: {text[0]}", id="tell-users", arguments={"text": "\n".join(text)}),
            host=None,
            is_undoable=False,
        ),
    ]
    made = closed(steps)
    if made[0].gate is None:
        made = (replace(made[0], gate=_gate(shop.inventory, made, alternate, source, loss)), *made[1:])
    return made


def _fence(shop: Shop, snapshot: Snapshot, ladder: Ladder, old: str, alternate: Alternate) -> Step:
    """Return the step that makes sure that one instance cannot write: there must be no second writer beside the copy (law 1)."""
    rung, gate, below = ladder.rung, None, ladder.next_rung
    if rung is Rung.ATTESTED:
        question = (
            f"The console cannot make sure that {old} is down: {ladder.why()}. Switch it off, or cut it off, then write what you "
            f"did: `I switched off {old} at its console`. If users still write to it, that is never merged with what they write "
            f"to {alternate.name}."
        )
        gate = Gate("attest", question, "--attest")
    after = "There is no rung below a statement: nothing is activated until somebody states it"
    if below is not None:
        after = (
            f"The next rung is {below.value}: abandon this run, then alternate-activate {alternate.name} --fence {below.value}"
        )
    arguments = {"why": ladder.why(), "after": after} | ({"chosen": rung.value} if ladder.is_chosen else {})
    return replace(fence_step(shop, snapshot, old, rung, arguments, gate), id=f"fence-{old}")


def _gate(inventory: Inventory, steps: tuple[Step, ...], alternate: Alternate, source: Source, loss: Loss) -> Gate:
    number = next(number for number, step in enumerate(steps, 1) if step.is_point_of_no_return)
    question = (
        f"Activate {alternate.name} with {source.said()}: loss {loss.said()}; users are back in about "
        f"{duration(downtime_of(steps, is_out=True))}, at {alternate.users_address(inventory.cluster.address)}. "
        f"After step {number} what users write is in the copy: the way back is a restore of it, nothing is merged. "
        f"Type the cluster's name ({inventory.cluster.name}) to begin."
    )
    return Gate("name", question, "--approve")


def _preflight(
    inventory: Inventory, snapshot: Snapshot, alternate: Alternate, node: Node, source: Source, side: WebSide
) -> tuple[Item, ...]:
    return (
        _better_way(snapshot),
        items.quiet(side),
        # Users are out: it is told, and what is refused then is held at its step until it is allowed.
        items.rights(snapshot, (node.name, *side.serving, *side.aside), is_blocking=False),
        items.database(node, snapshot),
        items.version(inventory, snapshot, alternate, node, source, is_urgent=True),
        items.keys(inventory, snapshot, alternate, node, is_restored=source.prepared is None),
        items.archive_key(snapshot, alternate, is_needed=source.prepared is None),
        items.disk(inventory, node),
        items.freshness(alternate, source, snapshot.at),
        _login_check(alternate),
        items.licence(inventory, alternate, is_active=True, running=1 + len(side.unreachable)),
        items.announcement(inventory, alternate),
        *not_with_the_database(inventory, snapshot, alternate, node),
    )


def _better_way(snapshot: Snapshot) -> Item:
    name, usable = "no-better-way", standbys(snapshot)
    if usable:
        best = usable[0].name
        words = f"{best} answers as a standby: a failover loses less than any copy, and users keep their address"
        return failing(name, words, f"failover --to {best}; and whoever promotes {best} later makes a second writer")
    return ok(name, "no standby answers that could be promoted")


def _login_check(alternate: Alternate) -> Item:
    name = "login-check"
    if alternate.account is None:
        remedy = "Declare `account` and `account_password`, a local one with few rights; without it nobody logs in to verify"
        return unseen(name, f"no account is declared for {alternate.name}", remedy)
    return ok(name, f"an account is declared for {alternate.name}")
