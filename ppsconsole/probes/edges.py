"""What connects the nodes, as observed. Pure."""

from ppsconsole.clock import duration
from ppsconsole.cluster.database import Receiver, Replica, Sessions, lsn_number
from ppsconsole.cluster.judging import against
from ppsconsole.cluster.snapshot import Edge, EdgeState, Member, Node
from ppsconsole.cluster.verdicts import Verdict, worst
from ppsconsole.inventory.model import Inventory
from ppsconsole.probes.judge_database import MESSAGE_FRESH_S
from ppsconsole.probes.view import View


def edges_of(view: View, nodes: dict[str, Node]) -> tuple[Edge, ...]:
    """Return the front, routes, uses and replication, in that order."""
    return (*_fronts(view), *_routes(view, nodes), *_uses(view, nodes), *_replication(view, nodes))


def _fronts(view: View) -> list[Edge]:
    """Return how users come in; `users` is no node: nothing is known of them."""
    found = []
    for balancer in view.inventory.balancers.values():
        if balancer.kind != "nginx" or view.inventory.cluster.address is None:
            continue
        tcp, status = view.fact(balancer.name, "tcp"), view.value(balancer.name, "http")
        at = tcp.at if tcp.is_known else None
        if status is not None and status < 500:
            found.append(Edge("users", balancer.name, "front", "serving", Verdict.OK, at=at))
        elif status is not None:
            found.append(Edge("users", balancer.name, "front", "broken", Verdict.DOWN, f"HTTP {status}", at=at))
        elif tcp.value in (None, "bastion-down"):
            found.append(Edge("users", balancer.name, "front", "unknown", Verdict.UNKNOWN, at=at))
        else:
            found.append(Edge("users", balancer.name, "front", "broken", Verdict.DOWN, "no answer", at=at))
    return found


def _routes(view: View, nodes: dict[str, Node]) -> list[Edge]:
    found = []
    for balancer in view.inventory.balancers.values():
        fact = view.fact(balancer.name, "members")
        members: tuple[Member, ...] | None = fact.value
        if members is None:
            targets = dict.fromkeys(balancer.members.values())
            found += [Edge(balancer.name, target, "route", "unknown", Verdict.UNKNOWN) for target in targets]
            continue
        for member in members:
            node = nodes.get(member.web_node or "")
            if node is not None:
                found.append(_route(view, balancer.name, member, node, fact.at))
    return found


def _route(view: View, balancer: str, member: Member, target: Node, at: float) -> Edge:
    if member.state != "up":
        label = "set down" if member.state == "down" else "backup"
        return Edge(balancer, target.name, "route", "idle", Verdict.OFF, label, at=at)
    if target.verdict is Verdict.DOWN:
        return Edge(balancer, target.name, "route", "broken", Verdict.DOWN, target.words, at=at)
    front = view.value(balancer, "http")
    if front is None:
        return Edge(balancer, target.name, "route", "unknown", Verdict.UNKNOWN, at=at)
    served_by = view.value(balancer, "served_by")
    state: EdgeState = "serving" if served_by in (None, target.name) or front < 500 else "broken"
    return Edge(balancer, target.name, "route", state, Verdict.OK if state == "serving" else Verdict.DOWN, at=at)


def _uses(view: View, nodes: dict[str, Node]) -> list[Edge]:
    found = []
    for web_node in view.inventory.web_nodes.values():
        fact = view.fact(web_node.name, "points_at")
        target = fact.value or web_node.database
        if target not in nodes:
            continue
        count = sessions_from(view, web_node.name, target)
        http = view.value(web_node.name, "http")
        label = "" if count is None else f"{count} session{'' if count == 1 else 's'}"
        at = fact.at if fact.is_known else None
        if count:
            edge = Edge(web_node.name, target, "uses", "serving", Verdict.OK, label, at=at)
        elif nodes[web_node.name].verdict is Verdict.OFF or (http is not None and http < 500):
            edge = Edge(web_node.name, target, "uses", "idle", Verdict.OFF, label, at=at)
        elif nodes[target].verdict is Verdict.DOWN or (http is not None and http >= 500):
            edge = Edge(web_node.name, target, "uses", "broken", Verdict.DOWN, label, at=at)
        elif count == 0 and nodes[web_node.name].verdict is Verdict.DOWN:
            edge = Edge(web_node.name, target, "uses", "idle", Verdict.OFF, label, at=at)
        else:
            edge = Edge(web_node.name, target, "uses", "unknown", Verdict.UNKNOWN, label, at=at)
        found.append(edge)
    return found


def sessions_from(view: View, web_node: str, instance: str) -> int | None:
    """Return how many sessions `instance` sees from the host of `web_node` on the PPS database; None when it cannot be asked."""
    sessions: tuple[Sessions, ...] | None = view.value(instance, "sessions")
    host = view.inventory.host_of(web_node)
    if sessions is None or host is None:
        return None
    database = view.inventory.database.database
    return sum(each.count for each in sessions if each.client_addr == host.address and each.database == database)


def _replication(view: View, nodes: dict[str, Node]) -> list[Edge]:
    found = []
    for instance in view.inventory.database.instances.values():
        node = nodes[instance.name]
        is_standby = node.role == "standby" or (node.role == "unknown" and instance.declared == "standby")
        source = _upstream(view, instance.name, nodes) if is_standby else None
        if source is not None:
            found.append(_stream(view, source, instance.name))
    primaries = [node.name for node in nodes.values() if node.kind == "database" and node.role == "primary"]
    for other in primaries[1:]:
        found.append(Edge(primaries[0], other, "replication", "broken", Verdict.DOWN, "two primaries", at=view.now))
    return found


def _upstream(view: View, standby: str, nodes: dict[str, Node]) -> str | None:
    receiver: Receiver | None = view.value(standby, "receiver")
    if receiver is not None and receiver.sender_host is not None:
        named = instance_at(view.inventory, receiver.sender_host)
        if named is not None and named != standby:
            return named
    others = [node for node in nodes.values() if node.kind == "database" and node.name != standby]
    primaries = [node.name for node in others if node.role == "primary"]
    declared = [node.name for node in others if node.declared == "primary"]
    return next(iter(primaries + declared), None)


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


def _stream(view: View, source: str, standby: str) -> Edge:
    receiver_fact = view.fact(standby, "receiver")
    receiver: Receiver | None = receiver_fact.value
    row = _row(view, source, standby)
    if receiver is None and row is None:
        return Edge(source, standby, "replication", "unknown", Verdict.UNKNOWN, "unknown")
    at = receiver_fact.at if receiver is not None else view.fact(source, "replicas").at
    if receiver is not None and receiver.status != "streaming":
        return Edge(source, standby, "replication", "broken", Verdict.DOWN, "link down", at=at)
    lag_bytes = lag_bytes_of(view, source, standby, row)
    lag_s = lag_seconds_of(view, standby, row, lag_bytes)
    if row is not None and row.state in ("startup", "catchup", "backup"):
        return Edge(source, standby, "replication", "catching-up", Verdict.WARN, row.state, lag_bytes, lag_s, at)
    limits = view.inventory.limits
    verdict = worst([against(lag_bytes, limits.lag_bytes), against(lag_s, limits.lag_s)])
    label = "lag unknown" if lag_s is None else duration(lag_s)
    return Edge(source, standby, "replication", "streaming", verdict, label, lag_bytes, lag_s, at)


def _row(view: View, source: str, standby: str) -> Replica | None:
    replicas: tuple[Replica, ...] | None = view.value(source, "replicas")
    host = view.inventory.host_of(standby)
    for row in replicas or ():
        if row.application_name == standby or (host is not None and row.client_addr == host.address):
            return row
    return None


def lag_bytes_of(view: View, source: str, standby: str, row: Replica | None) -> int | None:
    """Return the WAL bytes that the primary has flushed and the standby has not; None when it cannot be known.

    The primary's own view is preferred: both positions come from one moment. Otherwise the two samples are compared, which
    may come out negative when the standby was looked at later: that is 0.
    """
    if row is not None and row.unflushed_bytes is not None:
        return max(0, row.unflushed_bytes)
    ahead, behind = view.value(source, "lsn"), view.value(standby, "lsn")
    if ahead is None:
        ahead = _announced(view, standby)
    if ahead is None or behind is None:
        return None
    return max(0, lsn_number(ahead) - lsn_number(behind))


def _announced(view: View, standby: str) -> str | None:
    """Return how far the upstream said it was, as the standby heard it lately: for when we cannot see the upstream ourselves."""
    receiver: Receiver | None = view.value(standby, "receiver")
    if receiver is None or receiver.status != "streaming" or receiver.message_age_s is None:
        return None
    return receiver.latest_end_lsn if receiver.message_age_s <= MESSAGE_FRESH_S else None


def lag_seconds_of(view: View, standby: str, row: Replica | None, lag_bytes: int | None) -> float | None:
    """Return the lag as time: 0 only when a live stream proves that nothing is missing; None when it cannot be known."""
    if row is not None and row.replay_lag_s is not None:
        return max(0.0, row.replay_lag_s)
    receiver: Receiver | None = view.value(standby, "receiver")
    if receiver is None or receiver.status != "streaming":
        return None
    if lag_bytes == 0 or view.value(standby, "lsn") == view.value(standby, "replay_lsn"):
        return 0.0
    last = view.value(standby, "last_replay_at")
    return None if last is None else max(0.0, view.now - last)
