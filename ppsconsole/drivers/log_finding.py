"""Which logs a node has: those that the inventory names, else those that the node itself tells of."""

import posixpath
from collections.abc import Awaitable, Callable
from typing import Any

from ppsconsole.drivers.base import Shell
from ppsconsole.drivers.log import FoundLogs, LogSource
from ppsconsole.drivers.nginx import dump_command, log_files
from ppsconsole.errors import DriverError, PpsConsoleError
from ppsconsole.inventory.model import Balancer, Host, Instance, Inventory, Service
from ppsconsole.masking import plain

Query = Callable[[Instance, str], Awaitable[list[tuple[Any, ...]]]]
"""Runs one SQL statement on an instance and returns its rows; raises `DriverError` or `SecretError`."""

LOGFILE_SQL = "SELECT pg_current_logfile(), current_setting('data_directory')"
_DUMP_BYTES = 4 << 20  # as the probe of the members: whole configurations with all that they include
_TIMEOUT_S = 10.0


async def find_logs(inventory: Inventory, node: str, shell: Shell, query: Query) -> FoundLogs:
    """Return the logs of `node`; never raises for what a host or a database answers: that is told in the words.

    Args:
        inventory: What was declared.
        node: A bastion, balancer, web node, instance or alternate server.
        shell: Asks nginx.
        query: Asks PostgreSQL.
    """
    host = inventory.host_of(node)
    owner = (
        inventory.web_nodes.get(node)
        or inventory.database.instances.get(node)
        or inventory.balancers.get(node)
        or inventory.alternates.get(node)
    )
    if host is None:
        return FoundLogs((), f"{node} runs on no host of the inventory: its log is not reached from here")
    if host.platform == "windows":
        return FoundLogs((), f"{node} runs on Windows: logs are read from Linux hosts only so far; look at them on {host.name}")
    if owner is None:
        return _login_log(inventory, node, host)
    if owner.log:
        return FoundLogs(tuple(LogSource(node, host, "file", path, "the inventory") for path in owner.log))
    words = ""
    if isinstance(owner, Instance) and inventory.database.kind == "postgres":
        found = await _of_postgres(owner, host, query)
    elif isinstance(owner, Balancer) and owner.kind == "nginx":
        found = await _of_nginx(owner, host, shell)
    else:
        found = FoundLogs(())
    if found.sources:
        return found
    words = found.words
    unit = _unit(owner.service)
    if unit:
        return FoundLogs((LogSource(node, host, "journal", unit, "the service's unit"),), words)
    told = f"{words}. " if words else ""
    return FoundLogs((), f"{told}No log of {node} is known: name the file on {host.name} in the inventory, as {node}'s log: PATH")


def _unit(service: Service | None) -> str:
    return service.name or "" if service is not None and service.kind == "systemd" else ""


def _login_log(inventory: Inventory, node: str, host: Host) -> FoundLogs:
    if inventory.is_lab:
        # Its journal would be that of the machine on which the whole lab runs: somebody else's logins.
        return FoundLogs((), f"The SSH server of {node} is a part of the lab itself and keeps no log on its host")
    # Debian calls the unit ssh, others sshd; a unit that does not exist matches nothing.
    return FoundLogs((LogSource(node, host, "journal", "ssh sshd", "the unit of its SSH server"),))


async def _of_postgres(instance: Instance, host: Host, query: Query) -> FoundLogs:
    try:
        rows = await query(instance, LOGFILE_SQL)
    except PpsConsoleError as error:
        return FoundLogs((), f"{instance.name} could not be asked for its log: {error.what}")
    path, folder = (str(each) if each else "" for each in rows[0])
    if not path:
        return FoundLogs((), f"{instance.name} keeps no log file of its own (logging_collector is off)")
    place = posixpath.join(folder, path)  # an absolute path stays what it is
    if not place.startswith("/"):
        return FoundLogs((), f"{instance.name} logs to {plain(path)}, and does not tell its data directory")
    return FoundLogs((LogSource(instance.name, host, "file", place, f"{instance.name}: pg_current_logfile()"),))


async def _of_nginx(balancer: Balancer, host: Host, shell: Shell) -> FoundLogs:
    try:
        result = await shell.run(host, dump_command(balancer), timeout_s=_TIMEOUT_S, limit_bytes=_DUMP_BYTES)
        paths = log_files(result.stdout) if result.exit_status == 0 else ()
    except DriverError as error:
        return FoundLogs((), f"nginx on {host.name} could not be asked for its logs: {error.what}")
    if result.exit_status != 0:
        return FoundLogs((), f"nginx -T on {host.name} failed: {plain(result.stderr, 200)}")
    return FoundLogs(tuple(LogSource(balancer.name, host, "file", path, "nginx -T") for path in paths))
