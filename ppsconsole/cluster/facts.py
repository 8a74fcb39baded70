"""Facts: values with their source and sample time. Unseen or stale is unknown, never 0 and never the last good value."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from ppsconsole.clock import iso
from ppsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """One observation.

    Attributes:
        subject: `node:NAME`, `host:NAME`, `backup:NAME` or `cluster`.
        name: A name from `ppsconsole.cluster.catalog`.
        value: What was seen: str, int, float, bool, or a tuple of frozen values; None is *unknown*.
        source: Where it comes from, as said to a person: `db1: pg_stat_replication`.
        at: When it was sampled, seconds since 1970 UTC by the console's clock.
        fresh_s: For how many seconds it may be believed; after that it is stale, and stale is unknown.
        detail: Why it is unknown, or a remark; from hosts, so data (already made `plain`).
    """

    subject: str
    name: str
    value: Any
    source: str
    at: float
    fresh_s: float = 10.0
    detail: str = ""

    @property
    def is_known(self) -> bool:
        """Whether a value was seen; says nothing about its age."""
        return self.value is not None

    def is_stale(self, now: float) -> bool:
        """Return whether the fact is older than it may be, seen from `now`."""
        return now - self.at > self.fresh_s

    def as_json(self, now: float) -> dict[str, Any]:
        """Return the fact for `status --json`: value, source, at (ISO, UTC), age_s, and detail where there is one."""
        shown: dict[str, Any] = {
            "value": _jsonable(self.value),
            "source": self.source,
            "at": iso(self.at),
            "age_s": round(max(0.0, now - self.at), 3),
        }
        if self.detail:
            shown["detail"] = self.detail
        return shown


def _jsonable(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_jsonable(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _jsonable(getattr(value, each.name)) for each in fields(value)}
    return value


TURNING = frozenset({"in_recovery"})
"""The facts whose last change is remembered: two answers from before and after it do not hold at one time."""


class Observations:
    """An immutable set of facts: the newest one for each subject and name.

    Reading applies staleness: what is too old comes back as unknown, with the old value named in its detail.
    """

    __slots__ = ("_facts", "_turns")

    def __init__(self, facts: Mapping[tuple[str, str], Fact] | None = None) -> None:
        self._facts: dict[tuple[str, str], Fact] = dict(facts or {})
        self._turns: dict[tuple[str, str], tuple[Any, float | None]] = {}

    def having(self, new: Iterable[Fact]) -> "Observations":
        """Return these observations with `new` in place of what was known before under the same subject and name."""
        merged = Observations(self._facts)
        merged._turns = dict(self._turns)
        for fact in new:
            merged._facts[fact.subject, fact.name] = fact
            if fact.is_known and fact.name in TURNING:
                merged._turn(fact)
        return merged

    def _turn(self, fact: Fact) -> None:
        """Note when a value became another one; moments without an answer in between do not count as a value."""
        key = fact.subject, fact.name
        value, at = self._turns.get(key, (fact.value, None))
        self._turns[key] = (fact.value, at if value == fact.value else fact.at)

    def turned_at(self, subject: str, name: str) -> float | None:
        """Return when a fact of `TURNING` was first seen with the value that it has, seconds since 1970 UTC.

        None when no other value was ever seen: nobody knows then how long it has had it.
        """
        return self._turns.get((subject, name), (None, None))[1]

    def get(self, subject: str, name: str, now: float) -> Fact:
        """Return the fact as it may be believed at `now`: unknown when it was never seen or has become stale."""
        fact = self._facts.get((subject, name))
        if fact is None:
            return Fact(subject, name, None, "", 0.0, detail="not seen yet")
        if fact.is_known and fact.is_stale(now):
            return Fact(subject, name, None, fact.source, fact.at, fact.fresh_s, f"stale; last seen {iso(fact.at)}")
        return fact

    def last(self, subject: str, name: str) -> Fact | None:
        """Return the last fact whatever its age, for showing what *was*; None when never seen."""
        return self._facts.get((subject, name))

    def of(self, subject: str, now: float) -> dict[str, Fact]:
        """Return all facts of `subject` by name, as they may be believed at `now`."""
        return {name: self.get(subject, name, now) for owner, name in self._facts if owner == subject}

    def __iter__(self) -> Iterator[Fact]:
        """Yield every fact as it was sampled."""
        return iter(self._facts.values())

    def __len__(self) -> int:
        """Return how many facts there are."""
        return len(self._facts)


def node_subject(name: str) -> str:
    """Return the subject of facts about the node `name`."""
    return f"node:{name}"


def host_subject(name: str) -> str:
    """Return the subject of facts about the host `name`."""
    return f"host:{name}"


def backup_subject(name: str) -> str:
    """Return the subject of facts about the place with backups `name`."""
    return f"backup:{name}"


CLUSTER_SUBJECT = "cluster"
"""The subject of facts about the service as a whole."""
