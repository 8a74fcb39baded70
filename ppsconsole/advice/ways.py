"""The ways out of a state, compared by loss and downtime; and those that are barred, with the rule and the facts behind it."""

import math
from dataclasses import dataclass
from typing import Any

from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import LossTier
from ppsconsole.plan.plan import Plan, kept_out_said
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.alternate import RUNS
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.catalog import RUNBOOKS, plan_of
from ppsconsole.runbooks.fence import to_fence
from ppsconsole.runbooks.loss import rank
from ppsconsole.runbooks.lost_writes import can_list
from ppsconsole.runbooks.rejoin import can_rejoin
from ppsconsole.runbooks.request import Request
from ppsconsole.runbooks.restart import is_dead, is_hung, was_primary
from ppsconsole.runbooks.situation import is_reachable, primaries, standbys

FLAGS = {"--to": "to", "--fence": "fence", "--way": "way", "--bundle": "bundle", "--insist": "insist"}
"""What chooses a way of doing it, and where a request has it."""

WRONG_REQUEST = "wrong-request"
"""The rule by which a request is barred that names what is not there for its runbook, or leaves a choice open."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way out.

    Attributes:
        runbook: What would be run.
        command: What to type for it.
        downtime_s: For how many seconds users are kept out from its start on; None when it cannot be planned.
        loss: In words; empty when it cannot be planned.
        is_blocked: It cannot be gone now.
        why: What the loss rests on, or, when it is blocked, the facts behind the rule.
        rule: The rule that blocks it: a preflight item, or the reason why nothing can be planned; empty when it is open.
        users: Who is kept out, and until when, where it is not all of them for `downtime_s`; empty where that says it.
    """

    runbook: str
    command: str
    downtime_s: float | None
    loss: str
    is_blocked: bool = False
    why: str = ""
    rule: str = ""
    users: str = ""

    def said(self) -> str:
        """Return the way in one line, for a person."""
        if self.is_blocked:
            return f"{self.command}: blocked by {self.rule}: {self.why}"
        return f"{self.command}: {self.kept_out()}; loss {self.loss}"

    def kept_out(self) -> str:
        """Return who is kept out, and for how long."""
        return kept_out_said(self.downtime_s, self.users)

    def as_json(self) -> dict[str, Any]:
        """Return the way for `status --json`."""
        return {name: getattr(self, name) for name in self.__slots__}


def ways_about(node: Node, snapshot: Snapshot, inventory: Inventory, background: Background) -> tuple[Way, ...]:
    """Return the ways out of what is wrong with `node`: open ones first, by loss, then by downtime."""
    if snapshot.is_complete and node.kind == "alternate" and node.value("service") in RUNS:
        return alternate_ways(snapshot, inventory, background)
    if not snapshot.is_complete or node.kind not in ("database", "web", "balancer"):
        return ()
    requests: list[Request] = []
    is_cut_off = node.kind == "database" and node.role == "unknown" and is_reachable(snapshot, node.name) is False
    if (is_dead(node) or is_hung(node) or is_cut_off) and not node.value("quarantine"):  # that is not started as it is
        requests.append(Request("restart", node=node.name))
    if node.kind == "database" and node.role == "unknown" and was_primary(snapshot, node) and _is_silent(node):
        requests += [_failover(snapshot)]
    if node.kind == "web" and node.role == "serving" and requests:
        requests += _switchovers(snapshot)
    if can_rejoin(snapshot, node):
        requests.append(Request("rejoin", node=node.name))
    if can_list(snapshot, node):
        requests.append(Request("lost-writes", node=node.name))
    if _is_away_from_home(node, snapshot, inventory):
        requests.append(Request("switchover", to=node.name))
    if node in to_fence(snapshot):
        requests.append(Request("fence", node=node.name))
    return compared(requests, snapshot, inventory, background)


def fencing_ways(snapshot: Snapshot, inventory: Inventory, background: Background) -> tuple[Way, ...]:
    """Return the ways to end that several instances take writes: fence those that were failed over, else any one of them."""
    if not snapshot.is_complete:
        return ()
    found = to_fence(snapshot) or primaries(snapshot)
    return compared([Request("fence", node=node.name) for node in found], snapshot, inventory, background)


def alternate_ways(snapshot: Snapshot, inventory: Inventory, background: Background) -> tuple[Way, ...]:
    """Return the alternate servers that could serve users where no database can be brought back, and what that would lose.

    Where one serves them already, the way home from it.
    """
    if not snapshot.is_complete:
        return ()
    active = [node.name for node in snapshot.of_kind("alternate") if node.value("service") in RUNS]
    requests = [Request("alternate-home", node=name) for name in active]
    requests = requests or [Request("alternate-activate", node=name) for name in inventory.alternates]
    return compared(requests, snapshot, inventory, background)


def barred_ways(snapshot: Snapshot, inventory: Inventory, background: Background) -> tuple[Way, ...]:
    """Return the promotions that this state bars, each with its reason; those that it does not bar are left out."""
    if not snapshot.is_complete:
        return ()
    requests = [*_switchovers(snapshot), _failover(snapshot)]
    return tuple(way for way in compared(requests, snapshot, inventory, background) if way.is_blocked)


def _is_away_from_home(node: Node, snapshot: Snapshot, inventory: Inventory) -> bool:
    """Return whether `node` is declared the primary and follows the one that serves now: going home is a switchover."""
    instance, receiver = inventory.database.instances.get(node.name), node.value("receiver")
    is_following = node.role == "standby" and receiver is not None and receiver.status == "streaming"
    return is_following and instance is not None and instance.declared == "primary" and len(primaries(snapshot)) == 1


def _is_silent(node: Node) -> bool:
    """Return whether it was tried and did not answer; a refused login is an answer, a missing password our own fault."""
    return node.value("sql") not in (None, "ok", "login-refused", "no-connection-left", "no-secret", "too-old")


def _failover(snapshot: Snapshot) -> Request:
    usable = standbys(snapshot)
    return Request("failover", to=usable[0].name if usable else "")


def _switchovers(snapshot: Snapshot) -> list[Request]:
    usable = standbys(snapshot)
    if not usable or not primaries(snapshot):
        return [] if not usable and len(primaries(snapshot)) < 2 else [Request("switchover")]
    return [Request("switchover", to=usable[0].name)]


def compared(requests: list[Request], snapshot: Snapshot, inventory: Inventory, background: Background) -> tuple[Way, ...]:
    """Return what each request comes to in this state: open ones first, upkeep last of them, by loss, then by downtime."""
    found = [_way(request, snapshot, inventory, background) for request in requests]
    return tuple(way for _, way in sorted(found, key=lambda each: each[0]))


def _way(
    request: Request, snapshot: Snapshot, inventory: Inventory, background: Background
) -> tuple[tuple[bool, bool, tuple[int, float], float], Way]:
    """Return a way with what it is sorted by: whether it is blocked, whether it is upkeep, its loss, its downtime."""
    is_upkeep = (known := RUNBOOKS.get(request.runbook)) is not None and known.is_upkeep
    try:
        plan = plan_of(inventory, snapshot, request, _untold, background)
    except (Barred, UsageError) as error:
        rule = error.rule if isinstance(error, Barred) else WRONG_REQUEST
        way = Way(request.runbook, _command(request, None), None, "", True, f"{error.what}. {error.remedy}", rule)
        return (True, is_upkeep, (3, 0.0), math.inf), way
    why, rule = plan.loss.words, ""
    if plan.blockers:
        why = "; ".join(f"{item.words}. {item.remedy}" for item in plan.blockers)
        rule = ", ".join(item.name for item in plan.blockers)
    way = Way(request.runbook, _command(request, plan), plan.downtime_s, plan.loss.said(), bool(rule), why, rule, plan.users)
    # Some are kept out until somebody does something by hand: no estimate says how long that is.
    downtime_s = math.inf if plan.users and not plan.downtime_s else plan.downtime_s
    return (bool(rule), is_upkeep, rank(plan.loss), downtime_s), way


def _untold(inventory: Inventory, step: Step) -> tuple[str, ...]:
    """Return no commands: for the cost of a plan they do not matter."""
    return ()


def _command(request: Request, plan: Plan | None) -> str:
    words = ["ppsconsole", "run", *words_of(request)]
    if plan is not None and plan.runbook == "failover" and plan.loss.tier is not LossTier.NONE:
        words += ["--accept-loss", plan.loss.to_accept]
    return " ".join(words)


def words_of(request: Request) -> list[str]:
    """Return what is typed behind `ppsconsole plan` for it: runbook, node, and what chooses a way of doing it."""
    is_source = request.runbook == "restore"  # its node is where the data come from, which the flag says better
    words = [request.runbook] + ([] if is_source or not request.node else [request.node])
    words += ["--from", request.node] if is_source and request.node else []
    for flag, name in FLAGS.items():
        value = getattr(request, name)
        words += [flag, value] if value else []
    return words
