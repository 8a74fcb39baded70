"""What became of the console's own logins, kept between commands: a login that was refused is not tried again by the next one.

Wrong logins lock accounts, and `ppsconsole status` may stand in somebody's crontab.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

from ppsconsole.inventory import private
from ppsconsole.inventory.places import state_home
from ppsconsole.inventory.secret import SecretRef

KEPT = 20
KEPT_S = 600.0
"""How many logins count, and for how long: what was an hour ago says nothing of now."""


@dataclass(frozen=True, slots=True)
class Try:
    """One login.

    Attributes:
        at: Seconds since 1970 UTC.
        took_s: None without an answer.
        words: Why it did not get in; empty when it did.
    """

    at: float
    is_in: bool
    took_s: float | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Logins:
    """The last logins.

    Attributes:
        tries: Oldest first.
        refused: What was refused the last time (see `mark_of`); empty when the last login was not refused.
    """

    tries: tuple[Try, ...] = ()
    refused: str = ""

    def after(self, one: Try, refused: str) -> "Logins":
        """Return the logins with one more; `refused` is its mark when it was refused, empty otherwise."""
        recent = [each for each in self.tries if 0.0 <= one.at - each.at <= KEPT_S]
        return replace(self, tries=(*recent, one)[-KEPT:], refused=refused)

    def percent(self, now: float) -> float | None:
        """Return the share of the last logins that got in; None without any."""
        recent = [each.is_in for each in self.tries if 0.0 <= now - each.at <= KEPT_S]
        return round(100.0 * sum(recent) / len(recent), 1) if recent else None


def mark_of(account: str, reference: SecretRef) -> str:
    """Return what tells one account and place of its password from another, and a file from what it was before it was changed.

    Nothing of the password is in it.
    """
    changed = ""
    if reference.scheme == "file":
        with suppress(OSError):
            changed = str(os.stat(os.path.expanduser(reference.rest)).st_mtime_ns)
    return f"{account} {reference} {changed}".strip()


def recall(service: str, folder: Path | None = None) -> Logins:
    """Return the last logins to `service` (a cluster's name and address) from this machine; none where that cannot be read."""
    try:
        found = json.loads(_path(service, folder).read_text(encoding="utf-8"))
        return Logins(tuple(Try(**each) for each in found["tries"]), str(found["refused"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Logins()


def keep(service: str, logins: Logins, folder: Path | None = None) -> None:
    """Keep them for the next command; where the disk refuses, this process still knows."""
    path = _path(service, folder)
    with suppress(OSError):
        private.write(path, json.dumps(asdict(logins)))


def _path(service: str, folder: Path | None) -> Path:
    name = sha256(service.encode()).hexdigest()[:16]  # a name may hold what a file's may not
    return (folder or state_home() / "logins") / f"{name}.json"
