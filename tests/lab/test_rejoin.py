"""The way home, on a real lab: an old primary is rewound, followed or copied anew; consoles die in the middle of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ppsconsole.actions.registry import ACTIONS
from ppsconsole.plan.outcomes import EXIT_BLOCKED
from tests.lab.acting import acting, run, step
from tests.lab.conftest import Lab, running_lab, wait_for
from tests.lab.secrets_watched import nothing_told
from tests.lab.test_backup import arguments_of_all
from tests.lab.test_loss_truth import killed_with_writes_of_its_own, load_on, open_plan, reported, told, with_window

LIMIT_S = 180.0
IDLE = "SELECT slot_name FROM pg_replication_slots WHERE NOT active"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("rejoin")) as made:
        yield made


def ran(lab: Lab, *wanted: str, loss: str = "") -> None:
    """Run it to its end, planned again where the world moved in between."""

    def is_done() -> bool:
        more = ("--accept-loss", loss) if loss else ()
        done = told(lab, "run", *wanted, "--approve", open_plan(lab, *wanted)["hash"], *more)
        assert done.returncode in (0, 3, 8), done.stdout + done.stderr
        return done.returncode != 3

    wait_for(is_done, f"{wanted} is run", LIMIT_S)


def killed_when(lab: Lab, is_time: Callable[[], bool], *arguments: str) -> int:
    """Begin a command, and kill it when it is time; return what it ended with."""
    line = [sys.executable, "-m", "ppsconsole", "-i", str(lab.inventory), *arguments]
    env = {**os.environ, "XDG_STATE_HOME": str(lab.folder.parent / "state")}
    told_in = lab.folder.parent / "said"
    with told_in.open("wb") as said:
        process = subprocess.Popen(line, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: process.poll() is not None or is_time(), "the moment to kill it", LIMIT_S)
        finally:
            process.kill()
            process.wait(LIMIT_S)
    assert process.returncode in (0, EXIT_BLOCKED, -signal.SIGKILL), told_in.read_text()
    return process.returncode


def rejoined(lab: Lab, node: str, *moments: Callable[[], bool]) -> dict[str, Any]:
    """Rejoin `node` with a console that is killed at each of these moments, and gone on with; return the plan."""
    plans: list[dict[str, Any]] = []
    ended: list[int] = []

    def is_begun() -> bool:
        plans.append(open_plan(lab, "rejoin", node))
        ended.append(killed_when(lab, moments[0], "run", "rejoin", node, "--approve", plans[-1]["hash"]))
        return ended[-1] != EXIT_BLOCKED  # a busy machine left looks unanswered, so that the plan was another one

    wait_for(is_begun, f"the rejoin of {node} is begun", LIMIT_S)
    plan, line = plans[-1], ("runs", "resume", "--approve", plans[-1]["hash"])
    for is_time in moments[1:]:
        if ended[-1] != 0:
            ended.append(killed_when(lab, is_time, *line))
    if ended[-1] != 0:
        done = told(lab, *line)
        assert done.returncode == 0, done.stdout + done.stderr
    report = reported(lab)
    assert {step["phase"] for step in report["steps"]} == {"done"}, report["steps"]
    count = (report["lost_writes"] or {}).get("count")
    assert report["loss"]["said"] in ("none (proved)", f"none by this run; before it {count} transactions (counted)")
    return plan


def primaries(lab: Lab) -> list[str]:
    return [name for name in ("db1", "db2") if lab.sql("SELECT pg_is_in_recovery()", name) == [(False,)]]


def beside(lab: Lab, node: str, pattern: str) -> list[Path]:
    return sorted(lab.home(node).glob(pattern))


def verbs(plan: dict[str, Any]) -> list[str]:
    return [step["verb"] for step in plan["steps"]]


def test_what_wrote_alone_is_rewound_its_writes_are_listed_and_the_way_home_is_a_switchover(lab: Lab, tmp_path: Path) -> None:
    with load_on(lab, tmp_path / "load.json") as verification:
        killed_with_writes_of_its_own(lab)
        wal = lab.home("db1") / "data" / "pg_wal"
        wal.rename(wal.with_name("pg_wal.away"))
        plan = with_window(lab)
        done = told(lab, "run", "failover", "--to", "db2", "--approve", plan["hash"], "--accept-loss", "10m")
        assert done.returncode == 8, done.stdout + done.stderr
        wal.with_name("pg_wal.away").rename(wal)
    lab.heal("db2")
    assert verification["lost"]

    plan = rejoined(
        lab,
        "db1",
        lambda: bool(beside(lab, "db1", "data.rewinding") or beside(lab, "db1", "data.configuration-*/rewound")),
    )
    assert verbs(plan)[-3:] == ["rewind", "start-standby", "drop-stale-slots"]
    assert [step["verb"] for step in plan["steps"] if step["is_point_of_no_return"]] == ["rewind"]
    found = reported(lab)["lost_writes"]
    assert found["count"] >= len(verification["lost"])
    assert (Path(found["path"]) / "transactions.txt").read_text()
    assert "port" not in (lab.home("db1") / "data" / "postgresql.conf").read_text()
    assert not beside(lab, "db1", "data.quarantine")

    ran(lab, "switchover", "--to", "db1")
    assert (reported(lab)["loss"]["said"], primaries(lab)) == ("none (proved)", ["db1"])
    wait_for(lambda: lab.sql(IDLE, "db1") == [], "no stale slot on db1", LIMIT_S)
    assert lab.sql(IDLE, "db2") == []


def test_what_was_stopped_cleanly_follows(lab: Lab) -> None:
    lab.fault("stop", "db1")
    ran(lab, "failover", "--to", "db2", loss="10m")
    refused = told(lab, "plan", "rejoin", "db1", "--way", "rewind")
    assert (refused.returncode, "there is nothing to take back" in refused.stderr) == (3, True), refused.stderr
    started = lab.home("db1") / "log" / "db.log"
    before = started.stat().st_size
    plan = rejoined(lab, "db1", lambda: b"starting PostgreSQL" in started.read_bytes()[before:])
    assert verbs(plan)[-3:] == ["make-slot", "start-standby", "drop-stale-slots"]
    assert primaries(lab) == ["db2"]
    assert started.read_bytes()[before:].count(b"starting PostgreSQL") == 1, "it was started once"


def test_what_cannot_be_rewound_is_copied_anew_and_nothing_is_deleted(lab: Lab) -> None:
    lab.fault("kill", "db2")
    ran(lab, "failover", "--to", "db1", loss="10m")
    programs, data = lab.state["postgres"]["bin"], lab.home("db2") / "data"
    single = f"{programs}/postgres --single -D {data} -F template1 </dev/null >/dev/null"
    without = f"sed -i 's/^wal_log_hints = on/wal_log_hints = off/' {data}/postgresql.conf"
    done = lab.ssh("db2", f"{single} && {programs}/pg_checksums --disable -D {data} && {without} && {single}")[0]
    assert done.exit_status == 0, done.stderr
    for segment in data.glob("pg_wal/0000*"):
        segment.rename(lab.home("db2") / segment.name)  # its log is gone

    with arguments_of_all() as arguments:
        plan = rejoined(
            lab,
            "db2",
            lambda: bool(beside(lab, "db2", "data.clone-*.part")),
            lambda: bool(beside(lab, "db2", "data.before-*")),
        )
    state, run = lab.folder.parent / "state", reported(lab)["run"]
    nothing_told(lab, lambda *words: told(lab, *words).stdout, state, arguments, ("pg_basebackup",), run)
    assert "not possible: it has no data checksums" in " ".join(plan["tolerances"]["rewind"].split())
    assert [step["verb"] for step in plan["steps"] if step["is_point_of_no_return"]] == ["swap-in"]
    [before] = beside(lab, "db2", "data.before-*")
    assert (before / "PG_VERSION").exists()
    assert beside(lab, "db2", "data.clone-*.part") == []
    assert "wal_log_hints = off" in (data / "postgresql.conf").read_text(), "its own configuration is back"
    assert primaries(lab) == ["db1"]
    assert lab.sql(IDLE, "db2") == []
    again = told(lab, "plan", "rejoin", "db2")
    assert (again.returncode, "streams from db1 already" in again.stderr) == (3, True)


def test_a_standby_that_runs_is_pointed_at_the_primary_again_without_a_stop(lab: Lab) -> None:
    started = "SELECT pg_postmaster_start_time()"
    before = lab.sql(started, "db2")
    data = lab.home("db2") / "data"
    blank = f"sed -i \"s/^primary_conninfo.*/primary_conninfo = ''/\" {data}/postgresql.auto.conf"
    done = lab.ssh("db2", f"{blank} && kill -HUP $(head -n 1 {data}/postmaster.pid)")[0]
    assert done.exit_status == 0, done.stderr
    wait_for(lambda: lab.sql("SELECT count(*) FROM pg_stat_wal_receiver", "db2") == [(0,)], "it follows nobody", LIMIT_S)

    async def main() -> None:
        async with acting(lab) as doing:
            refused = await ACTIONS["repoint"].precheck(doing.bench, step("repoint", "db1", arguments={"source": "db2"}))
            assert (refused.state, "not what was planned for" in refused.words) == ("no", True)
            await doing.do("repoint", "db2", arguments={"source": "db1"}, timeout_s=LIMIT_S)

    run(main())
    assert lab.sql(started, "db2") == before


def test_what_was_set_aside_is_listed_and_deleted_once_it_is_named_twice(lab: Lab) -> None:
    found = json.loads(told(lab, "quarantine", "list", "--json").stdout)
    [before] = [each["path"] for each in found["set_aside"] if ".before-" in each["path"]]
    assert found["unseen"] == {}
    refused = told(lab, "quarantine", "delete", "db2", before)
    assert (refused.returncode, "--approve was not given" in refused.stderr) == (3, True), refused.stderr
    live = str(lab.home("db2") / "data")
    assert told(lab, "quarantine", "delete", "db2", live, "--approve", live).returncode == 3
    deleted: list[int] = []

    def is_deleted() -> bool:
        deleted.append(told(lab, "quarantine", "delete", "db2", before, "--approve", before).returncode)
        return deleted[-1] == 0

    wait_for(is_deleted, "it is deleted", LIMIT_S)
    assert not Path(before).exists()
    assert (lab.home("db2") / "data" / "PG_VERSION").exists()
