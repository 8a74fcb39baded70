"""The one statement that asks a PostgreSQL instance for all that the console wants to know, and what its answer means.

It runs on primaries and standbys, on PostgreSQL 12 and later, and for a mere member of `pg_monitor`. What a role may not see
is left out of the statement: permission to execute a function is checked when a plan starts, so a CASE around it would not help.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ppsconsole.cluster.database import Receiver, Replica, Sessions, Slot
from ppsconsole.errors import BadAnswer
from ppsconsole.masking import plain

OLDEST_VERSION = 120000


class TooOld(BadAnswer):
    """The server is older than the oldest PostgreSQL that the console speaks to; nothing was asked of it."""

    word = "too-old"


PRIVILEGES_SQL = """
SELECT pg_has_role(current_user, 'pg_read_all_settings', 'USAGE'),
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
       has_function_privilege('pg_ls_archive_statusdir()', 'EXECUTE')
"""

# Nobody tells the timeline of a standby in one word: pg_control lags until the next restartpoint, and the receiver is gone once
# the primary is; the name of the WAL file that holds the last position does not lag, and is seen by members of pg_monitor.
_STANDBY_TIMELINES = (
    "(SELECT received_tli FROM pg_stat_wal_receiver)",
    "(SELECT timeline_id FROM pg_control_checkpoint())",
    "(SELECT min_recovery_end_timeline FROM pg_control_recovery())",
    """(SELECT max(('x' || left(wal.name, 8))::bit(32)::int)
        FROM pg_ls_waldir() AS wal, (SELECT setting::numeric AS bytes FROM pg_settings WHERE name = 'wal_segment_size') AS size,
             (SELECT COALESCE(GREATEST(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0') - '0/0'::pg_lsn AS here) AS at
        WHERE wal.name ~ '^[0-9A-F]{24}$' AND right(wal.name, 16) = upper(
             lpad(to_hex(floor(at.here / 4294967296)::bigint), 8, '0')
             || lpad(to_hex(floor(mod(at.here, 4294967296) / size.bytes)::bigint), 8, '0')))""",
)

_SETTINGS = (
    "archive_mode",
    "cluster_name",
    "data_checksums",
    "default_transaction_read_only",
    "full_page_writes",
    "hot_standby",
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_replication_slots",
    "max_slot_wal_keep_size",
    "max_wal_senders",
    "max_worker_processes",
    "primary_slot_name",
    "recovery_min_apply_delay",
    "synchronous_commit",
    "synchronous_standby_names",
    "wal_level",
    "wal_log_hints",
    "wal_retrieve_retry_interval",
    "wal_sender_timeout",
)
_GUARDED_SETTINGS = ("data_directory", "shared_preload_libraries")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Sight:
    """What a connection's role may see; decides how the statement is built.

    Attributes:
        version: `server_version_num`.
        sees_settings: Member of `pg_read_all_settings`.
        sees_stats: Member of `pg_read_all_stats`.
        sees_archive: May execute `pg_ls_archive_statusdir()`.
    """

    version: int
    sees_settings: bool
    sees_stats: bool
    sees_archive: bool


@dataclass(frozen=True, slots=True)
class PostgresStatus:
    """What an instance said of itself in one round trip. None is *not known*, mostly for lack of permission.

    Attributes:
        version: `server_version_num`, e.g. 150018.
        timeline: On a primary from the name of the current WAL file (pg_control lags after a promotion); on a standby
            the latest of what its receiver, its control file and its WAL files say.
        started_at: Seconds since 1970 UTC, by the server's clock, as are `clock_at` and `last_replay_at`.
        server_address: Where this session arrived, as the server sees it.
        lsn: Primary: flushed; standby: the furthest that it received or replayed.
        archiver_failed: Failed attempts, counted by the server since its statistics were reset; 0 when the last attempt
            went well or archiving is off.
        archive_backlog: WAL files that wait to be archived.
        longest_transaction_s: Age of the oldest open client transaction, 0 when there is none.
        sessions: Client sessions, the console's own left out.
        missing_extensions: Extensions of the PPS database whose files this server does not have.
        is_collation_changed: The PPS database was made with another version of its collation than the machine has now; None
            before PostgreSQL 15, which does not keep it.
        settings: `name=value`, in the order of their names.
        is_writable: A primary whose transactions are not read-only by default.
        latency_s: Seconds from the request to the answer.
        checkpointer_pid: Number of the process that writes its checkpoints, as a host's process table has it.
        comment: On the PPS database: a snapshot copy is told by it.
        is_in_exclusive_backup: Between `pg_start_backup` and `pg_stop_backup`, whose exclusive form ended with PostgreSQL 14.
    """

    in_recovery: bool
    version: int
    system_identifier: str
    timeline: int
    started_at: float
    data_directory: str | None
    server_address: str | None
    server_port: int | None
    clock_at: float
    lsn: str | None
    replay_lsn: str | None
    is_replay_paused: bool | None
    last_replay_at: float | None
    receiver: Receiver | None
    replicas: tuple[Replica, ...] | None
    slots: tuple[Slot, ...]
    archiver_failed: int
    archive_backlog: int | None
    prepared_transactions: int
    longest_transaction_s: float | None
    sessions: tuple[Sessions, ...] | None
    max_connections: int
    missing_extensions: tuple[str, ...]
    is_collation_changed: bool | None
    settings: tuple[str, ...]
    is_writable: bool
    latency_s: float
    checkpointer_pid: int | None = None
    comment: str = ""
    is_in_exclusive_backup: bool = False


def status_sql(sight: Sight) -> str:
    """Return the statement for a connection that sees what `sight` says; its answer is one JSON object.

    Raises:
        TooOld: The server is older than PostgreSQL 12.
    """
    require_version(sight.version)
    flushed = "flushed_lsn" if sight.version >= 130000 else "received_lsn"
    wal_status = "wal_status" if sight.version >= 130000 else "NULL"
    synced = "synced OR failover" if sight.version >= 170000 else "false"
    settings = (*_SETTINGS, *(_GUARDED_SETTINGS if sight.sees_settings else ()))
    names = ", ".join(f"('{name}')" for name in settings)
    parts = {
        "in_recovery": "me.standby",
        "system_identifier": "(SELECT system_identifier::text FROM pg_control_system())",
        "timeline": f"""CASE WHEN me.standby THEN GREATEST({", ".join(_STANDBY_TIMELINES[: None if sight.sees_archive else -1])})
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END""",
        "started_at": "extract(epoch FROM pg_postmaster_start_time())",
        "server_address": "host(inet_server_addr())",
        "server_port": "inet_server_port()",
        "clock_at": "extract(epoch FROM clock_timestamp())",
        "lsn": "me.lsn::text",
        "replay_lsn": "CASE WHEN me.standby THEN pg_last_wal_replay_lsn()::text END",
        "is_replay_paused": "CASE WHEN me.standby THEN pg_is_wal_replay_paused() END",
        "last_replay_at": "CASE WHEN me.standby THEN extract(epoch FROM pg_last_xact_replay_timestamp()) END",
        "receiver": f"""(SELECT json_build_array(status, received_tli, {flushed}::text, latest_end_lsn::text,
            extract(epoch FROM clock_timestamp() - last_msg_receipt_time), slot_name, sender_host, sender_port)
            FROM pg_stat_wal_receiver)""",
        "slots": f"""(SELECT json_agg(json_build_array(slot_name, slot_type, active, {wal_status},
            GREATEST(pg_wal_lsn_diff(me.lsn, restart_lsn), 0)::bigint, {synced}) ORDER BY slot_name)
            FROM pg_replication_slots)""",
        "archiver_failed": """(SELECT CASE WHEN current_setting('archive_mode') = 'off' OR last_failed_time IS NULL
            OR last_failed_time < last_archived_time THEN 0 ELSE failed_count END FROM pg_stat_archiver)""",
        "comment": "(SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database())",
        "prepared": "(SELECT count(*) FROM pg_prepared_xacts)",
        "missing_extensions": _MISSING_EXTENSIONS,
        "is_collation_changed": _IS_COLLATION_CHANGED if sight.version >= 150000 else "NULL",
        "settings": f"(SELECT json_object_agg(name, current_setting(name, true)) FROM (VALUES {names}) AS wanted (name))",
    }
    if sight.version < 150000:
        parts["is_in_exclusive_backup"] = "pg_is_in_backup()"
    if sight.sees_archive:
        parts["archive_backlog"] = "(SELECT count(*) FROM pg_ls_archive_statusdir() WHERE right(name, 6) = '.ready')"
    if sight.sees_stats:
        parts |= _STATS
    pairs = ",\n".join(f"'{name}', {value}" for name, value in parts.items())
    return f"SELECT json_build_object({pairs}) {_FROM}"


_FROM = """
FROM (SELECT standby, CASE WHEN standby THEN GREATEST(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                           ELSE pg_current_wal_flush_lsn() END AS lsn
      FROM (SELECT pg_is_in_recovery() AS standby OFFSET 0) AS role OFFSET 0) AS me
"""
# OFFSET 0 keeps the planner from merging the sub-selects: role and position are read once, and all parts tell of the same moment.

# What is installed is read from the disk, once, and only where somebody added an extension: PPS itself needs none.
_MISSING_EXTENSIONS = """(SELECT json_agg(extname ORDER BY extname) FROM pg_extension
    WHERE extname <> 'plpgsql' AND extname <> ALL (ARRAY(SELECT name FROM pg_available_extensions)))"""
_IS_COLLATION_CHANGED = """(SELECT datcollversion <> pg_database_collation_actual_version(oid) AND datcollversion IS NOT NULL
    FROM pg_database WHERE datname = current_database())"""

_STATS = {
    "checkpointer_pid": "(SELECT max(pid) FROM pg_stat_activity WHERE backend_type = 'checkpointer')",
    "replicas": """(SELECT json_agg(json_build_array(application_name, COALESCE(host(client_addr), ''), state, sync_state,
        sent_lsn::text, flush_lsn::text, replay_lsn::text,
        GREATEST(pg_wal_lsn_diff(me.lsn, flush_lsn), 0)::bigint, GREATEST(pg_wal_lsn_diff(me.lsn, replay_lsn), 0)::bigint,
        extract(epoch FROM flush_lag), extract(epoch FROM replay_lag),
        GREATEST(extract(epoch FROM clock_timestamp() - reply_time), 0)) ORDER BY application_name, client_addr, pid)
        FROM pg_stat_replication WHERE state IS NOT NULL)""",
    "sessions": """(SELECT json_agg(json_build_array(client_addr, application_name, usename, datname, number)
        ORDER BY client_addr, application_name, usename, datname)
        FROM (SELECT COALESCE(host(client_addr), '') AS client_addr, COALESCE(application_name, '') AS application_name,
                     COALESCE(usename, '') AS usename, COALESCE(datname, '') AS datname, count(*) AS number
              FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
              GROUP BY 1, 2, 3, 4) AS held)""",
    "longest_transaction_s": """(SELECT COALESCE(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)
        FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())""",
}


def require_version(version: int) -> None:
    """Refuse a server that the console's statements were not made for, before one of them is sent.

    Args:
        version: `server_version_num`, as the server says it when somebody logs in.

    Raises:
        TooOld: It is older than PostgreSQL 12, which has a recovery.conf instead of `standby.signal`, and no `pg_promote`.
    """
    if version < OLDEST_VERSION:
        # Before 10 the second number was part of the major version: 90624 is 9.6.24.
        number = f"{version // 10000}.{version // 100 % 100}" if version < 100000 else str(version // 10000)
        raise TooOld(f"PostgreSQL {number} is too old: the console speaks to 12 and newer", remedy="Upgrade it first")


def parse_status(answer: Any, sight: Sight, latency_s: float) -> PostgresStatus:
    """Return the answer to `status_sql(sight)` as values; texts from the server are made harmless.

    Raises:
        BadAnswer: It is not such an answer.
    """
    try:
        return _parsed(answer, sight, latency_s)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadAnswer(
            f"the status query was answered with something else: {type(error).__name__} {plain(str(error))}"
        ) from error


def _parsed(answer: Mapping[str, Any], sight: Sight, latency_s: float) -> PostgresStatus:
    settings: dict[str, str] = {name: plain(value or "") for name, value in answer["settings"].items() if value is not None}
    data_directory = settings.pop("data_directory", None)
    in_recovery = bool(answer["in_recovery"])
    return PostgresStatus(
        in_recovery=in_recovery,
        version=sight.version,
        system_identifier=str(answer["system_identifier"]),
        timeline=int(answer["timeline"]),
        started_at=float(answer["started_at"]),
        data_directory=data_directory,
        server_address=answer["server_address"],
        server_port=answer["server_port"],
        clock_at=float(answer["clock_at"]),
        lsn=answer["lsn"],
        replay_lsn=answer["replay_lsn"],
        is_replay_paused=answer["is_replay_paused"],
        last_replay_at=_float(answer["last_replay_at"]),
        receiver=_receiver(answer["receiver"], sight),
        replicas=_rows(answer["replicas"], _replica) if sight.sees_stats else None,
        slots=_rows(answer["slots"], _slot),
        archiver_failed=int(answer["archiver_failed"]),
        archive_backlog=answer.get("archive_backlog"),
        prepared_transactions=int(answer["prepared"]),
        longest_transaction_s=_float(answer.get("longest_transaction_s")),
        sessions=_rows(answer["sessions"], _sessions) if sight.sees_stats else None,
        max_connections=int(settings["max_connections"]),
        missing_extensions=tuple(_text(name) for name in answer["missing_extensions"] or ()),
        is_collation_changed=answer["is_collation_changed"],
        settings=tuple(f"{name}={settings[name]}" for name in sorted(settings)),
        is_writable=not in_recovery and settings["default_transaction_read_only"] == "off",
        latency_s=latency_s,
        checkpointer_pid=answer.get("checkpointer_pid"),
        comment=plain(str(answer.get("comment") or ""), 600),
        is_in_exclusive_backup=sight.version < 150000 and bool(answer["is_in_exclusive_backup"]),
    )


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _rows(rows: list[list[Any]] | None, made: Callable[[list[Any]], _T]) -> tuple[_T, ...]:
    return tuple(made(row) for row in rows or ())


def _text(value: Any) -> str:
    return plain(str(value)) if value is not None else ""


def _replica(row: list[Any]) -> Replica:
    name, address, state, sync_state, sent, flush, replay, unflushed, unreplayed, flush_lag, replay_lag, reply_age = row
    return Replica(
        application_name=_text(name),
        client_addr=address,
        state=_text(state),
        sync_state=_text(sync_state),
        sent_lsn=sent,
        flush_lsn=flush,
        replay_lsn=replay,
        unflushed_bytes=unflushed,
        unreplayed_bytes=unreplayed,
        flush_lag_s=_float(flush_lag),
        replay_lag_s=_float(replay_lag),
        reply_age_s=_float(reply_age),
    )


def _slot(row: list[Any]) -> Slot:
    name, kind, is_active, wal_status, retained, is_kept = row
    return Slot(_text(name), _text(kind), bool(is_active), wal_status, retained, bool(is_kept))


def _sessions(row: list[Any]) -> Sessions:
    address, application, user, database, count = row
    return Sessions(address, _text(application), _text(user), _text(database), int(count))


def _receiver(row: list[Any] | None, sight: Sight) -> Receiver | None:
    if row is None:
        return Receiver("none")
    if not sight.sees_stats:
        return None  # the row is there, but every column is empty
    status, timeline, flushed, latest_end, age, slot, host, port = row
    return Receiver(
        status=_text(status) or "none",
        received_timeline=timeline,
        flushed_lsn=flushed,
        latest_end_lsn=latest_end,
        message_age_s=_float(age),
        slot_name=_text(slot) or None,
        sender_host=_text(host) or None,
        sender_port=port,
    )
