"""The kept connections of an SSH pool, and the chains of hosts that lead to them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ppsconsole.drivers.base import Endpoint
from ppsconsole.errors import BadAnswer
from ppsconsole.inventory.model import Host, Inventory

if TYPE_CHECKING:
    import asyncssh

CHANNELS_PER_CONNECTION = 8
"""sshd allows ten sessions on one connection (MaxSessions); two are left to those that it has not cleared away yet."""

Chain = tuple[str, ...]
"""Names of the hosts that are logged in to one after the other; the last one is what the line leads to."""


@dataclass(slots=True)
class Line:
    """The kept connection to the end of one chain."""

    host: Host
    channels: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CHANNELS_PER_CONNECTION))
    connection: "asyncssh.SSHClientConnection | None" = None
    attempt: "asyncio.Task[asyncssh.SSHClientConnection] | None" = None


@dataclass(slots=True)
class Forward:
    """A port on this machine that leads to a place behind a host, over its connection."""

    connection: "asyncssh.SSHClientConnection"
    listener: "asyncssh.SSHListener"
    endpoint: Endpoint


def declared_bastions(inventory: Inventory, host: Host) -> Chain:
    """Return the hosts before `host` as they were declared; the outermost one's own bastions come before it.

    Raises:
        BadAnswer: They lead in a circle.
    """
    via = host.via
    seen = {host.name}
    while via and via[0] in inventory.hosts and inventory.hosts[via[0]].via:
        if via[0] in seen:
            raise BadAnswer(f"the bastions before {host.name} lead in a circle at {via[0]}", where=host.name)
        seen.add(via[0])
        via = (*inventory.hosts[via[0]].via, *via)
    return via


def finished(line: Line) -> Callable[["asyncio.Task[Any]"], None]:
    """Return what takes note that the attempt to connect a line has ended, however it did."""

    def done(task: "asyncio.Task[Any]") -> None:
        line.attempt = None
        if not task.cancelled():
            task.exception()  # seen: when every caller has gone, nobody else looks at it

    return done
