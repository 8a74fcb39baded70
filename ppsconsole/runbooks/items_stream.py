"""Preflight: is the standby a faithful copy of this primary, and would it take over at once?"""

import re

from ppsconsole.clock import duration
from ppsconsole.cluster.database import Receiver, Replica
from ppsconsole.cluster.judging import against, size
from ppsconsole.cluster.verdicts import Verdict, worst
from ppsconsole.plan.preflight import Item
from ppsconsole.probes.judge_database import MESSAGE_FRESH_S, instance_at
from ppsconsole.runbooks.case import Case, failing, ok, settings_of, unseen
from ppsconsole.runbooks.items_settings import smaller_parameters
from ppsconsole.runbooks.remedies import LOOK_AGAIN, may_see, psql, reloaded

_UNITS = {"": 0.001, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SETTING = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d|)")


def seconds(setting: str) -> float | None:
    """Return a PostgreSQL time setting in seconds: `5s`, `100ms`, `1min`; a bare number is milliseconds; None if it is none."""
    match = _SETTING.fullmatch(setting.strip())
    return None if match is None else float(match[1]) * _UNITS[match[2]]


def fresh_facts(case: Case) -> Item:
    """Return whether both instances answer now and everything was looked at."""
    name = "fresh-facts"
    silent = [node.name for node in (case.old, case.new) if node.value("sql") != "ok"]
    if silent:
        words = f"{', '.join(silent)} did not answer at the last look"
        return failing(name, words, LOOK_AGAIN, is_blocking=True)
    if not case.snapshot.is_complete:
        return failing(
            name, "not everything was looked at yet", "Wait for the first whole look, then plan again", is_blocking=True
        )
    return ok(name, f"{case.old.name} and {case.new.name} answer, everything was looked at", is_blocking=True)


def same_cluster(case: Case) -> Item:
    """Return whether both are copies of one database cluster."""
    name = "same-cluster"
    known = {}
    for node in (case.old, case.new):
        identifier = node.value("system_identifier") or node.value("control_system_identifier")
        if identifier is not None:
            known[node.name] = str(identifier)
    if len(known) < 2:
        missing = [node.name for node in (case.old, case.new) if node.name not in known]
        return unseen(name, f"the system identifier of {', '.join(missing)} is not known", is_blocking=True)
    if len(set(known.values())) > 1:
        said = ", ".join(f"{node} is {identifier}" for node, identifier in known.items())
        remedy = "One of them serves something else. On each: pg_controldata -D DATA-DIRECTORY | grep identifier"
        return failing(name, f"system identifiers differ: {said}", remedy, is_blocking=True)
    return ok(name, f"both have system identifier {next(iter(known.values()))}", is_blocking=True)


def streaming(case: Case) -> Item:
    """Return whether the standby streams, and from this primary: by what both of them say."""
    name, stream = "streaming", case.stream
    receiver: Receiver | None = case.new.value("receiver")
    new, old = case.new.name, case.old.name
    if stream is None or stream.state == "unknown" or receiver is None:
        return unseen(name, f"the replication state of {new} is not known", may_see(case.inventory, new), is_blocking=True)
    if receiver.status != "streaming":
        remedy = f"Its log says why it cannot connect: ppsconsole logs {new} --grep wal"
        why = "its receiver does not run" if receiver.status == "none" else f"its receiver: {receiver.status}"
        return failing(name, f"{new} does not stream: {why}", remedy, is_blocking=True)
    said = _another_sender(case, receiver)
    is_silent = receiver.message_age_s is not None and receiver.message_age_s > MESSAGE_FRESH_S
    if not said and is_silent:
        return _silent(case, receiver)
    said = said or _not_known(case, receiver)
    if said:
        remedy = f"{_conninfo_of(new)}; let {new} follow {old}, or choose another standby"
        if case.old.value("replicas") == ():  # given up by a primary that it goes on waiting for, or none of this primary at all
            remedy += f". Where that is {old}, have it connect anew. {_connected_anew(new)}"
        return failing(name, said, remedy, is_blocking=True)
    if stream.state == "broken":
        return failing(name, f"{new} does not stream: {stream.label}", f"ppsconsole logs {new} --grep wal", is_blocking=True)
    if stream.state == "catching-up":
        remedy = f"Wait until it streams: {psql(old, 'SELECT * FROM pg_stat_replication')}"
        return failing(name, f"{new} is still catching up ({stream.label})", remedy, is_blocking=True)
    if instance_at(case.inventory, receiver.sender_host or "") is None and case.old.value("replicas") is None:
        words = f"{new} streams from {receiver.sender_host}, and whether that is {old} nobody said"
        return unseen(name, words, may_see(case.inventory, old), is_blocking=True)
    return ok(name, f"{new} streams from {old}", is_blocking=True)


def _silent(case: Case, receiver: Receiver) -> Item:
    """Return how a receiver is set going that calls itself streaming and hears nothing; its sender may have given up by now."""
    new, old = case.new.name, case.old.name
    words = f"{new} says that it streams, and has heard nothing from {old} for {duration(receiver.message_age_s or 0.0)}"
    if case.old.value("replicas") == ():
        words += ", which sends to nobody by now"
    return failing("streaming", words, f"Have it connect anew. {_connected_anew(new)}", is_blocking=True)


def _connected_anew(new: str) -> str:
    """Return how the receiver of `new` is ended, so that another one connects."""
    ended = psql(new, "SELECT pg_terminate_backend(pid) FROM pg_stat_wal_receiver")
    # One that was stopped (SIGSTOP, a debugger) takes no other signal before it is let go on; SIGKILL takes the server down.
    waked = 'psql -Atc "SELECT pid FROM pg_stat_wal_receiver" | xargs -r kill -CONT'
    return f"{ended}; where the same one stays, its process was stopped; then {waked}; never kill -9 it"


def _another_sender(case: Case, receiver: Receiver) -> str:
    """Return that the standby streams from another instance than this primary; empty where it does not, or nobody can tell."""
    named = instance_at(case.inventory, receiver.sender_host) if receiver.sender_host is not None else None
    return f"{case.new.name} streams from {named}, not from {case.old.name}" if named not in (None, case.old.name) else ""


def _not_known(case: Case, receiver: Receiver) -> str:
    """Return how the primary knows of others only; empty where it knows of this standby, or nobody can tell."""
    new, old = case.new.name, case.old.name
    replicas: tuple[Replica, ...] | None = case.old.value("replicas")
    if replicas is None or any(_is_row_of(case, each) for each in replicas):
        return ""
    if not replicas:
        return f"{old} knows of no standby although {new} says it streams from {receiver.sender_host}"
    known = ", ".join(f"{each.application_name} ({each.client_addr})" for each in replicas)
    return f"{new} streams from {receiver.sender_host}, and {old} only knows of {known}: that is another primary"


def _is_row_of(case: Case, row: Replica) -> bool:
    host = case.inventory.host_of(case.new.name)
    return row.application_name == case.new.name or (host is not None and row.client_addr == host.address)


def _conninfo_of(new: str) -> str:
    return psql(new, "SHOW primary_conninfo")


def lag(case: Case) -> Item:
    """Return whether the standby is close enough that the stop will be short; far behind it blocks."""
    name, stream, limits = "lag", case.stream, case.inventory.limits
    if stream is None or stream.lag_bytes is None:
        return unseen(name, f"how far {case.new.name} is behind is not known", may_see(case.inventory, case.old.name))
    verdict = worst(
        [against(stream.lag_bytes, limits.lag_bytes), Verdict.OK if stream.lag_s is None else against(stream.lag_s, limits.lag_s)]
    )
    as_time = "" if stream.lag_s is None else f", {duration(stream.lag_s)}"
    words = f"{case.new.name} lacks {size(stream.lag_bytes)}{as_time}"
    if verdict is Verdict.OK:
        return ok(name, words)
    remedy = "Wait until it has caught up: the stop of the primary waits for it, and no user can write meanwhile"
    return failing(name, words, remedy, is_blocking=verdict is Verdict.DOWN)


def timelines(case: Case) -> Item:
    """Return whether both are on the same timeline: else their positions mean nothing to each other."""
    name = "timelines"
    old = case.old.value("timeline") or case.old.value("control_timeline")
    new = case.new.value("timeline")
    if old is None or new is None:
        missing = case.old.name if old is None else case.new.name
        return unseen(name, f"the timeline of {missing} is not known", is_blocking=True)
    if old != new:
        remedy = (
            f"{case.new.name} did not follow an earlier promotion: ppsconsole plan rejoin {case.new.name}, or another standby"
        )
        return failing(name, f"{case.old.name} is on timeline {old}, {case.new.name} on {new}", remedy, is_blocking=True)
    return ok(name, f"both are on timeline {new}", is_blocking=True)


def replay(case: Case) -> Item:
    """Return whether the standby replays what it receives."""
    name, paused, new = "replay", case.new.value("is_replay_paused"), case.new.name
    if paused is None:
        return unseen(name, f"whether {new} replays is not known", is_blocking=True)
    smaller = smaller_parameters(case.new, case.old)
    if paused and smaller:
        # PostgreSQL pauses by itself then, and resuming it shuts the server down (its documentation, "Hot Standby").
        words = f"{new} stopped replaying: {', '.join(smaller)} is less there than on {case.old.name}"
        return failing(name, words, "Raise it as `parameters` says; do not resume: that shuts it down", is_blocking=True)
    if paused:
        remedy = psql(new, "SELECT pg_wal_replay_resume()")
        return failing(name, f"replay on {new} was paused by hand", remedy, is_blocking=True)
    return ok(name, f"{new} replays", is_blocking=True)


def apply_delay(case: Case) -> Item:
    """Return whether the standby is kept behind on purpose."""
    name, new = "apply-delay", case.new.name
    delay = settings_of(case.new).get("recovery_min_apply_delay")
    delay_s = None if delay is None else seconds(delay)
    if delay_s is None:
        return unseen(name, f"recovery_min_apply_delay of {new} is not known", is_blocking=True)
    if delay_s > 0:
        remedy = f"{reloaded(new, 'recovery_min_apply_delay', '0')}; or promote another standby"
        return failing(name, f"{new} is kept {delay} behind by recovery_min_apply_delay", remedy, is_blocking=True)
    return ok(name, f"{new} is not kept behind", is_blocking=True)


def retry_interval(case: Case) -> Item:
    """Return whether a promotion may be held up by a sleeping startup process.

    Measured here: asked to promote just as it goes to sleep for more WAL, a standby may take up to
    `wal_retrieve_retry_interval` (default 5 s) before it does.
    """
    name, new = "promotion-delay", case.new.name
    interval = settings_of(case.new).get("wal_retrieve_retry_interval")
    interval_s = None if interval is None else seconds(interval)
    if interval_s is None:
        return unseen(name, f"wal_retrieve_retry_interval of {new} is not known")
    if interval_s > 1:
        remedy = reloaded(new, "wal_retrieve_retry_interval", "'100ms'")
        words = f"wal_retrieve_retry_interval is {interval}: now and then a promotion waits that long before it begins"
        return failing(name, words, remedy)
    return ok(name, f"wal_retrieve_retry_interval is {interval}")


def prepared(case: Case) -> Item:
    """Return whether somebody's two-phase commit is open: it moves along and keeps its locks."""
    name, count = "prepared-transactions", case.old.value("prepared_transactions")
    if count is None:
        return unseen(name, f"whether {case.old.name} has prepared transactions is not known")
    if count:
        listed = psql(case.old.name, "SELECT gid, database, owner, prepared FROM pg_prepared_xacts")
        # It can be ended in its own database only, by its owner or a superuser (PostgreSQL's documentation, ROLLBACK PREPARED).
        remedy = f"{listed}; then psql -d DATABASE -c \"ROLLBACK PREPARED 'GID'\", or COMMIT PREPARED, as who made it says"
        return failing(name, f"{case.old.name} has {count} prepared transactions; they keep their locks after the move", remedy)
    return ok(name, "there are none")


def transactions(case: Case) -> Item:
    """Return whether a long transaction is open that the stop would break."""
    name, oldest = "long-transactions", case.old.value("longest_transaction_s")
    if oldest is None:
        return unseen(name, f"the open transactions of {case.old.name} are not known")
    if against(oldest, case.inventory.limits.transaction_s) is not Verdict.OK:
        columns = "pid, usename, client_addr, state, xact_start, query"
        statement = f"SELECT {columns} FROM pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY xact_start LIMIT 3"
        words = f"the oldest transaction is {duration(oldest)} old, and the stop rolls it back"
        remedy = f"Find out whose it is. {psql(case.old.name, statement)}; then, where nobody waits for it: "
        return failing(name, words, f'{remedy}psql -c "SELECT pg_terminate_backend(PID)"')
    return ok(name, f"the oldest transaction is {duration(oldest)} old")
