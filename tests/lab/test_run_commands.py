"""The commands that move a cluster, on a real lab of their own: one story, each test going on from where the last one left it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ppsconsole.plan.outcomes import EXIT_BLOCKED
from tests.lab.conftest import Lab, running_lab, wait_for, with_patience
from tests.lab.kill_nursery import shared_nursery

LIMIT_S = 180.0


@dataclass
class Desk:
    """`ppsconsole -i INVENTORY ...` as somebody at one machine types it, without a terminal.

    What is only waited for is forked off a process that has loaded it (see `tests.lab.kill_nursery`); `begun` begins the program.
    """

    lab: Lab
    state: Path
    limit_s: float = LIMIT_S

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return shared_nursery().run(("-i", str(self.lab.inventory), *arguments), self._env(), limit_s=self.limit_s)

    def killed_after(self, record: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command that is killed as soon as a record is durable; see `tests.lab.deadly`."""
        told = ("-i", str(self.lab.inventory), *arguments)
        return shared_nursery().run(told, self._env(), dies_after=record, limit_s=self.limit_s)

    @contextlib.contextmanager
    def begun(self, *arguments: str, asleep_at: str = "") -> Iterator["subprocess.Popen[str]"]:
        """Begin the program; with `asleep_at` it stops itself at a record, see `tests.lab.deadly`."""
        line = self._line(*arguments)
        if asleep_at:
            line[1:3] = ["-m", "tests.lab.deadly", "asleep", asleep_at]
        process = subprocess.Popen(
            line,
            env=self._env(),
            cwd=Path(__file__).resolve().parents[2],
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
            process.wait(LIMIT_S)

    @contextlib.contextmanager
    def run_to(self, record: str, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
        """Begin a run, and give it, with its plan's hash, when it sleeps (SIGSTOP) at a record; begun again as by `ran`.

        Whoever reads what it says, and acts on that, may be late: it has gone on by then.
        """
        limit = time.monotonic() + self.limit_s
        while True:
            approved = self.hash(*arguments)
            with self.begun("run", *arguments, "--approve", approved, asleep_at=record) as process:
                wait_for(lambda: process.poll() is not None or is_asleep(process.pid), f"it sleeps at {record}", self.limit_s)
                if process.returncode is None:
                    yield process, approved
                    return
                said = process.communicate()[0]
            assert process.returncode == EXIT_BLOCKED, f"{process.returncode} before that: {said}"
            assert time.monotonic() < limit, f"refused to the end: {said}"

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def hash(self, *arguments: str) -> str:
        """Return the hash of the plan, once nothing blocks it: a busy machine leaves looks unanswered."""
        said: list[subprocess.CompletedProcess[str]] = []

        def is_open() -> bool:
            said.append(self("plan", *arguments, "--json"))
            return said[-1].returncode == 0

        try:
            wait_for(is_open, f"a plan for {arguments} that nothing blocks", self.limit_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {said[-1].stdout}{said[-1].stderr}") from error
        return str(json.loads(said[-1].stdout)["hash"])

    def ran(self, *arguments: str, flags: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
        """Run what was planned; planned again where the world looked otherwise a moment later, so that nothing was touched."""
        limit = time.monotonic() + self.limit_s
        while True:
            done = self("run", *arguments, "--approve", self.hash(*arguments), *flags)
            if done.returncode != EXIT_BLOCKED or time.monotonic() > limit:
                return done

    def sees(self, **roles: str) -> None:
        """Wait until these are the roles of the databases: a busy machine leaves looks unanswered."""
        seen: list[dict[str, str]] = []

        def is_so() -> bool:
            seen.append(self.roles())
            return seen[-1] == roles

        try:
            wait_for(is_so, f"the roles {roles}", self.limit_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen[-1]}") from error

    def roles(self) -> dict[str, str]:
        return {node["name"]: node["role"] for node in self.json("status")["nodes"] if node["kind"] == "database"}

    def _line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "ppsconsole", "-i", str(self.lab.inventory), *arguments]

    def _env(self) -> dict[str, str]:
        return {**os.environ, "XDG_STATE_HOME": str(self.state)}


@pytest.fixture(scope="module")
def moving_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("moving")) as lab:
        yield with_patience(lab)


@pytest.fixture(scope="module")
def desk(moving_lab: Lab) -> Desk:
    return Desk(moving_lab, moving_lab.folder.parent / "anna")


@pytest.fixture(scope="module")
def other_machine(moving_lab: Lab) -> Desk:
    return Desk(moving_lab, moving_lab.folder.parent / "ben")


def is_asleep(process: int) -> bool:
    """Return whether a child of this process was stopped."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"


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
        said, _ = process.communicate(timeout=LIMIT_S)
        assert process.returncode in (0, 1), said
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_a_plan_is_shown_and_what_is_not_answered_touches_nothing(desk: Desk) -> None:
    desk.hash("switchover", "--to", "db2")  # there is nothing that bars it
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
    desk.sees(db1="primary", db2="standby")


def test_a_switchover_loses_nothing_and_the_old_primary_follows(desk: Desk, tmp_path: Path) -> None:
    began = time.monotonic()
    with load(desk.lab, tmp_path / "load.json"):
        done = desk.ran("switchover", "--to", "db2")
    assert done.returncode == 0, done.stdout + done.stderr
    took_s = time.monotonic() - began
    loaded = json.loads((tmp_path / "load.json").read_text())
    assert loaded["verification"]["lost"] == []
    desk.sees(db1="standby", db2="primary")
    for said in ("proof db2 has everything", "finished: success (exit 0)", "loss      none (proved)", "Is db1 writable? NO"):
        assert said in done.stdout

    (listed,) = desk.json("runs", "list")
    assert (listed["verdict"], listed["is_lab"], listed["downtime"]["users"]["is_over"]) == ("success", True, True)
    assert 0 < listed["downtime"]["writes"]["length_s"] < listed["downtime"]["users"]["length_s"] < took_s
    report = desk.json("runs", "report", listed["run"][:4])
    assert {step["phase"] for step in report["steps"]} == {"done"}
    assert {proof["kind"] for proof in report["proofs"]} == {"fence", "zero-loss"}
    assert f"run `{listed['run']}`" in desk("runs", "report", "--markdown").stdout

    stale = desk("run", "switchover", "--to", "db2", "--approve", report["plan"])
    assert stale.returncode == 3
    assert "db2 is the primary already" in stale.stderr


def test_a_run_is_held_killed_and_gone_on_with_from_another_machine(desk: Desk, other_machine: Desk) -> None:
    with desk.run_to("step-finished drain-lb1", "switchover", "--to", "db1") as (first, approved):
        refused: list[subprocess.CompletedProcess[str]] = []

        def is_leased() -> bool:
            refused.append(other_machine("run", "switchover", "--to", "db1", "--approve", approved))
            assert refused[-1].returncode in (EXIT_BLOCKED, 7), refused[-1].stdout + refused[-1].stderr
            return refused[-1].returncode == 7  # a look that went unanswered makes it another plan

        wait_for(is_leased, "it is refused for the lease", LIMIT_S)
        assert "holds the lease" in refused[-1].stderr
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
    desk.sees(db1="primary", db2="standby")
    events = other_machine.json("runs", "report")["events"]
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    stops = [event for event in events if event["kind"] == "step-finished" and event["step"] == "stop-primary"]
    assert len(stops) == 1
    assert desk.json("runs", "show", newest["run"])["verdict"] == "success"  # also where it was killed


def test_a_stopped_primary_is_started_where_it_is(desk: Desk) -> None:
    desk.lab.fault("stop", "db1")
    done = desk.ran("restart", "db1")
    assert done.returncode == 0, done.stdout + done.stderr
    desk.sees(db1="primary", db2="standby")


def test_a_killed_primary_is_failed_over_for_an_accepted_loss(desk: Desk) -> None:
    desk.lab.fault("kill", "db1")
    approved = desk.hash("failover", "--to", "db2")
    refused = desk("run", "failover", "--to", "db2", "--approve", approved)
    assert (refused.returncode, "--accept-loss" in refused.stderr) == (3, True)
    assert desk("run", "failover", "--accept-loss", "soon").returncode == 2
    done = desk.ran("failover", "--to", "db2", flags=("--accept-loss", "10m", "--reason", "db1 crashed"))
    assert done.returncode in (0, 8), done.stdout + done.stderr
    wait_for(lambda: desk.roles()["db2"] == "primary", "db2 is seen as primary", LIMIT_S)
    report = desk.json("runs", "report")
    # Its host is well: its log was read, what it had alone was brought over, and so nothing had to be accepted in the end.
    assert (report["loss"]["tier"], report["loss"]["said"], report["answers"].get("promote")) == ("exact", "none (proved)", None)
    fence, saved = report["proofs"]
    assert (fence["kind"], fence["instance"], fence["rung"]) == ("fence", "db1", "kept-down")
    assert (saved["kind"], saved["primary"], bool(saved["log_end_lsn"])) == ("zero-loss", "db1", True)
