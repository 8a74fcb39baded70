"""A lab on which faults happen in the middle of runs, under load: programs that stand still, lines that are cut, counts."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ppsconsole.plan.outcomes import EXIT_BLOCKED
from tests.lab.conftest import Lab, wait_for
from tests.lab.kill_scene import KillScene
from tests.lab.test_run_commands import load

LIMIT_S = 180.0


@dataclass(frozen=True)
class Spot:
    """A program on a host that stands still once, at a moment of its work, until it is let go.

    Attributes:
        host: Where it runs.
        program: Its path.
        real: What it was.
        is_time: Shell condition on its arguments: only then.
        before: Shell text that it does before it stands still.
        after: Shell text that it does then.
    """

    host: str
    program: Path
    real: Path
    is_time: str
    before: str
    after: str

    @property
    def met(self) -> Path:
        """There once it stands still."""
        return self.program.with_name(f".{self.program.name}.met")

    @property
    def go(self) -> Path:
        """Makes it go on."""
        return self.program.with_name(f".{self.program.name}.go")

    def lay(self) -> None:
        """Put the program in the place of the real one, or of one that stood still before."""
        for mark in (self.met, self.go):
            mark.unlink(missing_ok=True)
        text = (
            f"#!/bin/sh\nreal={self.real}\n"
            f'if [ -e {self.met} ] || ! {{ {self.is_time}; }}; then exec "$real" "$@"; fi\n'
            f"{self.before}\n: >{self.met}\nwhile [ ! -e {self.go} ]; do sleep 0.05; done\n{self.after}\n"
        )
        new = self.program.with_name(f".{self.program.name}.new")
        new.write_text(text)
        new.chmod(0o755)
        new.rename(self.program)


@dataclass
class Counts:
    """What a load was told and what it found again.

    Attributes:
        written: How many writes were acknowledged.
        lost: How many of them are not there.
    """

    written: int = 0
    lost: int = -1


class FaultScene:
    """One lab for all stories of a module; see `KillScene` for its consoles."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.consoles = KillScene(lab, folder / "consoles")
        self.real = Path(lab.state["postgres"]["bin"])
        document = yaml.safe_load(lab.inventory.read_text())
        for host in ("db1", "db2"):
            programs = self.programs(host)
            programs.mkdir()
            programs.chmod(0o777)  # the account of the hosts writes there too
            for each in self.real.iterdir():
                (programs / each.name).symlink_to(each)
            document["database"]["instances"][host]["bin_directory"] = str(programs)
        lab.inventory.write_text(yaml.safe_dump(document))

    def programs(self, host: str) -> Path:
        """Return where the console finds PostgreSQL's programs on a host: links, of which a test may replace one."""
        return self.lab.home(host) / "programs"

    def tool(self, host: str, name: str) -> Path:
        """Return a program of the host itself, moved to where a spot finds it."""
        found = self.lab.home(host) / "bin" / name
        aside = self.lab.home(host) / "bin" / "real"
        aside.mkdir(exist_ok=True)
        aside.chmod(0o755)
        if found.exists() and not (aside / name).exists():  # else a spot stands in its place since an earlier story
            found.rename(aside / name)
        return aside / name

    # --- consoles ---------------------------------------------------------------------------------------------

    def console(self, *arguments: str, dies_after: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, or until it is killed after a record."""
        return self.consoles.console("here", *arguments, dies_after=dies_after)

    def planned(self, *wanted: str) -> tuple[int, dict[str, Any]]:
        """Return how a plan ended, and the plan; empty where none could be made."""
        done = self.console("plan", *wanted, "--json")
        return done.returncode, json.loads(done.stdout) if done.stdout else {}

    def plan_that_says(self, item: str, words: str, *wanted: str) -> dict[str, Any]:
        """Plan until a preflight item fails with these words, and return that plan, whatever it allows."""
        plans: list[dict[str, Any]] = []

        def is_said() -> bool:
            plans.append(self.planned(*wanted)[1])
            failing = {each["name"]: each["words"] for each in plans[-1].get("preflight", ()) if each["state"] == "failing"}
            return words in failing.get(item, "")

        wait_for(is_said, f"{item} says {words}", LIMIT_S)
        return plans[-1]

    def approved(self, *wanted: str) -> tuple[str, str]:
        """Plan until nothing bars it, and return the flags that approve it."""
        plans: list[dict[str, Any]] = []

        def is_open() -> bool:
            code, plan = self.planned(*wanted)
            plans.append(plan)
            return code == 0

        try:
            wait_for(is_open, f"a plan for {wanted}", LIMIT_S)
        except AssertionError as error:
            failing = [item for item in plans[-1].get("preflight", ()) if item["state"] == "failing"]
            raise AssertionError(f"{error}: {failing or self.console('plan', *wanted).stderr}") from error
        return "--approve", str(plans[-1]["hash"])

    def begun(self, *wanted: str, answers: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
        """Plan and run; again where a machine at its limits left looks unanswered, so that nothing was begun."""
        limit = time.monotonic() + LIMIT_S
        while True:
            done = self.console("run", *wanted, *self.approved(*wanted), *answers)
            if done.returncode != EXIT_BLOCKED or time.monotonic() > limit:
                return done

    def resumed(self, run: str, *ends: int, answers: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
        """Go on with a run; again where it could not be taken up yet."""
        limit = time.monotonic() + LIMIT_S
        approve = ("--approve", json.loads(self.console("runs", "show", run, "--json").stdout)["plan"])
        while True:
            done = self.console("runs", "resume", run, *approve, *answers)
            if done.returncode != EXIT_BLOCKED or time.monotonic() > limit:
                assert done.returncode in ends, f"{done.returncode}: {done.stdout}{done.stderr}"
                return done

    def phases(self, run: str = "") -> dict[str, str]:
        """Return how each step of a run, or of the newest one, stands."""
        shown = self.console("runs", "show", *([run] if run else []), "--json")
        return {step["id"]: step["phase"] for step in json.loads(shown.stdout)["steps"]}

    def newest(self) -> dict[str, Any]:
        """Return the newest run, as it is listed."""
        found: dict[str, Any] = json.loads(self.console("runs", "list", "--json").stdout)[0]
        return found

    def advised(self, words: str) -> dict[str, Any]:
        """Return the advice that says so, as soon as `status` gives it."""
        told: list[dict[str, Any]] = []

        def is_told() -> bool:
            status = json.loads(self.console("status", "--json").stdout)
            told[:] = status["advice"]
            return any(words in each["headline"] for each in told)

        try:
            wait_for(is_told, f"status says {words}", LIMIT_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {told}") from error
        return next(each for each in told if words in each["headline"])

    def done_on_hosts(self, old: str, new: str) -> dict[str, int]:
        """Count in the logs of the hosts how often what a switchover does once was done."""
        told = {
            "stopped": (old, "db.log", "received fast shutdown request"),
            "promoted": (new, "db.log", "received promote request"),
            "web node stopped": (f"web{old[-1]}", "standin.log", "was told to stop"),
        }
        return {what: (self.lab.home(host) / "log" / log).read_text().count(words) for what, (host, log, words) in told.items()}

    # --- what is true -----------------------------------------------------------------------------------------

    def aim(self) -> tuple[str, str]:
        """Return primary and standby, once the standby streams."""
        return self.consoles.aim()

    def role(self, host: str) -> str:
        """Return what a database says of itself: `primary` or `standby`; `silent` where it says nothing."""
        import psycopg

        try:
            return "standby" if self.sql(host, "SELECT pg_is_in_recovery()") == [(True,)] else "primary"
        except psycopg.OperationalError:
            return "silent"

    def sql(self, host: str, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as superuser; return the rows of the last one."""
        from tests.lab.test_restore import asked

        rows: list[tuple[Any, ...]] = []
        for statement in statements:
            rows = asked(self.lab, host, statement)
        return rows

    @contextlib.contextmanager
    def counted(self, name: str) -> Iterator[Counts]:
        """Let users work; the counts are there, and printed, behind the block."""
        report, counts = self.folder / f"{len(list(self.folder.glob('*.json')))}.json", Counts()
        with load(self.lab, report):
            yield counts
        told = json.loads(report.read_text())["verification"]
        assert told is not None, "nobody could read it back"
        counts.written, counts.lost = told["checked"], len(told["lost"])
        print(f"{name}: {counts.written} writes acknowledged, {counts.lost} lost")

    def dropped_at(self, spots: Sequence[Spot], *wanted: str) -> "subprocess.CompletedProcess[str]":
        """Plan and run with a console whose connections drop when the program of each spot stands still: `tests.lab.dropping`."""
        for spot in spots:
            spot.lay()
        files = [f"{spot.met}:{spot.go}" for spot in spots]
        line = [sys.executable, "-m", "tests.lab.dropping", *files, "--", "-i", str(self.lab.inventory), "run", *wanted]
        env = {**os.environ, "XDG_STATE_HOME": str(self.folder / "consoles" / "here")}
        root, limit = Path(__file__).resolve().parents[2], time.monotonic() + LIMIT_S
        while True:
            words = [*line, *self.approved(*wanted)]
            done = subprocess.run(
                words, env=env, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S
            )
            if done.returncode != EXIT_BLOCKED or time.monotonic() > limit:
                return done

    def cut_at(self, *spots: Spot) -> contextlib.AbstractContextManager[None]:
        """Cut the line to each host as soon as its program stands still, then let that go on, then mend the line."""

        def cut(spot: Spot) -> None:
            bastion = f"bastion-{self.lab.state['hosts'][spot.host]['site']}"
            self.lab.fault("kill", bastion)
            spot.go.touch()
            self.lab.heal(bastion)

        return self.struck_at(cut, *spots)

    @contextlib.contextmanager
    def struck_at(self, strike: Callable[[Spot], None], *spots: Spot) -> Iterator[None]:
        """Strike as soon as the program of each spot stands still, one after the other, and let it go on behind that."""
        failed: list[BaseException] = []

        def wait_and_strike() -> None:
            try:
                for spot in spots:
                    wait_for(lambda spot=spot: spot.met.exists() or is_over.is_set(), f"{spot.program.name} is met", LIMIT_S)
                    if not spot.met.exists():
                        return
                    strike(spot)
                    spot.go.touch()
            except BaseException as error:
                failed.append(error)

        is_over = threading.Event()
        for spot in spots:
            spot.lay()
        thread = threading.Thread(target=wait_and_strike)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            for spot in spots:
                spot.go.touch()
            thread.join(LIMIT_S)
        assert not thread.is_alive()
        assert not failed, failed
        assert [spot.program.name for spot in spots if not spot.met.exists()] == []
