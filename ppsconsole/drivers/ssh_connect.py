"""Makes one SSH connection: options from the inventory and from the SSH configuration, strict host keys, errors told apart.

Imports asyncssh; `ppsconsole.drivers.ssh` imports this module when the first connection is made.
"""

import asyncio
import os
import re
from dataclasses import dataclass
from typing import Any

import asyncssh

from ppsconsole.drivers.sockets import refused_socket, says_refused, says_timed_out
from ppsconsole.drivers.ssh_keys import Credentials, KnownHosts, KnownHostsFiles, host_key_refusal
from ppsconsole.errors import BadAnswer, BastionDown, DriverError, LoginRefused, TimedOut, Unreachable
from ppsconsole.inventory.model import Host, SshAccess
from ppsconsole.masking import plain

KEEPALIVE_EVERY_S = 5.0
KEEPALIVE_COUNT = 2
"""A line on which two keepalives in a row went unanswered is dead, after 10 to 15 s; its next use makes a new one."""


@dataclass(frozen=True, slots=True)
class Configured:
    """What the SSH configuration says of a host, as far as the console decides on it itself.

    Attributes:
        jumps: `ProxyJump`, split; used only where the inventory declares no bastions.
        known_hosts: `UserKnownHostsFile` and `GlobalKnownHostsFile`; None when neither is set.
        looked_up: The name under which its key stands in known_hosts.
    """

    jumps: tuple[str, ...]
    known_hosts: tuple[str, ...] | None
    looked_up: str
    port: int


class _Client(asyncssh.SSHClient):
    """Remembers the key that was not accepted. It accepts none: what known_hosts does not hold is refused."""

    def __init__(self) -> None:
        self.offered: asyncssh.SSHKey | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.offered = key
        return False

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.offered = key
        return False


class Connector:
    """Makes SSH connections; holds what they share, which is parsed known_hosts files and opened keys."""

    def __init__(self) -> None:
        self._known_hosts = KnownHostsFiles()
        self._credentials = Credentials()

    async def configured(self, host: Host) -> Configured:
        """Return what the SSH configuration says of `host`.

        Raises:
            DriverError: The configuration cannot be read.
        """
        paths = config_paths(host.ssh)
        if not paths:
            return Configured((), None, host.address, host.ssh.port or 22)
        try:
            options = await asyncio.to_thread(
                asyncssh.SSHClientConnectionOptions,
                host=host.address,
                port=host.ssh.port or (),
                username=host.ssh.user or (),
                config=paths,
                client_keys=None,
                known_hosts=None,  # only to look at the configuration: nothing is connected with these options
            )
        except (OSError, ValueError, asyncssh.Error) as error:
            raise DriverError(
                f"the SSH configuration {', '.join(paths)} cannot be used: {plain(str(error))}", where=host.name
            ) from error
        config: Any = options.config
        user_files, global_files = config.get("UserKnownHostsFile"), config.get("GlobalKnownHostsFile")
        known_hosts: tuple[str, ...] | None = None
        if user_files is not None or global_files is not None:
            known_hosts = (*(user_files if user_files is not None else ("~/.ssh/known_hosts",)), *(global_files or ()))
        jump = config.get("ProxyJump") or ""
        return Configured(
            tuple(each.strip() for each in jump.split(",") if each.strip()),
            known_hosts,
            config.get("HostKeyAlias") or options.host,
            options.port,
        )

    async def connect(
        self, host: Host, configured: Configured, tunnel: "asyncssh.SSHClientConnection | None", last_bastion: str | None
    ) -> "asyncssh.SSHClientConnection":
        """Log in to `host`.

        Args:
            host: Where to log in.
            configured: What `configured` returned for it.
            tunnel: The connection of the last bastion before it; None connects directly.
            last_bastion: Name of that bastion, for messages.

        Raises:
            DriverError: With the subclass that says what went wrong.
        """
        access = host.ssh
        known = self._known_hosts.load(access, configured.known_hosts)
        options: dict[str, Any] = {
            "config": config_paths(access) or None,
            "known_hosts": known.keys,
            "username": access.user or (),
            "agent_forwarding": False,
            "x11_forwarding": False,
            "keepalive_interval": KEEPALIVE_EVERY_S,
            "keepalive_count_max": KEEPALIVE_COUNT,
            "connect_timeout": access.connect_timeout_s,
            "login_timeout": access.connect_timeout_s,
            **await self._credentials.options(access, host.name),
        }
        if tunnel is not None:
            options["tunnel"] = tunnel
        client = _Client()
        try:
            return await _open(host, client, options)
        except asyncssh.KeyExchangeFailed as error:
            if "host key" not in str(error):
                raise _translated(error, host, configured, known, client, tunnel, last_bastion) from error
            # The host has none of the kinds of key that known_hosts holds for it: asked for any kind, it shows one, and is
            # refused by name.
            try:
                connection = await _open(host, client, {**options, "server_host_key_algs": "default"})
            except (asyncssh.Error, OSError) as second:
                raise _translated(second, host, configured, known, client, tunnel, last_bastion) from second
            connection.abort()
            raise BadAnswer(
                f"the SSH server changes its mind about its host keys: {plain(str(error))}", where=host.name
            ) from error
        except (asyncssh.Error, OSError, ValueError) as error:
            raise _translated(error, host, configured, known, client, tunnel, last_bastion) from error


def config_paths(access: SshAccess) -> list[str]:
    """Return the OpenSSH client configuration files that apply, as a list of zero or one path."""
    if access.config == "":
        return []
    if access.config is not None:
        return [os.path.expanduser(access.config)]
    default = os.path.expanduser("~/.ssh/config")
    return [default] if os.access(default, os.R_OK) else []


def jump_host(jump: str, behind: Host) -> Host:
    """Return one `[user@]host[:port]` of a `ProxyJump` as a host that is logged in to like the one `behind` it.

    The configuration file is consulted for it as well, as OpenSSH does.
    """
    user, _, place = jump.removeprefix("ssh://").rpartition("@")
    bracketed = re.fullmatch(r"\[(?P<address>[^]]+)\](?::(?P<port>\d+))?|(?P<name>[^:]+)(?::(?P<number>\d+))?", place)
    address, port = place, ""
    if bracketed is not None:
        address = bracketed["address"] or bracketed["name"]
        port = bracketed["port"] or bracketed["number"] or ""
    access = SshAccess(
        user=user or None,
        port=int(port) if port else None,
        passphrase=behind.ssh.passphrase,
        known_hosts=behind.ssh.known_hosts,
        config=behind.ssh.config,
        connect_timeout_s=behind.ssh.connect_timeout_s,
    )
    return Host(name=jump, site=behind.site, address=address, ssh=access)


async def _open(host: Host, client: _Client, options: dict[str, Any]) -> "asyncssh.SSHClientConnection":
    async with asyncio.timeout(host.ssh.connect_timeout_s):
        return await asyncssh.connect(host.address, host.ssh.port or (), client_factory=lambda: client, **options)


def _translated(
    error: Exception,
    host: Host,
    configured: Configured,
    known: KnownHosts,
    client: _Client,
    tunnel: "asyncssh.SSHClientConnection | None",
    last_bastion: str | None,
) -> DriverError:
    place = f"{host.address}:{configured.port}"
    said = plain(str(error))
    if isinstance(error, asyncssh.HostKeyNotVerifiable) or client.offered is not None:
        return host_key_refusal(known, configured.looked_up, configured.port, client.offered, str(error), host.name)
    if isinstance(error, asyncssh.PermissionDenied) or "authentication failures" in said:
        user = host.ssh.user or "the user of the SSH configuration"
        return LoginRefused(
            f"{place} did not accept the login of {user}: {said}",
            where=host.name,
            remedy="Check the user, and that one of the keys offered stands in its authorized_keys",
        )
    if tunnel is not None and tunnel.is_closed():
        return BastionDown(
            f"bastion {last_bastion} dropped its connection", where=host.name, remedy=f"See to {last_bastion} first"
        )
    if isinstance(error, asyncssh.ChannelOpenError):
        return refused_channel(error, host.name, place, last_bastion)
    if isinstance(error, TimeoutError):
        return TimedOut(f"no SSH login to {place} within {host.ssh.connect_timeout_s:g}s", where=host.name)
    if isinstance(error, asyncssh.ConnectionLost | ConnectionResetError | BrokenPipeError):
        return Unreachable(
            f"{place} closed the connection before the login",
            where=host.name,
            remedy="Is it an SSH server? A busy one refuses beyond its MaxStartups",
        )
    if isinstance(error, OSError):
        return refused_socket(error, host.name, place)
    return BadAnswer(f"no SSH session with {place}: {said}", where=host.name)


def refused_channel(error: "asyncssh.ChannelOpenError", where: str, place: str, bastion: str | None) -> DriverError:
    """Return the error for a TCP connection that a bastion was asked for and did not make."""
    said = plain(error.reason)
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return Unreachable(
            f"bastion {bastion} does not forward to {place}: {said}",
            where=where,
            remedy=f"See AllowTcpForwarding and PermitOpen on {bastion}",
        )
    if says_refused(error.reason):
        return Unreachable(
            f"{place} refused the connection, seen from {bastion}: nothing listens there", where=where, is_refused=True
        )
    if says_timed_out(error.reason):
        return TimedOut(f"no answer from {place}, seen from {bastion}", where=where)
    return Unreachable(f"no way to {place} from {bastion}: {said}", where=where)
