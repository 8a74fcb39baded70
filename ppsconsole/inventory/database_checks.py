"""What the database group as a whole has to be: one primary, one server at each address, and what its kind needs."""

import posixpath
from collections.abc import Sequence

from ppsconsole.inventory.model import DatabaseGroup, Instance, Inventory
from ppsconsole.inventory.reading import Reading
from ppsconsole.inventory.table import REPLICATION
from ppsconsole.masking import mask

_INSTANCES = ("database", "instances")
_GROUP_ONLY = ("availability_group", "cluster_type")


def check_database(inventory: Inventory, reading: Reading) -> None:
    """Note what is wrong with the database group as a whole."""
    group = inventory.database
    if group is None:
        return
    _check_kind(group, reading)
    if group.instances:
        _check_primary(group, reading)
        _check_places(inventory, reading)
        for instance in group.instances.values():
            _check_fence(inventory, instance, reading)


def _check_fence(inventory: Inventory, instance: Instance, reading: Reading) -> None:
    fence, steps = instance.fence, (*_INSTANCES, instance.name, "fence")
    if fence is None:
        return
    for key in ("command", "verify"):
        if key in reading.keys_at(steps) and not getattr(fence, key):
            reading.refuse_at(
                (*steps, key), "empty", "expected a program and its arguments, e.g. [/usr/sbin/fence_ipmilan, -o, off]"
            )
        if _tells_a_secret(getattr(fence, key)):
            what = "a secret stands here in clear (not shown), and everybody on the machine would see it while the program runs"
            allowed = "have the program read it from a file, e.g. fence_ipmilan --password-script=PATH, ipmitool -f PATH"
            reading.refuse_at((*steps, key), what, allowed)
    if fence.command and fence.command == fence.verify:
        reading.refuse_at((*steps, "verify"), "the same as `command`", "expected a program that only looks whether it is off")
    host = inventory.hosts.get(fence.host) if fence.host else None
    if fence.host is not None and fence.host == instance.host:
        what = f"'{fence.host}' is the machine that is to be switched off"
        reading.refuse_at((*steps, "host"), what, "name another host, or leave it out: the console's own machine")
    elif host is not None and host.platform == "windows":
        what = f"'{fence.host}' is a Windows host"
        reading.refuse_at((*steps, "host"), what, "name a Linux host, or leave it out: the console's own machine")


def _tells_a_secret(argv: Sequence[str]) -> bool:
    """Return whether one of the arguments is a password, by the word before it or by what the program takes it for.

    `-p` of the fence agents and `-P` of ipmitool are passwords (fence_ipmilan(8), ipmitool(1)); of other programs nobody knows.
    """
    joined = " ".join(argv)
    names = [posixpath.basename(word) for word in argv]
    short = "-p" if any(name.startswith("fence_") for name in names) else "-P" if "ipmitool" in names else None
    return mask(joined) != joined or (short is not None and any(word.startswith(short) for word in argv[1:]))


def _check_kind(group: DatabaseGroup, reading: Reading) -> None:
    if group.kind is None:
        return
    fitting = REPLICATION[group.kind]
    if group.replication is not None and group.replication not in fitting:
        what = f"'{group.replication}' does not go with kind {group.kind}"
        reading.refuse_at(("database", "replication"), what, reading.choices(group.replication, fitting))
    if group.kind == "sqlserver-ag":
        if "availability_group" not in reading.keys_at(("database",)):
            reading.refuse_at(("database", "availability_group"), "missing", "required: kind sqlserver-ag needs the group's name")
    else:
        for key in _GROUP_ONLY:
            if getattr(group, key) is not None:
                reading.refuse_at(("database", key), f"kind {group.kind} has none", "remove it, or choose kind sqlserver-ag")
    if group.kind == "sqlite" and len(group.instances) > 1:
        what = f"{len(group.instances)} instances of kind sqlite"
        reading.refuse_at(_INSTANCES, what, "one: a SQLite database is a file on one host and has no standby")
    for instance in group.instances.values():
        _check_host(instance, group.kind, reading)


def _check_host(instance: Instance, kind: str, reading: Reading) -> None:
    steps = (*_INSTANCES, instance.name)
    keys = reading.keys_at(steps)
    if kind == "azure-sql":
        if not keys & {"host", "address"}:
            reading.refuse_at((*steps, "address"), "missing", "required: an azure-sql instance is reached at its server name")
    elif "host" not in keys:
        reading.refuse_at((*steps, "host"), "missing", "required: the host that it runs on; only azure-sql has none")


def _check_primary(group: DatabaseGroup, reading: Reading) -> None:
    primaries = [each.name for each in group.instances.values() if each.declared == "primary"]
    # An instance whose role was refused might have been meant as the primary.
    is_open = any(each.declared is None for each in group.instances.values()) or len(group.instances) < len(
        reading.names.get("instances", ())
    )
    if not primaries and not is_open:
        reading.refuse_at(_INSTANCES, "no instance is declared as primary", "set `declared: primary` at exactly one of them")
    for name in primaries[1:]:
        what = f"a second primary beside {primaries[0]}"
        reading.refuse_at((*_INSTANCES, name, "declared"), what, "exactly one is declared as primary; the others are standby")


def _check_places(inventory: Inventory, reading: Reading) -> None:
    taken: dict[tuple[str, int], Instance] = {}
    for instance in inventory.database.instances.values():
        host = inventory.hosts.get(instance.host) if instance.host else None
        address = instance.address or (host.address if host else None)
        if address is None or instance.port is None:
            continue
        first = taken.setdefault((address.lower(), instance.port), instance)
        # Two hosts with one address are told already.
        if first is not instance and (first.address or instance.address or first.host == instance.host):
            key = "address" if instance.address else "port"
            what = f"'{address}' port {instance.port} is instance {first.name} already"
            reading.refuse_at((*_INSTANCES, instance.name, key), what, "two instances need two addresses or ports")
