"""The folders of the hosts: programs, settings, certificates, what a machine has on its disk before it is switched on."""

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ppsconsole.lab.account import Account
from ppsconsole.lab.certificates import Authority
from ppsconsole.lab.fabric import Fabric
from ppsconsole.lab.layout import DATABASE, HOST_MARK, LAB_MARK, LabHost, Layout
from ppsconsole.lab.postgres import KEEPER_ROLE, REPLICATION_ROLE, WEB_ROLE, access_rules, alternate_access_rules

BACKUP_FOLDER = "backup"
SCRATCH_FOLDER = "scratch"
_BACKUP_TEXT = "A stand-in for a backup of the lab: only its age is looked at, nothing can be restored from it.\n"
PROOF_HEADER = "X-PPS-Upstream"
KEY_FILE = "pps.key"
STANDIN_VERSION = "9.1.11.0"

_NGINX = """\
# The front of the lab, after the vendor's example: TLS towards the users, TLS towards the web nodes.
pid "@HOME@/run/nginx-master.pid";
worker_processes 1;
events { worker_connections 512; }
http {
    access_log "@HOME@/log/access.log";
    client_body_temp_path "@HOME@/run/body";
    proxy_temp_path "@HOME@/run/proxy";
    fastcgi_temp_path "@HOME@/run/fastcgi";
    uwsgi_temp_path "@HOME@/run/uwsgi";
    scgi_temp_path "@HOME@/run/scgi";
    server_tokens off;
    include "@HOME@/etc/upstream.conf";
    server {
        listen @ADDRESS@:@PORT@ ssl;
        server_name pps.lab;
        ssl_certificate "@HOME@/etc/server.pem";
        ssl_certificate_key "@HOME@/etc/server.key";
        add_header X-PPS-Upstream $upstream_addr always;
        location / {
            proxy_pass https://pps;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_ssl_name pps.lab;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate "@HOME@/etc/ca.pem";
            proxy_connect_timeout 4s;
            proxy_read_timeout 20s;
            proxy_next_upstream error timeout http_502 http_503;
        }
    }
}
"""


@dataclass(frozen=True, slots=True)
class Furnisher:
    """Fills the folders of the hosts.

    Attributes:
        passwords: Of the database roles.
        nginx: The program.
        admin_password: Of the stand-ins' account `admin`.
    """

    layout: Layout
    fabric: Fabric
    account: Account
    authority: Authority
    passwords: Mapping[str, str]
    nginx: Path
    admin_password: str

    def furnish(self, host: LabHost) -> None:
        """Create the folder of `host` and what its services need."""
        self.account.make_folder(host.home)
        for name in ("bin", "etc", "log", "run"):
            self.account.make_folder(host.home / name)
        self._program(host, "hostname", "hostname", NAME=host.name)
        self._program(host, "uname", "uname", NAME=host.name)
        self._program(host, "ps", "ps")
        self._program(host, "df", "df")
        names = "".join(f"{each.address} {each.name}\n" for each in self.layout.hosts.values())
        self._etc(host, "hosts", names)
        roads = (road for road in self.fabric.roads if road.origin == host.name and road.service == "db")
        self._etc(host, "roads", "".join(f"{r.destination} {self.layout.address(r.destination)} {r.port}\n" for r in roads))
        for service in host.ports:
            if service != "ssh":
                self._program(host, "service", f"{service}-service")
                if not (service == "pps" and self._is_alternate(host)):  # it waits until it is activated
                    self._etc(host, f"{service}.enabled", "")
        if "db" in host.ports:
            self._database(host)
        if "pps" in host.ports:
            self._web(host)
        if "nginx" in host.ports:
            self._front(host)

    def _database(self, host: LabHost) -> None:
        rules = alternate_access_rules(host) if self._is_alternate(host) else access_rules(self.layout)
        self._etc(host, "pg_hba.conf", rules)
        lines = (f"*:*:*:{role}:{self.passwords[role]}\n" for role in (REPLICATION_ROLE, KEEPER_ROLE))
        self._etc(host, "pgpass", "".join(lines))
        if host.name == self.layout.backup_host:
            self.account.make_folder(host.home / BACKUP_FOLDER)
            self.account.write(host.home / BACKUP_FOLDER / "pps-nightly.dump", _BACKUP_TEXT)
        if self._is_alternate(host):
            self.account.make_folder(host.home / BACKUP_FOLDER)

    def _is_alternate(self, host: LabHost) -> bool:
        return host.name in {node.host for node in self.layout.of_kind("alternate")}

    def _web(self, host: LabHost) -> None:
        self._certificate(host, host.name, "pps.lab", host.address)
        self._program(host, "pps-connection", "pps-connection")
        self._etc(host, "database.password", self.passwords[WEB_ROLE] + "\n")
        self._etc(host, "admin.password", self.admin_password + "\n")
        # A stand-in for what PPS keeps beside its database: the same on every web node, and nothing reads it.
        self._etc(host, KEY_FILE, hashlib.sha256(self.admin_password.encode()).hexdigest() + "\n")
        road = self.fabric.find(host.name, "db1", "db")
        connection = {
            "host": "db1" if road else host.name,  # an alternate server has its own
            "port": road.port if road else host.ports["db"],
            "dbname": DATABASE,
            "user": WEB_ROLE,
            "password_file": "database.password",
        }
        # One key on each line: pps-connection edits it with sed.
        self._etc(host, "connection.json", json.dumps(connection, indent=2) + "\n")
        etc = host.home / "etc"
        config = {
            "name": next(node.name for node in self.layout.nodes.values() if node.host == host.name and node.service == "pps"),
            "address": host.address,
            "port": host.ports["pps"],
            "certificate": str(etc / "server.pem"),
            "key": str(etc / "server.key"),
            "connection_file": str(etc / "connection.json"),
            "hosts_file": str(etc / "hosts"),
            "pid_file": str(host.home / "run" / "standin.pid"),
            "log_file": str(host.home / "log" / "standin.log"),
            "version": STANDIN_VERSION,
            "user": [self.account.uid, self.account.gid] if self.account.is_dropped else None,
            "admin_password_file": str(etc / "admin.password"),
        }
        self._etc(host, "standin.json", json.dumps(config, indent=2) + "\n")

    def _front(self, host: LabHost) -> None:
        self._certificate(host, "pps.lab", host.name, host.address)
        self._etc(host, "ca.pem", self.authority.pem)
        self._program(host, "nginx", "nginx", NGINX=shlex.quote(str(self.nginx)))
        text = _NGINX.replace("@ADDRESS@", host.address).replace("@PORT@", str(host.ports["nginx"]))
        self._etc(host, "nginx.conf", text.replace("@HOME@", str(host.home)))
        # One member serves, the others are set down, not left as backup: nothing fails over or returns by itself. Without
        # max_fails=0 nginx would not ask a member that refused once for 10 s, even where it is the only one that is up.
        roads = [road for road in self.fabric.roads if road.origin == host.name and road.service == "pps"]
        lines = [
            f"    server {self.layout.address(road.destination)}:{road.port} max_fails=0{' down' if i else ''};\n"
            for i, road in enumerate(roads)
        ]
        self._etc(host, "upstream.conf", f"upstream pps {{\n{''.join(lines)}    keepalive 8;\n}}\n")

    def _certificate(self, host: LabHost, *names: str) -> None:
        issued = self.authority.issue(names)
        self._etc(host, "server.pem", issued.certificate)
        self._etc(host, "server.key", issued.key)

    def _etc(self, host: LabHost, name: str, text: str) -> None:
        self.account.write(host.home / "etc" / name, text)

    def _program(self, host: LabHost, source: str, name: str, **values: str) -> None:
        text = (resources.files("ppsconsole.lab") / "hostbin" / f"{source}.sh").read_text(encoding="utf-8")
        for key, value in {"HOME": shlex.quote(str(host.home)), **values}.items():
            text = text.replace(f"@{key}@", value)
        self.account.write(host.home / "bin" / name, text, 0o755)


def environment(host: LabHost, lab: str, programs: Path | None) -> dict[str, str]:
    """Return the environment of whatever runs on `host`; the mark of the lab in it finds what nobody remembers.

    Args:
        host: Where it runs.
        lab: The lab's id.
        programs: Folder of PostgreSQL's programs, for hosts that have them.
    """
    path = [str(host.home / "bin"), *([str(programs)] if programs else []), "/usr/local/bin", "/usr/bin", "/bin"]
    return {
        "HOME": str(host.home),
        "PATH": ":".join(path),
        "LANG": "C.UTF-8",
        "SHELL": "/bin/sh",
        "USER": "lab",
        "LOGNAME": "lab",
        "HOSTNAME": host.name,
        LAB_MARK: lab,
        HOST_MARK: f"{lab}:{host.name}",
    }
