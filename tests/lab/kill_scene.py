"""A real lab on which consoles are killed and others go on: what was done on its hosts is counted there."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ppsconsole.engine.journal import open_journal
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import EXIT_BLOCKED
from tests.lab.conftest import Lab, wait_for

LIMIT_S = 180.0
STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
SIDE = {"db1": "1", "db2": "2"}

_SIGNS = {
    "stopped": "received fast shutdown request",
    "promoted": "received promote request",
    "started": "starting PostgreSQL",
}


@dataclass(frozen=True)
class Story:
    """One run that was killed and gone on with.

    Attributes:
        kills: After which records consoles were killed, in order.
        lost_from: No write that was acknowledged before may be lost, seconds since 1970 UTC; None: none at all may.
        dead_by: No write was acknowledged after it by the primary that was lost; None where none was.
        commits: How many commits were announced to be lost, where the log of the dead primary told; None where none did.
    """

    runbook: str
    run: str
    kills: tuple[str, ...]
    lost_from: float | None = None
    dead_by: float | None = None
    commits: int | None = None


@dataclass
class KillScene:
    """A lab, and two consoles on it that share no state folder: as if they stood on two machines."""

    lab: Lab
    folder: Path
    stories: list[Story] = field(default_factory=list)

    # --- consoles ---------------------------------------------------------------------------------------------

    def console(self, machine: str, *arguments: str, dies_after: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, or until it is killed after a record."""
        program = ["-m", "tests.lab.deadly", dies_after] if dies_after else ["-m", "ppsconsole"]
        line = [sys.executable, *program, "-i", str(self.lab.inventory), *arguments]
        env = {**os.environ, "XDG_STATE_HOME": str(self.folder / machine)}
        root = Path(__file__).resolve().parents[2]
        return subprocess.run(line, env=env, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)

    def events(self, machine: str, run: str = "") -> tuple[RunEvent, ...]:
        """Return what the journal of one machine has of a run, or of the latest."""
        journal = open_journal(folder=self.folder / machine / "ppsconsole")
        try:
            found = run or next((each.id for each in journal.runs(limit=1)), "")
            return journal.events(found)
        finally:
            journal.close()

    def aim(self) -> tuple[str, str]:
        """Return primary and standby, once the standby streams."""
        [old] = [name for name in SIDE if self.lab.sql("SELECT pg_is_in_recovery()", name) == [(False,)]]
        wait_for(lambda: self.lab.sql(STREAMING, old) == [(1,)], "the standby streams", 60)
        return old, "db2" if old == "db1" else "db1"

    def played(self, runbook: str, *kills: str, machines: tuple[str, ...] = ("here",)) -> Story:
        """Run `runbook`, kill its console after the first record of `kills`, the next one after the second, and so on to the end.

        Args:
            runbook: `switchover` or `failover`.
            kills: Where consoles die, as `tests.lab.deadly` names it; none runs it through.
            machines: Whose consoles they are, in turns; where a copy does not know the run yet, the first takes it up again.

        Returns:
            The run, with those of `kills` that came: one whose moment was over before does not.
        """
        old, new = self.aim()
        before, timeline, dead_by = self.marks(), self.timeline(old), None
        if runbook == "failover":
            self.console("here", "status")  # what was seen just before bounds the loss
            self.lab.fault("kill", old)
            dead_by = time.time()
        plan, answers, ended = self._begun(runbook, new, (*kills, "")[0])
        run, machine, came = self.events("here")[0].run, "here", list(kills[:1])
        for number, point in enumerate((*kills[1:], ""), 1):
            if ended.returncode != -signal.SIGKILL:
                came = came[:-1]
                break
            came.append(point)
            machine, ended = self._resumed(machines[number % len(machines)], run, answers, point)
        assert ended.returncode == 0, f"{kills} {came}: {ended.stdout}{ended.stderr}"
        self._check(runbook, old, new, run, machine, before, timeline)
        self.mend(runbook, old, new)
        loss = plan["loss"]
        commits = loss["transactions"] if loss["tier"] == "exact" else None
        # An exact loss is told by its commits: its window is how far they lie apart, not how long ago they were.
        window_s = 1e9 if commits is not None or loss["window_s"] is None else loss["window_s"]
        lost_from = None if dead_by is None else plan["made_at"] - window_s
        self.stories.append(Story(runbook, run, tuple(filter(None, came)), lost_from, dead_by, commits))
        return self.stories[-1]

    def _begun(self, runbook: str, new: str, point: str) -> tuple[dict[str, Any], list[str], "subprocess.CompletedProcess[str]"]:
        """Plan and run; again where a machine at its limits let looks go unanswered, so that nothing was begun."""
        limit = time.monotonic() + LIMIT_S
        while True:
            said = self.console("here", "plan", runbook, "--to", new, "--json")
            if said.returncode == 0:
                plan: dict[str, Any] = json.loads(said.stdout)
                answers = ["--approve", plan["hash"], *(["--accept-loss", "10m"] if runbook == "failover" else [])]
                said = self.console("here", "run", runbook, "--to", new, *answers, dies_after=point)
                if said.returncode != EXIT_BLOCKED:
                    return plan, answers, said
            assert time.monotonic() < limit, said.stdout + said.stderr + self.console("here", "status").stdout

    def _resumed(self, machine: str, run: str, answers: list[str], point: str) -> tuple[str, "subprocess.CompletedProcess[str]"]:
        ended = self.console(machine, "runs", "resume", run, *answers, dies_after=point)
        if ended.returncode == 2 and "no run begins with" in ended.stderr:
            assert not any(event.kind == "step-started" for event in self.events("here", run)[:-1]), "a copy comes before an act"
            return "here", self.console("here", "runs", "resume", run, *answers, dies_after=point)
        return machine, ended

    # --- what was done ----------------------------------------------------------------------------------------

    def marks(self) -> Counter[tuple[str, str]]:
        """Count what programs on the hosts wrote down of themselves: reloads, stops, starts, promotions."""
        found: Counter[tuple[str, str]] = Counter()
        for name, side in SIDE.items():
            log = (self.lab.home(name) / "log" / "db.log").read_text()
            found |= Counter({(sign, name): log.count(words) for sign, words in _SIGNS.items()})
            log = (self.lab.home(f"web{side}") / "log" / "standin.log").read_text()
            found["stopped", f"pps{side}"] = log.count("was told to stop")
            found["started", f"pps{side}"] = log.count(" listens on ")
        found["reloaded", "lb1"] = (self.lab.home("lb1") / "log" / "error.log").read_text().count("signal process started")
        return found

    def timeline(self, primary: str) -> int:
        """Return the timeline that a primary writes on."""
        return int(
            self.lab.sql("SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int", primary)[0][0]
        )

    def _check(
        self, runbook: str, old: str, new: str, run: str, machine: str, before: Counter[tuple[str, str]], timeline: int
    ) -> None:
        """Every step ended as done once, and on the hosts everything happened once."""
        events = self.events(machine, run)
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        assert events[-1].data["verdict"] == "success"
        done = Counter(e.step for e in events if e.kind == "step-finished" and e.data["outcome"] == "done")
        assert set(done.values()) == {1}, done
        assert self.timeline(new) == timeline + 1, "promoted once"
        happened = self.marks() - before
        old_web, new_web = f"pps{SIDE[old]}", f"pps{SIDE[new]}"
        was_running = {web for web in (old_web, new_web) if before["started", web] > before["stopped", web]}
        wanted = Counter({("promoted", new): 1, ("reloaded", "lb1"): 2, ("started", new_web): 1})
        wanted += Counter({("stopped", web): 1 for web in was_running})
        if runbook == "switchover":
            wanted += Counter({("stopped", old): 1, ("started", old): 1})
            wait_for(lambda: self.lab.sql(STREAMING, new) == [(1,)], "the old primary follows", 60)
        else:
            marker = (self.lab.home(old) / "data.quarantine").read_text().splitlines()
            assert len(marker) == 1
            assert f"run {run} " in marker[0]
        assert happened == wanted, f"{happened} is not {wanted}"

    def mend(self, runbook: str, old: str, new: str) -> None:
        """Make the lost primary a standby again: what a rejoin will do."""
        if runbook != "failover":
            return
        home, program = self.lab.home(old), f"{self.lab.state['postgres']['bin']}/pg_basebackup"
        road, port = self.lab.road(f"{old}>{new}:db")
        source = f"host={road} port={port} user=replicator application_name={old} passfile={home}/etc/pgpass connect_timeout=5"
        options = f"-D data -d '{source}' -R -S {old} -X stream -c fast --no-sync -w"
        clone = f"rm -rf data data.quarantine && {program} {options}"
        slot_too = f"{{ {clone} -C 2>/dev/null || {{ {clone}; }}; }}"  # the slot may be there from an earlier round
        cloned = self.lab.ssh(old, f"cd {home} && {slot_too} && db-service enable")[0]
        assert cloned.exit_status == 0, cloned.stderr
        self.lab.heal(old)

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
