"""How far long work has come: bytes, rate and, where the whole is known, the time that is left; said now and then."""

from collections.abc import Callable

from ppsconsole.clock import Clock, duration
from ppsconsole.cluster.judging import size

EVERY_S = 5.0


class Progress:
    """Counts bytes and says how far it is.

    Args:
        clock: Time.
        say: Told one line at most every `EVERY_S` seconds.
        what: What is being done.
        total: Bytes of the whole; 0 where nobody knows.
    """

    def __init__(self, clock: Clock, say: Callable[[str], None], what: str, total: int = 0) -> None:
        self._clock, self._say, self._what, self._total = clock, say, what, total
        self._began = self._told = clock.monotonic()
        self.done = 0

    def add(self, count: int) -> None:
        """Take note of `count` bytes more."""
        self.done += count
        now = self._clock.monotonic()
        if now - self._told >= EVERY_S:
            self._told = now
            self._say(f"{self._what}: {self.said(now)}")

    def end(self) -> None:
        """Say how much it was."""
        took_s = max(0.001, self._clock.monotonic() - self._began)
        self._say(f"{self._what}: {size(self.done)} in {duration(took_s)}, {size(self.done / took_s)}/s")

    def said(self, now: float) -> str:
        """Return how far it is at the monotonic time `now`."""
        rate = self.done / max(0.001, now - self._began)
        if not self._total or not rate:
            return f"{size(self.done)}, {size(rate)}/s"
        left_s = max(0.0, self._total - self.done) / rate
        share = min(100, int(100 * self.done / self._total))
        return f"{size(self.done)} of {size(self._total)} ({share}%), {size(rate)}/s, {duration(left_s)} left"
