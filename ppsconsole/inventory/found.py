"""What was found out about a cluster that has no inventory yet: pure values, made by `probes.discover`, written by `writing`.

Everything that comes from a host is harmless text already (`masking.plain`).
"""

from dataclasses import dataclass, field
from typing import Literal

from ppsconsole.inventory.answers import Login


@dataclass(frozen=True, slots=True)
class FoundService:
    """What seems to start and stop a program.

    Attributes:
        kind: As in the inventory: `systemd`, `command`, ...
        name: Unit or program.
        remark: What is doubtful about it; empty when nothing is.
    """

    kind: str
    name: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class FoundMember:
    """One member of an upstream of nginx."""

    address: str
    is_waiting: bool


@dataclass(frozen=True, slots=True)
class FoundFront:
    """What `nginx -T` told.

    Attributes:
        config: The main file.
        upstreams: Members by the name of their upstream.
        files: By upstream, the included file that holds nothing but upstreams; missing where the upstream shares its file.
        proof_header: Header in which `$upstream_addr` is told; empty when none is set.
    """

    config: str
    upstreams: dict[str, tuple[FoundMember, ...]]
    files: dict[str, str] = field(default_factory=dict)
    proof_header: str = ""


@dataclass(frozen=True, slots=True)
class FoundHost:
    """One host that was named.

    Attributes:
        name: What it is called in the inventory.
        hostname: What it answered; empty where it was not reached.
        via: Names of its bastions, the outermost first.
        postgres_programs: Folder of PostgreSQL's programs, by data directory; by the empty string for those in the PATH.
        connection: Host that the stored connection setting of its web node names; empty where nothing tells.
        trouble: Why it could not be looked at; empty when it could.
    """

    name: str
    login: Login
    via: tuple[str, ...] = ()
    is_bastion: bool = False
    hostname: str = ""
    system: str = ""
    platform: Literal["linux", "windows"] = "linux"
    database_service: FoundService | None = None
    web_service: FoundService | None = None
    front_service: FoundService | None = None
    postgres_programs: dict[str, str] = field(default_factory=dict)
    connection: str = ""
    connection_program: str = ""
    front: FoundFront | None = None
    trouble: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All names and addresses that it is known by, in small letters."""
        short = self.hostname.partition(".")[0]
        return tuple(dict.fromkeys(each.lower() for each in (self.name, self.login.address, self.hostname, short) if each))


@dataclass(frozen=True, slots=True)
class FoundInstance:
    """One server of the database group.

    Attributes:
        role: As observed; `unknown` where it did not answer.
        sender: `host port` that a standby receives from, as it sees it; empty where it does not tell.
        trouble: Why it could not be asked.
    """

    host: str
    port: int
    role: Literal["primary", "standby", "unknown"]
    system_identifier: str = ""
    data_directory: str = ""
    aliases: tuple[str, ...] = ()
    sender: tuple[str, int] | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class FoundWeb:
    """One PPS server.

    Attributes:
        is_waiting: nginx sends it no requests.
        server_name: Name that its certificate covers where it does not cover the address; empty otherwise.
        trouble: What was wrong when it was asked; empty when it answered well.
    """

    host: str
    port: int
    is_waiting: bool = False
    server_name: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Everything.

    Attributes:
        strangers: Addresses that a database or nginx named and that belong to no named host, with who named them.
    """

    hosts: tuple[FoundHost, ...] = ()
    instances: tuple[FoundInstance, ...] = ()
    webs: tuple[FoundWeb, ...] = ()
    strangers: tuple[tuple[str, str], ...] = ()

    def host(self, words: str) -> FoundHost | None:
        """Return the host that is known by that name or address; None when no named one is."""
        return next((each for each in self.hosts if words.lower() in each.names), None)

    def obstacle(self, host: FoundHost) -> str:
        """Return why nothing on `host` can be reached: a bastion before it that was not; empty when all were."""
        return next((f"bastion {each.name} was not reached" for each in self.hosts if each.name in host.via and each.trouble), "")

    def named(self, name: str) -> FoundHost:
        """Return the host that is called `name` in the inventory."""
        return next(each for each in self.hosts if each.name == name)
