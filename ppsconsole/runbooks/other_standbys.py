"""The other standbys of a group: who goes along with the new primary by itself, who is told to follow it, and who cannot."""

from collections.abc import Mapping
from dataclasses import dataclass

from ppsconsole.cluster.database import TAKES_PRIMARY_BY_RELOAD, lsn_number
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.building import Shop
from ppsconsole.runbooks.case import Case, failing, ok
from ppsconsole.runbooks.situation import is_reachable, standbys
from ppsconsole.runbooks.snapshot import held_snapshot


@dataclass(frozen=True, slots=True)
class Other:
    """A standby beside the new primary.

    Attributes:
        upstream: Whom it streams from and stays behind: the new primary, or a standby that stays one; empty where it has to be
            told to follow the new primary.
        lack: Why it cannot be told, or cannot follow; empty when nothing is seen against it.
        is_left: No step is made for it.
    """

    name: str
    upstream: str = ""
    lack: str = ""
    is_left: bool = False


def others_of(inventory: Inventory, snapshot: Snapshot, old: str, new: str) -> tuple[Other, ...]:
    """Return the standbys beside `old` and `new`, those that go on behind another one after it; snapshot copies follow nobody."""
    declared = inventory.database.instances.keys() - {old, new}
    beside = {
        node.name: node
        for node in snapshot.of_kind("database")
        if node.name in declared and held_snapshot(node) is None and inventory.database.replication == "streaming"
    }
    answering = {node.name for node in standbys(snapshot)} & beside.keys()
    upstreams = {name: _upstream(snapshot, name, {new, *answering}) for name in answering}
    found = [_other(inventory, snapshot, node, upstreams.get(node.name, ""), new) for node in beside.values()]
    return tuple(sorted(found, key=lambda each: (_depth(each.name, upstreams), each.name)))


def _upstream(snapshot: Snapshot, name: str, staying: set[str]) -> str:
    for edge in snapshot.edges:
        if (edge.kind, edge.target) == ("replication", name) and edge.state in ("streaming", "catching-up"):
            return edge.source if edge.source in staying - {name} else ""
    return ""


def _depth(name: str, upstreams: Mapping[str, str]) -> int:
    """Return how many standbys stand between `name` and the new primary."""
    seen = [name]
    while (upstream := upstreams.get(seen[-1], "")) in upstreams and upstream not in seen:
        seen.append(upstream)
    return len(seen)


def _other(inventory: Inventory, snapshot: Snapshot, node: Node, upstream: str, new: str) -> Other:
    name = node.name
    if node.role != "standby":
        return Other(name, lack="does not answer as a standby", is_left=True)
    target = snapshot.node(new)
    assert target is not None
    systems = {each.value("system_identifier") for each in (node, target)} - {None}
    if len(systems) > 1:
        return Other(name, lack=f"is not the same system as {new}", is_left=True)
    if upstream:
        return Other(name, upstream)
    if inventory.database.instances[name].data_directory is None:
        return Other(name, lack="has no data_directory declared", is_left=True)
    if is_reachable(snapshot, name) is False:
        return Other(name, lack="has a host that cannot be logged in to", is_left=True)
    version = node.value("version")
    if version is not None and version < TAKES_PRIMARY_BY_RELOAD:
        return Other(name, lack="is older than PostgreSQL 13, and takes no new primary without a restart", is_left=True)
    return Other(name)


def follow_steps(shop: Shop, snapshot: Snapshot, old: str, new: str) -> list[Step]:
    """Return what lets every other standby follow `new`, or sees that it goes along; users work meanwhile."""
    found = []
    for other in others_of(shop.inventory, snapshot, old, new):
        if other.is_left:
            continue
        if not other.upstream:
            title, to = f"Let {other.name} follow {new} too, without stopping it", {"source": new}
            found.append(shop.step("repoint", other.name, title, arguments=to, is_optional=True))
            continue
        through = "" if other.upstream == new else f" through {other.upstream}"
        title = f"See that {other.name} goes along with {new}{through}"
        to = {"source": other.upstream, "primary": new}
        found.append(shop.step("check-following", other.name, title, arguments=to, is_optional=True))
    return found


def told_to_follow(steps: list[Step]) -> str:
    """Return the standbys that `follow_steps` tells to follow another one, separated by commas: they give up their slots."""
    return ",".join(step.node for step in steps if step.verb == "repoint")


def other_standbys(case: Case) -> Item:
    """Return what becomes of every other standby."""
    name, new = "other-standbys", case.new.name
    found = others_of(case.inventory, case.snapshot, case.old.name, new)
    if not found:
        return ok(name, f"there is no other standby that would have to follow {new}")
    lacks = {each.name: each.lack or _is_ahead(case, each) for each in found}
    words = "; ".join(f"{each.name} {lacks[each.name] or _becomes(each, new)}" for each in found)
    lacking = [each for each in found if lacks[each.name]]
    if lacking:
        commands = ", ".join(f"ppsconsole run rejoin {each.name}" for each in lacking)
        return failing(name, words, f"It is left as it is; it comes home afterwards: {commands}")
    return ok(name, words)


def _becomes(other: Other, new: str) -> str:
    if not other.upstream:
        return f"is told to follow {new}"
    return f"goes along with {new}" if other.upstream == new else f"goes along with {new}, through {other.upstream}"


def _is_ahead(case: Case, other: Other) -> str:
    """Return that a standby has log that the new primary has not, where nothing more reaches that one; else the empty string."""
    node = case.snapshot.node(other.name)
    own, theirs = None if node is None else node.value("lsn"), case.new.value("lsn")
    if case.old.role == "primary" or own is None or theirs is None or lsn_number(own) <= lsn_number(theirs):
        return ""
    return f"has log up to {own}, {case.new.name} only to {theirs}: where that one is promoted there, it cannot follow"
