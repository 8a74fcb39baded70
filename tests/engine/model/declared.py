"""The inventory of the modelled cluster: two sites, a bastion each, a balancer, two web nodes and a PostgreSQL pair."""

from dataclasses import replace
from functools import cache

from ppsconsole.inventory.model import FenceCommand, Inventory
from tests.unit import runbook_cases

MANAGEMENT = "bastion-b"
"""The host on which the operator's own fence command runs, where one is declared."""


def fence_argv(host: str, word: str) -> tuple[str, ...]:
    """Return the operator's command about the machine of a host: `off`, or `status`."""
    return ("power", word, host)


@cache
def fenced() -> Inventory:
    """Return the same inventory, with the operator's own fence command for each instance."""
    plain = declared()
    instances = {}
    for name, instance in plain.database.instances.items():
        host = str(instance.host)
        fence = FenceCommand(fence_argv(host, "off"), fence_argv(host, "status"), "off", host=MANAGEMENT, timeout_s=30.0)
        instances[name] = replace(instance, fence=fence)
    return replace(plain, database=replace(plain.database, instances=instances))


@cache
def declared() -> Inventory:
    """Return the inventory that stories play on."""
    plain = runbook_cases.declared()
    instances = {}
    for name, instance in plain.database.instances.items():
        others = (each for each in plain.database.instances if each != name)
        upstreams = {each: f"host={plain.hosts[each].address} port=5432 user=replicator passfile=/etc/pgpass" for each in others}
        instances[name] = replace(instance, upstreams=upstreams)
    return replace(plain, database=replace(plain.database, instances=instances))
