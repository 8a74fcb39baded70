"""What a plan costs: how long its steps take, and how long users are kept out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ppsconsole.plan.step import Step


@dataclass(frozen=True, slots=True)
class Cost:
    """What one verb takes.

    Attributes:
        estimate_s: Until the journal has seen it done on this cluster.
        timeout_s: Generous: a slow step is waited for, a hanging one is not waited for for ever.
    """

    estimate_s: float
    timeout_s: float


COSTS: Mapping[str, Cost] = {
    "drain": Cost(0.5, 15.0),
    "stop": Cost(2.0, 90.0),  # a service on Windows may take 90 s to end its requests
    "start": Cost(3.0, 120.0),
    "restart-service": Cost(3.0, 120.0),
    "disable": Cost(0.3, 15.0),
    "enable": Cost(0.3, 15.0),
    "end-sessions": Cost(0.3, 15.0),
    "checkpoint": Cost(1.0, 300.0),
    "stop-primary": Cost(0.2, 120.0),
    "prove-zero-loss": Cost(0.1, 30.0),
    "fence": Cost(2.0, 60.0),
    "restore-copy": Cost(30.0, 12 * 3600.0),
    "take-copy": Cost(0.5, 60.0),
    "verify-alternate": Cost(1.0, 60.0),
    "tell-users": Cost(0.1, 15.0),
    "check-home": Cost(1.0, 60.0),
    "restore-home": Cost(60.0, 24 * 3600.0),
    "tell-kept": Cost(10.0, 6 * 3600.0),
    "salvage": Cost(3.0, 900.0),  # mostly the time until a standby looks again for more log: wal_retrieve_retry_interval
    "promote": Cost(0.3, 90.0),
    "promote-snapshot": Cost(0.5, 60.0),
    "switch-database": Cost(0.5, 30.0),
    "check-connections": Cost(1.0, 60.0),
    "move-members": Cost(1.0, 30.0),
    "verify-service": Cost(1.0, 60.0),
    "follow": Cost(3.0, 180.0),
    "quarantine": Cost(0.5, 15.0),
    "install-boot-guard": Cost(0.5, 15.0),
    "check-boot-guard": Cost(0.3, 15.0),
    "remove-boot-guard": Cost(0.3, 15.0),
    "keep-lost-writes": Cost(2.0, 900.0),
    "back-up": Cost(10.0, 6 * 3600.0),  # as long as it makes progress; a line that stands still is given up much sooner
    "retain-bundles": Cost(0.5, 60.0),
    "count-bundles": Cost(0.3, 60.0),
    "verify-bundle": Cost(15.0, 6 * 3600.0),
    "prune-bundles": Cost(1.0, 900.0),
    "check-copy": Cost(1.0, 60.0),
    "close-database": Cost(0.5, 30.0),
    "start-apart": Cost(3.0, 600.0),  # crash recovery of an old primary reads all log since its last checkpoint
    "dump-database": Cost(30.0, 12 * 3600.0),
    "restore-database": Cost(60.0, 24 * 3600.0),
    "compare-databases": Cost(10.0, 6 * 3600.0),
    "swap-database": Cost(0.5, 60.0),
    "remove-dump": Cost(0.5, 120.0),
    "keep-configuration": Cost(0.3, 60.0),
    "checkpoint-source": Cost(0.5, 300.0),
    "make-slot": Cost(0.3, 30.0),
    "recover": Cost(2.0, 3600.0),  # as long as the log since its last checkpoint takes
    "try-rewind": Cost(2.0, 900.0),
    "rewind": Cost(5.0, 4 * 3600.0),
    "clone": Cost(5.0, 24 * 3600.0),
    "swap-in": Cost(0.3, 30.0),
    "start-standby": Cost(3.0, 600.0),
    "drop-stale-slots": Cost(0.3, 30.0),
    "delete-set-aside": Cost(2.0, 3600.0),
    "drop-set-aside": Cost(2.0, 600.0),  # its files are removed and a checkpoint is made
    "repoint": Cost(2.0, 120.0),
    "check-following": Cost(1.0, 120.0),
}

_LETS_IN = ("move-members", "start", "restart-service")


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast data were worked through in earlier runs.

    Attributes:
        bytes_per_s: Bytes of the database on disk, by the whole time of the step.
        size_bytes: The largest database that this was measured on.
        runs: How often.
    """

    bytes_per_s: float
    size_bytes: int
    runs: int


class Estimates(dict[str, float]):
    """Seconds by verb, learned from earlier runs; knows from how many times each.

    Attributes:
        runs: How often each verb was done.
        rates: How fast each verb went that works through a whole database.
    """

    def __init__(self, seconds: Mapping[str, float], runs: Mapping[str, int], rates: Mapping[str, Rate] | None = None) -> None:
        super().__init__(seconds)
        self.runs = dict(runs)
        self.rates = dict(rates or {})


def runs_behind(learned: Mapping[str, float], verb: str) -> int:
    """Return how often `verb` was done before; 0 where it never was, or nobody counted."""
    return learned.runs.get(verb, 0) if isinstance(learned, Estimates) else 0


def cost_of(verb: str, learned: Mapping[str, float]) -> Cost:
    """Return what `verb` takes; `learned` seconds from earlier runs go before the defaults."""
    default = COSTS[verb]
    return Cost(learned.get(verb, default.estimate_s), default.timeout_s)


def downtime_of(steps: Sequence[Step], *, is_out: bool) -> float:
    """Return for how many seconds users are kept out; see `outage_of`."""
    return round(sum(step.estimate_s for step in outage_of(steps, is_out=is_out)), 3)


def outage_of(steps: Sequence[Step], *, is_out: bool) -> tuple[Step, ...]:
    """Return the steps during which users are kept out: they are let in again when the last of them is done.

    Args:
        steps: Of the plan, in order.
        is_out: Users are kept out already: it counts from the first step, else from the first one that means something for them.
    """
    begins = [number for number, step in enumerate(steps) if step.for_users] if not is_out else [0]
    needed = [number for number, step in enumerate(steps) if not step.is_optional]
    ends = [number for number in needed if steps[number].verb == _LETS_IN[0]] or [
        number for number in needed if steps[number].verb in _LETS_IN
    ]
    return tuple(steps[begins[0] : ends[-1] + 1]) if begins and ends else ()
