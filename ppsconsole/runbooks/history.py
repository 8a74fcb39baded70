"""What was seen of primary and standbys over the last minutes: the ground on which a loss is estimated. Pure values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.database import Receiver
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.cluster.verdicts import Verdict

KEPT = 600
"""How many samples of each standby are kept: 20 minutes at the default interval of 2 s."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Primary and one standby at one moment.

    Attributes:
        at: When the primary was asked for its position, seconds since 1970 UTC by the console's clock.
        primary_lsn: Flushed position of the primary; None when it did not answer.
        standby_lsn: The furthest position that the standby has; None when unknown.
        last_replay_at: Commit time of the standby's last replayed transaction, by the primary's clock.
        is_streaming: Whether the standby was connected.
        clock_skew_s: The primary host's clock minus the console's, in seconds; None when unknown.
    """

    at: float
    primary_lsn: str | None
    standby_lsn: str | None
    last_replay_at: float | None
    is_streaming: bool
    clock_skew_s: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered of the current primary and its standbys.

    Attributes:
        primary: The last instance that was seen to be the only primary; empty when none was.
        dead_since: Since when it has been seen dead at every look, seconds since 1970 UTC; None while it lives, is only
            unreachable, or may still be written to by a web node that nobody sees. A look that does not see it dead lets it
            begin anew: it may live again, and take writes.
        samples: By standby, oldest first.
        served_at: When users were last seen to be served, seconds since 1970 UTC; None where nobody saw that.
        out_since: When they were first seen to be out after that; None while they are served.
        out_by: What showed it, in words.
    """

    primary: str = ""
    dead_since: float | None = None
    samples: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    served_at: float | None = None
    out_since: float | None = None
    out_by: str = ""

    def after(self, snapshot: Snapshot) -> "History":
        """Return the history with what `snapshot` shows added; another primary starts a new one.

        A look that was not completed adds nothing: what it did not see proves neither life nor death.
        """
        if not snapshot.is_complete:
            return self
        found = self._having_seen(snapshot)
        is_served = _is_served(snapshot, is_dead=found.dead_since is not None)
        if is_served is None:
            # Nobody sees whether users are let in: an outage that began with a death is not taken to go on beside a primary.
            is_back = any(node.role == "primary" for node in snapshot.of_kind("database"))
            return replace(found, out_since=None, out_by="") if is_back else found
        if is_served:
            return replace(found, served_at=snapshot.at, out_since=None, out_by="")
        if self.out_since is not None:
            return found
        if found.dead_since is not None:
            return replace(found, out_since=found.dead_since, out_by=f"{found.primary} was first seen dead then")
        return replace(found, out_since=snapshot.at, out_by="it was first seen then that nobody is let in")

    def out_said(self) -> str:
        """Return since when users are out, in words: by which look, and when they were last seen to be served."""
        if self.out_since is None:
            return ""
        last = "nobody saw them served before" if self.served_at is None else f"last seen served at {hhmmss(self.served_at)}Z"
        return f"{self.out_by}; {last}"

    def _having_seen(self, snapshot: Snapshot) -> "History":
        databases = snapshot.of_kind("database")
        primaries = [node for node in databases if node.role == "primary"]
        if len(primaries) > 1:
            return self  # two histories: nothing that is read now can be compared with what was
        if primaries:
            old = self.samples if primaries[0].name == self.primary else {}
            return replace(self, primary=primaries[0].name, dead_since=None, samples=_added(old, primaries[0], databases))
        was = snapshot.node(self.primary)
        if was is None or not _is_seen_dead(snapshot, was):
            return replace(self, dead_since=None) if self.dead_since is not None else self
        sql = was.facts.get("sql")
        return self if self.dead_since is not None else replace(self, dead_since=snapshot.at if sql is None else sql.at)

    def then(self, later: "History") -> "History":
        """Return this history with another one after it that was begun by itself: of another primary, only the later one."""
        if not later.primary or self.primary != later.primary:
            return later if later.primary else self
        samples = dict(self.samples)
        for name, found in later.samples.items():
            before = tuple(each for each in samples.get(name, ()) if each.at < found[0].at) if found else samples.get(name, ())
            samples[name] = (*before, *found)[-KEPT:]
        served_at = self.served_at if later.served_at is None else later.served_at
        both = replace(later, samples=samples, served_at=served_at)
        if later.out_since is not None and self.out_since is not None and later.served_at is None:
            return replace(both, out_since=self.out_since, out_by=self.out_by)  # nobody saw them served in between
        return both


def _is_served(snapshot: Snapshot, *, is_dead: bool) -> bool | None:
    """Return whether users are served by what is seen; None where that cannot be told.

    They are out once the primary is dead, whatever a balancer still answers: a page that needs no database is no service.

    Args:
        snapshot: The world now.
        is_dead: The primary is seen dead.
    """
    if is_dead:
        return False
    balancers = snapshot.of_kind("balancer")
    if not balancers and any(node.role == "primary" for node in snapshot.of_kind("database")):
        return True
    doors = [status for node in balancers if (status := node.value("http")) is not None]
    return any(status < 400 for status in doors) if doors else None


def _is_seen_dead(snapshot: Snapshot, node: Node) -> bool:
    """Return whether an instance takes no write any more, by what somebody sees: not while it starts, stops, or is only silent.

    Lost is not dead. One that is cut off together with a web node goes on taking that one's writes: so where nobody sees its
    processes gone, it counts as dead only once every web node that may use it is seen to get nothing from it.
    """
    if node.verdict is not Verdict.DOWN or any(each.sees == "alive" for each in node.vantages):
        return False
    if any(each.sees == "dead" for each in node.vantages) or node.value("service") == "frozen":
        return True
    lost = {each.observer for each in node.vantages if each.sees == "lost"}
    return all(each.name in lost or _uses_it_not(each, node.name) for each in snapshot.of_kind("web"))


def _uses_it_not(web_node: Node, instance: str) -> bool:
    return web_node.value("service") in ("stopped", "failed") or web_node.value("points_at") not in (None, instance)


def _added(
    samples: Mapping[str, tuple[Sample, ...]], primary: Node, databases: tuple[Node, ...]
) -> Mapping[str, tuple[Sample, ...]]:
    lsn = primary.facts.get("lsn")
    if lsn is None or lsn.value is None:
        return samples
    # A fact is stamped when its answer has come: the position may be older by the time that this took, and commits of that time
    # must not count as seen.
    at = lsn.at - float(primary.value("sql_latency_s") or 0.0)
    found = dict(samples)
    for node in databases:
        if node.role != "standby":
            continue
        before = found.get(node.name, ())
        if before and lsn.at < before[-1].at:
            before = ()  # the console's clock was set back: how long ago those were, it cannot tell any more
        if not before or before[-1].at < at:
            found[node.name] = (*before, _sample(at, str(lsn.value), primary, node))[-KEPT:]
    return found


def _sample(at: float, lsn: str, primary: Node, standby: Node) -> Sample:
    receiver: Receiver | None = standby.value("receiver")
    return Sample(
        at=at,
        primary_lsn=lsn,
        standby_lsn=standby.value("lsn"),
        last_replay_at=standby.value("last_replay_at"),
        is_streaming=receiver is not None and receiver.status == "streaming",
        clock_skew_s=primary.value("host.clock_skew_s"),
    )
