"""Judges the cluster as a whole: split brain, identity, timelines, a missing primary, users who cannot log in. Pure."""

from ppsconsole.cluster.snapshot import Node
from ppsconsole.cluster.verdicts import Judgement, Verdict
from ppsconsole.probes.judge_product import judge_product
from ppsconsole.probes.snapshot_copies import are_snapshots
from ppsconsole.probes.view import View, settle

CLUSTER = "cluster"


GONE = ("CRASHED", "STOPPED")
"""Words of an instance that certainly does not serve: its own host says that its process is gone."""


def judge_cluster(view: View, nodes: dict[str, Node]) -> tuple[Judgement, ...]:
    """Return what is to be said of the cluster, loudest first; an empty tuple when nothing is."""
    databases = [node for node in nodes.values() if node.kind == "database"]
    if are_snapshots(view.inventory):  # systems of their own
        found = _primaries(databases)
    else:
        found = [*_identity(databases), *_primaries(databases), *_timelines(databases), *_parameters(databases)]
    found += _versions(databases) + _front(view, nodes) + _offline(view, nodes)
    found += judge_product(view, is_front_well=not any(each.rule == "service" for each in found))
    return settle(found)[1] if found else ()


def _identity(databases: list[Node]) -> list[Judgement]:
    named = {node.name: node.value("system_identifier") or node.value("control_system_identifier") for node in databases}
    known = {name: str(identifier) for name, identifier in named.items() if identifier is not None}
    if len(set(known.values())) < 2:
        return []
    said = ", ".join(f"{name} is {identifier}" for name, identifier in known.items())
    words = f"not the same database cluster: system identifiers differ ({said})"
    return [Judgement(CLUSTER, "system_identifier", Verdict.DOWN, words)]


def _primaries(databases: list[Node]) -> list[Judgement]:
    primaries = [node for node in databases if node.role == "primary"]
    if len(primaries) > 1:
        said = ", ".join(_standing(node) for node in primaries)
        return [Judgement(CLUSTER, "split_brain", Verdict.DOWN, f"SPLIT BRAIN: {said} all take writes; ask before choosing")]
    if primaries or not databases:
        return []
    unseen = [node.name for node in databases if node.role == "unknown" and node.words not in GONE]
    if unseen:
        words = f"no primary seen: nobody knows whether {', '.join(unseen)} still is one"
        return [Judgement(CLUSTER, "no_primary", Verdict.UNKNOWN, words)]
    return [Judgement(CLUSTER, "no_primary", Verdict.DOWN, "no database takes writes: there is no primary")]


def _standing(node: Node) -> str:
    marked = ", in quarantine" if node.value("quarantine") else ""
    return f"{node.name} (timeline {node.value('timeline')}, at {node.value('lsn')}{marked})"


def _timelines(databases: list[Node]) -> list[Judgement]:
    primary = next((node for node in databases if node.role == "primary"), None)
    if primary is None or primary.value("timeline") is None:
        return []
    found = []
    for node in databases:
        own = node.value("timeline")
        if node.role == "standby" and own is not None and own != primary.value("timeline"):
            words = f"{node.name} is on timeline {own}, the primary {primary.name} on {primary.value('timeline')}"
            found.append(Judgement(CLUSTER, "timeline", Verdict.WARN, words))
    return found


# A standby with smaller values than its primary pauses or refuses replay (PostgreSQL documentation, "Hot Standby").
AT_LEAST = (
    "max_connections",
    "max_worker_processes",
    "max_wal_senders",
    "max_prepared_transactions",
    "max_locks_per_transaction",
)


def _parameters(databases: list[Node]) -> list[Judgement]:
    primary = next((node for node in databases if node.role == "primary"), None)
    if primary is None:
        return []
    wanted = _settings(primary)
    found = []
    for node in databases:
        own = _settings(node)
        for name in AT_LEAST:
            if node.role == "standby" and name in own and name in wanted and int(own[name]) < int(wanted[name]):
                words = f"{node.name} has {name}={own[name]}, less than the primary's {wanted[name]}: replay would stop"
                found.append(Judgement(CLUSTER, name, Verdict.WARN, words))
    return found


def _settings(node: Node) -> dict[str, str]:
    return dict(each.split("=", 1) for each in node.value("settings") or ())


def _versions(databases: list[Node]) -> list[Judgement]:
    majors = {node.name: node.value("version") // 10000 for node in databases if node.value("version") is not None}
    if len(set(majors.values())) < 2:
        return []
    said = ", ".join(f"{name} runs {major}" for name, major in majors.items())
    return [Judgement(CLUSTER, "version", Verdict.WARN, f"major versions of PostgreSQL differ: {said}")]


def _offline(view: View, nodes: dict[str, Node]) -> list[Judgement]:
    """Judge whether it is the console itself that is cut off: nothing at all answers it."""
    logins = [view.host_fact(host.name, "ssh").value for host in view.inventory.hosts.values()]
    doors = [node.value("tcp") for node in nodes.values() if node.kind in ("balancer", "web")]
    answers = [node.value("sql") for node in nodes.values() if node.kind == "database"]
    tried = [each for each in (*logins, *doors, *answers) if each is not None]
    if not tried or any(each not in ("timed-out", "unreachable", "bastion-down") for each in tried):
        return []
    words = "this console reaches nothing at all: look at your own network first"
    return [Judgement(CLUSTER, "offline", Verdict.UNKNOWN, words)]


def _front(view: View, nodes: dict[str, Node]) -> list[Judgement]:
    """Judge whether users get in: through at least one balancer, or a web node where there is no balancer."""
    balancers = [node for node in nodes.values() if node.kind == "balancer" and view.was_seen(node.name, "tcp")]
    doors = balancers or [node for node in nodes.values() if node.kind == "web" and view.was_seen(node.name, "tcp")]
    if not doors:
        return []
    statuses = {door.name: door.value("http") for door in doors}
    active = [node for node in nodes.values() if node.kind == "alternate" and node.words == "ACTIVE"]
    if active and not any(status is not None and status < 400 for status in statuses.values()):
        names = {node.name: view.inventory.alternates[node.name].users_address(view.inventory.cluster.address) for node in active}
        words = ", ".join(f"{name} ({address})" for name, address in names.items())
        return [Judgement(CLUSTER, "service", Verdict.WARN, f"users get in at the alternate server only: {words}")]
    if any(status is not None and status < 400 for status in statuses.values()):
        return []
    # No answer from here is not "down for users": that takes an answer that says so.
    if all(door.value("tcp") not in ("ok", "refused") for door in doors):
        words = "whether users get in cannot be seen from here: " + ", ".join(f"{door.name} does not answer" for door in doors)
        return [Judgement(CLUSTER, "service", Verdict.UNKNOWN, words)]
    said = ", ".join(
        f"{door.name} {f'answers HTTP {statuses[door.name]}' if statuses[door.name] else 'does not answer'}" for door in doors
    )
    return [Judgement(CLUSTER, "service", Verdict.DOWN, f"users cannot log in: {said}")]
