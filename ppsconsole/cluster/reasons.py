"""Why something is said: the rule, the facts behind it, what would change it. Pure values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ppsconsole.cluster.facts import Fact
from ppsconsole.cluster.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Reason:
    """One judgement with what it rests on.

    Attributes:
        owner: The node it is about, or `cluster`.
        rule: Its stable id.
        sentence: What the rule says.
        words: What it came to.
        limit: From where on it warns and is as bad as down; empty where there is no number.
        change: What would have to be seen for another verdict.
        facts: By name, `NODE.NAME` where they are about another node than the owner.
        seen: Who sees the node how, where that is what the rule weighs; each a sentence.
    """

    owner: str
    verdict: Verdict
    rule: str
    sentence: str
    words: str
    limit: str
    change: str
    facts: Mapping[str, Fact]
    seen: tuple[str, ...] = ()

    def as_json(self, now: float) -> dict[str, Any]:
        """Return the reason for `why --json`."""
        told: dict[str, Any] = {name: getattr(self, name) for name in ("owner", "rule", "sentence", "words", "limit", "change")}
        told |= {
            "seen": list(self.seen),
            "verdict": self.verdict.value,
            "facts": {name: fact.as_json(now) for name, fact in self.facts.items()},
        }
        return told


@dataclass(frozen=True, slots=True)
class WayReason:
    """What the cost of one way rests on.

    Attributes:
        title: `failover --to db2`.
        is_blocked: It cannot be gone now.
        words: What it costs, or by what it is blocked.
        time: Where the estimate comes from, one line for each step that users wait for.
        loss: The tier, and why it is that one.
    """

    title: str
    is_blocked: bool
    words: str
    time: tuple[str, ...] = ()
    loss: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it for `why --json`."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Why:
    """One thing that happened, with what stands behind it.

    Attributes:
        headline: As the advice says it.
        remedy: What to do next; may be empty.
    """

    verdict: Verdict
    headline: str
    remedy: str
    reasons: tuple[Reason, ...]
    ways: tuple[WayReason, ...] = ()

    def as_json(self, now: float) -> dict[str, Any]:
        """Return it for `why --json`."""
        return {
            "verdict": self.verdict.value,
            "headline": self.headline,
            "remedy": self.remedy,
            "reasons": [each.as_json(now) for each in self.reasons],
            "ways": [each.as_json() for each in self.ways],
        }
