"""Preflight: what Windows hosts keep sealed to themselves, which no backup of the console has."""

from collections.abc import Iterable

from ppsconsole.inventory.model import Inventory, WebNode

SEALED = (
    "what PPS keeps on Windows is sealed to its machine (registry value DatabaseConnectionString, DPAPI LocalMachine): a copy of "
    "it opens on no other, and the console does not read it"
)
"""Behaviour of Windows; the place is that of PPS 7.11, later versions may keep it elsewhere."""

BY_HAND = (
    "Keep by hand, apart from these hosts: the whole Connection String (Service Configuration, Database Configuration; widen the "
    "window, so that no text is cut), the TLS certificate with its private key, the key of PPS's own backups, and the TDE "
    "certificate where SQL Server has one"
)


def on_windows(inventory: Inventory, web_nodes: Iterable[WebNode]) -> tuple[str, ...]:
    """Return the web nodes whose hosts are Windows machines, by `name (host)`."""
    return tuple(f"{each.name} ({each.host})" for each in web_nodes if inventory.hosts[each.host].platform != "linux")
