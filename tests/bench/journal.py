"""What the engine adds to a step, beside one durable commit of SQLite, in one run.

`python -m tests.bench journal [--steps N] [--rounds N] [--folder DIR] [--limit RATIO] [--limit-p99 RATIO]`. A plan of steps that
do nothing is run by the real runner on the real journal; the time from the beginning of one step to that of the next is all
overhead: its records, each durable before the next thing happens, and what the engine thinks in between. Beside it one row is
written by `sqlite3` alone, WAL and synchronous=FULL, a commit each, in the same folder and in turns. There are no hosts: neither
lease nor copies of the records are part of it. Exit 1 when a ratio passes its limit.
"""

import argparse
import asyncio
import itertools
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.clock import SystemClock
from ppsconsole.engine.journal import Journal, open_journal
from ppsconsole.engine.runner import Runner
from ppsconsole.engine.stage import Stage
from ppsconsole.engine.state import state_of
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step
from tests.engine.scripted import Custodian, nobody, scripted_inventory, scripted_plan

LIMIT, LIMIT_P99 = 4.0, 10.0


class _Nothing:
    """An action that acts not at all, and notes when it was come to."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def commands(self, inventory: object, step: Step) -> tuple[str, ...]:
        return ()

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        self.times.append(time.perf_counter())
        return Finding("yes", "may act")

    async def act(self, bench: Workbench, step: Step) -> None:
        return None

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        return Finding("yes", "done")


def run(argv: Sequence[str]) -> int:
    """Measure in turns, print medians and tails, and return 1 when a limit is passed."""
    parser = argparse.ArgumentParser(prog="journal", description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk that is measured")
    parser.add_argument("--limit", type=float, default=LIMIT)
    parser.add_argument("--limit-p99", type=float, default=LIMIT_P99)
    options = parser.parse_args(argv)
    ours: list[float] = []
    raw: list[float] = []
    records = 0
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="ppsconsole-bench-") as name:
        journal, beside = open_journal(folder=Path(name) / "state"), _raw_table(Path(name) / "raw.sqlite")
        try:
            for number in range(options.rounds + 1):
                found, records = _steps(journal, f"bench{number}", options.steps)
                alone = _commits(beside, options.steps)
                if number:  # the first round warms up
                    ours += found
                    raw += alone
        finally:
            beside.close()
            journal.close()
    print(f"{options.steps} steps, {options.rounds} rounds in turns; {records / options.steps:.1f} records a step")
    for title, values in (("a raw FULL commit", raw), ("a step of nothing", ours)):
        p50, p99 = _percentile(values, 50), _percentile(values, 99)
        print(f"{title:18} p50 {1000 * p50:6.2f} ms  p99 {1000 * p99:6.2f}  max {1000 * max(values):6.2f}")
    at_p50 = _percentile(ours, 50) / _percentile(raw, 50)
    at_p99 = _percentile(ours, 99) / _percentile(raw, 99)
    print(f"{'ratio':18} p50 {at_p50:6.2f} (limit {options.limit:g})  p99 {at_p99:.2f} (limit {options.limit_p99:g})")
    return 0 if at_p50 <= options.limit and at_p99 <= options.limit_p99 else 1


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _plan(steps: int) -> Plan:
    plan = scripted_plan()
    blank = replace(plan.steps[0], verb="nothing", is_optional=False, needs=(), gate=None, timeout_s=60.0)
    return replace(plan, steps=tuple(replace(blank, id=f"step{number}") for number in range(steps)))


def _steps(journal: Journal, run_id: str, steps: int) -> tuple[list[float], int]:
    """Run the plan once; return the seconds from each step to the next, and how many records it made."""
    plan, action, clock = _plan(steps), _Nothing(), SystemClock()
    journal.start(run_id, plan, clock.now(), "bench")
    bench = Workbench(scripted_inventory(), plan, run_id, clock, None, None, lambda words: None)  # type: ignore[arg-type]
    runner = Runner(bench, {"nothing": action}, journal, nobody, Custodian(), Stage(), state_of(plan, ()))  # type: ignore[arg-type, dict-item]
    asyncio.run(runner.run())
    records = journal.events(run_id)
    assert len(action.times) == steps, records[-1].words
    return [later - earlier for earlier, later in itertools.pairwise(action.times)], len(records)


def _raw_table(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE events (run TEXT, number INTEGER, at REAL, kind TEXT, step TEXT, words TEXT, data TEXT)")
    return connection


def _commits(connection: sqlite3.Connection, count: int) -> list[float]:
    took = []
    for number in range(count):
        start = time.perf_counter()
        connection.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", ("run", number, 1.0, "step-verified", "step", "done", "{}")
        )
        took.append(time.perf_counter() - start)
    return took
