"""Every command that actions and probes send to the hosts of an inventory, made by their own builders, and what each one does."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ppsconsole.actions import balancer as balancing
from ppsconsole.actions import fence, follow, quarantine, stop_primary, switch_database
from ppsconsole.actions.looks import remains_command
from ppsconsole.actions.promote import promote_command
from ppsconsole.actions.service_command import service_command
from ppsconsole.drivers.nginx import dump_command
from ppsconsole.drivers.service import status_command
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step
from ppsconsole.probes import backups, connection, control, keys, managers
from ppsconsole.probes import quarantine as quarantine_probe
from ppsconsole.runbooks.costs import COSTS


@dataclass(frozen=True, slots=True)
class Known:
    """What a command is.

    Attributes:
        does: Name of what it does, see `effects`.
        node: On which node.
        more: What else it needs to know.
    """

    does: str
    node: str = ""
    more: Any = None


_tables: dict[int, dict[tuple[str, str], Known]] = {}
_inventories: list[Inventory] = []


def table_of(inventory: Inventory) -> dict[tuple[str, str], Known]:
    """Return what each (host, command) means; one table for each inventory."""
    found = _tables.get(id(inventory))
    if found is None:
        _inventories.append(inventory)  # kept, so that no other one gets its id
        found = _tables[id(inventory)] = _made(inventory)
    return found


def forget() -> None:
    """Forget all tables."""
    _tables.clear()
    _inventories.clear()


def _made(inventory: Inventory) -> dict[tuple[str, str], Known]:
    table: dict[tuple[str, str], Known] = {}
    for name, host in inventory.hosts.items():
        table[name, ":"] = table[name, "true"] = Known("nothing")
        table[name, managers.managers_part(host, 1.0).command] = Known("managers")

    def add(node: str, command: str | None, does: str, more: Any = None) -> None:
        there = inventory.host_of(node)
        if command is not None and there is not None:
            table[there.name, command] = Known(does, node, more)

    for node in (*inventory.web_nodes, *inventory.database.instances, *inventory.balancers):
        service = (inventory.web_nodes.get(node) or inventory.database.instances.get(node) or inventory.balancers[node]).service
        assert service is not None
        add(node, status_command(service), "status")
        for verb in ("start", "stop", "enable", "disable"):
            add(node, service_command(service, verb, node), verb)
    for name in inventory.database.instances:
        _database(inventory, name, lambda command, does, more=None, name=name: add(name, command, does, more))
        fence = inventory.database.instances[name].fence
        if fence is not None:
            table[str(fence.host), shlex.join(fence.command)] = Known("fence-off", name)
            table[str(fence.host), shlex.join(fence.verify)] = Known("fence-status", name)
    for name, web_node in inventory.web_nodes.items():
        part = connection.connection_part(inventory, web_node, 1.0)
        if part is not None:
            add(name, part.command, "points-at")
            for instance in inventory.database.instances:
                add(name, switch_database._set_command(web_node, instance), "point", instance)
        if (asked := keys.keys_part(web_node, 1.0)) is not None:
            add(name, asked.command, "keys", len(web_node.key_files))
    for name, each in inventory.balancers.items():
        add(name, dump_command(each), "dump")
        add(name, f"cat -- {each.include}", "include")
        for is_kept in (False, True):
            add(name, balancing._write_command(each, is_kept=is_kept), "write-include")
        add(name, balancing._restore_command(each), "restore-include")
        add(name, balancing.reload_command(each), "reload")
    for backup in inventory.backups.values():
        table[backup.host, backups.backup_part(backup, 1.0).command] = Known("backup", "", backup)
    return table


def _database(inventory: Inventory, name: str, add: Callable[..., None]) -> None:
    instance = inventory.database.instances[name]
    service = instance.service
    assert service is not None
    part = control.control_part(instance, 1.0)
    assert part is not None
    add(part.command, "control")
    program = f"{instance.bin_directory}/pg_controldata" if instance.bin_directory else "pg_controldata"
    add(f"LC_ALL=C {program} -D {instance.data_directory}", "control-file")
    marked = quarantine_probe.quarantine_part(instance, 1.0)
    assert marked is not None
    add(marked.command, "look-quarantine")
    add(remains_command(instance), "remains")
    add(promote_command(inventory, name), "promote")
    add(fence._kill_command(instance), "kill")
    stops = {COSTS["stop-primary"].timeout_s, COSTS["fence"].timeout_s, COSTS["fence"].timeout_s / 3, 20.0}
    for limit_s in stops:
        add(stop_primary.stop_command(instance, service, name, limit_s), "stop-clean", limit_s)
    step = Step("stop-primary", "", "stop-primary", name, instance.host, timeout_s=COSTS["stop-primary"].timeout_s)
    add(stop_primary._stop_and_look(inventory, step), "stop-and-look", step.timeout_s)
    marker = quarantine._marker(inventory, name)
    add(quarantine._mark_command(inventory, name), "mark")
    add(f"[ ! -e {marker} ] || mv -f {marker} {marker}.lifted", "unmark")
    for other in inventory.database.instances:
        conninfo = follow.declared_way(inventory, name, other)
        if conninfo is not None:
            make_slot, write, start = follow._commands(inventory, name, conninfo)
            add(make_slot, "make-slot", other)
            add(write, "follow", other)
            add(start, "start-standby")
        if conninfo is not None:
            add(follow.drop_command(inventory, name, conninfo, follow.slot_of(name)), "drop-slot", other)
        let_go = follow.let_go_command(inventory, other, name)
        if let_go is not None:
            add(let_go, "drop-slot", other)
    for timeline in range(2, 12):
        add(f"cat -- {instance.data_directory}/pg_wal/{timeline:08X}.history", "history", timeline)


@lru_cache(maxsize=1024)
def parts_of(command: str) -> tuple[tuple[str, str], ...] | None:
    """Return key and command of each part of a host probe's question; None when it is none."""
    lines = command.split("\n")
    if not lines[0].startswith(": ppsconsole asks for "):
        return None
    found: list[tuple[str, str]] = []
    text = command
    while "printf '@@ppsconsole %s\\n' " in text:
        _, _, text = text.partition("printf '@@ppsconsole %s\\n' ")
        key, _, text = text.partition("\n( ")
        body, _, text = text.partition("\n)\nprintf '\\n@@ppsconsole-end %s\\n' $?")
        found.append((key, body))
    return tuple(found)
