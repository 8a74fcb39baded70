"""What is being tried, for how long, and what came of it: the same for lines on a terminal and for a screen."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that is, or was, tried.

    Attributes:
        where: A host, or what is asked there.
        since: When it began, on the monotonic clock, in seconds.
        words: What came of it; empty while it goes on.
        took_s: How long it took; None while it goes on.
    """

    where: str
    since: float
    words: str = ""
    took_s: float | None = None

    def line(self, now: float) -> str:
        """Return it in words; `now` is on the monotonic clock."""
        if self.took_s is None:
            return f"{self.where}: still trying ({max(0, round(now - self.since))} s)"
        return f"{self.where}: {self.words} ({self.took_s:.1f} s)"


class Trials:
    """All of one discovery, in the order in which they began.

    Attributes:
        on_change: Called after one began or ended.
    """

    def __init__(self, on_change: Callable[[Trial], None] = lambda trial: None) -> None:
        self.on_change = on_change
        self._trials: dict[str, Trial] = {}

    @property
    def all(self) -> tuple[Trial, ...]:
        """Every trial; one that was tried again stands once, as it is now."""
        return tuple(self._trials.values())

    @property
    def open(self) -> tuple[Trial, ...]:
        """Those that go on."""
        return tuple(each for each in self._trials.values() if each.took_s is None)

    async def watch(self, where: str, work: Awaitable[_T], told: Callable[[_T], str]) -> _T:
        """Wait for `work` and note it; `told` makes words from its result."""
        began = time.monotonic()
        self._note(Trial(where, began))
        words = "given up"
        try:
            result = await work
            words = told(result)
            return result
        finally:
            self._note(Trial(where, began, words, time.monotonic() - began))

    def _note(self, trial: Trial) -> None:
        self._trials[trial.where] = trial
        self.on_change(trial)
