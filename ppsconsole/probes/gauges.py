"""The numbers worth a gauge, in the order of their importance. Pure."""

from ppsconsole.cluster.judging import against, amount, limit_words
from ppsconsole.cluster.snapshot import Edge, Gauge, Node
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.inventory.model import Limit
from ppsconsole.probes.edges import row_of, unflushed_seconds_of
from ppsconsole.probes.view import View


def gauges_of(view: View, nodes: dict[str, Node], edges: tuple[Edge, ...]) -> tuple[Gauge, ...]:
    """Return lag and loss per standby, front, sessions, disks, certificates and clock skew."""
    limits = view.inventory.limits
    has_primary = any(node.role == "primary" for node in nodes.values())
    found = []
    for edge in edges:
        if edge.kind == "replication":
            found.append(_gauge(f"lag {edge.target}", edge.target, edge.lag_s, limits.lag_s, "s"))
    streams = [edge for edge in edges if edge.kind == "replication"]
    if streams:
        found.append(_gauge("loss now", "cluster", loss_now(view, streams), limits.loss_s, "s", prefix="<="))
    for node in nodes.values():
        if node.kind == "balancer" and view.was_seen(node.name, "tcp"):
            found.append(_gauge(f"front {node.name}", node.name, node.value("http_latency_s"), limits.front_latency_s, "s"))
    for node in nodes.values():
        if node.kind == "database" and (node.role == "primary" or (not has_primary and node.declared == "primary")):
            percent = node.value("sessions_percent")
            found.append(_gauge(f"sessions {node.name}", node.name, percent, limits.sessions_percent, "%"))
    for node in nodes.values():
        if node.kind == "database" and node.host is not None:
            found.append(_gauge(f"disk {node.name}", node.name, node.value("host.disk_percent"), limits.disk_percent, "%"))
    found += _certificate(nodes, limits.certificate_days)
    found += _skew(view, limits.clock_skew_s)
    return tuple(found)


def loss_now(view: View, streams: list[Edge]) -> float | None:
    """Return the window, in seconds, of what would be lost if the primary died now and the best standby were promoted.

    A sample can be as old as one polling interval, so that interval is added: the promise is an upper bound. None is unknown.
    """
    looks = [
        unflushed_seconds_of(view, edge.source, edge.target, row_of(view, edge.source, edge.target))
        for edge in streams
        if edge.state != "broken"
    ]
    windows = [look for look in looks if look is not None]
    return min(windows) + view.inventory.polling.every_s if windows else None


def _gauge(name: str, subject: str, value: float | None, limit: Limit, unit: str, prefix: str = "") -> Gauge:
    text = "unknown" if value is None else prefix + amount(value, unit)
    return Gauge(name, subject, value, text, against(value, limit), limit_words(limit, unit))


def _certificate(nodes: dict[str, Node], limit: Limit) -> list[Gauge]:
    """Return one gauge for the certificate that ends first."""
    ending = [(node.value("certificate_days"), node.name) for node in nodes.values()]
    known = sorted((days, name) for days, name in ending if days is not None)
    if not known:
        return []
    days, name = known[0]
    return [_gauge(f"cert {name}", name, days, limit, "days")]


def _skew(view: View, limit: Limit) -> list[Gauge]:
    """Return one gauge for the clock that is furthest off, either way."""
    known = []
    for host in view.inventory.hosts.values():
        skew = view.host_fact(host.name, "clock_skew_s").value
        if skew is not None:
            known.append((abs(skew), host.name))
    if not known:
        return [Gauge("clock skew", "cluster", None, "unknown", Verdict.UNKNOWN, limit_words(limit, "s"))]
    value, name = max(known)
    return [_gauge(f"skew {name}", name, value, limit, "s")]
