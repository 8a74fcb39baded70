"""What happened, in words, with the evidence, what to do next, and the ways out with what they cost. Pure."""

from dataclasses import dataclass
from typing import Any

from ppsconsole.advice.ways import Way, alternate_ways, barred_ways, fencing_ways, ways_about
from ppsconsole.cluster.snapshot import Edge, Node, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.inventory.model import Inventory
from ppsconsole.runbooks.building import NOTHING_KNOWN, Background
from ppsconsole.runbooks.preflight_restart import unseen_primaries
from ppsconsole.runbooks.rejoin import is_left_behind, lost_slot
from ppsconsole.runbooks.remedies import reloaded
from ppsconsole.runbooks.restart import is_dead, was_primary
from ppsconsole.runbooks.situation import FULL, ROOMLESS


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that happened.

    Attributes:
        headline: What happened, one sentence.
        evidence: Who saw what; each a sentence.
        remedy: What to do next; may be empty.
        ways: The runbooks that lead out, open ones first, by loss, then by downtime; and those that are blocked.
    """

    verdict: Verdict
    headline: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    ways: tuple[Way, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the advice for `status --json`."""
        return {
            "verdict": self.verdict.value,
            "headline": self.headline,
            "evidence": list(self.evidence),
            "remedy": self.remedy,
            "ways": [way.as_json() for way in self.ways],
        }


def advise(snapshot: Snapshot, inventory: Inventory, background: Background = NOTHING_KNOWN) -> tuple[Advice, ...]:
    """Return what happened: causes first (bastions, databases, web nodes, balancers, links), then what it means for the cluster.

    What only follows from a cause above it (a web node's 503 while its database is down) is not repeated as a cause.

    Args:
        snapshot: The world now.
        inventory: What was declared.
        background: Learned estimates and what was seen before: without it times are defaults and losses rest on the
            standby's word alone.
    """
    offline = next((each for each in snapshot.judgements if each.rule == "offline"), None)
    if offline is not None:
        return (Advice(offline.verdict, offline.words, (), "Nothing that is shown below says anything about the cluster."),)
    found = []
    for kind in ("bastion", "database", "web", "balancer", "alternate", "directory"):
        for node in snapshot.nodes:
            if node.kind == kind and node.verdict not in (Verdict.OK, Verdict.OFF) and not _follows(node, snapshot):
                found.append(_about(node, snapshot, inventory, background))
    for edge in snapshot.edges:
        if edge.kind == "replication" and edge.state == "broken" and _is_cut(edge, snapshot):
            found.append(_link(edge, snapshot, inventory, background))
    for each in snapshot.judgements:
        if each.verdict is not Verdict.OK:
            remedy = _CLUSTER_REMEDY.get(each.rule, "") if each.verdict is Verdict.DOWN else ""
            ways = barred_ways(snapshot, inventory, background) if each.rule in _BARS else ()
            if each.rule == "no_primary":
                ways = alternate_ways(snapshot, inventory, background)
            if each.rule == "split_brain":
                ways = (*fencing_ways(snapshot, inventory, background), *ways)
            found.append(Advice(each.verdict, each.words, (), remedy, ways))
    return tuple(sorted(found, key=lambda each: _LOUDEST_FIRST.index(each.verdict)))  # stable: causes stay before effects


_LOUDEST_FIRST = (Verdict.DOWN, Verdict.WARN, Verdict.UNKNOWN, Verdict.OFF, Verdict.OK)

_BARS = ("split_brain", "system_identifier")
"""What is wrong with the cluster as a whole and keeps it from being moved."""


def _is_cut(edge: Edge, snapshot: Snapshot) -> bool:
    """Return whether the link itself is what broke; two primaries have none, and that is said of the cluster."""
    target = snapshot.node(edge.target)
    if target is not None and (target.role == "primary" or target.verdict is Verdict.DOWN):
        return False
    return _is_alive(edge.source, snapshot)


def _is_alive(name: str, snapshot: Snapshot) -> bool:
    node = snapshot.node(name)
    return node is not None and node.value("sql") == "ok"


def _follows(node: Node, snapshot: Snapshot) -> bool:
    """Return whether what is wrong with `node` is only what its neighbour's fault does to it."""
    wrong = [each for each in node.judgements if each.verdict not in (Verdict.OK, Verdict.OFF)]
    rules = {each.rule for each in wrong}
    if node.role == "standby" and rules == {"receiver"}:
        return True  # told as a broken link, or by its primary's fault
    if node.role == "primary" and rules <= {"replicas", "slots"}:
        return any(each.role != "primary" and each.verdict is not Verdict.OK for each in snapshot.of_kind("database"))
    if node.verdict is Verdict.UNKNOWN and "hidden" in rules:
        return not node.vantages  # told by its bastion; who sees a hidden database is worth a line of its own
    if [each.rule for each in wrong] != ["http"] or not (node.words.startswith("HTTP 5") or node.words == "NO ANSWER"):
        return False
    used = [edge.target for edge in snapshot.edges if edge.source == node.name and edge.state in ("broken", "unknown")]
    targets = [target for name in used if (target := snapshot.node(name)) is not None]
    return any(target.verdict is Verdict.DOWN or _is_lost(target) for target in targets)


def _is_lost(database: Node) -> bool:
    """Return whether others lost a database that cannot be looked at, and nobody sees it live: its web nodes hang by that."""
    seen = {each.sees for each in database.vantages}
    return database.verdict is Verdict.UNKNOWN and "alive" not in seen and bool(seen & {"lost", "dead"})


_CLUSTER_REMEDY = {
    "split_brain": "Decide which copy stands: nothing is merged. Fence the other one, which keeps what only it has on its disk.",
    "system_identifier": "Compare the inventory with the hosts: one of them serves something else. Nothing may be moved before.",
    "no_primary": "Start the old primary where it is, or promote a standby; never both.",
}


def _about(node: Node, snapshot: Snapshot, inventory: Inventory, background: Background) -> Advice:
    loud = [each for each in node.judgements if each.verdict is node.verdict]
    headline = f"{node.name} {loud[0].words}" if loud else f"{node.name} is {node.verdict.value}"
    between = _cut_off(node, snapshot)
    if between:
        headline = f"{node.name} gets no answer from {', '.join(between)}, which answers us: the way between them is cut or slow"
    evidence = [f"{v.observer} sees {v.sees}: {v.words}" for v in node.vantages]
    evidence += [each.words for each in node.judgements if each.verdict not in (Verdict.OK, Verdict.OFF)][1:]
    ways = ways_about(node, snapshot, inventory, background)
    return Advice(node.verdict, headline, tuple(evidence), _remedy(node, snapshot, inventory), ways)


def _cut_off(node: Node, snapshot: Snapshot) -> list[str]:
    """Return the healthy web nodes that a running balancer cannot get an answer from.

    What it hands on from one of them is an answer, whatever it says; by 502 and 504 it says itself that it got none.
    """
    if node.kind != "balancer" or node.verdict is not Verdict.DOWN or node.value("service") not in (None, "running"):
        return []
    heard = node.value("served_by") if node.value("http") not in (None, 502, 504) else None
    broken = [
        edge.target for edge in snapshot.edges if edge.source == node.name and edge.state == "broken" and edge.target != heard
    ]
    targets = [snapshot.node(name) for name in broken]
    return [target.name for target in targets if target is not None and target.verdict is Verdict.OK]


def _remedy(node: Node, snapshot: Snapshot, inventory: Inventory) -> str:
    if node.kind == "bastion":
        behind = [host.name for host in inventory.hosts.values() if node.name in host.via]
        return f"What is behind it is hidden, not down: {', '.join(behind)}. Bring {node.name} back, or reach them another way."
    if node.value("host.ssh") == "host-key-refused":
        return "Find out who changed the key before trusting it: compare fingerprints on the host's own console."
    if _is_only_moved(node, snapshot):
        return "Where this is to stay, let the inventory declare it so; else move it back."
    if node.kind == "database":
        return _database_remedy(node, snapshot)
    if node.kind == "alternate":
        return _alternate_remedy(node)
    if node.words in ("STOPPED", "CRASHED"):
        return f"Start its service on {node.host}; look at its log first."
    if node.words == "HUNG":
        return f"On {node.host}: continue or restart its service."
    if node.words.startswith("HTTP 5") and node.kind == "web":
        primary = next((each for each in snapshot.of_kind("database") if each.role == "primary"), None)
        return "" if primary is not None else "Its database does not answer: bring a primary back first."
    return ""


_WAS_PRIMARY = ("in production", "shut down", "shutting down")
"""What a control file says of a data directory that would come up as a primary."""

_TRIES_AGAIN_S = 15.0
"""After a start, how long a link that is down is not held against the network: two retries of a standby, and a look."""


def _is_only_moved(node: Node, snapshot: Snapshot) -> bool:
    """Return whether only the inventory still declares what was before a move: so it is after each of them."""
    primaries = [each for each in snapshot.of_kind("database") if each.role == "primary"]
    wrong = {each.rule for each in node.judgements if each.verdict not in (Verdict.OK, Verdict.OFF)}
    if len(primaries) != 1 or not wrong:
        return False
    return wrong == {"drift"} or (wrong == {"points_at"} and node.value("points_at") == primaries[0].name)


def _database_remedy(node: Node, snapshot: Snapshot) -> str:
    has_primary = any(each.role == "primary" for each in snapshot.of_kind("database"))
    if any(each.rule == "synchronous_standbys" and each.verdict is Verdict.DOWN for each in node.judgements):
        setting = reloaded(node.name, "synchronous_standby_names", chr(39) * 2)
        return f"Bring the standby back. Or let commits end without one, and what is written have no second copy: {setting}"
    if node.role == "primary" and node.value("quarantine"):
        return (
            f"Fence {node.name} again, at once: it may come back as a standby only, and whoever writes to it writes for nothing."
        )
    if node.verdict is Verdict.DOWN and node.value("quarantine"):
        return f"{node.name} was failed over: it comes back by `rejoin`, as a standby of the one that serves now, or not at all."
    if has_primary and node.verdict is Verdict.DOWN and node.value("control_state") in _WAS_PRIMARY:
        return f"{node.name} was a primary and another one serves now: it may come back only as a standby of that one."
    if node.words in ("STOPPED", "CRASHED") and was_primary(snapshot, node) and (hidden := unseen_primaries(snapshot, node)):
        return (
            f"{', '.join(hidden)} cannot be seen and may be the primary by now: look there first. Started in place, {node.name} "
            "would be a second one; only where nobody was promoted is that the cheapest way back."
        )
    if room := _room_remedy(node):
        return room
    if node.value("sql") == FULL:
        return f"{node.name} lives: neither start, restart nor fail over for this. Free a connection, as said above."
    if has_primary and node.verdict is Verdict.DOWN:
        return f"Until {node.name} is back every new write exists once: start it on {node.host}; look at its log first."
    if node.words in ("STOPPED", "CRASHED"):
        return f"The host is healthy: starting {node.name} in place is the cheapest way back and loses nothing."
    if node.words == "HUNG":
        return f"It is not dead and may wake up: on {node.host}, continue its processes or end them before anything is promoted."
    if node.words == "OUT OF REACH":
        return "Nobody could look at its processes: they may still run. Fence it before anything is promoted."
    if node.words == "unreachable":
        return "Unreachable from here is not dead: repair the way to it. Promoting now would make a second writer."
    if node.words == "login refused":
        return "Check the console's account, password and pg_hba.conf."
    return ""


def _room_remedy(node: Node) -> str:
    """Return what is to be done where a database lacks room on its disk; empty where it does not."""
    is_full = any(each.rule == "disk_percent" and each.verdict is Verdict.DOWN for each in node.judgements)
    if not is_full and node.value("sql") != ROOMLESS:
        return ""
    if is_dead(node):
        return f"Make room on {node.host} before it is started: df -h. A server without room ends, and would end again."
    return f"Make room on {node.host}: df -h. What waits for room goes on by itself then; a server that ended has to be started."


def _alternate_remedy(node: Node) -> str:
    wrong = {each.rule for each in node.judgements if each.verdict is node.verdict}
    if "runs_beside" in wrong:
        return (
            f"Decide which data stands: alternate-home {node.name} brings home what it has, and keeps the other. To stay with "
            f"what is at home, stop and disable its PPS on {node.host}; until then tell users that they are in a copy."
        )
    if "copy" in wrong:
        return f"ppsconsole run alternate-prepare {node.name}; where its archive is empty, back up into that first."
    if "starts_at_boot" in wrong:
        return f"Disable its service on {node.host}: ppsconsole run alternate-prepare {node.name} does that as well."
    return ""


def _is_young(name: str, snapshot: Snapshot) -> bool:
    """Return whether the server started so short a time ago that a standby may not have tried again yet."""
    node = snapshot.node(name)
    started = None if node is None else node.value("started_at")
    return isinstance(started, (int, float)) and 0 <= snapshot.at - started < _TRIES_AGAIN_S


def _link(edge: Edge, snapshot: Snapshot, inventory: Inventory, background: Background) -> Advice:
    both = _is_alive(edge.source, snapshot) and _is_alive(edge.target, snapshot)
    if both and (target := snapshot.node(edge.target)) is not None and (slot := lost_slot(snapshot, target)):
        headline = f"{target.name} streams from nobody: its slot {slot} on {edge.source} is lost, and WAL that it needs with it"
        remedy = f"It does not get that from {edge.source} any more: rejoin {target.name}, which copies it anew where it has to."
        return Advice(edge.verdict, headline, (), remedy, ways_about(target, snapshot, inventory, background))
    if both and (young := [name for name in (edge.source, edge.target) if _is_young(name, snapshot)]):
        headline = f"replication {edge.source} → {edge.target} is not back yet: {' and '.join(young)} has just started"
        remedy = "A standby tries again every wal_retrieve_retry_interval, 5 s by default: wait for it before you look further."
    elif both and (target := snapshot.node(edge.target)) is not None and is_left_behind(snapshot, target):
        headline = f"{target.name} was left behind when {edge.source} was promoted: it streams from nobody, on an older timeline"
        remedy = f"It is no network's fault: rejoin {target.name}, which reads how far it went, and takes the cheapest way."
        return Advice(edge.verdict, headline, (), remedy, ways_about(target, snapshot, inventory, background))
    elif both:
        headline = (
            f"replication {edge.source} → {edge.target} is down although both databases answer: only the way between is cut"
        )
        remedy = "Until it is back every new write exists once: repair the network between them; do not fail over."
    else:
        headline = f"replication {edge.source} → {edge.target} is down"
        remedy = ""
    return Advice(edge.verdict, headline, (), remedy, barred_ways(snapshot, inventory, background))
