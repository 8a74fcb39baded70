"""The modelled cluster as a whole: what follows from what while time passes, and what must never be."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ppsconsole.drivers.nginx import parse_upstreams
from ppsconsole.inventory.model import Inventory
from tests.engine.model.databases import Database, Record
from tests.engine.model.held import STARTED_AT
from tests.engine.model.hosts import ModelHost, ModelService
from tests.engine.model.links import Links

_read = lru_cache(maxsize=256)(parse_upstreams)

LAG_S = 0.01
"""What was written in the last moments has not arrived at a standby yet."""

WRITE_EVERY_S = 0.5
MOST_WRITES = 8


@dataclass(slots=True)
class ModelBalancer:
    """nginx: the file, and what was loaded of it."""

    include: str
    loaded: str
    backup: str = ""
    is_reload_dead: bool = False


@dataclass(slots=True, eq=False)
class World:
    """All of it.

    Attributes:
        points_at: What each web node's setting names.
        places: The host of each node.
        acked: Commits that were acknowledged to users, and by which instance.
        wrongs: What must never be, and was; in words.
        parts: Files that are brought to an instance and not whole yet: for each piece, from whom, and from where on in the file.
        beside: Who was promoted while another one still took writes from whoever would come: a switchover never does that.
        has_job: Somebody beside the web nodes writes all the time, wherever he may.
        fencing: How the operator's fence command behaves: `works`, `late`, `lies` (and does nothing), `fails`, `denies` (that it
            worked), `mute` (it does nothing, and does not tell either).
        switches_off: When a machine goes off that was asked to, by host.
        lost: Acknowledged commits that were given up by a failover.
        touched: Nodes that a fault, and no step, changed: they are not compared with before.
    """

    inventory: Inventory
    hosts: dict[str, ModelHost]
    databases: dict[str, Database]
    balancers: dict[str, ModelBalancer]
    points_at: dict[str, str]
    places: dict[str, str] = field(default_factory=dict)
    links: Links = field(default_factory=Links)
    acked: list[tuple[Record, str]] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    parts: dict[str, dict[str, list[tuple[str, int]]]] = field(default_factory=dict)
    beside: list[str] = field(default_factory=list)
    has_job: bool = False
    fencing: str = "works"
    switches_off: dict[str, float] = field(default_factory=dict)
    lost: list[Record] = field(default_factory=list)
    last_at: float = STARTED_AT
    numbers: int = 0

    # --- time -------------------------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Let what happens by itself happen until `now`: replication, promotions, users who write."""
        if self.switches_off:
            for host in [host for host, at in self.switches_off.items() if at <= now]:
                del self.switches_off[host]
                self.switch_off(host)
        since = now - self.last_at
        rounds = 1 + min(MOST_WRITES, int(since / WRITE_EVERY_S))
        for number in range(1, rounds + 1):
            at = self.last_at + since * number / rounds
            self._replicate(at - LAG_S)
            self._databases(at)
            self._write(at)
        self.last_at = now
        self.check()

    def _replicate(self, upto: float) -> None:
        for standby in self.databases.values():
            if self.is_connected(standby) and not standby.held_back:
                standby.receive(self.databases[standby.upstream], upto)

    def _databases(self, at: float) -> None:
        for each in self.databases.values():
            if each.promotes_at is not None and each.promotes_at <= at and each.process == "up":
                if any(other.is_writable and self.is_on(other.host) for other in self.databases.values()):
                    self.beside.append(each.name)
                each.promote(at)
            if each.process == "stopping" and not any(other.held_back for other in self.connected_to(each)):
                self._end(each, at)

    def _write(self, at: float) -> None:
        if self.has_job:
            writable = next((each for each in self.databases.values() if each.is_writable and self.is_on(each.host)), None)
            if writable is not None:
                self.numbers += 1
                self.acked.append((writable.write(self.numbers, at), writable.name))
        for name in self.inventory.web_nodes:
            database = self.attached(name)
            if database is not None and database.is_writable:
                self.numbers += 1
                self.acked.append((database.write(self.numbers, at), database.name))

    # --- databases --------------------------------------------------------------------------------------------

    def is_connected(self, standby: Database) -> bool:
        """Return whether a standby has a walsender at its upstream."""
        source = self.databases.get(standby.upstream)
        if source is None or not standby.in_recovery or standby.process != "up" or source.process not in ("up", "stopping"):
            return False
        is_way = self.is_on(standby.host) and self.is_on(source.host) and self.links.is_open(standby.host, source.host)
        return is_way and not source.in_recovery and source.has(standby)

    def connected_to(self, source: Database) -> list[Database]:
        return [each for each in self.databases.values() if each.upstream == source.name and self.is_connected(each)]

    def stop(self, database: Database) -> None:
        """Ask for a fast stop: it ends once those that are connected have everything."""
        if database.process == "up":
            database.promotes_at = None
            if any(each.held_back for each in self.connected_to(database)):
                database.process, database.control_state = "stopping", "shutting down"
            else:
                self._end(database, self.last_at)

    def _end(self, database: Database, at: float) -> None:
        connected = self.connected_to(database)
        database.end_cleanly(at)
        for standby in connected:
            standby.receive(database, at)

    def is_on(self, host: str) -> bool:
        return self.hosts[host].is_on

    def service_of(self, node: str) -> ModelService:
        """Return the service of a node; a database's state follows from its processes."""
        service = self.hosts[self.places[node]].services[node]
        database = self.databases.get(node)
        if database is not None:
            is_clean = database.control_state.startswith("shut down")
            states: dict[str, Any] = {"up": "running", "stopping": "running", "frozen": "frozen"}
            service.state = states.get(database.process, "stopped" if is_clean else "failed")
        return service

    # --- who uses what ----------------------------------------------------------------------------------------

    def runs(self, node: str) -> bool:
        """Return whether the node's processes run and do something."""
        return self.hosts[self.places[node]].is_on and self.service_of(node).state == "running"

    def attached(self, web_node: str) -> Database | None:
        """Return the database that a web node has sessions on."""
        if not self.runs(web_node):
            return None
        database = self.databases[self.points_at[web_node]]
        is_way = self.is_on(database.host) and self.links.is_open(self.inventory.web_nodes[web_node].host, database.host)
        return database if is_way and database.process == "up" else None

    def writers_of(self, database: Database) -> list[str]:
        return [name for name in self.inventory.web_nodes if self.attached(name) is database]

    def web_status(self, web_node: str) -> int | None:
        """Return what a web node answers; None when nothing listens."""
        if not self.runs(web_node):
            return None
        database = self.attached(web_node)
        return 200 if database is not None and database.is_writable else 503

    def front(self, balancer: str) -> tuple[int | None, str]:
        """Return what users get through a balancer, and the address of the member that answered."""
        declared = self.inventory.balancers[balancer]
        if not self.runs(balancer):
            return None, ""
        lines = _read(self.configuration(balancer, self.balancers[balancer].loaded)).get(str(declared.upstream), ())
        for line in lines:
            name = declared.members.get(line.address, "")
            is_way = bool(name) and self.links.is_open(declared.host, self.inventory.web_nodes[name].host)
            if not line.is_down and is_way and (status := self.web_status(name)) is not None:
                return status, line.address
        return 502, str(declared.upstream)

    def configuration(self, balancer: str, include: str) -> str:
        return f"http {{ upstream {self.inventory.balancers[balancer].upstream} {{\n{include}}} }}\n"

    # --- machines ---------------------------------------------------------------------------------------------

    def switch_off(self, host: str) -> None:
        """Switch a machine off for good."""
        self.touched.update(self.hosts[host].services)
        self.power_off(host)
        self.hosts[host].is_kept_off = True

    def power_off(self, host: str) -> None:
        """Let every process of a host end at once."""
        found = self.hosts[host]
        found.is_on = False
        for node, service in found.services.items():
            if node in self.databases:
                self.databases[node].crash()
            elif service.state in ("running", "frozen"):
                service.state = "stopped"

    def power_on(self, host: str) -> None:
        """Boot a host: what is enabled starts."""
        found = self.hosts[host]
        if found.is_on or found.is_kept_off:
            return
        found.is_on, found.boots = True, found.boots + 1
        self.touched.update(found.services)
        for node, service in found.services.items():
            if service.enabled:
                self.start(node)
        self.check()

    def start(self, node: str) -> bool:
        """Start a service; return whether it came up."""
        service = self.service_of(node)
        if service.is_broken:
            if node not in self.databases:
                service.state = "failed"
            return False
        if service.state in ("stopped", "failed"):
            if node in self.databases:
                self.databases[node].start(self.last_at)
            else:
                service.state = "running"
        self.check()
        return True

    # --- what must never be -----------------------------------------------------------------------------------

    def check(self) -> None:
        """Take note of two primaries that both take writes from somebody."""
        writing = [each for each in self.databases.values() if each.is_writable and self.is_on(each.host)]
        if len(writing) < 2:
            return
        used = {each.name: self.writers_of(each) for each in writing}
        if sum(bool(writers) for writers in used.values()) > 1:
            said = ", ".join(f"{name} (from {' and '.join(writers)})" for name, writers in used.items() if writers)
            self.wrong(f"two primaries take writes: {said}")

    def wrong(self, words: str) -> None:
        if words not in self.wrongs:
            self.wrongs.append(words)

    def view(self) -> dict[str, tuple[Any, ...]]:
        """Return what probes would see of each node, for comparing before and after."""
        found: dict[str, tuple[Any, ...]] = {}
        for host in self.hosts.values():
            for node in host.services:
                service = self.service_of(node)
                state = "stopped" if service.state == "failed" else service.state  # a back-out does not break it again
                found[node] = (state, service.enabled, self.points_at.get(node))
        for name, database in self.databases.items():
            found[name] += (database.in_recovery, database.timeline, database.is_quarantined)
        for name, balancer in self.balancers.items():
            found[name] += (balancer.include, balancer.loaded)
        return found


def new_world(inventory: Inventory) -> World:
    """Return a healthy cluster: the declared primary serves, the others follow it, users reach the active web node."""
    primary = next(name for name, each in inventory.database.instances.items() if each.declared == "primary")
    databases = {}
    for name, instance in inventory.database.instances.items():
        is_standby = name != primary
        state = "in archive recovery" if is_standby else "in production"
        upstream = primary if is_standby else ""
        databases[name] = Database(
            name, str(instance.host), in_recovery=is_standby, has_signal=is_standby, upstream=upstream, control_state=state
        )
    databases[primary].slots = [name for name in databases if name != primary]
    hosts = {name: ModelHost(name) for name in inventory.hosts}
    balancers, places = {}, {}
    for name in (*inventory.web_nodes, *inventory.database.instances, *inventory.balancers):
        host = inventory.host_of(name)
        assert host is not None
        hosts[host.name].services[name] = ModelService()
        places[name] = host.name
    for name, balancer in inventory.balancers.items():
        active = {web for web, node in inventory.web_nodes.items() if node.declared == "active"}
        lines = (f"server {address}{'' if node in active else ' down'};\n" for address, node in balancer.members.items())
        text = "".join(lines)
        balancers[name] = ModelBalancer(text, text)
    world = World(inventory, hosts, databases, balancers, dict.fromkeys(inventory.web_nodes, primary), places)
    world.advance(STARTED_AT + 0.0)
    return world
