"""The running parts of a lab and how they come up: as much as possible at the same time."""

import asyncio
import contextlib
import secrets
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppsconsole.drivers.age import AgeKey
from ppsconsole.errors import LabError
from ppsconsole.lab.account import Account
from ppsconsole.lab.certificates import Authority
from ppsconsole.lab.children import Children
from ppsconsole.lab.fabric import Fabric, Road
from ppsconsole.lab.faults import Wrecker
from ppsconsole.lab.health import Physician
from ppsconsole.lab.homes import Furnisher, environment
from ppsconsole.lab.inventory_file import inventory_text
from ppsconsole.lab.layout import CONSOLE, LabHost, LabNode, Layout
from ppsconsole.lab.order import python_path
from ppsconsole.lab.postgres import (
    CONSOLE_ROLE,
    KEEPER_ROLE,
    ROLES,
    Workshop,
    make_database,
    make_standby,
    server_arguments,
)
from ppsconsole.lab.processes import ProcessId, send
from ppsconsole.lab.programs import find_nginx, find_postgres
from ppsconsole.lab.rows import make_rows
from ppsconsole.lab.services import Program, RequestLine, Service, accepts
from ppsconsole.lab.sshd import HostServer, make_key
from ppsconsole.lab.state import INVENTORY_FILE, LabState, write_private

HEALTHY_LIMIT_S = 40.0


@dataclass(frozen=True, slots=True)
class Materials:
    """What a cluster is made from.

    Attributes:
        postgres: `bundled`, `system` or a folder of programs.
        progress: Told what happens.
    """

    state: LabState
    layout: Layout
    account: Account
    postgres: str
    progress: Callable[[str], None]


class LabCluster:
    """Everything that runs.

    Attributes:
        layout: What there is.
        fabric: The roads.
        services: By host.
        logins: SSH servers by host.
        wrecker: Breaks and mends.
    """

    def __init__(self, materials: Materials) -> None:
        self.layout = materials.layout
        self.fabric = Fabric()
        self.services: dict[str, Service] = {}
        self.logins: dict[str, HostServer] = {}
        self._state, self._account, self._progress = materials.state, materials.account, materials.progress
        self._children = Children()
        self._lines: list[RequestLine] = []
        homes = next(iter(self.layout.hosts.values())).home.parent
        # Programs are run from there, so it stays with whoever runs the lab; the draft is the service account's.
        copies, self._draft = homes / ".programs", homes / ".draft"
        copies.mkdir(mode=0o755)
        self._account.make_folder(self._draft)
        self._postgres = find_postgres(materials.postgres, self._account, copies)
        self._nginx = find_nginx(self._account, copies)
        self._passwords = {role: secrets.token_hex(16) for role in ROLES}
        self._authority = Authority(self._state.id)
        self._physician = Physician(self.layout, keeper_password=self._passwords[KEEPER_ROLE], authority=self._authority.pem)
        self.wrecker = Wrecker(self.layout, self.fabric, self.services, self.logins, self._physician, self._state.id, [])

    async def build(self) -> None:
        """Bring everything up.

        Raises:
            LabError: Something did not come up; says what and why.
        """
        self._progress(f"{len(self.layout.hosts)} hosts at {self.layout.network}.x.y")
        players = ", ".join(node.name for node in self.layout.nodes.values() if node.is_stand_in)
        self._progress(
            f"real: PostgreSQL {self._postgres.version}, nginx, SSH; stand-ins for Pleasant Password Server: {players}"
        )
        self._lay_roads()
        shop = Workshop(self._postgres, self._account, self._children, self._passwords, self._state.id)
        async with asyncio.TaskGroup() as group:
            # Begun before there is a host to put it on: initdb takes about as long as all the rest.
            data = self._draft / "data"
            making = group.create_task(make_database(shop, data))
            await asyncio.sleep(0)
            self._furnish()
            self._write_folder()
            group.create_task(self._open_logins())
            for node in self.layout.of_kind("balancer"):
                group.create_task(self._start(node.unit))
            await making
            data.rename(self.layout.hosts["db1"].home / "data")
            self._draft.rmdir()
            for node in self.layout.of_kind("alternate"):
                if node.service == "db":
                    group.create_task(self._bring_up_alternate(shop, node))
            group.create_task(self._bring_up_databases(shop))
        await self._await_health()

    async def fill(self, rows: int) -> None:
        """Put so many entries into the database, and wait until the standby has them.

        Raises:
            LabError: The database is not as the stand-ins make it.
        """
        if rows:
            await make_rows(self.layout.hosts["db1"], self._passwords[KEEPER_ROLE], rows, self._progress)

    async def _bring_up_databases(self, shop: Workshop) -> None:
        await self._start("db1")
        self._progress("db1: primary serves")
        async with asyncio.TaskGroup() as group:
            for name in ("web1", "web2"):
                group.create_task(self._start(name))
            await self._bring_up_standbys(shop, "db1")

    async def _bring_up_standbys(self, shop: Workshop, upstream: str) -> None:
        """Make those that follow `upstream`, and then those behind them, all at the same time."""
        async with asyncio.TaskGroup() as group:
            for name in (each for each, source in self.layout.upstreams.items() if source == upstream):
                group.create_task(self._bring_up_standby(shop, name, upstream))

    async def _bring_up_standby(self, shop: Workshop, name: str, upstream: str) -> None:
        road = self.fabric.find(name, upstream, "db")
        assert road is not None
        await make_standby(shop, self.layout.hosts[name], self.layout.address(upstream), road.port)
        await self._start(name)
        self._progress(f"{name}: standby cloned from {upstream} and started")
        await self._bring_up_standbys(shop, name)

    async def _bring_up_alternate(self, shop: Workshop, node: LabNode) -> None:
        # Made by an initdb of its own: it is another system than the database group.
        await make_database(shop, self.layout.hosts[node.host].home / "data")
        await self._start(node.unit)
        self._progress(f"{node.name}: database server of the alternate server started, with an empty database")

    async def _start(self, unit: str) -> None:
        await self.services[unit].start()

    async def _open_logins(self) -> None:
        for name, login in self.logins.items():
            await login.start()
            self.fabric.serve(name, "ssh", True)

    async def _await_health(self) -> None:
        loop = asyncio.get_running_loop()
        limit = loop.time() + HEALTHY_LIMIT_S
        nodes = [node for node in self.layout.nodes.values() if not self._is_at_rest(node)]
        while nodes:
            complaints = await asyncio.gather(*(self._physician.complaint(node) for node in nodes))
            ill = [(node, words) for node, words in zip(nodes, complaints, strict=True) if words]
            if ill and loop.time() > limit:
                raise LabError("; ".join(f"{node.name} {words}" for node, words in ill), where="lab")
            nodes = [node for node, _ in ill]
            if nodes:
                await asyncio.sleep(0.05)

    def _is_at_rest(self, node: LabNode) -> bool:
        """Return whether it is an alternate server that was not activated: that it serves nobody is no complaint."""
        service = self.services.get(node.unit)
        return node.kind == "alternate" and service is not None and service.state == "stopped" and not service.is_enabled

    def _lay_roads(self) -> None:
        for plan in self.layout.roads:
            host = self.layout.hosts[plan.destination]
            road = Road(
                plan.origin,
                plan.destination,
                plan.service,
                source=self.layout.address(plan.origin),
                target=(host.address, host.ports[plan.service]),
                preferred=plan.preferred,
            )
            road.serve(False)
            self.fabric.roads.append(road)

    def _furnish(self) -> None:
        admin = secrets.token_hex(12)
        write_private(self._state.folder / "admin.password", admin + "\n")
        furnisher = Furnisher(self.layout, self.fabric, self._account, self._authority, self._passwords, self._nginx, admin)
        for host in self.layout.hosts.values():
            furnisher.furnish(host)
            nodes = [node for node in self.layout.nodes.values() if node.host == host.name and node.service != "ssh"]
            for node in nodes:
                self.services[node.unit] = Service(
                    host,
                    node.service,
                    self._program(host, node.service),
                    children=self._children,
                    fabric=self.fabric,
                    account=self._account,
                    record=self._record,
                )
            if nodes:
                self._lines.append(RequestLine(host, self._account, self._requested(host)))

    def _requested(self, host: LabHost) -> Any:
        async def answer(service: str, verb: str) -> str:
            found = next((each for each in self.services.values() if each.host is host and each.name == service), None)
            if found is None:
                raise LabError(f"no service {service!r} here", where=host.name)
            return await (found.start() if verb == "start" else found.stop())

        return answer

    def _program(self, host: LabHost, service: str) -> Program:
        env = environment(host, self._state.id, self._postgres.bin if service == "db" else None)
        port = host.ports[service]

        async def is_serving() -> bool:
            return await accepts(host.address, port)

        if service == "db":
            data = host.home / "data"
            env["LC_ALL"] = "C.UTF-8"

            async def is_open() -> bool:
                return _postmaster_word(data) in ("ready", "standby")

            return Program(tuple(server_arguments(self._postgres, host)), data, env, signal.SIGINT, is_open)
        if service == "nginx":
            front = (
                *(str(self._nginx), "-p", str(host.home), "-e", f"{host.home}/log/error.log"),
                *("-c", f"{host.home}/etc/nginx.conf", "-g", "daemon off;"),
            )
            return Program(front, host.home, env, signal.SIGTERM, is_serving)
        # -P and the explicit path: nothing that lies in the host's folder may be imported, we may be root here.
        env["PYTHONPATH"] = python_path()
        argv = (sys.executable, "-P", "-m", "ppsconsole.lab.standin", f"{host.home}/etc/standin.json")
        return Program(argv, host.home, env, signal.SIGTERM, is_serving, is_root_kept=self._account.is_dropped)

    def _write_folder(self) -> None:
        folder = self._state.folder
        client = make_key()
        write_private(folder / "ssh_key", client.export_private_key("openssh").decode("ascii"))
        write_private(folder / "database.password", self._passwords[CONSOLE_ROLE] + "\n")
        write_private(folder / "backup.key", AgeKey.made())
        known = []
        bastions = {node.host for node in self.layout.of_kind("bastion")}
        for host in self.layout.hosts.values():
            key = make_key()
            line = key.export_public_key("openssh").decode("ascii").strip()
            entrance = self.fabric.find(CONSOLE, host.name, "ssh")
            ports = {host.ports["ssh"], entrance.port if entrance else host.ports["ssh"]}
            known += [f"[{host.address}]:{port} {line}" for port in sorted(ports)]
            is_bastion = host.name in bastions
            self.logins[host.name] = HostServer(
                host,
                origin=self.layout.address(CONSOLE if entrance else self.layout.bastion_of(host.name)),
                host_key=key,
                client_key=client,
                forward=self._forward(host) if is_bastion else lambda _address, _port: None,
                children=self._children,
                account=self._account,
                env=environment(host, self._state.id, self._postgres.bin if "db" in host.ports else None),
            )
        write_private(folder / "known_hosts", "\n".join(known) + "\n")
        write_private(folder / "ca.pem", self._authority.pem)
        write_private(folder / INVENTORY_FILE, inventory_text(self.layout, self.fabric, folder, self._postgres))

    def _forward(self, bastion: LabHost) -> Callable[[str, int], tuple[str, int] | None]:
        """Return where the bastion forwards to: into the roads that begin at it, so that cuts hold for it too."""
        entrances: dict[tuple[str, int], tuple[str, int]] = {}
        for road in self.fabric.roads:
            if road.origin == bastion.name:
                address = self.layout.address(road.destination)
                entrances[address, self.layout.hosts[road.destination].ports[road.service]] = (address, road.port)
        return lambda address, port: entrances.get((address, port))

    def _record(self, name: str, process: ProcessId) -> None:
        self._state.servers[name] = process
        self._state.write()

    def facts(self) -> dict[str, Any]:
        """Return what lab.json tells of the cluster, for tests and tools."""
        return {
            "network": self.layout.network,
            "postgres": {"version": self._postgres.version, "bin": str(self._postgres.bin)},
            "hosts": {
                host.name: {"site": host.site, "address": host.address, "home": str(host.home), "ports": host.ports}
                for host in self.layout.hosts.values()
            },
            "roads": {road.name: {"port": road.port} for road in self.fabric.roads},
            "front": self._front_url(),
        }

    def _front_url(self) -> str:
        road = next(road for road in self.fabric.roads if road.service == "nginx")
        return f"https://{self.layout.address(road.destination)}:{road.port}"

    async def status(self) -> dict[str, Any]:
        """Return how all nodes stand."""
        nodes = list(self.layout.nodes.values())
        complaints = await asyncio.gather(*(self._physician.complaint(node) for node in nodes))
        told = []
        for node, complaint in zip(nodes, complaints, strict=True):
            service = self.services.get(node.unit)
            login = "running" if self.logins[node.host].is_running else "stopped"
            told.append(
                {
                    "name": node.name,
                    "kind": node.kind,
                    "host": node.host,
                    "site": self.layout.hosts[node.host].site,
                    "address": self.layout.address(node.host),
                    "state": service.state if service is not None else login,
                    "is_enabled": service.is_enabled if service is not None else True,
                    "pid": service.pid if service is not None else None,
                    "complaint": "" if self._is_at_rest(node) else complaint,
                    "is_stand_in": node.is_stand_in,
                    "faults": [fault.as_json() for fault in self.wrecker.faults if fault.node == node.name],
                }
            )
        return {
            "id": self._state.id,
            "folder": str(self._state.folder),
            "inventory": str(self._state.inventory),
            "front": self._front_url(),
            "postgres": self._postgres.version,
            "nodes": told,
        }

    async def end(self) -> None:
        """End all servers. Databases get the chance to give back their shared memory; nobody needs their data any more."""
        databases = [service for service in self.services.values() if service.name == "db" and service.pid is not None]
        for service in self.services.values():
            if service.name == "db":
                service.thaw()
            else:
                send(service.processes(), signal.SIGKILL)
        send([service.pid for service in databases if service.pid is not None], signal.SIGQUIT)
        for login in self.logins.values():
            login.stop()
        for line in self._lines:
            line.close()
        self.fabric.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3.0):
                await asyncio.gather(*(service.ended() for service in databases))


def _postmaster_word(data: Path) -> str:
    """Return what the postmaster says of itself: line 8 of postmaster.pid (`starting`, `ready`, `standby`, `stopping`)."""
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[7].strip()
    except (OSError, IndexError):
        return ""
