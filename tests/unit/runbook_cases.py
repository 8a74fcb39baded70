"""States of the lab-like cluster that runbooks are planned in, and short ways to plan in them."""

from dataclasses import replace
from typing import Any

from ppsconsole.cluster.database import Receiver, Replica, Sessions, Slot
from ppsconsole.cluster.keys import KeyFile
from ppsconsole.cluster.snapshot import Member, Snapshot
from ppsconsole.inventory.model import Host, Instance, Inventory, Service, Switch
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.building import NOTHING_KNOWN, Background
from ppsconsole.runbooks.catalog import plan_of
from ppsconsole.runbooks.request import Request
from tests.unit import observations
from tests.unit.observations import change, change_host, facts, look, silence

Found = dict[tuple[str, str], Any]
SETTINGS = (
    "archive_mode=off",
    "cluster_name=",
    "data_checksums=on",
    "default_transaction_read_only=off",
    "full_page_writes=on",
    "hot_standby=on",
    "max_connections=50",
    "max_locks_per_transaction=64",
    "max_prepared_transactions=0",
    "max_replication_slots=10",
    "max_slot_wal_keep_size=-1",
    "max_wal_senders=10",
    "max_worker_processes=8",
    "primary_slot_name=",
    "recovery_min_apply_delay=0",
    "shared_preload_libraries=",
    "synchronous_standby_names=",
    "wal_level=replica",
    "wal_log_hints=on",
    "wal_retrieve_retry_interval=100ms",
)


def declared(**changes: Any) -> Inventory:
    """Return the inventory with all that a run needs declared."""
    plain = observations.inventory()
    switch = Switch("command", "/bin/switch")
    web = {name: replace(node, switch=switch, key_files=("/etc/pps.key",)) for name, node in plain.web_nodes.items()}
    balancers = {name: replace(each, include="/etc/upstream.conf") for name, each in plain.balancers.items()}
    return replace(plain, **{"web_nodes": web, "balancers": balancers, **changes})


def fine() -> Found:
    """Return a healthy cluster about which everything that preflight looks at is known."""
    found = facts()
    change_host(found, "db1", clock_skew_s=0.0)
    for name in ("db1", "db2"):
        change(found, name, settings=SETTINGS, prepared_transactions=0, archiver_failed=0, control_timeline=1)
        change(found, name, control_checkpoint="0/3000028", missing_extensions=(), is_collation_changed=False)
        change_host(found, name, managers=())
    for name in ("pps1", "pps2"):
        change(found, name, product_version="9.1.11.0", keys=(KeyFile("/etc/pps.key", "ok", "c0ffee"),))
    change(found, "db1", slots=(Slot("db2", "physical", True, "reserved", 0),))
    return found


def setting(found: Found, node: str, **values: str) -> None:
    """Change settings of an instance."""
    kept = [each for each in SETTINGS if each.split("=")[0] not in values]
    change(found, node, settings=tuple(kept + [f"{name}={value}" for name, value in values.items()]))


def without(found: Found, node: str, *names: str) -> None:
    """Let settings of an instance be unseen."""
    change(found, node, settings=tuple(each for each in SETTINGS if each.split("=")[0] not in names))


def lost(found: Found) -> None:
    """Let the users' side show that db1 is gone."""
    change(found, "db2", receiver=Receiver("none"))
    for name in ("pps1", "pps2", "lb1"):
        change(found, name, http=503)


def killed() -> Found:
    """Return: the postmaster of db1 was killed on a healthy host."""
    found = fine()
    silence(found, "db1", "refused")
    change(found, "db1", service="failed", service_pid=None)
    lost(found)
    return found


def hung() -> Found:
    """Return: all processes of db1 are stopped by signal."""
    found = fine()
    silence(found, "db1", "timed-out")
    change(found, "db1", service="frozen")
    lost(found)
    return found


def unreachable() -> Found:
    """Return: the console cannot reach db1, everybody else can."""
    found = fine()
    silence(found, "db1", "timed-out")
    change(found, "db1", service=None, service_pid=None, control_state=None)
    change_host(found, "db1", ssh="unreachable")
    return found


def host_gone() -> Found:
    """Return: the machine of db1 is off; standby and web nodes notice."""
    found = unreachable()
    lost(found)
    return found


def lagging(by: int) -> Found:
    """Return: db2 streams and lacks `by` bytes."""
    found = fine()
    row = Replica("db2", "127.9.2.21", "streaming", "async", "0/3000060", "0/3000060", "0/3000060", by, by, None, None)
    change(found, "db1", replicas=(row,))
    return found


def split_brain() -> Found:
    """Return: both take writes."""
    found = fine()
    change(found, "db2", in_recovery=False, receiver=None, timeline=2)
    return found


def swapped() -> Found:
    """Return: an earlier switchover went to side b: db2 is primary on timeline 2, pps2 serves, pps1 is stopped and disabled."""
    found = fine()
    row = Replica("db1", "127.9.1.21", "streaming", "async", "0/4000060", "0/4000060", "0/4000060", 0, 0, None, None)
    sessions = (Sessions("127.9.2.11", "pps:pps2", "pps", "pleasant", 2),)
    receiver = Receiver("streaming", 2, "0/4000060", "0/4000060", 0.5, "db1", "127.9.2.21", 6001)
    change(found, "db2", in_recovery=False, timeline=2, control_timeline=2, lsn="0/4000060", receiver=None, replicas=(row,))
    change(found, "db2", is_writable=True, sessions=sessions, control_state="in production")
    change(found, "db2", slots=(Slot("db1", "physical", True, "reserved", 0),))
    change(found, "db1", slots=())
    change(found, "db1", in_recovery=True, timeline=2, control_timeline=2, lsn="0/4000060", replay_lsn="0/4000060")
    change(found, "db1", receiver=receiver, replicas=None, sessions=(), is_writable=None, control_state="in archive recovery")
    change(found, "pps1", service="stopped", service_enabled="disabled", tcp="refused", http=None, points_at="db2")
    change(found, "pps2", points_at="db2")
    members = (Member("127.9.1.11:10001", "down", "pps1"), Member("127.9.2.11:10001", "up", "pps2"))
    change(found, "lb1", members=members, served_by="pps2")
    return found


def three() -> Inventory:
    """Return the inventory with a third instance, db3, beside db2."""
    plain = declared()
    host = Host("db3", "b", "127.9.2.22", via=("bastion-b",), hostname="db3")
    instance = Instance("db3", "db3", data_directory="/data/db3", service=Service("command", program="/bin/service"))
    group = replace(plain.database, instances={**plain.database.instances, "db3": instance})
    return replace(plain, hosts={**plain.hosts, "db3": host}, database=group)


def with_third(found: Found, **values: Any) -> Found:
    """Add the facts of db3: those of db2 but for `values`."""
    for (subject, name), value in list(found.items()):
        if subject in ("node:db2", "host:db2"):
            found[subject.replace("db2", "db3"), name] = value
    change_host(found, "db3", hostname="db3")
    change(found, "db3", data_directory="/data/db3", **values)
    return found


def commands(inventory: Inventory, step: Step) -> tuple[str, ...]:
    """Return one made-up command that tells what the step would do."""
    told = " ".join(f"{name}={value}" for name, value in step.arguments.items())
    return (f"{step.host}$ {step.verb} {step.node} {told}".rstrip(),)


def plan(found: Found, runbook: str, node: str = "", background: Background = NOTHING_KNOWN, **wishes: Any) -> Plan:
    """Return the plan; `inventory` among the wishes replaces the declared one."""
    inventory = wishes.pop("inventory", None) or declared()
    return plan_of(inventory, seen(found, inventory), Request(runbook, node, **wishes), commands, background)


def seen(found: Found, inventory: Inventory | None = None) -> Snapshot:
    """Return the snapshot of these facts."""
    return look(found, declared=inventory or declared())


def ids(made: Plan) -> list[str]:
    """Return the ids of the steps in order."""
    return [step.id for step in made.steps]


def state(made: Plan, item: str) -> tuple[str, bool]:
    """Return state and blocking of a preflight item."""
    found = next(each for each in made.preflight if each.name == item)
    return found.state, found.is_blocked
