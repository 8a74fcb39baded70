"""What an inventory is made from where none is there yet: one table of questions for flags, prompts and the console's screen.

Answers are kept as they were typed, so that they can be shown again, changed, and kept in a draft. No secret is among them.
"""

import dataclasses
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from ppsconsole.errors import UsageError
from ppsconsole.inventory.kinds import NAME
from ppsconsole.inventory.secret_forms import SECRET_FORMS, is_reference

Round = Literal["hosts", "database", "web", "file"]
ROUNDS: tuple[Round, ...] = ("hosts", "database", "web", "file")
"""After the questions of a round, what they name is looked at; what was found is the default of the next round."""

MAIN_SITE = "main"

_LOGIN = re.compile(
    rf"(?:(?P<site>{NAME})=)?(?:(?P<user>[A-Za-z0-9._\\-]+)@)?(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<address>[A-Za-z0-9._-]+))"
    r"(?::(?P<port>[1-9]\d{0,4}))?"
)
_PLACE = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<address>[A-Za-z0-9._-]+))(?::(?P<port>[1-9]\d{0,4}))?")
_LOGIN_FORM = "[SITE=][USER@]HOST[:PORT], e.g. a=ops@db1.example.org:22"
_TLS_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
_MODES = ("active-passive", "active-active", "active-failover")
_ENVIRONMENTS = ("production", "test", "lab")


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that was said, as it was typed; the empty string or tuple where nothing was."""

    cluster: str = ""
    environment: str = ""
    bastion: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    key: str = ""
    known_hosts: str = ""
    ssh_config: str = ""
    db: str = ""
    db_name: str = ""
    db_user: str = ""
    db_password_ref: str = ""
    db_tls: str = ""
    front: str = ""
    ca: str = ""
    web: tuple[str, ...] = ()
    web_service: str = ""
    mode: str = ""
    out: str = ""

    def having(self, name: str, words: str) -> "Answers":
        """Return these answers with the one called `name` replaced by what was typed."""
        parts = tuple(re.split(r"[\s,]+", words.strip())) if words.strip() else ()
        value: Any = parts if isinstance(getattr(self, name), tuple) else words.strip()
        return dataclasses.replace(self, **{name: value})

    def said(self, name: str) -> str:
        """Return an answer as one line, as it could be typed again."""
        value = getattr(self, name)
        return " ".join(value) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True, slots=True)
class Login:
    """A host as it was named.

    Attributes:
        site: Its site; `main` where none was said.
        user: Who logs in; None leaves it to the SSH configuration.
    """

    site: str
    address: str
    user: str | None = None
    port: int | None = None

    @property
    def place(self) -> str:
        """What it is called until its own name is known."""
        return placed(self.address, self.port)


@dataclass(frozen=True, slots=True)
class Ask:
    """One question.

    Attributes:
        name: Of the field in `Answers`.
        flag: On the command line.
        prompt: What is asked, a few words.
        about: What it means, one or two sentences.
        refusal: Why an answer is none; empty when it is fine.
        default: What it is when nothing is said and nothing was found.
        is_required: An inventory cannot be written without it.
    """

    name: str
    flag: str
    round: Round
    prompt: str
    about: str
    refusal: Callable[[str], str] = lambda words: ""
    default: str = ""
    is_required: bool = False

    @property
    def is_many(self) -> bool:
        """Whether several may be named; the flag may be repeated then, and typed answers are parted by blanks."""
        return self.name in ("bastion", "ssh", "web")

    def refused(self, words: str) -> str:
        """Return why `words` cannot be taken as the answer; empty when they can."""
        words = words.strip()
        if not words:
            return f"{self.prompt}: an answer is needed" if self.is_required else ""
        parts = re.split(r"[\s,]+", words) if self.is_many else [words]
        return next((why for part in parts if (why := self.refusal(part))), "")


def login(words: str) -> Login:
    """Return the host that `[SITE=][USER@]HOST[:PORT]` names.

    Raises:
        UsageError: It has another form.
    """
    found = _LOGIN.fullmatch(words)
    if found is None or int(found["port"] or 1) > 65535:
        raise UsageError(f"{words[:80]!r} names no host", remedy=f"Write {_LOGIN_FORM}")
    port = int(found["port"]) if found["port"] else None
    return Login(found["site"] or MAIN_SITE, found["six"] or found["address"], found["user"], port)


def place(words: str, port: int) -> tuple[str, int]:
    """Return address and port of `HOST[:PORT]`, with `port` where none is said.

    Raises:
        UsageError: It has another form.
    """
    found = _PLACE.fullmatch(words)
    if found is None or int(found["port"] or 1) > 65535:
        raise UsageError(f"{words[:80]!r} is no HOST[:PORT]", remedy="Write a name or an address, a colon, and the port")
    return found["six"] or found["address"], int(found["port"] or port)


def placed(address: str, port: int | None) -> str:
    """Return address and port as one word; the port only where it was said."""
    shown = f"[{address}]" if ":" in address else address
    return shown if port is None else f"{shown}:{port}"


def _is(parse: Callable[[str], object]) -> Callable[[str], str]:
    def refusal(words: str) -> str:
        try:
            parse(words)
        except UsageError as error:
            return str(error)
        return ""

    return refusal


def _one_of(*allowed: str) -> Callable[[str], str]:
    return lambda words: "" if words in allowed else f"{words[:40]!r} is none of {', '.join(allowed)}"


def _url(words: str) -> str:
    try:
        parts = urlsplit(words)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if "@" in words:
        return "a user name or password has no place in this URL: take it out"
    return "" if is_good else f"{words[:80]!r} is no https:// address"


def _reference(words: str) -> str:
    # Never repeated: who types something else here types the password itself.
    return "" if is_reference(words) else f"that is no reference to a secret, and is not kept. Use {SECRET_FORMS}"


def _file(words: str) -> str:
    place = os.path.expanduser(words)
    return "" if os.path.isfile(place) and os.access(place, os.R_OK) else f"there is no file {words} that can be read"


def _file_or_none(words: str) -> str:
    return "" if words == "none" else _file(words)


ASKS: tuple[Ask, ...] = (
    Ask(
        "cluster",
        "--cluster",
        "hosts",
        "Name of the cluster",
        "What is typed later to confirm a step that cannot be undone.",
        is_required=True,
    ),
    Ask(
        "environment",
        "--environment",
        "hosts",
        "Environment",
        "production, test or lab: a lab never looks like production.",
        _one_of(*_ENVIRONMENTS),
        "production",
    ),
    Ask(
        "bastion",
        "--bastion",
        "hosts",
        "Bastions",
        f"Hosts to go through, as {_LOGIN_FORM}. Those of one site are a chain, the outermost first. Empty for none.",
        _is(login),
    ),
    Ask(
        "ssh",
        "--ssh",
        "hosts",
        "Hosts of the cluster",
        f"Databases, web nodes, balancers, as {_LOGIN_FORM}. Each is reached through the bastions of its site.",
        _is(login),
        is_required=True,
    ),
    Ask(
        "key",
        "--key",
        "hosts",
        "Private key",
        "The key to log in with: a file on this machine; empty for ~/.ssh/config and the agent.",
        _file,
    ),
    Ask(
        "known_hosts",
        "--known-hosts",
        "hosts",
        "Known hosts",
        "The host keys that are trusted: a file on this machine; empty for ~/.ssh/known_hosts.",
        _file,
    ),
    Ask(
        "ssh_config",
        "--ssh-config",
        "hosts",
        "SSH configuration",
        "Another file than ~/.ssh/config; the word none for none.",
        _file_or_none,
    ),
    Ask(
        "db",
        "--db",
        "database",
        "PostgreSQL primary",
        "HOST:PORT of the primary, one of the hosts above; its standbys are found from it.",
        _is(lambda words: place(words, 5432)),
        is_required=True,
    ),
    Ask("db_name", "--db-name", "database", "Database", "Name of the PPS database.", is_required=True),
    Ask(
        "db_user",
        "--db-user",
        "database",
        "Database account",
        "Account of the console, a member of pg_monitor.",
        is_required=True,
    ),
    Ask(
        "db_password_ref",
        "--db-password-ref",
        "database",
        "Where its password is found",
        f"Never the password itself: {SECRET_FORMS}. Empty leaves it to libpq's ~/.pgpass.",
        _reference,
    ),
    Ask(
        "db_tls",
        "--db-tls",
        "database",
        "TLS to the database",
        f"One of {', '.join(_TLS_MODES)}.",
        _one_of(*_TLS_MODES),
        "prefer",
    ),
    Ask("front", "--front", "database", "URL of the service", "What users type, through the balancer. Empty for none.", _url),
    Ask(
        "ca",
        "--ca",
        "database",
        "Certificate authority",
        "PEM file that signs the certificates; empty for the system's.",
        _file,
    ),
    Ask(
        "web",
        "--web",
        "web",
        "Web nodes",
        "HOST[:PORT] of each PPS server, hosts from above; left out, those that were found.",
        _is(lambda words: place(words, 10001)),
    ),
    Ask(
        "web_service",
        "--web-service",
        "web",
        "Service of the web nodes",
        "KIND:NAME of what starts PPS where none was found, e.g. systemd:pps, windows-service:Pleasant Password Server.",
        lambda words: (
            ""
            if re.fullmatch(r"(systemd|windows-service|iis-app-pool|command):\S.*", words)
            else "write KIND:NAME; KIND is systemd, windows-service, iis-app-pool or command (with the path of the program)"
        ),
    ),
    Ask("mode", "--mode", "web", "Mode", f"How many web nodes serve at a time: {', '.join(_MODES)}.", _one_of(*_MODES)),
    Ask("out", "--out", "file", "Where to write it", "A file that does not exist yet."),
)

_BY_NAME = {ask.name: ask for ask in ASKS}


def ask_for(name: str) -> Ask:
    """Return the question whose answer is called `name`."""
    return _BY_NAME[name]


def faults(answers: Answers) -> tuple[str, ...]:
    """Return what is missing or wrong, one line each, with the flag that it belongs to."""
    found = []
    for ask in ASKS:
        words = answers.said(ask.name)
        if ask.is_required and not words:
            found.append(f"{ask.flag} is missing: {ask.prompt}. {ask.about}")
        elif why := ask.refused(words):
            found.append(f"{ask.flag}: {why}")
    if not found:
        found = _doubles(answers)
    return tuple(found)


def _doubles(answers: Answers) -> list[str]:
    seen: set[tuple[str, int]] = set()
    found = []
    for words in (*answers.bastion, *answers.ssh):
        named = login(words)
        here = (named.address.lower(), named.port or 22)
        if here in seen:
            found.append(f"{named.place} is named twice")
        seen.add(here)
    return found
