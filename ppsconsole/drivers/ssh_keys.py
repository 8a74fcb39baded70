"""Keys on both sides: which host keys are accepted, what is said of one that is not, and what the console logs in with.

Imports asyncssh; only `ppsconsole.drivers.ssh_connect` may import this, and only when a connection is made.
"""

import asyncio
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.known_hosts import SSHKnownHosts, match_known_hosts

from ppsconsole.drivers import secrets
from ppsconsole.errors import HostKeyRefused, LoginRefused
from ppsconsole.inventory.model import SshAccess
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.masking import plain

SYSTEM_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts"


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The host keys that are accepted, and where they stand.

    Attributes:
        paths: Files that are consulted, existing or not; the first one is where a new key belongs.
        missing: Those of them that do not exist.
        keys: What stands in the existing ones; with none existing this is empty, so that every key is refused.
    """

    paths: tuple[str, ...]
    missing: tuple[str, ...]
    keys: SSHKnownHosts

    @property
    def title(self) -> str:
        """The files as named in a message."""
        return ", ".join(self.paths) or "no known_hosts file at all"


class KnownHostsFiles:
    """Reads known_hosts files, each set of them once until one changes: a thousand hosts share one file."""

    def __init__(self) -> None:
        self._read: dict[tuple[tuple[str, int, int], ...], SSHKnownHosts] = {}

    def load(self, access: SshAccess, configured: Sequence[str] | None) -> KnownHosts:
        """Return the known hosts for one login.

        Args:
            access: Names a file of its own, or leaves it to the configuration.
            configured: `UserKnownHostsFile` and `GlobalKnownHostsFile` of the SSH configuration, None when neither is set.

        Raises:
            HostKeyRefused: A file exists and is not in the format of known_hosts, or may not be read.
        """
        if access.known_hosts is not None:
            named: Sequence[str] = (access.known_hosts,)
        elif configured is not None:
            named = configured
        else:
            named = ("~/.ssh/known_hosts", SYSTEM_KNOWN_HOSTS)
        paths = tuple(os.path.expanduser(name) for name in named)
        stamps = []
        for path in paths:
            try:
                state = os.stat(path)
            except OSError:
                continue
            stamps.append((path, state.st_mtime_ns, state.st_size))
        key = tuple(stamps)
        if key not in self._read:
            self._read[key] = _read([path for path, _, _ in stamps])
        existing = {path for path, _, _ in stamps}
        return KnownHosts(paths, tuple(path for path in paths if path not in existing), self._read[key])


def _read(paths: Sequence[str]) -> SSHKnownHosts:
    keys = SSHKnownHosts()
    for path in paths:
        try:
            keys.load(Path(path).read_text())
        except (OSError, ValueError) as error:
            raise HostKeyRefused(
                f"the known_hosts file {path} cannot be used: {plain(str(error))}",
                remedy="Correct that file; nothing is trusted until then",
            ) from error
    return keys


def host_key_refusal(
    known: KnownHosts, looked_up: str, port: int, offered: "asyncssh.SSHKey | None", reason: str, where: str
) -> HostKeyRefused:
    """Return the error for a host whose key was not accepted.

    Args:
        known: What was accepted.
        port: Where it was connected to.
        where: The host's name.
        looked_up: The name under which the key was looked up: the address, or `HostKeyAlias`.
        offered: The key that the host showed, or that signed its certificate; None when it is not known.
        reason: What the SSH library said.
    """
    entry = looked_up if port == 22 else f"[{looked_up}]:{port}"
    host_keys, authorities, revoked, *_ = match_known_hosts(known.keys, looked_up, "", None if port == 22 else port)
    shown = (
        f"{offered.get_algorithm()} {offered.get_fingerprint()}" if offered is not None else "a key that it did not get to show"
    )
    if "revoked" in reason or (offered is not None and offered in revoked):
        return HostKeyRefused(
            f"the key of {entry} ({shown}) is marked as revoked in {known.title}",
            where=where,
            remedy="Do not log in; ask whoever revoked it",
        )
    if offered is None and "certificate" in reason.lower():
        trusted = ", ".join(key.get_fingerprint() for key in authorities)
        return HostKeyRefused(
            f"the host certificate of {entry} is not valid: {plain(reason)} ({known.title} trusts the authority {trusted})",
            where=where,
            remedy="Renew the host's certificate, or the names in it",
        )
    if host_keys or authorities:
        expected = ", ".join(key.get_fingerprint() for key in (*host_keys, *authorities))
        return HostKeyRefused(
            f"CHANGED host key: {entry} offers {shown}, but {known.title} holds {expected}",
            where=where,
            remedy=(
                "Either the host was installed anew or something stands in between. Compare with `ssh-keygen -lf` on the "
                "host's own console; only then: "
                f"ssh-keygen -R {shlex.quote(entry)} -f {shlex.quote(known.paths[0])}, and add the new key"
            ),
        )
    lacking = f"; {', '.join(known.missing)} does not exist" if known.missing and len(known.missing) == len(known.paths) else ""
    first = known.paths[0] if known.paths else "a known_hosts file, and name it in the inventory"
    return HostKeyRefused(
        f"unknown host key: {entry} offers {shown}, and {known.title} has no key for it{lacking}",
        where=where,
        remedy=f"Compare it with `ssh-keygen -lf` on the host's own console, then add the line for {entry} to {first}",
    )


class Credentials:
    """Loads private keys, each once: opening one that has a passphrase takes a good part of a second of computing.

    Also where all hosts are logged in to at the same moment: a key opened for each of them would keep both cores busy until the
    first look is given up.
    """

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str | None, SecretRef | None], dict[str, Any]] = {}
        self._loading: dict[tuple[str, str | None, SecretRef | None], asyncio.Task[dict[str, Any]]] = {}

    async def options(self, access: SshAccess, where: str) -> dict[str, Any]:
        """Return the connection options that log in with what the inventory declares; empty when it leaves that open.

        Raises:
            LoginRefused: The key or the certificate cannot be used.
            SecretError: The passphrase does not resolve.
        """
        if access.key is None:
            if access.passphrase is None:
                return {}
            return {"passphrase": await secrets.resolve(access.passphrase)}
        key = (access.key, access.certificate, access.passphrase)
        if key not in self._loaded:
            if key not in self._loading:
                self._loading[key] = loading = asyncio.ensure_future(
                    _opened(access.key, access.certificate, access.passphrase, where)
                )
                loading.add_done_callback(lambda ended: self._ended(key, ended))
            try:
                return await asyncio.shield(self._loading[key])  # who gives up leaves it to the others
            except LoginRefused as error:
                raise LoginRefused(error.what, where=where, remedy=error.remedy) from None
        return self._loaded[key]

    def _ended(self, key: tuple[str, str | None, SecretRef | None], loading: "asyncio.Task[dict[str, Any]]") -> None:
        """Keep what was loaded; what failed is tried again by the next login: the file may be mended by then."""
        del self._loading[key]
        if not loading.cancelled() and loading.exception() is None:
            self._loaded[key] = loading.result()


async def _opened(key: str, certificate: str | None, reference: SecretRef | None, where: str) -> dict[str, Any]:
    passphrase = await secrets.resolve(reference) if reference is not None else None
    return await asyncio.to_thread(_load, key, certificate, passphrase, where)


def _load(key: str, certificate: str | None, passphrase: str | None, where: str) -> dict[str, Any]:
    path = os.path.expanduser(key)
    try:
        pair = asyncssh.read_private_key(path, passphrase)
        if certificate is None:
            # Given alone, asyncssh would try the agent first, and a full agent uses up the server's attempts.
            return {"client_keys": [pair], "agent_path": None}
        return {"client_keys": [(pair, asyncssh.read_certificate(os.path.expanduser(certificate)))], "agent_path": None}
    except OSError as error:
        raise LoginRefused(f"the key {error.filename or path} cannot be read: {error.strerror}", where=where) from error
    except asyncssh.KeyImportError as error:
        public = path if path.endswith(".pub") else path + ".pub"
        if passphrase is None and os.path.exists(public):
            # The private half is locked, or only in the agent: exactly that identity of the agent is used.
            return {"client_keys": [], "agent_identities": [public]}
        remedy = "Give its passphrase in the inventory, or put the key into the agent and its .pub beside it"
        raise LoginRefused(f"the key {path} cannot be used: {plain(str(error))}", where=where, remedy=remedy) from None
    except asyncssh.KeyEncryptionError as error:
        raise LoginRefused(
            f"the key {path} does not open: {plain(str(error))}", where=where, remedy="Check its passphrase"
        ) from None
