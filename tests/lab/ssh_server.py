"""SSH servers in this process, on 127.x addresses, that really run commands: for the tests of the SSH driver."""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from ppsconsole.clock import SystemClock
from ppsconsole.cluster.picture import CommandRecord
from ppsconsole.drivers.ssh import SshPool
from ppsconsole.inventory.limits import Polling
from ppsconsole.inventory.model import Cluster, DatabaseGroup, Host, Inventory, Site, SshAccess


class _Login(asyncssh.SSHServer):
    def __init__(self, owner: "SshServer") -> None:
        self._owner = owner

    def connection_made(self, conn):
        self._owner.connections.append(conn)

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        if not self._owner.forwards:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")
        return True


@dataclass
class SshServer:
    address: str
    port: int = 0
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    host_certificate: asyncssh.SSHCertificate | None = None
    authorized: asyncssh.SSHKey | None = None
    authority: asyncssh.SSHKey | None = None
    forwards: bool = True
    connections: list = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    running: int = 0
    acceptor: asyncssh.SSHAcceptor | None = None

    async def start(self) -> None:
        lines = []
        if self.authorized is not None:
            lines.append(self.authorized.export_public_key().decode())
        if self.authority is not None:
            lines.append("cert-authority " + self.authority.export_public_key().decode())
        keys = self.host_key if self.host_certificate is None else (self.host_key, self.host_certificate)
        self.acceptor = await asyncssh.create_server(
            lambda: _Login(self),
            self.address,
            self.port,
            server_host_keys=[keys],
            authorized_client_keys=asyncssh.import_authorized_keys("".join(lines)),
            process_factory=self._run,
            encoding=None,
            login_timeout=120,
        )
        self.port = self.acceptor.get_port()

    async def stop(self) -> None:
        if self.acceptor is not None:
            self.acceptor.close()
            self.drop()
            await self.acceptor.wait_closed()
            self.acceptor = None

    def drop(self) -> None:
        for connection in self.connections:
            connection.abort()
        self.connections.clear()

    async def _run(self, process: asyncssh.SSHServerProcess) -> None:
        self.commands.append(process.command or "")
        self.running += 1
        child = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            process.command or "true",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        pumps = [
            asyncio.ensure_future(each)
            for each in (
                _pump(process.stdin, child.stdin, is_input=True),
                _pump(child.stdout, process.stdout),
                _pump(child.stderr, process.stderr),
            )
        ]
        done = asyncio.ensure_future(_ended(child, pumps[1:]))
        closed = asyncio.ensure_future(process.channel.wait_closed())
        try:
            await asyncio.wait({closed, done}, return_when=asyncio.FIRST_COMPLETED)
            if not closed.done():
                if child.returncode is not None and child.returncode < 0:
                    process.exit_with_signal(signal.Signals(-child.returncode).name.removeprefix("SIG"))
                else:
                    process.exit(child.returncode or 0)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child._transport.close()  # output that nobody reads would keep the pipes open, and with them the wait
            await child.wait()
            for each in (*pumps, done, closed):
                each.cancel()
            await asyncio.gather(*pumps, done, closed, return_exceptions=True)
            self.running -= 1

    def known(self, key: asyncssh.SSHKey | None = None) -> str:
        """The line of known_hosts for this server."""
        return f"[{self.address}]:{self.port} {(key or self.host_key).export_public_key().decode()}"


async def _ended(child, pumps) -> None:
    await asyncio.wait(pumps)
    await child.wait()


async def _pump(source, target, *, is_input: bool = False) -> None:
    with suppress(OSError, asyncssh.Error):
        while chunk := await source.read(65536):
            target.write(chunk)
            await target.drain()
    if is_input:
        target.close()


class World:
    """Some SSH servers, the files that log in to them, and a pool."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client_key = asyncssh.generate_private_key("ssh-ed25519")
        self.key_file = folder / "id"
        self.client_key.write_private_key(str(self.key_file))
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.write_text("")
        self.servers: dict[str, SshServer] = {}
        self.hosts: dict[str, Host] = {}
        self.records: list[CommandRecord] = []
        self.pools: list[SshPool] = []

    async def add(
        self, name: str, address: str, *, via: tuple[str, ...] = (), is_known: bool = True, access: dict | None = None, **server
    ) -> SshServer:
        self.servers[name] = made = SshServer(address, authorized=self.client_key, **server)
        await made.start()
        if is_known:
            with self.known_hosts.open("a") as file:
                file.write(made.known())
        self.declare(name, address, made.port, via=via, **(access or {}))
        return made

    def declare(self, name: str, address: str, port: int | None, *, via: tuple[str, ...] = (), **access) -> None:
        settings = {
            "user": "ops",
            "port": port,
            "key": str(self.key_file),
            "known_hosts": str(self.known_hosts),
            "config": "",
            "connect_timeout_s": 60.0,
        }
        self.hosts[name] = Host(name, "A", address, via=via, ssh=SshAccess(**{**settings, **access}))

    def pool(self, **polling) -> SshPool:
        inventory = Inventory(
            "x.yaml",
            Cluster("c", "lab"),
            {"A": Site("A")},
            self.hosts,
            {},
            DatabaseGroup("postgres", "pps", {}),
            polling=Polling(**polling),
        )
        self.pools.append(SshPool(inventory, SystemClock(), self.records.append))
        return self.pools[-1]

    async def __aenter__(self) -> "World":
        return self

    async def __aexit__(self, *_: object) -> None:
        for pool in self.pools:
            await pool.aclose()
        for server in self.servers.values():
            await server.stop()
