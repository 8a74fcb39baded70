"""The drivers of one monitor, and the probes made with them. Imported only when polling starts: it loads heavy libraries."""

from ppsconsole.clock import Clock
from ppsconsole.drivers.base import OnCommand
from ppsconsole.drivers.postgres import PostgresPool
from ppsconsole.drivers.service import SYSTEMD_VERBS
from ppsconsole.drivers.ssh import SshPool
from ppsconsole.inventory.model import Host, Inventory
from ppsconsole.probes.alternate import alternate_parts
from ppsconsole.probes.backups import backup_part, backup_probes
from ppsconsole.probes.base import Probe
from ppsconsole.probes.connection import connection_part
from ppsconsole.probes.control import control_part
from ppsconsole.probes.host import HostProbe, Part
from ppsconsole.probes.keys import keys_part
from ppsconsole.probes.login import login_probe
from ppsconsole.probes.managers import managers_part
from ppsconsole.probes.members import members_part
from ppsconsole.probes.per_host import compared_parts
from ppsconsole.probes.postgres import PostgresProbe
from ppsconsole.probes.quarantine import quarantine_part
from ppsconsole.probes.rights import rights_part
from ppsconsole.probes.service import service_part
from ppsconsole.probes.web import front_probe, web_node_probe


class Tools:
    """All drivers, sharing their connections."""

    def __init__(self, inventory: Inventory, clock: Clock, on_command: OnCommand) -> None:
        self.on_command = on_command
        self.ssh = SshPool(inventory, clock, on_command)
        self.postgres = PostgresPool(inventory, self.ssh, clock, on_command)

    async def aclose(self) -> None:
        """Close every connection: databases first, they run through the bastions."""
        await self.postgres.aclose()
        await self.ssh.aclose()


def make_probes(inventory: Inventory, tools: Tools, clock: Clock, *, has_logins: bool = False) -> tuple[Probe, ...]:
    """Return one probe for each host, instance, web node and front; kinds without a driver get none and stay unknown.

    Args:
        inventory: What to look at.
        tools: What to look with.
        clock: Time.
        has_logins: Also log in through the front: where people watch, not where a plan is made or a step verified.
    """
    probes: list[Probe] = [
        HostProbe(inventory, host, tools.ssh, clock, host_parts(inventory, host), tools.ssh.fingerprint)
        for host in inventory.hosts.values()
    ]
    if inventory.database.kind == "postgres":
        for instance in inventory.database.instances.values():
            probes.append(PostgresProbe(inventory, instance, tools.postgres, clock))
    for web_node in inventory.web_nodes.values():
        probes.append(web_node_probe(inventory, web_node, tools.ssh, clock))
    for alternate in inventory.alternates.values():
        probes.append(web_node_probe(inventory, alternate.as_web_node(), tools.ssh, clock))
    for balancer in inventory.balancers.values():
        probe = front_probe(inventory, balancer, clock)
        if probe is not None:
            probes.append(probe)
    probes += backup_probes(inventory, clock)
    login = login_probe(inventory, clock, tools.on_command) if has_logins else None
    return (*probes, login) if login is not None else tuple(probes)


def host_parts(inventory: Inventory, host: Host) -> tuple[Part, ...]:
    """Return what `host` is asked about the nodes that run on it."""
    every_s = inventory.polling.every_s
    parts: list[Part | None] = []
    for web_node in inventory.web_nodes.values():
        if web_node.host == host.name:
            parts.append(service_part(web_node.name, web_node.service, every_s, is_product=True))
            parts.append(rights_part(web_node.name, web_node.service))
            parts.append(connection_part(inventory, web_node, every_s * 2))
            if host.platform == "linux":  # Windows hosts are not asked yet
                parts.append(keys_part(web_node, inventory.polling.slow_every_s))
                parts += compared_parts(inventory, web_node)
    for instance in inventory.database.instances.values():
        if instance.host == host.name:
            if instance.service is not None:
                parts.append(service_part(instance.name, instance.service, every_s))
                parts.append(rights_part(instance.name, instance.service))
            if inventory.database.kind == "postgres":
                parts.append(control_part(instance, every_s * 2))
                parts.append(quarantine_part(instance, every_s))
    for balancer in inventory.balancers.values():
        if balancer.host == host.name:
            if balancer.service is not None:
                parts.append(service_part(balancer.name, balancer.service, every_s))
                parts.append(rights_part(balancer.name, balancer.service, ("reload", *SYSTEMD_VERBS)))
            parts.append(members_part(balancer, every_s * 2))
    parts += alternate_parts(inventory, host)
    if host.platform == "linux":  # Windows hosts are not asked yet
        if any(instance.host == host.name for instance in inventory.database.instances.values()):
            parts.append(managers_part(host, inventory.polling.slow_every_s))
        parts += [
            backup_part(each, inventory.polling.slow_every_s) for each in inventory.backups.values() if each.host == host.name
        ]
    return tuple(part for part in parts if part is not None)
