"""The fencing ladder: by which rung it is made sure that the old primary cannot write, why by that one, and what comes next."""

from dataclasses import dataclass, replace

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.proof import Rung
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Shop
from ppsconsole.runbooks.case import failing
from ppsconsole.runbooks.items_access import denied_said
from ppsconsole.runbooks.request import known
from ppsconsole.runbooks.situation import is_driven, is_hung_where_it_stands, is_reachable, is_wedged
from ppsconsole.runbooks.web_side import WebSide

DOES = {
    Rung.KEPT_DOWN: "its own host ends it and keeps it down over a reboot",
    Rung.FENCE_COMMAND: "your own fence command switches its machine off, and its verify command says so",
    Rung.QUIESCED: "all web nodes, its only writers, are stopped and disabled; whatever else writes to it is not seen",
    Rung.ATTESTED: "somebody sees to it and states it; the console sees nothing of it",
}
"""What each rung that a failover may take is, best first."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """How the rungs stand for one instance.

    Attributes:
        rung: The one to take.
        lacks: For every rung that cannot be taken, what would have to be true for it; best first.
        is_chosen: The operator asked for it by name.
    """

    rung: Rung
    lacks: dict[Rung, str]
    is_chosen: bool = False

    @property
    def passed_over(self) -> tuple[Rung, ...]:
        """The better rungs that could be taken, and are not, because the operator chose another one."""
        return tuple(each for each in DOES if _is_better(each, self.rung) and each not in self.lacks)

    @property
    def next_rung(self) -> Rung | None:
        """The next rung below that can be taken; None below the last."""
        return next((each for each in DOES if _is_better(self.rung, each) and each not in self.lacks), None)

    def why(self) -> str:
        """Return why this rung: what keeps from the better ones; empty for the best."""
        better = [f"not {each.value}: {self.lacks[each]}" for each in DOES if _is_better(each, self.rung) and each in self.lacks]
        if self.passed_over:
            passed = [each.value for each in self.passed_over]
            better.append(f"chosen by the operator, though {', '.join(passed)} {'is' if len(passed) == 1 else 'are'} possible")
        return "; ".join(better)

    def said(self) -> str:
        """Return rung, meaning and reason in one sentence."""
        why = self.why()
        return f"{self.rung.value}: {DOES[self.rung]}" + (f" ({why})" if why else "")

    def after(self, to: str) -> str:
        """Return what comes after this rung when it fails; nothing weaker is ever taken by itself."""
        below = self.next_rung
        if below is None:
            return "There is no rung below a statement: nothing is promoted until somebody states it"
        return f"The next rung is {below.value}: abandon this run, then failover --to {to} --fence {below.value}"


def ladder_of(inventory: Inventory, snapshot: Snapshot, side: WebSide, old: str, wanted: str = "") -> Ladder:
    """Return the best rung that the facts allow for `old`, or the one that the operator wants.

    Raises:
        UsageError: There is no rung called `wanted`.
        Barred: The wanted one cannot be taken; says what would have to be true for it.
    """
    lacks = {
        Rung.KEPT_DOWN: kept_down_lacks(inventory, snapshot, old),
        Rung.FENCE_COMMAND: command_lacks(inventory, snapshot, old),
    }
    lacks[Rung.QUIESCED] = _quiet_lacks(inventory, snapshot, side)
    missing = {rung: words for rung, words in lacks.items() if words}
    if not wanted:
        return Ladder(next(each for each in DOES if each not in missing), missing)
    rung = Rung(known(wanted, (each.value for each in DOES), "rung"))
    if rung in missing:
        raise Barred("fence-rung", f"{old} cannot be fenced by {wanted}: {missing[rung]}", where=old, remedy="Leave --fence out")
    return Ladder(rung, missing, is_chosen=True)


def fence_step(
    shop: Shop, snapshot: Snapshot, name: str, rung: Rung, arguments: dict[str, str], gate: Gate | None = None
) -> Step:
    """Return the step that fences `name` by `rung`. Only what its own host does can be undone there."""
    titles = {
        Rung.KEPT_DOWN: f"Keep {name} down, also over a reboot",
        Rung.FENCE_COMMAND: f"Switch off the machine of {name} by your fence command, and see that it is off",
        Rung.QUIESCED: f"See that nothing that writes to {name} runs any more",
        Rung.ATTESTED: f"Have it stated that {name} cannot write",
    }
    told = {"rung": rung.value, **arguments}
    node = snapshot.node(name)
    if rung is Rung.KEPT_DOWN and node is not None and (is_hung_where_it_stands(node) or is_wedged(node)):
        told["kill"] = "yes"  # processes that are stopped do not react to a fast stop
    step = shop.step("fence", name, titles[rung], id="fence", arguments=told, gate=gate)
    declared = shop.inventory.database.instances[name].fence
    if rung is Rung.FENCE_COMMAND and declared is not None:
        step = replace(step, host=declared.host, timeout_s=declared.timeout_s + 30.0)
    return step if rung is Rung.KEPT_DOWN else replace(step, is_undoable=False)


def chosen_rung(plan: Plan) -> str:
    """Return the rung that the operator chose for a plan; empty where the facts did."""
    return next((step.arguments.get("chosen", "") for step in plan.steps if step.verb == "fence"), "")


def kept_down_lacks(inventory: Inventory, snapshot: Snapshot, name: str) -> str:
    """Return what keeps the instance's own host from keeping it down; empty when nothing is seen to."""
    # Only disabling takes a right: the server itself can be stopped by a signal.
    return host_lacks(inventory, snapshot, name) or denied_said(snapshot, [name], ("disable",))


def host_lacks(inventory: Inventory, snapshot: Snapshot, name: str) -> str:
    """Return what keeps the console from acting on the instance's own host; empty when nothing is seen to."""
    if inventory.database.instances[name].data_directory is None:
        return f"no data_directory is declared for {name}"
    if not is_driven(inventory, name):
        return f"no service that the console drives is declared for {name}"
    if not is_reachable(snapshot, name):
        return f"the host of {name} cannot be logged in to"
    return ""


def command_lacks(inventory: Inventory, snapshot: Snapshot, name: str) -> str:
    """Return what keeps the operator's own fence command from being used; empty when nothing is seen to."""
    fence = inventory.database.instances[name].fence
    if fence is None:
        return f"no `fence` is declared for {name} in the inventory"
    if fence.host is None:
        return ""
    # A host that carries nothing of the cluster is in no snapshot; that it works is seen before the command is sent.
    seen = [each.value("host.ssh") for each in snapshot.nodes if fence.host in (each.host, each.name)]
    return "" if all(each == "ok" for each in seen) else f"{fence.host}, where its `fence` runs, cannot be logged in to"


def comes_back(name: str) -> Item:
    """Return what is to be expected of a machine that was only switched off."""
    words = f"{name} is neither disabled nor in quarantine after this: switched on again, it starts as a primary"
    remedy = f"Keep its machine off or off the network; as soon as its host can be logged in to: ppsconsole run fence {name}"
    return failing("comes-back", words, remedy)


def _quiet_lacks(inventory: Inventory, snapshot: Snapshot, side: WebSide) -> str:
    writers = (*side.serving, *side.aside)
    hidden = [*side.unreachable, *(name for name in writers if not is_reachable(snapshot, name))]
    if hidden:
        return f"{', '.join(hidden)} cannot be reached, and what is not reached is not quiet"
    still = [name for name in writers if not is_driven(inventory, name)]
    if still:
        return f"the console cannot stop {', '.join(still)}"
    return "" if writers else "no web node is declared"


def _is_better(one: Rung, other: Rung) -> bool:
    order = tuple(DOES)
    return order.index(one) < order.index(other)
