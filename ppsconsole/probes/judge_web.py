"""Judges web nodes and the balancers in front of them. Pure.

Service, web and database are four separate states (the product's own rule): none is derived from another.
"""

from ppsconsole.cluster.judging import judged
from ppsconsole.cluster.snapshot import Member, Node
from ppsconsole.cluster.verdicts import Judgement, Verdict
from ppsconsole.inventory.model import Balancer, WebNode
from ppsconsole.probes.judge_database import role_of
from ppsconsole.probes.judge_host import judge_host
from ppsconsole.probes.view import NOT_SEEN_YET, View, settle, unseen

_TLS_WORDS = {
    "expired": "its certificate has expired",
    "wrong-name": "its certificate does not cover the name",
    "bad-certificate": "its certificate is not trusted",
}


def web_node(view: View, declared: WebNode) -> Node:
    """Return the node of one web node."""
    name = declared.name
    role = _role(view, name)
    # After a run has moved the service, the old side is stopped and disabled on purpose (law 4).
    is_set_aside = view.value(name, "service_enabled") == "disabled" and role == "idle"
    verdict, words, why = _answer(view, name, declared.declared == "passive" or is_set_aside)
    judgements = [Judgement(name, "http", verdict, why)]
    if verdict is not Verdict.OFF:
        judgements += _certificate(view, name) + _points_at(view, declared)
    judgements += judge_host(view, name, view.inventory.hosts[declared.host])
    if declared.service.kind in ("windows-service", "iis-app-pool"):
        judgements.append(Judgement(name, "probed", Verdict.UNKNOWN, f"service not probed yet: {declared.service.kind}"))
    is_off = verdict is Verdict.OFF
    judgements += unseen(view, name, ("service",) if is_off else ("service", "points_at"))
    verdict, ordered = settle(judgements)
    if is_off and verdict is Verdict.OK:
        verdict = Verdict.OFF  # its host is well; the node itself is meant not to run
    words = _said(words, ordered)
    facts = view.facts_of(name)
    site = view.inventory.site_of(name)
    return Node(name, "web", site, declared.host, role, declared.declared, verdict, words, facts, ordered)


def _said(words: str, ordered: tuple[Judgement, ...]) -> str:
    """Return the node's short words; a good answer is not its word while something else about it is not good."""
    if words != "ok" or ordered[0].verdict in (Verdict.OK, Verdict.OFF):
        return words
    return _SHORT.get(ordered[0].rule, ordered[0].rule.replace("_", " "))


_SHORT = {
    "ssh": "SSH fails",
    "unseen": NOT_SEEN_YET,
    "hidden": "hidden",
    "members": "members?",
    "automatic_return": "backup",
    "certificate_days": "cert ends",
    "disk_percent": "disk",
    "clock_skew_s": "clock",
    "http_latency_s": "slow",
    "points_at": "drift",
    "probed": "not probed",
}


def _role(view: View, name: str) -> str:
    """Return serving when a balancer sends users to it, idle when none does, unknown when none could be asked."""
    known = False
    for balancer in view.inventory.balancers.values():
        members: tuple[Member, ...] | None = view.value(balancer.name, "members")
        if members is None:
            continue
        known = True
        if any(each.web_node == name and each.state == "up" for each in members):
            return "serving"
    return "idle" if known else "unknown"


def _answer(view: View, name: str, may_rest: bool) -> tuple[Verdict, str, str]:
    """Return verdict, short words and the sentence for how the node answers HTTP."""
    service = view.value(name, "service")
    tcp = view.fact(name, "tcp")
    tls = view.fact(name, "tls")
    http = view.value(name, "http")
    if service == "frozen":
        return Verdict.DOWN, "HUNG", "hangs: its process is there but stopped"
    if service == "stopped":
        if may_rest:
            return Verdict.OFF, "stopped", "stopped, and no users are sent to it"
        return Verdict.DOWN, "STOPPED", "its service is stopped"
    if service == "failed":
        return Verdict.DOWN, "CRASHED", "its process is gone without having been stopped"
    if not view.was_seen(name, "tcp"):
        return Verdict.UNKNOWN, NOT_SEEN_YET, NOT_SEEN_YET
    if tcp.value is None:
        return Verdict.UNKNOWN, "not seen", f"not seen: {tcp.detail}"
    host = view.inventory.host_of(name)
    if tcp.value == "bastion-down" or (host is not None and service is None and http is None and view.hidden_by(host.name)):
        return Verdict.UNKNOWN, "hidden", "hidden behind a bastion that is down"
    if tcp.value != "ok":
        running = " although its process runs" if service == "running" else ""
        is_dead = tcp.value == "refused"  # silence may be our own network
        said = "connection refused" if tcp.value == "refused" else f"no answer ({tcp.value})"
        words = "NO ANSWER" if is_dead else "unreachable"
        return (Verdict.DOWN if is_dead else Verdict.UNKNOWN), words, f"{said}{running}: {tcp.detail}"
    if http is None:
        if tls.value in _TLS_WORDS:
            return Verdict.DOWN, "BAD CERT", f"{_TLS_WORDS[tls.value]}: {tls.detail}"
        return Verdict.DOWN, "NO ANSWER", f"accepts connections but does not answer: {tls.detail or tls.value}"
    if http >= 500:
        return Verdict.DOWN, f"HTTP {http}", f"answers HTTP {http}: the web host is up, the application or its database fails"
    if http >= 400:
        return Verdict.WARN, f"HTTP {http}", f"answers HTTP {http} where a login page was expected"
    return Verdict.OK, "ok", f"answers HTTP {http}"


def _certificate(view: View, name: str) -> list[Judgement]:
    days = view.value(name, "certificate_days")
    if days is None:
        return []
    return [judged(name, "certificate_days", days, view.inventory.limits.certificate_days, "certificate", "days")]


def _points_at(view: View, declared: WebNode) -> list[Judgement]:
    name = declared.name
    target = view.value(name, "points_at")
    if target is None:
        return []
    if target not in view.inventory.database.instances:
        return [
            Judgement(name, "points_at", Verdict.WARN, f"its connection setting names {target}, which is none of our instances")
        ]
    found = []
    if declared.database is not None and declared.database != target:
        words = f"uses {target}, the inventory declares {declared.database}"
        found.append(Judgement(name, "points_at", Verdict.WARN, words))
    if role_of(view, target) == "standby":
        found.append(Judgement(name, "points_at", Verdict.WARN, f"its connection setting names {target}, which is a standby"))
    return found or [Judgement(name, "points_at", Verdict.OK, f"its connection setting names {target}")]


def balancer_node(view: View, declared: Balancer) -> Node:
    """Return the node of one balancer."""
    name = declared.name
    judgements: list[Judgement] = []
    if declared.kind != "nginx":
        words = "not probed yet"
        judgements.append(Judgement(name, "probed", Verdict.UNKNOWN, f"not probed yet: {declared.kind}"))
    else:
        words = "ok"
        if view.was_seen(name, "tcp") or view.inventory.front_address(declared) is not None:
            verdict, words, why = _answer(view, name, False)
            judgements.append(Judgement(name, "http", verdict, f"front: {why}"))
            judgements += _certificate(view, name) + _latency(view, name)
        else:
            words = "not asked"
            why = "front not asked: declare `address`, the URL where this balancer itself answers"
            judgements.append(Judgement(name, "http", Verdict.UNKNOWN, why))
        judgements += _members(view, declared)
    judgements += unseen(view, name, ("service",))
    if declared.host is not None:
        judgements += judge_host(view, name, view.inventory.hosts[declared.host])
    verdict, ordered = settle(judgements)
    words = _said(words, ordered)
    facts = view.facts_of(name)
    site = view.inventory.site_of(name)
    return Node(name, "balancer", site, declared.host, "balancer", "", verdict, words, facts, ordered)


def _latency(view: View, name: str) -> list[Judgement]:
    taken = view.value(name, "http_latency_s")
    if taken is None:
        return []
    return [judged(name, "http_latency_s", taken, view.inventory.limits.front_latency_s, "front answers in", "s")]


def _members(view: View, declared: Balancer) -> list[Judgement]:
    fact = view.fact(declared.name, "members")
    members: tuple[Member, ...] | None = fact.value
    if members is None:
        if not view.was_seen(declared.name, "members"):
            return [Judgement(declared.name, "unseen", Verdict.UNKNOWN, f"its members: {NOT_SEEN_YET}")]
        return [Judgement(declared.name, "members", Verdict.UNKNOWN, f"members not seen: {fact.detail}")]
    found = []
    for member in members:
        if member.web_node is None:
            words = f"sends users to {member.address}, which is none of our web nodes"
            found.append(Judgement(declared.name, "members", Verdict.WARN, words))
        if member.state == "backup":
            words = f"{member.web_node or member.address} is a backup member: nginx leaves it and returns by itself"
            found.append(Judgement(declared.name, "automatic_return", Verdict.WARN, words))
    if not any(member.state != "down" for member in members):
        found.append(Judgement(declared.name, "members", Verdict.DOWN, "every member is set down"))
    return found or [Judgement(declared.name, "members", Verdict.OK, "members as expected")]
