"""One real lab for all tests that need a cluster, and what they do with it."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import yaml

from tests.lab.kill_nursery import end_shared_nursery

START_LIMIT_S = 240.0
LIMIT_S = 90.0
"""What is waited for is a state: this is for when it never comes, on a machine that is slow and busy."""
SILENT_S = 1.0
"""What has not answered for so long is silent, where silence is expected."""


@dataclass
class Lab:
    """A lab in `folder`, driven through the commands that a user has."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yaml"

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.folder / "lab.json").read_text())

    def address(self, host: str) -> str:
        return self.state["hosts"][host]["address"]

    def home(self, host: str) -> Path:
        return Path(self.state["hosts"][host]["home"])

    def road(self, name: str) -> tuple[str, int]:
        """Return the entrance of the road `web1>db1:db`."""
        destination = name.partition(">")[2].partition(":")[0]
        return self.address(destination), self.state["roads"][name]["port"]

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `ppsconsole lab ...`."""
        return subprocess.run(
            [sys.executable, "-m", "ppsconsole", "lab", *arguments],
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            timeout=START_LIMIT_S,
            check=False,
        )

    def up(self, *options: str) -> "subprocess.CompletedProcess[str]":
        return self.command("up", "--detach", "--dir", str(self.folder), *options)

    def down(self) -> "subprocess.CompletedProcess[str]":
        return self.command("down", "--dir", str(self.folder))

    def fault(self, *arguments: str) -> str:
        done = self.command("fault", *arguments, "--dir", str(self.folder))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def heal(self, *nodes: str) -> str:
        done = self.command("heal", *nodes, "--dir", str(self.folder))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def nodes(self) -> dict[str, dict[str, Any]]:
        """Return what `lab status` says, by node; asked as the command asks, without a process of its own."""
        from ppsconsole.lab.control import call
        from ppsconsole.lab.launch import find_lab

        *_, answer = call(find_lab(str(self.folder)), {"verb": "status"})
        assert not isinstance(answer, str)
        return {node["name"]: node for node in answer["nodes"]}

    def ssh(self, host: str, *commands: str, stdin: str = "") -> list[asyncssh.SSHCompletedProcess]:
        """Run commands on a host, through its bastion, as the inventory says."""

        async def run() -> list[asyncssh.SSHCompletedProcess]:
            async with self.login(host) as connection:
                return [await connection.run(command, input=stdin) for command in commands]

        return asyncio.run(asyncio.wait_for(run(), LIMIT_S))

    def login(self, host: str) -> "Login":
        return Login(self, host)

    def sql(self, query: str, host: str = "db1") -> list[tuple[Any, ...]]:
        """Ask a database as the console does: forwarded by the bastion of its site."""
        import psycopg

        password = (self.folder / "database.password").read_text().strip()

        async def run() -> list[tuple[Any, ...]]:
            async with self.login(f"bastion-{self.state['hosts'][host]['site']}") as bastion:
                listener = await bastion.forward_local_port(
                    "127.0.0.1", 0, self.address(host), self.state["hosts"][host]["ports"]["db"]
                )
                async with await psycopg.AsyncConnection.connect(
                    host="127.0.0.1",
                    port=listener.get_port(),
                    user="ppsconsole",
                    password=password,
                    dbname="pleasant",
                    connect_timeout=60,
                    sslmode="disable",
                    autocommit=True,
                ) as connection:
                    return await (await connection.execute(query)).fetchall()

        return asyncio.run(asyncio.wait_for(run(), LIMIT_S))


class Login:
    """An SSH connection through the bastion, as a context."""

    def __init__(self, lab: Lab, host: str) -> None:
        self._lab, self._host = lab, host
        self._open: list[asyncssh.SSHClientConnection] = []

    async def __aenter__(self) -> asyncssh.SSHClientConnection:
        lab, told = self._lab, self._lab.state["hosts"][self._host]
        bastion = f"bastion-{told['site']}"
        options: dict[str, Any] = {
            "username": "lab",
            "client_keys": [str(lab.folder / "ssh_key")],
            "known_hosts": str(lab.folder / "known_hosts"),
            "config": None,
            "agent_path": None,
        }
        # The site of an alternate server has no bastion.
        entrance = bastion if bastion in lab.state["hosts"] else self._host
        self._open.append(await asyncssh.connect(*lab.road(f"console>{entrance}:ssh"), **options))
        if self._host != entrance:
            self._open.append(await asyncssh.connect(told["address"], told["ports"]["ssh"], tunnel=self._open[0], **options))
        return self._open[-1]

    async def __aexit__(self, *_: object) -> None:
        for connection in reversed(self._open):
            connection.close()
            await connection.wait_closed()


def wait_for(condition: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
    """Wait until `condition` holds; fail with `what` when it does not in time."""
    limit = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < limit, f"not within {limit_s:.0f}s: {what}"
        time.sleep(0.02)


async def refused_or_silent(address: tuple[str, int], limit_s: float = LIMIT_S) -> str:
    """Say how a TCP connect ends: `open`, `refused` or `silent`; where `silent` is expected, give it `SILENT_S`."""
    attempt: Awaitable[Any] = asyncio.open_connection(*address)
    try:
        _, writer = await asyncio.wait_for(attempt, limit_s)
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silent"
    writer.transport.abort()
    return "open"


def remains_of(state: dict[str, Any]) -> list[str]:
    """Return the processes of a lab that still run, by mark, by working directory and by record."""
    from ppsconsole.lab.layout import LAB_MARK
    from ppsconsole.lab.processes import ProcessId, marked, working_below

    homes = str(Path(state["hosts"]["db1"]["home"]).parent)
    pids = {*marked(LAB_MARK, state["id"]), *working_below(homes)}
    recorded = [state["supervisor"], state["keeper"], *state["servers"].values()]
    pids |= {pid for pid, start in recorded if ProcessId(pid, start).is_alive}
    left = []
    for pid in pids:
        # What ends between two looks is not left.
        with contextlib.suppress(OSError):
            left.append(f"{pid}: {Path(f'/proc/{pid}/cmdline').read_bytes()!r}")
    return left


def with_patience(lab: Lab) -> Lab:
    """Have looks at this lab wait long, and return it: for tests in which no host is silent, so that nobody waits in vain.

    A busy machine answers late, and not never; what it leaves unanswered changes plans, and stops runs.
    """
    told = yaml.safe_load(lab.inventory.read_text())
    told["polling"]["timeout_s"] = told["ssh"]["connect_timeout_s"] = 20
    lab.inventory.write_text(yaml.safe_dump(told, sort_keys=False))
    return lab


@contextlib.contextmanager
def running_lab(base: Path, *options: str) -> Iterator[Lab]:
    """A lab below the folder `base`, begun with these options and cleared away behind."""
    lab = Lab(base / "cluster", {"XDG_STATE_HOME": str(base / "lab-state")})
    done = lab.up(*options)
    assert done.returncode == 0, done.stderr
    try:
        yield lab
    finally:
        assert lab.down().returncode == 0


@pytest.fixture(scope="session", autouse=True)
def _no_nursery_left() -> Iterator[None]:
    yield
    end_shared_nursery()


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def lab(shared_lab: Lab) -> Iterator[Lab]:
    """The shared lab, whole before the test and healed after it."""
    yield shared_lab
    if any(node["faults"] or node["complaint"] or node["state"] != "running" for node in shared_lab.nodes().values()):
        shared_lab.heal()


@pytest.fixture
def own_lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab of the test's own, not started yet, cleared away after it."""
    lab = Lab(tmp_path / "own", {"XDG_STATE_HOME": str(tmp_path / "state")})
    yield lab
    if (lab.folder / "lab.json").exists():
        assert lab.down().returncode == 0


@pytest.fixture
def started_lab(own_lab: Lab) -> Lab:
    """A lab of the test's own that is up: for what cannot be healed, as a failover."""
    done = own_lab.up()
    assert done.returncode == 0, done.stderr
    return own_lab
