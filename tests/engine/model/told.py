"""What came of a story."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Told:
    """What came of a story.

    Attributes:
        wrongs: What must not be; empty when all is well.
        verdicts: How each run ended, or `refused` where none was begun.
        states: Marks of the states that were passed.
        trace: What happened, a line each.
        events: What the journals have, without times: kind, step, outcome.
    """

    wrongs: list[str] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    states: set[int] = field(default_factory=set)
    trace: list[str] = field(default_factory=list)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    runs: int = 0
