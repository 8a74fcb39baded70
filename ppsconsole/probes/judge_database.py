"""Judges database instances: role, health, replication, and who sees a silent one. Pure.

The role is what the database says of itself and nothing else; where it does not answer the role is unknown.
"""

import re
from collections.abc import Mapping, Sequence

from ppsconsole.clock import duration, iso
from ppsconsole.cluster.database import Receiver, Replica
from ppsconsole.cluster.facts import node_subject
from ppsconsole.cluster.judging import judged
from ppsconsole.cluster.snapshot import Node, Vantage
from ppsconsole.cluster.verdicts import Judgement, Verdict
from ppsconsole.inventory.model import Instance, Inventory
from ppsconsole.probes.judge_host import judge_host
from ppsconsole.probes.snapshot_copies import are_snapshots, copy_at, snapshot_judgement
from ppsconsole.probes.view import NOT_SEEN_YET, View, settle, unseen

MESSAGE_FRESH_S = 15.0
"""A standby that heard its primary within this time vouches for it: the default `wal_receiver_status_interval` is 10 s."""


def role_of(view: View, instance: str) -> str:
    """Return primary, standby or unknown, as the instance says of itself now."""
    in_recovery = view.value(instance, "in_recovery")
    if view.value(instance, "sql") != "ok" or in_recovery is None:
        return "unknown"
    if in_recovery or copy_at(view, instance) is not None:
        return "standby"
    if are_snapshots(view.inventory) and view.value(instance, "copy") is None:
        return "unknown"  # whether it is a copy was not seen
    return "primary" if promoted_since(view, instance) is None else "unknown"


def promoted_since(view: View, instance: str) -> str | None:
    """Return the instance that turned from standby to primary after `instance` was asked for the last time; None without one.

    Instances are asked one after the other. During every switchover there is a moment when the old primary's last answer is from
    before its stop and the new one's from after its promotion: two answers, and never two primaries at one time. The next answer
    of the old one, or none, tells; where it still answers as a primary then, that is a split brain.
    """
    asked_at = view.fact(instance, "in_recovery").at
    for other in view.inventory.database.instances:
        turned_at = None if other == instance else view.seen.turned_at(node_subject(other), "in_recovery")
        if turned_at is not None and turned_at > asked_at and view.value(other, "in_recovery") is False:
            return other
    return None


def database_node(view: View, instance: Instance) -> Node:
    """Return the node of one instance."""
    name = instance.name
    role = role_of(view, name)
    vantages: tuple[Vantage, ...] = ()
    if view.inventory.database.kind != "postgres":
        judgements = [Judgement(name, "probed", Verdict.UNKNOWN, f"not probed yet: {view.inventory.database.kind}")]
        words = "not probed yet"
    elif role == "unknown":
        vantages = vantages_of(view, instance)
        verdict, words, why = _silent(view, instance, vantages)
        judgements = [Judgement(name, "sql", verdict, why)]
    else:
        words = "PRIMARY" if role == "primary" else "standby"
        judgements = [Judgement(name, "sql", Verdict.OK, f"answers as {role}"), *_answering(view, instance, role)]
    if instance.host is not None and view.inventory.database.kind == "postgres":
        judgements += judge_host(view, name, view.inventory.hosts[instance.host])
        judgements += unseen(view, name, ("service",))
    verdict, ordered = settle(judgements)
    facts = view.facts_of(name)
    site = view.inventory.site_of(name)
    return Node(name, "database", site, instance.host, role, instance.declared, verdict, words, facts, ordered, vantages)


def _answering(view: View, instance: Instance, role: str) -> list[Judgement]:
    name, limits = instance.name, view.inventory.limits
    found = []
    if role == "primary" and (marker := view.value(name, "quarantine")):
        found.append(Judgement(name, "quarantine", Verdict.DOWN, f"CAME BACK AS A PRIMARY out of quarantine: {marker}"))
    if role != instance.declared:
        words = f"observed {role}, the inventory declares {instance.declared}"
        found.append(Judgement(name, "drift", Verdict.WARN, words))
    sessions = view.value(name, "sessions_percent")
    found.append(judged(name, "sessions_percent", sessions, limits.sessions_percent, "sessions", "%"))
    is_copy = copy_at(view, name) is not None
    positions = ("lsn", "replicas", "slots") if role == "primary" else ("lsn",) if is_copy else ("lsn", "replay_lsn")
    found += unseen(view, name, positions)
    oldest = view.value(name, "longest_transaction_s")
    if oldest:
        found.append(judged(name, "longest_transaction_s", oldest, limits.transaction_s, "oldest transaction", "s"))
    declared = instance.data_directory
    actual = view.value(name, "data_directory")
    if declared and actual and declared.rstrip("/") != str(actual).rstrip("/"):
        words = f"serves from {actual}, the inventory declares {declared}"
        found.append(Judgement(name, "data_directory", Verdict.WARN, words))
    if is_copy:
        return [*found, snapshot_judgement(view, name)]
    return found + (_primary(view, name) if role == "primary" else _standby(view, name))


def _primary(view: View, name: str) -> list[Judgement]:
    limits = view.inventory.limits
    found = []
    if view.value(name, "is_writable") is False:
        found.append(Judgement(name, "is_writable", Verdict.WARN, "default_transaction_read_only is on: clients cannot write"))
    replicas: tuple[Replica, ...] | None = view.value(name, "replicas")
    is_streamed = not are_snapshots(view.inventory) and len(view.inventory.database.instances) > 1
    if replicas is not None and not replicas and is_streamed:
        found.append(Judgement(name, "replicas", Verdict.WARN, "no standby is connected: redundancy is gone"))
    for slot in view.value(name, "slots") or ():
        if slot.wal_status == "lost":
            words = f"slot {slot.name} is lost: WAL that its reader needs was removed, and nobody can go on by it"
            found.append(Judgement(name, "slots", Verdict.WARN, words))
        elif not slot.is_active:
            found.append(Judgement(name, "slots", Verdict.WARN, f"slot {slot.name} is not used and keeps WAL from being removed"))
    if waiting := commits_wait(dict(each.split("=", 1) for each in view.value(name, "settings") or ()), replicas):
        found.append(Judgement(name, "synchronous_standbys", Verdict.DOWN, waiting))
    failed = view.value(name, "archiver_failed")
    if failed:
        found.append(Judgement(name, "archiver_failed", Verdict.WARN, f"archiving fails: {failed} attempts so far"))
    backlog = view.value(name, "archive_backlog")
    if backlog:
        found.append(judged(name, "archive_backlog", backlog, limits.archive_backlog, "WAL files waiting for the archive", ""))
    return found


def commits_wait(settings: Mapping[str, str], replicas: Sequence[Replica] | None) -> str:
    """Return for what each commit waits: synchronous standbys that are not there; empty where none does, or it was not seen."""
    names = settings.get("synchronous_standby_names", "").strip()
    if not names or replicas is None or settings.get("synchronous_commit") in ("off", "local"):
        return ""
    told = re.match(r"(?:(?:FIRST|ANY)\s+)?(\d+)\s*\(", names, re.IGNORECASE)
    wanted = int(told[1]) if told else 1
    there = sum(each.sync_state in ("sync", "quorum") for each in replicas)
    if there >= wanted:
        return ""
    return f"commits do not end: they wait for synchronous standbys ({names}), and {there} of {wanted} are there"


def _standby(view: View, name: str) -> list[Judgement]:
    found = []
    receiver: Receiver | None = view.value(name, "receiver")
    if receiver is None:
        found.append(Judgement(name, "receiver", Verdict.UNKNOWN, "replication state is unknown"))
    elif receiver.status != "streaming":
        last = _last_heard(view, name)
        # The instance itself lives, and may be the last one that does: the broken link is the edge's verdict.
        found.append(Judgement(name, "receiver", Verdict.WARN, f"replication link is down{last}"))
    else:
        found.append(Judgement(name, "receiver", Verdict.OK, "streaming"))
    if view.value(name, "is_replay_paused"):
        found.append(Judgement(name, "is_replay_paused", Verdict.WARN, "replay was paused by hand: it falls behind"))
    return found


def _last_heard(view: View, name: str) -> str:
    at = view.value(name, "last_replay_at")
    return "" if at is None else f"; the last transaction that it has was committed at {iso(at)}"


def _silent(view: View, instance: Instance, vantages: tuple[Vantage, ...]) -> tuple[Verdict, str, str]:
    """Return verdict, short words and the whole sentence for an instance that does not answer."""
    name = instance.name
    sql = view.fact(name, "sql")
    bastion = None if instance.host is None else view.hidden_by(instance.host)
    why = sql.detail if bastion is None else f"{bastion} on the way cannot be used"
    service = view.value(name, "service")
    control = view.value(name, "control_state")
    if not view.was_seen(name, "sql"):
        return Verdict.UNKNOWN, NOT_SEEN_YET, NOT_SEEN_YET
    if sql.value is None:
        return Verdict.UNKNOWN, "not seen", f"not seen: {sql.detail}"
    if sql.value == "login-refused":
        return Verdict.UNKNOWN, "login refused", f"runs, but refuses the console's login: {sql.detail}"
    if sql.value == "no-connection-left":
        return Verdict.DOWN, "NO CONNECTION LEFT", f"runs, and lets nobody in any more: {sql.detail}"
    if sql.value == "too-old":
        return Verdict.UNKNOWN, "too old", f"cannot be asked: {sql.detail}"
    if sql.value == "no-secret":
        return Verdict.UNKNOWN, "no password", f"cannot be asked: {sql.detail}"
    if sql.value in ("starting", "stopping"):
        return Verdict.DOWN, sql.value.upper(), f"is {sql.value}: {sql.detail}"
    if service == "frozen":
        return Verdict.DOWN, "HUNG", "hangs: its processes are there but stopped; it can wake up and serve again"
    if service in ("failed", "stopped"):
        return Verdict.DOWN, *_stopped(service, control)
    if sql.value == "disk-full":
        return Verdict.DOWN, "DISK FULL", f"runs, and lets nobody in for want of room on its disk: {sql.detail}"
    if sql.value == "ok" and (other := promoted_since(view, name)) is not None:
        words = f"answered as the primary before {other} was promoted; not asked since"
        return Verdict.UNKNOWN, "not seen since", words
    lost = [each for each in vantages if each.sees in ("dead", "lost")]
    alive = [each for each in vantages if each.sees == "alive"]
    if alive:
        who = ", ".join(f"{each.observer} ({each.words})" for each in alive)
        return Verdict.UNKNOWN, "unreachable", f"unreachable from here, but alive as seen by {who}: {why}"
    if len(lost) >= 2:
        who = ", ".join(f"{each.observer} ({each.words})" for each in lost)
        return Verdict.DOWN, "OUT OF REACH", f"out of reach for the console and for {who}; it may still run"
    if lost:
        who = ", ".join(f"{each.observer} ({each.words})" for each in lost)
        return Verdict.UNKNOWN, "unreachable", f"unreachable from here and lost to {who}, which is no proof: {why}"
    if service == "running":
        return Verdict.DOWN, "NO ANSWER", f"its process runs but it does not answer: {sql.detail}"
    return Verdict.UNKNOWN, "unreachable", f"unreachable from here, nobody else can tell: {why}"


def _stopped(service: str, control: str | None) -> tuple[str, str]:
    if service == "stopped" and control is not None and control.startswith("shut down"):
        return "STOPPED", "was stopped cleanly (its control file says so)"
    if control == "in production":
        return "CRASHED", "its process is gone on a healthy host, without a clean stop (killed or crashed)"
    if control is not None:
        return "CRASHED", f'its process is gone on a healthy host; its control file says "{control}"'
    return "STOPPED" if service == "stopped" else "CRASHED", f"its process is gone on a healthy host (service {service})"


def vantages_of(view: View, instance: Instance) -> tuple[Vantage, ...]:
    """Return who sees what of an instance that does not answer the console."""
    name = instance.name
    found = []
    sql = view.fact(name, "sql")
    if sql.value == "refused":
        found.append(Vantage("console", "dead", "connection refused"))
    elif sql.value in ("starting", "stopping", "login-refused", "no-connection-left", "disk-full", "too-old"):
        found.append(Vantage("console", "alive", str(sql.value)))
    elif sql.value not in (None, "ok", "no-secret"):
        found.append(Vantage("console", "silent", str(sql.value)))
    service = view.value(name, "service")
    if service in ("failed", "stopped"):
        found.append(Vantage("host", "dead", f"no server process ({service})"))
    elif service == "frozen":
        found.append(Vantage("host", "silent", "processes are frozen"))
    elif service == "running":
        found.append(Vantage("host", "alive", "server process runs"))
    for other in view.inventory.database.instances.values():
        if other.name != name:
            found += _standby_sees(view, other.name, instance)
    for web_node in view.inventory.web_nodes.values():
        if view.value(web_node.name, "points_at") == name:
            found += _web_sees(view, web_node.name)
    return tuple(found)


def _standby_sees(view: View, observer: str, instance: Instance) -> list[Vantage]:
    receiver: Receiver | None = view.value(observer, "receiver")
    if role_of(view, observer) != "standby" or receiver is None:
        return []
    if receiver.status != "streaming":
        return [Vantage(observer, "lost", "replication link is down")] if _followed(view, observer, instance) else []
    if instance_at(view.inventory, receiver.sender_host or "") != instance.name:
        return []
    age_s = receiver.message_age_s
    if age_s is not None and age_s <= MESSAGE_FRESH_S:
        return [Vantage(observer, "alive", f"hears it, last {duration(age_s)} ago")]
    return [Vantage(observer, "silent", "has heard nothing for a while")]


def _followed(view: View, observer: str, instance: Instance) -> bool:
    """Return whether `observer`, whose link is down, can only have followed `instance`: a broken link no longer names its end."""
    others = view.inventory.database.instances.values()
    if any(role_of(view, each.name) == "primary" for each in others):
        return False
    is_swapped = view.inventory.database.instances[observer].declared == "primary"
    return is_swapped or instance.declared == "primary"


def instance_at(inventory: Inventory, address: str) -> str | None:
    """Return the instance that listens at `address` (a name or an address), None when it is none of ours."""
    for instance in inventory.database.instances.values():
        host = inventory.host_of(instance.name)
        known = {instance.name, instance.address, *instance.aliases}
        if host is not None:
            known |= {host.address, host.hostname}
        if address in known:
            return instance.name
    return None


def _web_sees(view: View, observer: str) -> list[Vantage]:
    status = view.value(observer, "http")
    if status is None:
        return []
    if status >= 500:
        return [Vantage(observer, "lost", f"answers HTTP {status}")]
    # A redirect is made without the database; only a page that was made counts for it.
    return [Vantage(observer, "alive", f"works with it, HTTP {status}")] if status == 200 else []
