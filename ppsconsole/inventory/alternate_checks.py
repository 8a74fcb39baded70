"""What an alternate server has to be: apart from the cluster that it stands in for, in every place and name."""

from urllib.parse import urlsplit

from ppsconsole.inventory.alternate import Alternate, port_of
from ppsconsole.inventory.model import Instance, Inventory
from ppsconsole.inventory.reading import Reading, Steps, quoted


def check_alternates(inventory: Inventory, reading: Reading) -> None:
    """Note what is wrong with the alternate servers."""
    for alternate in inventory.alternates.values():
        steps: Steps = ("alternates", alternate.name)
        if inventory.database is not None and inventory.database.kind not in ("postgres", None):
            what = f"the console puts no copy into an alternate server of kind {inventory.database.kind} yet"
            reading.refuse_at(steps, what, "leave it out; prepare and activate it by the vendor's page")
            continue
        _host(inventory, alternate, reading, steps)
        _address(inventory, alternate, reading, steps)
        if alternate.database is not None:
            _database(inventory, alternate, reading, (*steps, "database"))


def _host(inventory: Inventory, alternate: Alternate, reading: Reading, steps: Steps) -> None:
    """One that falls with what it stands in for is none."""
    own = {alternate.host: "host", alternate.database.host if alternate.database else None: "database"}
    carried = [(each.host, f"web node {each.name}") for each in inventory.web_nodes.values()]
    carried += [(str(each.host), f"instance {each.name}") for each in _instances(inventory) if each.host]
    for host, key in own.items():
        owner = next((what for name, what in carried if name == host), None)
        if host is not None and owner is not None:
            at = (*steps, key, "host") if key == "database" else (*steps, key)
            what = f"'{host}' is the host of {owner} already"
            reading.refuse_at(at, what, "an alternate server stands on a host of its own: it has to outlive the cluster")


def _instances(inventory: Inventory) -> tuple[Instance, ...]:
    return tuple(inventory.database.instances.values()) if inventory.database is not None else ()


def _address(inventory: Inventory, alternate: Alternate, reading: Reading, steps: Steps) -> None:
    if alternate.url is not None:
        for node in inventory.web_nodes.values():
            if node.url is not None and node.url.rstrip("/").lower() == alternate.url.rstrip("/").lower():
                what = f"'{alternate.url}' is web node {node.name} already"
                reading.refuse_at((*steps, "url"), what, "an alternate server answers at an address of its own")
    if alternate.moves_alias is None:
        return
    users = inventory.cluster.address if inventory.cluster is not None else None
    at = (*steps, "moves_alias")
    if users is None:
        reading.refuse_at(at, "no name is moved where users have none", "declare `cluster.address`, or remove it")
        return
    name = urlsplit(users).hostname or ""
    if name != alternate.moves_alias.lower():
        what = f"users type {name}, so moving '{alternate.moves_alias}' changes nothing for them"
        reading.refuse_at(at, what, f"expected {name}, the name in `cluster.address`")
    elif alternate.url is not None and port_of(users) != port_of(alternate.url):
        what = f"users come to port {port_of(users)}, and `url` answers at port {port_of(alternate.url)}"
        reading.refuse_at(at, what, "a name that moves keeps its port: let both be the same, or remove `moves_alias`")
    elif alternate.address is not None and alternate.address.rstrip("/") != users.rstrip("/"):
        what = f"'{alternate.address}' is not what users type once {alternate.moves_alias} has moved"
        reading.refuse_at((*steps, "address"), what, "remove it, or remove `moves_alias`")


def _database(inventory: Inventory, alternate: Alternate, reading: Reading, steps: Steps) -> None:
    declared = alternate.database
    if declared.service is not None and declared.service.kind is not None:
        wanted, unwanted = ("program", "name") if declared.service.kind == "command" else ("name", "program")
        here: Steps = (*steps, "service")
        if wanted not in reading.keys_at(here):
            reading.refuse_at((*here, wanted), "missing", f"required: a service of kind {declared.service.kind} needs `{wanted}`")
        if getattr(declared.service, unwanted) is not None:
            what = f"a service of kind {declared.service.kind} has none"
            reading.refuse_at((*here, unwanted), what, f"remove it; `{wanted}` is what is used")
    host = inventory.hosts.get(alternate.database_host) if alternate.database_host else None
    if host is None:
        return
    if host.platform == "windows":
        what = f"'{host.name}' is a Windows host"
        reading.refuse_at((*steps, "host"), what, "name a Linux host: the console restores a copy over SSH on Linux only yet")
    for instance in _instances(inventory):
        theirs = inventory.hosts.get(instance.host) if instance.host else None
        address = instance.address or (theirs.address if theirs else None)
        if address is not None and (address.lower(), instance.port) == (host.address.lower(), declared.port):
            what = f"{host.address} port {declared.port} is instance {instance.name} of the database group"
            reading.refuse_at((*steps, "port"), what, "the copy needs a database server of its own")
        if instance.host == host.name and declared.data_directory and declared.data_directory == instance.data_directory:
            what = f"{quoted(declared.data_directory)} is the data directory of instance {instance.name}"
            reading.refuse_at((*steps, "data_directory"), what, "the copy needs a database server of its own")
