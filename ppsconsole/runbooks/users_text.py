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
    said_old = old or "(the address that they used until now)"
    if urlsplit(new).netloc == urlsplit(old or "").netloc:
        return (f"Nothing to change: the address stays {new}.", lost, signed)
    return (
        f"The password server is reached at {new} until further notice, not at {said_old}.",
        *(f"{client}: {said_old} becomes {new}; {how}" for client, how in _CLIENTS),
        lost,
        signed,
    )
