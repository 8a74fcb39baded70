"""What a face shows: the snapshot, how it came to be, and what was run to find out. Immutable."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed.

    Attributes:
        at: Seconds since 1970 UTC.
        subject: A node, or `cluster`.
        words: One sentence, harmless text.
    """

    at: float
    subject: str
    verdict: Verdict
    words: str


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """One command or query that the console sent, as shown to the operator; secrets are masked.

    Attributes:
        at: When it was sent, seconds since 1970 UTC.
        where: Host or instance it was sent to.
        command: What was sent, as one line.
        duration_s: Until the answer, or until it was given up.
        outcome: `rc 0`, `ok`, `timed-out`, ...
    """

    at: float
    where: str
    command: str
    duration_s: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A connection that is being tried: shown as `still trying db2 (4s)` instead of a spinner."""

    where: str
    since: float


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame's worth of knowledge.

    Attributes:
        trends: Last values of each gauge by its name, oldest first; None where unknown.
        events: Oldest first, bounded.
        commands: Oldest first, bounded.
        attempts: What has been waited for longer than a second.
    """

    snapshot: Snapshot
    trends: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    commands: tuple[CommandRecord, ...] = ()
    attempts: tuple[Attempt, ...] = ()
