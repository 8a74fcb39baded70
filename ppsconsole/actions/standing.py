"""What an instance says of its own role and position: the few values that stop, prove, promote and follow rely on."""

from dataclasses import dataclass

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.places import instance_of
from ppsconsole.cluster.database import lsn_number
from ppsconsole.errors import BadAnswer

# The timeline of a standby: nobody tells it in one word. pg_control lags behind until the next restartpoint, and the receiver
# is gone once the primary is; the name of the WAL file that holds the last position received does not lag.
_SQL = """
SELECT pg_is_in_recovery(),
       (SELECT system_identifier::text FROM pg_control_system()),
       CASE WHEN pg_is_in_recovery() THEN GREATEST(
              (SELECT received_tli FROM pg_stat_wal_receiver),
              (SELECT timeline_id FROM pg_control_checkpoint()),
              (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
              (SELECT max(('x' || left(name, 8))::bit(32)::int) FROM pg_ls_waldir(), at
               WHERE name ~ '^[0-9A-F]{24}$' AND right(name, 16) = at.segment))
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
       pg_last_wal_receive_lsn()::text, pg_last_wal_replay_lsn()::text,
       CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END,
       (SELECT status FROM pg_stat_wal_receiver),
       current_setting('transaction_read_only') = 'off'
FROM at
"""
_AT = """
WITH size AS (SELECT setting::numeric AS bytes FROM pg_settings WHERE name = 'wal_segment_size'),
     at AS (SELECT upper(lpad(to_hex(floor(here / 4294967296)::bigint), 8, '0')
                      || lpad(to_hex(floor(mod(here, 4294967296) / size.bytes)::bigint), 8, '0')) AS segment
            FROM size, (SELECT COALESCE(GREATEST(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0') - '0/0'::pg_lsn
                        AS here) AS position)
"""
STANDING_SQL = " ".join((_AT + _SQL).split())
FLUSHED_SQL = "SELECT pg_current_wal_flush_lsn()::text"
"""How far a primary's own log is on its disk."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an instance stands, in its own words.

    Attributes:
        received: What a standby has flushed, None on a primary that never was one.
        replayed: What it has applied; the end of a whole record.
        receiver: Status of its WAL receiver, None when none runs.
        is_writable: Whether it takes writes at all.
    """

    in_recovery: bool
    system_identifier: str
    timeline: int
    received: str | None
    replayed: str | None
    is_replay_paused: bool
    receiver: str | None
    is_writable: bool

    @property
    def have(self) -> str | None:
        """The furthest position that a standby has flushed or applied; None when it has none."""
        known = [each for each in (self.received, self.replayed) if each]
        return max(known, key=lsn_number, default=None)

    @property
    def role(self) -> str:
        """`primary` or `standby`."""
        return "standby" if self.in_recovery else "primary"


async def standing(bench: Workbench, name: str, *, timeout_s: float = 4.0) -> Standing:
    """Return how the instance `name` stands.

    Raises:
        DriverError: It could not be asked.
    """
    rows = await bench.tools.postgres.execute(instance_of(bench.inventory, name), STANDING_SQL, timeout_s=timeout_s)
    if len(rows) != 1:
        raise BadAnswer("it did not say how it stands", where=name)
    in_recovery, identifier, timeline, received, replayed, is_paused, receiver, is_writable = rows[0]
    return Standing(
        bool(in_recovery), str(identifier), int(timeline), received, replayed, bool(is_paused), receiver, bool(is_writable)
    )


async def young_standing(bench: Workbench, name: str) -> Standing:
    """Return how the instance `name` stands; as it was seen a moment ago, where it was (`Workbench.keep_look`).

    Raises:
        DriverError: It could not be asked.
    """
    found = bench.young_look(f"standing of {name}")
    if isinstance(found, Standing):
        return found
    found = await standing(bench, name)
    bench.keep_look(f"standing of {name}", found)
    return found


async def flushed(bench: Workbench, primary: str, *, timeout_s: float = 4.0) -> str:
    """Return how far the log of a primary is on its disk.

    Raises:
        DriverError: It could not be asked, or is no primary.
    """
    rows = await bench.tools.postgres.execute(instance_of(bench.inventory, primary), FLUSHED_SQL, timeout_s=timeout_s)
    if len(rows) != 1:
        raise BadAnswer("it did not say how far its log is", where=primary)
    return str(rows[0][0])
