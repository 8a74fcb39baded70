"""Breaking nodes and mending them again."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ppsconsole.errors import LabError, UsageError
from ppsconsole.lab.disks import ROOM_BYTES, age_backups, full_mark
from ppsconsole.lab.fabric import Fabric, Road, Way, Weather
from ppsconsole.lab.health import Physician
from ppsconsole.lab.homes import BACKUP_FOLDER
from ppsconsole.lab.layout import CONSOLE, HOST_MARK, LINKS, LabNode, Layout
from ppsconsole.lab.postgres import claims_primary
from ppsconsole.lab.processes import descendants, marked, send
from ppsconsole.lab.services import Service
from ppsconsole.lab.sshd import HostServer

KINDS = ("kill", "stop", "hang", "disconnect", "reboot", "slow", "old-backup", "fill-disk")
LOST = ("both", "from", "to")
"""What a cut takes: everything, only what the node sends, or only what is sent to it."""

HEAL_LIMIT_S = 40.0
_OLD_S = 3 * 86400.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was broken on purpose.

    Attributes:
        link: Which roads, for `disconnect` and `slow`.
        at: Seconds since 1970 UTC.
    """

    node: str
    kind: str
    link: str
    at: float

    @property
    def reason(self) -> str:
        """The name under which roads remember it."""
        return f"{self.kind} {self.node} {self.link}"

    def as_json(self) -> dict[str, Any]:
        """Return it for `lab status --json`."""
        return {"node": self.node, "kind": self.kind, "link": self.link, "at": self.at}


@dataclass(slots=True)
class Wrecker:
    """Breaks and mends.

    Attributes:
        services: By unit, see `LabNode.unit`.
        logins: SSH servers by host.
        lab: The lab's id.
    """

    layout: Layout
    fabric: Fabric
    services: dict[str, Service]
    logins: dict[str, HostServer]
    physician: Physician
    lab: str
    faults: list[Fault]

    async def fault(self, name: str, kind: str, link: str, lost: str, weather: Weather, progress: Progress) -> str:
        """Break the node called `name`, or all nodes of a site: `site-a`.

        Args:
            name: Of a node or a site.
            kind: One of `KINDS`.
            link: Which roads, for `disconnect` and `slow`; one of `LINKS`.
            lost: For `disconnect`, one of `LOST`.
            weather: For `slow`.
            progress: Is told what takes time.

        Returns:
            What was done, one sentence.

        Raises:
            UsageError: No such node, kind of fault or link, or the node has no such link.
            LabError: It refused.
        """
        nodes = self.layout.members(name)
        if kind not in KINDS:
            raise UsageError(f"no fault {kind!r}", remedy="There are " + ", ".join(KINDS))
        if link not in LINKS:
            raise UsageError(f"no link {link!r}", remedy="There are " + ", ".join(LINKS))
        if lost not in LOST:
            raise UsageError(f"nothing to lose {lost!r}", remedy="There are " + ", ".join(LOST))
        words = []
        for node in nodes:
            fault = Fault(node.name, kind, link if kind in ("disconnect", "slow") else "all", time.time())
            if kind == "reboot":
                words.append(await self._reboot(node, progress))
                continue
            words.append(await self._break(node, fault, lost, weather))
            self.faults[:] = [each for each in self.faults if each.reason != fault.reason] + [fault]
        return "; ".join(words)

    async def _break(self, node: LabNode, fault: Fault, lost: str, weather: Weather) -> str:
        service = self.services.get(node.unit)
        match fault.kind:
            case "disconnect":
                roads = self.roads(node, fault.link)
                for road in roads:
                    road.cut(fault.reason, self._way(road, node, lost))
                only = {"from": "; only what it sends is lost", "to": "; only what is sent to it is lost"}.get(lost, "")
                return f"{node.name}: {len(roads)} roads cut ({fault.link}{only})"
            case "slow":
                roads = self.roads(node, fault.link)
                for road in roads:
                    road.slow(fault.reason, weather)
                rate = f", {weather.bytes_per_s:.0f} bytes/s" if weather.bytes_per_s else ""
                loss = f", {weather.loss:.0%} lost" if weather.loss else ""
                delay = f"{weather.delay_s * 1000:.0f} ms each way"
                return f"{node.name}: {len(roads)} roads slowed ({fault.link}: {delay}{rate}{loss})"
            case "old-backup":
                self._date_backup(node, time.time() - _OLD_S)
                return f"{node.name}: its backup is {_OLD_S / 86400:.0f} days old now"
            case "fill-disk":
                self._fill_disk(node, True)
                room = f"who logs in writes no file beyond {ROOM_BYTES} bytes, and df says that nothing is free"
                return f"{node.host}: a stand-in for a full disk: {room}; servers that run are left alone"
            case "kill" | "stop" if service is None:
                self._close_login(node.host)
                return f"{node.name}: its SSH server is gone, all connections dropped"
            case "hang" if service is None:
                for road in self._roads_at(node.host):
                    road.freeze(fault.reason)
                return f"{node.name}: frozen, it accepts connections and says nothing"
        assert service is not None
        if fault.kind == "kill":
            await service.kill()
            return f"{node.name}: killed"
        if fault.kind == "stop":
            return f"{node.name}: {await service.stop()}"
        if service.pid is None:
            raise LabError(f"{node.name} does not run, so it cannot hang", where="lab")
        service.freeze()
        return f"{node.name}: frozen (SIGSTOP to all its processes)"

    async def _reboot(self, node: LabNode, progress: Progress) -> str:
        """Pull the plug of the node's host, then let it boot: what is enabled starts, whatever its data says."""
        services = [
            self.services[each.unit]
            for each in self.layout.nodes.values()
            if each.host == node.host and each.unit in self.services
        ]
        self._close_login(node.host)
        send([*marked(HOST_MARK, f"{self.lab}:{node.host}"), *self._login_trees(node.host)], signal.SIGKILL)
        for service in services:
            send(service.processes(), signal.SIGKILL)
            await service.kill()
        progress(f"{node.host}: power lost, booting")
        await self._open_login(node.host)
        gone = ("kill", "stop", "hang")
        for each in [each for each in self.faults if each.node == node.name and each.kind in gone]:
            self._mend_roads(each)
            self.faults.remove(each)
        words = [f"{node.host}: rebooted"]
        for service in services:
            if service.is_enabled:
                await service.start()
                words.append(f"{service.name} started")
            else:
                words.append(f"{service.name} is disabled and was not started")
        return "; ".join(words)

    async def heal(self, name: str | None, progress: Progress) -> str:
        """Undo faults of one node, of a site (`site-a`), or of all, and wait until what was healed does its work.

        Returns:
            What stands at the end, one sentence.

        Raises:
            UsageError: No such node.
            LabError: Something could not be started, must not be, or is still not well.
        """
        nodes = list(self.layout.members(name) if name else self.layout.nodes.values())
        healed = {node.name for node in nodes}
        ended: dict[str, str] = {}
        for fault in [each for each in self.faults if each.node in healed]:
            self._mend_roads(fault)
            if fault.kind == "old-backup":
                self._date_backup(self.layout.node(fault.node), None)
            if fault.kind == "fill-disk":
                self._fill_disk(self.layout.node(fault.node), False)
            self.faults.remove(fault)
            if fault.kind in ("kill", "stop"):
                ended[fault.node] = fault.kind  # undone once it runs again, which something may be in the way of
                continue
            progress(f"{fault.node}: {fault.kind} undone" + (f" ({fault.link})" if fault.link != "all" else ""))
        refusals: list[str] = []
        idle: set[str] = set()
        # Databases first: what uses them needs them.
        for node in sorted(nodes, key=lambda each: each.kind != "database"):
            service = self.services.get(node.unit)
            if service is not None and service.pid is None and not service.is_enabled:
                # Somebody decided that; healing everything does not overrule it.
                idle.add(node.name)
                words = f"{node.name}: {service.name} is disabled and stays stopped"
                tell = refusals.append if name == node.name else progress
                tell(words)
            elif (refusal := await self._revive(node, progress)) is not None:
                idle.add(node.name)
                refusals.append(refusal)
            elif node.name in ended:
                progress(f"{node.name}: {ended[node.name]} undone")
        if refusals:
            raise LabError("; ".join(refusals), where="lab", remedy="What else was broken is undone")
        await self._await_health([node for node in nodes if node.name not in idle], progress)
        return "healed: " + (name or "all nodes do their work")

    async def _revive(self, node: LabNode, progress: Progress) -> str | None:
        """Start what does not run; return why it must not be started, if so."""
        service = self.services.get(node.unit)
        await self._open_login(node.host)
        if service is None:
            return None
        if service.state == "frozen":
            service.thaw()
            return None
        if service.pid is not None:
            return None
        if node.kind == "database" and claims_primary(service.host):
            others = [
                each.name
                for each in self.layout.of_kind("database")
                if each.name != node.name and claims_primary(self.layout.hosts[each.host])
            ]
            if others:
                return f"{node.name}: stays down: it would come back as a second primary beside {others[0]}"
        progress(f"{node.name}: starting {service.name}")
        await service.start()
        return None

    async def _await_health(self, nodes: list[LabNode], progress: Progress) -> None:
        limit = time.monotonic() + HEAL_LIMIT_S
        told: dict[str, str] = {}
        while nodes:
            faulty = {each.node for each in self.faults}
            complaints = await asyncio.gather(*(self.physician.complaint(node) for node in nodes))
            ill = [(node, words) for node, words in zip(nodes, complaints, strict=True) if words and node.name not in faulty]
            for node, words in ill:
                if told.get(node.name) != words:
                    told[node.name] = words
                    progress(f"{node.name}: {words}")
            nodes = [node for node, _ in ill]
            if nodes and time.monotonic() > limit:
                raise LabError("; ".join(f"{node.name} {words}" for node, words in ill), where="lab", remedy="See `lab status`")
            if nodes:
                await asyncio.sleep(0.1)

    def roads(self, node: LabNode, link: str) -> list[Road]:
        """Return the roads of `node` that `link` means.

        Raises:
            UsageError: It has none of that kind.
        """
        if not (chosen := self._chosen(node, link)):
            words = [name for name in LINKS if self._chosen(node, name)]
            raise UsageError(f"{node.name} has no link {link!r}", where="lab", remedy="It has " + ", ".join(words))
        return chosen

    def _chosen(self, node: LabNode, link: str) -> list[Road]:
        at = self._roads_at(node.host)
        bastions = {each.host for each in self.layout.of_kind("bastion")}
        databases = {each.host for each in self.layout.of_kind("database")}
        return {
            "all": at,
            "console": [r for r in at if r.destination == node.host and (r.origin == CONSOLE or r.origin in bastions)],
            "replication": [r for r in at if r.origin in databases and r.destination in databases],
            "users": [r for r in at if r.destination == node.host and r.origin not in (*bastions, *databases, CONSOLE)],
            "site": [r for r in self.fabric.roads if self._leaves_site(r, self.layout.hosts[node.host].site)],
        }[link]

    def _leaves_site(self, road: Road, site: str) -> bool:
        """Return whether a road has one end in the site; console and users are in none."""
        ends = [self.layout.hosts[end].site if end in self.layout.hosts else "" for end in (road.origin, road.destination)]
        return (ends[0] == site) != (ends[1] == site)

    def _way(self, road: Road, node: LabNode, lost: str) -> Way:
        """Return the direction of `road` in which `node`, or its site, sends or is sent what is lost."""
        if lost == "both":
            return "both"
        end, site = self.layout.hosts.get(road.origin), self.layout.hosts[node.host].site
        is_origin = road.origin == node.host or (road.destination != node.host and end is not None and end.site == site)
        return "there" if is_origin == (lost == "from") else "back"

    def _roads_at(self, host: str) -> list[Road]:
        return [road for road in self.fabric.roads if host in (road.origin, road.destination)]

    def _mend_roads(self, fault: Fault) -> None:
        for road in self.fabric.roads:  # a site's roads do not all begin or end at the node
            road.mend(fault.reason)

    def _date_backup(self, node: LabNode, at: float | None) -> None:
        """Give the backups on the host of `node` another date, in seconds since 1970 UTC; None makes them new again.

        Raises:
            UsageError: There are none.
        """
        folder = self.layout.hosts[node.host].home / BACKUP_FOLDER
        if not folder.is_dir():
            raise UsageError(f"{node.name} keeps no backup", where="lab", remedy=f"{self.layout.backup_host} does")
        age_backups(folder, at)

    def _fill_disk(self, node: LabNode, is_full: bool) -> None:
        mark = full_mark(self.layout.hosts[node.host])
        self.logins[node.host].is_disk_full = is_full
        if is_full:
            mark.touch()
        else:
            mark.unlink(missing_ok=True)

    def _login_trees(self, host: str) -> list[int]:
        shells = self.logins[host].command_pids()
        return [pid for shell in shells for pid in (shell, *descendants(shell))]

    def _close_login(self, host: str) -> None:
        self.logins[host].stop()
        self.fabric.serve(host, "ssh", False)
        for road in self.fabric.roads:
            if (road.destination == host and road.service == "ssh") or (road.origin == host and host not in self.services):
                road.drop_flows()

    async def _open_login(self, host: str) -> None:
        await self.logins[host].start()
        self.fabric.serve(host, "ssh", True)
