"""What was seen of primary and standbys over the last minutes: the ground on which a loss is estimated. Pure values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ppsconsole.cluster.database import Receiver
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.cluster.verdicts import Verdict

KEPT = 600
"""How many samples of each standby are kept: 20 minutes at the default interval of 2 s."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Primary and one standby at one moment.

    Attributes:
        at: When the primary's position was read, seconds since 1970 UTC by the console's clock.
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
        dead_since: The first moment at which it was seen dead, seconds since 1970 UTC; None while it lives or is
            only unreachable.
        samples: By standby, oldest first.
    """

    primary: str = ""
    dead_since: float | None = None
    samples: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)

    def after(self, snapshot: Snapshot) -> "History":
        """Return the history with what `snapshot` shows added; another primary starts a new one."""
        databases = snapshot.of_kind("database")
        primaries = [node for node in databases if node.role == "primary"]
        if len(primaries) > 1:
            return self  # two histories: nothing that is read now can be compared with what was
        if primaries:
            old = self.samples if primaries[0].name == self.primary else {}
            return History(primaries[0].name, None, _added(old, primaries[0], databases))
        was = snapshot.node(self.primary)
        if was is None or self.dead_since is not None or was.verdict is not Verdict.DOWN:
            return self
        sql = was.facts.get("sql")
        return replace(self, dead_since=snapshot.at if sql is None else sql.at)


def _added(
    samples: Mapping[str, tuple[Sample, ...]], primary: Node, databases: tuple[Node, ...]
) -> Mapping[str, tuple[Sample, ...]]:
    lsn = primary.facts.get("lsn")
    if lsn is None or lsn.value is None:
        return samples
    found = dict(samples)
    for node in databases:
        if node.role != "standby":
            continue
        before = found.get(node.name, ())
        if not before or before[-1].at < lsn.at:
            found[node.name] = (*before, _sample(lsn.at, str(lsn.value), primary, node))[-KEPT:]
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
