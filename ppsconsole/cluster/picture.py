"""What a face shows: the snapshot, how it came to be, and what was run to find out. Immutable."""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.values import dataclass


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
class FirstLook:
    """How far the first look at one host or node is, until everything was looked at once.

    Attributes:
        where: The host or node.
        state: Not begun, being tried, answered, or looked at in vain.
        since: When the look began, seconds since 1970 UTC; 0 before that.
        words: Why it was in vain, one word such as `timed-out`.
    """

    where: str
    state: Literal["waiting", "trying", "answered", "failed"]
    since: float = 0.0
    words: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """What gauges were, on one axis of time.

    Attributes:
        values: By the gauge's name, oldest first; None where unknown. A gauge that came later has fewer.
        step_s: Seconds between two values.
        taken: How many were taken since the beginning, those that are not kept any more among them.
        kept: How many are kept at most.
    """

    values: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    step_s: float = 0.0
    taken: int = 0
    kept: int = 120


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame's worth of knowledge.

    Attributes:
        trends: Last values of each gauge by its name, oldest first; None where unknown.
        recent: The same with their axis of time: the last minutes.
        long: The last hour, coarse: the worst value of each of its steps.
        events: Oldest first, bounded.
        commands: Oldest first, bounded.
        attempts: What has been waited for longer than a second.
        first_looks: Everything that is looked at, in the order of the file; empty once all was looked at.
    """

    snapshot: Snapshot
    trends: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    commands: tuple[CommandRecord, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    first_looks: tuple[FirstLook, ...] = ()
    recent: History = History()
    long: History = History()
