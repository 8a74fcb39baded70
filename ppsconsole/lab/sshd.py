"""An SSH server for every host: real logins, real commands on this machine, in the host's own folder."""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from typing import IO, Any

import asyncssh

from ppsconsole.errors import LabError
from ppsconsole.lab.account import Account
from ppsconsole.lab.children import Child, Children
from ppsconsole.lab.disks import cramped
from ppsconsole.lab.layout import LabHost

LOGIN = "lab"
_CHUNK_BYTES = 64 << 10

Forward = Callable[[str, int], tuple[str, int] | None]
"""Where a forwarded connection to an address and port goes, None when this host may not go there."""


class _Session(asyncssh.SSHServer):
    """One login."""

    def __init__(self, server: "HostServer") -> None:
        self._server = server
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if conn.get_extra_info("peername")[0] != self._server.origin:
            # There is one way to each host: its bastion, or for a bastion the road from outside.
            conn.abort()
            return
        self._connection = conn
        self._server.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._server.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == LOGIN and key.public_data == self._server.client_key.public_data

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        target = self._server.forward(dest_host, dest_port)
        if target is None or self._connection is None:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, f"{self._server.host.name} does not forward to {dest_host}:{dest_port}"
            )
        return self._connection.forward_connection(*target)


class HostServer:
    """The SSH server of one host.

    Attributes:
        host: Whose it is.
        origin: The only address that it takes connections from.
        connections: Those that are open.
        is_disk_full: Whether its commands find no room to write; see `ppsconsole.lab.disks`.
    """

    def __init__(
        self,
        host: LabHost,
        *,
        origin: str,
        host_key: asyncssh.SSHKey,
        client_key: asyncssh.SSHKey,
        forward: Forward,
        children: Children,
        account: Account,
        env: Mapping[str, str],
    ) -> None:
        self.host, self.origin, self.client_key, self.forward = host, origin, client_key, forward
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self.is_disk_full = False
        self._host_key, self._children, self._account, self._env = host_key, children, account, env
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._commands: dict[int, Child] = {}

    @property
    def is_running(self) -> bool:
        """Whether it listens."""
        return self._acceptor is not None

    async def start(self) -> None:
        """Listen at the host's address.

        Raises:
            LabError: Its port is taken.
        """
        if self._acceptor is not None:
            return
        port = self.host.ports["ssh"]
        try:
            self._acceptor = await asyncssh.create_server(
                lambda: _Session(self),
                self.host.address,
                port,
                server_host_keys=[self._host_key],
                process_factory=self._serve,
                encoding=None,
                line_editor=False,
                agent_forwarding=False,
                allow_scp=False,
                login_timeout=30,
            )
        except OSError as error:
            raise LabError(
                f"the SSH server could not listen at {self.host.address}:{port}: {error.strerror}", where=self.host.name
            ) from error

    def stop(self) -> None:
        """Close the server and drop every connection; the commands that run stay, as with a real one."""
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None
        for connection in list(self.connections):
            connection.abort()

    def command_pids(self) -> list[int]:
        """Return the shells that were started by a login and still run."""
        return [pid for pid, child in self._commands.items() if child.identity.is_alive]

    def _serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> Awaitable[None]:
        return self._run(process)

    async def _run(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        argv = ["/bin/sh"] if process.command is None else ["/bin/sh", "-c", process.command]
        argv = cramped(argv) if self.is_disk_full else argv
        try:
            child = self._children.spawn(
                argv,
                account=self._account,
                cwd=self.host.home,
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except LabError as error:
            process.stderr.write(f"{error}\n".encode())
            process.exit(126)
            await _closed(process)
            return
        self._commands[child.pid] = child
        popen = child.popen
        feeding = asyncio.ensure_future(_fed(process, popen.stdin))
        # asyncssh hangs up when the client does; the command itself goes on, as with a real server.
        with contextlib.suppress(asyncssh.Error, OSError):
            # An SSH channel has one EOF for both streams: sent at the end of stdout it would swallow the rest of stderr.
            await process.redirect(stdout=popen.stdout, stderr=popen.stderr, send_eof=False)
            await asyncio.gather(process.stdout.drain(), process.stderr.drain())
        status = await asyncio.shield(child.exited)
        feeding.cancel()
        await asyncio.wait({feeding})
        self._commands.pop(child.pid, None)
        with contextlib.suppress(asyncssh.Error, OSError):
            if status < 0:
                process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
            else:
                process.exit(status)
        await _closed(process)


async def _fed(process: "asyncssh.SSHServerProcess[bytes]", pipe: "IO[bytes] | None") -> None:
    """Give a command what the client sends, until the client ends it or is gone.

    asyncssh's own redirection loses the end of what is long: where it ends a pipe while that catches up, CPython's transport
    drops what is left (`_UnixWritePipeTransport._write_ready`).
    """
    assert pipe is not None
    transport, protocol = await asyncio.get_running_loop().connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
    writer = asyncio.StreamWriter(transport, protocol, None, asyncio.get_running_loop())
    try:
        # The client is gone or interrupts it, or the command reads no more.
        with contextlib.suppress(asyncssh.Error, asyncssh.BreakReceived, asyncssh.SignalReceived, OSError):
            while chunk := await process.stdin.read(_CHUNK_BYTES):
                writer.write(chunk)
                await writer.drain()
    finally:
        writer.close()


async def _closed(process: "asyncssh.SSHServerProcess[bytes]") -> None:
    """Let asyncssh put its redirections away; left to the garbage collector, they complain of not being awaited."""
    with contextlib.suppress(asyncssh.Error, OSError):
        await process.wait_closed()


def make_key() -> asyncssh.SSHKey:
    """Return a new ed25519 key."""
    return asyncssh.generate_private_key("ssh-ed25519")
