"""Links that somebody planted on a host, in a real shell: what a run writes there never lands elsewhere, and it says why."""

import hashlib
import os
import subprocess
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ppsconsole.actions import (
    balancer,
    boot_guard,
    bundle_store,
    clone,
    compare_databases,
    configuration_kept,
    dump_database,
    lost_writes,
    rewind,
    standby_start,
    start_apart,
    wal_files,
)
from ppsconsole.actions.places import written
from ppsconsole.engine import binding, copies, detached, lease_script
from ppsconsole.inventory.model import Service
from ppsconsole.plan.step import Step
from tests.unit import alternate_cases


def shell(command: str, home: Path, text: str = "") -> "subprocess.CompletedProcess[str]":
    environ = {"PATH": f"{home / 'bin'}:{os.environ['PATH']}", "HOME": str(home)}
    return subprocess.run(
        ["/bin/sh", "-c", command], input=text, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("level", [".ppsconsole", ".ppsconsole/lab", ".ppsconsole/lab/runs"])
def test_no_lease_is_taken_through_a_link(level: str, tmp_path: Path, victim: Path) -> None:
    home = tmp_path / "home"
    (home / level).parent.mkdir(parents=True)
    (home / level).symlink_to(victim)
    command = lease_script.take_script(lease_script.folder_of("lab"), 1, "")
    result = shell(command, home, "1 run1 held\n{}\n")
    assert result.returncode == lease_script.CANNOT_WRITE
    assert f"{home / level} is a link, or belongs to somebody else: move it away" in result.stderr


def test_a_lease_is_taken_where_nobody_planted_anything(tmp_path: Path) -> None:
    command = lease_script.take_script(lease_script.folder_of("lab"), 1, "")
    for mask in (0o000, 0o077, 0o777):
        home = tmp_path / f"home{mask}"
        home.mkdir()
        before = os.umask(mask)
        try:
            assert shell(command, home, "1 run1 held\n{}\n").returncode == 0
        finally:
            os.umask(before)
        for each in (home / ".ppsconsole").rglob("*"):
            assert each.stat().st_mode & 0o077 == 0, each


@pytest.mark.parametrize("planted", ["pg.quarantine.new", "pg.quarantine"])
@pytest.mark.parametrize("target", ["victim", "new"])
def test_a_marker_is_written_through_no_link(planted: str, target: str, tmp_path: Path, victim: Path) -> None:
    place = tmp_path / "srv"
    place.mkdir()
    (place / planted).symlink_to(victim / target)
    result = shell(written(str(place / "pg.quarantine")), tmp_path, "run1\n")
    assert result.returncode == 0, result.stderr
    assert (place / "pg.quarantine").read_text() == "run1\n"
    assert not (place / "pg.quarantine").is_symlink()
    assert os.listdir(place) == ["pg.quarantine"]


def test_a_link_to_a_folder_in_the_place_of_a_marker_is_told(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "pg.quarantine").symlink_to(victim)
    result = shell(written(str(tmp_path / "pg.quarantine")), tmp_path, "run1\n")
    assert result.returncode == 65
    assert "a folder, or a link to one, is in the place of the file" in result.stderr


SEGMENT = "000000010000000000000003"
PROGRAMS = {
    "pg_basebackup": """while [ "$1" != -D ]; do shift; done; mkdir "$2" && echo copied >&2""",
    "pg_verifybackup": ":",
    "pg_rewind": "echo rewound >&2",
    "psql": "exit 3",
    "service": "echo stopped",
    "sync": ":",
    "nginx": "echo ok",
}
RUN = ".ppsconsole/lab/runs/run1"
SERVERS = "server 1;\n"


class Beside:
    """A data directory in a folder where links are planted, with the programs and files that commands on it need.

    Attributes:
        folder: The home of the login as well.
        data: The data directory.
        inventory: Has it as that of `db1`.
        step: Acts on `db1`.
        lease: What a command reads of a lease that is held.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "pg"
        for each in ("pg/pg_wal", "pg/global", "bin", "store/pps-1", "pg.configuration-run1", ".ppsconsole/lab"):
            (folder / each).mkdir(parents=True)
        (folder / ".ppsconsole/lab/lease").write_text("1 run1 held\n{}\n")
        files = ("postgresql.conf", f"pg_wal/{SEGMENT}", "global/pg_control")
        for each in (*(f"pg/{each}" for each in files), "pg.quarantine", "pg.quarantine.lifted"):
            (folder / each).write_text("own\n")
        (folder / "servers").write_text(SERVERS)
        for name, text in PROGRAMS.items():
            program = folder / "bin" / name
            program.write_text(f"#!/bin/sh\n{text}\n")
            program.chmod(0o755)
        plain, way = alternate_cases.declared(), {"db1": "host=127.0.0.1 user=x", "db2": "host=127.0.0.1 user=x"}
        first = replace(plain.database.instances["db1"], data_directory=str(self.data), bin_directory=str(folder / "bin"))
        first = replace(first, service=Service("command", program=str(folder / "bin" / "service")), upstreams=way, dumps=way)
        instances = {**plain.database.instances, "db1": first}
        self.inventory = replace(plain, database=replace(plain.database, instances=instances))
        self.step = Step("x", "x", "x", "db1", "db1", {"source": "db2", "primary": "db2", "system": "7"})
        self.lease: Any = types.SimpleNamespace(
            folder=lease_script.folder_of("lab"), line="1 run1 held", claim=types.SimpleNamespace(run="run1")
        )
        nginx = plain.balancers["lb1"]
        self.balancer = replace(nginx, include=str(folder / "servers"), program=str(folder / "bin" / "nginx"), config=None)

    def rewritten(self) -> str:
        """Return the input for a new include file."""
        return f"{hashlib.sha256(SERVERS.encode()).hexdigest()}\nserver 2;\n"

    def guarded(self) -> str:
        """Return the path of the boot guard, which is there."""
        path = Path(boot_guard.guard_path(self.inventory, "db1"))
        path.write_text(boot_guard.guard_script(self.inventory, "db1"))
        return boot_guard._remove(self.inventory, "db1")

    def lost(self, then: str = "") -> str:
        """Return the command that keeps lost writes, and one behind it."""
        kept = f"{self.data}.lost-writes-1-0_3"
        copy = lost_writes._copy(self.inventory, "db1", kept, (SEGMENT,))
        return f"({copy}) && ({lost_writes._name(kept)})" if then else copy

    def piece(self) -> str:
        """Return the command that adds a piece of the log, with that."""
        add = wal_files.add_piece(str(self.data / "pg_wal" / "salvage-run1"), f"{SEGMENT}.part", 0)
        return f"{wal_files.piece(str(self.data / 'pg_wal'), SEGMENT, 0)} | ({add})"

    def begun(self) -> str:
        """Return what notes that an act is begun, and acts."""
        of_run: Any = (self.inventory, None, self.lease, None)
        return f"d={self.lease.folder}\n{binding.Binding(*of_run).begun('one/1')}echo acted"

    def detached(self) -> str:
        """Return what starts a command that outlives the line, and waits for it."""
        place = detached.Place(self.lease.folder, "run1", "name", 1)
        return place.start("echo acted") + place.wait(30.0)


Composed = Callable[[Beside], str]
WRITING: dict[str, tuple[Composed, tuple[str, ...]]] = {
    "lost writes": (lambda it: it.lost(), ("pg.lost-writes-1-0_3.part/", "pg.lost-writes-1-0_3/")),
    "list of lost writes": (lambda it: it.lost("named"), ("pg.lost-writes-1-0_3.part/", "pg.lost-writes-1-0_3/")),
    "configuration": (
        lambda it: configuration_kept._keep(it.inventory, "db1", "run2"),
        ("pg.configuration-run2/",),
    ),
    "configuration again": (
        lambda it: configuration_kept._keep(it.inventory, "db1", "run1"),
        ("pg.configuration-run1/files/", "pg.configuration-run1/files.part/"),
    ),
    "copy": (
        lambda it: clone._clone(it.inventory, "db1", "host=x", "run1"),
        tuple(f"pg{clone.CLONE}run1{each}" for each in ("/", ".part/", ".log")),
    ),
    "rewind": (
        lambda it: rewind._rewind(it.inventory, "db1", "host=x", "run1"),
        ("pg.rewinding", "pg.configuration-run1/rewind.log"),
    ),
    "piece of a log": (
        lambda it: it.piece(),
        ("pg/pg_wal/salvage-run1/", f"pg/pg_wal/salvage-run1/{SEGMENT}.part"),
    ),
    "bundle set aside": (
        lambda it: bundle_store.aside_command(str(it.folder / "store"), ("pps-1",)),
        (f"store/{bundle_store.ASIDE}pps-1/",),
    ),
    "bundle begun": (
        lambda it: bundle_store.begin_command(str(it.folder / "store"), "pps-2"),
        (f"store/{bundle_store.PART}pps-2/",),
    ),
    "include file": (lambda it: balancer._write_command(it.balancer), ("servers.new", "servers.bak")),
    "marker lifted": (lambda it: start_apart._command(it.inventory, "db1"), ("pg.quarantine.lifted",)),
    "marker again": (lambda it: standby_start._quarantined_again(it.inventory, "db1"), ("pg.quarantine",)),
    "boot guard": (lambda it: boot_guard._install(it.inventory, "db1"), ("pg.boot-guard", "pg.boot-guard.new")),
    "boot guard removed": (lambda it: it.guarded(), ("pg.boot-guard.removed",)),
    "copy of the journal": (
        lambda it: copies._append_script(it.lease, True),
        (".ppsconsole/lab/runs/", f"{RUN}/", *(f"{RUN}/{each}" for each in ("plan.new", "events.jsonl"))),
    ),
    "note of an act": (lambda it: it.begun(), (".ppsconsole/lab/runs/", f"{RUN}/", f"{RUN}/begun")),
    "detached": (lambda it: it.detached(), (".ppsconsole/lab/runs/", f"{RUN}/", f"{RUN}/name.1/")),
}
"""What writes on a host: as it is composed for a step, and the places in which a link may be planted; folders end in a slash."""

REFUSING: dict[str, tuple[Composed, str]] = {
    "dump": (lambda it: dump_database._command(it.inventory, it.step, "run1"), "pg.restore-run1"),
    "sums of a dump": (lambda it: compare_databases._command(it.inventory, it.step, "run1", "0/3"), "pg.restore-run1"),
}
"""What needs a server to come to its end."""


@pytest.mark.parametrize("name", WRITING)
def test_what_writes_on_a_host_comes_to_its_end_where_nothing_is_planted(name: str, tmp_path: Path) -> None:
    composed, places = WRITING[name]
    it = Beside(tmp_path / "host")
    for place in places:
        if not place.endswith("/"):
            (it.folder / place).unlink(missing_ok=True)
    command = composed(it)
    result = shell(command, it.folder, it.rewritten())
    assert result.returncode == 0, result.stderr


def planted() -> Iterator[Any]:
    """Yield what writes, in which place, and where a link there leads to: the folder, its file, or what is not there yet."""
    for name, (_, places) in WRITING.items():
        for place in places:
            for target in ("",) if place.endswith("/") else ("", "victim", "new"):
                yield pytest.param(name, place.rstrip("/"), target, id=f"{name}-{place}-{target or 'folder'}")


@pytest.mark.parametrize(("name", "place", "target"), planted())
def test_nothing_is_written_through_a_link(name: str, place: str, target: str, tmp_path: Path, victim: Path) -> None:
    it = Beside(tmp_path / "host")
    command = WRITING[name][0](it)
    planted = it.folder / place
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.unlink(missing_ok=True)
    planted.symlink_to(victim / target)
    result = shell(command, it.folder, it.rewritten())
    assert result.returncode == 0 or result.stderr.strip()
    if result.returncode == 0 and planted.is_symlink():
        assert name == "note of an act", "what is done was written elsewhere, or not at all"


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("list of lost writes", "pg.lost-writes-1-0_3"),
        ("configuration", "pg.configuration-run2"),
        ("copy", f"pg{clone.CLONE}run1"),
        ("piece of a log", "pg/pg_wal/salvage-run1"),
        ("bundle begun", f"store/{bundle_store.PART}pps-2"),
    ],
)
def test_what_is_kept_is_for_the_login_only_under_an_open_umask(name: str, made: str, tmp_path: Path) -> None:
    it = Beside(tmp_path / "host")
    before = os.umask(0)
    try:
        assert shell(WRITING[name][0](it), it.folder).returncode == 0
    finally:
        os.umask(before)
    assert (it.folder / made).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", REFUSING)
def test_a_link_in_the_place_of_a_dump_is_told(name: str, tmp_path: Path, victim: Path) -> None:
    composed, place = REFUSING[name]
    it = Beside(tmp_path / "host")
    (it.folder / place).symlink_to(victim)
    result = shell(composed(it), it.folder)
    assert (result.returncode, result.stdout) == (65, "")
    assert f"{it.folder / place} is a link, or belongs to somebody else: move it away" in result.stderr
