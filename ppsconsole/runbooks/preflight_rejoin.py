"""What is checked before an instance becomes a standby again."""

from ppsconsole.cluster.judging import size
from ppsconsole.cluster.remnant import Remnant
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import failing, ok, settings_of, unseen
from ppsconsole.runbooks.items_access import SUDOERS, denied_said
from ppsconsole.runbooks.items_manager import other_manager_at
from ppsconsole.runbooks.rejoin_way import SPARE_BYTES, Decision, has_diverged, has_lost_writes


def preflight_rejoin(
    inventory: Inventory, snapshot: Snapshot, node: Node, source: Node, found: Remnant, decision: Decision
) -> tuple[Item, ...]:
    """Return everything that is checked before `node` becomes a standby of `source`."""
    return (
        _login(snapshot, node),
        _one_primary(node, source),
        _way(decision),
        _is_down(node),
        _owner(node, found),
        _versions(node, found),
        _way_there(inventory, node, source, found),
        _lost_writes(node, found, decision),
        _room_for_senders(node, source),
        _room(node, found, decision),
        _log_place(node, found, decision),
        other_manager_at(node),
    )


def _login(snapshot: Snapshot, node: Node) -> Item:
    if denied := denied_said(snapshot, [node.name]):
        return failing("logins", denied, SUDOERS, is_blocking=True)
    return ok("logins", f"the host of {node.name} lets the console in", is_blocking=True)


def _one_primary(node: Node, source: Node) -> Item:
    words = f"{source.name} is the primary on timeline {source.value('timeline')}; {node.name} takes no writes"
    return ok("one-primary", words, is_blocking=True)


def _way(decision: Decision) -> Item:
    chosen = ", chosen by the operator" if decision.is_chosen else ""
    return ok("way", f"{decision.way}{chosen}: {decision.why}", is_blocking=True)


def _is_down(node: Node) -> Item:
    if node.role == "standby":
        return ok("is-down", f"{node.name} runs as a standby that does not follow, and is stopped first", is_blocking=True)
    mark = node.value("quarantine")
    return ok("is-down", f"{node.name} is down{' and in quarantine' if mark else ''}", is_blocking=True)


def _owner(node: Node, found: Remnant) -> Item:
    name = "account"
    if not found.has_directory:
        return unseen(name, f"there is no data directory of {node.name} whose owner could be looked at", "ls -ld on its host")
    if not found.is_owner:
        remedy = "Let the console log in there by the account that the server runs under: PostgreSQL's programs refuse any other"
        return failing(name, f"the console's login does not own the data directory of {node.name}", remedy, is_blocking=True)
    return ok(name, f"the console's login owns the data directory of {node.name}", is_blocking=True)


def _versions(node: Node, found: Remnant) -> Item:
    name = "same-version"
    if not found.programs_major or not found.source_major:
        return unseen(name, f"the versions of {node.name} and {found.source} could not be compared", is_blocking=True)
    majors = {found.programs_major, found.source_major, *((found.major,) if found.major else ())}
    if len(majors) > 1:
        data = f", its data are of {found.major}" if found.major else ""
        words = f"{node.name} has programs of PostgreSQL {found.programs_major}{data}; {found.source} runs {found.source_major}"
        return failing(name, words, f"Install PostgreSQL {found.source_major} on the host of {node.name}", is_blocking=True)
    return ok(name, f"both are PostgreSQL {found.source_major}", is_blocking=True)


def _way_there(inventory: Inventory, node: Node, source: Node, found: Remnant) -> Item:
    name = "way-to-primary"
    if found.way_there is None:
        declared = "" if source.name in inventory.database.instances[node.name].upstreams else ", and none is declared"
        why = f": {found.way_untried}" if found.way_untried else ""
        words = f"whether {source.name} can be reached from the host of {node.name} was not tried{declared}{why}"
        remedy = f"Declare `upstreams` of {node.name}, with a passfile; a step tries the way before anything is changed"
        return unseen(name, words, remedy)
    if found.way_there:
        remedy = f"On {source.name}: pg_hba.conf and the role's REPLICATION; on {node.name}: the passfile that `upstreams` names"
        words = f"{node.name} cannot replicate from {source.name}: {found.way_there}"
        return failing(name, words, remedy, is_blocking=True)
    return ok(name, f"{node.name} gets to {source.name} with the right to replicate", is_blocking=True)


def _lost_writes(node: Node, found: Remnant, decision: Decision) -> Item:
    name = "lost-writes"
    if has_lost_writes(found):
        return ok(name, f"what only {node.name} has is kept and listed before anything is changed")
    if found.half_rewound:
        return ok(name, f"what only {node.name} had was kept and listed by run {found.half_rewound}, before it began to rewind")
    if decision.way == "follow" or (found.fork_lsn and not has_diverged(found)):
        return ok(name, f"{node.name} has nothing that {found.source} has not")
    words = f"what only {node.name} has cannot be listed: its log from the fork on is not there, or cannot be compared"
    return failing(name, words, "Its whole data directory is set aside, and nothing of it is deleted: look for it there")


def _room_for_senders(node: Node, source: Node) -> Item:
    name, settings = "room-for-standbys", settings_of(source)
    slots, senders = settings.get("max_replication_slots", ""), settings.get("max_wal_senders", "")
    if not slots.isdigit() or not senders.isdigit():
        return unseen(name, f"how many standbys {source.name} has room for is not known")
    free = {
        "max_replication_slots": int(slots) - len(source.value("slots") or ()),
        # A copy takes two: one for the files, one for the log that is written meanwhile.
        "max_wal_senders": int(senders) - len(source.value("replicas") or ()) - 1,
    }
    short = [each for each, left in free.items() if left < 1]
    if short:
        words = f"{', '.join(short)} of {source.name} is used up: {node.name} could not follow"
        return failing(name, words, f"Raise it on {source.name} and restart that, or drop a slot that nobody uses")
    return ok(name, f"{source.name} has room for {node.name}")


def _room(node: Node, found: Remnant, decision: Decision) -> Item:
    name = "disk"
    if found.free_bytes is None:
        return unseen(name, f"how much is free beside the data directory of {node.name} is not known")
    free = f"{size(found.free_bytes)} are free beside the data directory of {node.name}"
    if decision.way != "re-clone":
        return ok(name, free)
    if found.source_bytes is None:
        return unseen(name, f"{free}; how much the primary takes is not known")
    return ok(name, f"{free}, and {size(found.source_bytes + SPARE_BYTES)} are needed")


def _log_place(node: Node, found: Remnant, decision: Decision) -> Item:
    name = "log-place"
    if found.wal_apart and decision.way == "re-clone":
        remedy = f"Move pg_wal back to {found.wal_apart} afterwards, while {node.name} is stopped"
        return failing(name, f"the log of {node.name} lies in {found.wal_apart}; a copy has it inside its directory", remedy)
    return ok(name, f"the log of {node.name} lies {f'in {found.wal_apart}' if found.wal_apart else 'in its data directory'}")
