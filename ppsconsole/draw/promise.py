"""What was promised to users, said beside what a plan or a run costs."""

from dataclasses import dataclass
from typing import Self

from ppsconsole.clock import duration
from ppsconsole.draw.text import Span
from ppsconsole.inventory.model import Cluster


@dataclass(frozen=True, slots=True)
class Promises:
    """The objectives of a cluster.

    Attributes:
        downtime_s: The longest outage, in seconds; None where nothing was promised.
        loss_s: The longest window of lost writes, in seconds; 0 promises that none is lost, None nothing.
    """

    downtime_s: float | None = None
    loss_s: float | None = None

    @classmethod
    def of(cls, cluster: Cluster) -> Self:
        """Return those that the inventory has."""
        return cls(cluster.downtime_objective_s, cluster.loss_objective_s)


NO_PROMISES = Promises()


def promise_said(promised_s: float | None, *, is_kept: bool) -> tuple[Span, ...]:
    """Return the promise, and whether it is broken, as what stands behind the number; nothing where nothing was promised."""
    if promised_s is None:
        return ()
    said = duration(promised_s).replace(".0s", "s")
    return (Span(f"  promised {said}", "dim"),) if is_kept else (Span(f"  MORE than the promised {said}", "down"),)
