"""What is being done at this moment: shared by the runner, which sets it, and the guard, which acts for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ppsconsole.errors import BastionDown, DriverError, HostKeyRefused, LoginRefused, WorldMoved


class LeaseLost(WorldMoved):
    """Another console has taken the run over, or the lease is gone from the host: this one can do nothing more."""

    exit_code = 7


@dataclass(slots=True)
class Stage:
    """The step at hand.

    Attributes:
        step: Its id; empty between steps.
        attempt: Counts up when a step that failed is tried again.
        sent: Guarded commands of this act that may have run.
        refused: The last error that shows that its guarded command did not run.
        values: What was there before its act, as the journal has it.
        lost: The last error of a look that says that its line is gone; an action may have made a finding of it.
    """

    step: str = ""
    attempt: int = 1
    sent: int = 0
    refused: BaseException | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    lost: DriverError | None = None

    @property
    def begun(self) -> str:
        """What is noted on the host of an act, before it: whoever goes on from a copy without its record can undo it by this."""
        told = f" {json.dumps(dict(self.values), default=str)}" if self.values else ""
        return f"{self.step}/{self.attempt}{told}"

    def enter(self, step: str, attempt: int) -> None:
        """Begin with `step`."""
        self.step, self.attempt, self.values = step, attempt, {}
        self.renew()

    def renew(self) -> None:
        """Forget what was sent: a new act begins."""
        self.sent, self.refused = 0, None

    def shows_nothing_done(self, error: BaseException) -> bool:
        """Return whether `error`, raised by the act, shows that nothing at all was done by it.

        Only what the guard itself saw refused counts, and errors that come before any login. A database connection that broke
        looks like one that never was.
        """
        if self.sent > 0:
            return False
        return error is self.refused or isinstance(error, (BastionDown, HostKeyRefused, LoginRefused))
