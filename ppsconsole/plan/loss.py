"""Loss: the window of writes that a promotion gives up, and what an operator may accept of it."""

import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal
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

        `none (proved)`, `none (exact)`, `12 transactions, 3.2s (exact)`, `at most 3.2s (bounded)`, or
        `unknown: counts as unlimited`; with a salvage ahead `none after salvage, else 12 transactions, 3.2s (exact)`. The
        window is `window_said`, the same as `to_accept` offers.
        """
        if self.tier is LossTier.NONE:
            return "none (proved)"
        if self.is_salvage_ahead and (self.transactions or self.tier is not LossTier.EXACT):
            return f"none after salvage, else {replace(self, is_salvage_ahead=False).said()}"
        if self.tier is LossTier.EXACT and self.window_s is not None:
            if not self.transactions:
                return "none (exact)"
            return f"{self.transactions} transaction{'' if self.transactions == 1 else 's'}, {window_said(self.window_s)} (exact)"
        if self.tier is LossTier.UNKNOWN or self.window_s is None:
            return "unknown: counts as unlimited"
        return f"at most {window_said(self.window_s)} ({self.tier.value})"

    @property
    def to_accept(self) -> str:
        """The least that `--accept-loss` has to name so that it covers this: the figure that `said` tells, and no more."""
        if self.tier is LossTier.NONE or self.is_salvage_ahead:
            return "0"
        if self.tier is LossTier.UNKNOWN or self.window_s is None:
            return "unlimited"
        return window_said(self.window_s)

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


_STEPS = ((0.1, "0.001"), (10.0, "0.1"), (3600.0, "1"), (48 * 3600.0, "60"), (math.inf, "3600"))
"""Below which length a window is told in steps of how many seconds; up to two days as `ppsconsole.clock.duration` says them."""


def window_said(window_s: float) -> str:
    """Return a window as it is told and as `--accept-loss` takes it, rounded up, once: `18ms`, `3.2s`, `1m35s`, `26h01m`, `73h`.

    Every place tells a loss with these words, so that none tells less than another, and what is read can be typed.
    """
    for limit_s, step in _STEPS:
        found_s = float(math.ceil(Decimal(str(window_s)) / Decimal(step)) * Decimal(step))
        if found_s < limit_s:
            return duration(found_s) if found_s < _STEPS[-2][0] else f"{found_s / 3600:.0f}h"
    raise ValueError(f"{window_s} is no length of time")


_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_WINDOW = re.compile(rf"\d+(?:\.\d+)?|(?:{_PART.pattern})+")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def accepted_window(text: str) -> float:
    """Return the seconds that `--accept-loss` names: `5s`, `250ms`, `2m`, `1m35s`, `0`, or `unlimited` (infinite).

    Raises:
        UsageError: It is none of these.
    """
    if text == "unlimited":
        return float("inf")
    said = text.strip()
    parts = _PART.findall(said)
    units = [unit for _, unit in parts]
    if _WINDOW.fullmatch(said) is None or units != [unit for unit in _UNITS if unit in units]:
        raise UsageError(f"--accept-loss {text!r} is no window", remedy="Say 5s, 250ms, 2m, 1m35s, 0 or unlimited.")
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else float(said)


def accepted_said(answer: str) -> str:
    """Return what was accepted, as it stands beside a loss: `accepted up to 2m00s`, or `any loss accepted`.

    Raises:
        UsageError: The answer is no window.
    """
    accepted_s = accepted_window(answer)
    return "any loss accepted" if math.isinf(accepted_s) else f"accepted up to {window_said(accepted_s)}"
