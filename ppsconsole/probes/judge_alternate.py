"""Judges alternate servers: whether one could take over now, with which copy, and whether it keeps still until then. Pure."""

from ppsconsole.cluster.copies import Copy, best_copy
from ppsconsole.cluster.judging import against, age, judged
from ppsconsole.cluster.keys import KeyFile
from ppsconsole.cluster.snapshot import Gauge, Node
from ppsconsole.cluster.verdicts import Judgement, Verdict
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.inventory.limits import Limit
from ppsconsole.probes.judge_host import judge_host
from ppsconsole.probes.view import NOT_SEEN_YET, View, settle, unseen

_RUNS = ("running", "starting", "frozen")
_NEVER = float("inf")


def alternate_node(view: View, declared: Alternate, *, has_primary: bool) -> Node:
    """Return the node of one alternate server.

    Args:
        view: What may be believed.
        declared: The alternate server.
        has_primary: Whether an instance of the database group takes writes: then nobody may use the alternate.
    """
    name = declared.name
    is_active = view.value(name, "service") in _RUNS
    judgements = [_activity(view, declared, has_primary=has_primary), *_database(view, declared)]
    if is_active:
        judgements += _answer(view, name)
    else:
        judgements += _copy(view, declared)
    judgements += _versions(view, name) + _keys(view, name)
    judgements += judge_host(view, name, view.inventory.hosts[declared.host])
    judgements += unseen(view, name, ("service",))
    verdict, ordered = settle(judgements)
    words = _words(view, declared, is_active=is_active, ordered=ordered)
    site = view.inventory.site_of(name)
    return Node(name, "alternate", site, declared.host, "alternate", "", verdict, words, view.facts_of(name), ordered)


def copy_limit(alternate: Alternate) -> Limit:
    """Return from which age on the copy is too old; however old it is, nobody is out for it."""
    return Limit(alternate.oldest_s, _NEVER)


def held_copy(view: View, declared: Alternate) -> Copy | None:
    """Return the newest verified copy that it holds beside the database that its PPS is set to."""
    found: tuple[Copy, ...] = view.value(declared.name, "copies") or ()
    others = tuple(each for each in found if each.database != declared.database.database)
    return best_copy(others, view.inventory.cluster.name)


def copy_gauges(view: View) -> list[Gauge]:
    """Return for each alternate server how old its copy is: what would be lost if it were activated with it now."""
    found = []
    for declared in view.inventory.alternates.values():
        limit, copy = copy_limit(declared), held_copy(view, declared)
        name = f"copy {declared.name}"
        border = f"<{age(limit.warn)}"
        if copy is not None:
            value = copy.age_s(view.now)
            verdict = against(value, limit)
            found.append(Gauge(name, declared.name, value, age(value), verdict, border, limit.warn, limit.down, "age"))
        elif view.value(declared.name, "copies") is None:
            found.append(Gauge(name, declared.name, None, "unknown", Verdict.UNKNOWN, border, limit.warn, limit.down, "age"))
        elif view.value(declared.name, "service") in _RUNS:
            found.append(Gauge(name, declared.name, None, "in use", Verdict.OFF, border, limit.warn, limit.down, "age"))
        else:
            found.append(Gauge(name, declared.name, None, "none", Verdict.WARN, border, limit.warn, limit.down, "age"))
    return found


def _activity(view: View, declared: Alternate, *, has_primary: bool) -> Judgement:
    name, service, enabled = declared.name, view.value(declared.name, "service"), view.value(declared.name, "service_enabled")
    if service in _RUNS and has_primary:
        words = "runs beside the cluster: users can write into its archival copy, and nothing of that is ever merged"
        return Judgement(name, "runs_beside", Verdict.DOWN, words)
    if service in _RUNS:
        return Judgement(name, "active", Verdict.OK, "is active: it serves users from its copy")
    if service is not None and enabled == "enabled":
        return Judgement(name, "starts_at_boot", Verdict.WARN, "would start at boot, with archival data: it has to be disabled")
    if service is None:
        was_seen = view.was_seen(name, "service")
        return Judgement(name, "service", Verdict.UNKNOWN, "whether it runs is not known" if was_seen else NOT_SEEN_YET)
    return Judgement(name, "inactive", Verdict.OK, "its PPS is stopped and disabled, as long as it is not activated")


def _database(view: View, declared: Alternate) -> list[Judgement]:
    name, sql = declared.name, view.fact(declared.name, "sql")
    if sql.value is None:
        if not view.was_seen(name, "sql"):
            return [Judgement(name, "sql", Verdict.UNKNOWN, f"its database server: {NOT_SEEN_YET}")]
        return unseen(view, name, ("sql",))
    if sql.value != "ok":
        service = view.value(name, "database_service")
        said = f", its service is {service}" if service is not None else ""
        words = f"its database server does not answer ({sql.value}{said}): {sql.detail}"
        return [Judgement(name, "sql", Verdict.WARN, words)]
    own, members = view.value(name, "system_identifier"), view.inventory.database.instances
    if own is not None and own in {str(_identifier(view, each)) for each in members}:
        words = f"its database is one of the group's (system identifier {own}): an archive has to be a server of its own"
        return [Judgement(name, "not_apart", Verdict.DOWN, words)]
    return [Judgement(name, "sql", Verdict.OK, "its own database server answers")]


def _identifier(view: View, instance: str) -> object:
    return view.value(instance, "system_identifier") or view.value(instance, "control_system_identifier")


def _copy(view: View, declared: Alternate) -> list[Judgement]:
    if view.value(declared.name, "copies") is None:
        return []  # that its database does not answer is told already
    copy = held_copy(view, declared)
    if copy is None:
        words = f"holds no verified copy: ppsconsole run alternate-prepare {declared.name}"
        return [Judgement(declared.name, "copy", Verdict.WARN, words)]
    words = f"holds {copy.bundle}; activated now it would lose what was written in the last"
    return [judged(declared.name, "copy", copy.age_s(view.now), copy_limit(declared), words, "age")]


def _answer(view: View, name: str) -> list[Judgement]:
    tcp, http = view.fact(name, "tcp"), view.value(name, "http")
    if http is not None:
        verdict = Verdict.OK if http < 400 else Verdict.DOWN if http >= 500 else Verdict.WARN
        return [Judgement(name, "http", verdict, f"answers HTTP {http}")]
    if tcp.value is None:
        return []
    words = f"its PPS runs and does not answer ({tcp.value}): {tcp.detail}"
    return [Judgement(name, "http", Verdict.DOWN if tcp.value in ("ok", "refused") else Verdict.UNKNOWN, words)]


def _versions(view: View, name: str) -> list[Judgement]:
    own = view.value(name, "product_version")
    others = {str(found) for each in view.inventory.web_nodes if (found := view.value(each, "product_version")) is not None}
    if own is None or not others or others == {own}:
        return []
    words = f"is of version {own}, the web nodes of {', '.join(sorted(others))}: a copy goes only with the version that made it"
    return [Judgement(name, "product_version", Verdict.WARN, words)]


def _keys(view: View, name: str) -> list[Judgement]:
    own: tuple[KeyFile, ...] = view.value(name, "keys") or ()
    found = [Judgement(name, "keys", Verdict.WARN, f"{key.path} is {key.state}") for key in own if key.state != "ok"]
    for other in view.inventory.web_nodes:
        theirs: tuple[KeyFile, ...] = view.value(other, "keys") or ()
        for key, their in zip(own, theirs, strict=False):
            if key.mark and their.mark and key.mark != their.mark:
                found.append(Judgement(name, "keys", Verdict.WARN, f"{key.path} is not the one of {other}"))
    return found


_SHORT = {
    "copy": "old copy",
    "sql": "no database",
    "not_apart": "NOT APART",
    "starts_at_boot": "enabled",
    "product_version": "version",
    "keys": "keys",
    "ssh": "SSH fails",
    "unseen": NOT_SEEN_YET,
    "hidden": "hidden",
    "service": "not seen",
    "disk_percent": "disk",
    "clock_skew_s": "clock",
}


def _words(view: View, declared: Alternate, *, is_active: bool, ordered: tuple[Judgement, ...]) -> str:
    loudest = ordered[0]
    if loudest.rule == "runs_beside":
        return "RUNS BESIDE"
    if is_active:
        http = view.value(declared.name, "http")
        return "ACTIVE" if http is not None and http < 400 else f"HTTP {http}" if http is not None else "NO ANSWER"
    if loudest.verdict is Verdict.OK:
        return "ready"
    if loudest.rule == "copy" and held_copy(view, declared) is None:
        return "no copy"
    return _SHORT.get(loudest.rule, loudest.rule.replace("_", " "))
