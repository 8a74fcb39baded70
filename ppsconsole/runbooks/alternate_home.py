"""Alternate-home: a site is back, and what users wrote on the alternate server meanwhile is brought home to a database group.

- It is a restore whose source is the alternate server: its PPS is stopped and kept from starting, its database is written to its
  archive as a bundle like any other, that bundle is restored beside the database of the instance that becomes the primary, every
  table is compared, and both are renamed. The bundle is kept as well, and the alternate server can be prepared with it again.
- There is never a second place that takes users' writes (law 1): the web nodes are stopped and kept down before users leave the
  alternate server, and they start again only with the proof that neither it nor any of them runs.
- Where no primary lives, a standby that answers can take them too: it is promoted with that proof, and what it has is kept.
- Nothing is merged (law 5). What the old primary had and the copy had not is kept in its old database, `pps_before_RUN`, and
  told table by table where the bundle is still there that the alternate server was activated from.

Until users are let in everything can be put back: then they go on on the alternate server.
"""

from dataclasses import replace

from ppsconsole.actions.looks import STANDBY_STATES
from ppsconsole.clock import duration
from ppsconsole.cluster.copies import Copy
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.errors import UsageError
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.proof import Rung
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks import items_access, items_balancer, items_copy, items_product
from ppsconsole.runbooks import items_alternate as items
from ppsconsole.runbooks import items_settings as settings
from ppsconsole.runbooks import items_stream as stream
from ppsconsole.runbooks.alternate import RUNS, Source, quiet_steps, wanted_alternate
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Background, Brief, Shop, closed
from ppsconsole.runbooks.case import Case, failing, ok
from ppsconsole.runbooks.copy_costs import HOME, basis_said, sized
from ppsconsole.runbooks.costs import downtime_of
from ppsconsole.runbooks.request import named_instance
from ppsconsole.runbooks.restore import restore_target
from ppsconsole.runbooks.situation import WRITABLE_STATES, driven, is_reachable, one_history, primaries, standbys
from ppsconsole.runbooks.users_text import home_text
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

_UNMARKABLE = ("check-home", "start-apart", "back-up", "restore-home", "swap-database")
"""Nobody may say that these are done: what they show is what the next one rests on."""


def plan_alternate_home(brief: Brief) -> Plan:
    """Return the plan that brings what the alternate server `request.node` holds home to `request.to`, else to the one that can.

    Raises:
        UsageError: No such alternate server or instance, none was named, or a choice is left open.
        Barred: The alternate server does not serve, several instances take writes, or none can take the data.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    driven(inventory)
    if request.bundle:
        raise UsageError("alternate-home takes no --bundle: it brings home what is there now", remedy="Leave it out")
    alternate, node = wanted_alternate(inventory, snapshot, replace(request, to=""))
    if node.value("service") not in RUNS:
        what = f"the PPS of {alternate.name} does not run: nobody works on it, and what it has may be older than what is at home"
        remedy = f"Where its data are the ones to keep, start its PPS on {alternate.host} first; else there is nothing to bring"
        raise Barred("not-active", what, where=alternate.name, remedy=remedy)
    one_history(snapshot)
    target = _target(inventory, snapshot, alternate.name, request.to)
    side = web_side(inventory, snapshot, target.name, alternate.name)
    shop = brief.shop()
    background = _with_size(brief.background, alternate, node)
    steps = sized(_steps(shop, snapshot, side, alternate, node, target), alternate.name, background)
    downtime_s = downtime_of(steps, is_out=False)
    outage = f"{duration(downtime_s)} ({basis_said(alternate.name, background, HOME)})"
    steps = (replace(steps[0], gate=_gate(inventory, steps, alternate, target.name, outage)), *steps[1:])
    words = f"every table is compared before it is used; what only {target.name} has is kept, and not merged"
    return brief.plan(
        node=alternate.name,
        to=target.name,
        steps=steps,
        preflight=_preflight(Case(inventory, snapshot, background, node, target, side, request), alternate),
        loss=Loss(LossTier.NONE, words=words),
        tolerances={f"position of {target.name}": str(target.value("lsn") or target.value("control_checkpoint") or "unknown")},
        downtime_s=downtime_s,
    )


def _target(inventory: Inventory, snapshot: Snapshot, alternate: str, wanted: str) -> Node:
    """Return the instance that the data come home to: the one that is wanted, the primary, the only one that was one, a standby.

    A standby that answers is as good as an old primary where no primary lives: by then nobody writes anywhere, so it can be
    promoted with the proof of that. What has no database at all cannot be made ready here: roles, rules and settings of a server
    are no part of a bundle, and nobody else knows them.

    Raises:
        UsageError: No such instance, or several could be meant.
        Barred: None can take the data, or the one that is wanted cannot.
    """
    living = primaries(snapshot)
    found = [node for node in snapshot.of_kind("database") if node.value("control_state") in WRITABLE_STATES]
    following = standbys(snapshot) if inventory.database.replication == "streaming" else ()
    names = [named_instance(inventory, wanted)] if wanted else [node.name for node in living or found or following]
    if len(names) > 1:
        what = f"several instances could take the data home: {', '.join(names)}"
        raise UsageError(what, remedy="Say which one: --to NODE; take the one that was the primary last")
    if not names:
        what = "no instance is there that is a primary or a standby that answers, or would come up as a primary"
        raise Barred("no-target", what, where="database", remedy=_way_to_a_target(inventory, snapshot, alternate))
    node = snapshot.node(names[0])
    if living and living[0].name != names[0]:
        if node is not None and node.role == "standby":
            what = f"{node.name} is a standby, and takes no data of its own"
            remedy = f"Bring the data home to the primary that it follows: alternate-home {alternate} --to {living[0].name}"
            raise Barred("is-standby", what, where=node.name, remedy=remedy)
        what = f"{living[0].name} answers as the primary: {names[0]} beside it would be a second one"
        raise Barred("other-primary", what, where=names[0], remedy=f"alternate-home {alternate} --to {living[0].name}")
    if node in following:
        return node
    if node is not None and node.value("control_state") in STANDBY_STATES and is_reachable(snapshot, node.name):
        what = f"{node.name} is a standby that is down: it would not come up as a server of its own"
        raise Barred("target-no-primary", what, where=node.name, remedy=_started(alternate, node.name))
    return restore_target(inventory, snapshot, names[0])


def _started(alternate: str, name: str) -> str:
    return f"Start it, it writes nothing: ppsconsole run restart {name}; then alternate-home {alternate} --to {name} promotes it"


def _way_to_a_target(inventory: Inventory, snapshot: Snapshot, alternate: str) -> str:
    """Return what to do where nothing at home can take the data; users stay where they are meanwhile."""
    nodes = snapshot.of_kind("database")
    down = [node.name for node in nodes if node.value("control_state") in STANDBY_STATES]
    if down:
        return _started(alternate, down[0])
    empty = [node.name for node in nodes if is_reachable(snapshot, node.name)]
    if empty:
        name, database = empty[0], inventory.database.database
        return (
            f"The host of {name} answers and has no database that could be read. Make a server there by hand as it was: initdb, "
            f"its settings, pg_hba.conf, all roles, and an empty one, CREATE DATABASE {database}; start it as a primary, then: "
            f"ppsconsole run alternate-home {alternate} --to {name}. Users stay where they are meanwhile"
        )
    return "Bring the host of an old primary or of a standby back first, then look again; users stay where they are meanwhile"


def _steps(shop: Shop, snapshot: Snapshot, side: WebSide, alternate: Alternate, node: Node, target: Node) -> tuple[Step, ...]:
    old, new, is_down = alternate.name, target.name, target.role not in ("primary", "standby")
    there = {"source": old, "archive": alternate.archive}
    looked = {**there, "promoted": "yes"} if target.role == "standby" else there
    steps = [shop.step("check-home", new, f"See that what {old} has can be brought to {new}", id="check-home", arguments=looked)]
    if is_down and target.value("control_state") != "shut down":
        recover = f"Have {new} recover from its crash, while nobody can connect to it"
        steps.append(replace(shop.step("recover", new, recover, id="recover"), is_undoable=False))
    steps += _quiet(shop, snapshot, side, alternate)
    if is_down:
        title = f"Start {new} as a server of its own; nobody uses it"
        steps.append(shop.step("start-apart", new, title, id="start-apart"))
    if target.role == "standby":
        title = f"Promote {new}, which no web node uses: it becomes a server of its own"
        # Users are let in much later: until then all that matters to them can be put back, and it stays promoted.
        steps.append(replace(shop.step("promote", new, title, id="promote"), is_point_of_no_return=False, is_undoable=False))
    version = str(node.value("product_version") or "")
    backup = shop.step(
        "back-up",
        alternate.archive,
        f"Write what {old} has as a bundle to {alternate.archive}: it is kept",
        id="back-up",
        arguments={"source": old, "pps_version": version},
    )
    steps += [
        replace(backup, host=shop.inventory.backups[alternate.archive].host or alternate.database_host),
        shop.step(
            "restore-home",
            new,
            f"Restore it on {new} beside the old database, and compare every table",
            id="restore-home",
            arguments=there,
        ),
        shop.step("swap-database", new, f"Put it in the place of the old database of {new}, which is kept", id="swap-database"),
    ]
    begins = [*serve_steps(shop, side, new), *move_steps(shop, side), *verify_steps(shop, side.serving, new)]
    text = home_text(shop.inventory, alternate)
    tell = shop.step("tell-users", old, f"Tell users: {text[0]}", id="tell-users", arguments={"text": "\n".join(text)})
    kept = shop.step(
        "tell-kept",
        new,
        f"See what only {new} had: it is kept, and not merged",
        id="tell-kept",
        arguments={"archive": alternate.archive, "bundle": _activated_with(alternate, node)},
        is_optional=True,
    )
    begins += [replace(tell, host=None), *after_steps(shop, side, new), kept]
    return closed([_bound_to_proof(each, old) for each in (*steps, *_with_return(begins))])


def _quiet(shop: Shop, snapshot: Snapshot, side: WebSide, alternate: Alternate) -> list[Step]:
    """Return the steps after which nobody writes anywhere: first at home, where nobody should, then on the alternate server."""
    at_home = [*drain_steps(shop, shop.inventory.balancers, is_optional=False), *stop_steps(shop, side, is_all_disabled=True)]
    if all(each.value("http") is None for each in snapshot.of_kind("web")):
        at_home = [replace(each, for_users="") for each in at_home]  # they are on the alternate server, and stay there
    stop, disable = quiet_steps(shop, alternate)
    arguments = {"rung": Rung.QUIESCED.value, "after": "Stop and disable what still runs by hand"}
    gate, away = None, ", ".join(side.unreachable)
    if away:
        arguments["stated"] = " ".join(side.unreachable)
        question = (
            f"The console cannot see {away}, and what is not seen is not quiet. Make sure that nobody writes through it, then "
            "write what you did: `I switched off its machine`. What users wrote there meanwhile is never merged."
        )
        gate = Gate("attest", question, "--attest")
    fence = shop.step(
        "fence",
        alternate.name,
        f"See that neither {alternate.name} nor a web node runs or starts any more",
        id="fence-writers",
        arguments=arguments,
        gate=gate,
    )
    users = "Users are logged out: nothing can be read or written from here on."
    return [*at_home, replace(stop, for_users=users), disable, replace(fence, is_undoable=False)]


def _bound_to_proof(step: Step, old: str) -> Step:
    """Return a step with what it may not go without: what makes or uses a second writable copy wants the proof (law 1)."""
    arguments = {**step.arguments, "primary": old}
    if step.verb in ("start-apart", "promote", "swap-database") or (step.verb == "start" and step.node != old):
        return replace(step, needs=("fence",), is_markable=False, arguments=arguments)
    if step.is_point_of_no_return:
        return replace(step, arguments=arguments)
    return replace(step, is_markable=False) if step.verb in _UNMARKABLE else step


def _with_return(steps: list[Step]) -> list[Step]:
    """Return the steps with the point of no return where users can write at home for the first time."""
    verbs = [step.verb for step in steps]
    at = verbs.index("move-members") if "move-members" in verbs else verbs.index("start") if "start" in verbs else -1
    return [replace(step, is_point_of_no_return=True) if number == at else step for number, step in enumerate(steps)]


def _with_size(background: Background, alternate: Alternate, node: Node) -> Background:
    """Return what is known, with the size of the database that it serves from, as it was seen."""
    copies: tuple[Copy, ...] = node.value("copies") or ()
    total = next((each.size_bytes for each in copies if each.database == alternate.database.database), 0)
    return replace(background, sizes={**background.sizes, alternate.name: total}) if total else background


def _activated_with(alternate: Alternate, node: Node) -> str:
    """Return the bundle that it was activated from; empty where nobody can tell."""
    copies: tuple[Copy, ...] = node.value("copies") or ()
    return next((each.bundle for each in copies if each.database == alternate.database.database), "")


def _gate(inventory: Inventory, steps: tuple[Step, ...], alternate: Alternate, new: str, outage: str) -> Gate:
    number = next((number for number, step in enumerate(steps, 1) if step.is_point_of_no_return), len(steps))
    question = (
        f"Bring what {alternate.name} has home to {new}: users are kept out for about {outage}, "
        f"and come back to {inventory.cluster.address or 'the old address'}. Both databases are kept; what only {new} "
        f"has is not merged. {alternate.name} stays down afterwards. After step {number} the way back is a restore. "
        f"Type the cluster's name ({inventory.cluster.name}) to begin."
    )
    return Gate("name", question, "--approve")


def _preflight(case: Case, alternate: Alternate) -> tuple[Item, ...]:
    node, version = case.old, str(case.old.value("product_version") or "")
    source = Source(f"of {alternate.name}", case.snapshot.at, version)
    promoted = (stream.replay, settings.synchronous, settings.writable) if case.new.role == "standby" else ()
    return (
        items.database(node, case.snapshot),
        items_copy.target(case),
        *(check(case) for check in promoted),
        items_copy.outage(case, HOME),
        _known_bundle(alternate, node, case.new.name),
        items.quiet(case.side),
        items_access.web_nodes(case),
        items_access.web_switch(case),
        items_balancer.configuration(case),
        items_access.logins(replace(case, side=replace(case.side, unreachable=()))),
        items_access.services(case),
        _own_login(case),
        items_copy.versions(case),
        items.version(case.inventory, case.snapshot, alternate, node, source, is_urgent=True),
        items.keys(case.inventory, case.snapshot, alternate, node, is_restored=False),
        items.archive_key(case.snapshot, alternate, is_needed=True),
        items_access.disk(case),
        items_product.login_check(case),
        items_copy.left_behind(case),
        items.announcement(case.inventory, alternate, is_home=True),
        items.licence(case.inventory, alternate, is_active=False, running=len(case.side.serving) + len(case.side.unreachable)),
    )


def _own_login(case: Case) -> Item:
    name, new = "dump-logins", case.new.name
    if new not in case.inventory.database.instances[new].dumps:
        remedy = "Declare it as `host=... user=... passfile=...`; see `dumps` in sample-inventory.yaml"
        return failing(name, f"not declared: dumps.{new} of {new}", remedy, is_blocking=True)
    return ok(name, f"the programs on the host of {new} can log in to it; the run tries it first", is_blocking=True)


def _known_bundle(alternate: Alternate, node: Node, new: str) -> Item:
    """Return whether it can be told afterwards what only the old primary had."""
    name, bundle = "not-merged", _activated_with(alternate, node)
    kept = f"what {new} has stays there, in a database of another name"
    if not bundle:
        words = f"{kept}; which bundle {alternate.name} was activated from is not known, so what differs cannot be told"
        return failing(name, words, "Compare the two databases by hand afterwards")
    return ok(name, f"{kept}; it is compared with {bundle}, which {alternate.name} was activated from, and what differs is told")
