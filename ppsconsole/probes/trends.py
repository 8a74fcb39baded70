"""What gauges were: a short history of every sample and a long, coarse one, both bounded. Pure but for what it holds."""

from collections.abc import Iterable

from ppsconsole.cluster.picture import History
from ppsconsole.cluster.snapshot import Gauge

KEPT = 120
COARSE = 15
"""So many samples make one of the long history: at two seconds a sample, four minutes and one hour."""


class Trends:
    """Keeps the values of all gauges.

    A gauge that is not there at a sample has a gap there, so that all of them stay on one axis of time.

    Args:
        step_s: Seconds between two samples.
    """

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._taken = 0
        self._recent: dict[str, tuple[float | None, ...]] = {}
        self._long: dict[str, tuple[float | None, ...]] = {}
        self._worst: dict[str, float] = {}

    def add(self, gauges: Iterable[Gauge]) -> None:
        """Take one sample of all gauges."""
        now = {gauge.name: gauge for gauge in gauges}
        self._taken += 1
        is_full = self._taken % COARSE == 0
        recent: dict[str, tuple[float | None, ...]] = {}
        for name in {**self._recent, **now}:
            gauge = now.get(name)
            value = None if gauge is None else gauge.value
            recent[name] = (*self._recent.get(name, ())[-KEPT + 1 :], value)
            if gauge is not None and value is not None:
                worst = self._worst.get(name, value)
                is_less_worse = gauge.warn is not None and gauge.down is not None and gauge.warn > gauge.down
                self._worst[name] = min(worst, value) if is_less_worse else max(worst, value)
        self._recent = recent
        if is_full:
            self._long = {name: (*self._long.get(name, ())[-KEPT + 1 :], self._worst.get(name)) for name in recent}
            self._worst = {}

    def recent(self) -> History:
        """Return every sample of the last `KEPT`."""
        return History(self._recent, self._step_s, self._taken, KEPT)

    def long(self) -> History:
        """Return the worst of each `COARSE` samples."""
        return History(self._long, self._step_s * COARSE, self._taken // COARSE, KEPT)
