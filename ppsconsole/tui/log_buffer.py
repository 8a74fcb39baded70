"""The lines of one log that the console keeps: the newest ones, and which of them are shown."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

CAPACITY = 20_000
"""Lines that are kept; at a hundred characters each some megabytes."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line.

    Attributes:
        text: Harmless already.
        is_remark: It is what the reader has to say, and no line of the log.
    """

    text: str
    is_remark: bool = False


class LogBuffer:
    """A ring of lines that are numbered from the first one that ever came; a filter picks those that are shown.

    Attributes:
        first: Number of the oldest line that is still kept.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.first = 0
        self._capacity = capacity
        self._lines: list[LogLine] = []
        self._matches: Callable[[str], bool] | None = None
        self._shown: list[int] = []

    def __len__(self) -> int:
        """Return how many lines are kept."""
        return len(self._lines)

    @property
    def dropped(self) -> int:
        """How many lines came and are not kept any more."""
        return self.first

    @property
    def lines(self) -> list[LogLine]:
        """All that are kept, oldest first; not to be changed."""
        return self._lines

    @property
    def shown(self) -> int:
        """How many lines the filter lets through."""
        return len(self._lines) if self._matches is None else len(self._shown)

    def add(self, lines: Iterable[LogLine]) -> None:
        """Put lines behind the others; the oldest give way."""
        begin = self.first + len(self._lines)
        self._lines.extend(lines)
        if self._matches is not None:
            self._pick(begin)
        # A fifth more than is kept: otherwise each line of a flood would move all others.
        if len(self._lines) > self._capacity * 6 // 5:
            gone = len(self._lines) - self._capacity
            del self._lines[:gone]
            self.first += gone
            if self._matches is not None:
                kept = next((index for index, number in enumerate(self._shown) if number >= self.first), len(self._shown))
                del self._shown[:kept]

    def filter(self, matches: Callable[[str], bool] | None) -> None:
        """Show only lines that match, and remarks; None shows all."""
        self._matches = matches
        self._shown = []
        if matches is not None:
            self._pick(self.first)

    def line(self, number: int) -> LogLine:
        """Return the line with that number; it has to be kept."""
        return self._lines[number - self.first]

    def number(self, index: int) -> int:
        """Return the number of the line that is shown as `index`, counted from 0."""
        return self.first + index if self._matches is None else self._shown[index]

    def index(self, number: int) -> int:
        """Return at which place the line `number` is shown, or the first one after it; may be as large as `shown`."""
        if self._matches is None:
            return max(0, min(number - self.first, len(self._lines)))
        low, high = 0, len(self._shown)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._shown[middle] < number else (low, middle)
        return low

    def _pick(self, begin: int) -> None:
        assert self._matches is not None
        fresh = self._lines[begin - self.first :]
        self._shown.extend(begin + place for place, each in enumerate(fresh) if each.is_remark or self._matches(each.text))
