"""Plays many stories, counts what was passed, and stops at the first that goes wrong: shrunk, and ready to be replayed."""

import gc
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ppsconsole.inventory.model import Inventory
from tests.engine.model.playing import Told, tell
from tests.engine.model.shrinking import shrunk
from tests.engine.model.story import Story, story_of

_COLLECT_EVERY = 200


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


def play_all(seeds: Iterable[int], inventory: Inventory, *, progress: Callable[[Tally], None] = lambda tally: None) -> Tally:
    """Play the stories of `seeds`, up to the first that goes wrong."""
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
            if tally.stories % _COLLECT_EVERY == 0:
                gc.collect()
                progress(tally)
            if told.wrongs:
                tally.wrong = report(story, told.wrongs[0], inventory)
                break
    finally:
        logging.disable(was_loud)
        gc.unfreeze()
        if was_collecting:
            gc.enable()
    return tally


def report(story: Story, wrong: str, inventory: Inventory) -> str:
    """Return what went wrong, the story shrunk, and what happened in it."""
    short = shrunk(story, wrong, inventory)
    told = tell(short, inventory)
    return "\n".join([told.wrongs[0] if told.wrongs else wrong, short.told(), *told.trace])
