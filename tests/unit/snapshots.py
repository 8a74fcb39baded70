"""Snapshots for tests, built by hand: a cluster like the lab's in every state worth drawing.

Two sites, a bastion each, `lb1` in front, `pps1` and `pps2`, `db1` streaming to `db2`. Every builder returns a whole
`Snapshot`; `changed` and `rewired` alter one.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ppsconsole.cluster.database import Receiver, Replica, Sessions
from ppsconsole.cluster.facts import Fact, node_subject
from ppsconsole.cluster.picture import Picture
from ppsconsole.cluster.snapshot import Edge, Gauge, Member, Node, NodeKind, Snapshot, Vantage
from ppsconsole.cluster.verdicts import Judgement, Verdict

OK, WARN, DOWN, OFF, UNKNOWN = Verdict.OK, Verdict.WARN, Verdict.DOWN, Verdict.OFF, Verdict.UNKNOWN

AT = 1_795_403_647.0
"""2026-11-23T03:14:07Z, the moment of every snapshot here."""


def facts(node: str, source: str, age_s: float = 0.4, /, **values: Any) -> dict[str, Fact]:
    """Return facts about `node` by name; `host_x` becomes `host.x` and may be older. None is an unknown that timed out."""
    named = {("host." + name[5:] if name.startswith("host_") else name): value for name, value in values.items()}
    return {
        name: Fact(
            node_subject(node),
            name,
            value,
            source,
            AT - age_s,
            fresh_s=90.0 if name.startswith(("host.", "certificate")) else 10.0,
            detail="" if value is not None else "timed out after 4s",
        )
        for name, value in named.items()
    }


def database(name: str, site: str, address: str, *, is_primary: bool) -> Node:
    """Return a healthy instance."""
    common = facts(
        name,
        f"{name}: status query",
        sql="ok",
        in_recovery=not is_primary,
        version=180001,
        system_identifier="7571036281940112345",
        timeline=1,
        started_at=AT - 93_000,
        data_directory=f"/srv/{name}/data",
        server_address=f"{address}:5432",
        sql_latency_s=0.0031,
        lsn="0/5A00210",
        sessions=(Sessions("127.0.1.3", "pps1", "pps", "pps", 3),) if is_primary else (),
        sessions_percent=3.0 if is_primary else 0.0,
        longest_transaction_s=0.2,
        is_writable=True if is_primary else None,
    )
    if is_primary:
        row = Replica("db2", "127.0.2.5", "streaming", "async", "0/5A00210", "0/5A00210", "0/5A00210", 0, 0, 0.2, 0.2)
        common |= facts(name, f"{name}: pg_stat_replication", replicas=(row,))
    else:
        common.pop("is_writable")
        row_seen = Receiver("streaming", 1, "0/5A00210", "0/5A00210", 0.3, "ppsconsole_db2", "127.0.1.5", 5432)
        common |= facts(name, f"{name}: pg_stat_wal_receiver", receiver=row_seen, replay_lsn="0/5A00210")
    common |= facts(name, f"{name}: ssh", 12.0, host_ssh="ok", host_disk_percent=61.0, host_disk_free_bytes=48_318_382_080)
    common |= facts(name, f"{name}: ssh", 12.0, host_clock_skew_s=0.02)
    common |= facts(name, f"{name}: service program", 1.2, service="running", service_enabled="enabled")
    return Node(
        name=name,
        kind="database",
        site=site,
        host=f"{name}-host",
        role="primary" if is_primary else "standby",
        declared="primary" if is_primary else "standby",
        verdict=OK,
        words="PRIMARY" if is_primary else "standby",
        facts=common,
        judgements=(
            Judgement(name, "role", OK, "primary, as declared" if is_primary else "standby, as declared"),
            Judgement(name, "disk_percent", OK, "disk 61% used", "warns from 85%"),
        ),
    )


def web(name: str, site: str, address: str, *, is_serving: bool, points_at: str = "db1") -> Node:
    """Return a healthy web node: a serving one, or one that stands by stopped."""
    running = facts(name, f"{name}: GET /", tcp="ok", tls="ok", http=200, http_latency_s=0.018)
    stopped = facts(name, f"{name}: TCP connect", tcp="refused")
    setting = facts(name, f"{name}: service program", 3.0, points_at=points_at, certificate_days=41.0)
    service = facts(
        name,
        f"{name}: service program",
        1.2,
        service="running" if is_serving else "stopped",
        service_enabled="enabled" if is_serving else "disabled",
    )
    return Node(
        name=name,
        kind="web",
        site=site,
        host=f"{name}-host",
        role="serving" if is_serving else "idle",
        declared="active" if is_serving else "passive",
        verdict=OK if is_serving else OFF,
        words="serving" if is_serving else "stopped",
        facts=(running if is_serving else stopped) | setting | service,
        judgements=(
            Judgement(name, "http", OK, "answers 200") if is_serving else Judgement(name, "service", OFF, "stopped, as declared"),
        ),
    )


def balancer(name: str, site: str | None, served_by: str = "pps1") -> Node:
    """Return a healthy nginx."""
    members = (Member("127.0.1.3:10001", "up", "pps1"), Member("127.0.2.3:10001", "down", "pps2"))
    return Node(
        name=name,
        kind="balancer",
        site=site,
        host=f"{name}-host",
        role="balancer",
        declared="",
        verdict=OK,
        words="nginx",
        facts=facts(name, f"{name}: nginx -T", served_by=served_by, members=members, tcp="ok", http=200, http_latency_s=0.021),
        judgements=(Judgement(name, "served_by", OK, f"serves from {served_by}"),),
    )


def bastion(name: str, site: str) -> Node:
    """Return a healthy bastion."""
    return Node(
        name,
        "bastion",
        site,
        name,
        "bastion",
        "",
        OK,
        "ok",
        facts(name, "console: ssh", ssh="ok"),
        (Judgement(name, "ssh", OK, "lets us in"),),
    )


def directory(name: str, site: str | None = None) -> Node:
    """Return a directory, which nothing probes yet."""
    return Node(name, "directory", site, None, "directory", "", UNKNOWN, "not probed yet")


GAUGES = (
    Gauge("lag db2", "db2", 0.2, "0.2s", OK, "<5s"),
    Gauge("loss now", "cluster", 0.2, "0.2s", OK, "<5s"),
    Gauge("front", "lb1", 0.021, "21ms", OK, "<1s"),
    Gauge("sessions db1", "db1", 3.0, "3%", OK, "<80%"),
    Gauge("disk db1", "db1", 61.0, "61%", OK, "<85%"),
    Gauge("cert pps1", "pps1", 41.0, "41d", OK, ">21d"),
    Gauge("clock db2", "db2", 0.02, "0.0s", OK, "<1s"),
)

TRENDS: Mapping[str, tuple[float | None, ...]] = {
    "lag db2": (0.1, 0.1, 0.2, 0.1, 0.4, 0.2, 0.1, None, None, 0.2, 0.2, 0.1, 0.2),
    "loss now": (0.1, 0.1, 0.2, 0.1, 0.4, 0.2, 0.1, None, None, 0.2, 0.2, 0.1, 0.2),
    "front": (0.020, 0.021, 0.019, 0.020, 0.150, 0.022, 0.020, 0.021),
    "sessions db1": (3.0,) * 8,
    "disk db1": (58.0, 58.5, 59.0, 59.5, 60.0, 60.5, 61.0),
}


def snapshot(**changes: Any) -> Snapshot:
    """Return the lab-like cluster with everything well; `changes` replace fields of the snapshot."""
    nodes = (
        bastion("bastion-a", "a"),
        bastion("bastion-b", "b"),
        balancer("lb1", "a"),
        web("pps1", "a", "127.0.1.3", is_serving=True),
        web("pps2", "b", "127.0.2.3", is_serving=False, points_at="db2"),
        database("db1", "a", "127.0.1.5", is_primary=True),
        database("db2", "b", "127.0.2.5", is_primary=False),
    )
    edges = (
        Edge("users", "lb1", "front", "serving", OK, "200", at=AT - 0.4),
        Edge("lb1", "pps1", "route", "serving", OK, at=AT - 0.4),
        Edge("lb1", "pps2", "route", "idle", OFF, "set down", at=AT - 0.4),
        Edge("pps1", "db1", "uses", "serving", OK, "3 sessions", at=AT - 0.4),
        Edge("pps2", "db2", "uses", "idle", OFF, "configured", at=AT - 3.0),
        Edge("db1", "db2", "replication", "streaming", OK, "0.2s", lag_bytes=0, lag_s=0.2, at=AT - 0.4),
    )
    base = Snapshot(cluster="lab", is_lab=True, at=AT, nodes=nodes, edges=edges, gauges=GAUGES)
    return replace(base, **changes)


def changed(base: Snapshot, name: str, **changes: Any) -> Snapshot:
    """Return `base` with fields of the node `name` replaced."""
    return replace(base, nodes=tuple(replace(each, **changes) if each.name == name else each for each in base.nodes))


def rewired(base: Snapshot, source: str, target: str, **changes: Any) -> Snapshot:
    """Return `base` with fields of the edge from `source` to `target` replaced."""
    edges = (replace(each, **changes) if (each.source, each.target) == (source, target) else each for each in base.edges)
    return replace(base, edges=tuple(edges))


def gauged(base: Snapshot, name: str, **changes: Any) -> Snapshot:
    """Return `base` with fields of the gauge `name` replaced."""
    return replace(base, gauges=tuple(replace(each, **changes) if each.name == name else each for each in base.gauges))


def fine() -> Snapshot:
    """Return the cluster with everything well."""
    return snapshot()


def degraded() -> Snapshot:
    """Return the cluster with a standby that falls behind and a certificate that ends soon."""
    base = rewired(fine(), "db1", "db2", state="catching-up", verdict=WARN, label="41s", lag_bytes=52_428_800, lag_s=41.0)
    base = changed(base, "db2", verdict=WARN, judgements=(Judgement("db2", "lag_s", WARN, "41s behind db1", "warns from 5s"),))
    base = gauged(base, "lag db2", value=41.0, text="41s", verdict=WARN)
    base = gauged(base, "loss now", value=41.0, text="41s", verdict=WARN)
    judged = (Judgement("pps1", "certificate_days", WARN, "certificate ends in 9 days", "warns from 21 days"),)
    base = changed(base, "pps1", verdict=WARN, judgements=judged)
    return gauged(base, "cert pps1", value=9.0, text="9d", verdict=WARN)


def primary_down() -> Snapshot:
    """Return the cluster after db1's server was killed: dead from two vantage points, users get errors."""
    gone = facts("db1", "db1: status query", 0.3, sql="refused", in_recovery=None) | facts(
        "db1", "db1: ssh", 1.0, service="failed"
    )
    base = changed(
        fine(),
        "db1",
        role="unknown",
        verdict=DOWN,
        words="DOWN",
        facts=gone,
        judgements=(Judgement("db1", "sql", DOWN, "nothing serves 127.0.1.5:5432: connection refused"),),
        vantages=(
            Vantage("console", "dead", "connection refused"),
            Vantage("host", "dead", "no postgres process; control file says in production"),
            Vantage("db2", "dead", "receiver: connection refused, 41s ago"),
        ),
    )
    base = changed(
        base,
        "db2",
        verdict=WARN,
        judgements=(Judgement("db2", "receiver", WARN, "receives nothing for 41s", "warns from 5s"),),
    )
    base = changed(
        base,
        "pps1",
        verdict=DOWN,
        words="500",
        facts=dict(base.nodes[3].facts) | facts("pps1", "pps1: GET /", http=500),
        judgements=(Judgement("pps1", "http", DOWN, "answers 500: its database is gone"),),
    )
    base = changed(base, "lb1", verdict=DOWN, words="500", judgements=(Judgement("lb1", "http", DOWN, "users get 500"),))
    base = rewired(base, "users", "lb1", state="broken", verdict=DOWN, label="500")
    base = rewired(base, "lb1", "pps1", verdict=DOWN, label="500")
    base = rewired(base, "pps1", "db1", state="broken", verdict=DOWN, label="refused")
    base = rewired(base, "db1", "db2", state="broken", verdict=DOWN, label="down 41s", lag_bytes=None, lag_s=None, at=AT - 41)
    base = gauged(base, "lag db2", value=None, text="unknown", verdict=UNKNOWN)
    base = gauged(base, "loss now", value=0.8, text="<=0.8s", verdict=OK)
    base = gauged(base, "front", value=None, text="500", verdict=DOWN)
    base = gauged(base, "sessions db1", value=None, text="unknown", verdict=UNKNOWN)
    return replace(base, judgements=(Judgement("cluster", "no-primary", DOWN, "no instance accepts writes"),))


def replication_broken() -> Snapshot:
    """Return the cluster with both instances well and the link between them cut."""
    base = rewired(fine(), "db1", "db2", state="broken", verdict=DOWN, label="down 41s", lag_bytes=16_777_216, lag_s=41.0)
    judged = (Judgement("db2", "receiver", WARN, "no link to db1 for 41s: timed-out", "warns from 5s"),)
    base = changed(base, "db2", verdict=WARN, judgements=judged)
    judged = (Judgement("db1", "replicas", DOWN, "db2 is not connected; its slot keeps 16MB", "warns without a standby"),)
    base = changed(base, "db1", verdict=WARN, judgements=judged)
    base = gauged(base, "lag db2", value=41.0, text="41s", verdict=WARN)
    return gauged(base, "loss now", value=41.0, text="41s", verdict=WARN)


def split_brain() -> Snapshot:
    """Return the cluster with two primaries on two timelines, both taking writes."""
    base = changed(
        fine(),
        "db2",
        role="primary",
        verdict=DOWN,
        words="PRIMARY",
        facts=dict(fine().nodes[6].facts) | facts("db2", "db2: status query", in_recovery=False, timeline=2),
        judgements=(Judgement("db2", "role", DOWN, "primary, declared standby; timeline 2 where db1 has 1"),),
    )
    base = changed(base, "db1", verdict=DOWN, judgements=(Judgement("db1", "role", DOWN, "primary, and so is db2"),))
    base = rewired(base, "db1", "db2", state="broken", verdict=DOWN, label="two primaries", lag_bytes=None, lag_s=None)
    words = "split brain: db1 (timeline 1) and db2 (timeline 2) both accept writes"
    return replace(base, judgements=(Judgement("cluster", "split-brain", DOWN, words),))


def bastion_down() -> Snapshot:
    """Return the cluster with site b's bastion dead: what is behind it is unknown, not down."""
    words = "no way in: connection refused"
    base = changed(fine(), "bastion-b", verdict=DOWN, words="DOWN", judgements=(Judgement("bastion-b", "ssh", DOWN, words),))
    base = changed(
        base,
        "pps2",
        role="unknown",
        verdict=UNKNOWN,
        words="no answer",
        facts=facts("pps2", "bastion-b", 1.0, service=None, points_at=None),
        judgements=(Judgement("pps2", "service", UNKNOWN, "bastion-b is down: nothing is known"),),
    )
    base = changed(
        base,
        "db2",
        role="unknown",
        verdict=UNKNOWN,
        words="no answer",
        facts=facts("db2", "bastion-b", 1.0, sql="bastion-down", in_recovery=None),
        judgements=(Judgement("db2", "sql", UNKNOWN, "bastion-b is down: nothing is known"),),
        vantages=(Vantage("console", "silent", "bastion-b is down"), Vantage("db1", "alive", "streaming to it, 0.2s behind")),
    )
    return rewired(base, "pps2", "db2", state="unknown", verdict=UNKNOWN, label="")


def unknown() -> Snapshot:
    """Return the cluster when nothing answers any more and everything has become stale."""
    stale = "stale; last seen 2026-11-23T03:13:20Z"
    base = fine()
    nodes = tuple(
        replace(
            each,
            role=each.role if each.kind in ("bastion", "balancer") else "unknown",
            verdict=UNKNOWN,
            words="no answer",
            facts={name: replace(fact, value=None, at=AT - 47, detail=stale) for name, fact in each.facts.items()},
            judgements=(Judgement(each.name, "ssh", UNKNOWN, "nothing seen for 47s"),),
        )
        for each in base.nodes
    )
    edges = tuple(
        replace(each, state="unknown", verdict=UNKNOWN, label="", lag_bytes=None, lag_s=None, at=None) for each in base.edges
    )
    gauges = tuple(replace(each, value=None, text="unknown", verdict=UNKNOWN) for each in base.gauges)
    return replace(base, nodes=nodes, edges=edges, gauges=gauges)


def starting() -> Snapshot:
    """Return the cluster before anything was looked at."""
    base = unknown()
    nodes = tuple(
        replace(each, facts={}, judgements=(Judgement(each.name, "ssh", UNKNOWN, "not seen yet"),)) for each in base.nodes
    )
    return replace(base, nodes=nodes, is_complete=False)


def many(count: int, sites: int = 2) -> Snapshot:
    """Return a cluster of `count` nodes (at least 2) over `sites` sites: a primary, then standbys, web nodes, balancers."""
    names = [chr(ord("a") + index) for index in range(sites)]
    nodes = [database("db1", names[0], "10.0.1.5", is_primary=True)]
    edges: list[Edge] = []
    kinds: tuple[NodeKind, ...] = ("database", "web", "web", "balancer")
    for index in range(count - 1):
        kind, site = kinds[index % len(kinds)], names[(index + 1) % sites]
        number = index // len(kinds) + 1
        if kind == "database":
            nodes.append(database(f"db{number + 1}", site, f"10.0.{number + 1}.5", is_primary=False))
            edges.append(Edge("db1", f"db{number + 1}", "replication", "streaming", OK, "0.2s", 0, 0.2, AT - 0.4))
        elif kind == "web":
            name = f"pps{2 * number - 2 + index % len(kinds)}"
            nodes.append(web(name, site, f"10.0.{number}.3", is_serving=True))
            edges.append(Edge(name, "db1", "uses", "serving", OK, "3 sessions", at=AT - 0.4))
        else:
            nodes.append(balancer(f"lb{number}", site))
    webs = [each.name for each in nodes if each.kind == "web"]
    fronts = [each.name for each in nodes if each.kind == "balancer"]
    edges += [Edge(front, name, "route", "serving", OK, at=AT - 0.4) for front in fronts for name in webs]
    return snapshot(cluster="large", is_lab=False, nodes=tuple(nodes), edges=tuple(edges), gauges=())


STATES = {
    "fine": fine,
    "degraded": degraded,
    "primary-down": primary_down,
    "replication-broken": replication_broken,
    "split-brain": split_brain,
    "bastion-down": bastion_down,
    "unknown": unknown,
    "starting": starting,
}
"""Every state of the lab-like cluster, by name."""


def picture(base: Snapshot | None = None, **changes: Any) -> Picture:
    """Return a picture of `base` (everything well when None) with trends; `changes` replace fields of the picture."""
    return replace(Picture(base or fine(), trends=TRENDS), **changes)
