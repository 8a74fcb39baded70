"""The inventory of the modelled cluster: two sites, a bastion each, a balancer, two web nodes and a PostgreSQL pair."""

from dataclasses import replace
from functools import cache

from ppsconsole.inventory.model import Inventory
from tests.unit import runbook_cases


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
