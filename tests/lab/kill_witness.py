"""Somebody who looks at both databases all the time, whether users write to two of them at once."""

import threading
from collections.abc import Callable

import psycopg

LOOK = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pps' AND NOT pg_is_in_recovery() HAVING count(*) > 0"
EVERY_S = 0.5


class Witness:
    """Looks until it is told to stop.

    Attributes:
        looks: How often both were looked at.
        seen: What was seen that must not be.
    """

    def __init__(self, ask: Callable[[str, str], list[tuple[int]]], hosts: tuple[str, ...] = ("db1", "db2")) -> None:
        self.looks, self.seen = 0, list[str]()
        self._ask, self._hosts = ask, hosts
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Witness":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self._is_over.wait(EVERY_S):
            found = {host: rows[0][0] for host in self._hosts if (rows := self._rows(host))}
            # Of two looks that lie apart the first may be of before, and the second of behind: it has to be so once more.
            if len(found) > 1 and (again := self._rows(next(iter(found)))):
                self.seen.append(f"users are in two primaries at once: {found}, then {again}")
            self.looks += 1

    def _rows(self, host: str) -> list[tuple[int]]:
        try:
            return self._ask(host, LOOK)
        except (psycopg.Error, OSError):
            return []
