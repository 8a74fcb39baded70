"""The load itself, as an object inside an event loop: workers that try operations at a pace, and what they counted."""

import asyncio
import contextlib
import random
import secrets
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from ppsconsole.clock import Clock, SystemClock, duration, iso
from ppsconsole.errors import LabError, LoginRefused, UsageError
from ppsconsole.lab.load_client import Front, FrontClient, Missing, NotAnswered, PasswordRefused, TokenRefused
from ppsconsole.lab.load_ledger import FolderRecord, Ledger, read_ledger
from ppsconsole.lab.load_report import LoadReport, LostWrite, Verification
from ppsconsole.lab.load_tally import Tally
from ppsconsole.masking import masker

T = TypeVar("T")

_TURNS = ("write", "read", "write", "read", "login", "read", "write", "read", "write", "read")
_FOLDER_SIZE = 500  # so that one folder is read back in one answer, however long the load ran
_REMEMBERED = 1000
_VERIFY_S = 30.0


class LoadGenerator:
    """A load on one front, from inside an event loop: `start`, `stop`, `verify`, `close`.

    Args:
        url: The front, https, on this machine.
        ca: The authority that signed its certificate, or None for the system's.
        account: A local account of the lab.
        password: Its password.
        ledger: The file that acknowledged writes are appended to.
        rate: Operations tried per second, at most; fewer while requests hang.
        clients: How many are under way at once, at most.
        timeout_s: After which an operation counts as failed.
        clock: Where time comes from.

    Raises:
        UsageError: When the front is not on this machine, or a number makes no sense.
    """

    def __init__(
        self,
        url: str,
        ca: Path | None,
        account: str,
        password: str,
        *,
        ledger: Path,
        rate: float = 50.0,
        clients: int = 4,
        timeout_s: float = 2.0,
        clock: Clock | None = None,
    ) -> None:
        if not 0 < rate <= 10_000 or not 0 < clients <= 1000:
            raise UsageError(f"rate {rate} and clients {clients} cannot be used", remedy="a rate up to 10000, up to 1000 clients")
        masker.add(password)
        self._front = Front.of(url)
        self._ca = ca
        self._account = account
        self._password = password
        self._interval_s = 1 / rate
        self._clients = clients
        self._timeout_s = timeout_s
        self._clock = clock or SystemClock()
        self._run_id = secrets.token_hex(4)
        self._ledger = Ledger(ledger)
        self._epoch = self._clock.now() - self._clock.monotonic()
        self._tallies = {kind: Tally(kind, self._epoch) for kind in ("writes", "reads", "logins")}
        self._began = self._clock.monotonic()
        self._ended: float | None = None
        self._due = self._began
        self._turn = 0
        self._token = ""
        self._folder = ""
        self._folder_lock = asyncio.Lock()
        self._in_folder = 0
        self._written = 0
        self._recent: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED)
        self._missing_reads = 0
        self._is_stopping = False
        self._client: FrontClient | None = None
        self._workers: list[asyncio.Task[None]] = []
        self.refused = asyncio.Event()
        """Set when the account's password was refused: the load tries no further, so that it locks no account."""

    async def start(self) -> None:
        """Log in once and begin. A front that does not answer is what a load is there to see; a wrong password is not.

        Raises:
            LoginRefused: When the account or its password is wrong.
            LabError: When the CA file cannot be used.
        """
        self._client = FrontClient(self._front, self._ca, self._clients)
        self._began = self._due = self._clock.monotonic()
        await self._login()
        if self.refused.is_set():
            raise LoginRefused(f"the account '{self._account}' or its password was refused", where=self._front.url)
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._clients)]

    async def stop(self) -> LoadReport:
        """Let operations under way end, try no more, and return the report."""
        self._is_stopping = True
        for worker in self._workers:
            await worker
        if self._ended is None:
            self._ended = self._clock.monotonic()
        return self.report()

    async def close(self) -> None:
        """Stop, and close connections and ledger."""
        await self.stop()
        if self._client is not None:
            await self._client.close()
        self._ledger.close()

    def report(self) -> LoadReport:
        """Return what has been counted so far."""
        at = self._ended if self._ended is not None else self._clock.monotonic()
        kinds = {kind: tally.report(at) for kind, tally in self._tallies.items()}
        return LoadReport(
            url=self._front.url,
            began_at=self._epoch + self._began,
            ended_at=self._epoch + at,
            writes=kinds["writes"],
            reads=kinds["reads"],
            logins=kinds["logins"],
            missing_reads=self._missing_reads,
        )

    async def verify(self, deadline_s: float = _VERIFY_S) -> Verification:
        """Read all acknowledged writes back through the front. To be called when the load was stopped.

        Args:
            deadline_s: How long a front that does not answer is asked again, for each folder.

        Raises:
            LabError: When the front does not answer: what was lost is then unknown.
        """
        lost: list[LostWrite] = []
        unacknowledged: list[str] = []
        duplicated: list[str] = []
        checked = 0
        for folder_id, written in read_ledger(self._ledger.path).items():
            found = await self._insist(partial(self._read_back, folder_id), deadline_s)
            checked += len(written.acknowledged)
            lost += _lost(written, {entry_id for entry_id, _ in found})
            names = Counter(name for _, name in found)
            unacknowledged += sorted((written.tried - written.acknowledged.keys()) & names.keys())
            duplicated += sorted(name for name, count in names.items() if count > 1)
        lost.sort(key=lambda each: each.acknowledged_at)
        return Verification(checked, tuple(lost), tuple(unacknowledged), tuple(duplicated))

    # one worker

    async def _work(self) -> None:
        while not self._is_stopping and not self.refused.is_set():
            await self._pace()
            turn = _TURNS[self._turn % len(_TURNS)]
            self._turn += 1
            if turn == "login" or not self._token:
                await self._login()
            elif turn == "write":
                await self._attempt("writes", self._write)
            else:
                await self._attempt("reads", self._read)

    async def _pace(self) -> None:
        now = self._clock.monotonic()
        due = max(self._due, now)
        self._due = due + self._interval_s
        if due > now:
            await self._clock.sleep(due - now)

    async def _attempt(self, kind: str, operation: Callable[[], Awaitable[object]]) -> None:
        tally = self._tallies[kind]
        began = self._clock.monotonic()
        tally.tried(began)
        try:
            async with asyncio.timeout(self._timeout_s):
                await operation()
        except TokenRefused as failure:
            self._token = ""
            tally.failed(str(failure))
        except NotAnswered as failure:
            tally.failed(str(failure))
        except PasswordRefused:
            self.refused.set()
            tally.failed("the password was refused")
        except TimeoutError:
            tally.failed(f"no answer within {duration(self._timeout_s)}")
        else:
            tally.acknowledged(began, self._clock.monotonic())

    async def _login(self) -> None:
        await self._attempt("logins", self._fetch_token)

    async def _fetch_token(self) -> None:
        self._token = await self._opened.login(self._account, self._password)

    async def _write(self) -> None:
        folder_id = await self._open_folder()
        self._written += 1
        name = f"load-{self._run_id}-{self._written}"
        self._ledger.tried(folder_id, name, self._clock.now())
        try:
            entry_id = await self._opened.create_entry(self._token, folder_id, name, secrets.token_urlsafe(12))
        except Missing:
            if self._folder == folder_id:
                self._folder = ""  # it was lost with the database that knew it: the next write makes a new one
            raise
        self._ledger.acknowledged(folder_id, name, entry_id, self._clock.now())
        self._recent.append((entry_id, name))

    async def _open_folder(self) -> str:
        async with self._folder_lock:
            if not self._folder or self._in_folder >= _FOLDER_SIZE:
                name = f"Load {iso(self._clock.now())} {self._run_id}"
                self._folder = await self._opened.create_folder(self._token, name)
                self._in_folder = 0
            self._in_folder += 1
            return self._folder

    async def _read(self) -> None:
        if not self._recent:
            await self._opened.read_root(self._token)
            return
        entry_id, name = known = random.choice(self._recent)
        try:
            found = await self._opened.read_entry(self._token, entry_id)
        except Missing:
            # An answer, so no outage; but a loss, which verification will list.
            self._missing_reads += 1
            with contextlib.suppress(ValueError):
                self._recent.remove(known)
            return
        if found != name:
            raise NotAnswered("another entry than asked for")

    # verification

    async def _read_back(self, folder_id: str) -> list[tuple[str, str]]:
        if not self._token:
            await self._fetch_token()
        try:
            return await self._opened.read_folder(self._token, folder_id)
        except TokenRefused:
            self._token = ""
            raise
        except Missing:
            return []

    async def _insist(self, operation: Callable[[], Awaitable[T]], deadline_s: float) -> T:
        until = self._clock.monotonic() + deadline_s
        while True:
            try:
                async with asyncio.timeout(max(self._timeout_s, deadline_s / 3)):
                    return await operation()
            except (NotAnswered, TimeoutError, PasswordRefused) as failure:
                if isinstance(failure, PasswordRefused) or self._clock.monotonic() >= until:
                    why = {TimeoutError: "no answer", PasswordRefused: "the password was refused"}.get(
                        type(failure), str(failure)
                    )
                    raise LabError(f"the writes could not be read back: {why}", where=self._front.url) from None
            await self._clock.sleep(0.1)

    @property
    def _opened(self) -> FrontClient:
        assert self._client is not None  # `start` came first
        return self._client


def _lost(written: FolderRecord, found: set[str]) -> list[LostWrite]:
    return [LostWrite(name, each.id, each.at) for name, each in written.acknowledged.items() if each.id not in found]
