"""Which database does a web node's stored connection setting name? One of two sides; the other is who is connected (sessions)."""

import shlex
from collections.abc import Mapping
from functools import partial

from ppsconsole.cluster.facts import node_subject
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Inventory, WebNode
from ppsconsole.masking import plain
from ppsconsole.probes.host import Part

NAMES = ("points_at",)


def connection_part(inventory: Inventory, web_node: WebNode, every_s: float) -> Part | None:
    """Return the question for the connection setting; None where no program on the host can tell it."""
    if web_node.switch.method != "command" or web_node.switch.program is None:
        return None
    command = f"{shlex.quote(web_node.switch.program)} get"
    parse = partial(_parse, names_of_instances(inventory))
    return Part(f"connection.{web_node.name}", node_subject(web_node.name), NAMES, command, every_s, parse)


def names_of_instances(inventory: Inventory) -> dict[str, str]:
    """Return the instance for every name and address that a setting may call it by, lower case."""
    known: dict[str, str] = {}
    for instance in inventory.database.instances.values():
        host = inventory.host_of(instance.name)
        candidates = [instance.name, instance.address, *instance.aliases]
        if host is not None:
            candidates += [host.address, host.hostname]
        for name in candidates:
            if name:
                known.setdefault(name.lower(), instance.name)
    return known


def _parse(known: Mapping[str, str], result: CommandResult) -> dict[str, object]:
    if result.exit_status != 0:
        raise ValueError("the program failed")
    words = dict(word.split("=", 1) for word in shlex.split(result.stdout) if "=" in word)
    host = words.get("host", "")
    if not host:
        raise ValueError("the setting names no host")
    return {"points_at": known.get(host.lower(), plain(host, 80)), "detail": f"database {plain(words.get('dbname', '?'), 80)}"}
