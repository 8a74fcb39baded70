"""Preflight: what the password server itself needs, most of which nobody has looked at yet, and that is said."""

from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, unseen


def backup(case: Case) -> Item:
    """Return how old the last backup is; nothing reads backups yet."""
    declared = ", ".join(case.inventory.backups)
    words = f"the age of the backups in {declared} was not looked at" if declared else "no backup is declared"
    return unseen("backup", words, "Make sure that there is a fresh one, of the database and of the encryption key")


def encryption_key(case: Case) -> Item:
    """Return whether the key can be had that a restored database cannot be read without."""
    kept = [each.name for each in case.inventory.backups.values() if each.encryption_key is not None]
    words = f"the key beside {', '.join(kept)} was not looked at" if kept else "no backup declares where the key is"
    return unseen("encryption-key", words, "Make sure that it can be had while the service is down")


def versions(case: Case) -> Item:
    """Return whether the web nodes run the same version: an older one does not work with a newer schema."""
    names = ", ".join((*case.side.serving, *case.side.aside))
    return unseen("web-versions", f"the versions of {names} were not compared", "Compare them on their login pages")


def licence(case: Case) -> Item:
    """Return what the licence says of several servers (vendor's pages on high availability)."""
    count = len(case.inventory.web_nodes)
    words = f"{count} web nodes are declared; the vendor's licence covers one or two additional servers on the same database"
    return unseen(
        "licence", words, "Each server has to be activated before it is needed; more than two additional ones need a quote"
    )


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
