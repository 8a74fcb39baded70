"""Plays many stories, counts what was passed, and stops at the first that goes wrong: shrunk, and ready to be replayed."""

import gc
import logging
import math
import multiprocessing
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field

from ppsconsole.inventory.model import Inventory
from tests.engine.model.playing import Told, tell
from tests.engine.model.shrinking import shrunk
from tests.engine.model.story import Story, story_of

_COLLECT_EVERY = 200
PART = 250
"""Stories that are counted together by `play_parts`."""


@dataclass(slots=True)
class Tally:
    """What many stories came to.

    Attributes:
        runs: Runs that were begun; a story may begin none, or a second one.
        states: Marks of the distinct states that were passed: of runs, and of cluster and leases at the boundaries of steps.
        took_s: Seconds of processor time.
        wrong: The first wrong of all, and its story shrunk; empty when all is well.
    """

    stories: int = 0
    runs: int = 0
    states: set[int] = field(default_factory=set)
    verdicts: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0
    wrong: str = ""

    def unite(self, other: "Tally") -> None:
        """Count what another one counted as well; a state that both passed is one."""
        self.stories, self.runs, self.took_s = self.stories + other.stories, self.runs + other.runs, self.took_s + other.took_s
        self.states |= other.states
        self.verdicts.update(other.verdicts)
        self.wrong = self.wrong or other.wrong

    def add(self, told: Told) -> None:
        self.stories += 1
        self.runs += told.runs
        self.states |= told.states
        self.verdicts.update(told.verdicts)

    def said(self) -> str:
        """Return the numbers in one line."""
        ends = ", ".join(f"{verdict} {number}" for verdict, number in self.verdicts.most_common())
        rate = self.runs / self.took_s if self.took_s else 0.0
        return (
            f"{self.stories} stories, {self.runs} runs, {len(self.states)} distinct states, "
            f"{self.took_s:.1f}s of processor time, {rate:.0f} runs/s; {ends}"
        )


def play_all(seeds: Iterable[int], inventory: Inventory, runs: int | None = None) -> Tally:
    """Play the stories of `seeds`, up to the first that goes wrong, or until `runs` runs were begun; None plays them all."""
    tally, began = Tally(), time.process_time()
    was_loud, was_collecting = logging.root.manager.disable, gc.isenabled()
    logging.disable(logging.CRITICAL)  # what the engine warns of is what the stories are about
    gc.disable()
    gc.freeze()  # what is there already is not looked through again each time
    try:
        for seed in seeds:
            story = story_of(seed, inventory)
            told = tell(story, inventory)
            tally.add(told)
            tally.took_s = time.process_time() - began
            if runs is not None and tally.runs >= runs and not told.wrongs:
                break
            if tally.stories % _COLLECT_EVERY == 0:
                gc.collect()
            if told.wrongs:
                tally.wrong = report(story, told.wrongs[0], inventory)
                break
    finally:
        logging.disable(was_loud)
        gc.unfreeze()
        if was_collecting:
            gc.enable()
    return tally


def play_parts(first: int, inventory: Inventory, jobs: int, runs: int) -> Iterator[tuple[range, Tally]]:
    """Play the stories from `first` on until `runs` runs were begun, and yield each part and what it came to.

    No part is larger than what is still wanted beside those that are being played, and none leaves a story out. A story may begin
    a second run: with one job only the last one can be one too many, with more of them each that is being played at the end.

    Args:
        jobs: Processes that play at the same time; with one, nothing is forked.
    """
    at, wanted = first, runs
    if jobs == 1:
        while wanted > 0:
            part = range(at, at + min(PART, wanted))
            played = play_all(part, inventory, wanted)
            yield part, played
            at, wanted = part.stop, wanted - played.runs
        return
    # Forked: the marks of states are hashes, which mean the same in processes of one origin only.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        ahead: deque[tuple[range, Future[Tally]]] = deque()
        try:
            while wanted > 0:
                while len(ahead) <= jobs and (free := wanted - sum(len(part) for part, _ in ahead)) > 0:
                    part = range(at, at + min(PART, math.ceil(free / jobs)))
                    ahead.append((part, pool.submit(play_all, part, inventory)))
                    at = part.stop
                part, playing = ahead.popleft()
                yield part, playing.result()
                wanted -= playing.result().runs
        finally:
            pool.shutdown(cancel_futures=True)


def report(story: Story, wrong: str, inventory: Inventory) -> str:
    """Return what went wrong, the story shrunk, and what happened in it."""
    short = shrunk(story, wrong, inventory)
    told = tell(short, inventory)
    return "\n".join([told.wrongs[0] if told.wrongs else wrong, short.told(), *told.trace])
