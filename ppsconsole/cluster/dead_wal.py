"""What the write-ahead log of a dead primary holds beyond what a standby has: a value."""

from dataclasses import dataclass

from ppsconsole.cluster.database import lsn_number


@dataclass(frozen=True, slots=True)
class DeadWal:
    """One reading of the WAL on the disk of a primary that is dead, on a host that answers.

    Commits that were acknowledged without being flushed (`synchronous_commit = off`) never reached the disk and are not in it.

    Attributes:
        primary: Whose WAL it is.
        standby: Whom it was compared with.
        have_lsn: The furthest position of that standby, as it was at `at`.
        at: When it was read, seconds since 1970 UTC.
        end_lsn: End of the last whole record: as far as the old primary itself would recover. None when it could not be read.
        commits: COMMIT records that the standby does not have whole.
        first_at: Commit time of the first of them, by the primary's clock, seconds since 1970 UTC; None where there is none.
        last_at: Likewise of the last.
        trouble: Why it could not be read; empty when it could.
        segment_bytes: Size of one of its files; 0 when it could not be read.
    """

    primary: str
    standby: str
    have_lsn: str
    at: float
    end_lsn: str | None = None
    commits: int = 0
    first_at: float | None = None
    last_at: float | None = None
    trouble: str = ""
    segment_bytes: int = 0

    @property
    def missing_bytes(self) -> int:
        """How many bytes of WAL the standby lacks; 0 where that could not be read."""
        return 0 if self.end_lsn is None else max(0, lsn_number(self.end_lsn) - lsn_number(self.have_lsn))
