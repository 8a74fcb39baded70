"""Hosts for the tests of lease and guard: real SSH servers in this process, each with a home of its own."""

import asyncio
import os
from pathlib import Path

import asyncssh

from ppsconsole.engine.lease import Claim, Lease
from ppsconsole.inventory.model import Cluster, DatabaseGroup, Instance, Inventory, Site
from tests.lab.ssh_server import SshServer, World

DEADLINE_S = 180.0


class HomedServer(SshServer):
    """Runs commands with a home of its own, and goes on with them when the line drops, as real servers do."""

    home: Path
    hangs_on: str = ""
    path: str = ""
    """Comes before the folders in which programs are looked for."""

    async def _run(self, process: asyncssh.SSHServerProcess) -> None:
        self.commands.append(process.command or "")
        if self.hangs_on and self.hangs_on in (process.command or ""):
            await process.channel.wait_closed()
            return
        child = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            process.command or "true",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "HOME": str(self.home), "PATH": self.path + os.environ["PATH"]},
            cwd=self.home,
        )
        stdin = await process.stdin.read()
        stdout, stderr = await child.communicate(stdin)
        try:
            process.stdout.write(stdout)
            process.stderr.write(stderr)
            process.exit(child.returncode or 0)
        except (OSError, asyncssh.Error):
            pass


class Hosts(World):
    """h1 with db1, h2 with db2, h3 with nothing on it."""

    async def open(self, *names: str) -> "Hosts":
        for number, name in enumerate(names, 11):
            home = self.folder / name
            home.mkdir(exist_ok=True)
            server = HomedServer(f"127.0.6.{number}", authorized=self.client_key)
            server.home = home
            await server.start()
            self.servers[name] = server
            with self.known_hosts.open("a") as file:
                file.write(server.known())
            self.declare(name, server.address, server.port)
        return self

    def inventory(self) -> Inventory:
        instances = {f"db{name[1:]}": Instance(f"db{name[1:]}", host=name) for name in self.hosts}
        return Inventory(
            "x", Cluster("pps lab", "lab"), {"A": Site("A")}, self.hosts, {}, DatabaseGroup("postgres", "pps", instances)
        )

    def lease(self, run: str, clock, *, reason: str = "", required=("h2",), holder=None) -> Lease:
        claim = Claim("pps lab", run, "switchover", tuple(required), reason)
        return Lease(claim, self.inventory(), self.pool(), clock, holder=holder)

    def file(self, host: str, name: str) -> Path:
        return self.folder / host / ".ppsconsole" / "pps%20lab" / name

    def lines(self) -> dict[str, str]:
        found = {name: self.file(name, "lease") for name in self.hosts}
        return {name: path.read_text().splitlines()[0] for name, path in found.items() if path.exists()}


async def until(condition) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - files and signs of life announce themselves to nobody
            await asyncio.sleep(0.01)
