"""Preflight: would the new primary serve writes, and could the old one follow it?"""

from ppsconsole.cluster.database import Replica, Sessions, Slot
from ppsconsole.cluster.judging import against
from ppsconsole.cluster.snapshot import Node
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.plan.preflight import Item
from ppsconsole.probes.judge_cluster import AT_LEAST
from ppsconsole.runbooks.case import Case, failing, ok, settings_of, unseen

_OTHER_TOOLS = ("patroni", "repmgr", "pg_auto_failover", "pgautofailover", "pg_autoctl", "stolon", "pacemaker")


def parameters(case: Case) -> Item:
    """Return whether either could be the standby of the other: both will have been."""
    name = "parameters"
    old, new = settings_of(case.old), settings_of(case.new)
    both = [each for each in AT_LEAST if old.get(each, "").isdigit() and new.get(each, "").isdigit()]
    smaller = [
        f"{each} {new[each]} on {case.new.name}, {old[each]} on {case.old.name}"
        for each in both
        if int(new[each]) < int(old[each])
    ]
    larger = [
        f"{each} {old[each]} on {case.old.name}, {new[each]} on {case.new.name}"
        for each in both
        if int(old[each]) < int(new[each])
    ]
    if smaller:
        remedy = f"Raise it on {case.new.name} and restart it: its replay stops as soon as more is used"
        return failing(name, f"less than the primary has: {'; '.join(smaller)}", remedy, is_blocking=True)
    if larger:
        remedy = f"Raise it on {case.old.name} before the next start: it could not follow {case.new.name}"
        return failing(name, f"{case.old.name} has less than its primary to be: {'; '.join(larger)}", remedy)
    missing = [each for each in AT_LEAST if each not in both]
    if missing:
        return unseen(name, f"not known on both: {', '.join(missing)}", is_blocking=True)
    return ok(name, "either can follow the other", is_blocking=True)


def synchronous(case: Case) -> Item:
    """Return whether commits on the new primary would wait for a standby that is not there."""
    name, new = "synchronous-standbys", case.new.name
    names = settings_of(case.new).get("synchronous_standby_names")
    if names is None:
        return unseen(name, f"synchronous_standby_names of {new} is not known", is_blocking=True)
    if names.strip():
        remedy = f"On {new}: ALTER SYSTEM SET synchronous_standby_names = '', reload; set it again when a standby follows"
        words = f"{new} has synchronous_standby_names = {names}: after the promotion every commit would wait for it"
        return failing(name, words, remedy, is_blocking=True)
    return ok(name, f"{new} waits for no standby", is_blocking=True)


def writable(case: Case) -> Item:
    """Return whether clients may write on the new primary by default."""
    name, new = "writable", case.new.name
    setting = settings_of(case.new).get("default_transaction_read_only")
    if setting is None:
        return unseen(name, f"default_transaction_read_only of {new} is not known", is_blocking=True)
    if setting != "off":
        remedy = f"On {new}: ALTER SYSTEM RESET default_transaction_read_only, reload"
        return failing(
            name, f"{new} has default_transaction_read_only = {setting}: users could not write", remedy, is_blocking=True
        )
    return ok(name, f"{new} will take writes", is_blocking=True)


def senders(case: Case) -> Item:
    """Return whether the new primary has room for those that will follow it."""
    name, new = "room-for-standbys", case.new.name
    needed = len(case.inventory.database.instances) - 1
    found = settings_of(case.new)
    room = {each: found.get(each) for each in ("max_wal_senders", "max_replication_slots")}
    short = [f"{each} = {value}" for each, value in room.items() if value is not None and value.isdigit() and int(value) < needed]
    if short:
        remedy = f"Raise it on {new} and restart it: {needed} will have to follow"
        return failing(name, f"{new} has {', '.join(short)}", remedy)
    missing = [each for each, value in room.items() if value is None]
    if missing:
        return unseen(name, f"{', '.join(missing)} of {new} is not known")
    return ok(name, f"{new} has room for {needed}")


def slots(case: Case) -> Item:
    """Return whether a slot that nobody uses fills the disk once the new primary writes."""
    name, new = "slots", case.new.name
    found: tuple[Slot, ...] | None = case.new.value("slots")
    if found is None:
        return unseen(name, f"the slots of {new} are not known")
    idle = [slot.name for slot in found if not slot.is_active]
    if idle:
        remedy = f"On {new}: drop those that nobody will use"
        return failing(name, f"{new} keeps WAL for unused slots: {', '.join(idle)}", remedy)
    return ok(name, f"{new} has no unused slot")


def archiver(case: Case) -> Item:
    """Return whether the old primary's archiver keeps up: its clean stop waits for it."""
    name, old = "archiver", case.old.name
    failed, backlog = case.old.value("archiver_failed"), case.old.value("archive_backlog")
    if failed:
        remedy = "Repair archive_command: without it there is no backup to go back to, and the stop waits for it"
        return failing(name, f"archiving fails on {old} ({failed} attempts)", remedy, is_blocking=True)
    if failed is None:
        return unseen(name, f"the archiver of {old} is not known")
    if backlog is None:
        mode = settings_of(case.old).get("archive_mode")
        if mode == "off":
            return ok(name, f"{old} archives nothing")
        return unseen(name, f"how many WAL files wait for the archive of {old} is not known", "Grant pg_ls_archive_statusdir()")
    verdict = against(backlog, case.inventory.limits.archive_backlog)
    if verdict is not Verdict.OK:
        remedy = "Wait until they are archived: the stop of the primary waits for them"
        return failing(name, f"{backlog} WAL files wait for the archive", remedy, is_blocking=verdict is Verdict.DOWN)
    return ok(name, f"{backlog} WAL files wait for the archive")


def rewindable(case: Case) -> Item:
    """Return whether the old primary could be rewound, should it diverge."""
    name, found = "rewind", settings_of(case.old) or settings_of(case.new)
    hints, sums = found.get("wal_log_hints"), found.get("data_checksums")
    if "on" in (hints, sums):
        return ok(name, "checksums are on" if sums == "on" else "wal_log_hints is on")
    if hints is None or sums is None:
        return unseen(name, "wal_log_hints and data_checksums are not known")
    remedy = "Set wal_log_hints = on at the next restart; until then a diverged copy has to be made anew"
    return failing(name, "neither checksums nor wal_log_hints are on: pg_rewind cannot work", remedy)


def other_manager(case: Case) -> Item:
    """Return whether another tool moves this database (law 8)."""
    name = "other-manager"
    told = [hint for node in (case.old, case.new) for hint in _hints(node)]
    if told:
        remedy = "Use that tool, or switch it off first (a paused one is enough): two that move one database break it"
        return failing(name, f"another manager is at work: {', '.join(dict.fromkeys(told))}", remedy, is_blocking=True)
    if not settings_of(case.new):
        return unseen(name, "nobody could look for another manager", is_blocking=True)
    return ok(name, "no sign of Patroni, repmgr, pg_auto_failover, Stolon or Pacemaker", is_blocking=True)


def _hints(node: Node) -> list[str]:
    settings = settings_of(node)
    places = [
        f"{key} = {settings[key]}" for key in ("cluster_name", "shared_preload_libraries", "primary_slot_name") if key in settings
    ]
    sessions: tuple[Sessions, ...] = node.value("sessions") or ()
    replicas: tuple[Replica, ...] = node.value("replicas") or ()
    places += [
        f"a session of {each.application_name or each.user}" for each in sessions if _is_tool(each.application_name + each.user)
    ]
    places += [f"a standby called {each.application_name}" for each in replicas]
    return [f"{node.name} has {place}" for place in places if _is_tool(place)]


def _is_tool(words: str) -> bool:
    lower = words.lower()
    return any(tool in lower for tool in _OTHER_TOOLS)


def foreign_sessions(case: Case) -> Item:
    """Return who else is connected to the primary: their sessions will be ended."""
    name, old = "foreign-sessions", case.old.name
    found: tuple[Sessions, ...] | None = case.old.value("sessions")
    if found is None:
        return unseen(name, f"who is connected to {old} is not known")
    ours = {host.address for host in (case.inventory.host_of(each) for each in case.inventory.web_nodes) if host is not None}
    others = [each for each in found if each.client_addr not in ours and each.user != case.inventory.database.user]
    if others:
        said = ", ".join(
            f"{each.count} of {each.application_name or each.user} from {each.client_addr or 'the host itself'}"
            for each in others
        )
        return failing(name, f"not ours, and will be ended: {said}", "Tell their owners, or stop them first")
    return ok(name, "only web nodes are connected")
