"""What it takes to copy a whole database: by its size, and by how fast earlier runs here were, else by cautious defaults."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from ppsconsole.clock import duration
from ppsconsole.cluster.judging import size
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.costs import Estimates, Rate

CAUTIOUS: Mapping[str, float] = {"dump-database": 20e6, "restore-database": 6e6, "compare-databases": 20e6}
"""Bytes of the database on disk per second, until a run here has measured it. They are chosen, not measured: well below what one
spinning disk that others use as well gives, and lowest where indexes are built; nobody is glad of an end that comes late.
`python -m tests.bench restore` tells what a machine really does."""

HOME: Mapping[str, float] = {"back-up": 10e6, "restore-home": 3.5e6}
"""The same of what comes home from an alternate server. It goes through the console, encrypted, and twice: as a bundle, and out
of it. Both databases are hashed behind it, which is part of the second step."""

_SPEEDS = {**CAUTIOUS, **HOME}
_WORDS = {
    "dump-database": "dumped",
    "restore-database": "restored",
    "compare-databases": "compared",
    "back-up": "written as a bundle",
    "restore-home": "restored and compared",
}
_BEGINS_S = 1.0
"""What a step takes with nothing to copy, in seconds: logins, and what is looked at before and behind it."""
_LIKE = 0.5
"""Databases of at least this share of the largest one are what a rate is taken from: what a step takes anyway weighs more in
small ones."""


def rate_of(measured: Iterable[tuple[int, float]]) -> Rate | None:
    """Return the rate that earlier runs give, the median of the larger ones; None where none tells.

    Args:
        measured: Bytes and seconds of each.
    """
    known = [(size_bytes, took_s) for size_bytes, took_s in measured if size_bytes > 0 and took_s > 0]
    if not known:
        return None
    largest = max(size_bytes for size_bytes, _ in known)
    like = [size_bytes / took_s for size_bytes, took_s in known if size_bytes >= largest * _LIKE]
    return Rate(median(like), largest, len(like))


def worked_through(verb: str, values: Mapping[str, Any]) -> int | None:
    """Return how many bytes of a database on disk a step of an earlier run worked through, by what it noted.

    Returns:
        None where `verb` is none of those that a rate is learned of, 0 where it did not note it.
    """
    if verb in HOME:  # the bytes of a bundle, which is compressed, are not those of its database
        return int(values.get("database_bytes") or 0)
    return int(values.get("bytes") or 0) if verb in CAUTIOUS else None


def sized(steps: Sequence[Step], source: str, background: Background) -> tuple[Step, ...]:
    """Return the steps; the time of those that copy is estimated by the size of the database of `source`, where that is known."""
    total = background.sizes.get(source)
    if total is None:
        return tuple(steps)
    return tuple(
        replace(step, estimate_s=_seconds(step.verb, total, background)) if step.verb in _SPEEDS else step for step in steps
    )


def basis_said(source: str, background: Background, verbs: Iterable[str] = CAUTIOUS) -> str:
    """Return in short what the estimate of steps of these verbs rests on."""
    total = background.sizes.get(source)
    if total is None:
        return f"a guess: how large the database of {source} is was not seen"
    rates = [_rate(verb, background) for verb in verbs]
    if None not in rates:
        return f"for its {size(total)}, as fast as earlier runs here"
    how = "in part by cautious defaults" if any(rates) else "by cautious defaults: no run here has measured it"
    return f"for its {size(total)}, {how}"


def parts_said(source: str, background: Background, verbs: Iterable[str] = CAUTIOUS) -> str:
    """Return what each part of copying the database of `source` takes, and who says so; its size has to be known."""
    total = background.sizes[source]
    told = []
    for verb in verbs:
        rate = _rate(verb, background)
        if rate is None:
            by = f"{size(_SPEEDS[verb])}/s, a cautious default"
        else:
            runs = "1 run" if rate.runs == 1 else f"{rate.runs} runs"
            by = f"{size(rate.bytes_per_s)}/s, measured on {size(rate.size_bytes)} in {runs}"
        told.append(f"{_WORDS[verb]} in about {duration(_seconds(verb, total, background))} ({by})")
    return f"the database of {source} has {size(total)}: {', '.join(told)}"


def _rate(verb: str, background: Background) -> Rate | None:
    return background.estimates.rates.get(verb) if isinstance(background.estimates, Estimates) else None


def _seconds(verb: str, total: int, background: Background) -> float:
    rate = _rate(verb, background)
    if rate is None:
        return round(_BEGINS_S + total / _SPEEDS[verb], 3)
    return round(max(_BEGINS_S, total / rate.bytes_per_s), 3)
