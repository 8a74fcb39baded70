"""SIGKILL of consoles before and after records of runs of every plan on the scripted world; another one goes on with each.

    python -m tests.engine.killed [PLAN...] [--count N] [--seed SEED]

A run of each plan that nobody kills shows which records there are. Of the moments before and after them at least N are drawn by
the seed (0: all). Then it is run again, in real processes with a real journal: one console after the other is killed at the next
moment, and each time another goes on, until at each moment one was killed. And it is begun, killed and backed out of, while those
who back out are killed, too. What was done in the world, and what stands in the journal, is looked at behind each of them. Prints
one line of JSON for each plan; ends by an error that names the moments where something was not right.
"""

import argparse
import asyncio
import gc
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ppsconsole.engine.journal_schema  # noqa: F401 - loaded once here and not in every child
from ppsconsole.engine.journal import Journal, open_journal
from ppsconsole.engine.journal_place import JOURNAL_FILE
from ppsconsole.engine.state import state_of
from ppsconsole.errors import Blocked
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.plan import Plan
from tests.engine.planned_world import PlannedWorld, check_back, check_proofs, runner_on
from tests.engine.plans import PLANS
from tests.lab.deadly import BEFORE, WRITINGS, arm, names_of
from tests.lab.kill_trial import chains, firsts_in, moments_of

RUN = "run1"
APART = 10
"""So many consoles are killed in one run at most."""
BACK = 2
"""So many of those that back out of one, where not all are."""
LONG = 20
"""Of a longer plan one of so many moments is drawn, where that is more than was asked for."""


class KeptWorld(PlannedWorld):
    """A world that stands in a file, whole at any moment: whoever acts on it may be killed."""

    def __init__(self, plan: Plan, file: Path) -> None:
        super().__init__(plan)
        self._kept = file
        if file.exists():
            told = json.loads(file.read_text())
            self.facts, self.acts, self.trace, self.wrongs = (told[name] for name in ("facts", "acts", "trace", "wrongs"))

    def change(self, fact: str, value: str, who: str) -> None:
        try:
            super().change(fact, value, who)
        finally:
            self._keep()

    async def fault(self, step: str, phase: str) -> str:
        found = await super().fault(step, phase)
        self._keep()
        return found

    def _keep(self) -> None:
        new = self._kept.with_suffix(".new")
        new.write_text(json.dumps({"facts": self.facts, "acts": self.acts, "trace": self.trace, "wrongs": self.wrongs}))
        new.replace(self._kept)


def console(folder: Path, plan: Plan, choice: str, point: str) -> None:
    """Take the run up and do what was chosen, or be killed at `point`; write down how it ended."""
    if point:
        arm(point)
    journal = open_journal(folder=folder / "state")
    try:
        (folder / "ended").write_text(_ended(journal, KeptWorld(plan, folder / "world"), choice))
    finally:
        journal.close()


def _ended(journal: Journal, world: KeptWorld, choice: str) -> str:
    plan = world.plan
    journal.start(RUN, plan, 1.0, "somebody")
    runner = runner_on(world, RUN, journal, journal.events(RUN), is_heard=True)

    async def main() -> str:
        try:
            result = await (runner.run() if choice == "go" else runner.back_out("it is better so"))
        except Blocked as error:
            return f"blocked: {error}"
        finally:
            await runner.recorder.aclose()
            assert runner.state == state_of(plan, journal.events(RUN)), "the journal tells what the runner knew"
        return result.verdict.value

    return asyncio.run(main())


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a child process and return how that ended: its exit code, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print(f"child: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@dataclass
class Story:
    """One run: its folder, and consoles that come and go.

    Attributes:
        events: What the journal has behind the last console.
    """

    plan: Plan
    folder: Path
    events: tuple[RunEvent, ...] = ()
    killed: int = 0

    @property
    def world(self) -> KeptWorld:
        return KeptWorld(self.plan, self.folder / "world")

    def console(self, choice: str, point: str = "") -> str:
        """Let one console at it; return how it says that the run ended, empty where it was killed, as it has to be then."""
        known, traced = self.events, len(self.world.trace)
        ended = in_child(lambda: console(self.folder, self.plan, choice, point))
        is_killed = bool(point) and not point.startswith(WRITINGS)
        assert ended == (-signal.SIGKILL if is_killed else 0), f"at {point!r} it ended with {ended}"
        self.events = self._read()
        assert self.events[: len(known)] == known, "what was durable is lost, or another"
        assert [event.number for event in self.events] == list(range(1, len(self.events) + 1)), "lost, or doubled"
        trace = self.world.trace[traced:]
        for step in (each.id for each in state_of(self.plan, known).steps if each.is_doubtful and choice == "go"):
            first = next((each for each in trace if each.startswith(f"{step}.")), f"{step}.verify")
            assert first == f"{step}.verify", "what may have been done is looked at before it is done again"
        if not is_killed:
            return (self.folder / "ended").read_text()
        self._check_killed(point, self.events[len(known) :])
        self.killed += 1
        return ""

    def _check_killed(self, point: str, written: Sequence[RunEvent]) -> None:
        """The record is the last one of what it wrote, or is not there."""
        wanted, _, number = point.removeprefix(BEFORE).partition("#")
        names = [names_of(event)[0] for event in written]
        if point.startswith(BEFORE):
            assert names.count(wanted) == int(number) - 1, (point, names)
        else:
            assert (names[-1], names.count(wanted)) == (wanted, int(number)), (point, names)

    def _read(self) -> tuple[RunEvent, ...]:
        """Read the journal as somebody does who has no more than the file."""
        with closing(sqlite3.connect(self.folder / "state" / JOURNAL_FILE)) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute("SELECT * FROM events WHERE run = ? ORDER BY number", (RUN,)).fetchall()
        return tuple(RunEvent.from_json({**row, "data": json.loads(row["data"])}) for row in rows)


class Trial:
    """One plan: runs of it in folders of their own below one."""

    def __init__(self, name: str, folder: Path, seed: str, count: int) -> None:
        self.name, self.folder, self.count = name, folder, count
        self.rng = random.Random(f"{seed} {name}")
        self.plan = PLANS[name]
        self.stories: list[Story] = []
        self.backed_out = 0

    def run(self) -> dict[str, Any]:
        """Kill at moments that the seed draws, and return what came of it."""
        whole = self._story()
        told = self.folder / "writings"
        assert whole.console("go", f"{WRITINGS}{told}") == "success"
        self.facts = whole.world.facts
        moments = moments_of(whole.events, ("before", "after"), firsts_in(told))
        drawn = self._drawn(moments)
        for moments_of_one in chains(drawn, APART):
            self._forward(moments_of_one)
        for start, backwards in self._backs():
            self._back(start, backwards)
        killed = sum(story.killed for story in self.stories)
        assert killed >= len(drawn) > 0
        counts = {"records": len(whole.events), "moments": len(moments), "drawn": len(drawn), "killed": killed}
        return {
            "plan": self.name,
            **counts,
            "before": sum(each.startswith(BEFORE) for each in drawn),
            "runs": len(self.stories),
            "backed_out": self.backed_out,
        }

    def _drawn(self, moments: Sequence[str]) -> list[str]:
        count = max(self.count, len(moments) // LONG) if self.count else len(moments)
        return sorted(self.rng.sample(moments, min(len(moments), count)), key=moments.index)

    def _backs(self) -> list[tuple[str, list[str]]]:
        """Return where a run is killed that is then backed out of, and where those who do it are killed."""
        steps = self.plan.steps
        point = next((number for number, step in enumerate(steps) if step.is_point_of_no_return), len(steps))
        starts = [number for number in range(point) if any(step.is_undoable for step in steps[: number + 1])]
        found = []
        for number in self.rng.sample(starts, min(1, len(starts))) if self.count else starts:
            start = f"{self.rng.choice((BEFORE, ''))}step-finished {steps[number].id}#1"
            undone = [step.id for step in reversed(steps[:number]) if step.is_undoable]
            if self.count:
                kept = sorted(self.rng.sample(range(len(undone)), min(BACK, len(undone))))
                found.append((start, [self.rng.choice(_moments_back(undone[each])) for each in kept]))
            else:
                at = [moment for each in undone for moment in _moments_back(each)]
                found += [(start, chain) for chain in chains(at, APART) or [[]]]
        return found

    def _story(self) -> Story:
        folder = self.folder / str(len(self.stories))
        folder.mkdir()
        self.stories.append(Story(self.plan, folder))
        return self.stories[-1]

    def _sent(self, acts: Sequence[str]) -> list[str]:
        """Return those of the acts that reach a host: what sends nothing is done before its record is durable, and again."""
        return [act for act in acts if not act.startswith("undo ") and self.plan.step(act).commands]

    def _forward(self, moments: Sequence[str]) -> None:
        """Each act happened once, and the world is as behind a run that nobody killed."""
        story = self._story()
        with telling(self.name, "on", moments):
            for point in moments:
                story.console("go", point)
            assert story.console("go") == "success"
            ids, world = [step.id for step in self.plan.steps], story.world
            assert self._sent(world.acts) == self._sent(ids), f"each act happened once: {world.acts}"
            assert list(dict.fromkeys(world.acts)) == ids
            assert world.facts == self.facts
            assert [event.step for event in story.events if event.kind == "step-finished"] == ids
            assert [event.kind for event in story.events].count("run-finished") == 1
            check_proofs(world, story.events)

    def _back(self, start: str, moments: Sequence[str]) -> None:
        """All is as before; where nothing can be undone, that is said, and nothing touched."""
        story = self._story()
        with telling(self.name, "back", [start, *moments]):
            story.console("go", start)
            acts = self._sent(story.world.acts)
            for point in moments:
                story.console("back-out", point)
            assert story.console("back-out") == "rolled-back"
            world = story.world
            assert self._sent(world.acts) == acts
            assert len(acts) == len(set(acts)), "each act happened once"
            check_proofs(world, story.events)
            check_back(world, story.events)
        self.backed_out += 1


def _moments_back(step: str) -> list[str]:
    return [f"{when}{kind} {step}#1" for kind in ("undo-started", "undo-finished") for when in (BEFORE, "")]


@contextmanager
def telling(name: str, way: str, moments: Sequence[str]) -> Iterator[None]:
    """Say of what was not right where it was."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{name}, {way}, killed at {list(moments)}: {error}") from error


def main(argv: Sequence[str]) -> None:
    """Kill everywhere that was chosen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plans", nargs="*", metavar="PLAN", help=f"all where none is named: {', '.join(PLANS)}")
    parser.add_argument("--count", type=int, default=0, help="so many moments of each plan at least; 0: all of them")
    parser.add_argument("--seed", default="1", help="of what is chosen by --count")
    chosen = parser.parse_args(argv)
    if unknown := set(chosen.plans) - set(PLANS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    memory = Path(
        "/dev/shm"
    )  # a process that is killed takes nothing with it that it had written, so no disk has to be waited for
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        console(Path(folder), PLANS["backup-verify"], "go", "")  # what it loads and compiles no child has to
        gc.collect()
        gc.freeze()
        for name in chosen.plans or PLANS:
            (Path(folder) / name).mkdir()
            print(json.dumps(Trial(name, Path(folder) / name, chosen.seed, chosen.count).run()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
