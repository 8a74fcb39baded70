"""What must hold, whatever breaks and whoever does what. Two writers at once are seen by `World.check` as it happens."""

from dataclasses import dataclass
from typing import Any

from ppsconsole.engine.state import RunState, state_of
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from tests.engine.model.databases import Database
from tests.engine.model.world import World

_NEARLY_S = 0.0005

SUCCESSES = (RunVerdict.SUCCESS, RunVerdict.SUCCESS_WITH_ISSUES)


@dataclass(frozen=True, slots=True)
class Announced:
    """The loss as it was last read before a promotion.

    Attributes:
        at: When it was read.
        ends_at: Where its window ends: when the old primary was seen dead, or fenced.
    """

    old: str
    new: str
    loss: Loss
    at: float
    ends_at: float


def check_replay(world: World, plan: Plan, events: tuple[RunEvent, ...], state: RunState) -> None:
    """The journal alone tells where the run stands."""
    if state_of(plan, events) != state:
        world.wrong("the journal does not tell what the runner knew")
    if [event.number for event in events] != list(range(1, len(events) + 1)):
        world.wrong("the journal has a gap")


def check_end(world: World, plan: Plan, verdict: RunVerdict, before: dict[str, tuple[Any, ...]]) -> None:
    """What a verdict says is true of the world at this moment."""
    if verdict in SUCCESSES:
        _succeeded(world, plan)
    if verdict is RunVerdict.ROLLED_BACK:
        now = world.view()
        kept = [name for name in before if name not in world.touched and before[name][0] != "frozen"]  # nobody freezes it again
        moved = [name for name in kept if before[name] != now[name]]
        for name in moved:
            world.wrong(f"backed out, and {name} is not as before: it was {before[name]}, it is {now[name]}")


def _succeeded(world: World, plan: Plan) -> None:
    # A fault may strike between the last look and the verdict: what a fault touched is not held against the run.
    if plan.runbook == "switchover":
        new = world.databases[plan.to]
        missing = [record.number for record, _ in world.acked if not _has(new.log, record)]
        if missing:
            world.wrong(f"a switchover succeeded, and {len(missing)} acknowledged writes are lost")
        if plan.to not in world.touched and not new.is_writable:
            world.wrong(f"a switchover succeeded, and {plan.to} takes no writes")
    if plan.runbook in ("fence", "lost-writes", "rejoin"):
        _about_the_old_one(world, plan)
        return
    if plan.runbook == "restart" and plan.node not in world.touched and not world.runs(plan.node):
        world.wrong(f"a restart succeeded, and {plan.node} does not run")
    serving = {world.front(name)[0] for name in world.balancers}
    if plan.runbook != "restart" and not world.touched and not world.links.cut_pairs and serving != {200}:
        world.wrong(f"{plan.runbook} succeeded, and users get {serving}")


def check_loss(world: World, announced: Announced) -> None:
    """What was announced before a promotion covers what it lost."""
    new, loss = world.databases[announced.new], announced.loss
    lost = [record for record, by in world.acked if by == announced.old and not _has(new.log, record)]
    if not lost or loss.tier is LossTier.UNKNOWN or loss.window_s is None:
        return
    first, last = min(record.at for record in lost), max(record.at for record in lost)
    said = f"announced was {loss.said()}, lost are {len(lost)} writes of {last - first:.3f}s"
    if loss.tier is LossTier.NONE:
        world.wrong(f"a loss that was announced as none: {said}")
    elif loss.tier is LossTier.EXACT and len(lost) != (loss.transactions or 0):
        world.wrong(f"a loss that was announced as exact: {said}")
    elif last - first > loss.window_s + _NEARLY_S:
        world.wrong(f"a loss beyond its window: {said}")
    elif loss.tier is LossTier.BOUNDED and first < announced.ends_at - loss.window_s - _NEARLY_S:
        world.wrong(f"a loss before its window: {said}, the first {announced.ends_at - first:.3f}s before its end")
    elif loss.tier is LossTier.BOUNDED and last > announced.ends_at + _NEARLY_S:
        world.wrong(f"a loss behind its window: {said}, the last {last - announced.ends_at:.3f}s behind its end")


def given_up(world: World, new: Database) -> None:
    """Take note of what a failover lost, which nobody expects any more."""
    world.lost = [record for record, _ in world.acked if not _has(new.log, record)]
    world.acked = [(record, by) for record, by in world.acked if _has(new.log, record)]


def _about_the_old_one(world: World, plan: Plan) -> None:
    """What it says of an old primary is true: it is down; what it had is kept; it follows."""
    database = world.databases[plan.node]
    if plan.runbook == "fence" and plan.node not in world.touched and database.is_writable:
        world.wrong(f"a fence succeeded, and {plan.node} takes writes")
    there = [record for copy in database.kept.values() for record in copy]
    if plan.runbook == "rejoin":
        there += database.log
    gone = [record for record in world.lost if record not in there]
    if plan.runbook in ("lost-writes", "rejoin") and gone:
        world.wrong(f"{plan.runbook} succeeded, and {len(gone)} writes that were lost are kept nowhere")
    others = [each for each in world.databases.values() if each is not database]
    is_standby = database.has_signal and any(each.name == database.upstream and each.has(database) for each in others)
    if plan.runbook == "rejoin" and not is_standby:
        world.wrong(f"a rejoin succeeded, and {plan.node} is no standby of the primary")


def _has(log: list[Any], record: Any) -> bool:
    """Return whether a log has this very record; positions grow, so it is looked for by its own."""
    low, high = 0, len(log)
    while low < high:
        middle = (low + high) // 2
        if log[middle].start < record.start:
            low = middle + 1
        else:
            high = middle
    return low < len(log) and log[low] is record
