"""What a database instance says of its partners: values inside facts."""

from ppsconsole.values import dataclass

NEWEST_MAJOR = 18
"""The newest PostgreSQL that the console was tried on: of a newer one nobody here knows what changed in its views."""

TAKES_PRIMARY_BY_RELOAD = 130000
"""From this version on a standby takes a new primary by a reload (PostgreSQL's release notes for 13); before, by a restart."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One row of `pg_stat_replication`: a standby as its primary sees it.

    Attributes:
        unflushed_bytes: WAL that the primary has and the standby has not flushed; None where the standby has not said.
        flush_lag_s: The primary's own measurement; None when idle, which is not 0.
        reply_age_s: Seconds since the standby last said where it stands, by its own clock at the time; None when it never did.
    """

    application_name: str
    client_addr: str
    state: str
    sync_state: str
    sent_lsn: str | None
    flush_lsn: str | None
    replay_lsn: str | None
    unflushed_bytes: int | None
    unreplayed_bytes: int | None
    flush_lag_s: float | None
    replay_lag_s: float | None
    reply_age_s: float | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """`pg_stat_wal_receiver`: a standby's view of its upstream.

    Attributes:
        status: `streaming`, `waiting`, ...; `none` when no receiver runs.
        message_age_s: Seconds since the upstream last said anything, by the standby's clock.
    """

    status: str
    received_timeline: int | None = None
    flushed_lsn: str | None = None
    latest_end_lsn: str | None = None
    message_age_s: float | None = None
    slot_name: str | None = None
    sender_host: str | None = None
    sender_port: int | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """One row of `pg_replication_slots`.

    Attributes:
        wal_status: `reserved`, `extended`, `unreserved` (about to be lost) or `lost`; None before PostgreSQL 13.
        retained_bytes: WAL that the slot keeps from being removed.
        is_kept: A logical slot that is there on the standby too, after a promotion (`failover`, PostgreSQL 17 and newer).
    """

    name: str
    kind: str
    is_active: bool
    wal_status: str | None
    retained_bytes: int | None
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Sessions:
    """How many client sessions one address holds on one database of the instance."""

    client_addr: str
    application_name: str
    user: str
    database: str
    count: int


def lsn_number(lsn: str) -> int:
    """Return a position in the write-ahead log as a number of bytes: `0/3000060` is 50331744.

    Raises:
        ValueError: `lsn` is not of the form `X/Y` in hexadecimal.
    """
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)
