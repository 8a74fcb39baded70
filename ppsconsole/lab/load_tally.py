"""Counting one kind of operation: attempts, latencies, and the gaps in which nothing was acknowledged."""

from array import array
from collections import Counter

from ppsconsole.lab.load_report import OUTAGE_S, KindReport, Outage


class Tally:
    """Counts operations of one kind. All times are monotonic seconds, given by the caller.

    A gap reaches from one acknowledgement to the next, and counts when something was tried in it: an attempt failed, or one
    was under way for `OUTAGE_S` at least. The time between two attempts of a slow pace is no gap.

    Args:
        kind: `writes`, `reads` or `logins`.
        epoch: What to add to a monotonic time to get seconds since 1970 UTC.
    """

    def __init__(self, kind: str, epoch: float) -> None:
        self._kind = kind
        self._epoch = epoch
        self._under_way = 0
        self._acknowledged_at: float | None = None
        self._trying_since: float | None = None
        self._has_failed = False
        self._longest_s = 0.0
        self._outages: list[Outage] = []
        self._latencies = array("d")
        self._failures: Counter[str] = Counter()

    def tried(self, at: float) -> None:
        """Count an attempt that begins."""
        self._under_way += 1
        if self._trying_since is None:
            self._trying_since = at

    def acknowledged(self, began: float, at: float) -> None:
        """Count an attempt, begun at `began`, that was acknowledged."""
        self._under_way -= 1
        self._latencies.append(at - began)
        gap = self._gap(at)
        if gap is not None:
            self._longest_s = max(self._longest_s, gap.length_s)
            if gap.length_s >= OUTAGE_S:
                self._outages.append(gap)
        self._acknowledged_at = at
        self._has_failed = False
        self._trying_since = at if self._under_way else None

    def failed(self, reason: str) -> None:
        """Count an attempt that failed."""
        self._under_way -= 1
        self._has_failed = True
        self._failures[reason] += 1

    def report(self, at: float) -> KindReport:
        """Return what has been counted up to `at`."""
        gap = self._gap(at, is_over=False)
        outages = [*self._outages, gap] if gap and gap.length_s >= OUTAGE_S else self._outages
        ordered = sorted(self._latencies)
        failed = self._failures.total()
        return KindReport(
            kind=self._kind,
            attempts=len(ordered) + failed,
            acknowledged=len(ordered),
            failed=failed,
            longest_outage_s=max(self._longest_s, gap.length_s if gap else 0.0),
            outages=tuple(outages),
            latency_p50_s=ordered[len(ordered) // 2] if ordered else None,
            latency_p99_s=ordered[len(ordered) * 99 // 100] if ordered else None,
            failures=tuple(self._failures.most_common()),
        )

    def _gap(self, at: float, *, is_over: bool = True) -> Outage | None:
        """The gap that ends at `at`: from the last acknowledgement where something went wrong, else what was waited for."""
        since = self._trying_since
        if since is None:
            return None
        if self._has_failed or at - since >= OUTAGE_S:
            since = self._acknowledged_at if self._acknowledged_at is not None else since
        return Outage(self._kind, self._epoch + since, at - since, is_over)
