"""A PPS database that can be dumped on its own host: that of an instance of the group, or that of an alternate server. No IO."""

from dataclasses import dataclass

from ppsconsole.actions.alternate_database import connection
from ppsconsole.actions.copying import login
from ppsconsole.actions.places import host_of, instance_of
from ppsconsole.inventory.model import Host, Inventory, WebNode


@dataclass(frozen=True, slots=True)
class DumpSource:
    """Where a database is dumped.

    Attributes:
        name: Of the instance, or of the alternate server.
        host: Its database server runs there, and so do psql and pg_dump.
        login: libpq's keywords as used on that host, with `dbname` and never a password.
        bin_directory: Where PostgreSQL's programs are there; None for the PATH.
        web_nodes: Those that hold the keys which it was written with.
    """

    name: str
    host: Host
    login: str
    bin_directory: str | None
    web_nodes: tuple[WebNode, ...]

    def program(self, name: str) -> str:
        """Return the path of one of PostgreSQL's programs on its host."""
        return f"{self.bin_directory}/{name}" if self.bin_directory else name


def dump_source(inventory: Inventory, name: str) -> DumpSource:
    """Return how the PPS database of `name` is dumped.

    Raises:
        Blocked: There is no such instance and no such alternate server, or the inventory does not say how it is logged in to.
    """
    alternate = inventory.alternates.get(name)
    if alternate is not None:
        at = alternate.database
        host = inventory.hosts[alternate.database_host]
        return DumpSource(name, host, connection(alternate, at.database), at.bin_directory, (alternate.as_web_node(),))
    instance, nodes = instance_of(inventory, name), tuple(inventory.web_nodes.values())
    way = login(inventory, name, name, inventory.database.database)
    return DumpSource(name, host_of(inventory, name), way, instance.bin_directory, nodes)
