"""A line that is gone for a moment: waited for within bounds, told to the operator, and never acted over.

A bastion that is away for a second must not send a whole switchover back. So a look that a lost line left unanswered is made
again, and so is an act that provably was not begun. An act that may have been begun is answered by looking, never by a second
one.
"""

from dataclasses import dataclass, field

from ppsconsole.actions.base import Workbench
from ppsconsole.clock import duration
from ppsconsole.errors import DriverError, TimedOut, Unreachable

LINE_BACK_S = 5.0
"""For how long a lost line is waited for: users may be waiting meanwhile, and a host that is gone for good stays away."""

WAY_BACK_S = 4.0
"""The same on the way back: there may be no primary that could come back, and then that is to be said soon."""

TRY_EVERY_S = 1.0


def lost_line(error: BaseException | None) -> DriverError | None:
    """Return `error` where it says that a line is gone or silent; None for all else: a port that is closed was answered for."""
    if isinstance(error, TimedOut) or (isinstance(error, Unreachable) and not error.is_refused):
        return error
    return None


@dataclass(slots=True)
class LineWait:
    """Waits for lines during one look or act of a step; what is waited for, and how it ended, is live output of the run.

    Attributes:
        limit_s: At most so long together, in seconds.
    """

    bench: Workbench
    limit_s: float
    _until: float | None = None
    _told: dict[str, float] = field(default_factory=dict)

    async def is_worth_another(self, error: DriverError) -> bool:
        """Wait a moment after `error`, and return whether to try again; not once the time is up or a hold was asked for."""
        now = self.bench.clock.monotonic()
        if self._until is None:
            self._until = now + self.limit_s
        left_s = self._until - now
        if left_s <= 0 or self.bench.is_hold_wanted():
            return False
        where = error.where or "the host"
        if where not in self._told:
            self._told[where] = now
            self.bench.say(f"the line to {where} is gone ({error.what}): trying again for {duration(left_s)}")
        await self.bench.clock.sleep(min(TRY_EVERY_S, left_s))
        return True

    def ended(self, *, is_back: bool) -> None:
        """Tell how the waiting ended; nothing where nothing was waited for."""
        now = self.bench.clock.monotonic()
        for where, since in self._told.items():
            word = "is back after" if is_back else "is still gone after"
            self.bench.say(f"the line to {where} {word} {duration(now - since)}")
        self._told.clear()
