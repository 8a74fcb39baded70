"""A restore on a real lab, users at work before and behind it: refused, put back, killed in the middle and gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.lab.conftest import Lab, running_lab
from tests.lab.secrets_watched import nothing_told
from tests.lab.test_backup import arguments_of_all
from tests.lab.test_run_commands import Desk, load
from tests.lab.test_swap_database import WAITS

ROWS = 20_000
DEADLINE_S = 180.0
RESTORE = ("restore", "--to", "db1")


def until(is_so: Callable[[], object]) -> None:
    """Wait for a state: one look on a busy machine may not see a server that is well."""
    limit = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < limit, "waited too long"


def approved(desk: Desk, *words: str) -> str:
    """Return the hash of the plan, as soon as everything was seen that it takes."""
    limit = time.monotonic() + DEADLINE_S
    while True:
        done = desk("plan", *words, "--json")
        if done.returncode == 0:
            return str(json.loads(done.stdout)["hash"])
        assert time.monotonic() < limit, done.stdout + done.stderr


def ran(
    begin: Callable[[str], "subprocess.CompletedProcess[str]"], desk: Desk, *words: str
) -> "subprocess.CompletedProcess[str]":
    """Return how a run ended, which `begin` begins by the hash of its plan; one that was refused untouched is begun again."""
    limit = time.monotonic() + DEADLINE_S
    while True:
        done = begin(approved(desk, *words))
        if done.returncode != 3 or time.monotonic() > limit:
            return done


@pytest.fixture(scope="module")
def restored_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("restoring"), "--rows", str(ROWS)) as lab:
        yield lab


@pytest.fixture(scope="module")
def desk(restored_lab: Lab) -> Desk:
    """A desk of one who failed over from db1, whose server was killed, to db2."""
    desk = Desk(restored_lab, restored_lab.folder.parent / "anna", limit_s=300.0)
    restored_lab.fault("kill", "db1")
    words = ("failover", "--to", "db2")
    done = ran(lambda plan: desk("run", *words, "--approve", plan, "--accept-loss", "unlimited"), desk, *words)
    assert done.returncode in (0, 8), done.stdout + done.stderr
    return desk


def logged_in(lab: Lab, host: str, database: str = "postgres") -> "psycopg.Connection[tuple[Any, ...]]":
    """Log in to the server on `host` as the programs there do: by the login that the inventory declares for dumps."""
    address, port = lab.address(host), lab.state["hosts"][host]["ports"]["db"]
    passfile = lab.home(host) / "etc" / "pgpass"
    password = next(line.split(":", 4)[4] for line in passfile.read_text().splitlines() if line.split(":")[3] == "postgres")
    return psycopg.connect(
        host=address,
        port=port,
        user="postgres",
        password=password,
        dbname=database,
        autocommit=True,
        connect_timeout=30,
        application_name="somebody-else",
    )


def asked(lab: Lab, host: str, sql: str) -> list[tuple[Any, ...]]:
    with logged_in(lab, host) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description is not None else []


def is_primary(lab: Lab, host: str) -> bool:
    """Return whether the server takes writes, by its own word: a console may be too late for it on a busy machine."""
    return asked(lab, host, "SELECT pg_is_in_recovery()") == [(False,)]


def databases(lab: Lab, host: str) -> set[str]:
    return {str(row[0]) for row in asked(lab, host, "SELECT datname FROM pg_database WHERE datname LIKE 'pleasant%'")}


def newest(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = desk.json("runs", "list")[0]
    return found


def killed_while_it_dumps(desk: Desk) -> None:
    """Kill a console that has told how far its dump is."""
    limit = time.monotonic() + DEADLINE_S
    while True:
        with desk.begun("run", *RESTORE, "--approve", approved(desk, *RESTORE)) as console:
            assert console.stdout is not None
            for line in console.stdout:
                if "dumped " in line and "/s, about " in line:
                    assert " of about " in line
                    console.kill()
                    return
            assert console.wait() == 3, "it ended before that"  # refused, as nothing was touched
            assert time.monotonic() < limit


def killed_between_the_renames(desk: Desk, run: str, folder: Path) -> str:
    """Have a console go on with a run and kill it when it has renamed one database and not the other; return what it said.

    It falls asleep before that, so that a lock can be taken that its second rename waits for. What it had sent goes on without
    it as soon as the lock is free: the next console meets it at work, or done.
    """
    line = [sys.executable, "-m", "tests.lab.deadly", "asleep", "step-finished compare-databases"]
    line += ["-i", str(desk.lab.inventory), "runs", "resume", run]
    env = {**os.environ, "XDG_STATE_HOME": str(desk.state)}
    root, said = Path(__file__).resolve().parents[2], folder / "said"
    with said.open("wb") as told:
        console = subprocess.Popen(line, env=env, cwd=root, stdin=subprocess.DEVNULL, stdout=told, stderr=told)
        try:
            until(lambda: state_of(console) == "T")
            with logged_in(desk.lab, "db1") as holder, holder.transaction(force_rollback=True):
                holder.execute(f"COMMENT ON DATABASE pleasant_restore_{run} IS 'its lock is held'")  # type: ignore[arg-type]
                console.send_signal(signal.SIGCONT)
                until(lambda: state_of(console) and asked(desk.lab, "db1", WAITS) == [(1,)])
                console.kill()
                console.wait(DEADLINE_S)
                assert {"pleasant", f"pleasant_restore_{run}"} <= databases(desk.lab, "db1")
        finally:
            console.kill()
            console.wait(DEADLINE_S)
    return said.read_text()


def state_of(process: "subprocess.Popen[bytes]") -> str:
    """Return the letter that the system has for it: `T` for one that was stopped."""
    assert process.poll() is None, "it ended"
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_disk_without_room_is_told_before_anybody_is_kept_out(desk: Desk) -> None:
    full = desk.lab.home("db1") / "bin" / "df"
    full.write_text(
        "#!/bin/sh\necho 'Filesystem 1024-blocks Used Available Capacity Mounted on'\necho 'disk 100 90 10 90% /srv'\n"
    )
    full.chmod(0o755)
    try:
        done = ran(lambda plan: desk("run", *RESTORE, "--approve", plan), desk, *RESTORE)
    finally:
        full.unlink()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "db1 has 10kB left on /srv; dump, copy and their log take up to" in done.stdout
    assert newest(desk)["downtime"]["users"]["began_at"] is None
    assert is_primary(desk.lab, "db2")


def test_until_users_are_let_in_everything_is_put_back(desk: Desk) -> None:
    point = "step-finished swap-database"
    killed = ran(lambda plan: desk.killed_after(point, "run", *RESTORE, "--approve", plan), desk, *RESTORE)
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    run = newest(desk)["run"]
    assert {"pleasant", f"pleasant_before_{run}"} <= databases(desk.lab, "db1")
    back = desk("runs", "back-out", run)
    assert back.returncode == 4, back.stdout + back.stderr
    assert is_primary(desk.lab, "db2")
    until(lambda: {each["name"]: each["role"] for each in desk.json("status")["nodes"]}["pps2"] == "serving")
    writable = "SELECT setconfig FROM pg_db_role_setting"
    assert asked(desk.lab, "db2", writable) == []


def test_killed_in_the_middle_it_is_gone_on_with_and_nothing_is_lost(desk: Desk, tmp_path: Path) -> None:
    lab = desk.lab
    with load(lab, tmp_path / "load.json"), arguments_of_all() as arguments:
        lab.fault("slow", "db2", "--link", "replication", "--delay", "0", "--rate", "400000")
        killed_while_it_dumps(desk)
        lab.heal("db2")
        run = newest(desk)["run"]
        # As a host that was switched off in the middle of the restore would leave it.
        asked(lab, "db1", f'CREATE DATABASE "pleasant_restore_{run}"')
        told = killed_between_the_renames(desk, run, tmp_path)
        assert "a half-made copy is set aside as" in told
        assert "every table has the same rows on db1 as on db2: 5 tables, " in told
        done = desk("runs", "resume", run)
        assert done.returncode == 0, done.stdout + done.stderr
    assert is_primary(lab, "db1")
    kept = databases(lab, "db1")
    assert {"pleasant", f"pleasant_before_{run}"} <= kept
    assert any(name.startswith(f"pleasant_restore_{run}_half_") for name in kept)
    assert f"pleasant_restore_{run}" not in kept
    assert not list(lab.home("db1").glob(f"data.restore-{run}*"))
    report = desk.json("runs", "report", run)
    compared = next(
        event for event in report["events"] if event["kind"] == "step-finished" and event["step"] == "compare-databases"
    )
    assert compared["data"]["values"]["rows"] > ROWS
    outage = next(item for item in report["preflight"] if item["name"] == "outage")
    assert outage["state"] == "ok"
    assert outage["words"].startswith("the database of db2 has "), outage
    # By the run before this one, which was put back after it had copied everything.
    assert outage["words"].count("measured on") == 3, outage
    assert "were announced: " in desk("runs", "report", run, "--markdown").stdout
    users = newest(desk)["downtime"]["users"]
    assert (users["is_over"], users["length_s"] > 0) == (True, True)
    loaded = json.loads((tmp_path / "load.json").read_text())
    assert loaded["verification"]["lost"] == []
    nothing_told(lab, lambda *words: desk(*words).stdout, desk.state, arguments, ("pg_dump", "pg_restore", "psql"), run)


def databases_aside(desk: Desk) -> dict[str, str]:
    found = desk.json("quarantine", "list", "db1")
    assert found["unseen"] == {}
    return {each["path"]: each["kind"] for each in found["set_aside"] if each["path"].startswith("database:")}


def test_a_database_that_was_set_aside_is_dropped_by_name_once_nobody_is_in_it(desk: Desk) -> None:
    path = next(each for each, kind in databases_aside(desk).items() if "took the place of" in kind)
    words = ("quarantine", "delete", "db1")
    with logged_in(desk.lab, "db1", path.removeprefix("database:")):

        def is_refused() -> bool:
            refused = desk(*words, path, "--approve", path)
            assert refused.returncode != 0
            said = " ".join((refused.stdout + refused.stderr).split())
            return f"somebody is in {path.removeprefix('database:')}: postgres (somebody-else) from" in said

        until(is_refused)  # also for another reason, where a busy machine did not see the server
    assert path.removeprefix("database:") in databases(desk.lab, "db1")
    until(lambda: desk(*words, path, "--approve", path).returncode == 0)
    assert path not in databases_aside(desk)
    kept = databases(desk.lab, "db1")
    assert ("pleasant" in kept, path.removeprefix("database:") in kept) == (True, False)
