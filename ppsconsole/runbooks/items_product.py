"""Preflight: what the password server itself needs; what nobody has looked at yet is said to be so."""

from ppsconsole.cluster.judging import age
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, unseen


def backup(case: Case) -> Item:
    """Return how old the newest backup of each place is; one fresh backup is enough to go back to."""
    name, remedy = "backup", "Make sure that there is a fresh one, of the database and of the encryption key"
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
    name, remedy = "encryption-key", "Make sure that it can be had while the service is down"
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
    names = ", ".join((*case.side.serving, *case.side.aside))
    return unseen("web-versions", f"the versions of {names} were not compared", "Compare them on their login pages")


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
        remedy = "Declare a local low-privilege account for it; without one the service is verified without a login"
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
