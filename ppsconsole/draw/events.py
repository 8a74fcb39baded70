"""Events in lines, newest first; a flood is told as one."""

from collections.abc import Sequence

from ppsconsole.cluster.picture import Event
from ppsconsole.values import dataclass

FLOOD = 5
"""More events than this of one kind, within `TOGETHER_S`, are one thing: a bastion that went takes all behind it along."""

TOGETHER_S = 3.0


@dataclass(frozen=True, slots=True)
class Told:
    """One event, or many as one.

    Attributes:
        first: The newest of them.
        subject: Whose it is; how many nodes where there are several.
        words: What happened.
        members: All of them, newest first.
    """

    first: Event
    subject: str
    words: str
    members: tuple[Event, ...]


def grouped(events: Sequence[Event]) -> tuple[Told, ...]:
    """Return events with floods put together: many of one verdict at about one moment, or the same one again and again.

    Args:
        events: Newest first, as the result is.
    """
    found: list[Told] = []
    at = 0
    while at < len(events):
        flood = _flood(events, at)
        if len(flood) > FLOOD:
            found.append(_as_one(flood))
            at += len(flood)
            continue
        again = _again(events, at)
        first = events[at]
        words = first.words if len(again) == 1 else f"{first.words} ({len(again)} times)"
        found.append(Told(first, first.subject, words, again))
        at += len(again)
    return tuple(found)


def _flood(events: Sequence[Event], at: int) -> tuple[Event, ...]:
    """Return the events from `at` on that have its verdict and happened just before it."""
    first = events[at]
    end = at
    while end < len(events) and events[end].verdict is first.verdict and first.at - events[end].at <= TOGETHER_S:
        end += 1
    return tuple(events[at:end])


def _again(events: Sequence[Event], at: int) -> tuple[Event, ...]:
    """Return the event at `at` and those right after it that say the same of the same."""
    first = events[at]
    end = at + 1
    while end < len(events) and (events[end].subject, events[end].words) == (first.subject, first.words):
        end += 1
    return tuple(events[at:end])


def _as_one(flood: tuple[Event, ...]) -> Told:
    names = list(dict.fromkeys(each.subject for each in flood))
    words = {each.words for each in flood}
    said = next(iter(words)) if len(words) == 1 else f"{len(flood)} changes at once"
    if len(names) == 1:
        return Told(flood[0], names[0], said if len(words) > 1 else f"{said} ({len(flood)} times)", flood)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return Told(flood[0], f"{len(names)} nodes", f"{', '.join(names[:3])}{more}: {said}", flood)
