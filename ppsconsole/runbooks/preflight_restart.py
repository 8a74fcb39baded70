"""What is checked before something is started where it is."""

from ppsconsole.clock import duration
from ppsconsole.cluster.judging import against
from ppsconsole.cluster.snapshot import Member, Node, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.drivers.nginx import REFUSED
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import failing, ok, unseen
from ppsconsole.runbooks.items_access import SUDOERS, denied_said
from ppsconsole.runbooks.items_balancer import accepted
from ppsconsole.runbooks.items_manager import other_manager_at
from ppsconsole.runbooks.situation import WRITABLE_STATES, primaries


def preflight_restart(inventory: Inventory, snapshot: Snapshot, node: Node) -> tuple[Item, ...]:
    """Return everything that is checked before `node` is started."""
    items = [_login(snapshot, node), _disk(inventory, node), _at_boot(node)]
    if node.kind == "database":
        items += [_same_data(snapshot, node), _one_writer(snapshot, node), other_manager_at(node)]
    if node.kind == "balancer":
        items.append(_configuration(inventory, snapshot, node))
    if node.kind == "web":
        items += [_database(snapshot, node), _let_in_again(inventory, snapshot, node)]
    return tuple(items)


def _configuration(inventory: Inventory, snapshot: Snapshot, node: Node) -> Item:
    # It starts by an account that may read more than the console's login.
    is_blocking = node.value("configuration") == REFUSED
    return accepted(inventory, snapshot, (node.name,), "it would not start with it", is_blocking=is_blocking)


def unseen_primaries(snapshot: Snapshot, node: Node) -> tuple[str, ...]:
    """Return the other instances of which nobody knows that they are not the primary by now."""
    others = [each for each in snapshot.of_kind("database") if each.name != node.name and each.role == "unknown"]
    # A server that does not run takes no writes, whatever it was; one that nobody can see may have been promoted.
    return tuple(each.name for each in others if each.value("service") not in ("stopped", "failed"))


def _login(snapshot: Snapshot, node: Node) -> Item:
    if denied := denied_said(snapshot, [node.name]):
        return failing("logins", denied, SUDOERS, is_blocking=True)
    return ok("logins", f"the host of {node.name} lets the console in", is_blocking=True)


def _disk(inventory: Inventory, node: Node) -> Item:
    name, percent = "disk", node.value("host.disk_percent")
    if percent is None:
        return unseen(name, f"the disks of {node.name} are not known")
    verdict = against(percent, inventory.limits.disk_percent)
    if verdict is not Verdict.OK:
        remedy = "A full disk is a common cause of a crash, and it would crash again: make room first"
        return failing(name, f"{percent:.0f}% of the disk is in use", remedy, is_blocking=percent >= 100)
    return ok(name, f"{percent:.0f}% of the disk is in use")


def _at_boot(node: Node) -> Item:
    name, state = "starts-at-boot", node.value("service_enabled")
    if state is None:
        return unseen(name, f"whether {node.name} starts at boot is not known")
    if state != "enabled":
        words = f"{node.name} is disabled: somebody, or an earlier run, wanted it to stay down"
        return failing(name, words, "Make sure that this is over; the restart enables it again")
    return ok(name, f"{node.name} starts at boot")


def _same_data(snapshot: Snapshot, node: Node) -> Item:
    name, own = "same-cluster", node.value("control_system_identifier")
    others = {str(each.value("system_identifier")) for each in snapshot.of_kind("database") if each.value("system_identifier")}
    if own is None or not others:
        return unseen(name, "the system identifiers could not be compared")
    if others != {str(own)}:
        remedy = "Its data directory holds something else: compare the inventory with the host"
        return failing(name, f"{node.name} is {own}, the others are {', '.join(sorted(others))}", remedy, is_blocking=True)
    return ok(name, f"its data directory is of system {own}", is_blocking=True)


def _one_writer(snapshot: Snapshot, node: Node) -> Item:
    name = "one-writer"
    living = [each.name for each in primaries(snapshot) if each.name != node.name]
    state = node.value("control_state")
    if living:
        return ok(name, f'{living[0]} is the primary and {node.name} comes back as a standby ("{state}")', is_blocking=True)
    if state is not None and state not in WRITABLE_STATES:
        return ok(name, f'{node.name} comes back as a standby ("{state}")', is_blocking=True)
    hidden = unseen_primaries(snapshot, node)
    if hidden:
        remedy = "Be sure that it was not promoted meanwhile; you are asked to state it"
        return unseen(name, f"{', '.join(hidden)} cannot be seen and might be a primary by now", remedy, is_blocking=True)
    ahead = [
        each for each in snapshot.of_kind("database") if (each.value("timeline") or 0) > (node.value("control_timeline") or 0)
    ]
    if ahead and node.value("control_timeline") is not None:
        remedy = f"Find out which copy users last worked with; {node.name} may have been left behind by a promotion"
        said = ", ".join(f"{each.name} on {each.value('timeline')}" for each in ahead)
        return failing(name, f"{node.name} is on timeline {node.value('control_timeline')}, {said}", remedy, is_blocking=True)
    return ok(name, "no other instance takes writes", is_blocking=True)


def _database(snapshot: Snapshot, node: Node) -> Item:
    name, target = "database", node.value("points_at")
    database = None if target is None else snapshot.node(str(target))
    if database is None:
        return unseen(name, f"which database {node.name} is set to is not known", is_blocking=True)
    if database.role != "primary":
        remedy = f"Bring {database.name} back first: a web node without its database answers with errors"
        return failing(name, f"{node.name} is set to {database.name}, which does not answer as a primary", remedy)
    return ok(name, f"{node.name} is set to {database.name}, the primary", is_blocking=True)


def _let_in_again(inventory: Inventory, snapshot: Snapshot, node: Node) -> Item:
    """Return whether a balancer goes on turning users away after the web node is back (nginx: max_fails and fail_timeout)."""
    name = "let-in-again"
    late, hidden = [], []
    for balancer in inventory.balancers.values():
        if node.name not in balancer.members.values():
            continue
        door = snapshot.node(balancer.name)
        members: tuple[Member, ...] | None = None if door is None else door.value("members")
        if members is None:
            hidden.append(balancer.name)
        late += [
            (each.shunned_s, f"{balancer.name} does not ask {node.name} for {duration(each.shunned_s)} after {_failures(each)}")
            for each in members or ()
            if each.web_node == node.name and each.state != "down" and each.shunned_s
        ]
    if late:
        longest = duration(max(shunned_s for shunned_s, _ in late))
        words = f"{'; '.join(said for _, said in late)}: users may see HTTP 502 for up to {longest} after the restart"
        remedy = "Wait for it, or set max_fails=0 for this member in nginx and reload: then it is asked at once"
        return failing(name, words, remedy)
    if hidden:
        return unseen(name, f"the members of {', '.join(hidden)} were not seen")
    return ok(name, "no balancer keeps users away once it is back")


def _failures(member: Member) -> str:
    return f"{member.failures} failure{'' if member.failures == 1 else 's'} (max_fails={member.failures})"
