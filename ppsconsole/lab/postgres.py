"""The databases of a lab: a primary made by initdb, a standby cloned from it by pg_basebackup."""

from dataclasses import dataclass
from pathlib import Path

from ppsconsole.lab.account import Account
from ppsconsole.lab.children import Children
from ppsconsole.lab.layout import DATABASE, LAB_MARK, LabHost, Layout
from ppsconsole.lab.programs import Postgres

CONSOLE_ROLE = "ppsconsole"
WEB_ROLE = "pps"
REPLICATION_ROLE = "replicator"
KEEPER_ROLE = "postgres"
ROLES = (KEEPER_ROLE, CONSOLE_ROLE, WEB_ROLE, REPLICATION_ROLE)
KEEPER_ADDRESS = "127.0.0.1"  # where the kernel sends from when nobody chose: the supervisor itself

# Timeouts of replication are short so that a cut road is noticed within seconds. Shared memory segments are files in the
# data directory (mmap), so that even a killed server leaves nothing in /dev/shm.
_SETTINGS = """\
max_connections = 50
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
huge_pages = off
wal_level = replica
wal_log_hints = on
max_wal_senders = 10
max_replication_slots = 10
hot_standby = on
wal_receiver_status_interval = 1s
wal_receiver_timeout = 5s
wal_sender_timeout = 5s
track_commit_timestamp = on
password_encryption = 'scram-sha-256'
log_line_prefix = '%m [%p] %q%u@%d %h '
log_connections = off
timezone = 'UTC'
log_timezone = 'UTC'
"""

# What pg_rewind reads on its source when it does not log in as superuser (PostgreSQL's documentation, pg_rewind, Notes).
_REWIND_GRANTS = (
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean) TO replicator;",
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean) TO replicator;",
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO replicator;",
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO replicator;",
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_promote(boolean, integer) TO ppsconsole;",
    "GRANT pg_signal_backend TO ppsconsole;",
)


@dataclass(frozen=True, slots=True)
class Workshop:
    """What making databases takes.

    Attributes:
        passwords: By role.
        lab: The lab's id.
    """

    postgres: Postgres
    account: Account
    children: Children
    passwords: dict[str, str]
    lab: str

    def environment(self) -> dict[str, str]:
        """Return the environment of PostgreSQL's programs; nothing of the user's own PG* variables gets in."""
        return {"PATH": f"{self.postgres.bin}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", LAB_MARK: self.lab}


async def make_database(shop: Workshop, data: Path) -> None:
    """Make a data directory with roles, their passwords and an empty PPS database, by initdb.

    Raises:
        LabError: initdb failed; with what it said.
    """
    shop.account.make_folder(data)
    await shop.children.run(
        [
            *(str(shop.postgres.bin / "initdb"), "-D", str(data), "-U", KEEPER_ROLE, "-A", "reject", "-N"),
            *("--data-checksums", "--locale=C.UTF-8", "--encoding=UTF8"),
        ],
        account=shop.account,
        cwd=data,
        env=shop.environment(),
    )
    keep = "wal_keep_size = 256MB" if shop.postgres.major >= 13 else "wal_keep_segments = 16"
    # Worker processes for reading are of no use on one machine and cost memory (PostgreSQL 18 and newer).
    method = "io_method = sync\n" if shop.postgres.major >= 18 else ""
    # After a kill, and on a fresh copy, a server makes its folder durable before it recovers: one fsync for each of 1,300 files
    # took 2 to 6 s on a busy disk, one syncfs milliseconds (PostgreSQL 14 and newer, on Linux).
    if shop.postgres.major >= 14:
        method += "recovery_init_sync_method = syncfs\n"
    shop.account.write(data / "postgresql.conf", f"{_SETTINGS}{keep}\n{method}")
    shop.account.write(data / "pg_hba.conf", "# not used: see etc/pg_hba.conf of the host\n")
    await _single(
        shop,
        data,
        "template1",
        f"CREATE ROLE {CONSOLE_ROLE} LOGIN IN ROLE pg_monitor{', pg_checkpoint' if shop.postgres.major >= 15 else ''};",
        f"CREATE ROLE {WEB_ROLE} LOGIN;",
        f"CREATE ROLE {REPLICATION_ROLE} LOGIN REPLICATION;",
        *(f"ALTER ROLE {role} PASSWORD '{password}';" for role, password in shop.passwords.items()),
        *_REWIND_GRANTS,
    )
    await _single(shop, data, "postgres", *_REWIND_GRANTS, f"CREATE DATABASE {DATABASE} OWNER {WEB_ROLE};")


async def make_standby(shop: Workshop, host: LabHost, upstream: str, port: int) -> None:
    """Clone `host`'s database from the running one at `upstream:port`, with a replication slot of the host's name."""
    connection = (
        f"host={upstream} port={port} user={REPLICATION_ROLE} application_name={host.name} "
        f"passfile={host.home}/etc/pgpass connect_timeout=5"
    )
    await shop.children.run(
        [
            *(str(shop.postgres.bin / "pg_basebackup"), "-D", str(host.home / "data"), "-d", connection, "-R", "-C"),
            *("-S", host.name, "-X", "stream", "-c", "fast", "--no-sync", "-w"),
        ],
        account=shop.account,
        cwd=host.home,
        env=shop.environment(),
    )


def server_arguments(postgres: Postgres, host: LabHost) -> list[str]:
    """Return the command line of the host's server.

    Whatever differs between hosts stands here and not in the data directory: pg_basebackup and pg_rewind copy its files.
    """
    settings = {
        "listen_addresses": host.address,
        "port": str(host.ports["db"]),
        "unix_socket_directories": "",
        "hba_file": f"{host.home}/etc/pg_hba.conf",
        "cluster_name": host.name,
    }
    arguments = [str(postgres.bin / "postgres"), "-D", str(host.home / "data")]
    for name, value in settings.items():
        arguments += ["-c", f"{name}={value}"]
    return arguments


def access_rules(layout: Layout) -> str:
    """Return pg_hba.conf: each role only from where it belongs; the console comes through the bastions."""
    databases = [layout.hosts[node.host].address for node in layout.of_kind("database")]
    webs = [layout.hosts[node.host].address for node in layout.of_kind("web")]
    bastions = [layout.hosts[node.host].address for node in layout.of_kind("bastion")]
    lines = [f"host all {KEEPER_ROLE} {KEEPER_ADDRESS}/32 scram-sha-256"]
    lines += [f"host all {CONSOLE_ROLE} {address}/32 scram-sha-256" for address in bastions]
    lines += [f"host {DATABASE} {WEB_ROLE} {address}/32 scram-sha-256" for address in webs]
    for address in databases:
        lines.append(f"host all {KEEPER_ROLE} {address}/32 scram-sha-256")  # pg_dump and psql on the other's host
        lines.append(f"host replication {REPLICATION_ROLE} {address}/32 scram-sha-256")
        lines.append(f"host postgres {REPLICATION_ROLE} {address}/32 scram-sha-256")
    return "\n".join(lines) + "\n"


def alternate_access_rules(host: LabHost) -> str:
    """Return pg_hba.conf of an alternate server: nobody comes in from another host."""
    here = [KEEPER_ADDRESS, host.address]
    return "".join(f"host all {role} {address}/32 scram-sha-256\n" for role in (KEEPER_ROLE, WEB_ROLE) for address in here)


def claims_primary(host: LabHost) -> bool:
    """Return whether the data on `host`'s disk would come up as a primary: it is there and does not say standby."""
    data = host.home / "data"
    return (data / "PG_VERSION").exists() and not (data / "standby.signal").exists()


async def _single(shop: Workshop, data: Path, database: str, *statements: str) -> None:
    """Run statements in a server of its own, before anybody can connect; passwords travel by stdin."""
    await shop.children.run(
        [str(shop.postgres.bin / "postgres"), "--single", "-D", str(data), "-F", "-j", database],
        account=shop.account,
        cwd=data,
        env=shop.environment(),
        stdin=("\n".join(f"{statement}\n" for statement in statements)).encode(),
    )
