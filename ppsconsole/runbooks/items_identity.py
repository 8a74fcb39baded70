"""Preflight: is every destructive command bound to whom it is meant for (law 7)?"""

from ppsconsole.clock import duration
from ppsconsole.cluster.snapshot import Node
from ppsconsole.plan.preflight import Item
from ppsconsole.probes.control import NO_SERVER
from ppsconsole.runbooks.case import Case, failing, ok, unseen
from ppsconsole.runbooks.remedies import may_see

_START_S = 60.0
"""What may lie between a server's first moment and the one that it calls its start: libraries and memory come first."""


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
    """Return whether the declared data directories are those that are served, and can be read: a stop is proved there (law 3).

    In a failover only that of the new primary blocks: nothing is done in a wrong one, and a dead server tells nothing of its own.
    """
    name, nodes = "data-directories", (case.old, case.new)
    is_blocking = case.old.role == "primary" or bool(_wrong(case, case.new))
    wrong = [said for node in nodes if (said := _wrong(case, node))]
    if wrong:
        remedy = 'Correct `data_directory` in the inventory: psql -c "SHOW data_directory" on the host tells it'
        return failing(name, "; ".join(wrong), remedy, is_blocking=is_blocking)
    unread = [said for node in nodes if (said := _unread(node))]
    if unread:
        remedy = "Let the login read it, as the account of the server: sudo -u postgres pg_controldata DATA-DIRECTORY"
        return failing(name, "; ".join(unread), remedy, is_blocking=is_blocking)
    hidden = [node.name for node in nodes if node.value("control_system_identifier") is None]
    if hidden:
        remedy = "Declare `data_directory`, and see that the login may read it: pg_controldata DATA-DIRECTORY"
        return unseen(name, f"the data directory of {', '.join(hidden)} was not read", remedy, is_blocking=is_blocking)
    return ok(name, "both can be read, and are those that are served", is_blocking=is_blocking)


def same_server(case: Case) -> Item:
    """Return whether what answers by SQL is what runs on the host: a swapped address would fence one server for another.

    A standby has the same system identifier as its primary, so that tells nothing: what counts is a process of the server's.
    """
    name = "same-server"
    # A primary that is gone answers nobody by SQL.
    nodes = [node for node in (case.old, case.new) if node.role != "unknown"]
    wrong = [said for node in nodes if (said := _elsewhere(case, node))]
    if wrong:
        remedy = "Correct `address` and `port`, or `host`, of the instance in the inventory, then: ppsconsole inventory check"
        return failing(name, "; ".join(wrong), remedy, is_blocking=True)
    hidden = [node.name for node in nodes if None in (node.value("checkpointer_pid"), node.value("server_process"))]
    if hidden:
        remedy = f"Declare `data_directory` and let the login read it. {may_see(case.inventory, hidden[0])}"
        words = f"whether what answers for {', '.join(hidden)} by SQL runs on its host was not seen"
        return unseen(name, words, remedy, is_blocking=True)
    return ok(name, "what answers by SQL runs on the hosts that are logged in to", is_blocking=True)


def _elsewhere(case: Case, node: Node) -> str:
    """Return how the server that answers for `node` by SQL is not the one on its host; empty where it is, or nobody knows."""
    answers, runs = node.value("checkpointer_pid"), node.value("server_process")
    if answers is None or runs is None:
        return ""
    began, told = node.value("server_started_at"), node.value("started_at")
    # Both are by the same clock: what lies between them is a part of the server's start.
    is_another_start = None not in (began, told) and abs(float(began) - float(told)) > _START_S
    if str(answers) == runs and not is_another_start:
        return ""
    instance, host = case.inventory.database.instances[node.name], case.inventory.host_of(node.name)
    at = "" if host is None else host.address
    by_sql = f"at {instance.address or at}:{instance.port} answers for {node.name} a server whose checkpointer has pid {answers}"
    there = f"its host {'' if host is None else host.name} ({at})"
    on_host = f"no server runs in {instance.data_directory} on {there}" if runs == NO_SERVER else f"on {there} it has pid {runs}"
    if str(answers) == runs:
        on_host = f"the one on {there} was started {duration(abs(float(began or 0) - float(told or 0)))} apart from it"
    others = (each for each in case.snapshot.of_kind("database") if each.name != node.name)
    owner = next((each.name for each in others if each.value("server_process") == str(answers)), "")
    return f"{by_sql}, and {on_host}" + (f": it is the server of {owner}" if owner else "")


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
