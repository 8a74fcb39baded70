"""The keys of the inventory file for limits and polling; see `table`."""

from ppsconsole.inventory.kinds import Kind
from ppsconsole.inventory.limits import Limit, Limits, Polling
from ppsconsole.inventory.measures import Whole, duration, number, size
from ppsconsole.inventory.shapes import Field, Record


def _limit(name: str, kind: Kind, about: str) -> Field:
    fields = [Field("warn", kind, "From here on it warns."), Field("down", kind, "From here on it is as bad as down.")]
    return Field(name, Record("limit", Limit, fields), about)


_PERCENT = number("percent", 0, 100)
_COUNT = number("a count", 0, 1e9)

LIMITS = Record(
    "limits",
    Limits,
    [
        _limit("lag_s", duration(0), "Time by which a standby is behind."),
        _limit("lag_bytes", size(), "Log that a standby lacks."),
        _limit("loss_s", duration(0), "What a failover at this moment would lose."),
        _limit("front_latency_s", duration(0), "Answer time through the front."),
        _limit("login_s", duration(0), "Time that a login through the front takes."),
        _limit("login_percent", _PERCENT, "Share of the last logins that got in; fewer is worse."),
        _limit("sessions_percent", _PERCENT, "Database sessions in percent of what is allowed."),
        _limit("disk_percent", _PERCENT, "Fullest watched file system."),
        _limit("certificate_days", number("days", 0, 36600), "Days until a certificate ends; fewer is worse."),
        _limit("clock_skew_s", duration(0), "Difference of a host's clock."),
        _limit("transaction_s", duration(0), "Age of the oldest open transaction."),
        _limit("archive_backlog", _COUNT, "Log files that wait to be archived."),
    ],
    about="What facts are judged against.",
)

POLLING = Record(
    "polling",
    Polling,
    [
        Field("every_s", duration(0.1, 3600), "Interval for databases, web nodes, balancers and services."),
        Field("slow_every_s", duration(0.1, 86400), "Interval for disks, clocks and certificates."),
        Field("timeout_s", duration(0.1, 300), "Limit for one look at one thing."),
        Field("fresh_for", number("intervals", 1, 1000), "A fact older than this many intervals is stale."),
        Field("concurrency", Whole(1, 1000), "How many hosts are connected to at the same time."),
    ],
    about="How often things are looked at.",
)
