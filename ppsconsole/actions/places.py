"""Where the things of a step are: instances, hosts, services, ports; and how its commands are shown in a plan."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeVar
from urllib.parse import urlsplit

from ppsconsole.errors import Blocked
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.model import Balancer, Host, Instance, Inventory, Service, WebNode
from ppsconsole.masking import mask
from ppsconsole.plan.plan import Identity, Plan
from ppsconsole.plan.step import Step

_T = TypeVar("_T")


def instance_of(inventory: Inventory, name: str) -> Instance:
    """Return the instance called `name`.

    Raises:
        Blocked: There is none.
    """
    return _named(inventory.database.instances, name, "database instance")


def web_node_of(inventory: Inventory, name: str) -> WebNode:
    """Return the web node called `name`.

    Raises:
        Blocked: There is none.
    """
    return _named(inventory.web_nodes, name, "web node")


def balancer_of(inventory: Inventory, name: str) -> Balancer:
    """Return the balancer called `name`.

    Raises:
        Blocked: There is none.
    """
    return _named(inventory.balancers, name, "balancer")


def alternate_of(inventory: Inventory, name: str) -> Alternate:
    """Return the alternate server called `name`.

    Raises:
        Blocked: There is none.
    """
    return _named(inventory.alternates, name, "alternate server")


def place_of(inventory: Inventory, name: str) -> Backup:
    """Return the place for backups called `name`.

    Raises:
        Blocked: There is none.
    """
    return _named(inventory.backups, name, "place for backups")


def _named(those: Mapping[str, _T], name: str, what: str) -> _T:
    found = those.get(name)
    if found is None:
        raise Blocked(f"no {what} is called {name!r}", where=name)
    return found


def host_of(inventory: Inventory, node: str) -> Host:
    """Return the host of `node`.

    Raises:
        Blocked: The inventory declares none, so nothing can be done there.
    """
    found = inventory.host_of(node)
    if found is None:
        raise Blocked("the inventory declares no host for it", where=node, remedy="Declare its host, or do this step by hand")
    return found


def service_of(inventory: Inventory, node: str) -> Service:
    """Return what starts and stops `node`.

    Raises:
        Blocked: The inventory declares none.
    """
    owner = (
        inventory.web_nodes.get(node)
        or inventory.database.instances.get(node)
        or inventory.balancers.get(node)
        or inventory.alternates.get(node)
    )
    if owner is None or owner.service is None:
        raise Blocked("the inventory declares no service for it", where=node, remedy="Declare its service")
    return owner.service


def data_directory_of(instance: Instance) -> str:
    """Return the data directory of `instance`, as on its host.

    Raises:
        Blocked: The inventory does not say where it is: then nothing destructive can be bound to it.
    """
    if instance.data_directory is None:
        raise Blocked("the inventory declares no data_directory for it", where=instance.name, remedy="Declare it")
    return instance.data_directory


def program_of(instance: Instance, name: str) -> str:
    """Return the path of one of PostgreSQL's programs on the host of `instance`."""
    return f"{instance.bin_directory}/{name}" if instance.bin_directory else name


def listening(inventory: Inventory, node: str) -> tuple[str, int] | None:
    """Return address and port where `node` listens, as seen from its host's bastion; None for a balancer: only users know."""
    instance = inventory.database.instances.get(node)
    if instance is not None:
        host = inventory.host_of(node)
        return (instance.address or (host.address if host is not None else instance.name)), instance.port
    web_node = inventory.web_nodes.get(node) or inventory.alternates.get(node)
    if web_node is None:
        return None
    parts = urlsplit(web_node.url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def addresses_of(host: Host) -> frozenset[str]:
    """Return the IP addresses that `host` may be seen under; resolves its declared address when that is a name. Blocks."""
    found = {host.address}
    with suppress(OSError):  # a name that only the host's own network knows
        found.update(str(each[4][0]) for each in socket.getaddrinfo(host.address, None, type=socket.SOCK_STREAM))
    return frozenset(found)


def identity_of(plan: Plan, node: str) -> Identity | None:
    """Return what the plan knows `node` by, None where it is not part of it."""
    return next((each for each in plan.identities if each.node == node), None)


def had_primary(inventory: Inventory, plan: Plan) -> bool:
    """Return whether a primary answered when `plan` was made: without one no web node could serve users, before or after."""
    return any(each.role == "primary" and each.node in inventory.database.instances for each in plan.identities)


def argument(step: Step, name: str) -> str:
    """Return an argument that `step` needs.

    Raises:
        Blocked: The plan left it out.
    """
    if not step.arguments.get(name):
        raise Blocked(f"step {step.id} has no argument {name!r}", where=step.node)
    return step.arguments[name]


def on_host(host: str, *commands: str) -> tuple[str, ...]:
    """Return commands as a plan shows them: `HOST$ command`."""
    return tuple(f"{host}$ {mask(command)}" for command in commands)


def on_database(instance: str, *statements: str) -> tuple[str, ...]:
    """Return statements as a plan shows them: `INSTANCE=> statement`."""
    return tuple(f"{instance}=> {mask(statement)}" for statement in statements)


def written(path: str, source: str = "", then: str = "") -> str:
    """Return the shell text that writes a file beside a data directory, whole or not at all, and through no link there.

    Args:
        path: Of the file, quoted.
        source: Where the text comes from, as a redirection; standard input where it is left out.
        then: What is done to the draft, `PATH.new`, before it is put in place.
    """
    not_there = f"{{ [ ! -d {path} ] || {{ echo 'a folder, or a link to one, is in the place of the file' >&2; exit 65; }}; }}"
    draft = f"rm -f {path}.new && (umask go-w; set -C; cat >{path}.new){f' {source}' if source else ''}"  # -C: a new file
    return " && ".join(each for each in (draft, not_there, then, f"mv -f {path}.new {path}") if each)
