"""Verdicts: a fact judged against a limit."""

from collections.abc import Iterable
from enum import Enum

from ppsconsole.values import dataclass


class Verdict(Enum):
    """How a fact was judged. `off` is meant to be so: a disabled or unused thing."""

    OK = "ok"
    WARN = "warn"
    DOWN = "down"
    OFF = "off"
    UNKNOWN = "unknown"


_LOUDNESS = {Verdict.OFF: 0, Verdict.OK: 1, Verdict.UNKNOWN: 2, Verdict.WARN: 3, Verdict.DOWN: 4}


def worst(verdicts: Iterable[Verdict], default: Verdict = Verdict.UNKNOWN) -> Verdict:
    """Return the loudest verdict: down, warn, unknown, ok, off; `default` when there is none to choose from."""
    return max(verdicts, key=_LOUDNESS.__getitem__, default=default)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One fact, judged.

    Attributes:
        subject: The node it is about, or `cluster`.
        rule: Name of the rule, mostly that of the fact: stable, for grep.
        words: One sentence without its full stop, e.g. `lag 0.8s`.
        limit: What it was judged against, e.g. `warns from 5s`; may be empty.
    """

    subject: str
    rule: str
    verdict: Verdict
    words: str
    limit: str = ""
