"""Faults for preflight items, as a lab can make them: real servers, files and processes of hosts, what was declared of them."""

import copy
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.lab.conftest import Lab, wait_for

LIMIT_S = 180.0


class Scene:
    """A lab, its superuser, and the inventory and environment that the next plan is made with.

    Attributes:
        document: The inventory as it would be written; a fault may change it.
        env: Variables of the console's machine; a fault may change them.
    """

    def __init__(self, lab: Lab, scratch: Path) -> None:
        self.lab, self.scratch = lab, scratch
        self.document: dict[str, Any] = yaml.safe_load(lab.inventory.read_text())
        self.env: dict[str, str] = {}
        for host in ("db1", "db2"):
            rules = lab.home(host) / "etc" / "pg_hba.conf"
            trusted = "".join(
                f"host {each} 127.0.0.1/32 trust\n" for each in ("all postgres", "replication postgres", "all ppsconsole")
            )
            rules.write_text(trusted + rules.read_text())
            os.kill(int((lab.home(host) / "data" / "postmaster.pid").read_text().split()[0]), 1)  # SIGHUP: read it again
            wait_for(lambda host=host: self.is_let_in(host), f"{host} lets its superuser in", LIMIT_S)

    def connect(self, host: str, database: str = "postgres") -> Any:
        """Return a superuser's session, from this machine itself."""
        import psycopg

        port = self.lab.state["hosts"][host]["ports"]["db"]
        return psycopg.connect(
            host=self.lab.address(host),
            port=port,
            user="postgres",
            dbname=database,
            connect_timeout=60,
            sslmode="disable",
            autocommit=True,
        )

    def sql(self, host: str, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run statements as superuser; return the rows of the last one."""
        rows: list[tuple[Any, ...]] = []
        with self.connect(host, database) as session:
            for statement in statements:
                cursor = session.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def set(self, host: str, name: str, value: str) -> None:
        """Change a setting and wait until new sessions have it."""
        quoted = value.replace("'", "''")
        self.sql(host, f"ALTER SYSTEM SET {name} = '{quoted}'", "SELECT pg_reload_conf()")
        wait_for(lambda: self._has(host, name, value), f"{name} is {value} on {host}", LIMIT_S)

    def restart(self, host: str) -> None:
        """Stop and start a server as its host's service program does, and wait for it."""
        for done in self.lab.ssh(host, "db-service stop", "db-service start"):
            assert done.exit_status == 0, f"{done.stdout} {(self.lab.home(host) / 'log' / 'db.log').read_text()[-2000:]}"
        wait_for(lambda: self.is_let_in(host), f"{host} is back", LIMIT_S)

    def streams(self) -> bool:
        """Return whether db2 follows db1 and has all of it."""
        rows = self.sql("db1", "SELECT state, replay_lsn = pg_current_wal_lsn() FROM pg_stat_replication")
        return rows == [("streaming", True)]

    def _has(self, host: str, name: str, value: str) -> bool:
        [[found]] = self.sql(host, f"SHOW {name}")
        return bool(found == value)

    def is_let_in(self, host: str) -> bool:
        """Return whether a superuser's session can be had."""
        import psycopg

        try:
            self.sql(host, "SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


Made = Callable[[Scene], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        item: The preflight item that has to see it.
        made: Makes it, and takes it back.
        state: What the item says then.
        is_blocked: Whether that keeps a switchover from running.
        beside: Items that fail of necessity with it.
        to: Whom the plan promotes.
    """

    item: str
    made: Made
    state: str = "failing"
    is_blocked: bool = True
    beside: frozenset[str] = field(default_factory=frozenset)
    to: str = "db2"


# --- servers ----------------------------------------------------------------------------------------------------------


def setting(host: str, name: str, value: str, healed: str) -> Made:
    """Return: a setting that a reload brings into force."""

    @contextmanager
    def made(scene: Scene) -> Iterator[None]:
        scene.set(host, name, value)
        try:
            yield
        finally:
            scene.set(host, name, healed)

    return made


def statement(host: str, statement: str, healed: str) -> Made:
    """Return: something that a superuser did."""

    @contextmanager
    def made(scene: Scene) -> Iterator[None]:
        scene.sql(host, statement)
        try:
            yield
        finally:
            scene.sql(host, healed)

    return made


def restarted(**settings: dict[str, tuple[str, str]]) -> Made:
    """Return: servers that run with other settings since their last start; by host and name the value, and the healed one."""

    def start(scene: Scene, host: str, values: dict[str, str]) -> None:
        scene.sql(host, *(f"ALTER SYSTEM SET {name} = {value}" for name, value in values.items()))
        scene.restart(host)

    @contextmanager
    def made(scene: Scene) -> Iterator[None]:
        # A standby needs as much as its primary: it gets more first, and less last.
        for host in sorted(settings, reverse=True):
            start(scene, host, {name: value for name, (value, _) in settings[host].items()})
        wait_for(scene.streams, "db2 streams", LIMIT_S)
        try:
            yield
        finally:
            for host in sorted(settings):
                wait_for(scene.streams, "db2 has seen with what its primary runs", LIMIT_S)
                start(scene, host, {name: healed for name, (_, healed) in settings[host].items()})
            wait_for(scene.streams, "db2 streams again", LIMIT_S)

    return made


@contextmanager
def by_its_neighbour(scene: Scene) -> Iterator[None]:
    """Make: nothing; another fault that is made before it brings this one along."""
    yield


@contextmanager
def failing_archiver(scene: Scene) -> Iterator[None]:
    """Make: an archive that takes nothing."""
    with setting("db1", "archive_command", "/bin/false", "/bin/true")(scene):
        scene.sql("db1", "SELECT pg_logical_emit_message(false, 'archived', '')", "SELECT pg_switch_wal()")
        yield


@contextmanager
def held_back(scene: Scene) -> Iterator[None]:
    """Make: a standby that does not replay what the primary writes; seconds of lag are too many then."""
    scene.sql("db2", "SELECT pg_wal_replay_pause()")
    with declared("limits", "lag_s", {"warn": 1, "down": 3600})(scene):
        scene.sql("db1", "SELECT pg_logical_emit_message(true, 'behind', '')")
        yield
    scene.sql("db2", "SELECT pg_wal_replay_resume()")
    wait_for(scene.streams, "db2 has caught up", LIMIT_S)


@contextmanager
def lacking_extension(scene: Scene) -> Iterator[None]:
    """Make: an extension in the PPS database whose files the standby does not find."""
    scene.sql("db1", "CREATE EXTENSION citext", database="pleasant")
    wait_for(scene.streams, "db2 has the extension", LIMIT_S)
    with setting("db2", "extension_control_path", "/nonexistent", "$system")(scene):
        yield
    scene.sql("db1", "DROP EXTENSION citext", database="pleasant")
    wait_for(scene.streams, "db2 dropped the extension", LIMIT_S)


def unattached(name: str, value: str) -> Made:
    """Return: a standby that cannot connect, for one of its own settings."""

    @contextmanager
    def made(scene: Scene) -> Iterator[None]:
        [[before]] = scene.sql("db2", f"SHOW {name}")
        scene.set("db2", name, value)
        wait_for(lambda: scene.sql("db1", "SELECT pid FROM pg_stat_replication") == [], "db2 is off", LIMIT_S)
        try:
            yield
        finally:
            scene.set("db2", name, before)
            wait_for(scene.streams, "db2 streams again", LIMIT_S)

    return made


@contextmanager
def strangers_transaction(scene: Scene) -> Iterator[None]:
    """Make: a session of somebody's, with a transaction that is open for longer than the limit."""
    with declared("limits", "transaction_s", {"warn": 1, "down": 3600})(scene), scene.connect("db1") as session:
        session.execute("BEGIN")
        session.execute("SELECT 1")
        yield


@contextmanager
def slow_copy(scene: Scene) -> Iterator[None]:
    """Make: a base backup of the primary that takes its time."""
    folder = scene.scratch / "copy"
    at = f"host={scene.lab.address('db1')} port={scene.lab.state['hosts']['db1']['ports']['db']} user=postgres"
    line = [f"{scene.lab.state['postgres']['bin']}/pg_basebackup", "-D", str(folder), "-d", at, "-X", "none", "-c", "fast"]
    copying = subprocess.Popen([*line, "--max-rate=32k", "--no-sync", "-w"], stderr=subprocess.DEVNULL)
    try:
        backups = "SELECT pid FROM pg_stat_replication WHERE state = 'backup'"
        wait_for(lambda: scene.sql("db1", backups) != [], "the copy is being made", LIMIT_S)
        yield
    finally:
        copying.kill()
        copying.wait()
        wait_for(lambda: scene.sql("db1", backups) == [], "the copy has ended", LIMIT_S)


@contextmanager
def left_behind(scene: Scene) -> Iterator[None]:
    """Make: a standby that somebody promoted, and made a standby again. Nothing heals that but another copy: it comes last."""
    scene.sql("db2", "SELECT pg_promote()")
    wait_for(lambda: scene.sql("db2", "SELECT pg_is_in_recovery()") == [(False,)], "db2 is promoted", LIMIT_S)
    (scene.lab.home("db2") / "data" / "standby.signal").touch()
    scene.restart("db2")
    yield


# --- hosts ------------------------------------------------------------------------------------------------------------


def edited(host: str, path: str, old: str, new: str) -> Made:
    """Return: a file on a host in which somebody wrote something else."""

    @contextmanager
    def made(scene: Scene) -> Iterator[None]:
        file = scene.lab.home(host) / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        try:
            yield
        finally:
            file.write_text(text)

    return made


def stand_in(host: str, name: str, text: str) -> Made:
    """Return: a host whose program `name` is another one."""

    @contextmanager
    def made(scene: Scene) -> Iterator[None]:
        file = scene.lab.home(host) / "bin" / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        try:
            yield
        finally:
            file.unlink()

    return made


def running(host: str, name: str) -> Made:
    """Return: a process on a host whose program is called so."""

    @contextmanager
    def made(scene: Scene) -> Iterator[None]:
        # Started by the host's own login, as what runs there is: it waits for somebody to write, which nobody does.
        with stand_in(host, name, '[ -p "$0.wait" ] || mkfifo "$0.wait"; read -r _ <"$0.wait"')(scene):
            started = scene.lab.ssh(host, f"cd && {{ sh bin/{name} </dev/null >/dev/null 2>&1 & echo $!; }}")[0]
            try:
                yield
            finally:
                os.kill(int(str(started.stdout)), signal.SIGKILL)

    return made


@contextmanager
def disabled(scene: Scene) -> Iterator[None]:
    """Make: a standby that would not come back after a reboot."""
    scene.lab.ssh("db2", "db-service disable")
    yield
    scene.lab.ssh("db2", "db-service enable")


@contextmanager
def old_backup(scene: Scene) -> Iterator[None]:
    """Make: a backup that nobody renewed for days."""
    scene.lab.fault("old-backup", "db2")
    yield
    scene.lab.heal("db2")


# --- the console's machine --------------------------------------------------------------------------------------------


def readable_by_all(name: str) -> Made:
    """Return: a file with a secret in the console's folder that others can read, which the console refuses."""

    @contextmanager
    def made(scene: Scene) -> Iterator[None]:
        file = scene.lab.folder / name
        file.chmod(0o644)
        try:
            yield
        finally:
            file.chmod(0o600)

    return made


@contextmanager
def unusable_state_folder(scene: Scene) -> Iterator[None]:
    """Make: a place for the journal that is none."""
    scene.env["XDG_STATE_HOME"] = "/dev/null/state"
    try:
        yield
    finally:
        del scene.env["XDG_STATE_HOME"]


def declared(*path: Any) -> Made:
    """Return: an inventory that says something else; the last word of `path` is the value, the others lead there.

    The value None stands for a key that is left out.
    """
    *way, key, value = path

    @contextmanager
    def made(scene: Scene) -> Iterator[None]:
        kept = copy.deepcopy(scene.document)
        place = scene.document
        for each in way:
            place = place.setdefault(each, {})
        if value is None:
            del place[key]
        else:
            place[key] = value
        try:
            yield
        finally:
            scene.document = kept

    return made


def together(*faults: Made) -> Made:
    """Return: all of them."""

    @contextmanager
    def made(scene: Scene) -> Iterator[None]:
        with ExitStack() as stack:
            for each in faults:
                stack.enter_context(each(scene))
            yield

    return made


@contextmanager
def swapped_addresses(scene: Scene) -> Iterator[None]:
    """Make: an inventory that has the SQL address of each instance at the other one."""
    group = ("database",)
    changes = [declared(*group, "through_bastions", False)]  # no bastion of the lab reaches the other site
    for name, other in (("db1", "db2"), ("db2", "db1")):
        changes.append(declared(*group, "instances", name, "address", scene.lab.address(other)))
    with together(*changes)(scene):
        yield
