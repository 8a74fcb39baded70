"""Who works on an instance that is about to be fenced: they are taken off it before it stops, and get in again where they can.

A web node that uses the wrong one of two primaries writes what is thrown away. So it is stopped and disabled first, and the
balancers that lead to it are changed first: what its users were told is kept then reached that server, and nothing is cut in the
middle. None of these steps holds the fence up: a web node that does not stop only sees errors from the fence on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ppsconsole.clock import duration
from ppsconsole.cluster.database import Sessions
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.building import Shop
from ppsconsole.runbooks.situation import is_driven, is_reachable
from ppsconsole.runbooks.web_side import WebSide, serve_steps, switch_step, verify_steps

_DOWN = ("stopped", "failed")


@dataclass(frozen=True, slots=True)
class Misled:
    """The web nodes by which users work on the instance `name`.

    Attributes:
        web_nodes: Run, and are set to it or have sessions on it.
        serving: Those of them that balancers send users to, or of which nobody could ask.
        unseen: Serve users, and nobody saw from which instance.
        doors: The balancers that send users to each of them, by web node.
        stuck: Those that cannot be stopped from here, each with the reason.
        beside: Serve users from another primary.
        home: The one other primary; empty where there is none, or more than one.
        moved: Start again on `home`, because nobody serves users from it yet.
    """

    name: str
    web_nodes: tuple[str, ...]
    serving: tuple[str, ...]
    unseen: tuple[str, ...]
    doors: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stuck: dict[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    home: str = ""
    moved: tuple[str, ...] = ()

    @property
    def stopped(self) -> tuple[str, ...]:
        """Those that are stopped before the fence."""
        return tuple(name for name in self.web_nodes if name not in self.stuck)

    @property
    def all_doors(self) -> tuple[str, ...]:
        """All balancers that send users to any of them."""
        return tuple(dict.fromkeys(door for doors in self.doors.values() for door in doors))

    def named(self, names: Sequence[str]) -> str:
        """Return web nodes with the balancers that lead to them: `pps1 (through lb1)`."""
        return ", ".join(f"{each} (through {', '.join(self.doors[each])})" if self.doors.get(each) else each for each in names)

    def said(self, downtime_s: float) -> str:
        """Return who is kept out, and until when, one sentence without its full stop; empty where nobody is."""
        found, left = [], [each for each in self.stopped if each in self.serving and each not in self.moved]
        idle = [each for each in self.stopped if each not in self.serving]
        if self.moved:
            there = f"{', '.join(self.moved)} serves from {self.home}"
            found.append(f"users of {self.named(self.moved)} are kept out for about {duration(downtime_s)}, until {there}")
        if left and self.beside:
            found.append(f"users of {self.named(left)} are logged out, and get in again at {', '.join(self.beside)}")
        elif left:
            there = f"{', '.join(left)} is pointed at {self.home or 'the primary that stays'} by hand and started"
            found.append(f"users of {self.named(left)} are kept out until {there}")
        if idle:
            found.append(f"whoever works at {', '.join(idle)} without a balancer is logged out: it stays down")
        for each, why in self.stuck.items():
            found.append(f"users of {self.named([each])} see errors from the stop of {self.name} on: {why}")
        if self.unseen:
            found.append(f"from where {self.named(self.unseen)} serves was not seen: its users may be kept out as well")
        return "; ".join(found)


def misled_by(inventory: Inventory, snapshot: Snapshot, node: Node, others: Sequence[Node]) -> Misled:
    """Return who works on `node`, by their connection settings and by the sessions that it sees; `others` are primaries too."""
    running = [each for each in snapshot.of_kind("web") if each.value("service") not in _DOWN]
    counts = {each.name: _sessions(inventory, node, each.name) for each in running}
    using = [each.name for each in running if counts[each.name] or _is_set_to(each, node.name)]
    unseen = [
        each.name for each in running if each.role == "serving" and each.value("points_at") is None and counts[each.name] is None
    ]
    stays = {each.name for each in others}
    beside = tuple(each.name for each in running if each.role == "serving" and each.value("points_at") in stays)
    beside = tuple(each for each in beside if each not in using)
    home = next(iter(stays)) if len(stays) == 1 else ""
    stuck = {each: why for each in using if (why := _no_stop(inventory, snapshot, each))}
    serving = tuple(each.name for each in running if each.name in using and each.role != "idle")
    moved = tuple(each for each in serving if each not in stuck and inventory.web_nodes[each].switch.method == "command")
    return Misled(
        node.name,
        tuple(using),
        serving,
        tuple(unseen),
        {each: _doors(inventory, snapshot, each) for each in (*using, *unseen)},
        stuck,
        beside,
        home,
        moved if home and not beside else (),
    )


def _is_set_to(web_node: Node, name: str) -> bool:
    return web_node.role != "idle" and web_node.value("points_at") == name


def _sessions(inventory: Inventory, node: Node, web_node: str) -> int | None:
    """Return how many sessions `node` sees from the host of `web_node` on the PPS database; None when it was not asked."""
    found: tuple[Sessions, ...] | None = node.value("sessions")
    host = inventory.host_of(web_node)
    if found is None or host is None:
        return None
    return sum(each.count for each in found if each.client_addr == host.address and each.database == inventory.database.database)


def _no_stop(inventory: Inventory, snapshot: Snapshot, web_node: str) -> str:
    if not is_reachable(snapshot, web_node):
        return "its host cannot be logged in to"
    return "" if is_driven(inventory, web_node) else "the console cannot stop it, stop it by hand"


def _doors(inventory: Inventory, snapshot: Snapshot, web_node: str) -> tuple[str, ...]:
    leading = {each.source for each in snapshot.edges if (each.kind, each.target) == ("route", web_node) and each.state != "idle"}
    return tuple(name for name in inventory.balancers if name in leading)


def off_steps(shop: Shop, snapshot: Snapshot, misled: Misled) -> list[Step]:
    """Return the steps that take users off the instance before it is fenced; none of them may keep it from being fenced."""
    steps = [] if not misled.stopped else [each for door in misled.all_doors for each in _door(shop, snapshot, misled, door)]
    for name in misled.stopped:
        users = f"Users of {name} are logged out; nothing more is written to {misled.name} by it."
        again = f": it starts again on {misled.home}" if name in misled.moved else ""
        steps.append(shop.step("stop", name, f"Stop {name}{again}", for_users=users, is_optional=True))
        steps.append(shop.step("disable", name, f"Keep {name} from starting by itself on {misled.name}", is_optional=True))
    return steps


def _door(shop: Shop, snapshot: Snapshot, misled: Misled, door: str) -> list[Step]:
    if not _can_be_moved(shop.inventory, snapshot, door):
        return []
    members = shop.inventory.balancers[door].members.values()
    up, down = ([each for each in names if each in members] for names in (misled.beside, misled.web_nodes))
    if up:
        arguments = {"up": ",".join(up), "down": ",".join(down)}
        users = f"Users of {', '.join(down)} are logged out, and get in again at {', '.join(up)}."
        title = f"Send users of {', '.join(down)} to {', '.join(up)} at {door}"
        return [shop.step("move-members", door, title, arguments=arguments, for_users=users, is_optional=True)]
    if misled.unseen or misled.beside:
        return []  # it would take users off those that may be right
    return [shop.step("drain", door, f"Take users off at {door}", for_users="Users are kept out from here on.", is_optional=True)]


def _can_be_moved(inventory: Inventory, snapshot: Snapshot, door: str) -> bool:
    balancer = inventory.balancers[door]
    is_known = balancer.kind == "nginx" and None not in (balancer.include, balancer.upstream) and bool(balancer.members)
    return is_known and bool(is_reachable(snapshot, door))


def on_steps(shop: Shop, snapshot: Snapshot, misled: Misled) -> list[Step]:
    """Return the steps, behind the fence, by which users get in again; those that stay down are only pointed there."""
    if not misled.home:
        return []
    aside = [name for name in misled.stopped if name not in misled.moved]
    aside = [name for name in aside if shop.inventory.web_nodes[name].switch.method == "command"]
    kept = [switch_step(shop, name, misled.home, is_optional=True) for name in aside]
    if not misled.moved:
        return kept
    steps = serve_steps(shop, WebSide(misled.moved, (), ()), misled.home)
    doors = [door for door in misled.all_doors if _can_be_moved(shop.inventory, snapshot, door)]
    for door in doors:
        up = [each for each in misled.moved if each in shop.inventory.balancers[door].members.values()]
        if up:
            title, arguments = f"Send users to {', '.join(up)} at {door}", {"up": ",".join(up)}
            steps.append(shop.step("move-members", door, title, arguments=arguments, for_users="Users get in again."))
    return [*steps, *(each for each in verify_steps(shop, misled.moved, misled.home) if each.node in doors), *kept]
