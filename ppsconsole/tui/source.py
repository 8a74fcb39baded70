"""What the console shows pictures from: the monitor, or a scripted stand-in."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from ppsconsole.cluster.picture import Picture


class Source(Protocol):
    """Makes pictures."""

    async def run(self) -> None:
        """Look at things until cancelled."""
        ...

    def pictures(self) -> AsyncIterator[Picture]:
        """Yield the newest picture, the first one at once."""
        ...


@runtime_checkable
class Nudgeable(Protocol):
    """A source that can be told to look now."""

    def nudge(self) -> None:
        """Look at everything now instead of at its next time."""
        ...
