"""The web nodes and balancers of a plan: who serves afterwards, who stands aside, and the steps that bring it about."""

from collections.abc import Iterable
from dataclasses import dataclass

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.building import Shop
from ppsconsole.runbooks.situation import is_reachable

SWITCHED = ("command", "standby-web")
"""Ways of pointing a web node at another database that need nobody at its screen."""


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


def stop_steps(shop: Shop, side: WebSide) -> list[Step]:
    """Return the steps after which no reachable web node runs, and none of the old side starts by itself."""
    users = "Users are logged out; nothing can be read or written."
    found = []
    for name in shop.inventory.web_nodes:
        if name in side.aside:
            found.append(shop.step("stop", name, f"Stop {name}", for_users=users))
            found.append(shop.step("disable", name, f"Keep {name} from starting at boot"))
        elif name in side.serving:
            found.append(shop.step("stop", name, f"Stop {name}: it starts again on the new primary", for_users=users))
    return found


def serve_steps(shop: Shop, side: WebSide, new: str) -> list[Step]:
    """Return the steps that point the serving web nodes at `new`, start them, and look who is connected to what."""
    found = [_switch(shop, name, new) for name in side.serving if is_switched(shop.inventory, name)]
    found += [shop.step("start", name, f"Start {name}") for name in side.serving]
    return found + [
        shop.step(
            "check-connections",
            name,
            f"See that {name} is connected to {new} and to nothing else",
            arguments={"instance": new},
        )
        for name in side.serving
    ]


def move_steps(shop: Shop, side: WebSide) -> list[Step]:
    """Return the steps that send users to the serving web nodes and set all others down."""
    down = [name for name in shop.inventory.web_nodes if name not in side.serving]
    arguments = {"up": ",".join(side.serving), "down": ",".join(down)}
    title = f"Send users to {', '.join(side.serving)}"
    return [
        shop.step("move-members", name, f"{title} at {name}", arguments=arguments, for_users="Users get in again.")
        for name in shop.inventory.balancers
    ]


def verify_step(shop: Shop, web_nodes: Iterable[str], instance: str) -> Step:
    """Return the step that looks at the service as a user would."""
    arguments = {"web_node": ",".join(web_nodes), "instance": instance}
    return shop.step("verify-service", instance, "See that users get in", id="verify-service", arguments=arguments)


def after_steps(shop: Shop, side: WebSide, new: str) -> list[Step]:
    """Return what is done while users work again: boot settings of the new side, database settings of the old one."""
    found = [shop.step("enable", name, f"Let {name} start at boot", is_optional=True) for name in side.serving]
    aside = [name for name in side.aside if is_switched(shop.inventory, name)]
    return found + [_switch(shop, name, new, is_optional=True) for name in aside]


def is_switched(inventory: Inventory, name: str) -> bool:
    """Return whether the console itself changes the database setting of a web node."""
    return inventory.web_nodes[name].switch.method == "command"


def _switch(shop: Shop, name: str, new: str, *, is_optional: bool = False) -> Step:
    return shop.step("switch-database", name, f"Point {name} at {new}", arguments={"instance": new}, is_optional=is_optional)
