"""SIGKILL of consoles before and after every journal record of every runbook, on a real lab; another console goes on with each.

    python -m tests.lab.kill_everywhere [RUNBOOK...] [--seed N] [--count N] [--before | --after] [--apart N] [--json] [--keep]

For each situation of each runbook (see `tests.lab.kill_cases`) a run that nobody kills shows which records there are. Then it
is run again and again: in each run one console after the other is killed, at every N-th moment, and each time another goes on,
in turns on the same machine and on one that has no journal of it, until at each moment one was killed. Then it is begun and
backed out of again and again, behind each of its steps, and consoles that back out are killed at each of their records, too.
What happened on the hosts is held against what one run does, what lies there against what it may leave, and its records against
each other. Users are at work all the time; what they miss at the end has to lie in a window that was announced. Prints a line
for each run and a table, and ends with 1 at the first that is not right.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ppsconsole.plan.event import RunEvent
from tests.lab.conftest import Lab
from tests.lab.deadly import BEFORE, names_of
from tests.lab.kill_case import Case
from tests.lab.kill_cases import CASES
from tests.lab.kill_scene import KillScene, Story
from tests.lab.kill_witness import Witness

MACHINES = ("here", "there")


@dataclass
class Row:
    """What became of one runbook.

    Attributes:
        records: Of a run that nobody kills.
        killed: Consoles.
        resumed: Runs that were gone on with to their end.
        backed_out: Runs that were put back.
        held: Consoles that left a run open without having been killed, as looks went unanswered.
        again: Moments that did not come again.
    """

    runbook: str
    records: int = 0
    killed: int = 0
    resumed: int = 0
    backed_out: int = 0
    held: int = 0
    again: tuple[str, ...] = ()
    took_s: float = 0.0
    words: str = "not ended"

    def add(self, story: Story) -> None:
        """Count one run."""
        self.killed += len(story.kills)
        self.resumed += not story.is_backed_out
        self.backed_out += story.is_backed_out
        self.held += len(story.held)


def moments_of(events: Iterable[RunEvent], kinds: Sequence[str] = ("before", "after")) -> list[str]:
    """Return the moments at the records of a run, in order, as `tests.lab.deadly` names them."""
    seen: Counter[str] = Counter()
    found = []
    for event in events:
        name = names_of(event)[0]
        seen[name] += 1
        found += [f"{prefix}{name}#{seen[name]}" for kind, prefix in (("before", BEFORE), ("after", "")) if kind in kinds]
    # Behind the last one nothing is left to go on with.
    return [each for each in found if each != f"{name}#{seen[name]}"]


def chains(moments: Sequence[str], apart: int) -> list[list[str]]:
    """Return the moments as those of as few runs as can be, in their order.

    No two of a run lie in the same step: the console that goes on in the middle of one writes other records of it.
    """
    found: list[list[str]] = []
    for moment in moments:
        step = moment.removeprefix(BEFORE).partition("#")[0].partition(" ")[2]
        fitting = (each for each in found if len(each) < apart and not any(f" {step}#" in f" {known}" for known in each))
        chain = next(fitting, None)
        if chain is None or not step:
            found.append([moment])
        else:
            chain.append(moment)
    return found


def boundaries(events: Sequence[RunEvent], plan: Any) -> list[str]:
    """Return the moments behind the act of each step up to the point of no return, and none behind it."""
    returns = next((number for number, step in enumerate(plan.steps) if step.is_point_of_no_return), len(plan.steps))
    known = {step.id for step in plan.steps[:returns]}
    return [f"{BEFORE}step-finished {e.step}#1" for e in events if e.kind == "step-finished" and e.step in known]


class Trial:
    """One runbook on one lab."""

    def __init__(self, scene: KillScene, case: Case, chosen: argparse.Namespace) -> None:
        self.scene, self.case, self.chosen = scene, case, chosen
        self.row = Row(case.name)
        self.began = time.monotonic()

    def run(self) -> None:
        """Kill everywhere."""
        whole = self.played()
        assert not whole.kills
        events = self.scene.events("here", whole.run)
        moments = moments_of(events, self.chosen.kinds)
        self.row.records = len(events)
        self.case.named_for = self.case.new
        record = self.scene.latest("here")
        assert record is not None
        backs = boundaries(events, record.plan) if self.case.is_back else []
        rng = random.Random(f"{self.chosen.seed} {self.case.name}")
        if self.chosen.count:
            kept = set(rng.sample(moments, min(self.chosen.count, len(moments))))
            moments = [each for each in moments if each in kept]
            backs = sorted(rng.sample(backs, min(max(1, self.chosen.count // 6), len(backs))), key=backs.index)
        self.forward(moments)
        self.back(backs, rng)

    def forward(self, moments: list[str]) -> None:
        """Kill at each of them, and go on."""
        gone: list[str] = []
        waiting = chains(moments, self.chosen.apart)
        while waiting:
            wanted = waiting.pop(0)
            story = self.played(*wanted)
            # A moment that was over when the console before was killed comes first in a run of its own.
            missed = wanted[len(story.kills) :]
            if not story.kills:
                gone.append(missed.pop(0))
            if missed:
                waiting.append(missed)
        self.row.again = tuple(gone)

    def back(self, starts: list[str], rng: random.Random) -> None:
        """Kill at each of these, back out, and kill there, too."""
        if not starts:
            return
        story = self.played(starts[-1], is_back=True)
        if not story.is_backed_out:
            return
        events = self.scene.events(self.machine_of(story.run), story.run)
        first = next((n for n, event in enumerate(events) if event.kind == "undo-started"), len(events) - 1)
        moments = moments_of(events[first:], self.chosen.kinds)
        if self.chosen.count:
            kept = set(rng.sample(moments, min(self.chosen.count // 3, len(moments))))
            moments = [each for each in moments if each in kept]
        for chain in chains(moments, self.chosen.apart):
            self.played(starts[-1], *chain, is_back=True)
        for start in starts[:-1]:
            self.played(start, is_back=True)

    def machine_of(self, run: str) -> str:
        """Return whose journal has more of a run."""
        return max(MACHINES, key=lambda machine: len(self.scene.events(machine, run)))

    def played(self, *moments: str, is_back: bool = False) -> Story:
        """Run once, tell of it and count it."""
        story = self.scene.played(self.case, *moments, machines=MACHINES, is_back=is_back)
        self.row.add(story)
        end = "backed out" if story.is_backed_out else "success"
        held = f", {len(story.held)} left it open: {story.held}" if story.held else ""
        at = f" first at {story.kills[0]}" if story.kills else ""
        self.row.took_s = round(time.monotonic() - self.began, 1)
        killed = f"{len(story.kills)} of {len(moments)} killed{at}"
        say = f"{self.row.took_s:6.0f}s {self.case.name} run {story.run}: {killed}, {end}{held}"
        print(say, file=sys.stderr if self.chosen.is_json else sys.stdout, flush=True)
        return story


def run(argv: list[str]) -> int:
    """Kill everywhere; return 0 when every run ended well and every act happened once."""
    chosen = _chosen(argv)
    folder = Path(tempfile.mkdtemp(prefix="ppsconsole-kills-", dir=chosen.dir))
    folder.chmod(0o755)
    lab = Lab(folder / "lab", {"XDG_STATE_HOME": str(folder / "lab-state")})
    rows: list[Row] = []
    is_right = False
    try:
        started = lab.up("--profile", "alternate")
        if started.returncode != 0:
            raise RuntimeError(started.stderr)
        for name in chosen.cases:
            _case(lab, folder, CASES[name](), chosen, rows)
        is_right = True
    except AssertionError as error:
        print(f"NOT RIGHT: {error}", file=sys.stderr, flush=True)
        rows[-1].words = "NOT RIGHT"
    finally:
        if is_right or not chosen.keep:
            lab.down()
            shutil.rmtree(folder)
        else:
            print(f"the lab goes on, in {lab.folder}; the consoles' journals lie beside it", file=sys.stderr)
        print(json.dumps([asdict(row) for row in rows], indent=2) if chosen.is_json else "\n".join(table(rows)), flush=True)
    return 0 if is_right else 1


def _case(lab: Lab, folder: Path, case: Case, chosen: argparse.Namespace, rows: list[Row]) -> None:
    scene = KillScene(lab, folder / f"consoles-{case.name}")
    scene.folder.mkdir()
    trial = Trial(scene, case, chosen)
    rows.append(trial.row)
    with Witness(scene.superuser) as witness, users(scene) as verification:
        trial.run()
        case.leave(scene)
    assert not witness.seen, witness.seen
    scene.check_lost(verification["lost"])
    trial.row.words = (
        f"held; {len(verification['lost'])} of {verification['checked']} writes lost, announced; {witness.looks} looks"
    )


@contextmanager
def users(scene: KillScene) -> Iterator[dict[str, Any]]:
    """Users at work; what was verified at the end is in the value by then."""
    report = scene.folder / "load.json"
    line = [sys.executable, "-m", "ppsconsole", "lab", "load", "--rate", "10", "--dir", scene.lab.folder, "--report", report]
    load = subprocess.Popen(line, env={**os.environ, **scene.lab.env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    verification: dict[str, Any] = {}
    try:
        yield verification
        load.send_signal(signal.SIGINT)
        load.wait(300)
        verification |= json.loads(report.read_text())["verification"]
    finally:
        if load.poll() is None:
            load.kill()
            load.wait()


def table(rows: Sequence[Row]) -> list[str]:
    """Return the table that the command prints."""
    head = ("runbook", "records", "killed", "resumed", "backed out", "held", "not again", "seconds", "invariants")
    lines = [head]
    for row in rows:
        counts = (row.records, row.killed, row.resumed, row.backed_out, row.held, len(row.again), round(row.took_s))
        lines.append((row.runbook, *(str(each) for each in counts), row.words))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _chosen(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.kill_everywhere", description=__doc__)
    parser.add_argument("runbooks", nargs="*", metavar="RUNBOOK", help=f"all where none is named: {', '.join(CASES)}")
    parser.add_argument("--seed", type=int, default=1, help="of what is chosen by --count")
    parser.add_argument("--count", type=int, default=0, help="so many moments of each runbook; 0: all of them")
    parser.add_argument("--apart", type=int, default=10, help="so many kills in one run at most")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--before", dest="kinds", action="store_const", const=("before",), help="only before a record is durable")
    when.add_argument("--after", dest="kinds", action="store_const", const=("after",), help="only after it is")
    parser.add_argument("--json", dest="is_json", action="store_true", help="print the table as JSON, and the lines beside it")
    parser.add_argument("--keep", action="store_true", help="leave lab and journals where something was not right")
    parser.add_argument("--dir", help="where lab and journals lie meanwhile")
    parser.set_defaults(kinds=("before", "after"))
    chosen = parser.parse_args(argv)
    unknown = [name for name in chosen.runbooks if name not in CASES and name not in {case.runbook for case in CASES.values()}]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(CASES)}")
    chosen.cases = [name for name, case in CASES.items() if not chosen.runbooks or {name, case.runbook} & set(chosen.runbooks)]
    return chosen


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
