"""Does a user get in? One login through the front with the account that the inventory names for it (law 11).

At the slow interval, one at a time, and never again after a refusal until somebody asks for it: wrong logins lock accounts.
"""

from hashlib import sha256
from pathlib import Path

from ppsconsole.clock import Clock, iso
from ppsconsole.cluster.facts import CLUSTER_SUBJECT, Fact
from ppsconsole.cluster.picture import CommandRecord
from ppsconsole.drivers import secrets
from ppsconsole.drivers.base import OnCommand
from ppsconsole.drivers.web_login import LoginAnswer, log_in
from ppsconsole.errors import SecretError
from ppsconsole.inventory.model import Inventory
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.masking import plain
from ppsconsole.probes import login_memory
from ppsconsole.probes.base import Stamp, stamp, words_of
from ppsconsole.probes.login_memory import Try, mark_of

NAMES = ("login_s", "login_percent")
_FAILING_EVERY_S = 5.0
STOPPED = "it is not tried again by itself, since wrong logins lock accounts: mend the password, then poll by hand"


def login_front(inventory: Inventory) -> str | None:
    """Return the URL that users log in at; None where none is declared."""
    fronts = (inventory.front_address(balancer) for balancer in inventory.balancers.values())
    return inventory.cluster.address or next((each for each in fronts if each is not None), None)


def login_account(inventory: Inventory) -> tuple[str, SecretRef] | None:
    """Return account and password reference for the login check, those of an active web node first; None where none has one.

    Accounts are kept in the database, which all web nodes share: it does not matter which of them answers.
    """
    nodes = sorted(inventory.web_nodes.values(), key=lambda each: each.declared != "active")
    found = ((node.account, node.account_password) for node in nodes)
    return next(((account, secret) for account, secret in found if account is not None and secret is not None), None)


class LoginProbe:
    """Logs in once in a while.

    Args:
        inventory: Names front, account and intervals.
        url: The front.
        account: Who logs in, and where the password is found.
        clock: Time.
        on_command: Told of every login that is sent.
        folder: Where earlier logins are kept; None for the console's state folder.
    """

    def __init__(
        self,
        inventory: Inventory,
        url: str,
        account: tuple[str, SecretRef],
        clock: Clock,
        on_command: OnCommand,
        folder: Path | None = None,
    ) -> None:
        self._cluster = inventory.cluster
        self._polling = inventory.polling
        self._url = url
        self._account, self._reference = account
        self._clock = clock
        self._on_command = on_command
        self._folder = folder
        self._key = f"{self._cluster.name} {url}"  # labs have the same name all their lives
        self._logins = login_memory.recall(self._key, folder)
        self._refused_digest = ""
        self._is_allowed = False

    @property
    def target(self) -> str:
        """What is waited for."""
        return "login"

    @property
    def every_s(self) -> float:
        """Seconds between two logins: the slow interval; sooner after one that failed without being refused, to see it end."""
        slow_s = self._polling.slow_every_s
        is_failing = bool(self._logins.tries) and not self._logins.tries[-1].is_in and not self._logins.refused
        return min(slow_s, max(_FAILING_EVERY_S, self._polling.every_s)) if is_failing else slow_s

    def allow(self) -> None:
        """Let the next look try once more, although the last login was refused: somebody asked for it."""
        self._is_allowed = True

    async def read(self) -> tuple[Fact, ...]:
        """Log in, unless that would repeat a refused login, or another command of this machine has just done it."""
        now = self._clock.now()
        last = self._logins.tries[-1] if self._logins.tries else None
        is_allowed, self._is_allowed = self._is_allowed, False
        mark = mark_of(self._account, self._reference)
        is_refused = self._logins.refused == mark and last is not None
        is_recent = last is not None and last.is_in and 0.0 <= now - last.at < self.every_s * 0.5
        if last is not None and is_recent and not is_allowed:
            return self._facts(last)
        try:
            password = await secrets.resolve(self._reference)
        except SecretError as error:
            words = words_of(error)
            made = self._stamp()
            return (made.fact("login", "no-secret", words), *made.unknown(NAMES, words))
        digest = sha256(password.encode()).hexdigest()  # never written down: it only tells one password from the next
        if is_refused and last is not None and not is_allowed and self._refused_digest in ("", digest):
            words = f"refused at {iso(last.at)} ({last.words}); {STOPPED}"
            made = self._stamp()
            return (made.fact("login", "refused", plain(words, 400)), *made.unknown(NAMES, words))
        answer = await self._tried(password)
        del password
        self._refused_digest = digest if answer.is_refused else ""
        one = Try(self._clock.now(), answer.is_in, answer.took_s, "" if answer.is_in else answer.words)
        self._logins = self._logins.after(one, mark if answer.is_refused else "")
        login_memory.keep(self._key, self._logins, self._folder)
        return self._facts(one)

    async def _tried(self, password: str) -> LoginAnswer:
        at, started = self._clock.now(), self._clock.monotonic()
        outcome = "cancelled"
        try:
            timeout_s = self._polling.timeout_s
            answer = await log_in(self._url, self._account, password, ca=self._cluster.ca, timeout_s=timeout_s)
            outcome = "ok" if answer.is_in else "refused" if answer.is_refused else "failed"
            return answer
        finally:
            words = plain(f"(login as {self._account} at {self._url})")
            self._on_command(CommandRecord(at, "front", words, self._clock.monotonic() - started, outcome))

    def _facts(self, one: Try) -> tuple[Fact, ...]:
        made = self._stamp(one.at)
        percent = made.fact("login_percent", self._logins.percent(self._clock.now()))
        if one.is_in:
            return (made.fact("login", "ok"), made.fact("login_s", one.took_s), percent)
        word, words = ("refused", f"{one.words}; {STOPPED}") if self._logins.refused else ("failed", one.words)
        return (made.fact("login", word, plain(words, 400)), *made.unknown(("login_s",), words), percent)

    def _stamp(self, at: float | None = None) -> Stamp:
        polling = self._polling
        source = f"login as {self._account} at {self._url}"
        made = stamp(self._clock, CLUSTER_SUBJECT, source, polling.slow_every_s, polling.fresh_for, polling.timeout_s)
        return made if at is None else Stamp(made.subject, made.source, at, made.fresh_s)


def login_probe(inventory: Inventory, clock: Clock, on_command: OnCommand) -> LoginProbe | None:
    """Return the probe; None where front or account are not declared: then logins are `not checked`."""
    url, account = login_front(inventory), login_account(inventory)
    return None if url is None or account is None else LoginProbe(inventory, url, account, clock, on_command)
