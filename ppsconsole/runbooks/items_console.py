"""Preflight: can the console itself do its work while the cluster is down: its secrets and its journal?"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, unseen


def secrets(case: Case) -> Item:
    """Return whether every secret resolves while the service is down: a password kept in PPS itself would not.

    That a program gives one now proves nothing while PPS runs, for it may have asked PPS. A failover, with users out, proves it.
    """
    name, tried = "secrets", case.background.secrets
    if tried is None:
        return unseen(name, "nobody tried to resolve the secrets", is_blocking=True)
    lost = {reference: why for reference, why in tried.items() if why}
    if lost:
        said = ", ".join(f"{reference} ({why})" for reference, why in lost.items())
        remedy = "Keep them outside of PPS, where they can be had now: file:PATH with chmod 600, then ppsconsole inventory check"
        return failing(name, f"does not resolve: {said}", remedy, is_blocking=True)
    asks = [each for each in tried if each.startswith("command:")]
    inside = [each for each in asks if any(address in each for address in _front_names(case.inventory))]
    if inside:
        words = f"asks the cluster itself, which is down while it is moved: {', '.join(inside)}"
        return failing(name, words, "Keep it outside of PPS: file:PATH with chmod 600", is_blocking=True)
    if asks and _is_served(case):
        words = f"resolves now by a program, and whether it does while PPS is down nobody tried: {', '.join(asks)}"
        return unseen(
            name, words, "See that the program does not ask PPS, or keep it as file:PATH with chmod 600", is_blocking=True
        )
    return ok(name, f"all {len(tried)} resolve" if tried else "there are none to resolve", is_blocking=True)


def _front_names(inventory: Inventory) -> Iterator[str]:
    """Yield the names and addresses under which PPS answers."""
    urls = [inventory.cluster.address, *(each.url for each in inventory.web_nodes.values())]
    urls += [each.address for each in inventory.balancers.values()]
    for url in urls:
        host = urlsplit(url).hostname if url else None
        if host:
            yield host
    yield from (each.server_name for each in inventory.web_nodes.values() if each.server_name)


def _is_served(case: Case) -> bool:
    nodes = (*case.snapshot.of_kind("web"), *case.snapshot.of_kind("balancer"))
    return any((node.value("http") or 999) < 400 for node in nodes)


def journal(case: Case) -> Item:
    """Return whether a run could be journaled: nothing acts before it is written down."""
    name, trouble = "journal", case.background.journal
    if trouble is None:
        return unseen(name, "nobody tried to open the journal", "ppsconsole runs list", is_blocking=True)
    words, remedy = trouble
    if words:
        remedy = remedy or "Set XDG_STATE_HOME to a folder of your own on a disk of this machine: df -h"
        return failing(name, f"a run could not be journaled: {words}", remedy, is_blocking=True)
    return ok(name, "it can be written, and there is room for a run", is_blocking=True)
