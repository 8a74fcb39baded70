"""Every key of the inventory file: where it stands, what may stand there, and what it means.

The loader, the JSON schema and `inventory show` all read this one table; a test holds it to the dataclasses of `model`.
"""

from typing import Any, Final

from ppsconsole.inventory.alternate_table import alternate_record
from ppsconsole.inventory.dependencies_table import BACKUP, DIRECTORY, NOTIFICATION
from ppsconsole.inventory.kinds import (
    Address,
    Choice,
    Flag,
    LocalFile,
    MemberAddress,
    Ref,
    Secret,
    Text,
    Url,
)
from ppsconsole.inventory.limits_table import LIMITS, POLLING
from ppsconsole.inventory.measures import PORT, Whole, duration
from ppsconsole.inventory.model import (
    Balancer,
    Cluster,
    DatabaseGroup,
    DatabaseTls,
    FenceCommand,
    Host,
    Instance,
    Inventory,
    Service,
    Site,
    SshAccess,
    Switch,
    WebNode,
)
from ppsconsole.inventory.reading import Reading
from ppsconsole.inventory.shapes import Field, Keyed, Listing, Named, Record

VERSION: Final = 1
"""The version of the file's format; a file with a higher one was written for a newer console."""

REPLICATION: Final = {
    "postgres": ("streaming", "log-shipping", "snapshot", "none"),
    "sqlserver-ag": ("availability-group",),
    "sqlserver-mirroring": ("mirroring",),
    "sqlserver-log-shipping": ("log-shipping",),
    "sqlserver-standalone": ("none", "snapshot"),
    "azure-sql": ("none",),
    "sqlite": ("none",),
}
"""How each kind of database can be replicated; the first is what it is when nothing is said."""

_MERGE = "PPS does not support merging databases, so a merge replica could never be used again after a failover"
_LOG = Listing(Text(), may_be_one=True)


def _remember_ssh(value: Any, reading: Reading) -> None:
    reading.inherited["ssh"] = value


def _remember_kind(value: Any, reading: Reading) -> None:
    reading.inherited["port"] = 5432 if value == "postgres" else 1433
    reading.inherited["replication"] = REPLICATION[value][0]


SSH = Record(
    "ssh access",
    SshAccess,
    [
        Field("user", Text(), "Account to log in with; left out, ~/.ssh/config decides."),
        Field("port", PORT, "Port of the SSH server; left out, ~/.ssh/config decides, then 22."),
        Field("key", LocalFile(), "Private key file; left out, the agent and the default keys are tried."),
        Field("certificate", LocalFile(), "OpenSSH user certificate that belongs to `key`."),
        Field("passphrase", Secret(), "Where the passphrase of `key` is found."),
        Field("known_hosts", LocalFile(), "File with the host keys; left out, ~/.ssh/known_hosts."),
        Field("config", LocalFile(may_be_empty=True), 'OpenSSH client configuration; left out, ~/.ssh/config; "" for none.'),
        Field("connect_timeout_s", duration(0.1, 300), "Limit for TCP, key exchange and login together."),
    ],
    about="How hosts are logged in to; what a host says itself goes before what stands under the top-level `ssh`.",
    over="ssh",
)

CLUSTER = Record(
    "cluster",
    Cluster,
    [
        Field("name", Text(), "What is typed to confirm a step that cannot be undone."),
        Field("environment", Choice("production", "test", "lab"), "A lab never looks like production."),
        Field("mode", Choice("active-passive", "active-active", "active-failover"), "How many web nodes serve at a time."),
        Field("address", Url(), "The URL that users type; goes through the balancers."),
        Field("ca", LocalFile(), "PEM file that signs the certificate behind `address`; left out, the system's authorities."),
        Field("downtime_objective_s", duration(0), "The longest outage that was promised to users."),
        Field("loss_objective_s", duration(0), "The longest window of writes that may be lost by what was promised; 0 is none."),
        Field(
            "licensed_servers", Whole(1, 1000), "How many PPS servers may run at a time by the licence; left out: not watched."
        ),
    ],
    about="The service as a whole.",
)

SITE = Record(
    "site", Site, [Field("title", Text(may_be_empty=True), "What people call the place.")], about="A place that fails as one."
)

HOST = Record(
    "host",
    Host,
    [
        Field("site", Ref("sites"), "The site that the machine stands in."),
        Field("address", Address(), "Host name or IP address, as seen from the last bastion on the way."),
        Field("platform", Choice("linux", "windows"), "What runs on it: decides which commands are sent."),
        Field(
            "via",
            Listing(Ref("hosts"), may_be_one=True),
            "Bastions to go through, the outermost first; the chain of the first one is put in front.",
        ),
        Field("ssh", SSH, "Where this host differs from the top-level `ssh`."),
        Field("hostname", Text(), "What the machine answers when asked its name; left out, that is not checked."),
        Field("disks", Listing(Text()), "Paths whose file systems are watched, beside the data's; left out, / or on Windows C:."),
    ],
    about="A machine reached by SSH.",
    inherits=("ssh",),
)

SERVICE = Record(
    "service",
    Service,
    [
        Field("kind", Choice("systemd", "windows-service", "iis-app-pool", "command"), "What starts and stops the program."),
        Field("name", Text(), "Unit, Windows service or application pool; needed by all kinds but `command`."),
        Field("program", Text(), "For `command`: path on the host, run with start, stop, status, enable or disable."),
    ],
    about="What starts and stops a program on its host.",
)

SWITCH = Record(
    "switch",
    Switch,
    [
        Field(
            "method",
            Choice("indirect", "profile", "command", "manual", "standby-web"),
            "How the node is pointed at another database: its name for the database moves, a captured setting is put back, "
            "a program does it, a person does it, or another web node takes over.",
        ),
        Field("program", Text(), "For `command`: run as `PROGRAM get` and `PROGRAM set INSTANCE`."),
    ],
    about="How a web node is pointed at another database.",
)

WEB_NODE = Record(
    "web node",
    WebNode,
    [
        Field("host", Ref("hosts"), "The host that it runs on."),
        Field("url", Url(), "Where this node itself answers, not through the balancer."),
        Field("service", SERVICE, "What starts and stops it."),
        Field("ca", LocalFile(), "PEM file for `url`; left out, the system's authorities."),
        Field("server_name", Address(), "Name that its certificate must cover; left out, the host part of `url`."),
        Field("declared", Choice("active", "passive"), "Active nodes serve users, passive ones wait."),
        Field("database", Ref("instances"), "The instance it is declared to use; left out when it may be any."),
        Field("switch", SWITCH, "How it is pointed at another database."),
        Field("account", Text(), "Local low-privilege account for the login check; left out, that is `not checked`."),
        Field("account_password", Secret(), "Where the password of `account` is found."),
        Field("log", _LOG, "Files on the host that it logs to; left out, a systemd service's journal is read."),
        Field(
            "key_files",
            Listing(Text(), may_be_one=True),
            "Files on the host that it cannot read its data without: looked for, compared, never shown; left out, `not checked`.",
        ),
    ],
    about="One PPS server on a host.",
)

_ARGV = Listing(Text(), may_be_one=True)

FENCE = Record(
    "fence",
    FenceCommand,
    [
        Field(
            "command", _ARGV, "Program and its arguments, no shell, no secret in them: switches the machine off, or cuts it off."
        ),
        Field("verify", _ARGV, "Program and its arguments that tell whether it is off; without its word nothing is believed."),
        Field("off_says", Text(), "A whole line that `verify` prints when it is off, and never when it is not."),
        Field("off_exit", Whole(0, 255), "Exit status of `verify` when it is off; fence agents end with 2."),
        Field("host", Ref("hosts"), "Where both run, by SSH; left out, the machine of the console."),
        Field("timeout_s", duration(1, 600), "How long it may take until `verify` says that it is off."),
    ],
    about="How the machine of an instance is switched off when nobody can log in to it.",
)

INSTANCE = Record(
    "instance",
    Instance,
    [
        Field("host", Ref("hosts"), "The host that it runs on; only azure-sql has none."),
        Field("address", Address(), "Where the database listens when that is not the host's address."),
        Field("port", PORT, "Its port; left out, 5432 for postgres, 1433 for SQL Server and Azure SQL."),
        Field("aliases", Listing(Address()), "Other names and addresses under which web nodes and standbys know it."),
        Field("declared", Choice("primary", "standby"), "The role it is meant to have; what is observed is what counts."),
        Field("data_directory", Text(), "As on the host; part of the identity that destructive commands are bound to."),
        Field("bin_directory", Text(), "Where pg_controldata and the like are; left out, the PATH decides."),
        Field("service", SERVICE, "What starts and stops it."),
        Field("site", Ref("sites"), "Its site, for an instance without a host."),
        Field(
            "upstreams",
            Keyed(Ref("instances"), Text()),
            "How it replicates from others, by their name: `host=... port=... user=... passfile=...`, never a password.",
        ),
        Field(
            "dumps",
            Keyed(Ref("instances"), Text()),
            "How pg_dump and psql on its host log in to instances, itself among them, to copy them: as in `upstreams`.",
        ),
        Field("log", _LOG, "Files on the host that it logs to; left out, the server is asked, then the journal of its service."),
        Field("fence", FENCE, "How its machine is switched off when nobody can log in to it; left out, that takes a person."),
    ],
    about="One server of the database group.",
    inherits=("port",),
)

TLS = Record(
    "tls",
    DatabaseTls,
    [
        Field("mode", Choice("disable", "prefer", "require", "verify-ca", "verify-full"), "As libpq's sslmode."),
        Field("root_certificate", LocalFile(), "PEM file that signs the servers' certificates."),
    ],
    about="How the console proves which database server it talks to.",
)

DATABASE = Record(
    "database",
    DatabaseGroup,
    [
        Field("kind", Choice(*REPLICATION), "What kind of database it is.", early=_remember_kind),
        Field("database", Text(), "Name of the PPS database; for sqlite the file's path on the host."),
        Field("instances", Named("instances", INSTANCE, is_required=True, are_nodes=True), "The servers, by name."),
        Field("user", Text(), "Account of the console, a member of pg_monitor."),
        Field("password", Secret(), "Where the password of `user` is found."),
        Field("tls", TLS, "How the console proves which server it talks to."),
        Field(
            "replication",
            Choice(*dict.fromkeys(each for kinds in REPLICATION.values() for each in kinds), refused={"merge": _MERGE}),
            "How the standbys follow; left out, what is usual for the kind.",
        ),
        Field("through_bastions", Flag(), "Reach the database through the host's bastions instead of directly."),
        Field("availability_group", Text(), "Name of the group, for sqlserver-ag."),
        Field("cluster_type", Choice("wsfc", "external", "none"), "What manages the availability group."),
    ],
    about="The instances that hold the PPS database.",
    inherits=("replication",),
)

BALANCER = Record(
    "balancer",
    Balancer,
    [
        Field("kind", Choice("nginx", "haproxy", "keepalived", "dns"), "What it is."),
        Field("host", Ref("hosts"), "The host that it runs on; only dns has none."),
        Field("members", Keyed(MemberAddress(), Ref("web_nodes")), "Web nodes by the address that its configuration lists."),
        Field("upstream", Text(), "Name of the upstream or backend that holds the members."),
        Field("config", Text(), "Main configuration file on the host."),
        Field("include", Text(), "The one file inside that configuration which a run may rewrite."),
        Field("program", Text(), "The program on the host that checks and reloads the configuration."),
        Field("service", SERVICE, "What starts and stops it."),
        Field("proof_header", Text(), "Response header in which it names the member that answered."),
        Field("address", Url(), "URL where this one itself answers; needed where there are several or a virtual address."),
        Field("record", Address(), "For dns: the name that is moved."),
        Field("site", Ref("sites"), "Its site, for a balancer without a host."),
        Field("log", _LOG, "Files on the host that it logs to; left out, nginx is asked, then the journal of its service."),
    ],
    about="What stands in front of the web nodes.",
)

ALTERNATE = alternate_record(SERVICE)

ROOT = Record(
    "inventory",
    Inventory,
    [
        Field("version", Whole(VERSION, VERSION), f"Version of this file's format: {VERSION}."),
        Field("cluster", CLUSTER, "The service as a whole."),
        Field("sites", Named("sites", SITE, is_required=True), "Places that fail as one, by name."),
        Field("ssh", SSH, "How hosts are logged in to, unless they say otherwise.", SshAccess(), early=_remember_ssh),
        Field("hosts", Named("hosts", HOST, is_required=True), "Machines reached by SSH, by name."),
        Field("database", DATABASE, "The database group."),
        Field("web_nodes", Named("web_nodes", WEB_NODE, is_required=True, are_nodes=True), "PPS servers, by name."),
        Field("balancers", Named("balancers", BALANCER, are_nodes=True), "What stands in front, by name."),
        Field("directories", Named("directories", DIRECTORY, are_nodes=True), "AD and LDAP services, by name."),
        Field("backups", Named("backups", BACKUP), "Where backups are kept, by name."),
        Field("notifications", Named("notifications", NOTIFICATION), "Who is told, by name."),
        Field("alternates", Named("alternates", ALTERNATE, are_nodes=True), "Alternate servers with an archival copy, by name."),
        Field("limits", LIMITS, "What facts are judged against."),
        Field("polling", POLLING, "How often things are looked at."),
    ],
    about="Everything declared about one Pleasant Password Server cluster.",
)
"""The whole file; `version` and `ssh` are spent while reading and are not fields of `Inventory`."""

NAMED: Final = (SITE, HOST, WEB_NODE, INSTANCE, BALANCER, DIRECTORY, BACKUP, NOTIFICATION, ALTERNATE)
"""Records that stand in a mapping of names."""
