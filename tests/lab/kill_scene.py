"""A real lab on which consoles are killed and others go on: what was done on its hosts is counted there."""

import fnmatch
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ppsconsole.engine.exits import NO_UNDO, NOTHING_UNDOABLE
from ppsconsole.engine.journal import RunRecord, open_journal
from ppsconsole.engine.state import state_of
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import EXIT_BLOCKED, RunVerdict
from tests.lab.conftest import Lab, wait_for
from tests.lab.kill_case import Case, Ended, Marks
from tests.lab.kill_nursery import Nursery

LIMIT_S = 300.0
STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
SIDE = {"db1": "1", "db2": "2"}
HELD_AT_MOST = 3
"""So often a console may leave a run open without having been killed: a machine at its limits lets looks go unanswered."""

_SIGNS = {
    "stopped": "received fast shutdown request",
    "promoted": "received promote request",
    "started": "starting PostgreSQL",
}
_OPEN = (EXIT_BLOCKED, RunVerdict.INCOMPLETE.exit_code, RunVerdict.UNKNOWN.exit_code)
_NO_COPY = ("no run begins with", "no host that answers has a record of it")
_FOLDERS = ("backup", "scratch")
ROLLED_BACK = RunVerdict.ROLLED_BACK.exit_code


@dataclass(frozen=True)
class Story:
    """One run that was killed and gone on with.

    Attributes:
        kills: At which records consoles were killed, in order.
        held: What consoles said that left it open without being killed.
        is_backed_out: It was put back, and not brought to its end.
        happened: What servers wrote down of themselves meanwhile.
        lost_from: No write that was acknowledged before may be lost, seconds since 1970 UTC; None: none at all may.
        dead_by: No write was acknowledged after it by the primary that was lost; None where none was.
        commits: How many commits were announced to be lost, where the log of the dead primary told; None where none did.
    """

    runbook: str
    run: str
    kills: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    is_backed_out: bool = False
    happened: dict[str, int] = field(default_factory=dict)
    lost_from: float | None = None
    dead_by: float | None = None
    commits: int | None = None


@dataclass
class KillScene:
    """A lab, and two consoles on it that share no state folder: as if they stood on two machines."""

    lab: Lab
    folder: Path
    nursery: Nursery | None = None  # what its consoles are forked off; None begins each anew
    stories: list[Story] = field(default_factory=list)
    bringing_s: float = 0.0  # what it took to bring the lab to the start of runs, and back behind them

    # --- consoles ---------------------------------------------------------------------------------------------

    def console(self, machine: str, *arguments: str, dies_after: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, or until it is killed at a record."""
        env = {**os.environ, "XDG_STATE_HOME": str(self.folder / machine)}
        told = ("-i", str(self.lab.inventory), *arguments)
        if self.nursery is not None:
            return self.nursery.run(told, env, dies_after=dies_after, limit_s=LIMIT_S)
        program = ["-m", "tests.lab.deadly", dies_after] if dies_after else ["-m", "ppsconsole"]
        line = [sys.executable, *program, *told]
        root = Path(__file__).resolve().parents[2]
        return subprocess.run(line, env=env, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)

    def latest(self, machine: str) -> RunRecord | None:
        """Return the latest run that the journal of one machine knows."""
        journal = open_journal(folder=self.folder / machine / "ppsconsole")
        try:
            return next(iter(journal.runs(limit=1)), None)
        finally:
            journal.close()

    def events(self, machine: str, run: str = "") -> tuple[RunEvent, ...]:
        """Return what the journal of one machine has of a run, or of the latest."""
        if not run:
            record = self.latest(machine)
            run = record.id if record is not None else ""
        journal = open_journal(folder=self.folder / machine / "ppsconsole")
        try:
            return journal.events(run)
        finally:
            journal.close()

    def aim(self) -> tuple[str, str]:
        """Return primary and standby, once the standby streams."""
        [old] = [name for name in SIDE if self.lab.sql("SELECT pg_is_in_recovery()", name) == [(False,)]]
        wait_for(lambda: self.lab.sql(STREAMING, old) == [(1,)], "the standby streams", LIMIT_S)
        return old, "db2" if old == "db1" else "db1"

    def planned(self, *words: str) -> dict[str, Any]:
        """Return a plan that nothing blocks: a busy machine leaves looks unanswered."""
        said: list[subprocess.CompletedProcess[str]] = []

        def is_open() -> bool:
            said.append(self.console("here", "plan", *words, "--json"))
            return said[-1].returncode == 0

        try:
            wait_for(is_open, f"a plan for {words} that is not blocked", LIMIT_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {said[-1].stdout}{said[-1].stderr}") from error
        plan: dict[str, Any] = json.loads(said[-1].stdout)
        return plan

    def ran(self, *words: str, answers: tuple[str, ...] = ()) -> dict[str, Any]:
        """Run something to its end that nobody kills, planned again where the world moved in between; return its plan."""
        limit = time.monotonic() + LIMIT_S
        while True:
            plan = self.planned(*words)
            done = self.console("here", "run", *words, "--approve", plan["hash"], *answers)
            if done.returncode in (0, 8):
                return plan
            assert done.returncode == EXIT_BLOCKED, done.stdout + done.stderr
            assert time.monotonic() < limit, done.stdout + done.stderr

    def played(self, case: Case, *kills: str, machines: tuple[str, ...] = ("here",), is_back: bool = False) -> Story:
        """Run `case`, kill its console at the first record of `kills`, the next one at the second, and so on to the end.

        Args:
            case: What is run.
            kills: Where consoles die, as `tests.lab.deadly` names it; none runs it through.
            machines: Whose consoles they are, in turns; where a copy does not know the run yet, the first takes it up again.
            is_back: Those after the first back out of it, where that may be; else they go on.

        Returns:
            The run, with those of `kills` that came: one whose moment was over before does not.
        """
        with self._bringing():
            case.set_up(self)
        before, things = self.marks(), self.things()
        points, came, held = [case.placed(each) for each in kills], list[str](), list[str]()
        answers: list[str] = []
        run, machine, number = "", "here", 0
        while True:
            armed = points.pop(0) if points else ""
            if run:
                machine, ended = self._gone_on(machines[number % len(machines)], run, answers, armed, is_back=is_back)
            else:
                run, answers, ended = self._begun(case, armed)
            number += 1
            if ended.returncode == -signal.SIGKILL:
                came.append(armed)
                continue
            points.clear()  # the moment was over before
            if ended.returncode in (0, ROLLED_BACK):
                break
            if is_back and ended.returncode == EXIT_BLOCKED and any(why in ended.stderr for why in (NO_UNDO, NOTHING_UNDOABLE)):
                is_back = False
                continue
            held.append(f"{ended.returncode}: {ended.stdout[-600:]}{ended.stderr}")
            is_open = ended.returncode in _OPEN and len(held) <= HELD_AT_MOST
            assert is_open, f"{case.name} {run}, killed at {came}, {'back' if is_back else 'on'}: {held}"
        is_backed_out = ended.returncode == ROLLED_BACK
        try:
            # One that was left open although nobody was killed is backed out of as well.
            assert is_backed_out == (is_back and bool(came or held)), ended.stdout + ended.stderr
            happened = self.check(case, run, machine, before, things, is_backed_out=is_backed_out)
        except AssertionError as error:
            raise AssertionError(f"{case.name} {run}, killed at {came}, {'back' if is_back else 'on'}: {error}") from error
        story = Story(case.name, run, tuple(came), tuple(held), is_backed_out, happened, **case.lost())
        self.stories.append(story)
        with self._bringing():
            case.put_back(self, is_backed_out=is_backed_out)
        return story

    @contextmanager
    def _bringing(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.bringing_s += time.monotonic() - began

    def _begun(self, case: Case, point: str) -> tuple[str, list[str], "subprocess.CompletedProcess[str]"]:
        """Plan and run; again where a machine at its limits let looks go unanswered, so that nothing was begun.

        Returns:
            The run, empty where the console died before there was one; what answers its gates; and how the console ended.
        """
        limit = time.monotonic() + LIMIT_S
        is_refused = False
        while True:
            known = self.latest("here")
            command, approve = case.begin(self, is_refused=is_refused)
            answers = ["--approve", approve, *case.answers]
            said = self.console("here", *command, *answers, dies_after=point)
            found = self.latest("here")
            if found is not None and (known is None or found.id != known.id):
                return found.id, ["--approve", found.plan.hash, *case.answers], said
            if said.returncode == -signal.SIGKILL:
                return "", answers, said
            assert said.returncode == EXIT_BLOCKED, said.stdout + said.stderr
            is_refused = True
            assert time.monotonic() < limit, said.stdout + said.stderr + self.console("here", "status").stdout

    def _gone_on(
        self, machine: str, run: str, answers: list[str], point: str, *, is_back: bool
    ) -> tuple[str, "subprocess.CompletedProcess[str]"]:
        word = "back-out" if is_back else "resume"
        ended = self.console(machine, "runs", word, run, *answers, dies_after=point)
        if ended.returncode == 2 and any(words in ended.stderr for words in _NO_COPY):
            acts = [each for each in self.events("here", run) if each.kind == "command-sent" and each.data.get("kind") != "look"]
            assert not acts, f"a copy comes before an act: {acts}"  # what is only looked at or stated needs none
            return "here", self.console("here", "runs", word, run, *answers, dies_after=point)
        return machine, ended

    # --- what was done ----------------------------------------------------------------------------------------

    def marks(self) -> Marks:
        """Count what programs on the hosts wrote down of themselves: reloads, stops, starts, promotions."""
        found: Marks = Counter()
        databases = {name: (name, name) for name in SIDE} | {f"pps{side}": (f"web{side}", "") for side in SIDE.values()}
        if "alt1" in self.lab.state["hosts"]:
            databases |= {"alt1": ("alt1", "alt1-db")}
        for name, (host, database) in databases.items():
            logs = self.lab.home(host) / "log"
            if database:
                log = (logs / "db.log").read_text()
                found |= Counter({(sign, database): log.count(words) for sign, words in _SIGNS.items()})
            if name not in SIDE and (logs / "standin.log").exists():
                log = (logs / "standin.log").read_text()
                found["stopped", name] = log.count("was told to stop")
                found["started", name] = log.count(" listens on ")
        found["reloaded", "lb1"] = (self.lab.home("lb1") / "log" / "error.log").read_text().count("signal process started")
        return found

    def things(self) -> frozenset[str]:
        """Return the names of what lies on the hosts, where runs put something: beside data directories, with the backups."""
        found = set()
        for host in self.lab.state["hosts"]:
            home = self.lab.home(host)
            for folder in (home, home / "etc", *(home / name for name in _FOLDERS)):
                if folder.is_dir():
                    found |= {f"{host}:{each.relative_to(home)}" for each in folder.iterdir()}
        # The records of runs, and the lab's own marks of what starts at boot, are looked at otherwise.
        return frozenset(each for each in found if not each.endswith((":.ppsconsole", ".enabled")))

    def timeline(self, primary: str) -> int:
        """Return the timeline that a primary writes on."""
        return int(
            self.lab.sql("SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int", primary)[0][0]
        )

    def check(
        self,
        case: Case,
        run: str,
        machine: str,
        before: Marks,
        things: frozenset[str] | None = None,
        *,
        is_backed_out: bool = False,
    ) -> dict[str, int]:
        """Hold the world behind a run against its records, and against what it may do; return what happened.

        Args:
            case: What was run; it was set up before.
            run: Its id.
            machine: Whose journal has the whole of it.
            before: What servers had written down when it was begun.
            things: What lay on the hosts then; None looks for nothing that was left.
            is_backed_out: It was put back.
        """
        events = self.events(machine, run)
        ended = Ended(run, machine, events, self.marks() - before, self.things() - (things or frozenset()))
        self._check_records(run, events, is_backed_out=is_backed_out)
        leaves = (*case.leaves, *(case.leaves_back if is_backed_out else ()))
        left = [name for name in sorted(ended.appeared) if not any(fnmatch.fnmatch(name, each) for each in leaves)]
        assert things is None or not left, f"left behind: {left}"
        if is_backed_out:
            case.check_back(self, ended)
            return case.told(ended.happened)
        wanted = case.wanted()
        assert wanted is None or ended.happened == wanted, f"{ended.happened} is not {wanted}"
        whole = next((each for each in self.stories if each.runbook == case.name and not each.is_backed_out), None)
        happened = case.told(ended.happened)
        is_same = whole is None or wanted is not None or case.is_alike(whole.happened, happened)
        assert is_same, f"{happened} is not {whole and whole.happened}"
        case.check(self, ended)
        return happened

    def _check_records(self, run: str, events: tuple[RunEvent, ...], *, is_backed_out: bool) -> None:
        """Every record is there once, each step was done once, and the lease was given back everywhere."""
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        assert events[-1].data["verdict"] == ("rolled-back" if is_backed_out else "success"), events[-1]
        done = Counter(e.step for e in events if e.kind == "step-finished" and e.data["outcome"] == "done")
        assert is_backed_out or set(done.values()) == {1}, done
        record = self._record("here", run)
        phases = {each.id: each.phase for each in state_of(record.plan, events).steps}
        for step in record.plan.steps:
            settled = ("done", "skipped")
            if is_backed_out:
                settled = ("undone", "pending", "skipped")
                if not step.is_undoable:  # what has no way back stays, however far it came, and the run says so
                    settled = (*settled, "done", "failed", "unknown")  # it is looked how far one came that nobody saw end
                    is_told = step.title in events[-1].words
                    assert is_told or not step.commands or phases[step.id] not in ("done", "failed", "unknown"), events[-1]
            assert phases[step.id] in settled or step.is_optional or not step.commands, (step.id, phases)
        for host in self.lab.state["hosts"]:
            held = [str(each) for each in (self.lab.home(host) / ".ppsconsole").glob("*/lease")]
            assert not held, f"the lease is held: {held}"

    def _record(self, machine: str, run: str) -> RunRecord:
        journal = open_journal(folder=self.folder / machine / "ppsconsole")
        try:
            return next(each for each in journal.runs(limit=20) if each.id == run)
        finally:
            journal.close()

    # --- the world ----------------------------------------------------------------------------------------------

    def superuser(self, host: str, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Ask the server on `host` as the programs there do: by the login that the inventory declares for dumps."""
        import psycopg

        passfile = (self.lab.home(host) / "etc" / "pgpass").read_text().splitlines()
        password = next(line.split(":", 4)[4] for line in passfile if line.split(":")[3] == "postgres")
        port = self.lab.state["hosts"][host]["ports"]["db"]
        with psycopg.connect(
            host=self.lab.address(host),
            port=port,
            user="postgres",
            password=password,
            dbname=database,
            autocommit=True,
            connect_timeout=60,
            application_name="witness",
        ) as connection:
            cursor = connection.execute(sql)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description is not None else []

    def cloned(self, lost: str, primary: str) -> None:
        """Make a lost primary a standby again: what a rejoin does, in two commands."""
        home, program = self.lab.home(lost), f"{self.lab.state['postgres']['bin']}/pg_basebackup"
        road, port = self.lab.road(f"{lost}>{primary}:db")
        source = f"host={road} port={port} user=replicator application_name={lost} passfile={home}/etc/pgpass connect_timeout=5"
        options = f"-D data -d '{source}' -R -S {lost} -X stream -c fast --no-sync -w"
        clone = f"rm -rf data data.quarantine && {program} {options}"
        slot_too = f"{{ {clone} -C 2>/dev/null || {{ {clone}; }}; }}"  # the slot may be there from an earlier round
        # The lab's server has to be down for it, and may be up where it is one that was fenced, or came back.
        done = self.lab.ssh(lost, "db-service stop", f"cd {home} && {slot_too} && db-service enable")[1]
        assert done.exit_status == 0, done.stderr
        self.lab.heal(lost)

    def is_primary(self, name: str) -> bool:
        """Return whether a server answers, and is one; while it starts it refuses."""
        import psycopg

        try:
            return self.lab.sql("SELECT pg_is_in_recovery()", name) == [(False,)]
        except psycopg.Error:
            return False

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait for a state."""
        wait_for(is_so, what, LIMIT_S)

    def check_lost(self, lost: list[dict[str, Any]]) -> None:
        """Hold the writes that a load missed at its end against what the failovers announced; switchovers lose none."""
        counts: Counter[str] = Counter()
        for each in sorted(lost, key=lambda each: float(each["acknowledged_at"])):
            at = float(each["acknowledged_at"])
            inside = [
                story
                for story in self.stories
                if story.dead_by
                and (story.lost_from or 0.0) <= at <= story.dead_by
                and (story.commits is None or counts[story.run] < story.commits)
            ]
            assert inside, f"lost, and no run announced it: {each}; {self.stories}"
            counts[inside[0].run] += 1
