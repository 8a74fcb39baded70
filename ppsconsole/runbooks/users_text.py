"""What users are told when they reach the service at another address: old and new for each way in."""

from urllib.parse import urlsplit

from ppsconsole.clock import iso
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.inventory.model import Inventory
from ppsconsole.runbooks.alternate import Source

_CLIENTS = (
    ("web client", "type the new address; bookmarks keep the old one"),
    ("KeePass for Pleasant, Password Safe", "in its server address; sign in again"),
    ("mobile (iOS, Android)", "in its server address; sign in again, copies for offline use are as old as they were"),
    ("browser plug-in", "in its settings; sign in again"),
)
"""The ways in by the vendor's pages. Where each client keeps the address is not published: it is called what it is."""

_HOME_CLIENTS = (
    ("web client", "type the old address again, or use the old bookmarks"),
    *((client, "put the old address back in its settings; sign in again") for client, _ in _CLIENTS[1:]),
)
UNDECLARED = "(the address that they used until now)"
"""Stands for the cluster's address where the inventory does not declare it."""


def users_text(inventory: Inventory, alternate: Alternate, source: Source) -> tuple[str, ...]:
    """Return the lines that users have to be told, the first one alone saying what matters."""
    old, new = inventory.cluster.address, alternate.users_address(inventory.cluster.address)
    lost = f"What was entered after {iso(source.taken_at)} is not there: enter it again."
    signed = "Directory logins may fail where AD or LDAP changed since: a local account gets in."
    if alternate.moves_alias is not None:
        host = inventory.hosts[alternate.host]
        return (
            f"Nothing to change: the address stays {new}.",
            f"Once {alternate.moves_alias} leads to {host.address} ({alternate.name}), every client gets in as before; "
            "the name is moved by the site's own means (DNS, virtual address), and caches keep the old one until its time ends.",
            *(f"{client}: {old} stays" for client, _ in _CLIENTS),
            lost,
            signed,
        )
    said_old = old or UNDECLARED
    if urlsplit(new).netloc == urlsplit(old or "").netloc:
        return (f"Nothing to change: the address stays {new}.", lost, signed)
    return (
        f"The password server is reached at {new} until further notice, not at {said_old}.",
        *(f"{client}: {said_old} becomes {new}; {how}" for client, how in _CLIENTS),
        lost,
        signed,
    )


def doors_said(inventory: Inventory) -> str:
    """Return where the users' name leads as long as the cluster itself serves: the addresses of its balancers."""
    doors = [found.address for name in inventory.balancers if (found := inventory.host_of(name)) is not None]
    return ", ".join(doors) or "where it led before"


def home_text(inventory: Inventory, alternate: Alternate) -> tuple[str, ...]:
    """Return the lines that users have to be told once the service is at its old address again."""
    old, away = inventory.cluster.address, alternate.users_address(inventory.cluster.address)
    kept = f"What was entered while {alternate.name} served is there."
    if alternate.moves_alias is not None:
        return (
            f"Nothing to change: the address stays {away}.",
            f"{alternate.moves_alias} has to lead to {doors_said(inventory)} again, by the site's own means "
            f"(DNS, virtual address); until then, and in caches a while longer, it leads to {alternate.name}, which is down.",
            kept,
        )
    said_old = old or UNDECLARED
    if urlsplit(away).netloc == urlsplit(old or "").netloc:
        return (f"Nothing to change: the address stays {away}.", kept)
    return (
        f"The password server is at its old address again, {said_old}; {away} does not answer any more.",
        *(f"{client}: {away} becomes {said_old}; {how}" for client, how in _HOME_CLIENTS),
        kept,
    )
