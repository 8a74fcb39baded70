"""What connects the nodes, as observed. Pure."""

from ppsconsole.cluster.database import Receiver, Replica, Sessions, lsn_number
from ppsconsole.cluster.judging import against, calm
from ppsconsole.cluster.snapshot import Edge, EdgeState, Member, Node
from ppsconsole.cluster.verdicts import Verdict, worst
from ppsconsole.inventory.model import Balancer
from ppsconsole.probes.judge_database import MESSAGE_FRESH_S, instance_at
from ppsconsole.probes.snapshot_copies import are_snapshots, snapshot_edge
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
        if status is not None and status < 400:
            found.append(Edge("users", balancer.name, "front", "serving", Verdict.OK, at=at))
        elif status is not None:
            verdict = Verdict.DOWN if status >= 500 else Verdict.WARN
            found.append(Edge("users", balancer.name, "front", "broken", verdict, f"HTTP {status}", at=at))
        elif tcp.value in ("ok", "refused"):
            found.append(Edge("users", balancer.name, "front", "broken", Verdict.DOWN, "no answer", at=at))
        else:
            found.append(Edge("users", balancer.name, "front", "unknown", Verdict.UNKNOWN, at=at))
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
                found.append(_route(view, balancer, member, node, fact.at))
    return found


def _route(view: View, balancer: Balancer, member: Member, target: Node, at: float) -> Edge:
    name = balancer.name
    if member.state != "up":
        label = "set down" if member.state == "down" else "backup"
        return Edge(name, target.name, "route", "idle", Verdict.OFF, label, at=at)
    if target.verdict is Verdict.DOWN:
        return Edge(name, target.name, "route", "broken", Verdict.DOWN, target.words, at=at)
    front = view.value(name, "http")
    if front is None and view.value(name, "tcp") != "ok":
        return Edge(name, target.name, "route", "unknown", Verdict.UNKNOWN, at=at)
    if front is None or front >= 500:
        # The front takes connections and the member answers us: what lies between the two does not work.
        return Edge(name, target.name, "route", "broken", Verdict.DOWN, "no answer" if front is None else f"HTTP {front}", at=at)
    is_proved = view.value(name, "served_by") == target.name
    return Edge(name, target.name, "route", "serving", Verdict.OK, "" if is_proved else "by configuration", at=at)


def _uses(view: View, nodes: dict[str, Node]) -> list[Edge]:
    found = []
    for web_node in view.inventory.web_nodes.values():
        target = view.value(web_node.name, "points_at") or web_node.database
        if target not in nodes:
            continue
        count = sessions_from(view, web_node.name, target)
        label = "" if count is None else f"{count} session{'' if count == 1 else 's'}"
        sessions = view.fact(target, "sessions")
        at = sessions.at if sessions.is_known else None
        state, verdict = _use(view, nodes[web_node.name], nodes[target], count)
        found.append(Edge(web_node.name, target, "uses", state, verdict, label, at=at))
    return found


def _use(view: View, web_node: Node, target: Node, count: int | None) -> tuple[EdgeState, Verdict]:
    """Return state and verdict of the link of a web node to its database, of which `count` sessions were seen."""
    status = view.value(web_node.name, "http")
    if count:
        return "serving", Verdict.OK
    if web_node.verdict is Verdict.OFF or (count == 0 and status is not None and status < 500):
        return "idle", Verdict.OFF
    if target.verdict is Verdict.DOWN or (status is not None and status >= 500):
        return "broken", Verdict.DOWN
    if count == 0 and web_node.verdict is Verdict.DOWN:
        return "idle", Verdict.OFF
    return "unknown", Verdict.UNKNOWN


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
            stream = snapshot_edge if are_snapshots(view.inventory) else _stream
            found.append(stream(view, source, instance.name))
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


def _stream(view: View, source: str, standby: str) -> Edge:
    receiver_fact = view.fact(standby, "receiver")
    receiver: Receiver | None = receiver_fact.value
    row = row_of(view, source, standby)
    if receiver is None and row is None and view.value(source, "replicas") is not None:
        # The primary itself says that this standby is not connected to it.
        return Edge(source, standby, "replication", "broken", Verdict.DOWN, "not connected", at=view.fact(source, "replicas").at)
    if receiver is None and row is None:
        return Edge(source, standby, "replication", "unknown", Verdict.UNKNOWN, "unknown")
    at = receiver_fact.at if receiver is not None else view.fact(source, "replicas").at
    if receiver is not None and receiver.status != "streaming":
        return Edge(source, standby, "replication", "broken", Verdict.DOWN, "link down", at=at)
    lag_bytes = lag_bytes_of(view, source, standby, row)
    lag_s = lag_seconds_of(view, source, standby, row)
    if row is not None and row.state in ("startup", "catchup", "backup"):
        return Edge(source, standby, "replication", "catching-up", Verdict.WARN, row.state, lag_bytes, lag_s, at)
    limits = view.inventory.limits
    verdict = worst([against(lag_bytes, limits.lag_bytes), against(lag_s, limits.lag_s)])
    label = "lag unknown" if lag_s is None else calm(lag_s, limits.lag_s, "s")
    return Edge(source, standby, "replication", "streaming", verdict, label, lag_bytes, lag_s, at)


def row_of(view: View, source: str, standby: str) -> Replica | None:
    """Return how `source` sees `standby` among its replicas, None when it does not."""
    replicas: tuple[Replica, ...] | None = view.value(source, "replicas")
    host = view.inventory.host_of(standby)
    for row in replicas or ():
        is_from_there = host is not None and row.client_addr == host.address
        # Somebody on the standby's host may copy the primary: that is no standby, whatever its address.
        if row.application_name == standby or (is_from_there and row.state != "backup"):
            return row
    return None


def lag_bytes_of(view: View, source: str, standby: str, row: Replica | None) -> int | None:
    """Return the WAL bytes that the primary has flushed and the standby has not; None when it cannot be known.

    The primary's own view is preferred: both positions come from one moment. Otherwise two samples are compared, which may
    come out negative when the standby was looked at later: that is 0. Where the primary is not seen, what it last told the
    standby counts, as of then.
    """
    if row is not None and row.unflushed_bytes is not None:
        return max(0, row.unflushed_bytes)
    ahead, behind = view.value(source, "lsn") or _announced(view, standby), view.value(standby, "lsn")
    if ahead is None or behind is None:
        return None
    return max(0, lsn_number(ahead) - lsn_number(behind))


def _announced(view: View, standby: str) -> str | None:
    receiver = _streaming(view, standby)
    return None if receiver is None else receiver.latest_end_lsn


def _streaming(view: View, standby: str) -> Receiver | None:
    """Return the standby's receiver while it streams and heard its upstream lately, None otherwise."""
    receiver: Receiver | None = view.value(standby, "receiver")
    if receiver is None or receiver.status != "streaming" or receiver.message_age_s is None:
        return None
    return receiver if receiver.message_age_s <= MESSAGE_FRESH_S else None


def lag_seconds_of(view: View, source: str, standby: str, row: Replica | None) -> float | None:
    """Return by how much time the standby is behind in having and in replaying what its primary wrote; None when unknown."""
    unflushed_s = unflushed_seconds_of(view, source, standby, row)
    if unflushed_s is None:
        return None
    replay_s = row.replay_lag_s if row is not None else None
    return max(unflushed_s, replay_s or 0.0)


def unflushed_seconds_of(view: View, source: str, standby: str, row: Replica | None) -> float | None:
    """Return the time window of what the standby lacks: what a failover at this moment would lose. None when unknown.

    0 only where the primary itself says, in one look, that nothing is missing. Where the primary is not seen, nothing can be
    newer than the last message from it, so the age of that message is the window, if it left nothing open.
    """
    if row is not None and row.unflushed_bytes is not None and view.value(source, "lsn") is not None:
        if row.unflushed_bytes <= 0:
            return 0.0
        if row.flush_lag_s is not None:
            return max(0.0, row.flush_lag_s)
        return _since_last_commit(view, standby)
    receiver = _streaming(view, standby)
    missing = lag_bytes_of(view, source, standby, row)
    if receiver is None or missing is None:
        return None
    return receiver.message_age_s if missing == 0 else _since_last_commit(view, standby)


def _since_last_commit(view: View, standby: str) -> float | None:
    at = view.value(standby, "last_replay_at")
    return None if at is None else max(0.0, view.now - at)
