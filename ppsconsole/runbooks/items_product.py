"""Preflight: what the password server itself needs; what nobody has looked at yet is said to be so."""

from collections.abc import Iterable, Iterator

from ppsconsole.cluster.judging import age
from ppsconsole.cluster.keys import KeyFile
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, unseen


def backup(case: Case) -> Item:
    """Return how old the newest backup of each place is; one fresh backup is enough to go back to."""
    name, remedy = "backup", "Make a fresh one, of database and keys: ppsconsole run backup"
    if not case.inventory.backups:
        return unseen(name, "no backup is declared", remedy)
    good: list[str] = []
    bad: list[str] = []
    unknown = []
    for each in case.inventory.backups.values():
        state, age_s = (case.snapshot.value(f"{each.name}.{fact}") for fact in ("backup", "backup_age_s"))
        if age_s is not None:
            is_good = age_s < each.oldest_s and case.snapshot.value(f"{each.name}.backup_bytes") != 0
            said = "is empty" if case.snapshot.value(f"{each.name}.backup_bytes") == 0 else f"is {age(age_s)} old"
            (good if is_good else bad).append(f"the newest in {each.name} {said}")
        elif state is not None:
            bad.append(f"{each.name} is {state}")
        else:
            unknown.append(f"{each.name} was not looked at")
    words = "; ".join((*bad, *unknown, *good))
    if bad or (unknown and not good):
        return failing(name, words, remedy) if bad else unseen(name, words, remedy)
    return ok(name, words)


def encryption_key(case: Case) -> Item:
    """Return whether the key can be had that a restored database cannot be read without."""
    name, remedy = (
        "encryption-key",
        "Keep it where it can be had while PPS is down: file:PATH with chmod 600, then ppsconsole inventory check",
    )
    kept = [each for each in case.inventory.backups.values() if each.encryption_key is not None]
    if not kept:
        return unseen(name, "no backup declares where the key is", remedy)
    states = {each.name: case.snapshot.facts.get(f"{each.name}.backup_key") for each in kept}
    missing = [f"{place}: {fact.detail}" for place, fact in states.items() if fact is not None and fact.value not in (None, "ok")]
    if missing:
        return failing(name, f"it cannot be had for {'; '.join(missing)}", remedy)
    unknown = [place for place, fact in states.items() if fact is None or fact.value is None]
    if unknown:
        return unseen(name, f"the key beside {', '.join(unknown)} was not looked at", remedy)
    return ok(name, f"the key beside {', '.join(states)} can be had")


def versions(case: Case) -> Item:
    """Return whether the web nodes run the same version: an older one does not work with a newer schema."""
    name, found = "web-versions", {}
    for each in (*case.side.serving, *case.side.aside):
        node = case.snapshot.node(each)
        found[each] = None if node is None else node.value("product_version")
    known = {each: version for each, version in found.items() if version is not None}
    if len(set(known.values())) > 1:
        said = ", ".join(f"{each} is {version}" for each, version in known.items())
        words = f"not the same version: {said}; a newer one changes the database so that an older one cannot work with it"
        return failing(name, words, f"Bring them to one version first: {_version_pages(case, known)}", is_blocking=True)
    hidden = [each for each in found if each not in known]
    if hidden or not known:
        remedy = f"Compare them yourself: {_version_pages(case, found)}"
        return unseen(name, f"the version of {', '.join(hidden) or 'any web node'} is not known", remedy, is_blocking=True)
    return ok(name, f"{', '.join(known)} are of version {next(iter(known.values()))}", is_blocking=True)


def _version_pages(case: Case, names: Iterable[str]) -> str:
    """Return where the versions stand, by the vendor's page on finding one."""
    return ", ".join(f"{case.inventory.web_nodes[each].url.rstrip('/')}/Version" for each in names)


def keys_on_target(case: Case) -> Item:
    """Return whether those that will serve have the keys without which they read nothing: no database brings them along."""
    name = "keys-on-target"
    without = [each for each in case.side.serving if not case.inventory.web_nodes[each].key_files]
    if without:
        words = f"no key file is declared for {', '.join(without)}; keys and connection do not travel with the database"
        return unseen(name, words, f"Declare `key_files` of {', '.join(without)}: ppsconsole inventory schema", is_blocking=True)
    found = {each: _keys(case, each) for each in (*case.side.serving, *case.side.aside)}
    bad, hidden = [], []
    for each in case.side.serving:
        keys = found[each]
        if keys is None:
            hidden.append(each)
        bad += [f"{key.path} of {each} is {key.state}" for key in keys or () if key.state != "ok"]
        bad += [f"{key.path} of {each} is not the one of {other}" for key, other in _different(keys, found)]
    if bad:
        remedy = "Copy it from a web node that works, as its service account: scp -p, then chmod 600"
        return failing(name, "; ".join(dict.fromkeys(bad)), remedy, is_blocking=True)
    if hidden:
        hosts = ", ".join(case.inventory.web_nodes[each].host for each in hidden)
        return unseen(
            name, f"the key files of {', '.join(hidden)} were not seen", f"On {hosts}: ls -l KEY-FILE", is_blocking=True
        )
    return ok(name, f"{', '.join(case.side.serving)} has its key files, the same as the others", is_blocking=True)


def _keys(case: Case, name: str) -> tuple[KeyFile, ...] | None:
    node = case.snapshot.node(name)
    return None if node is None else node.value("keys")


def _different(keys: tuple[KeyFile, ...] | None, found: dict[str, tuple[KeyFile, ...] | None]) -> Iterator[tuple[KeyFile, str]]:
    """Yield the keys that are others than those of another web node, compared in the order in which they are declared."""
    for other, theirs in found.items():
        for key, their in zip(keys or (), theirs or (), strict=False):
            if key.mark and their.mark and key.mark != their.mark:
                yield key, other


def licence(case: Case) -> Item:
    """Return what the licence says of several servers (vendor's pages on high availability)."""
    name = "licence"
    licensed, running = case.inventory.cluster.licensed_servers, case.snapshot.value("servers_running")
    remedy = "Each server has to be activated before it is needed; more than two additional ones need a quote"
    if licensed is None:
        count = len(case.inventory.web_nodes)
        words = f"{count} web nodes are declared; the vendor's licence covers one or two additional servers on the same database"
        return unseen(name, words, remedy)
    if running is None:
        return unseen(name, f"how many servers run was not seen; {licensed} are licensed", remedy)
    words = f"{running} run, {licensed} are licensed"
    return ok(name, words) if running <= licensed else failing(name, words, remedy)


def login_check(case: Case) -> Item:
    """Return whether the run can log in as a user would (law 11)."""
    name = "login-check"
    without = [each for each in case.side.serving if case.inventory.web_nodes[each].account is None]
    if without:
        remedy = "Declare `account` and `account_password`, a local one with few rights; without it nobody logs in to verify"
        return unseen(name, f"no account is declared for {', '.join(without)}", remedy)
    return ok(name, f"an account is declared for {', '.join(case.side.serving)}")


def members(case: Case) -> Item:
    """Return whether every balancer knows the web nodes that will serve."""
    name, wrong = "members", []
    for balancer in case.inventory.balancers.values():
        known = set(balancer.members.values())
        wrong += [f"{each} at {balancer.name}" for each in case.side.serving if each not in known]
        if balancer.include is None:
            wrong.append(f"the file that {balancer.name}'s members stand in")
    if wrong:
        return failing(
            name, f"not declared: {', '.join(wrong)}", "Add it to `balancers`, so that users can be sent there", is_blocking=True
        )
    return ok(name, "every balancer can send users to those that will serve", is_blocking=True)
