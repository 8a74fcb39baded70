"""The commands that move a cluster, on a real lab of their own: one story, each test going on from where the last one left it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import Lab, running_lab

LIMIT_S = 90.0


@dataclass
class Desk:
    """`ppsconsole -i INVENTORY ...` as somebody at one machine types it, without a terminal."""

    lab: Lab
    state: Path
    limit_s: float = LIMIT_S

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self._line(*arguments),
            env=self._env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.limit_s,
        )

    def killed_after(self, record: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command that is killed as soon as a record is durable; see `tests.lab.deadly`."""
        line = self._line(*arguments)
        line[1:3] = ["-m", "tests.lab.deadly", record]
        root = Path(__file__).resolve().parents[2]
        return subprocess.run(
            line, env=self._env(), cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=self.limit_s
        )

    @contextlib.contextmanager
    def begun(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        process = subprocess.Popen(
            self._line(*arguments),
            env=self._env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            assert process.stdout is not None
            process.stdout.close()
            process.wait(30)

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def hash(self, *arguments: str) -> str:
        plan = self.json("plan", *arguments)
        assert [item for item in plan["preflight"] if item["is_blocking"] and item["state"] == "failing"] == []
        return str(plan["hash"])

    def roles(self) -> dict[str, str]:
        return {node["name"]: node["role"] for node in self.json("status")["nodes"] if node["kind"] == "database"}

    def _line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "ppsconsole", "-i", str(self.lab.inventory), *arguments]

    def _env(self) -> dict[str, str]:
        return {**os.environ, "XDG_STATE_HOME": str(self.state)}


@pytest.fixture(scope="module")
def moving_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("moving")) as lab:
        yield lab


@pytest.fixture(scope="module")
def desk(moving_lab: Lab) -> Desk:
    return Desk(moving_lab, moving_lab.folder.parent / "anna")


@pytest.fixture(scope="module")
def other_machine(moving_lab: Lab) -> Desk:
    return Desk(moving_lab, moving_lab.folder.parent / "ben")


def read_until(process: "subprocess.Popen[str]", is_it: Callable[[str], bool]) -> list[str]:
    """Read lines until one fits; the process ends by itself, so this does."""
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if is_it(line):
            return lines
    raise AssertionError(f"ended before that: {''.join(lines)}")


@contextlib.contextmanager
def load(lab: Lab, report: Path) -> Iterator[None]:
    """Users at work; told to stop at the end, the generator reads everything back."""
    line = [sys.executable, "-m", "ppsconsole", "lab", "load", "--dir", str(lab.folder), "--report", str(report), "--rate", "30"]
    process = subprocess.Popen(line, env={**os.environ, **lab.env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
        assert process.returncode in (0, 1), said
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_a_plan_is_shown_and_what_is_not_answered_touches_nothing(desk: Desk) -> None:
    shown = desk("plan", "switchover", "--to", "db2")
    assert shown.returncode == 0, shown.stderr
    plan = desk.json("plan", "switchover")
    assert {"hash", "preflight", "steps", "loss", "tolerances"} <= set(plan)
    assert f"--approve {plan['hash']}" in shown.stdout
    assert all(step["title"] in " ".join(shown.stdout.split()) for step in plan["steps"])

    silent = desk("run", "switchover", "--to", "db2")
    assert silent.returncode == 3
    assert "--approve was not given" in silent.stderr
    assert plan["hash"] in silent.stderr
    other = desk("run", "switchover", "--to", "db2", "--approve", "0123456789abcdef")
    assert other.returncode == 3
    assert "nothing was touched" in other.stderr
    assert desk("run", "switch-over", "--to", "db2").returncode == 2
    assert desk("run", "restart", "db1").returncode == 3  # it runs: there is nothing to restart
    assert desk("runs", "list").stdout == "no run of lab yet\n"
    assert desk.roles() == {"db1": "primary", "db2": "standby"}


def test_a_switchover_loses_nothing_and_the_old_primary_follows(desk: Desk, tmp_path: Path) -> None:
    approved = desk.hash("switchover", "--to", "db2")
    with load(desk.lab, tmp_path / "load.json"):
        done = desk("run", "switchover", "--to", "db2", "--approve", approved)
    assert done.returncode == 0, done.stdout + done.stderr
    loaded = json.loads((tmp_path / "load.json").read_text())
    assert loaded["verification"]["lost"] == []
    assert desk.roles() == {"db1": "standby", "db2": "primary"}
    for said in ("proof db2 has everything", "finished: success (exit 0)", "loss      none (proved)", "Is db1 writable? NO"):
        assert said in done.stdout

    (listed,) = desk.json("runs", "list")
    assert (listed["verdict"], listed["is_lab"], listed["downtime"]["users"]["is_over"]) == ("success", True, True)
    assert 0 < listed["downtime"]["writes"]["length_s"] < listed["downtime"]["users"]["length_s"] < 60
    report = desk.json("runs", "report", listed["run"][:4])
    assert {step["phase"] for step in report["steps"]} == {"done"}
    assert {proof["kind"] for proof in report["proofs"]} == {"fence", "zero-loss"}
    assert f"run `{listed['run']}`" in desk("runs", "report", "--markdown").stdout

    stale = desk("run", "switchover", "--to", "db2", "--approve", approved)
    assert stale.returncode == 3
    assert "db2 is the primary already" in stale.stderr


def test_a_run_is_held_killed_and_gone_on_with_from_another_machine(desk: Desk, other_machine: Desk) -> None:
    approved = desk.hash("switchover", "--to", "db1")
    with desk.begun("run", "switchover", "--to", "db1", "--approve", approved) as first:
        read_until(first, lambda line: "done drain-lb1" in line)
        first.send_signal(signal.SIGSTOP)  # it must not run ahead while the other one starts
        second = other_machine("run", "switchover", "--to", "db1", "--approve", approved)
        assert (second.returncode, "holds the lease" in second.stderr) == (7, True), second.stdout + second.stderr
        first.send_signal(signal.SIGTERM)
        first.send_signal(signal.SIGCONT)
        left = first.communicate(timeout=LIMIT_S)[0]
    assert first.returncode == 5, left
    assert "held between two steps" in left
    assert "ppsconsole runs resume" in left

    (newest, _) = desk.json("runs", "list")
    assert (newest["state"], newest["is_open"]) == ("held", True)
    killed = desk.killed_after("step-finished stop-primary", "runs", "resume", newest["run"], "--approve", approved)
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr

    # Another journal: all that is known comes from the copies on the hosts, which may lack the last words, and never have more.
    copied = other_machine.json("runs", "show", newest["run"])
    phases = {step["id"]: step["phase"] for step in copied["steps"]}
    # A host is behind by one step at most when the next one acts: it knows that this one was begun, and all before it.
    known = list(phases)[: list(phases).index("disable-db2")]
    assert {phases[step] for step in known} == {"done"}
    assert phases["disable-db2"] in ("started", "done")
    assert phases["promote"] == "pending"
    done = other_machine("runs", "resume", "--reason", "the other console is gone")
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.roles() == {"db1": "primary", "db2": "standby"}
    events = other_machine.json("runs", "report")["events"]
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    stops = [event for event in events if event["kind"] == "step-finished" and event["step"] == "stop-primary"]
    assert len(stops) == 1
    assert desk.json("runs", "show", newest["run"])["verdict"] == "success"  # also where it was killed


def test_a_stopped_primary_is_started_where_it_is(desk: Desk) -> None:
    desk.lab.fault("stop", "db1")
    done = desk("run", "restart", "db1", "--approve", desk.hash("restart", "db1"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.roles() == {"db1": "primary", "db2": "standby"}


def test_a_killed_primary_is_failed_over_for_an_accepted_loss(desk: Desk) -> None:
    desk.lab.fault("kill", "db1")
    approved = desk.hash("failover", "--to", "db2")
    refused = desk("run", "failover", "--to", "db2", "--approve", approved)
    assert (refused.returncode, "--accept-loss" in refused.stderr) == (3, True)
    assert desk("run", "failover", "--accept-loss", "soon").returncode == 2
    done = desk("run", "failover", "--to", "db2", "--approve", approved, "--accept-loss", "10m", "--reason", "db1 crashed")
    assert done.returncode in (0, 8), done.stdout + done.stderr
    assert desk.roles()["db2"] == "primary"
    report = desk.json("runs", "report")
    # Its host is well: its log was read, what it had alone was brought over, and so nothing had to be accepted in the end.
    assert (report["loss"]["tier"], report["loss"]["said"], report["answers"].get("promote")) == ("exact", "none (proved)", None)
    fence, saved = report["proofs"]
    assert (fence["kind"], fence["instance"], fence["rung"]) == ("fence", "db1", "kept-down")
    assert (saved["kind"], saved["primary"], bool(saved["log_end_lsn"])) == ("zero-loss", "db1", True)
