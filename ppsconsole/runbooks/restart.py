"""Restart: start what died where it stands, on a host that is well. The cheapest way back, and nothing is lost."""

from dataclasses import replace

from ppsconsole.actions.looks import STANDBY_STATES
from ppsconsole.clock import duration
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import Rung
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Brief, Shop, closed
from ppsconsole.runbooks.costs import downtime_of
from ppsconsole.runbooks.loss import NOTHING_MOVES
from ppsconsole.runbooks.preflight_restart import preflight_restart, unseen_primaries
from ppsconsole.runbooks.request import Request, wanted_node, without_to
from ppsconsole.runbooks.situation import (
    DRIVEN_SERVICES,
    WRITABLE_STATES,
    is_driven,
    is_reachable,
    no_copy_serves,
    one_history,
    primaries,
    service_of,
)
from ppsconsole.runbooks.web_side import verify_steps

_DEAD = ("stopped", "failed")


def plan_restart(brief: Brief) -> Plan:
    """Return the plan that starts the database, web node or balancer `request.node` in place.

    Raises:
        UsageError: No such node, or none that can be restarted.
        Barred: It is healthy or out of reach, or starting it would make a second writer or serve from a standby.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    without_to(request)
    node = _node(inventory, snapshot, request)
    _can_be_started(inventory, snapshot, node)
    # What comes up as a standby takes no writes: beside a copy that serves it does no harm, and the way home may want it.
    if node.kind == "web" or (node.kind == "database" and node.value("control_state") not in STANDBY_STATES):
        no_copy_serves(snapshot)
    if node.kind == "database":
        _no_second_writer(snapshot, node)
    if node.kind == "web":
        _on_a_primary(snapshot, node)
    shop = brief.shop()
    steps = _steps(shop, snapshot, node)
    return brief.plan(
        node=node.name,
        steps=steps,
        preflight=preflight_restart(inventory, snapshot, node),
        loss=NOTHING_MOVES,
        tolerances={
            "service": str(node.value("service") or "unknown"),
            "control file": str(node.value("control_state") or "unknown"),
        },
        downtime_s=_downtime_s(snapshot, node, steps),
    )


def _node(inventory: Inventory, snapshot: Snapshot, request: Request) -> Node:
    names = [*inventory.balancers, *inventory.web_nodes, *inventory.database.instances]
    name = wanted_node(request, names, "database, web node or balancer")
    found = snapshot.node(name)
    if found is None:
        raise Barred("not-looked-at", f"{name} was not looked at", where=name, remedy="Look again: ppsconsole status")
    return found


def is_hung(node: Node) -> bool:
    """Return whether its processes are there and nothing comes back from them: they are stopped, or they do not answer."""
    if node.value("service") == "frozen":
        return True
    silent = node.words == "NO ANSWER"
    return silent and node.value("service") == "running"


def is_dead(node: Node) -> bool:
    """Return whether its host says that its service is not running."""
    return node.value("service") in _DEAD


def _can_be_started(inventory: Inventory, snapshot: Snapshot, node: Node) -> None:
    name = node.name
    if not is_driven(inventory, name):
        service = service_of(inventory, name)
        what = f"no service is declared for {name}" if service is None else f"the console cannot start a {service.kind} yet"
        raise Barred("no-driver", what, where=name, remedy=f"Start it by hand; the console drives: {', '.join(DRIVEN_SERVICES)}")
    if not is_reachable(snapshot, name):
        raise Barred(
            "host-unreachable",
            f"the host of {name} cannot be logged in to ({node.value('host.ssh') or 'not seen'})",
            where=name,
            remedy="Repair the way to it; what cannot be reached cannot be started in place",
        )
    if is_dead(node) or is_hung(node):
        return
    if node.value("service") is None:
        raise Barred(
            "service-unknown", f"the state of {name}'s service is not known", where=name, remedy="Look again: ppsconsole status"
        )
    if node.kind == "web" and node.words.startswith("HTTP 5"):
        target = node.value("points_at")
        remedy = f"Look at its database {target or ''} first, then at its own log".replace("  ", " ")
        raise Barred(
            "cause-elsewhere",
            f"{name} runs and {node.words}: a restart does not bring its database back",
            where=name,
            remedy=remedy,
        )
    what = f"{name} runs ({node.words}): there is nothing to restart"
    rule, remedy = "nothing-to-restart", "restart starts what is stopped, crashed or hung"
    if node.verdict not in (Verdict.OK, Verdict.OFF):
        what = f"the service of {name} runs; that it is {node.words} has another cause"
        rule, remedy = "cause-elsewhere", "Look at the way to it, and at its log"
    raise Barred(rule, what, where=name, remedy=remedy)


def _no_second_writer(snapshot: Snapshot, node: Node) -> None:
    one_history(snapshot)
    others = [each.name for each in primaries(snapshot) if each.name != node.name]
    state = node.value("control_state")
    if others and (state is None or state in WRITABLE_STATES):
        said = "nobody could read its control file" if state is None else f'its control file says "{state}"'
        raise Barred(
            "second-writer",
            f"{others[0]} is the primary: started as it is, {node.name} might be a second one ({said})",
            where=node.name,
            remedy=f"Rejoin {node.name} as a standby of {others[0]}",
        )

    for other in snapshot.of_kind("database"):
        # The control file of a standby never says so: it says "in archive recovery".
        runs = (other.role, other.value("service"), other.value("control_state")) == ("unknown", "running", "in production")
        if runs and other.name != node.name and (state is None or state in WRITABLE_STATES):
            words = f'{other.name} runs, and its control file says "in production": it is a primary that cannot be asked'
            what = f"{words} ({other.words}). Started as it is, {node.name} would be a second one"
            remedy = other.facts["sql"].detail or f"Have {other.name} answer first"
            raise Barred("second-writer", what, where=node.name, remedy=remedy)


def _on_a_primary(snapshot: Snapshot, node: Node) -> None:
    target = node.value("points_at")
    database = None if target is None else snapshot.node(str(target))
    if database is not None and database.role == "standby":
        raise Barred(
            "web-on-standby",
            f"{node.name} is set to use {target}, which is a standby",
            where=node.name,
            remedy=f"Point it at the primary before it is started; a switchover to {target} does both",
        )


def _steps(shop: Shop, snapshot: Snapshot, node: Node) -> tuple[Step, ...]:
    name = node.name
    users = "Users get in again." if _keeps_users_out(snapshot, node) else ""
    steps = _ends(shop, node) if is_hung(node) else []
    is_disabled = node.value("service_enabled") == "disabled" or any(step.verb == "fence" for step in steps)
    if is_disabled:
        steps.append(shop.step("enable", name, f"Let {name} start at boot"))
    steps.append(shop.step("restart-service", name, f"Start {name}", for_users=users))
    steps += _checks(shop, snapshot, node)
    first = replace(steps[0], gate=_gate(shop.inventory, snapshot, node, downtime_of(steps, is_out=True)))
    return closed([first, *steps[1:]])


def _ends(shop: Shop, node: Node) -> list[Step]:
    """Return what ends processes that hang.

    To let them go on is no way back: nobody knows what they did in the meantime, and with whom they are still connected.
    """
    title = f"End what hangs of {node.name}"
    if node.kind == "database":
        # A fast stop does not reach processes that are stopped; whoever ends them has to see that all are gone.
        return [shop.step("fence", node.name, title, id="fence", arguments={"rung": Rung.KEPT_DOWN.value, "kill": "yes"})]
    return [shop.step("stop", node.name, title)]


def _checks(shop: Shop, snapshot: Snapshot, node: Node) -> list[Step]:
    """Return the looks at the world that the node's start has to stand up to."""
    serving = [each.name for each in snapshot.of_kind("web") if each.role == "serving"]
    if node.kind == "database":
        uses = [each for each in serving if _uses(snapshot, each) == node.name]
        return verify_steps(shop, uses, node.name) if uses and was_primary(snapshot, node) else []
    if node.kind == "web":
        found = []
        target = _uses(snapshot, node.name)
        if target is not None:
            title = f"See that {node.name} is connected to {target} and to nothing else"
            found.append(shop.step("check-connections", node.name, title, arguments={"instance": target}))
            if node.role == "serving":
                found += verify_steps(shop, [node.name], target)
        return found
    database = next(iter(primaries(snapshot)), None)
    return verify_steps(shop, serving, database.name) if database is not None and serving else []


def _uses(snapshot: Snapshot, web_node: str) -> str | None:
    node = snapshot.node(web_node)
    target = None if node is None else node.value("points_at")
    return str(target) if target is not None and snapshot.node(str(target)) is not None else None


def was_primary(snapshot: Snapshot, node: Node) -> bool:
    """Return whether a dead instance was the primary: none lives, and its control file does not call it a standby."""
    state = node.value("control_state")
    return not primaries(snapshot) and (state is None or state in WRITABLE_STATES)


def _keeps_users_out(snapshot: Snapshot, node: Node) -> bool:
    if node.kind == "database":
        return was_primary(snapshot, node)
    return node.kind == "balancer" or node.role == "serving"


def _downtime_s(snapshot: Snapshot, node: Node, steps: tuple[Step, ...]) -> float:
    return downtime_of(steps, is_out=True) if _keeps_users_out(snapshot, node) else 0.0


def _gate(inventory: Inventory, snapshot: Snapshot, node: Node, takes_s: float) -> Gate:
    hidden = unseen_primaries(snapshot, node) if node.kind == "database" and was_primary(snapshot, node) else ()
    if hidden:
        question = (
            f"{', '.join(hidden)} cannot be seen. Had it been promoted, starting {node.name} would make two primaries. "
            "Write how you know that it was not."
        )
        return Gate("attest", question, "--attest")
    what = "End and start" if is_hung(node) else "Start"
    what = "It is disabled: somebody wanted it down. Enable and start" if node.value("service_enabled") == "disabled" else what
    question = f"{what} {node.name} of {inventory.cluster.name} where it is? It takes about {duration(takes_s)}; nothing is lost."
    return Gate("confirm", question, "--approve")
