"""What the console shows pictures from: the monitor, or a scripted stand-in."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from ppsconsole.cluster.picture import CommandRecord, Picture


class Source(Protocol):
    """Makes pictures."""

    async def run(self) -> None:
        """Look at things until cancelled."""
        ...

    def pictures(self) -> AsyncIterator[Picture]:
        """Yield the newest picture, the first one at once."""
        ...


@runtime_checkable
class Recording(Protocol):
    """A source that keeps what was sent, also by others than its own probes."""

    def record(self, command: CommandRecord) -> None:
        """Keep a command that was sent."""
        ...


@runtime_checkable
class Nudgeable(Protocol):
    """A source that can be told to look now."""

    def nudge(self) -> None:
        """Look at everything now instead of at its next time."""
        ...


@runtime_checkable
class Insistent(Protocol):
    """A source that stops trying by itself where trying again would do harm, until somebody asks for it."""

    def insist(self) -> None:
        """Look at everything now, also at what it has stopped trying."""
        ...
