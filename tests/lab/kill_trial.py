"""One runbook whose consoles are killed everywhere: which moments there are, and in which runs they are gone through."""

import argparse
import random
import shlex
import sys
import time
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppsconsole.plan.event import RunEvent
from tests.lab.deadly import BEFORE, WRITINGS, names_of
from tests.lab.kill_case import Case
from tests.lab.kill_notes import Notes
from tests.lab.kill_scene import KillScene, Story

MACHINES = ("here", "there")
_TAKING = tuple(f"{when}{kind}#1" for kind in ("resumed", "taken-over", "lease-taken") for when in (BEFORE, ""))
TAKING = (*_TAKING, *reversed(_TAKING))
"""The records of a console that takes over a run, which no run has that nobody kills: as consoles go on in turns on two machines,
each is reached on both by going there and back."""


@dataclass
class Row:
    """What became of one runbook.

    Attributes:
        records: Of a run that nobody kills.
        moments: Before and after its records, and while it is put back: all that there are.
        chosen: So many of them were to be gone through, those of an interrupted call among them.
        killed: Consoles.
        resumed: Runs that were gone on with to their end.
        backed_out: Runs that were put back.
        held: Consoles that left a run open without having been killed, as looks went unanswered.
        again: Moments that did not come again.
        is_held: All was right, to the end.
        repeat: The command that runs exactly what was not right again.
        bringing_s: Of what it took: to the start of the next run, and to a whole cluster behind it.
    """

    runbook: str
    records: int = 0
    moments: int = 0
    chosen: int = 0
    killed: int = 0
    resumed: int = 0
    backed_out: int = 0
    held: int = 0
    again: tuple[str, ...] = ()
    took_s: float = 0.0
    bringing_s: float = 0.0
    is_held: bool = False
    words: str = "not ended"
    repeat: str = ""

    def add(self, story: Story) -> None:
        """Count one run."""
        self.killed += len(story.kills)
        self.resumed += not story.is_backed_out
        self.backed_out += story.is_backed_out
        self.held += len(story.held)


def moments_of(events: Iterable[RunEvent], kinds: Sequence[str], firsts: Container[int]) -> list[str]:
    """Return the moments at the records of a run, in order, as `tests.lab.deadly` names them.

    Args:
        events: The records.
        kinds: `before`, `after`, or both.
        firsts: The numbers of those that a writing began with. Behind one record and before the next one of the same writing is
            one moment: nothing is done in between, and what is durable is the same.
    """
    seen: Counter[str] = Counter()
    found = []
    for event in events:
        name = names_of(event)[0]
        seen[name] += 1
        if "before" in kinds and (event.number in firsts or "after" not in kinds):
            found.append(f"{BEFORE}{name}#{seen[name]}")
        if "after" in kinds:
            found.append(f"{name}#{seen[name]}")
    # Behind the last one nothing is left to go on with.
    return [each for each in found if each != f"{name}#{seen[name]}"]


def firsts_in(path: Path) -> set[int]:
    """Return the numbers of the records that writings began with."""
    return {int(line) for line in path.read_text().splitlines()}


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

    def __init__(self, scene: KillScene, case: Case, chosen: argparse.Namespace, notes: Notes) -> None:
        self.scene, self.case, self.chosen, self.notes = scene, case, chosen, notes
        self.row = Row(case.name)
        self.began = time.monotonic()

    def run(self) -> None:
        """Kill everywhere, or at the one chain of moments that is named."""
        if self.chosen.at:
            story = self.played(*self.chosen.at, is_back=self.chosen.is_back)
            assert len(story.kills) == len(self.chosen.at), f"only these came: {story.kills}"
            return
        told = self.scene.folder / "writings"
        whole = self.played(f"{WRITINGS}{told}")
        assert not whole.kills
        events = self.scene.events("here", whole.run)
        moments = moments_of(events, self.chosen.kinds, firsts_in(told))
        self.row.records = len(events)
        self.case.named_for = self.case.new
        record = self.scene.latest("here")
        assert record is not None
        backs = boundaries(events, record.plan) if self.case.is_back else []
        rng = random.Random(f"{self.chosen.seed} {self.case.name}")
        self.row.moments += len(moments) + len(backs)
        if self.chosen.count:
            kept = set(rng.sample(moments, min(self.chosen.count, len(moments))))
            moments = [each for each in moments if each in kept]
            backs = sorted(rng.sample(backs, min(max(1, self.chosen.count // 6), len(backs))), key=backs.index)
        self.row.chosen += len(moments) + len(backs)
        self.forward([each for each in moments if not self.notes.has(self.case.name, each)])
        self.taken_over(next(each for each in moments[len(moments) // 2 :] + moments if " " in each.removeprefix(BEFORE)))
        self.back(backs, rng)

    def forward(self, moments: list[str]) -> None:
        """Kill at each of them, and go on."""
        gone: list[str] = []
        waiting = chains(moments, self.chosen.apart)
        self.say(f"{len(moments)} moments to go, in {len(waiting)} runs at least")
        while waiting:
            wanted = waiting.pop(0)
            story = self.played(*wanted)
            self.notes.add(self.case.name, wanted[: len(story.kills)])
            # A moment that was over when the console before was killed comes first in a run of its own.
            missed = wanted[len(story.kills) :]
            if not story.kills:
                gone.append(missed.pop(0))
            if missed:
                waiting.append(missed)
        self.row.again += tuple(gone)

    def taken_over(self, start: str, *, is_back: bool = False) -> None:
        """Kill at a moment, and then one console after the other while it takes over."""
        name = f"{self.case.name}, {'back, ' if is_back else ''}taken over"
        moments = TAKING[: self.chosen.count or None]
        self.row.moments += len(TAKING)
        self.row.chosen += len(moments)
        if not self.notes.has(name, start):
            story = self.played(start, *moments, is_back=is_back)
            self.row.again += moments[len(story.kills) - 1 :] if story.kills else (start,)
            self.notes.add(name, [start])

    def back(self, starts: list[str], rng: random.Random) -> None:
        """Kill at each of these, back out, and kill there, too."""
        if not starts:
            return
        last, name = starts[-1], f"{self.case.name}, back"
        told = self.scene.folder / "writings-back"
        story = self.played(last, f"{WRITINGS}{told}", is_back=True)
        if not story.is_backed_out:
            return
        events = self.scene.events(self.machine_of(story.run), story.run)
        first = next((n for n, event in enumerate(events) if event.kind == "undo-started"), len(events) - 1)
        moments = moments_of(events[first:], self.chosen.kinds, firsts_in(told))
        self.row.moments += len(moments)
        if self.chosen.count:
            kept = set(rng.sample(moments, min(self.chosen.count // 3, len(moments))))
            moments = [each for each in moments if each in kept]
        self.row.chosen += len(moments)
        waiting = chains([each for each in moments if not self.notes.has(name, each)], self.chosen.apart)
        self.say(f"backed out of: in {len(waiting) + len(starts) - 1} runs more")
        for chain in waiting:
            story = self.played(last, *chain, is_back=True)
            self.notes.add(name, chain[: len(story.kills) - 1])
        self.taken_over(last, is_back=True)
        for start in starts[:-1]:
            if not self.notes.has(name, f"from {start}"):
                self.played(start, is_back=True)
                self.notes.add(name, [f"from {start}"])

    def machine_of(self, run: str) -> str:
        """Return whose journal has more of a run."""
        return max(MACHINES, key=lambda machine: len(self.scene.events(machine, run)))

    def played(self, *moments: str, is_back: bool = False) -> Story:
        """Run once, tell of it and count it; where it is not right, tell how exactly that is run again."""
        try:
            story = self.scene.played(self.case, *moments, machines=MACHINES, is_back=is_back)
        except Exception:
            wanted = [each for each in moments if not each.startswith(WRITINGS)]
            self.row.repeat = repeating(self.case.name, wanted, is_back=is_back)
            raise
        self.row.add(story)
        end = "backed out" if story.is_backed_out else "success"
        held = f", {len(story.held)} left it open: {story.held}" if story.held else ""
        at = f" first at {story.kills[0]}" if story.kills else ""
        self.row.took_s, self.row.bringing_s = round(time.monotonic() - self.began, 1), round(self.scene.bringing_s, 1)
        wanted = sum(not each.startswith(WRITINGS) for each in moments)
        killed = f"{len(story.kills)} of {wanted} killed{at}"
        self.say(f"run {story.run}: {killed}, {end}{held}")
        return story

    def say(self, words: str) -> None:
        """Tell whoever waits."""
        line = f"{self.row.took_s:6.0f}s {self.case.name} {words}"
        print(line, file=sys.stderr if self.chosen.is_json else sys.stdout, flush=True)


def repeating(name: str, moments: Sequence[str], *, is_back: bool) -> str:
    """Return the command that kills consoles at exactly these moments of one run, on a lab as it is at the start of a row."""
    words = ["python", "-m", "tests.lab.kill_everywhere", name, *(["--back"] if is_back else [])]
    return shlex.join([*words, *(word for each in moments for word in ("--at", each))])
