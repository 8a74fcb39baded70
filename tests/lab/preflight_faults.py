"""Faults for preflight items, as a lab can make them: settings of real servers, files of the console's own."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.lab.conftest import Lab, wait_for

LIMIT_S = 90.0


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
            rules.write_text("host all postgres 127.0.0.1/32 trust\n" + rules.read_text())
            os.kill(int((lab.home(host) / "data" / "postmaster.pid").read_text().split()[0]), 1)  # SIGHUP: read it again
            wait_for(lambda host=host: self._is_let_in(host), f"{host} lets its superuser in", LIMIT_S)

    def connect(self, host: str, database: str = "postgres") -> Any:
        """Return a superuser's session, from this machine itself."""
        import psycopg

        port = self.lab.state["hosts"][host]["ports"]["db"]
        return psycopg.connect(
            host=self.lab.address(host),
            port=port,
            user="postgres",
            dbname=database,
            connect_timeout=10,
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

    def streams(self) -> bool:
        """Return whether db2 follows db1 and has all of it."""
        rows = self.sql("db1", "SELECT state, replay_lsn = pg_current_wal_lsn() FROM pg_stat_replication")
        return rows == [("streaming", True)]

    def _has(self, host: str, name: str, value: str) -> bool:
        [[found]] = self.sql(host, f"SHOW {name}")
        return bool(found == value)

    def _is_let_in(self, host: str) -> bool:
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
    """

    item: str
    made: Made
    state: str = "failing"
    is_blocked: bool = True
    beside: frozenset[str] = field(default_factory=frozenset)


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
