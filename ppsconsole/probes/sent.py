"""What was sent to hosts and databases: the latest of it, and of what is older each different command once."""

from collections import deque

from ppsconsole.cluster.picture import CommandRecord

KEPT = 200
"""So many of the latest are kept as they are."""

_MOST_DIFFERENT = 500


class Sent:
    """Keeps records of commands, bounded.

    What is sent only now and then stays until it is sent again: a list of the different commands would else get shorter and
    longer with every round, although nothing has changed.

    Args:
        forgotten_s: A command that has not been sent again for so long is a thing of the past.
    """

    def __init__(self, forgotten_s: float) -> None:
        self._forgotten_s = forgotten_s
        self._latest: deque[CommandRecord] = deque()
        self._newest: dict[tuple[str, str], CommandRecord] = {}
        self._older: dict[tuple[str, str], CommandRecord] = {}

    def keep(self, record: CommandRecord) -> None:
        """Take one more."""
        key = (record.where, record.command)
        self._latest.append(record)
        self._newest[key] = record
        self._older.pop(key, None)
        if len(self._latest) > KEPT:
            self._outlive(self._latest.popleft())
        while self._older:
            oldest = next(iter(self._older))
            if len(self._older) <= _MOST_DIFFERENT and record.at - self._older[oldest].at <= self._forgotten_s:
                break
            del self._older[oldest]

    def records(self) -> tuple[CommandRecord, ...]:
        """Return what is kept, in the order in which it was taken."""
        return (*self._older.values(), *self._latest)

    def _outlive(self, record: CommandRecord) -> None:
        """Keep `record` beside the latest where none like it came after it."""
        key = (record.where, record.command)
        if self._newest[key] is record:
            del self._newest[key]
            self._older[key] = record
