"""Events of a run: durable in the journal before their step acts, and before anyone sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

EventKind = Literal[
    "run-started",
    "lease-taken",
    "gate-answered",
    "step-started",  # written before the act: after a crash this step's outcome is unknown and it is verified first
    "step-checked",  # what precheck found, durable before the act: undo puts back what was there
    "command-sent",
    "output",
    "proof-made",
    "issue-noted",  # something that did not stop the run, and keeps it from being a plain success
    "issue-over",  # it is well again: `data["issue"]` are the words it was noted with
    "step-finished",
    "undo-started",
    "undo-finished",
    "held",
    "resumed",
    "taken-over",
    "run-finished",
]


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One thing that happened in a run.

    Attributes:
        run: The run's id.
        number: Counts up by one within the run; the order, whatever clocks do.
        at: Seconds since 1970 UTC by the console's clock.
        step: The step it belongs to; empty for the run as a whole.
        words: For people; masked and harmless.
        data: For programs: outcome, proof, verdict, answers; JSON values, no secret in them.
    """

    run: str
    number: int
    at: float
    kind: EventKind
    step: str = ""
    words: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the event for the journal's copy on the hosts and for reports."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "data"} | {"data": dict(self.data)}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "RunEvent":
        """Return the event that `as_json` made."""
        return cls(**found)
