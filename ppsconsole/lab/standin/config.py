"""What a stand-in is told at its start: its own configuration and the connection setting that the lab switches."""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppsconsole.errors import LabError

_DEFAULT_PASSWORD = "admin"


@dataclass(frozen=True, slots=True)
class ConnectionSetting:
    """Where the database is: the lab's equivalent of the connection string that PPS keeps in the registry.

    Attributes:
        host: A name that stands in the hosts file, or a loopback address.
        password: Resolved from `password_file` when the stand-in started; never shown.
    """

    host: str
    port: int
    dbname: str
    user: str
    password: str

    def __repr__(self) -> str:
        """Return the setting without its password."""
        return f"ConnectionSetting({self.user}@{self.host}:{self.port}/{self.dbname})"


@dataclass(frozen=True, slots=True)
class StandinConfig:
    """One stand-in, as its configuration file describes it. Relative paths count from that file's folder.

    Attributes:
        name: The web node's name; database sessions carry `pps:<name>`.
        address: The loopback address to listen on.
        hosts_file: Lines `ADDRESS NAME`, read again for every new database connection, as a resolver would; so it must be
            readable by `user`.
        pid_file: Written once the node listens; its folder must be writable by `user`.
        version: What `GetServerInfo` and `/Version` report as the server's version.
        user: `(uid, gid)` to run as after start, or None to stay who it is.
        admin_password: What the account `admin` gets when the tables are created; not applied to existing tables.
    """

    name: str
    address: str
    port: int
    certificate: Path
    key: Path
    connection: ConnectionSetting
    hosts_file: Path
    pid_file: Path
    log_file: Path
    version: str
    user: tuple[int, int] | None
    admin_password: str

    def __repr__(self) -> str:
        """Return name and address only: the rest holds secrets."""
        return f"StandinConfig({self.name} on {self.address}:{self.port})"


def read_config(path: Path) -> StandinConfig:
    """Return the configuration in `path`, with the connection setting and the password files that it names read as well.

    The connection setting is read here and nowhere else: as with a real service, a change needs a restart.

    Raises:
        LabError: When a file cannot be read, is not the JSON expected, lacks a key, or names an address off this machine.
    """
    document = _Document.read(path)
    password_file = document.optional_path("admin_password_file")
    return StandinConfig(
        name=document.text("name"),
        address=_loopback(document.text("address"), path),
        port=document.number("port"),
        certificate=document.path("certificate"),
        key=document.path("key"),
        connection=_read_connection(document.path("connection_file")),
        hosts_file=document.path("hosts_file"),
        pid_file=document.path("pid_file"),
        log_file=document.path("log_file"),
        version=document.text("version"),
        user=document.user(),
        admin_password=_read_secret(password_file) if password_file else _DEFAULT_PASSWORD,
    )


def resolve(host: str, hosts_file: Path) -> str:
    """Return the loopback address that `host` has in `hosts_file`; an address stands for itself.

    Only this file is asked, never the machine's resolver, so that a stand-in cannot leave the machine.

    Raises:
        LabError: When the file cannot be read, the name is not in it, or its address is not a loopback address.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return _loopback(host, hosts_file)
    for line in _read_text(hosts_file).splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if host.lower() in (name.lower() for name in names):
            return _loopback(address, hosts_file)
    raise LabError(f"the database host '{host}' is not in the hosts file", where=str(hosts_file), remedy=f"add 'ADDRESS {host}'")


@dataclass(frozen=True, slots=True)
class _Document:
    """A JSON object from a file, whose keys are taken by kind."""

    source: Path
    values: Mapping[str, Any]

    @classmethod
    def read(cls, source: Path) -> "_Document":
        try:
            values = json.loads(_read_text(source))
        except ValueError as error:
            raise LabError(f"not valid JSON: {error}", where=str(source)) from None
        if not isinstance(values, dict):
            raise LabError("a JSON object was expected", where=str(source))
        return cls(source, values)

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not value:
            raise LabError(f"'{key}' is missing or not a text", where=str(self.source))
        return value

    def number(self, key: str) -> int:
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536:
            raise LabError(f"'{key}' is missing or not a port (1 to 65535)", where=str(self.source))
        return value

    def path(self, key: str) -> Path:
        return self.source.parent / self.text(key)

    def optional_path(self, key: str) -> Path | None:
        return self.path(key) if self.values.get(key) is not None else None

    def user(self) -> tuple[int, int] | None:
        value = self.values.get("user")
        match value:
            case None:
                return None
            case [int() as uid, int() as gid]:
                return uid, gid
            case _:
                raise LabError("'user' is not [uid, gid]", where=str(self.source))


def _read_connection(path: Path) -> ConnectionSetting:
    document = _Document.read(path)
    return ConnectionSetting(
        host=document.text("host"),
        port=document.number("port"),
        dbname=document.text("dbname"),
        user=document.text("user"),
        password=_read_secret(document.path("password_file")),
    )


def _read_secret(path: Path) -> str:
    return _read_text(path).strip()


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"cannot be read: {error}", where=str(path)) from None


def _loopback(address: str, source: Path) -> str:
    """The stand-in's security is a toy, so it neither listens nor connects beyond this machine."""
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise LabError(f"'{address}' is not a loopback address", where=str(source), remedy="use one of 127.0.0.0/8")
    return address
