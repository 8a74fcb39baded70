"""What the operator declares about a cluster: pure values, no IO.

Names are the keys of the inventory file. Mappings keep the order of the file and are never changed after loading.
Roles found here are *declared*; what is observed lives in `ppsconsole.cluster`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from ppsconsole.inventory.dependencies import Backup, Directory, Notification
from ppsconsole.inventory.limits import Limits, Polling
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.values import dataclass

if TYPE_CHECKING:
    from ppsconsole.inventory.alternate import Alternate

ClusterMode = Literal["active-passive", "active-active", "active-failover"]
Environment = Literal["production", "test", "lab"]
ServiceKind = Literal["systemd", "windows-service", "iis-app-pool", "command"]
DatabaseKind = Literal[
    "postgres",
    "sqlserver-ag",
    "sqlserver-mirroring",
    "sqlserver-log-shipping",
    "sqlserver-standalone",
    "azure-sql",
    "sqlite",
]
BalancerKind = Literal["nginx", "haproxy", "keepalived", "dns"]
ReplicationKind = Literal["streaming", "log-shipping", "availability-group", "mirroring", "snapshot", "none"]
SwitchMethod = Literal["indirect", "profile", "command", "manual", "standby-web"]
Platform = Literal["linux", "windows"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """The service as a whole.

    Attributes:
        name: What the operator types to confirm an irreversible step.
        environment: A lab never looks like production.
        mode: How many web nodes serve at a time, in the vendor's words.
        address: The URL that users type; goes through the balancers.
        ca: PEM file that signs the certificate behind `address`; None for the system's authorities.
        downtime_objective_s: The longest outage that was promised to users, in seconds.
        loss_objective_s: The longest window of writes that may be lost by what was promised, in seconds; 0 promises no loss.
        licensed_servers: How many PPS servers may run at the same time, by the licence; None leaves that unwatched.
    """

    name: str
    environment: Environment = "production"
    mode: ClusterMode = "active-passive"
    address: str | None = None
    ca: str | None = None
    downtime_objective_s: float | None = None
    loss_objective_s: float | None = None
    licensed_servers: int | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A place that fails as one."""

    name: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class SshAccess:
    """How a host is logged in to; fields left None come from `~/.ssh/config`, then from OpenSSH's defaults.

    Attributes:
        key: Private key file; None tries the agent and the default keys.
        certificate: OpenSSH user certificate file belonging to `key`.
        known_hosts: File with the host keys; None for `~/.ssh/known_hosts`.
        config: OpenSSH client configuration file; None for `~/.ssh/config`, the empty string for none.
        connect_timeout_s: Limit for TCP, key exchange and login together.
    """

    user: str | None = None
    port: int | None = None
    key: str | None = None
    certificate: str | None = None
    passphrase: SecretRef | None = None
    known_hosts: str | None = None
    config: str | None = None
    connect_timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Host:
    """A machine reached by SSH.

    Attributes:
        via: Names of the bastions to go through, the outermost first.
        hostname: What the machine answers when asked its name; None when that does not matter.
        disks: Paths whose file systems are watched.
    """

    name: str
    site: str
    address: str
    platform: Platform = "linux"
    via: tuple[str, ...] = ()
    ssh: SshAccess = SshAccess()
    hostname: str | None = None
    disks: tuple[str, ...] = ("/",)


@dataclass(frozen=True, slots=True)
class Service:
    """What starts and stops a program on its host.

    Attributes:
        kind: `command` runs `program` with one of start, stop, status, enable, disable (see README, "Service programs").
        name: Unit, Windows service or application pool.
        program: Path on the host, for `command`.
    """

    kind: ServiceKind
    name: str | None = None
    program: str | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """How a web node is pointed at another database (`knowledge: pps` calls these the ways to switch).

    Attributes:
        program: For `command`: run as `PROGRAM get`, which prints `host=... port=... dbname=...`, and `PROGRAM set INSTANCE`.
    """

    method: SwitchMethod = "manual"
    program: str | None = None


@dataclass(frozen=True, slots=True)
class WebNode:
    """One PPS server on a host.

    Attributes:
        url: Where this node itself answers, not through the balancer.
        ca: PEM file for `url`; None for the system's authorities.
        server_name: The name its certificate must cover; None takes the host part of `url`.
        declared: `active` nodes serve users, `passive` ones wait.
        database: The instance it is declared to use; None when it may be any (an indirect name).
        account: Local low-privilege account for the login check (law 11); None leaves it `not checked`.
        log: Files on the host that it writes its log to, the one to look at first in front.
        key_files: Files on the host that it cannot read its data without; every web node has to have the same.
    """

    name: str
    host: str
    url: str
    service: Service
    ca: str | None = None
    server_name: str | None = None
    declared: Literal["active", "passive"] = "active"
    database: str | None = None
    switch: Switch = Switch()
    account: str | None = None
    account_password: SecretRef | None = None
    log: tuple[str, ...] = ()
    key_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FenceCommand:
    """How the operator makes sure that an instance's machine is off, or cut off: power switch, hypervisor, cloud, firewall.

    Attributes:
        command: Program and its arguments, no shell, no secret among them; switches the machine off, and may be run twice.
        verify: Program and its arguments that tell whether it is off: the success of `command` is never believed.
        off_says: A whole line that `verify` prints when it is off, and never when it is not.
        off_exit: The exit status of `verify` when it is off; fence agents say it by 2, most programs by 0.
        host: Where both run, by SSH; None for the machine of the console.
        timeout_s: How long it may take until `verify` says so, in seconds.
    """

    command: tuple[str, ...]
    verify: tuple[str, ...]
    off_says: str
    off_exit: int = 0
    host: str | None = None
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Instance:
    """One server of the database group.

    Attributes:
        address: Where the database listens when that is not the host's address.
        aliases: Other names and addresses under which web nodes and standbys know it.
        declared: The role it is meant to have; the observed role is what counts.
        data_directory: As on the host; also part of the identity that destructive commands are bound to.
        bin_directory: Where `pg_controldata` and friends are; None for the PATH.
        upstreams: How this instance replicates from others, by their name: libpq's keywords (`host=... port=... user=...
            passfile=...`), never a password. For those left out it is taken from the `primary_conninfo` that the other one
            kept from its own time as a standby, with that one's address and port.
        dumps: How pg_dump, pg_restore and psql on this instance's host log in to instances that are copied, by their name, this
            one among them: libpq's keywords without `dbname`, never a password. The account reads everything there; on this
            instance it makes and renames databases.
        log: Files on the host that the server writes its log to; it is asked for them where none is named.
        fence: How its machine is switched off when nobody can log in to it; None where that takes a person.
    """

    name: str
    host: str | None = None
    address: str | None = None
    port: int = 5432
    aliases: tuple[str, ...] = ()
    declared: Literal["primary", "standby"] = "standby"
    data_directory: str | None = None
    bin_directory: str | None = None
    service: Service | None = None
    site: str | None = None
    upstreams: Mapping[str, str] = field(default_factory=dict)
    dumps: Mapping[str, str] = field(default_factory=dict)
    log: tuple[str, ...] = ()
    fence: FenceCommand | None = None


@dataclass(frozen=True, slots=True)
class DatabaseTls:
    """How the console proves which database server it talks to."""

    mode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = "prefer"
    root_certificate: str | None = None


@dataclass(frozen=True, slots=True)
class DatabaseGroup:
    """The instances that hold the PPS database.

    Attributes:
        database: Name of the PPS database; for SQLite the file's path on the host.
        user: Account of the console, a member of `pg_monitor` (README, "What the console needs").
        through_bastions: Reach the database through the host's bastions instead of directly.
        availability_group: Name of the group, for `sqlserver-ag`.
    """

    kind: DatabaseKind
    database: str
    instances: Mapping[str, Instance]
    user: str | None = None
    password: SecretRef | None = None
    tls: DatabaseTls = DatabaseTls()
    replication: ReplicationKind = "streaming"
    through_bastions: bool = True
    availability_group: str | None = None
    cluster_type: Literal["wsfc", "external", "none"] | None = None


@dataclass(frozen=True, slots=True)
class Balancer:
    """What stands in front of the web nodes.

    Attributes:
        members: Web nodes by the address under which the configuration lists them, e.g. `10.0.1.11:10001`.
        upstream: Name of the upstream or backend that holds the members.
        config: Main configuration file on the host.
        include: The one file, inside that configuration, which a run may rewrite.
        proof_header: Response header in which the balancer names the member that answered.
        address: URL where this balancer itself answers users; needed where there are several, or a virtual address is in front.
        log: Files on the host that it writes its log to; nginx is asked for them where none is named.
    """

    name: str
    kind: BalancerKind
    host: str | None = None
    members: Mapping[str, str] = field(default_factory=dict)
    upstream: str | None = None
    config: str | None = None
    include: str | None = None
    program: str = "nginx"
    service: Service | None = None
    proof_header: str | None = None
    address: str | None = None
    record: str | None = None
    site: str | None = None
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything declared about one cluster.

    Attributes:
        path: The file it came from, as the user named it.
    """

    path: str
    cluster: Cluster
    sites: Mapping[str, Site]
    hosts: Mapping[str, Host]
    web_nodes: Mapping[str, WebNode]
    database: DatabaseGroup
    balancers: Mapping[str, Balancer] = field(default_factory=dict)
    directories: Mapping[str, Directory] = field(default_factory=dict)
    backups: Mapping[str, Backup] = field(default_factory=dict)
    notifications: Mapping[str, Notification] = field(default_factory=dict)
    alternates: Mapping[str, "Alternate"] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    polling: Polling = field(default_factory=Polling)

    @property
    def is_lab(self) -> bool:
        """Whether this describes a lab and nothing that anybody depends on."""
        return self.cluster.environment == "lab"

    def bastions(self) -> tuple[Host, ...]:
        """Return the hosts that others are reached through, in the order of the file."""
        named = {name for host in self.hosts.values() for name in host.via}
        return tuple(host for host in self.hosts.values() if host.name in named)

    def host_of(self, node: str) -> Host | None:
        """Return the host that `node` runs on (a bastion is its own), None where none is declared."""
        owner = (
            self.web_nodes.get(node) or self.database.instances.get(node) or self.balancers.get(node) or self.alternates.get(node)
        )
        name = owner.host if owner is not None else node
        return self.hosts.get(name) if name is not None else None

    def site_of(self, node: str) -> str | None:
        """Return the name of the site that `node` is in, None where that is not declared."""
        host = self.host_of(node)
        if host is not None:
            return host.site
        owner = self.database.instances.get(node) or self.balancers.get(node)
        return owner.site if owner is not None else None

    def front_address(self, balancer: Balancer) -> str | None:
        """Return the URL under which users come through `balancer`; None where none is declared that is surely answered by it.

        The cluster's address may be answered by any of several balancers: then each needs one of its own.
        """
        return balancer.address or (self.cluster.address if len(self.balancers) == 1 else None)

    def node_names(self) -> Iterator[str]:
        """Yield every name that a command can be given as NODE: no name stands for two things."""
        yield from (host.name for host in self.bastions())
        yield from self.balancers
        yield from self.web_nodes
        yield from self.database.instances
        yield from self.directories
        yield from self.alternates
