"""Judges what a host says of itself. Pure."""

from ppsconsole.cluster.judging import judged
from ppsconsole.cluster.snapshot import Node
from ppsconsole.cluster.verdicts import Judgement, Verdict
from ppsconsole.inventory.model import Host
from ppsconsole.probes.view import NOT_SEEN_YET, View, settle

_LOGIN_WORDS = {
    "refused": "SSH is refused",
    "unreachable": "unreachable from here",
    "timed-out": "SSH does not answer",
    "host-key-refused": "its host key is not accepted",
    "login-refused": "SSH login refused",
}


def judge_host(view: View, node: str, host: Host) -> list[Judgement]:
    """Return the judgements of `host` in the name of `node`: login, identity, disk, clock."""
    login = view.host_fact(host.name, "ssh")
    if login.value != "ok":
        bastion = view.hidden_by(host.name)
        if bastion is not None:
            # The bastion's own node says why; a frozen one shows as a time-out of everything behind it.
            return [Judgement(node, "hidden", Verdict.UNKNOWN, f"hidden behind {bastion}, which cannot be used")]
        if not view.was_logged_in_to(host.name):
            return [Judgement(node, "unseen", Verdict.UNKNOWN, NOT_SEEN_YET)]
        return [Judgement(node, "ssh", Verdict.UNKNOWN, _login_words(host, login.value, login.detail))]
    found = [Judgement(node, "ssh", Verdict.OK, f"SSH to {host.name} works")]
    name = view.host_fact(host.name, "hostname").value
    if host.hostname and name and name != host.hostname:
        words = f"the host calls itself {name}, the inventory expects {host.hostname}"
        found.append(Judgement(node, "hostname", Verdict.WARN, words))
    for fact_name in ("hostname", "disk_percent", "clock_skew_s"):
        fact = view.host_fact(host.name, fact_name)
        if not fact.is_known and view.seen.last(fact.subject, fact_name) is not None:
            found.append(Judgement(node, fact_name, Verdict.UNKNOWN, f"{host.name}: {fact_name} not seen: {fact.detail}"))
    limits = view.inventory.limits
    disk = view.host_fact(host.name, "disk_percent").value
    if disk is not None:
        found.append(judged(node, "disk_percent", disk, limits.disk_percent, "disk", "%"))
    skew = view.host_fact(host.name, "clock_skew_s").value
    if skew is not None:
        found.append(judged(node, "clock_skew_s", abs(skew), limits.clock_skew_s, "clock skew", "s"))
    return found


def _login_words(host: Host, word: str | None, detail: str) -> str:
    if word is None:
        return f"SSH to {host.name} not seen: {detail}"
    said = _LOGIN_WORDS.get(word, f"SSH fails ({word})")
    return f"{said}: {detail}" if detail else f"{host.name}: {said}"


def bastion_node(view: View, host: Host) -> Node:
    """Return the node of a bastion: down when it cannot be logged in to, since all behind it is hidden then."""
    judgements = judge_host(view, host.name, host)
    login = view.host_fact(host.name, "ssh").value
    words = "ok"
    if login is not None and login != "ok":
        # Refused: the machine answers that nothing listens. All else may be our own network (law 9).
        verdict = Verdict.DOWN if login == "refused" else Verdict.UNKNOWN
        judgements[0] = Judgement(host.name, "ssh", verdict, judgements[0].words)
        words = "DOWN" if verdict is Verdict.DOWN else login
    elif login is None:
        words = "not seen" if view.was_logged_in_to(host.name) else NOT_SEEN_YET
    verdict, ordered = settle(judgements)
    facts = view.facts_of(host.name)
    return Node(host.name, "bastion", host.site, host.name, "bastion", "", verdict, words, facts, ordered)
