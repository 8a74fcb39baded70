"""How a step and a run end."""

from enum import Enum

SECOND_PRIMARY = "second_primary"
"""What a look names so among its values was found to take writes beside the run's new primary: no such run is a success."""


class Outcome(Enum):
    """How a step ended. `unknown` (the line dropped while it ran) is never retried blindly: it is verified first."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"
    HELD = "held"


class RunVerdict(Enum):
    """How a run ended."""

    SUCCESS = "success"
    SUCCESS_WITH_ISSUES = "success-with-issues"
    ROLLED_BACK = "rolled-back"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """What a command exits with when its run ends so (DESIGN §4)."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    RunVerdict.SUCCESS: 0,
    RunVerdict.SUCCESS_WITH_ISSUES: 8,
    RunVerdict.ROLLED_BACK: 4,
    RunVerdict.INCOMPLETE: 5,
    RunVerdict.FAILED: 1,
    RunVerdict.UNKNOWN: 6,
}
EXIT_BLOCKED = 3
