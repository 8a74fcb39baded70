"""Loss: the window of writes that a promotion gives up, and what an operator may accept of it."""

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from ppsconsole.clock import duration
from ppsconsole.errors import UsageError


class LossTier(Enum):
    """How well the loss is known. `unknown` counts as unlimited."""

    NONE = "none"
    EXACT = "exact"
    BOUNDED = "bounded"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Loss:
    """What would be lost.

    Attributes:
        window_s: From the last commit that the standby has to the first moment the primary was seen dead; None is unknown.
            Where it is exact: from the first commit that is lost to the last one, and 0 only where none is.
        missing_bytes: WAL that the standby lacks, where it is known.
        transactions: Commits lost, where they were counted.
        words: Where the numbers come from.
        is_salvage_ahead: The dead primary's log will be brought to the standby first: then nothing is lost, and the numbers are
            what is lost if that fails. It is asked for again then.
    """

    tier: LossTier
    window_s: float | None = None
    missing_bytes: int | None = None
    transactions: int | None = None
    words: str = ""
    is_salvage_ahead: bool = False

    def is_accepted_by(self, accepted_s: float | None) -> bool:
        """Return whether an operator who accepts `accepted_s` seconds accepts this; None accepts nothing but no loss.

        Args:
            accepted_s: The accepted window; `math.inf` for `unlimited`.
        """
        if self.tier is LossTier.NONE:
            return True
        if accepted_s is None:
            return False
        if self.is_salvage_ahead:
            return True  # what remains where it fails is asked for behind it
        window = float("inf") if self.tier is LossTier.UNKNOWN or self.window_s is None else self.window_s
        return window <= accepted_s

    def said(self) -> str:
        """Return the loss in a few words.

        `none (proved)`, `none (exact)`, `12 transactions, 3.2s (exact)`, `up to 3.2s (bounded)`, or
        `unknown: counts as unlimited`; with a salvage ahead `none after salvage, else 12 transactions, 3.2s (exact)`.
        """
        if self.tier is LossTier.NONE:
            return "none (proved)"
        if self.is_salvage_ahead and (self.transactions or self.tier is not LossTier.EXACT):
            return f"none after salvage, else {replace(self, is_salvage_ahead=False).said()}"
        if self.tier is LossTier.EXACT and self.window_s is not None:
            if not self.transactions:
                return "none (exact)"
            return f"{self.transactions} transaction{'' if self.transactions == 1 else 's'}, {duration(self.window_s)} (exact)"
        if self.tier is LossTier.UNKNOWN or self.window_s is None:
            return "unknown: counts as unlimited"
        return f"up to {duration(self.window_s)} ({self.tier.value})"

    def as_json(self) -> dict[str, Any]:
        """Return the loss for plans and reports."""
        return {
            "tier": self.tier.value,
            "window_s": self.window_s,
            "bytes": self.missing_bytes,
            "transactions": self.transactions,
            "words": self.words,
            "is_salvage_ahead": self.is_salvage_ahead,
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Loss":
        """Return the loss that `as_json` made."""
        numbers = (found["window_s"], found["bytes"], found["transactions"])
        return cls(LossTier(found["tier"]), *numbers, found["words"], bool(found.get("is_salvage_ahead")))


_WINDOW = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def accepted_window(text: str) -> float:
    """Return the seconds that `--accept-loss` names: `5s`, `250ms`, `2m`, `0`, or `unlimited` (infinite).

    Raises:
        UsageError: It is none of these.
    """
    if text == "unlimited":
        return float("inf")
    match = _WINDOW.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--accept-loss {text!r} is no window", remedy="Say 5s, 250ms, 2m, 0 or unlimited.")
    return float(match[1]) * _UNITS[match[2]]
