"""What runs set aside: which names are ours, how it is listed, and what the command that deletes refuses."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.actions.copying import copy_name
from ppsconsole.actions.databases_aside import why_no_database_aside
from ppsconsole.actions.drop_database import drop_command
from ppsconsole.actions.set_aside import delete_command, list_command, parse_list
from ppsconsole.cluster.set_aside import SetAside, kind_of, why_not_ours
from ppsconsole.errors import Blocked, UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.runbooks.barred import Barred
from tests.unit.runbook_cases import declared, fine, killed, plan
from tests.unit.test_restore_plan import with_dumps

DATA = "/srv/pg/data"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (DATA, "the data directory itself"),
        (f"{DATA}/", "the data directory itself"),
        (f"{DATA}/base", "no name that a run gives"),
        ("/srv/pg/other.before-1a2b", "no name that a run gives"),
        (".before-1a2b", "no name that a run gives"),
        (f"{DATA}.before-", "no name that a run gives"),
        (f"{DATA}.before-../../etc", "no name that a run gives"),
        (f"{DATA}.quarantine", "no name that a run gives"),
        (f"{DATA}.before-$(reboot)", "a character that no run writes"),
        (f"{DATA}.before-1a2b3c4d", ""),
        (f"{DATA}.clone-1a2b3c4d.part", ""),
        (f"{DATA}.lost-writes-1-0_3000060", ""),
    ],
)
def test_only_what_runs_name_so_may_be_deleted(path: str, words: str) -> None:
    found = why_not_ours(path, DATA)
    assert words in found
    assert bool(found) == bool(words)


def test_what_is_set_aside_is_told_in_a_line_and_as_json() -> None:
    found = SetAside("db1", "h1", f"{DATA}.before-1a2b", 3 << 30, 1000.0)
    told = "db1  h1:/srv/pg/data.before-1a2b  3.0GB  2h old  a data directory that a copy took the place of"
    assert found.said(1000.0 + 7200) == told
    assert found.as_json()["since"] == "1970-01-01T00:16:40Z"
    assert kind_of("/srv/pg/data") == ""
    assert kind_of("/srv/pg/data.log") == ""
    assert kind_of(f"{DATA}.clone-1a2b.part") == "a copy that was never whole"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pps", "the database in use"),
        ("postgres", "no name that a restore gives"),
        ("pps_before_", "no name that a restore gives"),
        ("pps_before_1a2b; DROP", "no name that a restore gives"),
        ("other_before_1a2b", "no name that a restore gives"),
        ("my_pps_before_1a2b", "no name that a restore gives"),
        ("pps_before_1a2b_half_7", "no name that a restore gives"),
        ("pps_half_7", "no name that a restore gives"),
        ("pps_before_1a2b3c4d", ""),
        ("pps_restore_1a2b3c4d", ""),
        ("pps_restore_1a2b3c4d_half_16384", ""),
    ],
)
def test_only_databases_that_a_restore_names_so_may_be_dropped(name: str, words: str) -> None:
    found = why_no_database_aside(name, "pps")
    assert words in found
    assert bool(found) == bool(words)


@pytest.mark.parametrize("length", [3, 25, 36, 45, 63])
def test_names_that_are_as_long_as_postgresql_takes_them_are_known_again(length: int) -> None:
    database = "p" * length
    before, restored = (copy_name(database, kind, "1a2b3c4d5e6f") for kind in ("before", "restore"))
    for name in (before, restored, f"{restored[:40]}_half_16384"):
        assert (why_no_database_aside(name, database), len(name) <= 63) == ("", True)
    assert "in use" in why_no_database_aside(database, database)


def test_a_database_is_dropped_on_a_primary_alone_and_once_it_is_named() -> None:
    inventory = with_dumps()
    name = copy_name(inventory.database.database, "before", "1a2b3c4d")
    path = f"database:{name}"
    assert SetAside("db1", "h1", path, 1 << 20, 0.0).said(60.0).startswith(f"db1  {path}  1.0MB")
    made = plan(fine(), "quarantine-delete", "db1", path=path, inventory=inventory)
    [step] = made.steps
    assert (step.verb, step.arguments, step.is_undoable, step.is_markable) == ("drop-set-aside", {"path": path}, False, False)
    assert step.gate is not None
    assert (step.gate.kind, f"Delete {path} on db1 for good?" in step.gate.question) == ("name", True)
    for found, node, asked, known, rule in (
        (fine(), "db2", path, inventory, "is-standby"),
        (killed(), "db1", path, inventory, "is-down"),
        (fine(), "db1", path, declared(), "no-login"),
        (fine(), "db1", f"database:{inventory.database.database}", inventory, "not-set-aside"),
    ):
        with pytest.raises(Barred) as refused:
            plan(found, "quarantine-delete", node, path=asked, inventory=known)
        assert refused.value.rule == rule
    assert "oid = 4711" in drop_command(inventory, "db1", name, 4711)
    with pytest.raises(Blocked, match="the database in use"):
        drop_command(inventory, "db1", inventory.database.database)


def at(tmp_path: Path) -> Inventory:
    inventory = declared()
    instance = replace(inventory.database.instances["db1"], data_directory=f"{tmp_path}/data")
    return replace(inventory, database=replace(inventory.database, instances={"db1": instance}))


def test_it_is_listed_by_the_host_and_deleted_there_and_nothing_else(tmp_path: Path) -> None:
    inventory, aside = at(tmp_path), tmp_path / "data.before-1a2b"
    for name in ("data", "data.before-1a2b", "data.other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "PG_VERSION").write_text("18\n")
    instance = inventory.database.instances["db1"]

    def sent(command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)

    [found] = parse_list(sent(list_command(instance)).stdout, instance, "h1")
    assert (found.path, found.size_bytes > 0, abs(found.since - aside.stat().st_ctime) < 2) == (str(aside), True, True)
    with pytest.raises(ValueError, match="did not come to its end"):
        parse_list("1 2 /x", instance, "h1")

    command = delete_command(inventory, "db1", str(aside))
    works_there = subprocess.Popen(["sleep", "600"], cwd=aside)
    try:
        refused = sent(command)
        assert (refused.returncode, f"processes work in it: {works_there.pid}" in refused.stderr) == (67, True)
    finally:
        works_there.kill()
        works_there.wait()
    assert [sent(command).returncode, sent(command).returncode] == [0, 0]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data", "data.other"]

    aside.symlink_to(tmp_path / "data")
    assert sent(command).returncode == 65
    with pytest.raises(Blocked, match="no name that a run gives"):
        delete_command(inventory, "db1", f"{tmp_path}/data.other")


def test_a_directory_that_another_server_works_in_is_not_deleted_under_any_name(tmp_path: Path) -> None:
    inventory, aside = at(tmp_path), tmp_path / "data.before-1a2b"
    aside.mkdir()
    mine = inventory.database.instances["db1"]
    other = replace(mine, name="db2", data_directory=f"{tmp_path}/./data.before-1a2b/")
    both = replace(inventory, database=replace(inventory.database, instances={"db1": mine, "db2": other}))
    refused = subprocess.run(
        ["/bin/sh", "-c", delete_command(both, "db1", str(aside))], capture_output=True, text=True, check=False
    )
    assert (refused.returncode, "a data directory in use" in refused.stderr, aside.exists()) == (66, True, True)


def test_a_plan_deletes_one_thing_that_is_named_and_typed() -> None:
    path = f"{declared().database.instances['db1'].data_directory}.before-1a2b"
    made = plan(fine(), "quarantine-delete", "db1", path=path)
    [step] = made.steps
    assert (step.verb, step.arguments, step.is_undoable, step.is_markable) == ("delete-set-aside", {"path": path}, False, False)
    assert step.gate is not None
    assert step.gate.kind == "name"
    assert [item.state for item in made.preflight] == ["ok"]
    [item] = plan(killed(), "quarantine-delete", "db1", path=path).preflight
    assert (item.state, item.is_blocking) == ("failing", False)
    for wrong, rule in (("", "no-path"), (path.partition(".before")[0], "not-set-aside")):
        with pytest.raises(Barred) as refused:
            plan(fine(), "quarantine-delete", "db1", path=wrong)
        assert refused.value.rule == rule
    with pytest.raises(UsageError, match="needs a NODE"):
        plan(fine(), "quarantine-delete", path=path)
