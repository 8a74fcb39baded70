"""Preflight of an alternate server: the same version and keys, a server of its own, and what no database brings along."""

from collections.abc import Iterable

from ppsconsole.clock import duration
from ppsconsole.cluster.judging import against
from ppsconsole.cluster.keys import KeyFile
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.drivers.service import MASK
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.alternate import Source
from ppsconsole.runbooks.case import failing, ok, unseen
from ppsconsole.runbooks.items_access import SUDOERS, UNMASKED, denied_said
from ppsconsole.runbooks.items_windows import BY_HAND, SEALED, on_windows
from ppsconsole.runbooks.users_text import UNDECLARED, doors_said
from ppsconsole.runbooks.web_side import WebSide

LICENCE = (
    "by the vendor's page (Clustering and High-Availability) a second activation may be inactive, for backup and testing, as "
    "long as its data is archival; each activation is recorded on the vendor's licensing server"
)
"""What the licence says of inactive copies, the same in the older and the newer wording of the page."""


def database(node: Node, snapshot: Snapshot) -> Item:
    """Return whether the alternate server's own database server answers, and is none of the group's."""
    name, sql = "own-database", node.facts.get("sql")
    if sql is None or sql.value is None:
        return unseen(name, f"the database server of {node.name} was not seen", is_blocking=True)
    if sql.value != "ok":
        words = f"the database server of {node.name} does not answer ({sql.value}): {sql.detail}"
        return failing(name, words, "Start it on its host, by its service", is_blocking=True)
    own = node.value("system_identifier")
    for each in snapshot.of_kind("database"):
        if own is not None and own == str(each.value("system_identifier") or each.value("control_system_identifier")):
            words = f"its database server has the system identifier of {each.name}, {own}: it is one of the group's"
            remedy = "Give it a server that was made by an initdb of its own: a copy beside the primary is no archive"
            return failing(name, words, remedy, is_blocking=True)
    return ok(name, f"{node.name} has a database server of its own (system identifier {own})", is_blocking=True)


def version(
    inventory: Inventory, snapshot: Snapshot, alternate: Alternate, node: Node, source: Source, *, is_urgent: bool
) -> Item:
    """Return whether its PPS is of the version that the copy was written by; unknown is not equal.

    Args:
        inventory: What was declared.
        snapshot: The world now; tells the versions of the web nodes.
        alternate: The alternate server.
        node: As it was seen.
        source: The bundle or the copy.
        is_urgent: Users are out: what nobody can tell does not keep them out, what is seen to differ does.
    """
    name, own = "same-version", node.value("product_version")
    others = {f"the copy {source.bundle}": source.version} if source.version else {}
    for each in snapshot.of_kind("web"):
        if (theirs := each.value("product_version")) is not None:
            others[each.name] = str(theirs)
    page = f"{alternate.url.rstrip('/')}/Version"
    if own is None:
        remedy = f"Compare it yourself, on {alternate.host} or at {page}"
        words = f"the version of {node.name} is not known, and unknown is not the same"
        return unseen(name, words, remedy) if is_urgent else failing(name, words, remedy, is_blocking=True)
    differing = [f"{each} is of {theirs}" for each, theirs in others.items() if theirs != own]
    if differing:
        words = f"{node.name} is of version {own}, {', '.join(differing)}: a copy goes only with the version that wrote it"
        remedy = f"Install the same version on {alternate.host} first (pps: move to a new server)"
        return failing(name, words, remedy, is_blocking=True)
    if not others:
        pages = ", ".join(each.url.rstrip("/") + "/Version" for each in inventory.web_nodes.values())
        remedy = f"Compare them yourself: {page}, {pages}"
        words = "no web node and no copy tells its version, and unknown is not the same"
        return unseen(name, words, remedy) if is_urgent else failing(name, words, remedy, is_blocking=True)
    return ok(name, f"{node.name} and {', '.join(others)} are of version {own}", is_blocking=True)


def keys(inventory: Inventory, snapshot: Snapshot, alternate: Alternate, node: Node, *, is_restored: bool = True) -> Item:
    """Return whether it has the keys of the web nodes; the copy's own keys are compared again when it is restored, if it is."""
    name = "same-keys"
    if sealed := on_windows(inventory, (alternate.as_web_node(),)):
        words = f"the keys of {sealed[0]} cannot be compared with those of the copy: {SEALED}"
        # Keys that are declared would be asked for when the copy is restored, which fails there.
        is_futile = is_restored and bool(alternate.key_files)
        remedy = f"{BY_HAND}. Then take `key_files` of {alternate.name} away" if is_futile else BY_HAND
        return failing(name, words, remedy, is_blocking=is_futile)
    if sealed := on_windows(inventory, inventory.web_nodes.values()):
        words = f"the keys of {', '.join(sealed)} cannot be compared with those of {node.name}: {SEALED}"
        return failing(name, words, BY_HAND)
    if not alternate.key_files:
        words = f"no key file is declared for {node.name}; keys do not travel with the database"
        return unseen(name, words, f"Declare `key_files` of {node.name}, where the web nodes have some")
    own: tuple[KeyFile, ...] | None = node.value("keys")
    if own is None:
        return unseen(name, f"the key files of {node.name} were not seen", f"On {alternate.host}: ls -l KEY-FILE")
    bad = [f"{key.path} is {key.state}" for key in own if key.state != "ok"]
    compared = []
    for each in snapshot.of_kind("web"):
        theirs: tuple[KeyFile, ...] = each.value("keys") or ()
        for key, their in zip(own, theirs, strict=False):
            if key.mark and their.mark:
                compared.append(each.name)
                bad += [f"{key.path} is not the one of {each.name}"] if key.mark != their.mark else []
    if bad:
        remedy = "Copy it from a web node that works, or from a bundle, as its service account; then chmod 600"
        return failing(name, "; ".join(dict.fromkeys(bad)), remedy, is_blocking=True)
    if not compared:
        words = f"{node.name} has its key files; no web node is there to compare them with"
        return unseen(name, words, "They are compared with those in the bundle when that is restored")
    return ok(name, f"{node.name} has the key files of {', '.join(dict.fromkeys(compared))}", is_blocking=True)


def rights(snapshot: Snapshot, names: Iterable[str], *, is_blocking: bool) -> Item:
    """Return whether the console may start and stop the PPS of all of these, as far as sudo tells."""
    if denied := denied_said(snapshot, names):
        return failing("services", denied, SUDOERS, is_blocking=is_blocking)
    if denied := denied_said(snapshot, names, (MASK,)):
        return failing("services", denied, f"{UNMASKED}. {SUDOERS}")
    return ok("services", "nothing is seen that keeps the console from starting and stopping them", is_blocking=is_blocking)


def quiet(side: WebSide) -> Item:
    """Return whether every web node can be stopped; one that is out of reach is not quiet, whatever anybody says."""
    name = "web-nodes-quiet"
    if side.unreachable:
        words = f"{', '.join(side.unreachable)} cannot be reached, and what is not reached is not quiet"
        return unseen(name, words, "Make sure that their machines are off before they come back: they are still enabled")
    return ok(name, "every web node can be stopped and disabled")


def archive_key(snapshot: Snapshot, alternate: Alternate, *, is_needed: bool) -> Item:
    """Return whether the key can be had that opens the bundles of its archive."""
    name, fact = "archive-key", snapshot.facts.get(f"{alternate.archive}.backup_key")
    if fact is None or fact.value is None:
        return unseen(name, f"the key of {alternate.archive} was not looked at", "ppsconsole backup list")
    if fact.value != "ok":
        words = f"the key of {alternate.archive} cannot be had: {fact.detail}"
        return failing(name, words, "Keep it where it can be had while PPS is down", is_blocking=is_needed)
    return ok(name, f"the key of {alternate.archive} can be had", is_blocking=is_needed)


def disk(inventory: Inventory, node: Node) -> Item:
    """Return whether its disk has room for one more copy, as far as that can be told."""
    name, percent = "disk", node.value("host.disk_percent")
    if percent is None:
        return unseen(name, f"the disks of {node.name} are not known")
    if against(percent, inventory.limits.disk_percent) is not Verdict.OK:
        remedy = "Make room first: drop a copy that nobody needs (`DROP DATABASE`, by hand: no run deletes one)"
        return failing(name, f"{percent:.0f}% of the disk of {node.name} is in use", remedy, is_blocking=percent >= 100)
    return ok(name, f"{percent:.0f}% of the disk of {node.name} is in use")


def licence(inventory: Inventory, alternate: Alternate, *, is_active: bool, running: int = 0) -> Item:
    """Return what the licence says of it. Nobody but the vendor's page and a person can tell whether it was activated.

    Args:
        inventory: Says how many servers are licensed, or not.
        alternate: The alternate server.
        is_active: Whether it serves afterwards.
        running: How many PPS servers run afterwards, it included; 0 where the plan starts none.
    """
    licensed = inventory.cluster.licensed_servers
    if licensed is not None and running > licensed:
        words = f"{running} PPS servers run afterwards, {licensed} are licensed; {LICENCE}"
        return failing("licence", words, "Have fewer web nodes run, or ask the vendor for a quote")
    if is_active:
        words = f"{LICENCE}. Once it serves, it is no inactive copy any more; whether the vendor asks for more is not published"
    else:
        words = LICENCE
    remedy = f"See in its own web client that {alternate.name} is activated with the product key, while the vendor can be reached"
    return unseen("licence", words, remedy)


def announcement(inventory: Inventory, alternate: Alternate, *, is_home: bool = False) -> Item:
    """Return what is left to fill in, or to do by hand, before users can be told: the rest is taken from the inventory."""
    name, address = "users-text", inventory.cluster.address
    if address is None:
        words = f"`cluster.address` is not declared: where it stands in the text users are told {UNDECLARED!r}"
        return failing(name, words, "Declare it, or write it into the text yourself before you send it")
    if alternate.moves_alias is not None:
        host = doors_said(inventory) if is_home else inventory.hosts[alternate.host].address
        words = f"users have nothing to change, once somebody moves {alternate.moves_alias} to {host}: the console does not"
        return unseen(name, words, f"Have the means at hand by which {alternate.moves_alias} is moved (DNS, virtual address)")
    words = f"the text has {address} and {alternate.users_address(address)} in it; who sends it, and how, is left to you"
    return ok(name, words)


def freshness(alternate: Alternate, source: Source, now: float) -> Item:
    """Return how old the data is that would be served."""
    name, age_s = "copy-age", max(0.0, now - source.taken_at)
    words = f"{source.said()}: {duration(age_s)} old"
    if age_s >= alternate.oldest_s:
        remedy = f"Make a newer one: ppsconsole run backup {alternate.archive}"
        return failing(name, f"{words}, more than {duration(alternate.oldest_s)}", remedy)
    return ok(name, words)
