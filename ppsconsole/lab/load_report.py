"""What a load came to: values, told as text that can be read aloud, and as JSON."""

from dataclasses import asdict, dataclass
from typing import Any

from ppsconsole.clock import duration, hhmmss, iso

OUTAGE_S = 0.2
"""From this length on a gap is listed as an outage: below it, users of a web page notice nothing."""

_LISTED = 20


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which operations of one kind were tried and none was acknowledged.

    Attributes:
        kind: `writes`, `reads` or `logins`.
        began_at: When the last operation before it was acknowledged (or the first ever was tried), seconds since 1970 UTC.
        length_s: Until the next operation was acknowledged.
        is_over: False when the load ended in it, so that its real length is unknown.
    """

    kind: str
    began_at: float
    length_s: float
    is_over: bool

    @property
    def ended_at(self) -> float:
        """When it ended, or the load did, in seconds since 1970 UTC."""
        return self.began_at + self.length_s


@dataclass(frozen=True, slots=True)
class KindReport:
    """The operations of one kind.

    Attributes:
        kind: `writes`, `reads` or `logins`.
        longest_outage_s: The largest gap between two acknowledged operations while trying; a slow answer is a short one.
        outages: Those of at least `OUTAGE_S`, in order.
        latency_p50_s: Of acknowledged operations; None when there was none.
        latency_p99_s: Likewise.
        failures: How often each reason was met, the most frequent first.
    """

    kind: str
    attempts: int
    acknowledged: int
    failed: int
    longest_outage_s: float
    outages: tuple[Outage, ...]
    latency_p50_s: float | None
    latency_p99_s: float | None
    failures: tuple[tuple[str, int], ...]

    def lines(self) -> list[str]:
        """Return it as text."""
        head = f"{self.kind.capitalize()}: {self.attempts} tried, {self.acknowledged} acknowledged, {self.failed} failed"
        if self.latency_p50_s is not None and self.latency_p99_s is not None:
            head += f"; half within {_milliseconds(self.latency_p50_s)}, 99 of 100 within {_milliseconds(self.latency_p99_s)}"
        head += f"; longest outage {_length(self.longest_outage_s)}."
        outages = [
            f"  out from {hhmmss(each.began_at)} for {_length(each.length_s)}" + ("" if each.is_over else ", not back at the end")
            for each in self.outages[:_LISTED]
        ]
        if len(self.outages) > _LISTED:
            outages.append(f"  and {len(self.outages) - _LISTED} outages more")
        return [head, *outages, *(f"  failed {count} times: {reason}" for reason, count in self.failures)]


@dataclass(frozen=True, slots=True)
class LostWrite:
    """A write that was acknowledged and is not there.

    Attributes:
        acknowledged_at: Seconds since 1970 UTC.
    """

    name: str
    id: str
    acknowledged_at: float


@dataclass(frozen=True, slots=True)
class Verification:
    """All acknowledged writes, looked for afterwards through the front.

    Attributes:
        checked: How many acknowledged writes were looked for.
        lost: Those that are missing, oldest first.
        unacknowledged: Names of writes that exist though the client was never told so: the answer was lost, not the write.
        duplicated: Names that exist more than once: something on the way sent the write again.
    """

    checked: int
    lost: tuple[LostWrite, ...]
    unacknowledged: tuple[str, ...]
    duplicated: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return it as text."""
        if self.lost:
            first, last = self.lost[0].acknowledged_at, self.lost[-1].acknowledged_at
            told = [f"LOST: {len(self.lost)} of {self.checked} acknowledged writes, from {hhmmss(first)} to {hhmmss(last)}."]
            told += [f"  {each.name} ({each.id}), acknowledged at {hhmmss(each.acknowledged_at)}" for each in self.lost[:_LISTED]]
            if len(self.lost) > _LISTED:
                told.append(f"  and {len(self.lost) - _LISTED} more")
        else:
            told = [f"Verified: all {self.checked} acknowledged writes were read back, none is lost."]
        if self.unacknowledged:
            told.append(f"There too, though never acknowledged: {len(self.unacknowledged)} writes.")
        if self.duplicated:
            told.append(f"There more than once: {len(self.duplicated)} writes.")
        return told


@dataclass(frozen=True, slots=True)
class LoadReport:
    """A load, so far or as a whole.

    Attributes:
        began_at: Seconds since 1970 UTC.
        ended_at: Likewise; now, while it runs.
        missing_reads: How many reads asked for an acknowledged write and were told that there is none.
        verification: None when it was not done.
    """

    url: str
    began_at: float
    ended_at: float
    writes: KindReport
    reads: KindReport
    logins: KindReport
    missing_reads: int
    verification: Verification | None = None

    @property
    def kinds(self) -> tuple[KindReport, ...]:
        """Writes, reads and logins."""
        return self.writes, self.reads, self.logins

    @property
    def attempts(self) -> int:
        """How many operations were tried and have ended."""
        return sum(kind.attempts for kind in self.kinds)

    @property
    def acknowledged(self) -> int:
        """How many were acknowledged."""
        return sum(kind.acknowledged for kind in self.kinds)

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(kind.failed for kind in self.kinds)

    @property
    def longest_outage_s(self) -> float:
        """The longest outage of any kind, in seconds."""
        return max(kind.longest_outage_s for kind in self.kinds)

    @property
    def outages(self) -> tuple[Outage, ...]:
        """Those of all kinds, by their beginning."""
        return tuple(sorted((each for kind in self.kinds for each in kind.outages), key=lambda each: each.began_at))

    def text(self) -> str:
        """Return the whole as lines of text."""
        lines = [
            f"Load on {self.url} from {iso(self.began_at)} for {duration(self.ended_at - self.began_at)}: "
            f"{self.attempts} operations tried, {self.acknowledged} acknowledged, {self.failed} failed."
        ]
        for kind in self.kinds:
            lines += kind.lines()
        if self.missing_reads:
            lines.append(f"{self.missing_reads} reads of acknowledged writes found nothing.")
        lines += self.verification.lines() if self.verification else ["Not verified: whether writes were lost is unknown."]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values: times in seconds since 1970 UTC, lengths in seconds."""
        return asdict(self) | {
            "attempts": self.attempts,
            "acknowledged": self.acknowledged,
            "failed": self.failed,
            "longest_outage_s": self.longest_outage_s,
        }


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _length(seconds: float) -> str:
    return _milliseconds(seconds) if seconds < 1 else duration(seconds)
