"""What a cluster depends on beside its nodes: directories, places for backups, and who is told. Pure values, no IO."""

from dataclasses import dataclass
from typing import Literal

from ppsconsole.inventory.secret import SecretRef

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
class Backup:
    """A place where backups of the database and its keys are kept.

    Attributes:
        host: Where `path` is; None for the machine of the console.
        encryption_key: The key that a restore needs; its presence is checked, its value never shown.
    """

    name: str
    path: str
    host: str | None = None
    encryption_key: SecretRef | None = None
    oldest_s: float = 26 * 3600.0


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
