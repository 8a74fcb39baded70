"""What the guard of a command compares, for which host and instance: its shell text, run by a real shell."""

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.clock import HeldClock
from ppsconsole.drivers.base import CommandResult
from ppsconsole.engine.binding import MARK, MOVED, Binding, moved_words, planned_keys
from ppsconsole.engine.lease import Claim, Lease
from ppsconsole.engine.stage import Stage
from ppsconsole.inventory.model import Host, Instance
from ppsconsole.plan.plan import Identity
from tests.engine.scripted import scripted_inventory, scripted_plan

LINE = "3 run1 held"
CONTROL = """#!/bin/sh
echo "Database system identifier:           $(cat "$2/identifier")"
"""


class Bound:
    """Two instances, each with a data directory of its own below a folder, and a lease file as on a host."""

    def __init__(self, folder: Path, machine: str, **changes: object) -> None:
        self.folder = folder
        inventory, plan = scripted_inventory(), scripted_plan()
        instances, identities = {}, []
        for name, system in (("db1", "71"), ("db2", "72")):
            data = folder / name
            data.mkdir(exist_ok=True)
            (data / "identifier").write_text(f"{system}\n")
            instances[name] = Instance(name, host=f"h{name[-1]}", bin_directory=str(folder), data_directory=str(data))
            own = machine if name == "db1" else "another-machine"
            identities.append(Identity(name, f"h{name[-1]}", f"SHA256:{name}", own, system, str(data), "primary", 1))
        identities[0] = replace(identities[0], **changes)
        (folder / "pg_controldata").write_text(CONTROL)
        (folder / "pg_controldata").chmod(0o700)
        self.hosts = {name: Host(name, "A", "127.0.0.1") for name in ("h1", "h2", "h3")}
        inventory = replace(inventory, hosts=self.hosts, database=replace(inventory.database, instances=instances))
        self.lease = Lease(Claim("lab", "run1", "switchover", ("h1",)), inventory, None, HeldClock(), root=str(folder))  # type: ignore[arg-type]
        self.lease.line, self.lease.epoch = LINE, 3
        self.stage = Stage()
        self.stage.enter("promote", 2)
        self.binding = Binding(inventory, replace(plan, identities=tuple(identities)), self.lease, self.stage)
        self.kept = folder / "lab"
        self.kept.mkdir(exist_ok=True)
        self.hold(f"{LINE}\n{{}}\n")

    def hold(self, text: str) -> None:
        (self.kept / "lease").write_text(text)

    def run(self, host: str, node: str | None) -> str:
        """Return what moved; `acted` where the command behind the conditions was reached."""
        text = self.binding.conditions(self.hosts[host], node) + self.binding.begun() + "echo acted"
        done = subprocess.run(["/bin/sh", "-c", text], capture_output=True, text=True, timeout=60, check=False)
        moved = moved_words(CommandResult(done.returncode, done.stdout, done.stderr, 0.0))
        assert (moved is None) is (done.stdout == "acted\n"), done.stdout + done.stderr
        return moved if moved is not None else "acted"


@pytest.fixture
def hostname() -> str:
    return subprocess.run(["uname", "-n"], capture_output=True, text=True, check=True).stdout.strip()


def test_each_instance_is_compared_with_its_own_identity_and_each_host_with_its_own_name(tmp_path: Path, hostname: str) -> None:
    bound = Bound(tmp_path, hostname)
    assert bound.run("h1", "db1") == "acted"
    assert bound.run("h1", None) == "acted"
    assert bound.run("h3", None) == "acted", "nobody knows what it calls itself"
    assert bound.run("h2", "db2") == f"hostname {hostname}, planned was another-machine"
    (tmp_path / "db2" / "identifier").write_text("79\n")
    assert bound.run("h1", "db1") == "acted", "the other one is none of its business"
    assert bound.run("h1", "db2") == "system-identifier 79, planned was 72"
    assert bound.run("h1", "db9") == "acted", "an instance that is no part of the plan has no identity in it"


def test_the_last_line_of_defence_is_every_single_thing(tmp_path: Path, hostname: str) -> None:
    bound = Bound(tmp_path, hostname)
    (tmp_path / "db1" / "identifier").write_text("712\n")
    assert bound.run("h1", "db1") == "system-identifier 712, planned was 71"
    assert bound.run("h1", None) == "acted"
    (tmp_path / "pg_controldata").write_text("#!/bin/sh\necho broken\n")
    assert bound.run("h1", "db1") == "system-identifier cannot be read: broken"
    assert Bound(tmp_path, hostname, data_directory=str(tmp_path / "db2")).run("h1", "db1").startswith("data-directory ")
    assert Bound(tmp_path, hostname, data_directory=str(tmp_path / "gone")).run("h1", "db1").endswith("is not there")
    assert Bound(tmp_path, hostname, hostname="db-other").run("h1", None) == f"hostname {hostname}, planned was db-other"
    unknown = Bound(tmp_path, hostname, data_directory="", system_identifier="", hostname="")
    assert unknown.run("h1", "db1") == "acted"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{LINE}\n", "acted"),
        ("4 run2 held\n{}\n", "lease 4 run2 held {}"),
        ("3 run1 left\n", "lease 3 run1 left"),
        ("31 run1 held\n", "lease 31 run1 held"),
        ("3 run1 held \n", "lease 3 run1 held"),
        ("3 run1", "lease 3 run1"),
        ("", "lease"),
    ],
)
def test_the_lease_is_compared_whole(tmp_path: Path, hostname: str, text: str, said: str) -> None:
    bound = Bound(tmp_path, hostname)
    bound.hold(text)
    assert bound.run("h1", "db1") == said


def test_no_lease_at_all_is_none_of_ours(tmp_path: Path, hostname: str) -> None:
    bound = Bound(tmp_path, hostname)
    (bound.kept / "lease").unlink()
    assert bound.run("h1", "db1") == "lease none"
    (bound.kept / "epoch").write_text("5\n")
    assert bound.run("h1", None) == "lease none 5"


def test_what_is_begun_is_noted_before_the_act_and_nothing_where_it_moved(tmp_path: Path, hostname: str) -> None:
    bound = Bound(tmp_path, hostname)
    bound.run("h2", "db2")
    assert not (bound.kept / "runs").exists()
    bound.run("h1", "db1")
    bound.stage.enter("it's", 1)
    bound.run("h1", None)
    assert (bound.kept / "runs" / "run1" / "begun").read_text() == "promote/2\nit's/1\n"
    text = f"s=given/3; d={shlex.quote(str(bound.kept))}; {bound.binding.begun(chr(34) + '$s' + chr(34))}"
    subprocess.run(["/bin/sh", "-c", text], timeout=60, check=True)
    assert (bound.kept / "runs" / "run1" / "begun").read_text().endswith("\ngiven/3\n")


def test_only_the_guards_own_exit_with_its_own_word_says_that_something_moved() -> None:
    said = f"a notice\n{MARK} hostname a, planned was b\n"
    assert moved_words(CommandResult(MOVED, "", said, 0.0)) == "hostname a, planned was b"
    assert moved_words(CommandResult(0, "", said, 0.0)) is None
    assert moved_words(CommandResult(MOVED, "", "it ends so by itself", 0.0)) is None
    assert moved_words(CommandResult(MOVED, said, "", 0.0)) is None


def test_a_host_is_known_by_every_key_that_the_plan_saw_of_it() -> None:
    identities = [Identity(f"db{n}", "h1", key, "", "", "", "primary", 1) for n, key in enumerate(("a", "b", ""))]
    identities.append(Identity("db9", "", "c", "", "", "", "primary", 1))
    assert planned_keys(replace(scripted_plan(), identities=tuple(identities))) == {"h1": frozenset({"a", "b"})}
