"""Two hundred hosts by SSH and a hundred databases: what our pools take, beside bare asyncssh and bare psycopg, in one run.

`python -m tests.bench fleet [--hosts N] [--databases N] [--rounds N]`. The hosts are a farm of asyncssh servers in a process
of its own, on the same cores; the databases are one real PostgreSQL, asked by as many kept connections. Each contender of each
round is a new process, in turns, which imports everything before anything is measured:

- cold: connect to all, as many at the same time, log in, run one command on each; known_hosts checked, the same key exchange;
- warm: the same command on all of them again, over the kept connections;
- jump: cold, each through the same bastion;
- poll: the console's own status query on all connections, kept; bare psycopg has it prepared.

CPU is that of the contender's process alone, memory what its resident set grew by while it connected. Exit 1 where a median
passes its limit.
"""

import argparse
import asyncio
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ppsconsole.clock import SystemClock
from ppsconsole.inventory.limits import Polling
from ppsconsole.inventory.model import Cluster, DatabaseGroup, Host, Instance, Inventory, Site, SshAccess
from tests.bench.farm import BASTION
from tests.lab.pg_pair import end_pair, make_pair, wheel_binaries

LIMITS = {"cold": 1.25, "warm": 1.3, "jump": 1.2, "poll": 1.5}
KIB_LIMIT = 60.0
WARM, POLLS = 7, 9
COMMAND = "true"


def run(argv: Sequence[str]) -> int:
    """Measure in turns, print the table, and return 1 where a limit is passed."""
    parser = argparse.ArgumentParser(prog="fleet", description=__doc__)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--databases", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--concurrency", type=int, default=64, help="connections made at the same time")
    options = parser.parse_args(argv)
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    with tempfile.TemporaryDirectory(prefix="ppsconsole-bench-") as name:
        folder = Path(name)
        farm = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.farm", name, str(options.hosts)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        pair = None
        try:
            assert farm.stdout is not None
            if farm.stdout.readline() != b"ready\n":
                raise RuntimeError("the farm did not start")
            pair = make_pair(wheel_binaries())
            pair.primary.stop()
            pair.primary.start(f"max_connections={options.databases + 20}")
            (folder / "database.json").write_text(json.dumps([pair.primary.address, pair.primary.port, options.databases]))
            for number in range(options.rounds + 1):
                for what in ("hosts", "jump", "poll"):
                    for who in ("ours", "bare") if number % 2 else ("bare", "ours"):
                        result = _contender(folder, who, what, options.concurrency)
                        if number:  # the first round warms up
                            found.setdefault(what, {}).setdefault(who, []).append(result)
                print(f"round {number} of {options.rounds}", file=sys.stderr)
        finally:
            if pair is not None:
                end_pair(pair)
            farm.communicate()
    return _told(found, options)


def _contender(folder: Path, who: str, what: str, concurrency: int) -> dict[str, float]:
    line = [sys.executable, "-m", "tests.bench.fleet", str(folder), who, what, str(concurrency)]
    done = subprocess.run(line, check=True, capture_output=True, text=True, timeout=600)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _told(found: dict[str, dict[str, list[dict[str, float]]]], options: argparse.Namespace) -> int:
    print(f"{options.hosts} hosts, {options.concurrency} at a time, {options.databases} databases, {options.rounds} rounds")
    print(f"{'':6} {'':5} {'wall ms, median (min to max)':>34}  {'CPU ms each':>11}  {'KiB each':>8}")
    is_within = True
    for name, what in (("cold", "hosts"), ("warm", "hosts"), ("jump", "jump"), ("poll", "poll")):
        walls: dict[str, float] = {}
        for who in ("bare", "ours"):
            measured = found[what][who]
            wall = [1000 * each[name] for each in measured]
            cpu = statistics.median(1000 * each[f"{name}_cpu"] for each in measured)
            kib = statistics.median(each["kib"] for each in measured) if name == "cold" else None
            walls[who] = statistics.median(wall)
            shown = f"{walls[who]:.0f} ({min(wall):.0f} to {max(wall):.0f})"
            print(f"{name:6} {who:5} {shown:>34}  {cpu:11.2f}  {'' if kib is None else f'{kib:8.1f}'}")
            is_within &= kib is None or who == "bare" or kib <= KIB_LIMIT
        ratio = walls["ours"] / walls["bare"]
        is_within &= ratio <= LIMITS[name]
        print(f"{name:6} ours / bare: {ratio:.2f} (meant to be at most {LIMITS[name]:g})")
    return 0 if is_within else 1


# --- one contender, in a process of its own -----------------------------------------------------------------------


async def _timed(act: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Return the seconds on the clock and of CPU that it took."""
    gc.collect()
    cpu, start = time.process_time(), time.perf_counter()
    await act()
    return time.perf_counter() - start, time.process_time() - cpu


def _resident_kib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024


async def _hosts(who: str, folder: Path, concurrency: int, *, is_jump: bool) -> dict[str, float]:
    places: dict[str, tuple[str, int]] = json.loads((folder / "farm.json").read_text())
    names = [name for name in places if name != BASTION]
    runner = _Ours(folder, places, concurrency, is_jump) if who == "ours" else _Bare(folder, places, concurrency, is_jump)
    await runner.ready()
    before = _resident_kib()

    async def all_of_them() -> None:
        outputs = await asyncio.gather(*(runner.command(name) for name in names))
        assert outputs == ["ok\n"] * len(names)

    try:
        wall, cpu = await _timed(all_of_them)
        kib = (_resident_kib() - before) / len(names)
        if is_jump:
            return {"jump": wall, "jump_cpu": cpu / len(names)}
        warm = [await _timed(all_of_them) for _ in range(WARM)]
    finally:
        await runner.close()
    each = _median(warm)
    return {"cold": wall, "cold_cpu": cpu / len(names), "kib": kib, "warm": each[0], "warm_cpu": each[1] / len(names)}


def _median(measured: Iterable[tuple[float, float]]) -> tuple[float, float]:
    walls, cpus = zip(*measured, strict=True)
    return statistics.median(walls), statistics.median(cpus)


class _Ours:
    def __init__(self, folder: Path, places: dict[str, tuple[str, int]], concurrency: int, is_jump: bool) -> None:
        from ppsconsole.drivers.ssh import SshPool

        def access(port: int) -> SshAccess:
            return SshAccess(
                user="ops",
                port=port,
                key=str(folder / "id"),
                known_hosts=str(folder / "known_hosts"),
                config="",
                connect_timeout_s=120.0,
            )

        hosts = {
            name: Host(name, "A", address, via=(BASTION,) if is_jump and name != BASTION else (), ssh=access(port))
            for name, (address, port) in places.items()
        }
        group = DatabaseGroup("postgres", "pps", {})
        polling = Polling(concurrency=concurrency)
        inventory = Inventory("x", Cluster("c", "lab"), {"A": Site("A")}, hosts, {}, group, polling=polling)
        self._hosts, self._pool, self._is_jump = hosts, SshPool(inventory, SystemClock(), lambda record: None), is_jump

    async def ready(self) -> None:
        """Have everything imported, and the bastion logged in to where there is one."""
        await self._pool._loaded()
        if self._is_jump:
            await self.command(BASTION)

    async def command(self, name: str) -> str:
        return (await self._pool.run(self._hosts[name], COMMAND, timeout_s=120.0)).stdout

    async def close(self) -> None:
        await self._pool.aclose()


class _Bare:
    def __init__(self, folder: Path, places: dict[str, tuple[str, int]], concurrency: int, is_jump: bool) -> None:
        self._folder, self._places, self._is_jump = folder, places, is_jump
        self._setups = asyncio.Semaphore(concurrency)
        self._kept: dict[str, Any] = {}

    async def ready(self) -> None:
        import asyncssh

        self._key = asyncssh.read_private_key(str(self._folder / "id"))
        self._known = asyncssh.read_known_hosts(str(self._folder / "known_hosts"))
        if self._is_jump:
            await self.command(BASTION)

    async def command(self, name: str) -> str:
        import asyncssh

        if name not in self._kept:
            address, port = self._places[name]
            async with self._setups:
                self._kept[name] = await asyncssh.connect(
                    address,
                    port,
                    username="ops",
                    client_keys=[self._key],
                    known_hosts=self._known,
                    config=None,
                    agent_path=None,
                    tunnel=self._kept[BASTION] if self._is_jump and name != BASTION else None,
                    login_timeout=120,
                )
        result = await self._kept[name].run(COMMAND)
        return str(result.stdout)

    async def close(self) -> None:
        for connection in self._kept.values():
            connection.close()
        await asyncio.gather(*(connection.wait_closed() for connection in self._kept.values()))


async def _polls(who: str, folder: Path) -> dict[str, float]:
    from ppsconsole.drivers.postgres_connect import Session

    address, port, count = json.loads((folder / "database.json").read_text())
    instances = {f"db{number}": Instance(f"db{number}", address=address, port=port) for number in range(count)}
    group = DatabaseGroup("postgres", "pps", instances, user="postgres")
    session = Session()
    from ppsconsole.drivers.base import Endpoint

    await session.open(group, Endpoint(address, port), address, None, 60.0)
    statement = session.statement
    await session.close()
    if who == "ours":
        from ppsconsole.drivers.postgres import PostgresPool
        from ppsconsole.drivers.ssh import SshPool

        inventory = Inventory("x", Cluster("c", "lab"), {"A": Site("A")}, {}, {}, group)
        ssh = SshPool(inventory, SystemClock(), lambda record: None)
        pool = PostgresPool(inventory, ssh, SystemClock(), lambda record: None)

        async def once() -> None:
            await asyncio.gather(*(pool.status(instance, timeout_s=120.0) for instance in instances.values()))

        close = pool.aclose
    else:
        import psycopg

        place = f"host={address} port={port} user=postgres dbname=pps"
        kept = [await psycopg.AsyncConnection.connect(place, autocommit=True) for _ in instances]

        async def ask(connection: "psycopg.AsyncConnection[Any]") -> None:
            await (await connection.execute(statement.encode(), prepare=True)).fetchall()

        async def once() -> None:
            await asyncio.gather(*(ask(connection) for connection in kept))

        async def close() -> None:
            for connection in kept:
                await connection.close()

    try:
        for _ in range(8):  # connected, and prepared where that is done after some uses
            await once()
        wall, cpu = _median([await _timed(once) for _ in range(POLLS)])
    finally:
        await close()
    return {"poll": wall, "poll_cpu": cpu / count}


def _main(folder: Path, who: str, what: str, concurrency: int) -> None:
    os.environ.pop("SSH_AUTH_SOCK", None)
    work = _polls(who, folder) if what == "poll" else _hosts(who, folder, concurrency, is_jump=what == "jump")
    print(json.dumps(asyncio.run(work)))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
