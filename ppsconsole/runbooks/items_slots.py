"""Preflight: slots and senders of WAL: what a standby hangs on, what keeps a disk filling, and whom a clean stop waits for."""

from ppsconsole.cluster.database import Receiver, Replica, Slot
from ppsconsole.cluster.judging import against, size
from ppsconsole.cluster.snapshot import Node
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.plan.preflight import Item
from ppsconsole.probes.judge_database import MESSAGE_FRESH_S
from ppsconsole.runbooks.case import Case, failing, ok, settings_of, unseen
from ppsconsole.runbooks.remedies import literals, may_see, psql, reloaded, restarted


def senders(case: Case) -> Item:
    """Return whether the new primary has room for those that will follow it."""
    name, new = "room-for-standbys", case.new.name
    needed = len(case.inventory.database.instances) - 1
    found = settings_of(case.new)
    room = {each: found.get(each) for each in ("max_wal_senders", "max_replication_slots")}
    taken = {
        "max_replication_slots": len(case.new.value("slots") or ()),
        "max_wal_senders": len(case.new.value("replicas") or ()),
    }
    short = {
        each: value
        for each, value in room.items()
        if value is not None and value.isdigit() and int(value) - taken[each] < needed - _already(case, each)
    }
    if short:
        said = ", ".join(f"{each} = {value} and {taken[each]} in use" for each, value in short.items())
        remedy = restarted(case.inventory, new, **dict.fromkeys(short, str(max(10, needed + 2))))
        return failing(name, f"{new} has {said}; {needed} will have to follow", remedy)
    missing = [each for each, value in room.items() if value is None]
    if missing:
        return unseen(name, f"{', '.join(missing)} of {new} is not known")
    return ok(name, f"{new} has room for {needed}")


def _already(case: Case, setting: str) -> int:
    """Return how many of those in use are taken by declared instances: they will not need another one."""
    names = set(case.inventory.database.instances) - {case.new.name}
    if setting == "max_wal_senders":
        replicas: tuple[Replica, ...] = case.new.value("replicas") or ()
        return sum(each.application_name in names for each in replicas)
    slots: tuple[Slot, ...] = case.new.value("slots") or ()
    return sum(each.name in names for each in slots)


def slots(case: Case) -> Item:
    """Return whether a slot that nobody uses fills the disk once the new primary writes."""
    name, new = "slots", case.new.name
    found: tuple[Slot, ...] | None = case.new.value("slots")
    if found is None:
        return unseen(name, f"the slots of {new} are not known")
    # A logical slot that is kept in step with the primary's is not active on a standby, and wanted.
    idle = [slot.name for slot in found if not slot.is_active and not slot.is_kept]
    if idle:
        remedy = psql(new, *(f"SELECT pg_drop_replication_slot({literals([each])})" for each in idle))
        return failing(name, f"{new} keeps WAL for unused slots: {', '.join(idle)}", f"If nobody will use it. {remedy}")
    return ok(name, f"{new} has no unused slot")


def standby_slot(case: Case) -> Item:
    """Return whether the slot that the standby hangs on still keeps what it needs: one that is lost ends its stream for good."""
    name, old, new = "standby-slot", case.old.name, case.new.name
    receiver: Receiver | None = case.new.value("receiver")
    found: tuple[Slot, ...] | None = case.old.value("slots")
    wanted = (receiver.slot_name if receiver is not None else None) or settings_of(case.new).get("primary_slot_name")
    if found is None or wanted is None:
        remedy = may_see(case.inventory, old if found is None else new)
        return unseen(name, f"the slot of {new} at {old} is not known", remedy, is_blocking=True)
    if not wanted:
        return ok(name, f"{new} streams without a slot", is_blocking=True)
    slot = next((each for each in found if each.name == wanted), None)
    if slot is None:
        remedy = psql(old, f"SELECT pg_create_physical_replication_slot({literals([wanted])}, true)")
        return failing(name, f"{new} wants slot {wanted}, and {old} has none of that name", remedy, is_blocking=True)
    limit = settings_of(case.old).get("max_slot_wal_keep_size", "-1")
    if slot.wal_status == "lost":
        remedy = f"Make {new} anew from {old}: pg_basebackup -h {old} -R -S {wanted} -D NEW-DIRECTORY"
        words = f"slot {wanted} at {old} is lost: WAL that {new} needs was removed (max_slot_wal_keep_size = {limit})"
        return failing(name, words, remedy, is_blocking=True)
    if slot.wal_status == "unreserved":
        words = f"slot {wanted} at {old} is about to be lost (max_slot_wal_keep_size = {limit})"
        return failing(name, words, reloaded(old, "max_slot_wal_keep_size", "-1"))
    return ok(name, f"slot {wanted} at {old} keeps what {new} needs", is_blocking=True)


def logical_slots(case: Case) -> Item:
    """Return whether readers of the old primary's log would be left behind: their slots do not move along by themselves."""
    name, old, new = "logical-slots", case.old.name, case.new.name
    found: tuple[Slot, ...] | None = case.old.value("slots")
    if found is None:
        return unseen(name, f"the slots of {old} are not known", may_see(case.inventory, old))
    left = [slot.name for slot in found if slot.kind == "logical" and not slot.is_kept]
    if left:
        words = f"{old} has logical slots that {new} will not have: {', '.join(left)}; their readers lose the thread"
        remedy = (
            "From PostgreSQL 17 on, at each subscriber: ALTER SUBSCRIPTION name SET (failover = true), and on "
            f"{new} sync_replication_slots = on; before, stop the readers first and make the slots anew after the move"
        )
        return failing(name, words, remedy)
    return ok(name, f"{old} has no logical slot that would be left behind")


def walsenders(case: Case) -> Item:
    """Return whether somebody to whom the old primary sends its log would hold up the clean stop, which waits for them all."""
    name, old = "walsenders", case.old.name
    found: tuple[Replica, ...] | None = case.old.value("replicas")
    if found is None:
        return unseen(name, f"to whom {old} sends its log is not known", may_see(case.inventory, old), is_blocking=True)
    is_for_ever = settings_of(case.old).get("wal_sender_timeout") == "0"
    silent = [each for each in found if _is_silent(case, each)]
    if silent:
        words = f"silent for more than {MESSAGE_FRESH_S:.0f}s: {_called(silent)}; the stop of {old} would wait for it"
        words += " for ever: wal_sender_timeout is 0" if is_for_ever else ""
        return failing(name, words, _ended(old, silent), is_blocking=True)
    limit = case.inventory.limits.lag_bytes
    behind = [each for each in found if each.state in ("catchup", "startup")]
    if behind:
        said = ", ".join(f"{each.application_name} lacks {_size(each)}" for each in behind)
        is_far = any(each.unflushed_bytes is None or against(each.unflushed_bytes, limit) is Verdict.DOWN for each in behind)
        words = f"not up to date: {said}; the stop of {old} waits until they are"
        return failing(name, words, f"Wait until they stream. Or: {_ended(old, behind)}", is_blocking=is_far)
    backups = [each for each in found if each.state == "backup"]
    if backups:
        words = f"a copy of {old} is being made ({_called(backups)}): the stop breaks it off"
        return failing(name, words, f"Wait for its end: {psql(old, 'SELECT * FROM pg_stat_progress_basebackup')}")
    if case.old.value("is_in_exclusive_backup"):
        words = f"a backup of {old} was begun by pg_start_backup and is not ended: the stop breaks it off"
        return failing(name, words, f"Wait for its end, or end what was forgotten: {psql(old, 'SELECT pg_stop_backup()')}")
    if is_for_ever:
        words = f"wal_sender_timeout of {old} is 0: the stop waits for ever for one to whom it sends its log that hangs meanwhile"
        remedy = f"{reloaded(old, 'wal_sender_timeout', chr(39) + '60s' + chr(39))}. Else look at who is told to be waited for"
        return failing(name, words, remedy)
    return ok(name, f"nobody to whom {old} sends its log is silent or behind", is_blocking=True)


def _is_silent(case: Case, replica: Replica) -> bool:
    """Return whether it has not replied for long; the age is by the standby's clock, so what clocks are off is left out."""
    if replica.reply_age_s is None or replica.state == "backup":
        return False
    nodes: tuple[Node, ...] = case.snapshot.of_kind("database")
    skews = [abs(float(node.value("host.clock_skew_s") or 0.0)) for node in nodes]
    return replica.reply_age_s - sum(skews) > MESSAGE_FRESH_S


def _called(replicas: list[Replica]) -> str:
    return ", ".join(f"{each.application_name} from {each.client_addr or 'the host itself'}" for each in replicas)


def _size(replica: Replica) -> str:
    return "an unknown amount" if replica.unflushed_bytes is None else size(replica.unflushed_bytes)


def _ended(old: str, replicas: list[Replica]) -> str:
    names = literals(each.application_name for each in replicas)
    return psql(old, f"SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name IN ({names})")
