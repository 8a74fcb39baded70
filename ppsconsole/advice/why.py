"""Why the advice says what it says: rules, facts, and what the cost of each way rests on. Pure."""

from collections.abc import Iterator

from ppsconsole.advice.choices import request_of
from ppsconsole.advice.diagnosis import Advice
from ppsconsole.advice.rules import Rule, rule_of
from ppsconsole.advice.ways import Way
from ppsconsole.clock import duration
from ppsconsole.cluster.facts import Fact
from ppsconsole.cluster.judging import amount
from ppsconsole.cluster.reasons import Reason, WayReason, Why
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.cluster.verdicts import Judgement, Verdict
from ppsconsole.errors import PpsConsoleError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.catalog import plan_of
from ppsconsole.runbooks.costs import outage_of, runs_behind

_CLUSTER = "cluster"
_UNITS = {"_s": "s", "_percent": "%", "_days": "days"}

TIERS = {
    LossTier.NONE: "proved: nothing that was committed is given up",
    LossTier.EXACT: "exact: the dead primary's own WAL was read",
    LossTier.BOUNDED: "bounded: a window between samples; less may be lost, not more",
    LossTier.UNKNOWN: "unknown: counts as unlimited",
}


def why(advice: tuple[Advice, ...], snapshot: Snapshot, inventory: Inventory, background: Background) -> tuple[Why, ...]:
    """Return what stands behind each advice, in its order, and last what only follows from it.

    Args:
        advice: As made from `snapshot`.
        snapshot: The world now.
        inventory: What was declared: limits.
        background: Learned estimates and what was seen before.
    """
    left = list(_wrong(snapshot))
    found = []
    for each in advice:
        own = [pair for pair in left if _is_about(each, *pair)]
        left = [pair for pair in left if pair not in own]
        reasons = tuple(_reason(owner, judgement, snapshot, inventory) for owner, judgement in own)
        ways = tuple(_way(way, snapshot, inventory, background) for way in each.ways)
        found.append(Why(each.verdict, each.headline, each.remedy, reasons, ways))
    if left:
        verdict = left[0][1].verdict
        reasons = tuple(_reason(owner, judgement, snapshot, inventory) for owner, judgement in left)
        words = "What follows from that, and is not advised on" if found else "What is not as it should be"
        found.append(Why(verdict, words, "", reasons))
    return tuple(found)


def _wrong(snapshot: Snapshot) -> Iterator[tuple[str, Judgement]]:
    """Yield whose each judgement is that is not well, the loudest first."""
    pairs = [(_CLUSTER, each) for each in snapshot.judgements]
    pairs += [(node.name, each) for node in snapshot.nodes for each in node.judgements]
    order = (Verdict.DOWN, Verdict.WARN, Verdict.UNKNOWN)
    yield from sorted((pair for pair in pairs if pair[1].verdict in order), key=lambda pair: order.index(pair[1].verdict))


def _is_about(advice: Advice, owner: str, judgement: Judgement) -> bool:
    """Return whether a judgement is one that the advice tells of: the cluster's own sentence, or any of a node's."""
    if owner == _CLUSTER:
        return judgement.words == advice.headline
    named = advice.headline.split()[:4]
    if named[:1] == ["replication"]:
        return owner in named and judgement.rule in ("receiver", "replicas", "lag", "slots")
    return named[:1] == [owner]


def _reason(owner: str, judgement: Judgement, snapshot: Snapshot, inventory: Inventory) -> Reason:
    rule = rule_of(judgement.rule, owner)
    facts = dict(_facts(rule, owner, judgement, snapshot))
    limit = _limit_said(rule, inventory) or (f"has to be {judgement.limit}" if judgement.limit else "")
    change = rule.change or "A value on the other side of the limit, or another limit in the inventory."
    return Reason(
        owner,
        judgement.verdict,
        judgement.rule,
        rule.sentence,
        judgement.words,
        limit,
        change,
        facts,
        _seen(owner, judgement, snapshot),
    )


def _seen(owner: str, judgement: Judgement, snapshot: Snapshot) -> tuple[str, ...]:
    node = snapshot.node(owner)
    if node is None or judgement.rule != "sql":
        return ()
    return tuple(f"{each.observer} sees {each.sees}: {each.words}" for each in node.vantages)


def _limit_said(rule: Rule, inventory: Inventory) -> str:
    if not rule.limit:
        return ""
    limit = getattr(inventory.limits, rule.limit)
    unit = next((unit for ending, unit in _UNITS.items() if rule.limit.endswith(ending)), "")
    side = "and less" if limit.warn > limit.down else "on"
    return f"warns from {amount(limit.warn, unit)} {side}, as bad as down from {amount(limit.down, unit)} {side}"


def _facts(rule: Rule, owner: str, judgement: Judgement, snapshot: Snapshot) -> Iterator[tuple[str, Fact]]:
    if rule.scope == "service":
        place = judgement.words.partition(":")[0]
        for name in rule.facts:
            for key in (name, f"{place}.{name}"):
                if key in snapshot.facts:
                    yield key, snapshot.facts[key]
        return
    for node in _nodes(rule, owner, snapshot):
        for name in rule.facts:
            fact = node.facts.get(name)
            if fact is not None:
                yield (name if node.name == owner else f"{node.name}.{name}"), fact


def _nodes(rule: Rule, owner: str, snapshot: Snapshot) -> tuple[Node, ...]:
    if rule.scope == "databases":
        return snapshot.of_kind("database")
    if rule.scope == "doors":
        return (*snapshot.of_kind("balancer"), *snapshot.of_kind("web"))
    node = snapshot.node(owner)
    return () if node is None else (node,)


def _way(way: Way, snapshot: Snapshot, inventory: Inventory, background: Background) -> WayReason:
    request = request_of(way)
    title = " ".join(way.command.split()[2:])
    if way.is_blocked:
        return WayReason(title, True, f"blocked by {way.rule}: {way.why}")
    try:
        plan = plan_of(inventory, snapshot, request, lambda inventory, step: (), background)
    except PpsConsoleError as error:  # it was possible a moment ago; the advice that comes says so
        return WayReason(title, True, f"cannot be planned any more: {error}")
    return WayReason(
        title, False, way.kept_out(), tuple(_times(plan, snapshot, background)), f"{TIERS[plan.loss.tier]}; {plan.loss.words}"
    )


def _times(plan: Plan, snapshot: Snapshot, background: Background) -> Iterator[str]:
    """Yield each step that users wait for, with its estimate and where that comes from."""
    is_out = any(each.rule == "service" and each.verdict is Verdict.DOWN for each in snapshot.judgements)
    for step in outage_of(plan.steps, is_out=is_out):
        yield f"{duration(step.estimate_s):>6}  {step.title} ({_origin(step, background)})"


def _origin(step: Step, background: Background) -> str:
    count = runs_behind(background.estimates, step.verb)
    if count:
        return f"learned from {count} {'time' if count == 1 else 'times'} on this cluster"
    return "learned on this cluster" if step.verb in background.estimates else "default: never done here"
