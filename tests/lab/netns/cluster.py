"""The cluster: a console, two bastions in a row, a web node and a PostgreSQL pair, all on wires of their own.

console --outside-- outer --dmz-- inner --inside-- web1 (site a), db1 (site a), db2 (site b)
"""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.lab.netns.logins import OPS, POSTGRES, UIDS, Authority, readme_rules
from tests.lab.netns.network import LIMIT_S, Host, Network, lacking

BIN = Path("/usr/lib/postgresql/15/bin")
DATA = "/srv/postgresql/data"
UNITS = {"db1": "postgresql@15-main", "db2": "postgresql@15-main", "web1": "pps"}
WEB_PORT = 10001
PATIENT_S = 20.0
"""For looks at hosts that are all well: what a busy machine may take for a chain of logins."""

_WIRES = {"outside": "10.77.0", "dmz": "10.77.1", "inside": "10.77.2"}
_PLACES = {
    "console": [("outside", 2)],
    "outer": [("outside", 10), ("dmz", 10)],
    "inner": [("dmz", 11), ("inside", 11)],
    "web1": [("inside", 31)],
    "db1": [("inside", 41)],
    "db2": [("inside", 42)],
}
_CONSOLE_PASSWORD, _PASSWORD = "console-secret-in-namespaces", "other-secret-in-namespaces"

_SETTINGS = """\
listen_addresses = '*'
unix_socket_directories = '/run/postgresql'
fsync = off
shared_buffers = 16MB
max_connections = 50
wal_log_hints = on
wal_keep_size = 256MB
wal_receiver_status_interval = 1s
wal_receiver_timeout = 5s
wal_sender_timeout = 5s
wal_retrieve_retry_interval = 100ms
"""

_ROLES = f"""\
CREATE ROLE ppsconsole LOGIN PASSWORD '{_CONSOLE_PASSWORD}' IN ROLE pg_monitor, pg_signal_backend, pg_checkpoint;
CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{_PASSWORD}';
CREATE ROLE pps LOGIN PASSWORD '{_PASSWORD}';
CREATE DATABASE pleasant OWNER pps;
\\c pleasant
CREATE TABLE written (word text);
"""

_SWITCH = """\
#!/bin/sh
# get | set INSTANCE, as the README's "Service programs" says. The file holds libpq's keywords, `sets` one line for each set.
# While there is a file `gate`, `set` says that it has begun and waits: a test decides what happens meanwhile.
file=/srv/ops/connection
case $1 in
    get) sed 's/password=[^ ]*//' "$file" ;;
    set)
        echo "$2" >>/srv/ops/sets
        if [ -e /srv/ops/gate ]; then
            : >/srv/ops/begun
            while [ -e /srv/ops/gate ]; do sleep 0.05; done
        fi
        address=$(sed -n "s/^$2 //p" /srv/ops/databases) && [ -n "$address" ] && sed -i "s/host=[^ ]*/host=$address/" "$file"
        ;;
esac
"""


def reason_to_skip() -> str:
    """Return why this cluster cannot be here, empty where it can."""
    if not (BIN / "initdb").exists():
        return f"no PostgreSQL 15 in {BIN}"
    return lacking(("sshd", "sudo", "visudo", "ssh-agent", "ssh-keygen"))


@dataclass
class Cluster:
    """All of it, and the console's machine.

    Attributes:
        folder: What the console's machine has on its disk.
        root: The project.
    """

    folder: Path
    root: Path
    network: Network = field(default_factory=lambda: Network(_WIRES))
    document: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.authority = Authority(self.folder)

    @property
    def hosts(self) -> dict[str, Host]:
        return self.network.hosts

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yaml"

    @property
    def env(self) -> dict[str, str]:
        """What the console is started with, beside what every program has."""
        return {"SSH_AUTH_SOCK": str(self.authority.agent), "XDG_STATE_HOME": str(self.folder / "state")}

    def start(self) -> None:
        """Build it; whatever goes wrong, `end` clears it away."""
        self.network.start(_PLACES)
        self.authority.start(self.hosts["console"])
        for name, host in self.hosts.items():
            if name != "console":
                login = POSTGRES if name.startswith("db") else OPS
                rules = readme_rules(self.root, login, UNITS[name]) if name in UNITS else ""
                self.authority.equip(host, login, self._forwarding(name), rules)
        self._databases()
        self._web_node()
        self._write_inventory()

    def end(self) -> None:
        self.authority.end()
        self.network.end()

    def sql(self, name: str, statement: str, database: str = "postgres") -> str:
        """Ask an instance on its own host, by its socket; fails where it does not answer."""
        line = ("psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-")
        return self.hosts[name].run("setpriv", *_as(POSTGRES), *line, stdin=statement).strip()

    def write(self, name: str, word: str) -> None:
        """Commit a word."""
        self.sql(name, f"INSERT INTO written VALUES ('{word}')", "pleasant")

    def written(self, name: str) -> list[str]:
        """Return the words that an instance has, in order."""
        return self.sql(name, "SELECT word FROM written ORDER BY word", "pleasant").split()

    def writers(self) -> list[str]:
        """Return the instances that answer on their own host and say of themselves that they take writes."""
        line = ("psql", "-X", "-A", "-t", "-d", "postgres", "-c", "SELECT pg_is_in_recovery()")
        return [name for name in ("db1", "db2") if self.as_login(name, POSTGRES, *line).stdout.strip() == "f"]

    def streams(self, primary: str) -> bool:
        """Return whether the other instance follows `primary` and has all of it."""
        asked = "SELECT state, flush_lsn >= pg_current_wal_flush_lsn() FROM pg_stat_replication"
        return self.sql(primary, asked) == "streaming|t"

    def points_at(self) -> str:
        """Return the instance that web1 is set to use, as its own file says."""
        said = (self.hosts["web1"].root / "srv/ops/connection").read_text()
        return next(name for name in ("db1", "db2") if f"host={self.network.address(name)} " in said)

    def as_login(self, host: str, login: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command as an account of a host, without a way over the network."""
        line = self.hosts[host].inside("setpriv", *_as(login), *command)
        return subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)

    def _forwarding(self, name: str) -> str:
        at = self.network.address
        opens = {
            "outer": [f"{self.hosts['inner'].addresses['dmz']}:22"],
            "inner": [
                *(f"{at(each)}:22" for each in UNITS),
                *(f"{at(each)}:5432" for each in ("db1", "db2")),
                f"{at('web1')}:{WEB_PORT}",
            ],
        }
        return f"local\nPermitOpen {' '.join(opens[name])}" if name in opens else "no"

    def _databases(self) -> None:
        db1, db2, inside = self.hosts["db1"], self.hosts["db2"], f"{_WIRES['inside']}.0/24"
        for host in (db1, db2):
            host.run("install", "-d", "-o", POSTGRES, "-g", POSTGRES, "/run/postgresql")
            host.write("srv/postgresql/pgpass", f"*:*:*:replicator:{_PASSWORD}\n", 0o600, UIDS[POSTGRES])
            pg_ctl = f"cd /srv/postgresql && exec setpriv {' '.join(_as(POSTGRES))} {BIN}/pg_ctl -D {DATA} -w -t 60"
            log = f"-l /srv/postgresql/log -o '-c cluster_name={host.name}'"
            self._unit(host, UNITS[host.name], f"{pg_ctl} start {log}", f"{pg_ctl} stop -m fast", f"{DATA}/postmaster.pid")
        host = db1
        host.run("setpriv", *_as(POSTGRES), str(BIN / "initdb"), "-D", DATA, "-A", "peer", "--no-sync", "--locale=C.UTF-8")
        rules = [
            "local all postgres peer",
            f"host all ppsconsole {self.network.address('inner')}/32 scram-sha-256",
            f"host pleasant pps {self.network.address('web1')}/32 scram-sha-256",
            *(f"host {each} replicator {inside} scram-sha-256" for each in ("replication", "postgres")),
        ]
        host.write(f"{DATA}/pg_hba.conf", "\n".join(rules) + "\n", 0o600, UIDS[POSTGRES])
        host.write(f"{DATA}/postgresql.conf", _SETTINGS, 0o600, UIDS[POSTGRES])
        host.run("systemctl", "start", "--", UNITS["db1"])
        self.sql("db1", _ROLES)
        copy = (
            "-D",
            DATA,
            "-d",
            self._upstream("db1", "db2"),
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
            "-C",
            "-S",
            "db2",
        )
        db2.run("setpriv", *_as(POSTGRES), str(BIN / "pg_basebackup"), *copy)
        db2.run("systemctl", "start", "--", UNITS["db2"])

    def _upstream(self, of: str, name: str) -> str:
        return (
            f"host={self.network.address(of)} port=5432 user=replicator passfile=/srv/postgresql/pgpass connect_timeout=5 "
            f"application_name={name}"
        )

    def _web_node(self) -> None:
        host, at = self.hosts["web1"], self.network.address
        conninfo = f"host={at('db1')} port=5432 dbname=pleasant user=pps password={_PASSWORD}"
        conninfo += " application_name=pps:web1 connect_timeout=3 sslmode=disable"
        host.write("srv/ops/connection", conninfo, 0o600, UIDS[OPS])
        host.write("srv/ops/databases", "".join(f"{each} {at(each)}\n" for each in ("db1", "db2")))
        host.write("usr/bin/pps-connection", _SWITCH, 0o755)
        program = Path(__file__).parent / "web_node.py"
        pid = "/srv/units/pps/pid"
        # Its Python may stand where only root may enter: it runs as root, which no rule of sudo is about.
        start = (
            f"setsid {sys.executable} {program} /srv/ops/connection {at('web1')} {WEB_PORT} "
            f">>/srv/units/pps/log 2>&1 </dev/null & echo $! >{pid}"
        )
        stop = f"read -r pid <{pid}; kill $pid; while [ -d /proc/$pid ]; do sleep 0.02; done"
        self._unit(host, UNITS["web1"], start, stop, pid)
        host.run("systemctl", "start", "--", UNITS["web1"])

    def _unit(self, host: Host, name: str, start: str, stop: str, pid_file: str) -> None:
        folder = f"srv/units/{name}"
        for program, text in (("start", start), ("stop", stop)):
            host.write(f"{folder}/{program}", f"#!/bin/sh\n{text}\n", 0o755)
        host.write(f"{folder}/pid-file", pid_file + "\n")
        host.write(f"{folder}/enabled", "")

    def _write_inventory(self) -> None:
        at = self.network.address
        password = self.folder / "database.password"
        password.touch(0o600)
        password.write_text(_CONSOLE_PASSWORD)
        instances = {
            name: {
                "host": name,
                "port": 5432,
                "declared": declared,
                "data_directory": DATA,
                "bin_directory": str(BIN),
                "service": {"kind": "systemd", "name": UNITS[name]},
                "log": "/srv/postgresql/log",
                "upstreams": {other: self._upstream(other, name)},
            }
            for name, other, declared in (("db1", "db2", "primary"), ("db2", "db1", "standby"))
        }
        web = {
            "host": "web1",
            "url": f"http://{at('web1')}:{WEB_PORT}",
            "service": {"kind": "systemd", "name": UNITS["web1"]},
            "declared": "active",
            "database": "db1",
            "switch": {"method": "command", "program": "pps-connection"},
        }
        self.document = {
            "version": 1,
            "cluster": {"name": "spaces", "environment": "test", "mode": "active-passive"},
            "sites": {"a": {}, "b": {}},
            "ssh": {"user": OPS, "known_hosts": str(self.authority.known_hosts), "config": ""},
            "hosts": {
                "outer": {"site": "a", "address": self.hosts["outer"].addresses["outside"]},
                "inner": {"site": "a", "address": self.hosts["inner"].addresses["dmz"], "via": ["outer"]},
                "web1": {"site": "a", "address": at("web1"), "hostname": "web1", "via": ["inner"]},
                **{
                    name: {"site": site, "address": at(name), "hostname": name, "via": ["inner"], "ssh": {"user": POSTGRES}}
                    for name, site in (("db1", "a"), ("db2", "b"))
                },
            },
            "database": {
                "kind": "postgres",
                "database": "pleasant",
                "user": "ppsconsole",
                "password": f"file:{password}",
                "tls": {"mode": "disable"},
                "replication": "streaming",
                "through_bastions": True,
                "instances": instances,
            },
            "web_nodes": {"web1": web},
        }
        self.declare()

    def declare(self, timeout_s: float = PATIENT_S, **ssh: Any) -> None:
        """Write the inventory.

        Args:
            timeout_s: For one look, and for one login.
            ssh: Other settings of logins than those that let the console in.
        """
        access = {**self.document["ssh"], "connect_timeout_s": timeout_s, **ssh}
        polling = {"every_s": 2, "slow_every_s": 30, "timeout_s": timeout_s}
        self.inventory.write_text(yaml.safe_dump({**self.document, "ssh": access, "polling": polling}, sort_keys=False))
        self.inventory.chmod(0o600)


def _as(name: str) -> list[str]:
    return [f"--reuid={UIDS[name]}", f"--regid={UIDS[name]}", "--clear-groups", "--"]
