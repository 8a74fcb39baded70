"""Paths and programs on hosts: whole ones, since they stand in commands that move and delete, and no option of a program."""

import dataclasses
import posixpath
import re
from collections.abc import Iterator

from ppsconsole.inventory.model import DatabaseGroup, Instance, Inventory, Service
from ppsconsole.inventory.reading import Reading, Steps, quoted

_WINDOWS = re.compile(r"[A-Za-z]:([\\/].|\Z)|[A-Za-z]:[\\/]\Z|\\\\.").match

Place = tuple[Steps, str | None, str | None]
"""Where it stands in the inventory, what stands there, and on which host it is."""


def without_trailing_slash(group: DatabaseGroup) -> DatabaseGroup:
    """Return the group with `/srv/pg` for `/srv/pg/`: names that a run gives are put behind it, and would lie inside of it."""
    if not group:  # it was refused
        return group
    instances = {}
    for name, each in group.instances.items():
        bare = (each.data_directory or "").rstrip("/")
        instances[name] = each if not bare or bare == each.data_directory else dataclasses.replace(each, data_directory=bare)
    return dataclasses.replace(group, instances=instances)


def check_paths(inventory: Inventory, reading: Reading) -> None:
    """Note every path on a host that does not mean one and the same place to each login and each program."""
    for steps, path, host in (*_folders(inventory), *_files(inventory)):
        if path is not None and not _is_windows(inventory, host) and not path.startswith("/"):
            reading.refuse_at(steps, f"{quoted(path)} is no whole path", "expected a path on the host that begins with /")
        elif path is not None and _is_windows(inventory, host) and not _WINDOWS(path):
            reading.refuse_at(steps, f"{quoted(path)} is no whole path", r"expected a path on the host, e.g. C:\Pleasant")
    for steps, path, host in _data(inventory):
        is_plain = path is None or (path != "/" and "//" not in path and posixpath.normpath(path) == path)
        if not is_plain and not _is_windows(inventory, host):
            what = f"{quoted(str(path))} is no data directory's own path"
            reading.refuse_at(steps, what, "expected a folder of its own, without `..`, `.` and `//` in it, e.g. /srv/pg")
    for steps, program, host in _programs(inventory):
        if program is None or _is_windows(inventory, host):
            continue
        if program.startswith("-") or ("/" in program and not program.startswith("/")):
            what = f"{quoted(program)} is no program's whole path"
            reading.refuse_at(
                steps, what, "expected a path that begins with /, or a bare name that the PATH of the login decides"
            )


def _data(inventory: Inventory) -> Iterator[Place]:
    for steps, instance in _instances(inventory):
        if (instance.data_directory or "").startswith("/"):
            yield (*steps, "data_directory"), instance.data_directory, instance.host


def _folders(inventory: Inventory) -> Iterator[Place]:
    for host in inventory.hosts.values():
        for number, disk in enumerate(host.disks):
            yield ("hosts", host.name, "disks", number), disk, host.name
    for steps, instance in _instances(inventory):
        yield (*steps, "data_directory"), instance.data_directory, instance.host
        yield (*steps, "bin_directory"), instance.bin_directory, instance.host
    for alternate in inventory.alternates.values():
        database = alternate.database
        if database is not None:
            there: Steps = ("alternates", alternate.name, "database")
            yield (*there, "data_directory"), database.data_directory, database.host or alternate.host
            yield (*there, "bin_directory"), database.bin_directory, database.host or alternate.host


def _files(inventory: Inventory) -> Iterator[Place]:
    for section, owners in (("web_nodes", inventory.web_nodes), ("alternates", inventory.alternates)):
        for name, owner in owners.items():
            several = len(owner.key_files) > 1
            for number, path in enumerate(owner.key_files):
                yield (section, name, "key_files", *((number,) if several else ())), path, owner.host
    for balancer in inventory.balancers.values():
        yield ("balancers", balancer.name, "include"), balancer.include, balancer.host
        yield ("balancers", balancer.name, "config"), balancer.config, balancer.host


def _programs(inventory: Inventory) -> Iterator[Place]:
    services: list[tuple[Steps, Service | None, str | None]] = []
    for web_node in inventory.web_nodes.values():
        services.append((("web_nodes", web_node.name), web_node.service, web_node.host))
        if web_node.switch is not None:
            yield ("web_nodes", web_node.name, "switch", "program"), web_node.switch.program, web_node.host
    for balancer in inventory.balancers.values():
        services.append((("balancers", balancer.name), balancer.service, balancer.host))
        yield ("balancers", balancer.name, "program"), balancer.program, balancer.host
    services += [(steps, instance.service, instance.host) for steps, instance in _instances(inventory)]
    for alternate in inventory.alternates.values():
        services.append((("alternates", alternate.name), alternate.service, alternate.host))
        if alternate.database is not None:
            there = alternate.database.host or alternate.host
            services.append((("alternates", alternate.name, "database"), alternate.database.service, there))
    for steps, service, host in services:
        if service is not None:
            yield (*steps, "service", "program"), service.program, host


def _instances(inventory: Inventory) -> Iterator[tuple[Steps, Instance]]:
    if inventory.database is not None:
        for instance in inventory.database.instances.values():
            yield ("database", "instances", instance.name), instance


def _is_windows(inventory: Inventory, host: str | None) -> bool:
    found = inventory.hosts.get(host) if host else None
    return found is not None and found.platform == "windows"
