"""The plans that are broken, and whose consoles are killed, on the scripted world: real ones, of every runbook.

They are made from the states in `tests.unit.runbook_cases`.
"""

from dataclasses import replace

from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.plan import Plan
from tests.unit import (
    alternate_cases,
    observations,
    runbook_cases,
    test_alternate_home,
    test_alternates,
    test_backup_plan,
    test_restore_plan,
)
from tests.unit import test_rejoin as rejoins


def _service_failed(node: str) -> runbook_cases.Found:
    found = runbook_cases.fine()
    observations.change(found, node, service="failed", service_pid=None, tcp="refused", http=None)
    return found


def _nothing_to_fence_with() -> runbook_cases.Found:
    found = runbook_cases.host_gone()
    observations.change_host(found, "web1", ssh="unreachable")
    return found


def _alternate(runbook: str) -> Plan:
    """Return a plan with the alternate server: a bundle is put into it, its copy serves, or what it has comes home."""
    if runbook == "alternate-home":
        return test_alternate_home.plan(test_alternate_home.away())
    found = alternate_cases.beside(runbook_cases.fine())
    return test_alternates._plan(
        alternate_cases.lost(alternate_cases.COPY) if runbook == "alternate-activate" else found, runbook
    )


def _old_one_down() -> runbook_cases.Found:
    """Return: db2 was promoted, and the database of db1 is down on a healthy host."""
    found = runbook_cases.fine()
    observations.change(found, "db2", in_recovery=False, receiver=None, timeline=2)
    observations.change(found, "db1", sql="refused", in_recovery=None, service="failed", service_pid=None, control_timeline=1)
    return found


def _unwanted_bundles() -> Plan:
    aside = (".aside-pps-20260102T030405Z-aaaa", ".part-pps-20260102T030405Z-bbbb")
    places = test_backup_plan.inventory(test_backup_plan.VAULT)
    return test_backup_plan.plan(runbook_cases.fine(), "backup-prune", of=places, backup_aside=aside)


def _with_ways_to_peers() -> Inventory:
    plain = runbook_cases.declared()
    asks = {"db1": "db2", "db2": "db1"}
    instances = {
        name: replace(each, upstreams={asks[name]: f"host={asks[name]} user=replicator"})
        for name, each in plain.database.instances.items()
    }
    return replace(plain, database=replace(plain.database, instances=instances))


def _set_aside() -> str:
    return f"{runbook_cases.declared().database.instances['db1'].data_directory}.before-1a2b"


PLANS: dict[str, Plan] = {
    "switchover": runbook_cases.plan(runbook_cases.fine(), "switchover"),
    "failover-kept-down": runbook_cases.plan(runbook_cases.killed(), "failover"),
    "failover-quiesced": runbook_cases.plan(runbook_cases.host_gone(), "failover"),
    "failover-attested": runbook_cases.plan(_nothing_to_fence_with(), "failover"),
    "restore": runbook_cases.plan(test_restore_plan.failed_over(), "restore", to="db1", inventory=test_restore_plan.with_dumps()),
    "restart-database": runbook_cases.plan(runbook_cases.killed(), "restart", "db1"),
    "restart-hung-database": runbook_cases.plan(runbook_cases.hung(), "restart", "db1"),
    "restart-web-node": runbook_cases.plan(_service_failed("pps1"), "restart", "pps1"),
    "restart-balancer": runbook_cases.plan(_service_failed("lb1"), "restart", "lb1"),
    "backup": runbook_cases.plan(runbook_cases.fine(), "backup", inventory=test_backup_plan.inventory(test_backup_plan.VAULT)),
    "backup-verify": runbook_cases.plan(
        runbook_cases.fine(), "backup-verify", inventory=test_backup_plan.inventory(test_backup_plan.VAULT)
    ),
    "rejoin-follow": rejoins.made(rejoins.CLEAN),
    "rejoin-rewind": rejoins.made(rejoins.CRASHED),
    "rejoin-re-clone": rejoins.made(rejoins.CRASHED, way="re-clone"),
    "alternate-prepare": _alternate("alternate-prepare"),
    "alternate-activate": _alternate("alternate-activate"),
    "alternate-home": _alternate("alternate-home"),
    "fence": runbook_cases.plan(runbook_cases.split_brain(), "fence", "db1"),
    "lost-writes": runbook_cases.plan(_old_one_down(), "lost-writes", "db1"),
    "quarantine-delete": runbook_cases.plan(runbook_cases.fine(), "quarantine-delete", "db1", path=_set_aside()),
    "boot-guard": runbook_cases.plan(runbook_cases.fine(), "boot-guard", "db1", inventory=_with_ways_to_peers()),
    "boot-guard-remove": runbook_cases.plan(runbook_cases.fine(), "boot-guard-remove", "db1"),
    "backup-prune": _unwanted_bundles(),
}
