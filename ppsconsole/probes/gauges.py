"""The numbers worth a gauge, in the order of their importance. Pure."""

from dataclasses import replace

from ppsconsole.cluster.judging import against, calm, limit_words
from ppsconsole.cluster.snapshot import Edge, Gauge, Node
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.limits import Limit
from ppsconsole.probes.edges import row_of, unflushed_seconds_of
from ppsconsole.probes.judge_alternate import copy_gauges
from ppsconsole.probes.judge_product import backup_limit, licence_limit, servers_running
from ppsconsole.probes.snapshot_copies import are_snapshots, snapshot_limit
from ppsconsole.probes.view import View

_NO_BACKUP = {"missing": "missing", "empty": "none", "unreadable": "no read", "too-many": "too many"}


def gauges_of(view: View, nodes: dict[str, Node], edges: tuple[Edge, ...]) -> tuple[Gauge, ...]:
    """Return lag and loss, front and logins, sessions, disks, backups, certificates, licence and clock skew."""
    limits, is_snapshot = view.inventory.limits, are_snapshots(view.inventory)
    has_primary = any(node.role == "primary" for node in nodes.values())
    found = []
    for edge in edges:
        if edge.kind == "replication":
            limit, unit = (snapshot_limit(view.inventory), "age") if is_snapshot else (limits.lag_s, "s")
            found.append(_gauge(f"lag {edge.target}", edge.target, edge.lag_s, limit, unit))
    streams = [edge for edge in edges if edge.kind == "replication"]
    if streams:
        promised_s = view.inventory.cluster.loss_objective_s
        if is_snapshot:
            known = [edge.lag_s for edge in streams if edge.lag_s is not None]
            loss = _gauge("loss now", "cluster", min(known, default=None), snapshot_limit(view.inventory), "age")
        else:
            limit = _promised(limits.loss_s, promised_s)
            loss = _gauge("loss now", "cluster", loss_now(view, streams), limit, "s", prefix="<=")
        found.append(replace(loss, promised=promised_s))
    for node in nodes.values():
        if node.kind == "balancer" and view.was_seen(node.name, "tcp"):
            found.append(_gauge(f"front {node.name}", node.name, node.value("http_latency_s"), limits.front_latency_s, "s"))
    found += _logins(view)
    for node in nodes.values():
        if node.kind == "database" and (node.role == "primary" or (not has_primary and node.declared == "primary")):
            percent = node.value("sessions_percent")
            found.append(_gauge(f"sessions {node.name}", node.name, percent, limits.sessions_percent, "%"))
    for node in nodes.values():
        if node.kind == "database" and node.host is not None:
            found.append(_gauge(f"disk {node.name}", node.name, node.value("host.disk_percent"), limits.disk_percent, "%"))
    found += [_backup(view, each) for each in view.inventory.backups.values()]
    found += copy_gauges(view)
    found += _certificate(nodes, limits.certificate_days)
    found += _licence(view)
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


def _promised(limit: Limit, promised: float | None) -> Limit:
    """Return `limit` with what was promised in it: from there on it warns at the latest, and is down where it warned before."""
    if promised is None:
        return limit
    return Limit(min(limit.warn, promised), min(limit.down, promised) if promised > limit.warn else limit.down)


def _gauge(name: str, subject: str, value: float | None, limit: Limit, unit: str, prefix: str = "") -> Gauge:
    text = "unknown" if value is None else prefix + calm(value, limit, unit)
    return Gauge(name, subject, value, text, against(value, limit), limit_words(limit, unit), limit.warn, limit.down, unit)


def _logins(view: View) -> list[Gauge]:
    """Return time and success of logins through the front: two numbers with a limit each, off where none are tried."""
    limits = view.inventory.limits
    if not any(node.account is not None for node in view.inventory.web_nodes.values()):
        return [Gauge("login", "cluster", None, "not checked", Verdict.OFF)] if view.inventory.balancers else []
    taken = _gauge("login", "cluster", view.cluster_fact("login_s").value, limits.login_s, "s")
    state = view.cluster_fact("login").value
    if state in ("refused", "no-secret", "failed"):
        verdict = Verdict.DOWN if state == "failed" else Verdict.WARN
        taken = Gauge("login", "cluster", None, str(state).replace("-", " "), verdict, taken.limit, taken.warn, taken.down, "s")
    percent = view.cluster_fact("login_percent").value
    return [taken, _gauge("logins in", "cluster", percent, limits.login_percent, "%")]


def _backup(view: View, backup: Backup) -> Gauge:
    name = backup.name if backup.name.startswith("backup") else f"backup {backup.name}"
    made = _gauge(name, "cluster", view.backup_fact(backup.name, "backup_age_s").value, backup_limit(backup), "age")
    state = view.backup_fact(backup.name, "backup").value
    if state in _NO_BACKUP:
        return Gauge(name, "cluster", None, _NO_BACKUP[str(state)], Verdict.WARN, made.limit, made.warn, made.down, "age")
    return made


def _certificate(nodes: dict[str, Node], limit: Limit) -> list[Gauge]:
    """Return one gauge for the certificate that ends first."""
    ending = [(node.value("certificate_days"), node.name) for node in nodes.values()]
    known = [(days, name) for days, name in ending if days is not None]
    if not known:
        return []
    # Those that end on the same day are told by name: hours differ with every look, and the gauge would change its own.
    days, name = min(known, key=lambda each: (int(each[0]), each[1]))
    return [_gauge(f"cert {name}", name, days, limit, "days")]


def _licence(view: View) -> list[Gauge]:
    """Return how many servers run of those that are licensed; nothing where the inventory does not say how many are."""
    limit, licensed = licence_limit(view), view.inventory.cluster.licensed_servers
    if limit is None:
        return []
    fact = servers_running(view).get("servers_running")
    value = None if fact is None else fact.value
    text = "unknown" if value is None else f"{value} of {licensed}"
    return [Gauge("licence", "cluster", value, text, against(value, limit), f"<={licensed}", limit.warn, limit.down, "")]


def _skew(view: View, limit: Limit) -> list[Gauge]:
    """Return one gauge for the clock that is furthest off, either way."""
    known = []
    for host in view.inventory.hosts.values():
        skew = view.host_fact(host.name, "clock_skew_s").value
        if skew is not None:
            known.append((abs(skew), host.name))
    if not known:
        return [_gauge("clock skew", "cluster", None, limit, "s")]
    value, name = max(known)
    return [_gauge("clock skew", name, value, limit, "s")]
