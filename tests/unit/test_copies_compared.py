"""What may be called the same database: what was dumped, restored and is at its source now, by value and with a real shell."""

import asyncio
import json
import os
import shlex
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ppsconsole.actions import bundle_verify
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.bundle_scratch import ScratchServer
from ppsconsole.actions.bundle_verify import VerifyBundle
from ppsconsole.actions.compare_databases import CompareDatabases
from ppsconsole.actions.copying import copy_name, dump_folder
from ppsconsole.actions.table_sums import parse_sums
from ppsconsole.clock import HeldClock, SystemClock
from ppsconsole.cluster.bundles import Manifest
from ppsconsole.cluster.database_sums import DatabaseSums, TableSum
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import BadAnswer, RunError, Unreachable
from ppsconsole.inventory.dependencies import Backup, Scratch
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step
from tests.unit.runbook_cases import declared, plan
from tests.unit.test_restore_plan import failed_over, with_dumps

RUN = "1a2b3c4d"
SUMS = DatabaseSums(
    {f"public.{name}": TableSum(3, str(at)) for at, name in enumerate("abcdefg")},
    {"public.s": "7"},
    TableSum(1, "5"),
    {"citext": "1.6"},
    {"indexes": 4},
)


def counted(sums: DatabaseSums, end: str = '["end"]\n') -> str:
    """Return what psql says of a database that holds this."""
    rows: list[list[Any]] = [["table", name, each.rows, each.digest] for name, each in sums.tables.items()]
    rows += [["sequence", *each] for each in sums.sequences.items()]
    rows += [["large objects", sums.large_objects.rows, sums.large_objects.digest]]
    rows += [["extension", *each] for each in sums.extensions.items()] + [["objects", *each] for each in sums.objects.items()]
    return "".join(f"{json.dumps(each)}\n" for each in rows) + end


def without(name: str) -> DatabaseSums:
    return replace(SUMS, tables={each: held for each, held in SUMS.tables.items() if each != name})


# --- what was counted ------------------------------------------------------------------------------------------


def test_a_whole_count_is_read_and_one_that_is_cut_off_anywhere_is_none() -> None:
    lines = counted(SUMS).splitlines(keepends=True)
    assert parse_sums(CommandResult(0, "".join(lines), "", 0.0)) == SUMS
    assert parse_sums(CommandResult(0, " \n\n".join(lines), "a notice", 0.0)) == SUMS
    for most in range(len(lines)):
        with pytest.raises(BadAnswer, match="cut off"):
            parse_sums(CommandResult(0, "".join(lines[:most]), "", 0.0))


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (CommandResult(1, counted(SUMS), "permission denied for table a", 0.0), "was not counted: permission denied for table a"),
        (CommandResult(3, counted(SUMS), "", 0.0), "was not counted: status 3"),
        (CommandResult(0, '["table", "a"]\n["end"]\n', "", 0.0), "no count of a database"),
        (CommandResult(0, '["table", "a", "many", "7"]\n["end"]\n', "", 0.0), "no count of a database"),
        (CommandResult(0, '["large objects", 1, null]\n["end"]\n', "", 0.0), "no count of a database"),
        (CommandResult(0, "7\n", "", 0.0), "no count of a database"),
        (CommandResult(0, "Welcome\n" + counted(SUMS), "", 0.0), "no count of a database"),
    ],
)
def test_what_is_no_count_is_told(result: CommandResult, said: str) -> None:
    with pytest.raises(BadAnswer, match=said):
        parse_sums(result)


# --- a restored database ---------------------------------------------------------------------------------------


class Host:
    """Has the three counts beside a dump; keeps what was sent to it, and how that ends."""

    def __init__(self, dumped: str, restored: str, source: str, status: int = 0) -> None:
        self.files, self.status, self.sent = {"sums": dumped, "restored": restored, "source": source}, status, []

    async def look(self, host: str, command: str, **_: object) -> CommandResult:
        text = self.files[shlex.split(command)[-1].rpartition("/")[2]]
        return CommandResult(0, text, "", 0.0) if text else CommandResult(1, "", "cat: no such file", 0.0)

    async def act_detached(self, host: str, name: str, command: str, **options: object) -> CommandResult:
        self.sent.append((host, name, command, options["node"]))
        return CommandResult(self.status, "", "no room left" if self.status else "", 0.0)


def compared(host: Host, phase: str = "verify") -> Finding:
    inventory = with_dumps()
    made = plan(failed_over(), "restore", to="db1", inventory=inventory)
    bench = Workbench(inventory, made, RUN, SystemClock(), None, host, lambda words: None)  # type: ignore[arg-type]
    [dump] = [each for each in made.steps if each.verb == "dump-database"]
    bench.values[dump.id] = {"position": "4711", "bytes": 9000}
    [step] = [each for each in made.steps if each.verb == "compare-databases"]
    found: Finding = asyncio.run(getattr(CompareDatabases(), phase)(bench, step))
    return found


def test_it_is_the_same_only_where_all_three_are() -> None:
    found = compared(Host(*[counted(SUMS)] * 3))
    assert (found.state, dict(found.values)) == ("yes", {"tables": 7, "rows": 21, "bytes": 9000})
    assert found.words == "every table has the same rows on db1 as on db2: 7 tables, 21 rows, 1 large objects"


@pytest.mark.parametrize("name", ["dumped", "restored", "source"])
@pytest.mark.parametrize(
    ("text", "said"),
    [("", "cannot be read"), (counted(SUMS, ""), "cut off"), ("half\n", "no count of a database")],
    ids=["missing", "cut off", "no count"],
)
def test_none_of_the_three_may_be_missing_or_cut_off(name: str, text: str, said: str) -> None:
    found = compared(Host(**{"dumped": counted(SUMS), "restored": counted(SUMS), "source": counted(SUMS), name: text}))
    assert (found.state, found.words.startswith("not compared: "), said in found.words) == ("no", True, True), found.words


def test_a_source_that_was_written_to_since_is_told_as_that() -> None:
    found = compared(Host(counted(SUMS), counted(without("public.a")), counted(without("public.b"))))
    assert (found.state, dict(found.values)) == ("no", {})
    assert found.words == "db2 was written to since it was dumped: table public.b is missing now"


def test_what_was_restored_otherwise_is_told_and_so_is_how_much_more_there_is() -> None:
    found = compared(Host(counted(SUMS), counted(without("public.c")), counted(SUMS)))
    assert found.state == "no"
    assert found.words == "what was restored is not what was dumped: table public.c is missing restored on db1"
    found = compared(Host(counted(SUMS), counted(DatabaseSums({}, SUMS.sequences)), counted(SUMS)))
    assert "table public.e is missing restored on db1; and 5 more" in found.words
    assert "public.f" not in found.words
    assert len(found.values["differences"]) == 10
    five = replace(SUMS, tables=dict(list(SUMS.tables.items())[5:]))
    found = compared(Host(counted(SUMS), counted(five), counted(SUMS)))
    assert found.words.endswith("table public.e is missing restored on db1")


def test_the_act_is_bound_to_the_target_and_asks_by_the_position_of_the_dump() -> None:
    host = Host(*[counted(SUMS)] * 3)
    compared(host, "act")
    ((where, name, command, node),) = host.sent
    assert (where, name, node) == ("db1", "compare-databases", "db1")
    assert '[ "$x" = 4711 ]' in command
    with pytest.raises(RunError, match="not compared: no room left"):
        compared(Host("", "", "", status=1), "act")


PSQL = """#!/bin/sh
asked=$(cat)
for each do last=$each; case $each in *dbname=*) to=$each ;; esac; done
case $asked in *xmax*) name=position ;; *) case $to in *restore*) name=restored ;; *) name=source ;; esac ;; esac
echo "$name" >>"$0.asked"
cat "$0.$name" 2>/dev/null
"""


@pytest.mark.parametrize(
    ("says", "status", "kept", "asked"),
    [
        ({"restored": "R\n", "position": "4711\n"}, 0, {"restored": "R\n", "source": "as dumped\n"}, ["restored", "position"]),
        (
            {"restored": "R\n", "position": "4712\n", "source": "S\n"},
            0,
            {"restored": "R\n", "source": "S\n"},
            ["restored", "position", "source"],
        ),
        ({"position": "4711\n"}, 1, {}, ["restored"]),
        ({"restored": "R\n"}, 1, {"restored": "R\n"}, ["restored", "position"]),
        ({"restored": "R\n", "position": "4712\n"}, 1, {"restored": "R\n"}, ["restored", "position", "source"]),
    ],
    ids=["nobody wrote", "somebody may have", "copy not counted", "position not known", "source not counted"],
)
def test_a_count_that_failed_leaves_none_of_an_earlier_one(
    tmp_path: Path, says: dict[str, str], status: int, kept: dict[str, str], asked: list[str]
) -> None:
    psql, inventory = tmp_path / "psql", with_dumps()
    psql.write_text(PSQL)
    psql.chmod(0o700)
    for name, text in says.items():
        Path(f"{psql}.{name}").write_text(text)
    db1 = replace(inventory.database.instances["db1"], data_directory=str(tmp_path / "data"), bin_directory=str(tmp_path))
    inventory = replace(inventory, database=replace(inventory.database, instances={**inventory.database.instances, "db1": db1}))
    folder = Path(dump_folder(inventory, "db1", RUN))
    folder.mkdir()
    (folder / "sums").write_text("as dumped\n")
    for name in ("restored", "source"):
        (folder / name).write_text("of an earlier count\n")
    host = Host("", "", "")
    made = plan(failed_over(), "restore", to="db1", inventory=inventory)
    bench = Workbench(inventory, made, RUN, SystemClock(), None, host, lambda words: None)  # type: ignore[arg-type]
    [dump] = [each for each in made.steps if each.verb == "dump-database"]
    bench.values[dump.id] = {"position": "4711"}
    [step] = [each for each in made.steps if each.verb == "compare-databases"]
    asyncio.run(CompareDatabases().act(bench, step))
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["/bin/sh", "-c", host.sent[0][2]], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    assert {each.name: each.read_text() for each in folder.iterdir() if each.name in ("restored", "source")} == kept
    assert Path(f"{psql}.asked").read_text().split() == asked
    assert copy_name(inventory.database.database, "restore", RUN) in host.sent[0][2]


# --- a bundle --------------------------------------------------------------------------------------------------

VERSIONED = "pg_dump (PostgreSQL) 17.2"


class Scene:
    """A bundle that is restored without servers: what it holds, what comes out of it, and what of the copy stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, restored: CommandResult, *, version: str = "17.2") -> None:
        self.restored, self.version, self.is_gone, self.done = restored, version, True, []
        manifest = Manifest("pps", RUN, 1e9, "9", {"said": "7 tables"}, VERSIONED, "age1", lacks=("key of pps2",))
        keys = {"keys/pps1/pps.key": "pps1:/pps.key", "keys/pps1/b": "pps1:/b"}
        self.bundle = SimpleNamespace(name="pps-1", manifest=manifest, sums=SUMS, key_paths=keys)
        monkeypatch.setattr(bundle_verify, "_opened", self.opened)
        monkeypatch.setattr(bundle_verify, "scratch_server", self.server)
        monkeypatch.setattr(bundle_verify, "restore_bundle_into", self.into)
        place = Backup("vault", "/vault", host="db1", scratch=Scratch("db1", "/scratch"))
        self.inventory: Inventory = replace(declared(), backups={"vault": place})
        self.step = Step("verify-bundle", "Try it", "verify-bundle", "vault", "db1")
        tools = SimpleNamespace(ssh=SimpleNamespace(run=self.run))
        hosts = SimpleNamespace(look=self.look)
        made = plan(failed_over(), "restore", to="db1", inventory=with_dumps())
        self.bench = Workbench(self.inventory, made, RUN, HeldClock(), tools, hosts, self.done.append)  # type: ignore[arg-type]

    async def opened(self, bench: Workbench, step: object, name: str = "") -> Any:
        self.done.append(f"opened {name or 'the newest'}")
        return self.bundle

    @asynccontextmanager
    async def server(self, bench: Workbench, place: str) -> AsyncIterator[ScratchServer]:
        yield ScratchServer("db1", "/scratch/x", "")
        self.done.append("taken away")

    async def into(self, bench: Workbench, bundle: Any, target: Any) -> None:
        self.done.append(f"restored {bundle.name} owned by caller: {target.is_owned_by_caller}")

    async def run(self, host: Any, command: str, **_: object) -> CommandResult:
        self.done.append("made" if "CREATE DATABASE" in command else "counted")
        return CommandResult(0, "", "", 0.0) if "CREATE DATABASE" in command else self.restored

    async def look(self, host: str, command: str, **_: object) -> CommandResult:
        if "--version" in command:
            return CommandResult(0, f"x (PostgreSQL) {self.version}\n" if self.version else "", "not found", 0.0)
        return CommandResult(0 if self.is_gone else 1, "", "", 0.0)

    def go(self, phase: str) -> Any:
        """Do one phase of the step."""
        return asyncio.run(getattr(VerifyBundle(), phase)(self.bench, self.step))


def test_a_bundle_is_proved_by_what_came_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, CommandResult(0, counted(SUMS), "", 0.0))
    found = scene.go("precheck")
    assert (found.state, dict(found.values)) == ("yes", {"bundle": "pps-1", "lacks": ["key of pps2"]})
    assert found.words.endswith("is whole: 7 tables; NOT in it: key of pps2")
    scene.bench.note(scene.step, **found.values)
    scene.done.clear()
    scene.go("act")
    said = [each for each in scene.done if "without a network" not in each]
    assert said == ["opened pps-1", "made", "restored pps-1 owned by caller: True", "counted", "taken away"]
    found = scene.go("verify")
    assert found.state == "yes"
    assert "7 tables, 21 rows, 1 large objects, all counts and hashes equal; 2 key files decrypted" in found.words


@pytest.mark.parametrize(
    ("restored", "said"),
    [
        (counted(without("public.a")), "pps-1 restores to something else: table public.a is missing restored"),
        (counted(SUMS, ""), "cut off"),
        ("", "cut off"),
        (counted(DatabaseSums({}, SUMS.sequences)), "public.e is missing restored and 5 more"),
        (counted(replace(SUMS, tables=dict(list(SUMS.tables.items())[5:]))), "public.e is missing restored$"),
    ],
    ids=["a table is missing", "cut off", "empty", "nothing came out", "five are missing"],
)
def test_what_came_out_otherwise_or_was_not_counted_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, restored: str, said: str
) -> None:
    scene = Scene(monkeypatch, CommandResult(0, restored, "", 0.0))
    with pytest.raises((RunError, BadAnswer), match=said):
        scene.go("act")
    found = scene.go("verify")
    assert (found.state, found.words) == ("no", "the newest bundle was not compared; nothing of a copy is left")


def test_a_count_that_failed_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, CommandResult(1, counted(SUMS), "out of memory", 0.0))
    with pytest.raises(BadAnswer, match="out of memory"):
        scene.go("act")
    assert scene.go("verify").state == "no"


def test_a_copy_that_is_still_there_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, CommandResult(0, counted(SUMS), "", 0.0))
    scene.go("act")
    scene.is_gone = False
    assert scene.go("verify").state == "no"
    assert "is still there" in scene.go("verify").words
    assert (scene.go("verify_undone").state, "is still there" in scene.go("verify_undone").words) == ("no", True)
    scene.is_gone = True
    assert (scene.go("verify").state, scene.go("verify_undone").state) == ("yes", "yes")


def test_a_host_that_does_not_say_whether_it_is_gone_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, CommandResult(0, counted(SUMS), "", 0.0))
    scene.go("act")

    async def silent(host: str, command: str, **_: object) -> CommandResult:
        raise Unreachable("no route", where=host)

    monkeypatch.setattr(scene.bench, "hosts", SimpleNamespace(look=silent))
    with pytest.raises(Unreachable):
        scene.go("verify")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("17.0", ""),
        ("18.1", ""),
        ("16.9", "is of version 16, and pps-1 was dumped by version 17"),
        ("", "cannot be run: not found"),
    ],
)
def test_older_programs_are_refused_before_anything_is_done(monkeypatch: pytest.MonkeyPatch, version: str, said: str) -> None:
    found = Scene(monkeypatch, CommandResult(0, "", "", 0.0), version=version).go("precheck")
    assert (found.state, said in found.words) == ("no" if said else "yes", True), found.words
