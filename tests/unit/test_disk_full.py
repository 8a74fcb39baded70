"""A database whose disk is full is told as that, whoever declared which disks to watch: by value."""

import subprocess
from pathlib import Path

import pytest

from ppsconsole.advice.diagnosis import advise
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.postgres_connect import DiskFull, translated
from ppsconsole.probes.host import data_directories, parse_system, system_parts
from ppsconsole.runbooks.barred import Barred
from tests.unit.observations import change, change_host, inventory, silence
from tests.unit.runbook_cases import Found, declared, fine, plan, seen

SAID = ("FATAL:  could not write init file: No space left on device", "FATAL:  could not write init file")
"""As 18.6 and 15.18 say it."""


def roomless(name: str) -> Found:
    """Return: an instance runs, and begins no session."""
    found = fine()
    silence(found, name, "disk-full")
    return found


def test_the_file_systems_of_the_data_are_looked_at_undeclared_and_decide_only_where_they_can_be_seen(tmp_path: Path) -> None:
    host = inventory().hosts["db1"]
    assert data_directories(inventory(), host) == (inventory().database.instances["db1"].data_directory,)
    for data in (str(tmp_path), str(tmp_path / "not there")):
        [part] = system_parts(host, 30.0, (data,))
        done = subprocess.run(["/bin/sh", "-c", part.command], capture_output=True, text=True, check=False)
        assert done.stderr == ""
        told = parse_system(CommandResult(done.returncode, done.stdout, done.stderr, 0.0))
        assert told["disk_percent"] is not None, done
    full = "1.0\ndb1\nboot\nH 1 2 3 4% /\ndata 10 10 0 100% /data\nH 1 2 3 4% /\nroot 10 1 9 10% /\n"
    assert parse_system(CommandResult(0, full, "", 0.0))["disk_percent"] == 100.0


def test_a_server_that_lets_nobody_in_for_want_of_room_lives_and_is_told_as_what_it_is() -> None:
    for said in SAID:
        assert isinstance(translated(OSError(said), "db2", "127.9.1.21:5432", "watcher", "pps"), DiskFull)
    snapshot = seen(roomless("db2"))
    node = snapshot.node("db2")
    assert node is not None
    assert (node.role, node.verdict, node.words) == ("unknown", Verdict.DOWN, "DISK FULL")
    assert [each.sees for each in node.vantages if each.observer == "console"] == ["alive"]
    [told] = [each for each in advise(snapshot, declared()) if each.headline.startswith("db2")]
    assert told.remedy.startswith("Make room on db2: df -h.")


@pytest.mark.parametrize("runbook", ["switchover", "failover"])
def test_what_to_promote_has_to_have_room_first(runbook: str) -> None:
    found = roomless("db2")
    if runbook == "failover":
        silence(found, "db1", "refused")
        change(found, "db1", service="failed", service_pid=None)
    with pytest.raises(Barred, match="db2 runs, and lets nobody in: its disk is full") as raised:
        plan(found, runbook, to="db2")
    assert raised.value.rule == "disk"


def test_a_primary_without_room_is_neither_failed_over_nor_called_away() -> None:
    blockers = {each.name: each for each in plan(roomless("db1"), "failover", to="db2").blockers}
    assert blockers["primary-dead"].words == "db1 lives, and lets nobody in: its disk is full"
    with pytest.raises(Barred, match="db1 runs, and lets nobody in"):
        plan(roomless("db1"), "switchover", to="db2")


def test_what_ended_for_want_of_room_is_not_to_be_started_before_there_is_some() -> None:
    found = fine()
    silence(found, "db2", "refused")
    change(found, "db2", service="failed", service_pid=None, control_state="in archive recovery")
    change_host(found, "db2", disk_percent=100.0)
    snapshot = seen(found)
    [told] = [each for each in advise(snapshot, declared()) if each.headline.startswith("db2")]
    assert told.remedy.startswith("Make room on db2 before it is started: df -h.")
    [disk] = [each for each in plan(found, "restart", node="db2").blockers if each.name == "disk"]
    assert "make room first" in disk.remedy


def test_the_plan_names_the_file_system_of_the_data() -> None:
    found = fine()
    change_host(found, "db2", disk_percent=100.0)
    [disk] = [each for each in plan(found, "switchover", to="db2").blockers if each.name == "disk"]
    assert str(declared().database.instances["db2"].data_directory) in disk.remedy
