"""What a failover says that is lost, beside what was lost: on a real lab, with writes that only the primary had, and without."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import Lab, wait_for

LIMIT_S = 120.0


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "cluster", {"XDG_STATE_HOME": str(tmp_path / "lab-state")})
    done = made.up()
    assert done.returncode == 0, done.stderr
    yield made
    assert made.down().returncode == 0


def told(lab: Lab, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "XDG_STATE_HOME": str(lab.folder.parent / "state")}
    line = [sys.executable, "-m", "ppsconsole", "-i", str(lab.inventory), *arguments]
    return subprocess.run(line, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)


def planned(lab: Lab) -> dict[str, Any]:
    done = told(lab, "plan", "failover", "--to", "db2", "--json")
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def settled(lab: Lab) -> dict[str, Any]:
    """Return the plan once all see the primary dead and its log was read: a busy machine leaves looks unanswered."""
    plans: list[dict[str, Any]] = []

    def is_settled() -> bool:
        plans.append(planned(lab))
        blocked = [item for item in plans[-1]["preflight"] if item["state"] == "failing" and item["is_blocking"]]
        return not blocked and plans[-1]["loss"]["tier"] == "exact"

    try:
        wait_for(is_settled, "a plan that is not blocked, with an exact loss", LIMIT_S)
    except AssertionError as error:
        raise AssertionError(f"{error}: {plans[-1]['loss']} {plans[-1]['preflight']}") from error
    return plans[-1]


def position(lab: Lab) -> str:
    """Return how far the log of db1 goes."""
    nodes = json.loads(told(lab, "status", "--json").stdout)["nodes"]
    return str(next(node for node in nodes if node["name"] == "db1")["facts"]["lsn"]["value"])


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
    plan = settled(lab)
    assert (plan["loss"]["tier"], plan["loss"]["window_s"], plan["loss"]["transactions"]) == ("exact", 0.0, 0), plan["loss"]
    advised = told(lab, "status", "--json").stdout
    ways = [way for each in json.loads(advised)["advice"] for way in each["ways"] if way["runbook"] == "failover"]
    assert [way["loss"] for way in ways] == ["nothing (exact)"]
    assert ways[0]["downtime_s"] == plan["downtime_s"], "advice and plan rest on the same"
    done = told(lab, "run", "failover", "--to", "db2", "--approve", plan["hash"], "--accept-loss", "0")
    assert done.returncode == 0, done.stdout + done.stderr


def test_writes_that_only_the_dead_primary_had_are_counted_and_are_those_that_are_lost(lab: Lab, tmp_path: Path) -> None:
    report = tmp_path / "load.json"
    line = [sys.executable, "-m", "ppsconsole", "lab", "load", "--dir", str(lab.folder), "--rate", "20", "--report", str(report)]
    load = subprocess.Popen(line, env={**os.environ, **lab.env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        before = position(lab)
        wait_for(lambda: position(lab) != before, "the first writes", LIMIT_S)
        lab.fault("disconnect", "db2", "--link", "replication")
        at_cut = position(lab)
        wait_for(lambda: position(lab) != at_cut, "writes that only db1 has", LIMIT_S)
        lab.fault("kill", "db1")
        loss = (plan := settled(lab))["loss"]
        assert (loss["tier"], loss["transactions"] > 0, loss["bytes"] > 0) == ("exact", True, True)
        refused = told(lab, "run", "failover", "--to", "db2", "--approve", plan["hash"], "--accept-loss", "0")
        assert refused.returncode == 3
        assert f"the loss is {loss['transactions']} transaction" in refused.stderr
        window = f"{loss['window_s'] + 0.001:.3f}s"
        done = told(lab, "run", "failover", "--to", "db2", "--approve", settled(lab)["hash"], "--accept-loss", window)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        load.send_signal(2)
        said, _ = load.communicate(timeout=LIMIT_S)
    lost = json.loads(report.read_text())["verification"]["lost"]
    assert lost, said
    assert len(lost) <= loss["transactions"]
    first, last = lost[0]["acknowledged_at"], lost[-1]["acknowledged_at"]
    assert last - first <= loss["window_s"] + 1.0  # acknowledged through web node and front, a little after the commit
