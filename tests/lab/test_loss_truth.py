"""What a failover says that is lost, beside what was lost: on a real lab, with writes that only the primary had, and without."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import Lab, wait_for, with_patience
from tests.lab.kill_nursery import shared_nursery

LIMIT_S = 180.0
FAILOVER = ("failover", "--to", "db2")


@pytest.fixture
def lab(started_lab: Lab) -> Lab:
    return with_patience(started_lab)


def told(lab: Lab, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "XDG_STATE_HOME": str(lab.folder.parent / "state")}
    return shared_nursery().run(("-i", str(lab.inventory), *arguments), env, limit_s=LIMIT_S)


def open_plan(lab: Lab, *wanted: str, is_right: Callable[[dict[str, Any]], bool] = lambda plan: True) -> dict[str, Any]:
    """Return the plan once nothing blocks it and it is right: a busy machine leaves looks unanswered."""
    told_last: list[str] = []
    plans: list[dict[str, Any]] = []

    def is_open() -> bool:
        done = told(lab, "plan", *wanted, "--json")
        told_last[:] = [done.stdout or done.stderr]
        plans.extend([json.loads(done.stdout)] if done.returncode == 0 else [])
        return done.returncode == 0 and is_right(plans[-1])

    try:
        wait_for(is_open, f"a plan for {wanted} that is open and right", LIMIT_S)
    except AssertionError as error:
        raise AssertionError(f"{error}: {told_last}") from error
    return plans[-1]


def with_exact_loss(lab: Lab) -> dict[str, Any]:
    """Return the plan once all see the primary dead and its log was read."""
    return open_plan(lab, *FAILOVER, is_right=lambda plan: plan["loss"]["tier"] == "exact")


def with_window(lab: Lab) -> dict[str, Any]:
    """Return the plan once all see the primary dead; reading its log was tried, and failed."""
    return open_plan(
        lab, *FAILOVER, is_right=lambda plan: plan["loss"]["tier"] == "bounded" and "not exact" in plan["loss"]["words"]
    )


def commits(lab: Lab, on: str) -> int:
    """Return the number of the last transaction that users committed on an instance."""
    return int(lab.sql("SELECT coalesce(max(xid::text::bigint), 0) FROM pg_last_committed_xact()", on)[0][0])


def write_on(lab: Lab, on: str, more: int = 5) -> None:
    """Wait until users have written so much more."""
    before = commits(lab, on)
    wait_for(lambda: commits(lab, on) >= before + more, f"{more} more commits on {on}", LIMIT_S)


def switch_segment(lab: Lab) -> None:
    """Leave db1 as an archive_timeout does: db2 has the whole of a segment, the next was not begun. A backup ends with that."""
    home, program = lab.home("db2"), f"{lab.state['postgres']['bin']}/pg_basebackup"
    road, port = lab.road("db2>db1:db")
    source = f"host={road} port={port} user=replicator"
    options = f"-D again -d '{source} passfile={home}/etc/pgpass connect_timeout=5' -X none -c fast --no-sync -w"
    done = lab.ssh("db2", f"cd {home} && {program} {options} && rm -rf again")[0]
    assert done.exit_status == 0, done.stderr


def test_a_crash_of_an_idle_primary_loses_exactly_nothing_whenever_it_was_last_looked_at(lab: Lab) -> None:
    switch_segment(lab)
    lab.fault("kill", "db1")
    plan = with_exact_loss(lab)
    assert (plan["loss"]["tier"], plan["loss"]["window_s"], plan["loss"]["transactions"]) == ("exact", 0.0, 0), plan["loss"]
    advised = told(lab, "status", "--json").stdout
    ways = [way for each in json.loads(advised)["advice"] for way in each["ways"] if way["runbook"] == "failover"]
    assert [way["loss"] for way in ways] == ["none (exact)"]
    assert ways[0]["downtime_s"] == plan["downtime_s"], "advice and plan rest on the same"
    done = told(lab, "run", "failover", "--to", "db2", "--approve", plan["hash"], "--accept-loss", "0")
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def load_on(lab: Lab, report: Path) -> Iterator[dict[str, Any]]:
    """Let users work until the end of the block, then read back what was acknowledged to them: it gives the result."""
    line = [sys.executable, "-m", "ppsconsole", "lab", "load", "--dir", str(lab.folder), "--rate", "20", "--report", str(report)]
    load = subprocess.Popen(line, env={**os.environ, **lab.env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    verification: dict[str, Any] = {}
    try:
        yield verification
    finally:
        load.send_signal(2)
        said, _ = load.communicate(timeout=LIMIT_S)
    told = json.loads(report.read_text())["verification"]
    assert told is not None, said
    verification.update(told)


def killed_with_writes_of_its_own(lab: Lab) -> None:
    """Hold the standby back while users write, and kill the primary."""
    write_on(lab, "db1")
    lab.fault("disconnect", "db2", "--link", "replication")
    write_on(lab, "db1")
    lab.fault("kill", "db1")


def reported(lab: Lab, run: str = "") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(lab, "runs", "report", *([run] if run else []), "--json").stdout)
    return found


def test_what_only_the_dead_primary_had_is_salvaged_also_by_the_console_after_one_that_was_killed(
    lab: Lab, tmp_path: Path
) -> None:
    with load_on(lab, tmp_path / "load.json") as verification:
        killed_with_writes_of_its_own(lab)
        plan = with_exact_loss(lab)
        loss = plan["loss"]
        assert (loss["transactions"] > 0, loss["bytes"] > 0, loss["is_salvage_ahead"]) == (True, True, True)
        answers = ["--approve", plan["hash"], "--accept-loss", "0"]
        line = [sys.executable, "-m", "tests.lab.deadly", "acted salvage#3", "-i", str(lab.inventory)]
        env = {**os.environ, "XDG_STATE_HOME": str(lab.folder.parent / "state")}
        root = Path(__file__).resolve().parents[2]
        died = subprocess.run(
            [*line, "run", "failover", "--to", "db2", *answers],
            env=env,
            cwd=root,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        assert died.returncode == -9, died.stdout + died.stderr
        done = told(lab, "runs", "resume", *answers[2:], *answers[:2])
        assert done.returncode == 0, done.stdout + done.stderr
    assert (verification["lost"], verification["checked"] > 0) == ([], True)
    report = reported(lab)
    assert report["loss"]["said"] == "none (proved)"
    [proof] = [each for each in report["proofs"] if each["kind"] == "zero-loss"]
    assert (proof["primary"], proof["standby"], bool(proof["log_end_lsn"])) == ("db1", "db2", True)
    assert report["lost_writes"]["count"] == 0
    assert [each["phase"] for each in report["steps"] if each["verb"] == "salvage"] == ["done"]


def test_what_cannot_be_salvaged_is_announced_and_listed_once_the_disk_can_be_read(lab: Lab, tmp_path: Path) -> None:
    with load_on(lab, tmp_path / "load.json") as verification:
        killed_with_writes_of_its_own(lab)
        wal = lab.home("db1") / "data" / "pg_wal"
        wal.rename(wal.with_name("pg_wal.away"))
        plan = with_window(lab)
        loss = plan["loss"]
        refused = told(lab, "run", "failover", "--to", "db2", "--approve", plan["hash"], "--accept-loss", "0")
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert "accepted was 0" in refused.stderr
        dead_at = time.time()
        done = told(lab, "run", "failover", "--to", "db2", "--approve", plan["hash"], "--accept-loss", "10m")
        assert done.returncode == 8, done.stdout + done.stderr
    lost = verification["lost"]
    assert lost
    assert all(plan["made_at"] - loss["window_s"] - 1.0 <= each["acknowledged_at"] <= dead_at for each in lost)
    wal.with_name("pg_wal.away").rename(wal)
    listing = open_plan(lab, "lost-writes", "db1")
    kept = told(lab, "run", "lost-writes", "db1", "--approve", listing["hash"])
    assert kept.returncode == 0, kept.stdout + kept.stderr
    found = reported(lab)["lost_writes"]
    assert found["count"] >= len(lost)
    assert len(found["transactions"]) == min(found["count"], 200)
    assert "public.credentials" in {name for each in found["transactions"] for name in each["relations"]}
    assert "transactions.txt" in {each.name for each in Path(found["path"]).iterdir()}
    text = told(lab, "runs", "report", "--markdown").stdout
    assert f"{found['count']} transaction" in text
    assert found["path"].rpartition("/")[2].partition("_")[0] in text.replace("\\", "")
