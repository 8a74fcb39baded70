"""What no single place of the inventory can tell: names that lead nowhere, chains, doubles, and what a kind needs.

Checks run even when mistakes were found before, so that all come in one go. A value that was refused is blank here (None,
or an empty mapping) and is not judged a second time; a record that was no mapping is left out, its name counts as declared.
"""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from ppsconsole.inventory.alternate_checks import check_alternates
from ppsconsole.inventory.backup_checks import check_backups
from ppsconsole.inventory.chains import resolve_chains
from ppsconsole.inventory.database_checks import check_database
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.kinds import absolute
from ppsconsole.inventory.limits import Limit
from ppsconsole.inventory.model import Balancer, Host, Inventory, Service
from ppsconsole.inventory.path_checks import check_paths, without_trailing_slash
from ppsconsole.inventory.reading import Reading, Steps, quoted

LESS_IS_WORSE = frozenset(("certificate_days", "login_percent"))
"""Limits that warn below a number instead of above it."""

_POSIX_PATH = re.compile(r"/.*[^/]\Z")
_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/].|\\\\.")

_PLATFORM = {"systemd": "linux", "windows-service": "windows", "iis-app-pool": "windows"}


def check(inventory: Inventory, reading: Reading) -> Inventory:
    """Note every mistake that shows only when all parts are known.

    Returns:
        The inventory with bastion chains written out in full, the folders of local backups made absolute, data directories
        without a slash at their end, and the defaults of Windows hosts filled in.
    """
    _references(reading)
    hosts = {name: _with_disks(host) for name, host in resolve_chains(inventory.hosts, reading).items()}
    inventory = dataclasses.replace(inventory, hosts=hosts, database=without_trailing_slash(inventory.database))
    _doubles(inventory, reading)
    _names(inventory, reading)
    _services(inventory, reading)
    _logs(inventory, reading)
    _web_nodes(inventory, reading)
    _balancers(inventory, reading)
    _accounts(inventory, reading)
    _limits(inventory, reading)
    check_database(inventory, reading)
    check_alternates(inventory, reading)
    check_backups(inventory, reading)
    check_paths(inventory, reading)
    return dataclasses.replace(inventory, backups={name: _placed(each, reading) for name, each in inventory.backups.items()})


_SECTIONS = {
    "hosts": "host",
    "sites": "site",
    "instances": "database instance",
    "web_nodes": "web node",
    "backups": "place of backups",
}
"""What a name from each section that can be referred to stands for."""


def _references(reading: Reading) -> None:
    for node, section in reading.references:
        names = reading.names.get(section)
        if names is not None and node.value not in names:
            kind = _SECTIONS[section]
            reading.refuse(node, f"no {kind} is called {reading.said(node)}", reading.choices(node.value, names))


def _doubles(inventory: Inventory, reading: Reading) -> None:
    """Two names for one place would be looked at, and acted on, as if they were two."""
    hosts: dict[tuple[str, int], str] = {}
    for host in inventory.hosts.values():
        if host.address is None or host.ssh is None:
            continue
        place = (host.address.lower(), host.ssh.port or 22)
        first = hosts.setdefault(place, host.name)
        if first != host.name:
            what = f"'{host.address}' with SSH port {place[1]} is host {first} already"
            reading.refuse_at(("hosts", host.name, "address"), what, "two hosts need two addresses or ports")
    urls: dict[str, str] = {}
    for node in inventory.web_nodes.values():
        if node.url is not None:
            first = urls.setdefault(node.url.rstrip("/").lower(), node.name)
            if first != node.name:
                what = f"'{node.url}' is web node {first} already"
                reading.refuse_at(("web_nodes", node.name, "url"), what, "two web nodes need two addresses or ports")


def _nodes(inventory: Inventory) -> Iterator[tuple[str, str, Steps, str | None]]:
    """Yield name, kind, place and host of everything that a command can be given as NODE."""
    for host in inventory.bastions():
        yield host.name, "bastion", ("hosts", host.name), host.name
    for balancer in inventory.balancers.values():
        yield balancer.name, "balancer", ("balancers", balancer.name), balancer.host
    for web_node in inventory.web_nodes.values():
        yield web_node.name, "web node", ("web_nodes", web_node.name), web_node.host
    for instance in inventory.database.instances.values() if inventory.database else ():
        yield instance.name, "database instance", ("database", "instances", instance.name), instance.host
    for directory in inventory.directories.values():
        yield directory.name, "directory", ("directories", directory.name), None
    for alternate in inventory.alternates.values():
        yield alternate.name, "alternate server", ("alternates", alternate.name), alternate.host


def _names(inventory: Inventory, reading: Reading) -> None:
    """A command takes a bare name as NODE: it has to mean one thing, and the same one as in the operator's mind."""
    taken: dict[str, str] = {}
    for name, kind, steps, host in _nodes(inventory):
        if name in taken:
            what = f"'{name}' is the name of {_a(taken[name])} and of {_a(kind)}"
            reading.refuse_at(steps, what, "every node needs a name of its own; rename one of the two")
        taken.setdefault(name, kind)
        if name in inventory.hosts and host in inventory.hosts and host != name:
            what = f"'{name}' is also the name of a host that this {kind} does not run on"
            reading.refuse_at(steps, what, "a node may share the name of its own host only; rename one of the two")


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _services(inventory: Inventory, reading: Reading) -> None:
    for name, kind, steps, host_name in _nodes(inventory):
        if kind == "bastion":
            continue
        service: Service | None = getattr(_owner(inventory, steps, name), "service", None)
        if service is None or service.kind is None:
            continue
        wanted, unwanted = ("program", "name") if service.kind == "command" else ("name", "program")
        here: Steps = (*steps, "service")
        if wanted not in reading.keys_at(here):
            reading.refuse_at((*here, wanted), "missing", f"required: a service of kind {service.kind} needs `{wanted}`")
        if getattr(service, unwanted) is not None:
            what = f"a service of kind {service.kind} has none"
            reading.refuse_at((*here, unwanted), what, f"remove it; `{wanted}` is what is used")
        host = inventory.hosts.get(host_name) if host_name else None
        platform = _PLATFORM.get(service.kind)
        if host is not None and platform and host.platform not in (platform, None):
            what = f"'{service.kind}' does not exist on host {host.name}, whose platform is {host.platform}"
            reading.refuse_at((*here, "kind"), what, f"set `platform: {platform}` at the host, or choose another kind of service")


def _logs(inventory: Inventory, reading: Reading) -> None:
    """A log lies on a host, and only a whole path means the same file to every login."""
    for name, kind, steps, host_name in _nodes(inventory):
        if kind in ("bastion", "directory"):
            continue
        owner = _owner(inventory, steps, name)
        if owner.log and "host" not in reading.keys_at(steps):
            reading.refuse_at((*steps, "log"), f"a {kind} without a host has no file there", "remove it, or name its `host`")
            continue
        host = inventory.hosts.get(host_name) if host_name else None
        is_windows = host is not None and host.platform == "windows"
        for number, path in enumerate(owner.log):
            if path is not None and not (_WINDOWS_PATH if is_windows else _POSIX_PATH).match(path):
                example = r"C:\Logs\pps.log" if is_windows else "/var/log/pps.log"
                at = (*steps, "log", number) if len(owner.log) > 1 else (*steps, "log")
                reading.refuse_at(at, f"{quoted(path)} is no whole path", f"expected a file on the host, e.g. {example}")


def _owner(inventory: Inventory, steps: Steps, name: str) -> Any:
    section = inventory.database.instances if steps[0] == "database" else getattr(inventory, str(steps[0]))
    return section[name]


def _web_nodes(inventory: Inventory, reading: Reading) -> None:
    for node in inventory.web_nodes.values():
        method = node.switch.method if node.switch is not None else None
        steps = ("web_nodes", node.name, "switch")
        has_program = "program" in reading.keys_at(steps)
        if method == "command" and not has_program:
            reading.refuse_at((*steps, "program"), "missing", "required: the method command needs `program`")
        elif method not in ("command", None) and has_program:
            what = f"the method {method} runs no program"
            reading.refuse_at((*steps, "program"), what, "remove it, or choose the method command")


def _balancers(inventory: Inventory, reading: Reading) -> None:
    for balancer in inventory.balancers.values():
        steps: Steps = ("balancers", balancer.name)
        if balancer.kind == "dns":
            if "record" not in reading.keys_at(steps):
                reading.refuse_at((*steps, "record"), "missing", "required: a balancer of kind dns needs the name that is moved")
        elif balancer.kind is not None and "host" not in reading.keys_at(steps):
            reading.refuse_at((*steps, "host"), "missing", f"required: a balancer of kind {balancer.kind} runs on a host")
        _members(balancer, reading)


def _members(balancer: Balancer, reading: Reading) -> None:
    seen: dict[str, str] = {}
    for address, node in balancer.members.items():
        if node is not None and seen.setdefault(node, address) != address:
            what = f"web node '{node}' is the member {seen[node]} already"
            reading.refuse_at(("balancers", balancer.name, "members", address), what, "every web node stands once in a balancer")


def _accounts(inventory: Inventory, reading: Reading) -> None:
    """An account without a password looks like a check that is made, and is none."""
    pairs = [(("web_nodes", each.name), "account_password") for each in inventory.web_nodes.values()]
    others = [(("directories", each.name), "password") for each in inventory.directories.values()]
    others += [(("alternates", each.name), "account_password") for each in inventory.alternates.values()]
    for steps, password in [*pairs, *others]:
        keys = reading.keys_at(steps)
        if ("account" in keys) != (password in keys):
            missing, present = ("account", password) if password in keys else (password, "account")
            reading.refuse_at((*steps, missing), "missing", f"required: `{present}` is of no use without it")
    for notification in inventory.notifications.values():
        needed = {"mail": ("to", "server"), "command": ("program",)}.get(notification.kind, ())
        for key in needed:
            if key not in reading.keys_at(("notifications", notification.name)):
                what = f"required: a notification of kind {notification.kind} needs `{key}`"
                reading.refuse_at(("notifications", notification.name, key), "missing", what)


def _limits(inventory: Inventory, reading: Reading) -> None:
    if inventory.limits is None:
        return
    for each in dataclasses.fields(inventory.limits):
        limit: Limit | None = getattr(inventory.limits, each.name)
        if limit is None or limit.warn is None or limit.down is None:
            continue
        is_less_worse = each.name in LESS_IS_WORSE
        if limit.warn < limit.down if is_less_worse else limit.warn > limit.down:
            order = "above" if is_less_worse else "below"
            why = "fewer is worse here" if is_less_worse else "more is worse here"
            what = f"warn {limit.warn:g} and down {limit.down:g} are the wrong way round"
            reading.refuse_at(("limits", each.name), what, f"warn has to be {order} down, or equal: {why}")


def _with_disks(host: Host) -> Host:
    """Watch the system drive of a Windows host where nothing else is said: the model's own default is that of Linux."""
    return dataclasses.replace(host, disks=("C:",)) if host.platform == "windows" and host.disks == ("/",) else host


def _placed(backup: Backup, reading: Reading) -> Backup:
    """Make the folder absolute when it is on the console's own machine."""
    if backup.host is not None or backup.path is None:
        return backup
    return dataclasses.replace(backup, path=absolute(backup.path, reading.folder))
