"""What a PostgreSQL instance says of itself: one round trip, all facts."""

from typing import Protocol

from ppsconsole.clock import Clock
from ppsconsole.cluster.copies import copy_of
from ppsconsole.cluster.facts import Fact, node_subject
from ppsconsole.drivers.postgres_query import PostgresStatus
from ppsconsole.inventory.model import Instance, Inventory
from ppsconsole.probes.base import FAILURES, stamp, word_for, words_of

NAMES = (
    "in_recovery",
    "version",
    "system_identifier",
    "timeline",
    "started_at",
    "checkpointer_pid",
    "data_directory",
    "server_address",
    "sql_latency_s",
    "lsn",
    "replay_lsn",
    "is_replay_paused",
    "last_replay_at",
    "receiver",
    "replicas",
    "slots",
    "archiver_failed",
    "archive_backlog",
    "prepared_transactions",
    "longest_transaction_s",
    "sessions",
    "sessions_percent",
    "missing_extensions",
    "is_collation_changed",
    "is_in_exclusive_backup",
    "settings",
    "is_writable",
)
COPY_NAMES = ("copy",)
"""Asked for as well where the standbys are snapshot copies."""


class Asks(Protocol):
    """The part of the PostgreSQL driver that this probe needs."""

    async def status(self, instance: Instance, *, timeout_s: float) -> PostgresStatus:
        """Return everything that `instance` says of itself; raises a DriverError."""
        ...


class PostgresProbe:
    """Looks at one instance through SQL."""

    def __init__(self, inventory: Inventory, instance: Instance, pool: Asks, clock: Clock) -> None:
        self._polling = inventory.polling
        self._database = inventory.database.database
        self._is_snapshot = inventory.database.replication == "snapshot"
        self._instance = instance
        self._pool = pool
        self._clock = clock

    @property
    def target(self) -> str:
        """The instance's name."""
        return self._instance.name

    @property
    def every_s(self) -> float:
        """Seconds between two looks."""
        return self._polling.every_s

    async def read(self) -> tuple[Fact, ...]:
        """Ask once; when it does not answer, `sql` says why and the rest is unknown."""
        polling = self._polling
        names = (*NAMES, *COPY_NAMES) if self._is_snapshot else NAMES
        subject, source = node_subject(self._instance.name), f"{self._instance.name} SQL"
        try:
            status = await self._pool.status(self._instance, timeout_s=polling.timeout_s)
        except FAILURES as error:
            made = stamp(self._clock, subject, source, polling.every_s, polling.fresh_for, polling.timeout_s)
            words = words_of(error)
            return (made.fact("sql", word_for(error), words), *made.unknown(names, words))
        made = stamp(self._clock, subject, source, polling.every_s, polling.fresh_for, polling.timeout_s)
        values: dict[str, object] = {
            **{name: getattr(status, name) for name in NAMES if name not in ("sql_latency_s", "sessions_percent")},
            "sql_latency_s": status.latency_s,
            "sessions_percent": _percent(status),
        }
        if self._is_snapshot:
            values["copy"] = copy_of(self._database, status.comment) or ""
        return (made.fact("sql", "ok"), *(made.fact(name, value) for name, value in values.items()))


def _percent(status: PostgresStatus) -> float | None:
    """Return client sessions in percent of what the server admits; None when it may not be counted."""
    if status.sessions is None:
        return None
    return round(100 * sum(each.count for each in status.sessions) / status.max_connections, 1)
