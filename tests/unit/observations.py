"""Facts about a small cluster, as probes would report them: change a few, compose, look."""

from dataclasses import replace
from typing import Any

from ppsconsole.cluster.database import Receiver, Replica, Sessions
from ppsconsole.cluster.facts import Fact, Observations, host_subject, node_subject
from ppsconsole.cluster.snapshot import Member, Snapshot
from ppsconsole.inventory.model import (
    Balancer,
    Cluster,
    DatabaseGroup,
    Host,
    Instance,
    Inventory,
    Service,
    Site,
    WebNode,
)
from ppsconsole.probes.compose import compose

NOW = 1_795_000_000.0
_SERVICE = Service("command", program="/bin/service")
_ADDRESSES = {
    "bastion-a": "127.9.1.1",
    "lb1": "127.9.1.10",
    "web1": "127.9.1.11",
    "db1": "127.9.1.21",
    "bastion-b": "127.9.2.1",
    "web2": "127.9.2.11",
    "db2": "127.9.2.21",
}


def inventory(**changes: Any) -> Inventory:
    """Return two sites with a bastion each, nginx, two web nodes and a PostgreSQL pair."""
    hosts = {}
    for name, address in _ADDRESSES.items():
        site = "a" if address.startswith("127.9.1.") else "b"
        via = () if name.startswith("bastion") else (f"bastion-{site}",)
        hosts[name] = Host(name, site, address, via=via, hostname=name)
    web = {
        f"pps{n}": WebNode(f"pps{n}", f"web{n}", f"https://{_ADDRESSES[f'web{n}']}:10001/", _SERVICE, database=None)
        for n in (1, 2)
    }
    web["pps2"] = replace(web["pps2"], declared="passive")
    instances = {
        "db1": Instance("db1", "db1", declared="primary", data_directory="/data/db1", service=_SERVICE),
        "db2": Instance("db2", "db2", declared="standby", data_directory="/data/db2", service=_SERVICE),
    }
    members = {"127.9.1.11:10001": "pps1", "127.9.2.11:10001": "pps2"}
    made = Inventory(
        path="lab.yaml",
        cluster=Cluster("lab", environment="lab", address="https://127.9.1.10:8443/"),
        sites={"a": Site("a"), "b": Site("b")},
        hosts=hosts,
        web_nodes=web,
        database=DatabaseGroup("postgres", "pleasant", instances),
        balancers={"lb1": Balancer("lb1", "nginx", "lb1", members, "pps", service=_SERVICE, proof_header="X-PPS-Upstream")},
    )
    return replace(made, **changes)


def facts(at: float = NOW) -> dict[tuple[str, str], Any]:
    """Return the values of a healthy cluster by subject and name; change, then hand to `observe`."""
    found: dict[tuple[str, str], Any] = {}
    for host in _ADDRESSES:
        values = {
            "ssh": "ok",
            "hostname": host,
            "clock_skew_s": 0.01,
            "disk_percent": 40.0,
            "boot_id": "b",
            "host_key": "SHA256:x",
        }
        found |= {(host_subject(host), name): value for name, value in values.items()}
    for node in ("pps1", "pps2", "db1", "db2", "lb1"):
        found |= _node(node, service="running", service_enabled="enabled", service_pid=100)
    for node in ("pps1", "pps2", "lb1"):
        found |= _node(node, tcp="ok", tls="ok", http=200, http_latency_s=0.02, certificate_days=80.0)
    found |= _node("pps1", points_at="db1") | _node("pps2", points_at="db1")
    members = (Member("127.9.1.11:10001", "up", "pps1"), Member("127.9.2.11:10001", "down", "pps2"))
    found |= _node("lb1", configuration="accepted", members=members, served_by="pps1")
    shared = {
        "sql": "ok",
        "version": 180006,
        "system_identifier": "7000000000000000001",
        "timeline": 1,
        "sessions_percent": 10.0,
        "longest_transaction_s": 0.0,
        "is_replay_paused": False,
        "settings": ("max_connections=50",),
        "control_system_identifier": "7000000000000000001",
        "slots": (),
    }
    replica = Replica("db2", "127.9.2.21", "streaming", "async", "0/3000060", "0/3000060", "0/3000060", 0, 0, None, None)
    sessions = (
        Sessions("127.9.1.11", "pps:pps1", "pps", "pleasant", 3),
        Sessions("127.9.2.11", "pps:pps2", "pps", "pleasant", 2),
    )
    found |= _node("db1", **shared, in_recovery=False, lsn="0/3000060", replicas=(replica,), sessions=sessions, is_writable=True)
    found |= _node("db1", control_state="in production", data_directory="/data/db1")
    found |= _node("db1", checkpointer_pid=101, server_process="101") | _node("db2", checkpointer_pid=201, server_process="201")
    receiver = Receiver("streaming", 1, "0/3000060", "0/3000060", 0.5, "db2", "127.9.1.21", 6001)
    found |= _node("db2", **shared, in_recovery=True, lsn="0/3000060", replay_lsn="0/3000060", receiver=receiver, sessions=())
    found |= _node("db2", control_state="in archive recovery", last_replay_at=at - 3.0, data_directory="/data/db2")
    return found


def _node(name: str, **values: Any) -> dict[tuple[str, str], Any]:
    return {(node_subject(name), fact): value for fact, value in values.items()}


def change(found: dict[tuple[str, str], Any], node: str, **values: Any) -> None:
    """Set facts of a node."""
    found.update(_node(node, **values))


def change_host(found: dict[tuple[str, str], Any], host: str, **values: Any) -> None:
    """Set facts of a host."""
    found.update({(host_subject(host), fact): value for fact, value in values.items()})


def silence(found: dict[tuple[str, str], Any], node: str, word: str) -> None:
    """Let an instance not answer: `sql` says why, what SQL would tell becomes unknown."""
    from ppsconsole.probes.postgres import NAMES

    change(found, node, sql=word, **dict.fromkeys(NAMES))


def observe(found: dict[tuple[str, str], Any], at: float = NOW) -> Observations:
    """Return observations sampled at `at`."""
    return Observations().having(Fact(subject, name, value, "test", at, 10.0, "") for (subject, name), value in found.items())


def look(found: dict[tuple[str, str], Any], now: float = NOW, declared: Inventory | None = None) -> Snapshot:
    """Compose the snapshot of these facts."""
    return compose(declared or inventory(), observe(found), now)
