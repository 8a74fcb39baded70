"""Preflight: is every destructive command bound to whom it is meant for (law 7)?"""

from ppsconsole.cluster.snapshot import Node
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, unseen


def identities(case: Case) -> Item:
    """Return whether the hosts say of themselves who they are, and are who was declared."""
    name, missing = "identities", []
    for node in (case.old, case.new):
        for part in ("host.host_key", "host.hostname", "data_directory"):
            known = node.value(part) or (part == "data_directory" and case.inventory.database.instances[node.name].data_directory)
            if not known:
                missing.append(f"{part.removeprefix('host.').replace('_', ' ')} of {node.name}")
    if missing:
        remedy = "What is not known is not re-read before a command: ppsconsole status, or declare data_directory"
        return unseen(name, f"not known: {', '.join(missing)}", remedy, is_blocking=True)
    wrong = []
    for node in (case.old, case.new):
        host = case.inventory.host_of(node.name)
        if host is not None and host.hostname is not None and host.hostname != node.value("host.hostname"):
            wrong.append(f"the host of {node.name} calls itself {node.value('host.hostname')}, declared is {host.hostname}")
    if wrong:
        remedy = "This may be another machine: on it, uname -n; then correct `address` or `hostname` in the inventory"
        return failing(name, "; ".join(wrong), remedy, is_blocking=True)
    return ok(name, "host keys, host names and data directories are known", is_blocking=True)


def data_directories(case: Case) -> Item:
    """Return whether the declared data directories are those that are served, and can be read: a stop is proved there (law 3)."""
    name, nodes = "data-directories", (case.old, case.new)
    wrong = [said for node in nodes if (said := _wrong(case, node))]
    if wrong:
        remedy = 'Correct `data_directory` in the inventory: psql -c "SHOW data_directory" on the host tells it'
        return failing(name, "; ".join(wrong), remedy, is_blocking=True)
    unread = [said for node in nodes if (said := _unread(node))]
    if unread:
        remedy = "Let the login read it, as the account of the server: sudo -u postgres pg_controldata DATA-DIRECTORY"
        return failing(name, "; ".join(unread), remedy, is_blocking=True)
    hidden = [node.name for node in nodes if node.value("control_system_identifier") is None]
    if hidden:
        remedy = "Declare `data_directory`, and see that the login may read it: pg_controldata DATA-DIRECTORY"
        return unseen(name, f"the data directory of {', '.join(hidden)} was not read", remedy, is_blocking=True)
    return ok(name, "both can be read, and are those that are served", is_blocking=True)


def _wrong(case: Case, node: Node) -> str:
    declared, served = case.inventory.database.instances[node.name].data_directory, node.value("data_directory")
    if declared and served and declared.rstrip("/") != str(served).rstrip("/"):
        return f"{node.name} serves from {served}, declared is {declared}"
    own, on_disk = node.value("system_identifier"), node.value("control_system_identifier")
    if own is not None and on_disk is not None and str(own) != str(on_disk):
        return f"{node.name} is system {own}, the declared directory holds {on_disk}"
    return ""


def _unread(node: Node) -> str:
    """Return why the directory could not be read on a host that answers; empty where it could, or where nobody looked."""
    fact = node.facts.get("control_system_identifier")
    if fact is None or fact.value is not None or not fact.detail or node.value("host.ssh") != "ok":
        return ""
    return f"the data directory of {node.name} cannot be read: {fact.detail}"
