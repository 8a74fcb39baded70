"""What a cluster depends on beside its nodes: directories, places for backups, and who is told. Pure values, no IO."""

from typing import Literal

from ppsconsole.inventory.secret import SecretRef
from ppsconsole.values import dataclass

DirectoryKind = Literal["active-directory", "ldap"]


@dataclass(frozen=True, slots=True)
class Directory:
    """An AD or LDAP service that users are looked up in."""

    name: str
    kind: DirectoryKind
    address: str
    port: int = 636
    ca: str | None = None
    account: str | None = None
    password: SecretRef | None = None


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where backups are tried: a PostgreSQL server of its own is made there for the time of one trial, and removed.

    Attributes:
        host: Where it runs; it needs the programs of PostgreSQL, and room for one database.
        path: Folder on it, for the account that the console logs in with alone; not that of a database.
        bin_directory: Where initdb and pg_restore are; None for those of the instance on that host, else the PATH.
    """

    host: str
    path: str
    bin_directory: str | None = None


@dataclass(frozen=True, slots=True)
class Backup:
    """A place where backups of the database and its keys are kept.

    Attributes:
        host: Where `path` is; None for the machine of the console.
        encryption_key: The age key that `backup` encrypts for and a restore needs; its value is never shown.
        keep: How many bundles stay; older ones are set aside by another name, and deleted by `backup prune` only.
        source: The instance that is dumped; None takes the primary, or while there is none the most advanced standby.
        scratch: Where `backup-verify` restores; None leaves that undone.
    """

    name: str
    path: str
    host: str | None = None
    encryption_key: SecretRef | None = None
    oldest_s: float = 26 * 3600.0
    keep: int = 14
    source: str | None = None
    scratch: Scratch | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """Who is told, and how."""

    name: str
    kind: Literal["mail", "command"]
    to: tuple[str, ...] = ()
    server: str | None = None
    port: int = 25
    sender: str | None = None
    program: str | None = None
    password: SecretRef | None = None
