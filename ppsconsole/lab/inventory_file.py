"""The inventory of a lab: what an operator would have written about it."""

from pathlib import Path
from typing import Any

import yaml

from ppsconsole.lab.fabric import Fabric
from ppsconsole.lab.homes import BACKUP_FOLDER, KEY_FILE, PROOF_HEADER, SCRATCH_FOLDER
from ppsconsole.lab.layout import CONSOLE, DATABASE, USERS, LabHost, LabNode, Layout
from ppsconsole.lab.postgres import CONSOLE_ROLE, KEEPER_ROLE, REPLICATION_ROLE, WEB_ROLE
from ppsconsole.lab.programs import Postgres
from ppsconsole.lab.sshd import LOGIN


def inventory_text(layout: Layout, fabric: Fabric, folder: Path, postgres: Postgres) -> str:
    """Return the inventory as YAML."""
    backups = {"nightly": _backup(layout, folder, layout.backup_host)}
    for node in layout.of_kind("alternate"):
        backups["vault"] = _backup(layout, folder, node.host)
    document: dict[str, Any] = {
        "version": 1,
        "cluster": {
            "name": "lab",
            "environment": "lab",
            "mode": "active-passive",
            "address": _front(layout, fabric, layout.of_kind("balancer")[0]),
            "ca": str(folder / "ca.pem"),
            "licensed_servers": len(layout.of_kind("web")),
        },
        "sites": {site: {"title": f"Site {site.upper()}"} for site in layout.sites},
        "ssh": {
            "user": LOGIN,
            "key": str(folder / "ssh_key"),
            "known_hosts": str(folder / "known_hosts"),
            "config": "",
        },
        "hosts": {host.name: _host(layout, fabric, host) for host in layout.hosts.values()},
        "database": {
            "kind": "postgres",
            "database": DATABASE,
            "user": CONSOLE_ROLE,
            "password": f"file:{folder / 'database.password'}",
            "tls": {"mode": "disable"},
            "replication": "streaming",
            "through_bastions": True,
            "instances": {node.name: _instance(layout, fabric, node, postgres) for node in layout.of_kind("database")},
        },
        "web_nodes": {node.name: _web_node(layout, node, folder) for node in layout.of_kind("web")},
        "balancers": {node.name: _balancer(layout, fabric, node) for node in layout.of_kind("balancer")},
        "backups": backups,
        "polling": {"every_s": 2, "slow_every_s": 30, "timeout_s": 4},
    }
    alternates = [node for node in layout.of_kind("alternate") if node.service == "pps"]
    if alternates:
        document["alternates"] = {node.name: _alternate(layout, fabric, node, folder, postgres) for node in alternates}
    head = "# Written by `ppsconsole lab`: a cluster on this machine. It goes when the lab goes.\n"
    return head + yaml.safe_dump(document, sort_keys=False, width=120)


def _host(layout: Layout, fabric: Fabric, host: LabHost) -> dict[str, Any]:
    entrance = fabric.find(CONSOLE, host.name, "ssh")
    told: dict[str, Any] = {"site": host.site, "address": host.address, "hostname": host.name, "disks": [str(host.home)]}
    if entrance is None:
        told["via"] = [layout.bastion_of(host.name)]
    told["ssh"] = {"port": entrance.port if entrance is not None else host.ports["ssh"]}
    return told


def _service(node: LabNode) -> dict[str, str]:
    return {"kind": "command", "program": f"{node.service}-service"}


def _instance(layout: Layout, fabric: Fabric, node: LabNode, postgres: Postgres) -> dict[str, Any]:
    host = layout.hosts[node.host]
    others = (other for other in layout.of_kind("database") if other.name != node.name)
    return {
        "host": node.host,
        "port": host.ports["db"],
        "declared": "primary" if node.name == "db1" else "standby",
        "data_directory": str(host.home / "data"),
        "bin_directory": str(postgres.bin),
        "service": _service(node),
        "log": str(host.home / "log" / "db.log"),
        "upstreams": {other.name: _upstream(layout, fabric, host, other) for other in others},
        "dumps": {other.name: _dump_login(layout, fabric, host, other) for other in layout.of_kind("database")},
    }


def _upstream(layout: Layout, fabric: Fabric, host: LabHost, other: LabNode) -> str:
    road = fabric.find(host.name, other.host, "db")
    assert road is not None
    way = f"host={layout.address(other.host)} port={road.port}"
    return f"{way} user={REPLICATION_ROLE} passfile={host.home}/etc/pgpass connect_timeout=5"


def _dump_login(layout: Layout, fabric: Fabric, host: LabHost, other: LabNode) -> str:
    road = fabric.find(host.name, other.host, "db")
    port = road.port if road is not None else layout.hosts[other.host].ports["db"]
    login = f"user={KEEPER_ROLE} passfile={host.home}/etc/pgpass connect_timeout=5"
    return f"host={layout.address(other.host)} port={port} {login}"


def _web_node(layout: Layout, node: LabNode, folder: Path) -> dict[str, Any]:
    host = layout.hosts[node.host]
    return {
        "host": node.host,
        "url": f"https://{host.address}:{host.ports['pps']}",
        "ca": str(folder / "ca.pem"),
        "server_name": "pps.lab",
        "service": _service(node),
        "declared": "active" if node.name == "pps1" else "passive",
        "database": "db1",
        "switch": {"method": "command", "program": "pps-connection"},
        # The stand-ins have no other account; a real cluster would have one with few rights for this.
        "account": "admin",
        "account_password": f"file:{folder / 'admin.password'}",
        "key_files": str(host.home / "etc" / KEY_FILE),
        # The second one has what the process says when it does not even get as far as its log.
        "log": [str(host.home / "log" / name) for name in ("standin.log", "pps.log")],
    }


def _alternate(layout: Layout, fabric: Fabric, node: LabNode, folder: Path, postgres: Postgres) -> dict[str, Any]:
    host = layout.hosts[node.host]
    users = fabric.find(USERS, node.host, "pps")
    assert users is not None
    login = f"host={host.address} port={host.ports['db']} user={KEEPER_ROLE} passfile={host.home}/etc/pgpass connect_timeout=5"
    return {
        "host": node.host,
        "url": f"https://{host.address}:{users.port}",
        "ca": str(folder / "ca.pem"),
        "server_name": "pps.lab",
        "service": {"kind": "command", "program": "pps-service"},
        "database": {
            "database": DATABASE,
            "maintenance": login,
            "owner": WEB_ROLE,
            "port": host.ports["db"],
            "data_directory": str(host.home / "data"),
            "bin_directory": str(postgres.bin),
            "service": {"kind": "command", "program": "db-service"},
        },
        "archive": "vault",
        "account": "admin",
        "account_password": f"file:{folder / 'admin.password'}",
        "key_files": str(host.home / "etc" / KEY_FILE),
        "connection": "pps-connection",
        "certificate": str(host.home / "etc" / "server.pem"),
        "same_files": "etc/database.password",  # from the login's own folder, which is another one on each host
        "log": [str(host.home / "log" / name) for name in ("standin.log", "pps.log")],
    }


def _backup(layout: Layout, folder: Path, host: str) -> dict[str, Any]:
    home = layout.hosts[host].home
    return {
        "host": host,
        "path": str(home / BACKUP_FOLDER),
        "encryption_key": f"file:{folder / 'backup.key'}",
        "oldest_s": "26h",
        "keep": 3,
        "scratch": {"host": layout.backup_host, "path": str(layout.hosts[layout.backup_host].home / SCRATCH_FOLDER)},
    }


def _front(layout: Layout, fabric: Fabric, node: LabNode) -> str:
    users = fabric.find(USERS, node.host, "nginx")
    assert users is not None
    return f"https://{layout.address(node.host)}:{users.port}"


def _balancer(layout: Layout, fabric: Fabric, node: LabNode) -> dict[str, Any]:
    home = layout.hosts[node.host].home
    # Where there are several, the cluster's address does not tell which one answers.
    own = {"address": _front(layout, fabric, node)} if len(layout.of_kind("balancer")) > 1 else {}
    members = {}
    for web in layout.of_kind("web"):
        road = fabric.find(node.host, web.host, "pps")
        assert road is not None
        members[f"{layout.address(web.host)}:{road.port}"] = web.name
    return {
        "kind": "nginx",
        "host": node.host,
        **own,
        "members": members,
        "upstream": "pps",
        "config": str(home / "etc" / "nginx.conf"),
        "include": str(home / "etc" / "upstream.conf"),
        "program": "nginx",
        "proof_header": PROOF_HEADER,
        "service": _service(node),
        "log": [str(home / "log" / name) for name in ("error.log", "access.log")],
    }
