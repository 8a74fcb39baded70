"""An alternate server as the operator declares it: a PPS of its own, with a database of its own, that holds an archival copy.

It is no web node and no instance of the database group: nothing replicates to it, and it serves nobody until it is activated.
"""

from urllib.parse import urlsplit

from ppsconsole.inventory.model import Service, Switch, WebNode
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class AlternateDatabase:
    """The database server of an alternate server: another system than the database group's, by its system identifier.

    Attributes:
        database: The database that the alternate's PPS is set to; an activation puts the copy in its place, by renaming.
        maintenance: libpq's keywords, as used on `host`: an account that may create and rename databases, and never a password
            (but a `passfile`). `dbname` is filled in.
        owner: The role that its PPS logs in with; what is restored belongs to it. Roles do not travel with a database.
        host: Where it runs; None for the alternate's own host.
        port: Its port, which no instance of the group may have at the same address.
        data_directory: As on the host, to tell it from one of the group's.
        bin_directory: Where psql and pg_restore are; None for the PATH.
        service: What starts and stops it; None leaves its state to its answers.
    """

    database: str
    maintenance: str
    owner: str
    host: str | None = None
    port: int = 5432
    data_directory: str | None = None
    bin_directory: str | None = None
    service: Service | None = None


@dataclass(frozen=True, slots=True)
class Alternate:
    """One alternate server.

    Attributes:
        host: Where its PPS runs: a host of its own.
        url: Where it answers once it is activated, as the console reaches it.
        service: What starts and stops its PPS; stopped and disabled until it is activated.
        archive: The place whose backups are put into it.
        ca: PEM file for `url`; None for the system's authorities.
        server_name: The name its certificate must cover; None takes the host part of `url`.
        address: The URL that users type for it; None when it is `url`.
        moves_alias: The name in the cluster's address that is moved to it: then users have nothing to change.
        account: Local account for the login check (law 11), as it is in the backups; None leaves it `not checked`.
        log: Files on the host that it writes its log to.
        key_files: Files on the host that it cannot read the copy without; they have to be those of the web nodes.
        connection: Program on the host; called as `PROGRAM get` it prints what the PPS there is set to, as that of a web node.
        certificate: PEM file on the host with the certificate that its PPS shows; read while it is stopped.
        same_files: Files, at the same path on the web nodes, that have to be the same there.
        oldest_s: How old the copy may be that it holds.
    """

    name: str
    host: str
    url: str
    service: Service
    database: AlternateDatabase
    archive: str
    ca: str | None = None
    server_name: str | None = None
    address: str | None = None
    moves_alias: str | None = None
    account: str | None = None
    account_password: SecretRef | None = None
    log: tuple[str, ...] = ()
    key_files: tuple[str, ...] = ()
    connection: str | None = None
    certificate: str | None = None
    same_files: tuple[str, ...] = ()
    oldest_s: float = 26 * 3600.0

    @property
    def database_host(self) -> str:
        """The host that its database server runs on."""
        return self.database.host or self.host

    def users_address(self, cluster_address: str | None) -> str:
        """Return the URL that users type while it serves.

        Args:
            cluster_address: What they type otherwise; it stays where its name is moved.
        """
        if self.moves_alias is not None and cluster_address is not None:
            return cluster_address
        return self.address or self.url

    def as_web_node(self) -> WebNode:
        """Return its PPS as a web node, for what looks at one: the same product, only that no balancer sends users to it.

        Its `switch` tells what it is set to, where a program does; nothing points it at another database.
        """
        return WebNode(
            self.name,
            self.host,
            self.url,
            self.service,
            ca=self.ca,
            server_name=self.server_name,
            declared="passive",
            account=self.account,
            account_password=self.account_password,
            log=self.log,
            key_files=self.key_files,
            switch=Switch() if self.connection is None else Switch("command", self.connection),
        )


def port_of(url: str) -> int:
    """Return the port that a URL leads to."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
