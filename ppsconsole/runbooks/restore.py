"""Restore, the vendor's scenario 1: the database is copied back onto a primary of one's choice, and compared before it is used.

The vendor's words: "disabling Pleasant Password Server, backing up the database from the secondary server, restoring it to the
primary, and then re-enabling Pleasant Password Server". What that is for here, and what not:

- The *source* is the primary that users work on: an independent server, or a standby that was promoted when the old primary was
  lost. The *target* is a server of its own: it answers as a primary beside the source, or it is down and its data directory is a
  primary's (an old primary in quarantine, a fresh server of a group that does not replicate). So this is also the way out of two
  histories: what the target has stays as a database of another name, nothing is merged (law 5).
- A target that is a standby of the source is refused: it has everything already, and a switchover moves the service without loss
  and in a second. An old primary that is to *follow* again is rejoined.
- The safety copy of the target is its own database, kept under the name `pps_before_RUN` on the same server: exact, and without a
  second copy's time while users are out. The source's database is kept where it is, in a server that is stopped, kept down and
  in quarantine before the copy is put in use: there is never a second writer (law 1), and the engine has the proof of it.
- What only the target's log has is kept and listed before the target is started, where both have one history (law 5).

Until users are let in again everything can be put back: renamed back, the source started, the web nodes pointed at it. From then
on the way back is another restore.
"""

from dataclasses import replace

from ppsconsole.clock import duration
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import Rung
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Brief, Shop, closed
from ppsconsole.runbooks.case import Case, tolerances_of
from ppsconsole.runbooks.copy_costs import basis_said, sized
from ppsconsole.runbooks.costs import downtime_of
from ppsconsole.runbooks.preflight import preflight_restore
from ppsconsole.runbooks.request import named_instance
from ppsconsole.runbooks.salvage import keep_step
from ppsconsole.runbooks.situation import WRITABLE_STATES, driven, is_driven, is_reachable, primaries
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

_UNMARKABLE = ("start-apart", "close-database", "dump-database", "restore-database", "compare-databases", "swap-database")
"""Nobody may say that these are done: what they show is what the next one rests on."""


def plan_restore(brief: Brief) -> Plan:
    """Return the plan that copies the database of `request.node`, else of the one primary, onto the instance `request.to`.

    Raises:
        UsageError: The request names what does not exist, or leaves a choice open.
        Barred: There is no primary to copy from, or the target is no server of its own.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    driven(inventory)
    if not request.to:
        names = ", ".join(inventory.database.instances)
        raise UsageError("restore needs --to NODE: the instance that becomes the primary", remedy=f"One of: {names}")
    to = named_instance(inventory, request.to)
    source = _source(inventory, snapshot, request.node, to)
    target = restore_target(inventory, snapshot, to)
    side = web_side(inventory, snapshot, to, source.name)
    shop = brief.shop()
    steps = sized(_steps(shop, side, source, target), source.name, brief.background)
    downtime_s, basis = downtime_of(steps, is_out=False), basis_said(source.name, brief.background)
    steps = (replace(steps[0], gate=_gate(inventory, steps, source.name, to, f"{duration(downtime_s)} ({basis})")), *steps[1:])
    case = Case(inventory, snapshot, brief.background, source, target, side, request)
    return brief.plan(
        node=source.name,
        to=to,
        steps=steps,
        preflight=preflight_restore(case),
        loss=Loss(LossTier.NONE, words=f"every table is compared before it is used; what only {to} has is kept, and not merged"),
        tolerances=tolerances_of(case),
        downtime_s=downtime_s,
    )


def _source(inventory: Inventory, snapshot: Snapshot, name: str, to: str) -> Node:
    """Return the primary whose data are copied."""
    if name and named_instance(inventory, name) == to:
        raise UsageError(f"{to} cannot be restored from itself", remedy="Name the instance that has the data to keep")
    found = [node for node in primaries(snapshot) if node.name != to and name in ("", node.name)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(node.name for node in found)
        raise UsageError(f"several instances have data to restore from: {names}", remedy="Say which one: --from NODE")
    who = f"{name} does not answer as a primary" if name else f"no other instance than {to} answers as a primary"
    remedy = "Bring the one with the current data back first, or restore a backup"
    raise Barred("no-source", f"{who}: there is nothing to copy from", where=name or "database", remedy=remedy)


def restore_target(inventory: Inventory, snapshot: Snapshot, name: str) -> Node:
    """Return the server that is restored to: one that is a server of its own, or would come up as one.

    Raises:
        Barred: It is none, or nothing can be done on its host.
    """
    node, instance = snapshot.node(name), inventory.database.instances[name]
    if instance.data_directory is None:
        raise Barred("no-data-directory", f"no data_directory is declared for {name}", where=name, remedy="Declare it")
    if node is None or not is_reachable(snapshot, name):
        what = f"the host of {name} cannot be logged in to"
        raise Barred("host-unreachable", what, where=name, remedy="Repair the way to it: the copy is made there")
    if node.role == "primary":
        return node
    if node.role == "standby":
        what = f"{name} is a standby: it has no database of its own to restore"
        raise Barred("is-standby", what, where=name, remedy=f"switchover --to {name} moves the service without loss")
    if (node.value("service"), node.value("sql")) == ("running", "bad-answer"):
        database = inventory.database.database
        what = f"{name} runs, and the console does not get into {database} there: {node.facts['sql'].detail or 'no reason given'}"
        remedy = f"On a new server make roles and an empty one first: CREATE DATABASE {database}; it is kept under another name"
        raise Barred("no-database", what, where=name, remedy=remedy)
    if node.value("service") not in ("stopped", "failed"):
        what = f"{name} neither answers nor is it down: its service is {node.value('service') or 'not seen'}"
        raise Barred("target-unclear", what, where=name, remedy=f"Stop it first: fence {name}")
    if node.value("control_state") not in WRITABLE_STATES:
        what = (
            f"{name} would not come up as a server of its own: {node.value('control_state') or 'its control file was not read'}"
        )
        remedy = f"Where it was a standby, start it (restart {name}), then switchover --to {name}"
        raise Barred("target-no-primary", what, where=name, remedy=remedy)
    if not is_driven(inventory, name):
        raise Barred("no-service", f"the console cannot start {name}", where=name, remedy="Declare its service, or start it")
    return node


def _steps(shop: Shop, side: WebSide, source: Node, target: Node) -> tuple[Step, ...]:
    old, new, copied = source.name, target.name, {"source": source.name}
    before = [shop.step("check-copy", new, f"See that {old} can be copied to {new}", id="check-copy", arguments=copied)]
    if _is_forked(source, target):
        before.append(keep_step(shop, new, old))
    if target.role != "primary" and target.value("control_state") != "shut down":
        # Behind what keeps its log: a server for one user, whom nobody can connect to, and no time while users are out.
        recover = f"Have {new} recover from its crash, while nobody can connect to it"
        before.append(replace(shop.step("recover", new, recover, id="recover"), is_undoable=False))
    quiet = {"rung": Rung.QUIESCED.value, "after": "Stop and disable what still runs by hand"}
    ends = [
        *drain_steps(shop, shop.inventory.balancers, is_optional=False),
        *stop_steps(shop, side, is_all_disabled=True),
        replace(
            shop.step("fence", old, "See that no web node runs or starts any more", id="fence-writers", arguments=quiet),
            is_undoable=False,
        ),
        shop.step("close-database", old, f"Close the database of {old} for writers", id="close-database"),
    ]
    if target.role != "primary":
        start = f"Start {new} as a server of its own; nobody uses it"
        ends.append(shop.step("start-apart", new, start, id="start-apart", arguments={"primary": old}, needs=("fence",)))
    copies = [
        shop.step("dump-database", new, f"Dump {old} under one snapshot", id="dump-database", arguments=copied),
        shop.step("restore-database", new, f"Restore it on {new} beside the old one", id="restore-database", arguments=copied),
        shop.step("compare-databases", new, "Compare counts and hashes of every table", id="compare-databases", arguments=copied),
        shop.step("fence", old, f"Stop {old} and keep it down: its database is kept", id="fence", arguments=_kept_down(old)),
        shop.step(
            "swap-database",
            new,
            f"Put the copy in the place of the old database of {new}, which is kept",
            id="swap-database",
            arguments={"primary": old},
            needs=("fence",),
        ),
    ]
    begins = [
        *serve_steps(shop, side, new),
        *move_steps(shop, side),
        *verify_steps(shop, side.serving, new),
        *after_steps(shop, side, new),
        shop.step("quarantine", old, f"Put {old} into quarantine until it is rejoined", id="quarantine", is_optional=True),
        shop.step("remove-dump", new, f"Remove the dump on {new}", id="remove-dump", is_optional=True),
    ]
    steps = [each if each.verb not in _UNMARKABLE else replace(each, is_markable=False) for each in (*before, *ends, *copies)]
    return closed([*steps, *_with_return(begins, old)])


def _kept_down(old: str) -> dict[str, str]:
    return {"rung": Rung.KEPT_DOWN.value, "after": f"Switch the machine of {old} off by hand: nothing else holds it"}


def _with_return(steps: list[Step], old: str) -> list[Step]:
    """Return the steps with the point of no return where users can write to the copy for the first time."""
    verbs = [step.verb for step in steps]
    at = verbs.index("move-members") if "move-members" in verbs else verbs.index("start")
    point = replace(steps[at], is_point_of_no_return=True, arguments={**steps[at].arguments, "primary": old})
    return [*steps[:at], point, *steps[at + 1 :]]


def _is_forked(source: Node, target: Node) -> bool:
    """Return whether the target is down with log that the source left behind when it was promoted."""
    ours, theirs = target.value("control_system_identifier"), source.value("system_identifier")
    old, new = target.value("control_timeline"), source.value("timeline")
    return target.role != "primary" and ours is not None and ours == theirs and None not in (old, new) and old < new


def _gate(inventory: Inventory, steps: tuple[Step, ...], old: str, new: str, outage: str) -> Gate:
    """Return the one question, asked before anything is touched; `outage` says how long users are out, and who says so."""
    number = next(number for number, step in enumerate(steps, 1) if step.is_point_of_no_return)
    question = (
        f"Restore the data of {old} on {new}: all web nodes are stopped, and users are kept out for about {outage}. "
        f"Both old databases are kept; what only {new} has is not merged. "
        f"{old} stays down afterwards. After step {number} the way back is another restore. "
        f"Type the cluster's name ({inventory.cluster.name}) to begin."
    )
    return Gate("name", question, "--approve")
