"""Preflight of balancers: whether each would read its configuration again, by which a run takes users off and lets them in.

A balancer that runs goes on with what it read before, so nobody notices until the day on which it is told to read again. Before
what moves the service for good that bars the run, which could only turn back at its first step. What brings a service back that
is down is not held up by it: its databases are brought back, and users are let in at a balancer once it reads what is written.
"""

from collections.abc import Iterable

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.drivers.nginx import DENIED, REFUSED, check_command
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, unseen

NAME = "balancer-config"


def refused_by(inventory: Inventory, snapshot: Snapshot) -> tuple[str, ...]:
    """Return the balancers that would not read their configuration again, in the inventory's order."""
    return tuple(each for each in inventory.balancers if _state(snapshot, each) in (REFUSED, DENIED))


def configuration(case: Case) -> Item:
    """Return whether every balancer would read its configuration again, where the run has them do that before anything else."""
    return accepted(
        case.inventory,
        case.snapshot,
        case.inventory.balancers,
        "it goes on with what it read before, and no run could take users off and let them in again there",
        is_blocking=True,
    )


def configuration_later(case: Case) -> Item:
    """Return the same where users are out already: the databases come back without it."""
    return accepted(
        case.inventory,
        case.snapshot,
        case.inventory.balancers,
        "the run lets users in there last, and is held at that until it is mended; then resume it",
        is_blocking=False,
    )


def accepted(inventory: Inventory, snapshot: Snapshot, names: Iterable[str], then: str, *, is_blocking: bool) -> Item:
    """Return whether each of the balancers `names` accepts its configuration.

    Args:
        inventory: What was declared.
        snapshot: The world now.
        names: The balancers.
        then: What comes of it where one does not, half a sentence.
        is_blocking: Nothing runs then.
    """
    states = {each: _state(snapshot, each) for each in names}
    bad = [each for each, state in states.items() if state in (REFUSED, DENIED)]
    if bad:
        said = "; ".join(_said(snapshot, each, states[each]) for each in bad)
        remedy = "; ".join(_remedy(inventory, each, states[each]) for each in bad)
        return failing(NAME, f"{said}: {then}", f"{remedy}. Then plan again", is_blocking=is_blocking)
    hidden = [each for each, state in states.items() if state is None]
    if hidden:
        remedy = "; ".join(f"on the host of {each}: {check_command(inventory.balancers[each])}" for each in hidden)
        return unseen(
            NAME, f"whether {', '.join(hidden)} accepts its configuration was not seen", remedy, is_blocking=is_blocking
        )
    return ok(NAME, "every balancer accepts its configuration" if states else "there is no balancer", is_blocking=is_blocking)


def _state(snapshot: Snapshot, name: str) -> str | None:
    node = snapshot.node(name)
    return None if node is None else node.value("configuration")


def _said(snapshot: Snapshot, name: str, state: str | None) -> str:
    node = snapshot.node(name)
    fact = None if node is None else node.facts.get("configuration")
    why = f" ({plain(fact.detail, 200)})" if fact is not None and fact.detail else ""
    return f"{name} does not accept its configuration{why}" if state == REFUSED else f"{name}'s is not readable here{why}"


def _remedy(inventory: Inventory, name: str, state: str | None) -> str:
    command = check_command(inventory.balancers[name])
    if state == DENIED:
        return f"Let the console's login on the host of {name} read all of it: `{command}` has to end well for that login"
    return f"On the host of {name}: {command} names file and line; mend it until it says `test is successful`"
