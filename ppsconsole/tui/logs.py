"""Where the console reads logs from: hosts, over connections of its own, or a double of them."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, Protocol

from ppsconsole.clock import Clock
from ppsconsole.errors import PpsConsoleError
from ppsconsole.inventory.model import Instance, Inventory

if TYPE_CHECKING:
    from ppsconsole.draw.node import LogTail
    from ppsconsole.drivers.base import OnCommand
    from ppsconsole.drivers.log import FoundLogs, LogSource
    from ppsconsole.drivers.log_reading import News
    from ppsconsole.probes.tools import Tools

FIRST_LINES = 1000
"""Lines of a log's end that are read when it is opened."""

_QUERY_S = 10.0


class Logs(Protocol):
    """Finds and reads logs."""

    async def find(self, node: str) -> "FoundLogs":
        """Return the logs of a node."""
        ...

    async def tail(self, node: str, count: int) -> "LogTail":
        """Return the end of a node's first log; why there is none is told in its words."""
        ...

    def follow(self, source: "LogSource") -> "AsyncGenerator[News, None]":
        """Yield the end of a log and then what comes, until it is closed."""
        ...

    async def aclose(self) -> None:
        """Let go of everything."""
        ...


class HostLogs:
    """Reads logs over SSH. Its connections are not those of the probes: a flood in a log delays no probe and no run.

    Args:
        inventory: What was declared.
        clock: Waits between attempts.
        on_command: Told of everything that is sent.
    """

    def __init__(self, inventory: Inventory, clock: Clock, on_command: "OnCommand") -> None:
        self._inventory, self._clock, self._on_command = inventory, clock, on_command
        self._tools: Tools | None = None

    async def find(self, node: str) -> "FoundLogs":
        """Return the logs of `node`."""
        from ppsconsole.drivers.log_finding import find_logs

        return await find_logs(self._inventory, node, self._opened().ssh, self._query)

    async def tail(self, node: str, count: int) -> "LogTail":
        """Return the end of the first log of `node`; why there is none is told in its words."""
        from ppsconsole.draw.node import LogTail
        from ppsconsole.drivers.log_reading import read_tail

        found = await self.find(node)
        if not found.sources:
            return LogTail(words=found.words)
        source = found.sources[0]
        try:
            return LogTail(source.said(), tuple(await read_tail(self._opened().ssh, source, count)))
        except PpsConsoleError as error:
            return LogTail(source.said(), words=str(error))

    def follow(self, source: "LogSource") -> "AsyncGenerator[News, None]":
        """Yield the end of a log and then what comes, across dropped lines."""
        from ppsconsole.drivers.log_reading import follow_on

        return follow_on(self._opened().ssh, source, FIRST_LINES, self._clock)

    async def aclose(self) -> None:
        """Close the connections."""
        tools, self._tools = self._tools, None
        if tools is not None:
            await tools.aclose()

    def _opened(self) -> "Tools":
        if self._tools is None:
            from ppsconsole.probes.tools import Tools

            self._tools = Tools(self._inventory, self._clock, self._on_command)
        return self._tools

    async def _query(self, instance: Instance, sql: str) -> list[tuple[Any, ...]]:
        return await self._opened().postgres.execute(instance, sql, timeout_s=_QUERY_S)
