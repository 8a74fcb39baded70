"""The values of facts as a person says them."""

from collections.abc import Callable
from typing import Any

from ppsconsole.clock import duration, iso
from ppsconsole.cluster.catalog import unit_of
from ppsconsole.cluster.copies import Copy
from ppsconsole.cluster.database import Receiver, Replica, Sessions, Slot
from ppsconsole.cluster.judging import size
from ppsconsole.cluster.keys import KeyFile
from ppsconsole.cluster.snapshot import Member
from ppsconsole.draw.words import age_said


def value_said(name: str, value: Any, now: float) -> tuple[str, ...]:
    """Return what to show for `value` of the fact called `name`, one line for each thing in it; at least one line.

    Args:
        name: A name of the catalog; `host.` in front is ignored.
        value: The fact's value; None is unknown.
        now: Seconds since 1970 UTC, for values that are moments.
    """
    if value is None:
        return ("unknown",)
    if isinstance(value, tuple):
        return tuple(line for each in value for line in value_said(name, each, now)) or ("none",)
    teller = _TELLERS.get(type(value))
    if teller is not None:
        return (teller(value),)
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    if isinstance(value, (int, float)):
        return (_number_said(name.removeprefix("host."), value, now),)
    return (str(value),)


def _number_said(name: str, value: float, now: float) -> str:
    if name == "version":
        # server_version_num: since PostgreSQL 10 the major version times 10000 plus the minor one.
        return f"{int(value) // 10000}.{int(value) % 10000}"
    if name.endswith("_at"):
        return f"{iso(value)}, {age_said(value, now)}"
    unit = unit_of(name)
    if unit == "s":
        return duration(value)
    if unit == "bytes":
        return size(value)
    if unit == "%":
        return f"{value:.0f}%"
    if unit == "days":
        return f"{value:.0f} day" if round(value) == 1 else f"{value:.0f} days"
    return f"{value:g}" if isinstance(value, float) else str(value)


def lag_said(lag_bytes: int | None, lag_s: float | None) -> str:
    """Return a lag as bytes and time, e.g. `12kB 0.2s`; what is unknown is said to be so."""
    if lag_bytes is None and lag_s is None:
        return "lag unknown"
    missing = "bytes unknown," if lag_bytes is None else size(lag_bytes)
    return f"{missing} {duration(lag_s)}" if lag_s is not None else f"{missing}, time unknown"


def _replica(row: Replica) -> str:
    lag = lag_said(row.unflushed_bytes, row.flush_lag_s)
    return f"{row.application_name} at {row.client_addr}: {row.state}, {row.sync_state}, behind {lag}"


def _receiver(row: Receiver) -> str:
    if row.status == "none":
        return "no receiver runs"
    heard = "" if row.message_age_s is None else f", heard {duration(row.message_age_s)} ago"
    slot = f", slot {row.slot_name}" if row.slot_name else ""
    return f"{row.status} from {row.sender_host}:{row.sender_port}{slot}{heard}"


def _slot(row: Slot) -> str:
    kept = "" if row.retained_bytes is None else f", keeps {size(row.retained_bytes)}"
    return f"{row.name}: {row.kind}, {'active' if row.is_active else 'not active'}{kept}" + (
        f", WAL {row.wal_status}" if row.wal_status else ""
    )


def _sessions(row: Sessions) -> str:
    return f"{row.count} from {row.client_addr}: {row.application_name or 'unnamed'}, {row.user}@{row.database}"


def _key_file(row: KeyFile) -> str:
    return f"{row.path}: {row.state}"


def _member(row: Member) -> str:
    return f"{row.web_node or 'unknown to the inventory'} at {row.address}: {row.state}"


def _copy(row: Copy) -> str:
    doubt = "" if row.is_verified else ", NOT VERIFIED"
    return f"{row.database}: {row.bundle} of {row.cluster}, taken {iso(row.taken_at)}, {size(row.size_bytes)}{doubt}"


_TELLERS: dict[type, Callable[[Any], str]] = {
    Replica: _replica,
    Receiver: _receiver,
    Slot: _slot,
    Sessions: _sessions,
    Member: _member,
    Copy: _copy,
    KeyFile: _key_file,
}
