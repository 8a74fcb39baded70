"""Judges what the service needs beside its nodes: that logins get in, a fresh backup with its key, the licence. Pure."""

from ppsconsole.cluster.facts import CLUSTER_SUBJECT, Fact
from ppsconsole.cluster.judging import against, age, judged, limit_words
from ppsconsole.cluster.verdicts import Judgement, Verdict
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.limits import Limit
from ppsconsole.probes.view import View

_RUNS = ("running", "starting", "frozen")
_NEVER = float("inf")

_NO_BACKUP = {
    "missing": "the folder is not there",
    "empty": "there is no file in the folder",
    "unreadable": "the folder cannot be read",
    "too-many": "there are too many files to look at: name a folder with the newest ones",
}


def judge_product(view: View, *, is_front_well: bool) -> list[Judgement]:
    """Return what is wrong with logins, backups and licence; nothing of what is well, off, or was not looked at yet.

    Args:
        view: What may be believed.
        is_front_well: Whether users reach a page at all; where they do not, a failed login only follows from that.
    """
    found = _login(view) if is_front_well else []
    for backup in view.inventory.backups.values():
        found += _backup(view, backup)
    return found + _licence(view)


def backup_limit(backup: Backup) -> Limit:
    """Return from which age on the newest backup is too old; however old it is, the service is not down for it."""
    return Limit(backup.oldest_s, _NEVER)


def licence_limit(view: View) -> Limit | None:
    """Return from how many servers on the licence is exceeded; None where none is declared."""
    licensed = view.inventory.cluster.licensed_servers
    return None if licensed is None else Limit(licensed + 1, _NEVER)


def servers_running(view: View) -> dict[str, Fact]:
    """Return the fact of how many PPS servers run; unknown where one of them could not be looked at, absent before any was.

    An alternate server that runs is one of them: the vendor's page (Clustering and High-Availability) lets a further activation
    be there as long as it is inactive and its data archival.
    """
    running, unseen, newest = 0, [], []
    for name in (*view.inventory.web_nodes, *view.inventory.alternates):
        service, status = view.fact(name, "service"), view.fact(name, "http")
        newest += [each.at for each in (service, status) if each.is_known]
        if service.value in _RUNS or status.is_known:
            running += 1
        elif service.value is None and view.value(name, "tcp") != "refused":
            unseen.append(name)
    if not newest:
        return {}
    words = f"whether {', '.join(unseen)} runs was not seen" if unseen else ""
    value = None if unseen else running
    source = "service and answer of each web node and alternate server"
    made = Fact(CLUSTER_SUBJECT, "servers_running", value, source, min(newest), detail=words)
    return {"servers_running": made}


def _login(view: View) -> list[Judgement]:
    fact = view.cluster_fact("login")
    if fact.value == "refused":
        return [Judgement(CLUSTER_SUBJECT, "login", Verdict.WARN, f"the console's login through the front is {fact.detail}")]
    if fact.value == "no-secret":
        return [Judgement(CLUSTER_SUBJECT, "login", Verdict.WARN, f"the login check has no password: {fact.detail}")]
    if fact.value == "failed":
        words = f"users may not get in: a login through the front came to {fact.detail}"
        return [Judgement(CLUSTER_SUBJECT, "login", Verdict.DOWN, words)]
    taken, limit = view.cluster_fact("login_s").value, view.inventory.limits.login_s
    if taken is None or against(taken, limit) is Verdict.OK:
        return []
    # How many of the last logins got in is what was, and has a gauge: what holds now is whether the last one did.
    return [judged(CLUSTER_SUBJECT, "login_s", taken, limit, "a login through the front takes", "s")]


def _backup(view: View, backup: Backup) -> list[Judgement]:
    found = []
    state = view.backup_fact(backup.name, "backup")
    where = f"{backup.path} on {backup.host or 'this machine'}"
    if state.value in _NO_BACKUP:
        words = f"{backup.name}: {_NO_BACKUP[str(state.value)]} ({where})"
        found.append(Judgement(CLUSTER_SUBJECT, "backup", Verdict.WARN, words))
    age_s = view.backup_fact(backup.name, "backup_age_s").value
    if age_s is not None and age_s >= backup.oldest_s:
        words = f"{backup.name}: the newest backup is {age(age_s)} old ({where})"
        limit = limit_words(backup_limit(backup), "age")
        found.append(Judgement(CLUSTER_SUBJECT, "backup_age_s", Verdict.WARN, words, limit))
    if view.backup_fact(backup.name, "backup_bytes").value == 0:
        words = f"{backup.name}: the newest file is empty ({where})"
        found.append(Judgement(CLUSTER_SUBJECT, "backup_bytes", Verdict.WARN, words))
    key = view.backup_fact(backup.name, "backup_key")
    if key.value not in (None, "ok"):
        words = f"{backup.name}: the encryption key cannot be had, so nothing can be restored: {key.detail}"
        found.append(Judgement(CLUSTER_SUBJECT, "backup_key", Verdict.WARN, words))
    return found


def _licence(view: View) -> list[Judgement]:
    limit, fact = licence_limit(view), servers_running(view).get("servers_running")
    if limit is None or fact is None or fact.value is None or against(fact.value, limit) is Verdict.OK:
        return []
    words = f"{fact.value} PPS servers run, the licence covers {view.inventory.cluster.licensed_servers}"
    active = [name for name in view.inventory.alternates if view.value(name, "service") in _RUNS]
    if active:
        words += (
            f"; {', '.join(active)} is one of them: by the vendor's page (Clustering and High-Availability) a further activation "
            "is for backup and testing as long as it is inactive and its data archival"
        )
    return [Judgement(CLUSTER_SUBJECT, "servers_running", Verdict.WARN, words)]
