"""One look at the whole cluster: immutable, flows down to whoever draws, plans or advises."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from ppsconsole.clock import iso
from ppsconsole.cluster.facts import Fact
from ppsconsole.cluster.verdicts import Judgement, Verdict, worst
from ppsconsole.values import dataclass

NodeKind = Literal["bastion", "balancer", "web", "database", "directory", "alternate"]
EdgeKind = Literal["front", "route", "uses", "replication"]
EdgeState = Literal["serving", "idle", "streaming", "catching-up", "broken", "unknown"]


@dataclass(frozen=True, slots=True)
class Member:
    """One server line of a balancer's upstream.

    Attributes:
        address: As it stands in the configuration.
        state: `up`, `backup` (used, and left again, by itself) or `down` (set down by an operator).
        web_node: The web node behind `address`, None when the inventory does not know it.
        shunned_s: For how many seconds the balancer does not ask it again once it has failed; 0 when it asks all the same.
        failures: After how many failures it does so; 0 for never.
    """

    address: str
    state: Literal["up", "backup", "down"]
    web_node: str | None
    shunned_s: float = 0.0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Vantage:
    """What one observer says of whether an instance lives (law 9: dead means dead from two vantage points).

    Attributes:
        observer: `console`, `host`, or the name of another node.
        sees: `alive`; `dead`: nothing serves there (connection refused, no process); `lost`: what this observer had with it is
            gone (replication link, its web pages), which is a witness but no proof; `silent`: no answer, which proves nothing.
        words: What exactly it saw.
    """

    observer: str
    sees: Literal["alive", "dead", "lost", "silent"]
    words: str


@dataclass(frozen=True, slots=True)
class Node:
    """One thing in the topology.

    Attributes:
        kind: What it is.
        role: Databases: primary, standby, unknown. Web nodes: serving, idle, unknown. Others: their kind.
        declared: The role that the inventory gives it; empty where it gives none.
        words: State in one or two words, as drawn: `PRIMARY`, `standby`, `stopped`, `DOWN`, `no answer`.
        facts: By name; facts about its host are prefixed `host.`.
        judgements: All of them, worst first.
        vantages: For databases that do not answer: who sees what.
    """

    name: str
    kind: NodeKind
    site: str | None
    host: str | None
    role: str
    declared: str
    verdict: Verdict
    words: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    judgements: tuple[Judgement, ...] = ()
    vantages: tuple[Vantage, ...] = ()

    def value(self, name: str) -> Any:
        """Return the value of the fact called `name`; None when it is unknown or was never looked for."""
        fact = self.facts.get(name)
        return None if fact is None else fact.value

    def as_json(self, now: float) -> dict[str, Any]:
        """Return the node for `status --json`."""
        return {
            "name": self.name,
            "kind": self.kind,
            "site": self.site,
            "host": self.host,
            "role": self.role,
            "declared": self.declared,
            "verdict": self.verdict.value,
            "words": self.words,
            "judgements": [_judgement_json(each) for each in self.judgements],
            "vantages": [{"observer": v.observer, "sees": v.sees, "words": v.words} for v in self.vantages],
            "facts": {name: fact.as_json(now) for name, fact in sorted(self.facts.items())},
        }


@dataclass(frozen=True, slots=True)
class Edge:
    """What connects two nodes.

    Attributes:
        kind: `front` (users to balancer), `route` (balancer to web node), `uses` (web node to database),
            `replication` (primary or declared upstream to standby).
        state: `serving` and `streaming` carry traffic; `idle` is configured and carries none.
        label: A few words for the drawing: `0s`, `2 sessions`, `link down 41s`.
        lag_bytes: WAL that the target lacks; None when unknown.
        lag_s: The same as time; None when unknown.
        at: When the newest fact behind it was sampled, seconds since 1970 UTC; None when there is none.
    """

    source: str
    target: str
    kind: EdgeKind
    state: EdgeState
    verdict: Verdict
    label: str = ""
    lag_bytes: int | None = None
    lag_s: float | None = None
    at: float | None = None

    def as_json(self, now: float) -> dict[str, Any]:
        """Return the edge for `status --json`."""
        return {
            "source": self.source,
            "target": self.target,
            "kind": self.kind,
            "state": self.state,
            "verdict": self.verdict.value,
            "label": self.label,
            "lag_bytes": self.lag_bytes,
            "lag_s": self.lag_s,
            "age_s": None if self.at is None else round(max(0.0, now - self.at), 3),
        }


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number with its limits, for the console and for `status`.

    Attributes:
        name: What it measures, short: `lag db2`, `disk db1`.
        subject: The node it is about, or `cluster`.
        value: None when unknown.
        text: The value as said to a person: `0.8s`, `61%`, `unknown`.
        limit: `<5s`, `>14d`; empty when there is none.
        warn: From where on it warns, in `unit`; None when there is no limit.
        down: From where on it is as bad as down; may be infinite. Where less is worse, `warn` is larger than `down`.
        unit: See `ppsconsole.cluster.judging.amount`.
        known_at: When the value was known last, seconds since 1970 UTC; None while it is known, and when it never was.
        promised: What was promised about it, in `unit`; None where nothing was.
    """

    name: str
    subject: str
    value: float | None
    text: str
    verdict: Verdict
    limit: str = ""
    warn: float | None = None
    down: float | None = None
    unit: str = ""
    known_at: float | None = None
    promised: float | None = None

    def as_json(self) -> dict[str, object]:
        """Return what is printed of it for programs; `value` and `promised` are in `unit`."""
        names = ("name", "subject", "value", "text", "verdict", "limit", "promised")
        return {name: getattr(self, name) for name in names} | {"verdict": self.verdict.value}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is known about the cluster at one moment.

    Attributes:
        at: When it was put together, seconds since 1970 UTC.
        judgements: About the cluster as a whole: split brain, drift, no primary; worst first.
        is_complete: Whether everything was looked at at least once.
        facts: About the service as a whole by name, and about places with backups by `PLACE.NAME`.
    """

    cluster: str
    is_lab: bool
    at: float
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    gauges: tuple[Gauge, ...]
    judgements: tuple[Judgement, ...] = ()
    is_complete: bool = True
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def value(self, name: str) -> Any:
        """Return the value of one of `facts`; None when it is unknown or was never looked for."""
        fact = self.facts.get(name)
        return None if fact is None else fact.value

    def node(self, name: str) -> Node | None:
        """Return the node called `name`, None when there is none."""
        return next((node for node in self.nodes if node.name == name), None)

    def of_kind(self, kind: NodeKind) -> tuple[Node, ...]:
        """Return the nodes of one kind in the order of the inventory."""
        return tuple(node for node in self.nodes if node.kind == kind)

    @property
    def verdict(self) -> Verdict:
        """The loudest verdict of all nodes, edges and of the cluster itself."""
        return worst(
            [node.verdict for node in self.nodes]
            + [edge.verdict for edge in self.edges]
            + [each.verdict for each in self.judgements]
        )

    def as_json(self) -> dict[str, Any]:
        """Return the snapshot for `status --json`, without the advice."""
        return {
            "cluster": self.cluster,
            "is_lab": self.is_lab,
            "at": iso(self.at),
            "verdict": self.verdict.value,
            "is_complete": self.is_complete,
            "judgements": [_judgement_json(each) for each in self.judgements],
            "nodes": [node.as_json(self.at) for node in self.nodes],
            "edges": [edge.as_json(self.at) for edge in self.edges],
            "facts": {name: fact.as_json(self.at) for name, fact in sorted(self.facts.items())},
            "gauges": [gauge.as_json() for gauge in self.gauges],
        }


def _judgement_json(judgement: Judgement) -> dict[str, str]:
    return {
        "subject": judgement.subject,
        "rule": judgement.rule,
        "verdict": judgement.verdict.value,
        "words": judgement.words,
        "limit": judgement.limit,
    }
