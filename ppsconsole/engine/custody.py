"""What a runner is given to keep, and what it gives back: plain contracts between it, the session and whoever drives it."""

from dataclasses import dataclass
from typing import Protocol

from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict


@dataclass(frozen=True, slots=True)
class RunResult:
    """How far a run came.

    Attributes:
        verdict: What it would end as now, when it is open.
        is_open: Somebody has to resume it, retry, back out or abandon it.
        words: Why it stands where it does.
    """

    verdict: RunVerdict
    is_open: bool
    words: str


class Custody(Protocol):
    """What the runner asks of whoever keeps the lease and the copies beside it."""

    def check(self) -> None:
        """Look whether the lease is still held, as far as is known.

        Raises:
            LeaseLost: It is not.
        """
        ...

    async def confirm(self) -> None:
        """Ask the hosts whether the lease is still held.

        Raises:
            LeaseLost: It is not.
        """
        ...

    async def settle(self, *, is_whole: bool = False) -> None:
        """Wait until what was recorded of earlier steps has been copied to the required hosts, or could not be.

        Args:
            is_whole: Also how the step right before ended, which else is awaited by the next one.
        """
        ...

    async def flush(self) -> None:
        """Wait until everything that was recorded has been copied to all hosts, or could not be."""
        ...

    def saw(self, event: RunEvent) -> None:
        """Take note of an event that is durable; must not block."""
        ...
