"""What a lab consists of: hosts with addresses of their own, nodes on them, and the roads between the hosts."""

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ppsconsole.errors import LabError, UsageError

NodeKind = Literal["bastion", "balancer", "web", "database", "alternate"]
ServiceName = Literal["db", "pps", "nginx", "ssh"]

CONSOLE = "console"
USERS = "users"
DATABASE = "pleasant"
LAB_MARK = "PPSCONSOLE_LAB"  # in the environment of everything that a lab starts: its id
HOST_MARK = "PPSCONSOLE_LAB_HOST"  # likewise: id and host

_PREFERRED = {"ssh": 2222, "db": 5432, "pps": 10001, "nginx": 9443}


@dataclass(frozen=True, slots=True)
class LabHost:
    """A machine of the lab: an address of 127/8 and a folder.

    Attributes:
        site: `a` or `b`; `c` for an alternate server.
        home: Its disk, and the home folder of whoever logs in.
        ports: Where its servers really listen, by service.
    """

    name: str
    site: str
    address: str
    home: Path
    ports: dict[str, int]


@dataclass(frozen=True, slots=True)
class LabNode:
    """A node of the cluster as `lab fault` and `lab status` name it.

    Attributes:
        service: The service program behind it: `NAME-service` in its host's bin folder; `ssh` for a bastion.
        is_stand_in: Whether it plays a product that does not really run here.
    """

    name: str
    kind: NodeKind
    host: str
    service: ServiceName
    is_stand_in: bool = False

    @property
    def unit(self) -> str:
        """The name of what runs it: that of its host, where nothing else runs there; an alternate server has two of them."""
        return self.name if self.kind == "alternate" else self.host


@dataclass(frozen=True, slots=True)
class RoadPlan:
    """One way from one host to one service of another; see `ppsconsole.lab.fabric.Road`.

    Attributes:
        preferred: The port, on the destination's address, that is tried first for its entrance.
    """

    origin: str
    destination: str
    service: ServiceName
    preferred: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole lab, before anything runs.

    Attributes:
        network: First two numbers of every address, `127.L`; no other lab uses them.
        outside: Addresses of those who come from outside: the console and the users.
        upstreams: Whom each standby follows at first, by host; each stands behind its own upstream.
    """

    network: str
    hosts: dict[str, LabHost]
    nodes: dict[str, LabNode]
    roads: tuple[RoadPlan, ...]
    outside: dict[str, str] = field(default_factory=dict)
    upstreams: dict[str, str] = field(default_factory=dict)

    def address(self, place: str) -> str:
        """Return the address of a host, of the console or of the users."""
        return self.outside[place] if place in self.outside else self.hosts[place].address

    def node(self, name: str) -> LabNode:
        """Return the node called `name`.

        Raises:
            UsageError: There is none; the message names those that there are.
        """
        if name not in self.nodes:
            sites = (f"{SITE}{site}" for site in self.sites)
            there = ", ".join((*self.nodes, *sites))
            raise UsageError(f"no node {name!r} in this lab", where="lab", remedy=f"There are {there}")
        return self.nodes[name]

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites, in the order of their hosts."""
        return tuple(dict.fromkeys(host.site for host in self.hosts.values()))

    def members(self, name: str) -> tuple[LabNode, ...]:
        """Return the node called `name`, or all nodes of a site: `site-a`.

        Raises:
            UsageError: There is neither.
        """
        site = name.removeprefix(SITE)
        if name.startswith(SITE) and site in self.sites:
            return tuple(node for node in self.nodes.values() if self.hosts[node.host].site == site)
        return (self.node(name),)

    def of_kind(self, kind: NodeKind) -> tuple[LabNode, ...]:
        """Return the nodes of one kind."""
        return tuple(node for node in self.nodes.values() if node.kind == kind)

    @property
    def backup_host(self) -> str:
        """The host that the backups are kept on: that of the first standby, in the other site than the primary's."""
        return next(iter(self.upstreams))

    def bastion_of(self, host: str) -> str:
        """Return the bastion in the site of `host`."""
        return f"bastion-{self.hosts[host].site}"


PROFILES = ("default", "alternate", "standbys", "balancers")
"""What a lab can have: two sites; beside them a third one, with an alternate server; two more standbys, one behind a standby; a
balancer in each site."""

SITE = "site-"
"""Begins the name that stands for all nodes of a site."""

LINKS = ("all", "console", "replication", "users", "site")
"""Which connections of a node can be cut or slowed; `site` means all between its site and the rest of the world."""


def layout_of(profile: str, network: str, homes: Path) -> Layout:
    """Return the layout of one of `PROFILES`.

    `default`: two sites, a bastion each, nginx, two web nodes, a PostgreSQL pair. `alternate`: the same, and in a third site a
    host with a PPS that is stopped and a database server of its own; it is reached without a bastion. `standbys`: two more
    standbys, db3 in the primary's site, which follows the primary, and db4 in the other one, which follows db2 (a cascade).
    `balancers`: a second nginx, lb2, in the other site; users come in at either.

    Args:
        profile: Which.
        network: `127.L`.
        homes: Folder that gets one folder for each host.

    Raises:
        LabError: No port is free at one of the addresses.
    """
    hosts: dict[str, LabHost] = {}
    machines: list[tuple[str, str, int, tuple[ServiceName, ...]]] = [
        ("bastion-a", "a", 10, ("ssh",)),
        ("web1", "a", 11, ("ssh", "pps")),
        ("db1", "a", 21, ("ssh", "db")),
        ("lb1", "a", 31, ("ssh", "nginx")),
        ("bastion-b", "b", 10, ("ssh",)),
        ("web2", "b", 11, ("ssh", "pps")),
        ("db2", "b", 21, ("ssh", "db")),
    ]
    upstreams = {"db2": "db1"}
    if profile == "standbys":
        machines += [("db3", "a", 22, ("ssh", "db")), ("db4", "b", 22, ("ssh", "db"))]
        upstreams |= {"db3": "db1", "db4": "db2"}
    balancers = ("lb1", "lb2") if profile == "balancers" else ("lb1",)
    if "lb2" in balancers:
        machines.append(("lb2", "b", 31, ("ssh", "nginx")))
    has_alternate = profile == "alternate"
    if has_alternate:
        machines.append(("alt1", "c", 11, ("ssh", "pps", "db")))
    for name, site, number, services in machines:
        address = f"{network}.{'abc'.index(site) + 1}.{number}"
        ports: dict[str, int] = {service: free_port(address, _PREFERRED[service]) for service in services}
        hosts[name] = LabHost(name, site, address, homes / name, ports)
    nodes = [LabNode(name, "bastion", name, "ssh") for name in ("bastion-a", "bastion-b")]
    nodes += [LabNode(name, "balancer", name, "nginx") for name in balancers]
    nodes += [LabNode(f"pps{n}", "web", f"web{n}", "pps", is_stand_in=True) for n in (1, 2)]
    databases = ("db1", *upstreams)
    nodes += [LabNode(name, "database", name, "db") for name in databases]
    roads = _default_roads(hosts, databases, balancers)
    if has_alternate:
        nodes += [LabNode("alt1", "alternate", "alt1", "pps", is_stand_in=True), LabNode("alt1-db", "alternate", "alt1", "db")]
        roads += [RoadPlan(CONSOLE, "alt1", "ssh", 2200), RoadPlan(USERS, "alt1", "pps", 8443)]
    outside = {CONSOLE: f"{network}.0.10", USERS: f"{network}.0.20"}
    return Layout(network, hosts, {node.name: node for node in nodes}, tuple(roads), outside, upstreams)


def _default_roads(hosts: dict[str, LabHost], databases: tuple[str, ...], balancers: tuple[str, ...]) -> list[RoadPlan]:
    roads = [RoadPlan(CONSOLE, "bastion-a", "ssh", 2200), RoadPlan(CONSOLE, "bastion-b", "ssh", 2200)]
    roads += [RoadPlan(USERS, name, "nginx", 8443) for name in balancers]
    roads += [RoadPlan(name, web, "pps", 11001 + i) for i, name in enumerate(balancers) for web in ("web1", "web2")]
    roads += [RoadPlan(web, db, "db", 6432 + i) for i, web in enumerate(("web1", "web2")) for db in databases]
    roads += [RoadPlan(one, db, "db", 6434 + i) for i, one in enumerate(databases) for db in databases if one != db]
    for host in hosts.values():
        if host.site != "c" and not host.name.startswith("bastion"):
            services: tuple[ServiceName, ...] = ("ssh", "db", "pps", "nginx")
            roads += [
                RoadPlan(f"bastion-{host.site}", host.name, service, host.ports[service] + 20000)
                for service in services
                if service in host.ports
            ]
    return roads


def free_port(address: str, preferred: int) -> int:
    """Return `preferred` if nothing listens there at `address`, else the next port that is free.

    Raises:
        LabError: A hundred ports in a row are taken.
    """
    for port in range(preferred, preferred + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    raise LabError(f"ports {preferred} to {preferred + 99} are all taken", where=address)
