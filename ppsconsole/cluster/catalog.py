"""Every fact that is looked for: its name, unit and meaning. Probes may report no other names (a test holds them to it)."""

FACTS: dict[str, str] = {
    # hosts (subject host:NAME) ---------------------------------------------------------------------------------
    "ssh": "ok, or why there is no login: unreachable, refused, timed-out, bastion-down, host-key-refused, login-refused, error",
    "hostname": "the name that the machine gives itself",
    "host_key": "SHA256 fingerprint of the key that the host proved",
    "boot_id": "changes with every boot of the machine",
    "clock_skew_s": "the host's clock minus the console's, in seconds; off by the way there, some tens of milliseconds",
    "disk_percent": "fullest of the watched file systems, percent used",
    "disk_free_bytes": "free bytes on that file system",
    "managers": "programs on the host that move databases, addresses or machines by themselves, as its process table says",
    # services (subject node:NAME) ------------------------------------------------------------------------------
    "service": "running, stopped, frozen, failed, or starting: as the host's service manager and process table say",
    "service_enabled": "whether it starts by itself when the host boots: enabled or disabled",
    "service_pid": "main process id",
    "service_denied": "what the login may not do to the service through sudo; none where it may do all that a run does",
    # database instances ----------------------------------------------------------------------------------------
    "sql": "ok, or why not: refused, unreachable, timed-out, login-refused, no-connection-left, disk-full, starting, stopping, "
    "bastion-down, error",
    "in_recovery": "pg_is_in_recovery(): the only thing that decides the role",
    "version": "server_version_num",
    "system_identifier": "the same on all instances of one database group",
    "timeline": "on a primary from the WAL file name, on a standby as received (pg_control lags after a promotion)",
    "started_at": "start of the server process, seconds since 1970 UTC",
    "checkpointer_pid": "number of its process that writes checkpoints, as the server says",
    "data_directory": "as the server sees it",
    "server_address": "where the server says this session arrived",
    "sql_latency_s": "round trip of the status query",
    "lsn": "primary: flushed WAL position; standby: the furthest position it has",
    "replay_lsn": "standby: replayed position",
    "is_replay_paused": "standby: replay was paused by hand",
    "last_replay_at": "standby: commit time of the last replayed transaction, seconds since 1970 UTC",
    "receiver": "standby: pg_stat_wal_receiver",
    "replicas": "primary: pg_stat_replication",
    "slots": "replication slots",
    "archiver_failed": "failed archive attempts since the statistics were reset; 0 when the last one went well or it is off",
    "archive_backlog": "WAL files waiting to be archived",
    "prepared_transactions": "count",
    "longest_transaction_s": "age of the oldest open client transaction, seconds",
    "sessions": "client sessions by address, application, user and database",
    "sessions_percent": "client sessions in percent of max_connections",
    "missing_extensions": "extensions of the PPS database whose files the server lacks",
    "is_collation_changed": "the PPS database was made with another version of its collation than the machine has now",
    "is_in_exclusive_backup": "a backup was begun by pg_start_backup and is not ended (before PostgreSQL 15)",
    "settings": "settings that decide whether a promotion works, as name=value strings",
    "is_writable": "primary: default_transaction_read_only is off",
    "copy": "the snapshot copy that the PPS database is, by the comment on it; empty where it is none",
    "control_state": "pg_controldata's cluster state, read on the host: in production, shut down, in archive recovery, ...",
    "control_checkpoint": "pg_controldata: latest checkpoint location",
    "control_timeline": "pg_controldata: timeline of the latest checkpoint",
    "control_system_identifier": "pg_controldata: the identity as it stands on disk",
    "server_started_at": "start of the server that runs in the data directory, by its pid file, seconds since 1970 UTC",
    "server_process": "number of the checkpointer of the server that runs in the data directory, by its host; or none",
    "quarantine": "what the marker beside the data directory says: which run failed it over; empty when there is none",
    # web nodes and balancers -----------------------------------------------------------------------------------
    "tcp": "L1: ok, refused, unreachable, timed-out, bastion-down",
    "tls": "L2: ok, or why the handshake or the certificate is not accepted",
    "http": "L3: status code of GET /",
    "http_latency_s": "seconds from the request to the status line",
    "certificate_days": "days until the certificate ends",
    "certificate_names": "names that the certificate covers",
    "product_version": "version of the web node's program, as its service program says; also of one that is stopped",
    "keys": "key files that the web node cannot read its data without: whether they are there, and a mark to compare them by",
    "points_at": "the instance that the node's stored connection setting names, or the setting's host when it is none of ours",
    "configuration": "what the balancer says of its configuration as it stands: accepted, refused, or denied to the login",
    "members": "members of the upstream by configuration",
    "served_by": "the member that answered a request sent through the front",
    "config_digest": "SHA-256 of the balancer's whole configuration",
    # alternate servers; sql, version, system_identifier and product_version as above --------------------------------
    "copies": "archival copies in its database server, by the comments on the databases",
    "databases": "the databases in its database server",
    "database_service": "state of its database server's service, as the host says",
    "service_account": "the account that its service runs as, by systemd, else by who owns its key file; of web nodes as well",
    "own_connection": "what its stored connection setting names: host, port, database and user, never a password",
    "certificate_file_ends_at": "end of the certificate in its file on the host, seconds since 1970 UTC",
    "certificate_file_names": "names that the certificate in its file on the host covers",
    "same_files": "files that have to be as on the web nodes: whether they are there, and a mark; of web nodes as well",
    # the service as a whole (subject cluster) ------------------------------------------------------------------
    "login": "ok, or why the console's own account did not get in through the front: refused, no-secret, failed",
    "login_s": "seconds that the last login through the front took, from the connection to the answer",
    "login_percent": "share of the last logins through the front that got in, percent; those of ten minutes, at most 20",
    "servers_running": "how many PPS servers run, by the service manager or by their answer",
    # places with backups (subject backup:NAME) -----------------------------------------------------------------
    "backup": "ok, or why nothing is known: missing (no such folder), empty (no file in it), unreadable, too-many",
    "backup_age_s": "age of the newest file or bundle, by the clock of the machine that it is on; a bundle's by its name",
    "backup_bytes": "size of the newest file or bundle",
    "backup_file": "name of the newest file, without its folder, or of the newest bundle",
    "backup_aside": "bundles that were set aside or never finished: `backup prune` deletes them",
    "backup_key": "ok, or why the reference to the encryption key does not resolve; the key itself is not kept",
}


def unit_of(name: str) -> str:
    """Return the unit of the fact called `name`: `s`, `bytes`, `%`, `days` or the empty string."""
    for ending, unit in (("_s", "s"), ("_bytes", "bytes"), ("_percent", "%"), ("_days", "days")):
        if name.endswith(ending):
            return unit
    return ""
