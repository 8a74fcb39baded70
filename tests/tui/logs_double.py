"""Logs of hosts that say what a test tells them to."""

import asyncio
from collections.abc import AsyncIterator

from ppsconsole.draw.node import LogTail
from ppsconsole.drivers.log import FoundLogs, LogSource
from ppsconsole.drivers.log_reading import News
from ppsconsole.inventory.model import Host


class LogsDouble:
    """Each node has the logs of `names`; lines are put in by `say`."""

    def __init__(self, *names: str, words: str = "") -> None:
        self.names, self.words = names, words
        self.queues: dict[str, asyncio.Queue[News]] = {}
        self.followed: list[str] = []
        self.left: list[str] = []
        self.tails: list[str] = []
        self.lines: tuple[str, ...] = ("the last line but one", "the last line")
        self.is_closed = False

    async def find(self, node: str) -> FoundLogs:
        host = Host(f"{node}-host", "a", "127.0.1.5")
        return FoundLogs(
            tuple(LogSource(node, host, "file", f"/var/log/{name}", "the inventory") for name in self.names), self.words
        )

    async def tail(self, node: str, count: int) -> LogTail:
        self.tails.append(node)
        return LogTail(f"{node}-host: /var/log/{self.names[0]}" if self.names else "", self.lines, self.words)

    async def follow(self, source: LogSource) -> AsyncIterator[News]:
        self.followed.append(source.name)
        try:
            while True:
                yield await self._queue(source.name).get()
        finally:
            self.left.append(source.name)

    async def aclose(self) -> None:
        self.is_closed = True

    def say(self, name: str, *lines: str, remark: str = "") -> None:
        self._queue(name).put_nowait(News(lines, remark))

    def _queue(self, name: str) -> "asyncio.Queue[News]":
        return self.queues.setdefault(name, asyncio.Queue())
