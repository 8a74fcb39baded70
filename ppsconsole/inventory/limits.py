"""What facts are judged against, and how often things are looked at: pure values, no IO."""

from ppsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """From where on a number warns, and from where on it is as bad as down.

    For numbers where less is worse (`certificate_days`, `login_percent`) `warn` is larger than `down`.
    """

    warn: float
    down: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What facts are judged against; see `sample-inventory.yaml` for what each one means."""

    lag_s: Limit = Limit(5, 60)
    lag_bytes: Limit = Limit(16 * 2**20, 1024 * 2**20)
    loss_s: Limit = Limit(5, 60)
    front_latency_s: Limit = Limit(1, 5)
    login_s: Limit = Limit(2, 10)
    login_percent: Limit = Limit(90, 0)
    sessions_percent: Limit = Limit(80, 95)
    disk_percent: Limit = Limit(85, 95)
    certificate_days: Limit = Limit(21, 3)
    clock_skew_s: Limit = Limit(1, 30)
    transaction_s: Limit = Limit(300, 3600)
    archive_backlog: Limit = Limit(16, 128)


@dataclass(frozen=True, slots=True)
class Polling:
    """How often things are looked at.

    Attributes:
        every_s: Databases, web nodes, balancers and services.
        slow_every_s: Disks, clocks, certificates.
        timeout_s: Limit for one look at one thing.
        fresh_for: A fact older than `fresh_for` intervals is stale, and stale is unknown.
        concurrency: How many hosts are connected to at the same time.
    """

    every_s: float = 2.0
    slow_every_s: float = 30.0
    timeout_s: float = 4.0
    fresh_for: float = 3.0
    concurrency: int = 32
