"""All connections of a server of a lab taken by real sessions that sit idle, and each that comes free taken at once."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.lab.conftest import Lab, wait_for
from tests.lab.fault_scene import LIMIT_S
from tests.lab.test_restore import logged_in

_EVERY_S = 0.05


@dataclass
class Hoard:
    """The sessions of clients that never give one back.

    They log in as superuser: the connections that are reserved for superusers are gone as well. Whose session ends meanwhile (a
    console's, a web node's) does not get in again, and a server that is started anew is full at once.
    """

    lab: Lab
    host: str
    _held: "list[psycopg.Connection[tuple[Any, ...]]]" = field(default_factory=list)
    _failed: list[BaseException] = field(default_factory=list)
    _is_full: threading.Event = field(default_factory=threading.Event)
    _is_over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Take all that there are, and go on."""
        self._thread = threading.Thread(target=self._take)
        self._thread.start()
        wait_for(lambda: self._is_full.is_set() or bool(self._failed), f"no connection of {self.host} is left", LIMIT_S)
        assert not self._failed, self._failed

    def rest(self) -> list[int]:
        """Take no more, and keep what is held; return the process ids of those sessions on the server."""
        self._is_over.set()
        if self._thread is not None:
            self._thread.join(LIMIT_S)
            assert not self._thread.is_alive()
        assert not self._failed, self._failed
        return [each.info.backend_pid for each in self._held if not each.closed]

    def end(self) -> None:
        """Give all of them back, and wait until the server has let them go."""
        self.rest()
        for each in self._held:
            each.close()
        wait_for(self._is_let_go, f"{self.host} has its connections back", LIMIT_S)

    def _is_let_go(self) -> bool:
        try:
            with logged_in(self.lab, self.host) as connection:
                found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'somebody-else'")
                return found.fetchall() == [(1,)]
        except psycopg.OperationalError as error:
            return "refused" in str(error)  # nothing runs there

    def _take(self) -> None:
        try:
            while not self._is_over.is_set():
                try:
                    self._held.append(logged_in(self.lab, self.host))
                except psycopg.OperationalError as error:
                    if "too many clients" in str(error):
                        self._is_full.set()
                    self._is_over.wait(_EVERY_S)
        except BaseException as error:
            self._failed.append(error)


@contextlib.contextmanager
def all_taken(lab: Lab, host: str) -> Iterator[Hoard]:
    """Hold every connection of the server on `host` while the block runs."""
    hoard = Hoard(lab, host)
    try:
        hoard.begin()
        yield hoard
    finally:
        hoard.end()
