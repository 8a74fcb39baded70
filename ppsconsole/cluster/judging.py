"""Numbers against limits: pure, shared by all judges."""

from ppsconsole.clock import duration
from ppsconsole.cluster.verdicts import Judgement, Verdict
from ppsconsole.inventory.limits import Limit


def against(value: float | None, limit: Limit) -> Verdict:
    """Return how `value` stands against `limit`; where less is worse `warn` is larger than `down`.

    Args:
        value: None is unknown, and so is its verdict.
        limit: Both borders belong to the worse side.
    """
    if value is None:
        return Verdict.UNKNOWN
    if limit.warn > limit.down:
        value, limit = -value, Limit(-limit.warn, -limit.down)
    if value >= limit.down:
        return Verdict.DOWN
    return Verdict.WARN if value >= limit.warn else Verdict.OK


def limit_words(limit: Limit, unit: str) -> str:
    """Return the first border as it is drawn beside a gauge: `<5s`, `>21d`, `<85%`."""
    sign = ">" if limit.warn > limit.down else "<"
    return sign + amount(limit.warn, unit)


def calm(value: float, limit: Limit, unit: str) -> str:
    """Return a number as `amount` says it; a time far below its limit only as that, so that nothing ticks where all is well.

    What a round trip takes moves by milliseconds with each look: below a tenth of the limit it is not told more exactly.
    """
    small = calm_below(limit.warn)
    return f"<{amount(small, unit)}" if unit == "s" and 0 <= value < small else amount(value, unit)


def calm_below(warn: float) -> float:
    """Return below which time the exact value says nothing, for something that warns from `warn` seconds on."""
    return warn / 10


def amount(value: float, unit: str) -> str:
    """Return a value as said to a person.

    Args:
        value: In `unit`.
        unit: `s`, `%`, `days`, `bytes`, `age`, or empty for a plain count. An `age` is seconds that only grow: they are said
            so coarse that what is shown does not tick.
    """
    if unit == "age":
        return age(value)
    if unit == "s":
        return duration(value).replace(".0s", "s")
    if unit == "bytes":
        return size(value)
    if unit == "days":
        return f"{value:.0f}d"
    if unit == "%":
        return f"{value:.0f}%"
    return f"{value:.0f}"


def age(seconds: float) -> str:
    """Return an age in full hours, from two days on in days: `<1h`, `26h`, `3d`."""
    hours = int(seconds // 3600)
    if hours < 1:
        return "<1h"
    return f"{hours}h" if hours < 48 else f"{hours // 24}d"


def size(count: float) -> str:
    """Return a number of bytes as `0B`, `12kB`, `1.2GB` (steps of 1024, as PostgreSQL counts)."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1024:
            return f"{count:.0f}{unit}" if unit == "B" or abs(count) >= 10 else f"{count:.1f}{unit}"
        count /= 1024
    return f"{count:.1f}TB"


def judged(subject: str, rule: str, value: float | None, limit: Limit, words: str, unit: str) -> Judgement:
    """Return the judgement of a number: `words` followed by the value as `calm` says it, and the limit in words.

    Args:
        subject: The node it is about.
        rule: Name of the rule.
        value: None for unknown.
        limit: Where it warns and where it is as bad as down.
        words: What the number is: `disk`, `lag`.
        unit: See `amount`.
    """
    said = "unknown" if value is None else calm(value, limit, unit)
    return Judgement(subject, rule, against(value, limit), f"{words} {said}", limit_words(limit, unit))
