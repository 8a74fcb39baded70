"""The web nodes and balancers of a plan: who serves afterwards, who stands aside, and the steps that bring it about."""

from collections.abc import Iterable
from dataclasses import dataclass

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.building import Shop
from ppsconsole.runbooks.situation import is_reachable

SWITCHED = ("command", "manual", "indirect", "standby-web")
"""Ways of pointing a web node at another database that a run can go through; `manual` needs somebody at its screen."""


@dataclass(frozen=True, slots=True)
class WebSide:
    """What becomes of each web node.

    Attributes:
        serving: Serve users afterwards, on the new primary.
        aside: Are stopped and stay disabled: nothing may come back by itself (law 4).
        unreachable: Cannot be acted on now; they are not quiesced.
    """

    serving: tuple[str, ...]
    aside: tuple[str, ...]
    unreachable: tuple[str, ...]


def web_side(inventory: Inventory, snapshot: Snapshot, new: str, old: str) -> WebSide:
    """Return who serves once `new` is the primary in place of `old`.

    Where sites change it is the new primary's own side, else those who serve now. An active-active cluster keeps all that
    serve. One that can be reached is always preferred to a neat side that cannot.
    """
    names = list(inventory.web_nodes)
    unreachable = tuple(name for name in names if is_reachable(snapshot, name) is False)
    usable = [name for name in names if name not in unreachable]
    serving_now = [node.name for node in snapshot.of_kind("web") if node.role == "serving" and node.name in usable]
    beside = [name for name in usable if inventory.site_of(name) == inventory.site_of(new)]
    stays = inventory.site_of(new) == inventory.site_of(old) or inventory.cluster.mode == "active-active"
    choices = (serving_now, beside, usable) if stays else (beside, serving_now, usable)
    chosen = next((each for each in choices if each), [])
    if inventory.cluster.mode != "active-active" and len(chosen) > 1:
        chosen = _one_side(inventory, chosen, serving_now)
    aside = tuple(name for name in usable if name not in chosen)
    return WebSide(tuple(chosen), aside, unreachable)


def _one_side(inventory: Inventory, chosen: list[str], serving_now: list[str]) -> list[str]:
    """Return who serves of several where only active ones may: as now, else as declared, else the first."""
    active = [name for name in chosen if name in serving_now]
    declared = [name for name in chosen if inventory.web_nodes[name].declared == "active"]
    return active or declared or chosen[:1]


def drain_steps(shop: Shop, balancers: Iterable[str], *, is_optional: bool) -> list[Step]:
    """Return the steps that take users off before their web nodes stop."""
    users = "Users are kept out from here on."
    return [shop.step("drain", name, f"Take users off at {name}", for_users=users, is_optional=is_optional) for name in balancers]


def stop_steps(shop: Shop, side: WebSide, *, is_all_disabled: bool = False) -> list[Step]:
    """Return the steps after which no reachable web node runs, and none of the old side starts by itself.

    Args:
        shop: Makes them.
        side: Who serves afterwards, and who stands aside.
        is_all_disabled: Those that will serve are kept from starting by themselves as well, until they are started.
    """
    users = "Users are logged out; nothing can be read or written."
    found = []
    for name in shop.inventory.web_nodes:
        if name in side.aside:
            found.append(shop.step("stop", name, f"Stop {name}", for_users=users))
            found.append(shop.step("disable", name, f"Keep {name} from starting at boot"))
        elif name in side.serving:
            found.append(shop.step("stop", name, f"Stop {name}: it starts again on the new primary", for_users=users))
            if is_all_disabled:
                found.append(shop.step("disable", name, f"Keep {name} from starting by itself before it is moved"))
    return found


def serve_steps(shop: Shop, side: WebSide, new: str) -> list[Step]:
    """Return the steps that point the serving web nodes at `new`, start them, and look who is connected to what."""
    found = [switch_step(shop, name, new) for name in side.serving]
    for name in side.serving:
        # One that an earlier run set aside is disabled, and what is disabled is not started: somebody wanted it down.
        found.append(shop.step("enable", name, f"Let {name} start at boot"))
        found.append(shop.step("start", name, f"Start {name}"))
    return found + [
        shop.step(
            "check-connections",
            name,
            f"See that {name} is connected to {new} and to nothing else",
            arguments={"instance": new},
        )
        for name in side.serving
    ]


def move_steps(shop: Shop, side: WebSide, doors: Iterable[str] | None = None) -> list[Step]:
    """Return the steps that send users to the serving web nodes and set all others down, at all balancers or at `doors`."""
    down = [name for name in shop.inventory.web_nodes if name not in side.serving]
    arguments = {"up": ",".join(side.serving), "down": ",".join(down)}
    title = f"Send users to {', '.join(side.serving)}"
    return [
        shop.step("move-members", name, f"{title} at {name}", arguments=arguments, for_users="Users get in again.")
        for name in (shop.inventory.balancers if doors is None else doors)
    ]


def verify_steps(shop: Shop, web_nodes: Iterable[str], instance: str, doors: Iterable[str] | None = None) -> list[Step]:
    """Return the steps that look at the service as a user would, through each balancer or through `doors`.

    There are none where users' way is not declared.
    """
    if shop.inventory.cluster.address is None:
        return []
    arguments = {"web_node": ",".join(web_nodes), "instance": instance}
    return [
        shop.step("verify-service", name, f"See that users get in at {name}", arguments=arguments)
        for name in (shop.inventory.balancers if doors is None else doors)
    ]


def after_steps(shop: Shop, side: WebSide, new: str) -> list[Step]:
    """Return what is done while users work again: the old side is pointed at the new primary, though it stays down."""
    aside = [name for name in side.aside if shop.inventory.web_nodes[name].switch.method == "command"]
    found = [switch_step(shop, name, new, is_optional=True) for name in aside]
    return [*found, shop.step("enable", new, f"Let {new} start at boot", is_optional=True)]


def switch_step(shop: Shop, name: str, new: str, *, is_optional: bool = False) -> Step:
    """Return the step that points the web node `name` at `new`; where that is done by hand somebody has to say so."""
    gate = None
    if shop.inventory.web_nodes[name].switch.method == "manual":
        question = f"Point {name} at {new} by hand, as this step's lines say, then write that you did and what the test said."
        gate = Gate("attest", question, "--attest")
    title = f"Point {name} at {new}"
    return shop.step("switch-database", name, title, arguments={"instance": new}, is_optional=is_optional, gate=gate)
