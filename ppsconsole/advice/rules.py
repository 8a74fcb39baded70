"""Every rule by its id: what it says, which facts it looks at, and what would change its verdict.

Judges name their rule in each judgement (a test holds this table to them).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scope = Literal["node", "databases", "doors", "service"]
"""Whose facts a rule looks at: those of the node it is about, of all databases, of balancers and web nodes, or of no node."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        sentence: What it says.
        facts: Names in the catalog, those of the host with `host.` in front.
        change: What would have to be seen for another verdict; empty where only the limit decides.
        limit: Name of the number in `limits` that it is judged against; empty where it is none of these.
        scope: Whose facts are looked at.
    """

    sentence: str
    facts: tuple[str, ...] = ()
    change: str = ""
    limit: str = ""
    scope: Scope = "node"


_LADDER = ("tcp", "tls", "http", "http_latency_s", "service", "served_by")
_DEAD = ("sql", "service", "control_state", "host.ssh")

RULES: Mapping[str, Rule] = {
    # hosts
    "ssh": Rule("A host has to let the console log in by SSH.", ("host.ssh", "host.host_key"), "A login that works."),
    "unseen": Rule("What was not looked at yet is unknown.", (), "The end of the first look."),
    "hidden": Rule(
        "What lies behind a bastion that cannot be used is hidden, not down.", ("host.ssh",), "A login at the bastion."
    ),
    "hostname": Rule(
        "A host has to call itself what the inventory expects, so that nothing is done to the wrong machine.",
        ("host.hostname",),
        "The expected name, or another `hostname` in the inventory.",
    ),
    "disk_percent": Rule(
        "The fullest watched file system is judged against its limit.",
        ("host.disk_percent", "host.disk_free_bytes"),
        limit="disk_percent",
    ),
    "clock_skew_s": Rule("A clock that is off makes times and certificates lie.", ("host.clock_skew_s",), limit="clock_skew_s"),
    # services
    "service": Rule(
        "Where a service is declared, its state has to be seen.", ("service", "service_enabled"), "An answer of its host."
    ),
    "probed": Rule("What no probe exists for yet is unknown.", (), "Nothing: look at it by hand."),
    # databases
    "sql": Rule(
        "An instance is judged by its own answer. Silent is not dead: it takes its own host, or two vantage points.",
        _DEAD,
        "An answer of the instance; or a look at its processes by its own host.",
    ),
    "drift": Rule(
        "The role is what the database says of itself; where the inventory declares another one, that is drift.",
        ("in_recovery",),
        "A switchover back, or another `declared` in the inventory.",
    ),
    "sessions_percent": Rule(
        "Sessions in percent of max_connections.", ("sessions_percent", "sessions"), limit="sessions_percent"
    ),
    "longest_transaction_s": Rule(
        "An old open transaction holds a switchover up.", ("longest_transaction_s",), limit="transaction_s"
    ),
    "data_directory": Rule(
        "A destructive command is bound to the data directory, so it has to be the declared one.",
        ("data_directory",),
        "The same directory in the inventory and on the server.",
    ),
    "is_writable": Rule("A primary has to take writes.", ("is_writable",), "default_transaction_read_only set to off."),
    "quarantine": Rule(
        "What was failed over comes back as a standby or not at all.",
        ("quarantine", "in_recovery", "timeline"),
        "It being fenced again; or rejoined, which lifts the quarantine.",
    ),
    "replicas": Rule("A primary has to have a standby.", ("replicas",), "A standby that streams from it."),
    "slots": Rule(
        "A slot that nobody reads keeps WAL until the disk is full; one that has lost its WAL is of no use to its reader.",
        ("slots",),
        "A reader, or the slot dropped; where it is lost, its reader rejoined.",
    ),
    "synchronous_standbys": Rule(
        "Commits wait for the synchronous standbys that the primary names, for ever.",
        ("settings", "replicas"),
        "Such a standby that streams, or another synchronous_standby_names.",
    ),
    "archiver_failed": Rule("Archiving must not fail.", ("archiver_failed", "archive_backlog"), "An attempt that goes well."),
    "archive_backlog": Rule("WAL must not wait long for the archive.", ("archive_backlog",), limit="archive_backlog"),
    "receiver": Rule(
        "A standby has to stream from its primary.", ("receiver", "replay_lsn", "last_replay_at"), "A receiver that streams."
    ),
    "is_replay_paused": Rule("A standby has to replay what it gets.", ("is_replay_paused",), "pg_wal_replay_resume()."),
    "lag": Rule("A standby that lags would lose that much.", ("receiver", "lsn", "replay_lsn"), limit="lag_s"),
    "lsn": Rule("The position in the WAL has to be seen.", ("lsn",), "An answer with a position."),
    "replay_lsn": Rule("What a standby has replayed has to be seen.", ("replay_lsn",), "An answer with a position."),
    # web nodes and balancers
    "http": Rule("Users get a page: TCP, TLS and HTTP each have to work, in this order.", _LADDER, "A page with HTTP 200."),
    "http_latency_s": Rule("The front has to answer in time.", ("http_latency_s",), limit="front_latency_s"),
    "certificate_days": Rule(
        "A certificate must not end soon.", ("certificate_days", "certificate_names"), limit="certificate_days"
    ),
    "points_at": Rule(
        "A web node's connection setting has to name the primary that is declared for it.",
        ("points_at",),
        "A setting that names the declared instance, and that one being the primary.",
    ),
    "members": Rule(
        "A balancer sends users only to web nodes that are known, and to at least one.", ("members",), "Members as declared."
    ),
    "automatic_return": Rule(
        "Nothing fails back by itself: a backup member is left again without anybody deciding it.",
        ("members",),
        "The member set `down` instead of `backup`.",
    ),
    # alternate servers
    "runs_beside": Rule(
        "An alternate server keeps still while the cluster has a primary: what is written into its copy is never merged.",
        ("service", "http"),
        "Its PPS stopped and disabled.",
    ),
    "active": Rule("An alternate server that was activated serves users.", ("service", "http"), "A primary in the cluster."),
    "inactive": Rule("An alternate server is stopped until it is activated.", ("service", "service_enabled"), "Its activation."),
    "starts_at_boot": Rule(
        "An alternate server that is not activated must not start by itself.", ("service_enabled",), "Its service disabled."
    ),
    "copy": Rule(
        "An alternate server holds a verified copy that is not older than its `oldest_s`.",
        ("copies", "databases"),
        "A newer backup put into it: alternate-prepare.",
    ),
    "not_apart": Rule(
        "The database server of an alternate server is no member of the database group.",
        ("system_identifier",),
        "A server that was made by an initdb of its own.",
    ),
    "product_version": Rule(
        "A copy goes only with the version of PPS that made it.", ("product_version",), "The same version on all PPS servers."
    ),
    "keys": Rule("A copy cannot be read without the keys of the web nodes.", ("keys",), "The same key files."),
    # the cluster as a whole
    "split_brain": Rule(
        "One database at a time takes writes; nothing can be merged afterwards.",
        ("in_recovery", "timeline", "lsn"),
        "One of them stopped, or a standby again.",
        scope="databases",
    ),
    "no_primary": Rule(
        "Some database has to take writes.", ("sql", "in_recovery", "control_state"), "A primary.", scope="databases"
    ),
    "system_identifier": Rule(
        "All instances have to be copies of one database.",
        ("system_identifier", "control_system_identifier"),
        "The same identifier on all of them.",
        scope="databases",
    ),
    "timeline": Rule("Standbys follow the primary's timeline.", ("timeline",), "The same timeline.", scope="databases"),
    "version": Rule("All instances run the same major version.", ("version",), "The same version.", scope="databases"),
    "max_connections": Rule(
        "A standby needs settings at least as large as its primary's, or its replay stops.",
        ("settings",),
        "A larger value on the standby.",
        scope="databases",
    ),
    "service_for_users": Rule("Users have to get in through at least one door.", _LADDER, "A page with HTTP 200.", scope="doors"),
    "offline": Rule(
        "Where nothing at all answers, the console itself is cut off.",
        ("tcp", "sql", "host.ssh"),
        "An answer from anybody.",
        scope="doors",
    ),
    "login": Rule(
        "The account that the inventory names has to get in through the front; refused logins are not repeated.",
        ("login",),
        "A login that works; after a refusal the password mended, then a poll by hand.",
        scope="service",
    ),
    "login_s": Rule("A login has to be quick.", ("login_s",), limit="login_s", scope="service"),
    "backup": Rule(
        "Where backups are declared there has to be one.", ("backup",), "One: ppsconsole run backup.", scope="service"
    ),
    "backup_age_s": Rule(
        "The newest backup must not be older than its `oldest_s`.",
        ("backup_age_s", "backup_file", "backup_bytes"),
        "A newer backup: ppsconsole run backup.",
        scope="service",
    ),
    "backup_bytes": Rule(
        "A backup has something in it.", ("backup_bytes", "backup_file"), "A backup that is not empty.", scope="service"
    ),
    "backup_key": Rule(
        "The encryption key has to be had while everything is down.",
        ("backup_key",),
        "A reference that resolves.",
        scope="service",
    ),
    "servers_running": Rule(
        "No more servers run than the licence covers.",
        ("servers_running",),
        "A server stopped, or a larger `licensed_servers`.",
        scope="service",
    ),
}

_ALSO = {
    "max_worker_processes": "max_connections",
    "max_wal_senders": "max_connections",
    "max_prepared_transactions": "max_connections",
    "max_locks_per_transaction": "max_connections",
}


def rule_of(name: str, owner: str) -> Rule:
    """Return the rule called `name` as it is judged of `owner`, a node or `cluster`."""
    if (name, owner) == ("service", "cluster"):
        return RULES["service_for_users"]
    return RULES.get(_ALSO.get(name, name), Rule("It has to be as declared."))
