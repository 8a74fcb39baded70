"""What every probe is: something that reads facts about one target, and says which facts it is responsible for."""

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

from ppsconsole.clock import Clock
from ppsconsole.cluster.facts import Fact
from ppsconsole.errors import DriverError, SecretError
from ppsconsole.masking import plain
from ppsconsole.values import dataclass

FAILURES = (DriverError, SecretError)
"""What a look may fail with: each becomes a fact, none ends the looking."""


class Probe(Protocol):
    """Reads facts about one target on a timer of its own."""

    @property
    def target(self) -> str:
        """The node or host that is looked at, as shown when it is waited for."""
        ...

    @property
    def every_s(self) -> float:
        """Seconds between two looks."""
        ...

    async def read(self) -> tuple[Fact, ...]:
        """Look once. What could not be seen comes back as unknown facts; nothing is raised for a broken target."""
        ...


@runtime_checkable
class Restrained(Protocol):
    """A probe that stops trying by itself where trying again would do harm."""

    def allow(self) -> None:
        """Let the next look try once more."""
        ...


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the facts of one look have in common.

    Attributes:
        subject: `node:NAME` or `host:NAME`.
        source: As said to a person.
        at: When it was sampled.
        fresh_s: For how long it may be believed.
    """

    subject: str
    source: str
    at: float
    fresh_s: float

    def fact(self, name: str, value: Any, detail: str = "") -> Fact:
        """Return one fact of this look."""
        return Fact(self.subject, name, value, self.source, self.at, self.fresh_s, detail)

    def unknown(self, names: Iterable[str], why: str) -> tuple[Fact, ...]:
        """Return unknown facts: the last good values are not shown on."""
        detail = plain(why)
        return tuple(self.fact(name, None, detail) for name in names)


def word_for(error: DriverError | SecretError) -> str:
    """Return the stable word for a failure; a refused connection is told apart from a silent one."""
    return "refused" if getattr(error, "is_refused", False) else error.word


def words_of(error: DriverError | SecretError) -> str:
    """Return what happened and what to do, harmless; whom it is about is told by the fact's subject."""
    return plain(f"{error.what}. {error.remedy}" if error.remedy else error.what, 700)


def stamp(clock: Clock, subject: str, source: str, every_s: float, fresh_for: float, timeout_s: float) -> Stamp:
    """Return the stamp for a look that ends now: believed for `fresh_for` intervals, and for the time a look may take."""
    return Stamp(subject, source, clock.now(), every_s * fresh_for + timeout_s)
