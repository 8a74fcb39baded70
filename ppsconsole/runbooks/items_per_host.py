"""Preflight of an alternate server: what a PPS needs that no database brings along, compared with that of the web nodes."""

from urllib.parse import urlsplit

from ppsconsole.clock import iso
from ppsconsole.cluster.judging import against
from ppsconsole.cluster.keys import KeyFile
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.inventory.alternate import Alternate, port_of
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import failing, ok, unseen

_DAY_S = 86400.0
_HERE = ("localhost", "127.0.0.1", "::1", ".", "(local)")


def not_with_the_database(inventory: Inventory, snapshot: Snapshot, alternate: Alternate, node: Node) -> tuple[Item, ...]:
    """Return what differs from the web nodes, or could not be compared, each with what to do about it; nothing of it blocks."""
    found = [
        _connection(inventory, alternate, node),
        _certificate(inventory, snapshot, alternate, node),
        _port(inventory, alternate, node),
        _account(snapshot, alternate, node),
        _files(snapshot, alternate, node),
    ]
    if inventory.directories:
        names = ", ".join(inventory.directories)
        words = f"directory settings travel with the database, as old as the copy; trust in the servers of {names} is per host"
        remedy = f"Try a directory login once it serves; a local administrator gets in without {names}"
        found.append(unseen("directories", words, remedy))
    return tuple(found)


def _connection(inventory: Inventory, alternate: Alternate, node: Node) -> Item:
    name, at = "own-connection", alternate.database
    remedy = f"On {alternate.host}: Service Configuration, Database Configuration, Connection String"
    wanted = f"database {at.database} on its own server, port {at.port}"
    said = node.value("own_connection")
    if said is None:
        why = "no `connection` is declared that tells it" if alternate.connection is None else "it was not told"
        words = f"its connection setting is per host, and {why}: it has to name {wanted}"
        return unseen(name, words, remedy)
    told = dict(word.split("=", 1) for word in str(said).split())
    host, names = told.get("host", "").lower(), _names_of(inventory, alternate)
    wrong = []
    if told.get("dbname") != at.database:
        wrong.append(f"database {told.get('dbname')}")
    if told.get("port") not in (None, str(at.port)):
        wrong.append(f"port {told['port']}")
    if told.get("user") not in (None, at.owner):
        wrong.append(f"user {told['user']} instead of {at.owner}")
    if host and host not in names:
        wrong.append(f"host {host}")
    if wrong:
        return failing(name, f"its connection setting names {', '.join(wrong)}: it has to name {wanted}", remedy)
    return ok(name, f"its connection setting names {wanted}")


def _names_of(inventory: Inventory, alternate: Alternate) -> set[str]:
    host = inventory.hosts[alternate.database_host]
    found = {host.name, host.address, host.hostname or host.name}
    return {each.lower() for each in found} | (set(_HERE) if alternate.database_host == alternate.host else set())


def _certificate(inventory: Inventory, snapshot: Snapshot, alternate: Alternate, node: Node) -> Item:
    name, host = "own-certificate", alternate.host
    wanted = _name_wanted(inventory, alternate)
    names, ends_at = node.value("certificate_names"), node.value("certificate_file_ends_at")
    days = node.value("certificate_days")
    if names is None or days is None:  # it does not answer, as long as it is stopped
        names = node.value("certificate_file_names")
        days = None if ends_at is None else (float(ends_at) - snapshot.at) / _DAY_S
    if names is None or days is None:
        why = "it could not be read" if alternate.certificate else "no `certificate` is declared, the file on its host"
        words = f"its certificate is per host (registry and local store), and {why}: it has to cover {wanted}"
        return unseen(
            name, words, f"On {host}: Service Configuration; and `cluster.ca` has to sign it where clients trust that one"
        )
    if not _covers(tuple(names), wanted):
        words = f"its certificate covers {', '.join(names) or 'no name'}, and not {wanted}, which users type"
        return failing(name, words, f"Have one made that covers it, and choose it on {host}: Service Configuration")
    until = iso(snapshot.at + days * _DAY_S)
    if against(days, inventory.limits.certificate_days) is not Verdict.OK:
        return failing(
            name, f"its certificate ends {until}", f"Renew it on {host}, as on the web nodes: nobody looks at it there"
        )
    return ok(name, f"its certificate covers {wanted} and ends {until}")


def _name_wanted(inventory: Inventory, alternate: Alternate) -> str:
    users = urlsplit(alternate.users_address(inventory.cluster.address)).hostname or alternate.url
    return users.lower()


def _covers(names: tuple[str, ...], wanted: str) -> bool:
    """Return whether one of the certificate's names is `wanted`, by itself or as `*.` for its first part."""
    parent = wanted.partition(".")[2]
    return any(each.lower() in (wanted, f"*.{parent}") for each in names)


def _port(inventory: Inventory, alternate: Alternate, node: Node) -> Item:
    """Return whether users come to the port that they know, and whether something is in the way to it."""
    name, own, tcp = "own-port", port_of(alternate.url), node.value("tcp")
    users = alternate.users_address(inventory.cluster.address)
    known = {port_of(inventory.cluster.address)} if inventory.cluster.address else set()
    if tcp in ("timed-out", "unreachable"):
        words = (
            f"nothing answers from port {own} of {alternate.host}, not even that it is closed ({tcp}): a firewall may be between"
        )
        return failing(name, words, f"Let users through to port {own} there, as to the web nodes")
    if tcp == "ok" and node.value("service") in ("stopped", "failed"):
        words = f"its PPS is stopped, and yet something takes connections on port {own}"
        return failing(name, words, f"Find out what it is, on {alternate.host}: ss -ltnp; its PPS could not start")
    if known and port_of(users) not in known:
        words = f"users come to port {known.pop()} and would have to type {port_of(users)}"
        return failing(name, words, "Give it the same port where you can (Service Configuration, Port Configuration)")
    if tcp is None:
        return unseen(name, f"whether the way to port {own} is open was not seen", f"Look at the firewall of {alternate.host}")
    return ok(name, f"port {own} is {'taken by its PPS' if tcp == 'ok' else 'free'}, and the way to it is open from here")


def _account(snapshot: Snapshot, alternate: Alternate, node: Node) -> Item:
    name, own = "service-account", node.value("service_account")
    theirs = {each.name: str(found) for each in snapshot.of_kind("web") if (found := each.value("service_account")) is not None}
    remedy = f"Compare it yourself: what the service of {alternate.host} runs as, and what that account may read"
    if own is None or not theirs:
        whose = node.name if own is None else "any web node"
        return unseen(name, f"which account the service of {whose} runs as is not known", remedy)
    other = [f"{each} as {account}" for each, account in theirs.items() if account != own]
    if other:
        words = f"{node.name} runs as {own}, {', '.join(other)}"
        return failing(name, words, "Where the account's rights matter (backup folder, Negotiate, files), let it be the same")
    return ok(name, f"{node.name} and {', '.join(theirs)} run as {own}")


def _files(snapshot: Snapshot, alternate: Alternate, node: Node) -> Item:
    name = "own-settings"
    by_hand = f"Compare with a web node's: Service Configuration on {alternate.host}, and the files beside the program"
    if not alternate.same_files:
        words = (
            "ports, IIS settings, hand-made changes in configuration files and the backup folder are per host; none is compared"
        )
        return unseen(name, words, f"Name the files in `same_files` of {alternate.name}. {by_hand}")
    own = _wanted(node, alternate)
    if own is None:
        return unseen(name, f"the files of {node.name} were not seen", by_hand)
    wrong = [f"{key.path} is {key.state}" for key in own.values() if key.state != "ok"]
    compared = []
    for each in snapshot.of_kind("web"):
        theirs = _wanted(each, alternate)
        for path, key in (theirs or {}).items():
            if key.mark and path in own and own[path].mark:
                compared.append(each.name)
                wrong += [f"{path} is not as on {each.name}"] if key.mark != own[path].mark else []
    if wrong:
        return failing(
            name, "; ".join(dict.fromkeys(wrong)), "Look at the differences, and copy what has to be the same; " + by_hand
        )
    if not compared:
        return unseen(name, f"{node.name} has its files; no web node is there to compare them with", by_hand)
    return ok(name, f"{', '.join(alternate.same_files)}: the same as on {', '.join(dict.fromkeys(compared))}")


def _wanted(node: Node, alternate: Alternate) -> dict[str, KeyFile] | None:
    """Return what was seen of the files that this alternate server has to have the same, by path."""
    found: tuple[KeyFile, ...] | None = node.value("same_files")
    return None if found is None else {each.path: each for each in found if each.path in alternate.same_files}
