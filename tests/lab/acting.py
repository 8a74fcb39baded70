"""Actions on a real lab without the engine: guarded commands without a lease, a bench, and a client that counts its writes."""

import asyncio
import shlex
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.clock import SystemClock
from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.local import HERE, run_here
from ppsconsole.errors import WorldMoved
from ppsconsole.inventory.load import load
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Identity, Plan
from ppsconsole.plan.step import Step
from ppsconsole.probes.tools import Tools
from tests.lab.conftest import Lab

LIMIT_S = 240.0
NO_LOSS = Loss(LossTier.UNKNOWN)


class Bound:
    """Guarded commands bound to host name and system identifier; there is no lease here."""

    def __init__(self, inventory: Inventory, tools: Tools, identities: dict[str, Identity]) -> None:
        self._inventory, self._tools, self.identities = inventory, tools, identities
        self.acted: list[tuple[str, str]] = []

    async def look(self, host: str, command: str, *, timeout_s: float = 10.0) -> CommandResult:
        return await self._tools.ssh.run(self._inventory.hosts[host], command, timeout_s=timeout_s)

    async def arm(self, host: str, command: str, *, node: str | None = None, timeout_s: float = 8.0) -> None:
        """Stand ready for nothing: every act is sent the ordinary way."""

    async def act(
        self,
        host: str,
        command: str,
        *,
        node: str | None = None,
        stdin: str | None = None,
        timeout_s: float = 30.0,
        heard: Callable[[str], None] | None = None,
    ) -> CommandResult:
        guard = f'[ "$(hostname)" = {shlex.quote(host)} ] || exit 99; '
        identity = self.identities.get(node or "")
        if node is not None and identity is not None:
            instance = self._inventory.database.instances[node]
            control = (
                f"LC_ALL=C {shlex.quote(f'{instance.bin_directory}/pg_controldata')} -D {shlex.quote(identity.data_directory)}"
            )
            wanted = f"Database system identifier: *{identity.system_identifier}$"
            guard += f"{control} | grep -q {shlex.quote(wanted)} || exit 99; "
        self.acted.append((host, command))
        result = await self._tools.ssh.run(self._inventory.hosts[host], guard + command, stdin=stdin, timeout_s=timeout_s)
        if result.exit_status == 99:
            raise WorldMoved("it is not the one that was planned for", where=node or host)
        return result

    async def act_sql(self, node: str, sql: str, *, timeout_s: float = 30.0) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = await self._tools.postgres.execute(
            self._inventory.database.instances[node], sql, timeout_s=timeout_s
        )
        return rows

    async def act_here(self, argv: Sequence[str], *, timeout_s: float = 30.0) -> CommandResult:
        self.acted.append((HERE, shlex.join(argv)))
        return await run_here(argv, timeout_s=timeout_s)

    async def act_detached(
        self, host: str, name: str, command: str, *, node: str | None = None, timeout_s: float = 60.0
    ) -> CommandResult:
        return await self.act(host, command, node=node, timeout_s=timeout_s)


@dataclass
class Acting:
    """Carries steps out as the engine does: precheck, act, verify, and what they found kept."""

    bench: Workbench
    hosts: Bound
    said: list[str] = field(default_factory=list)

    async def do(self, verb: str, node: str, *, expect: str = "yes", **options: Any) -> Finding:
        """Carry out one step; `expect` is the state that its verification must come to."""
        made = step(verb, node, **options)
        self.add(made)
        action = ACTIONS[verb]
        found = await action.precheck(self.bench, made)
        assert found.state == "yes", found.words
        self.bench.note(made, **found.values)
        await action.act(self.bench, made)
        found = await action.verify(self.bench, made)
        assert found.state == expect, found.words
        self.bench.note(made, **found.values)
        self.bench.proofs.extend(found.proofs)
        return found

    async def undo(self, verb: str, node: str) -> Finding:
        """Undo the last step with `verb` on `node`."""
        made = next(each for each in reversed(self.bench.plan.steps) if (each.verb, each.node) == (verb, node))
        await ACTIONS[verb].undo(self.bench, made)
        found = await ACTIONS[verb].verify_undone(self.bench, made)
        assert found.state == "yes", found.words
        return found

    def add(self, made: Step) -> None:
        """Put a step into the plan."""
        others = tuple(each for each in self.bench.plan.steps if each.id != made.id)
        self.bench.plan = Plan(**{**_fields(self.bench.plan), "steps": (*others, made)})


def _fields(plan: Plan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in Plan.__slots__}


def step(verb: str, node: str, **options: Any) -> Step:
    options.setdefault("timeout_s", 30.0)
    return Step(id=f"{verb}-{node}", title=verb, verb=verb, node=node, **options)


@asynccontextmanager
async def acting(lab: Lab) -> AsyncIterator[Acting]:
    """Everything that a run works with, for the lab as it stands now."""
    inventory = load(str(lab.inventory))
    clock = SystemClock()
    tools = Tools(inventory, clock, lambda record: None)
    try:
        identities: dict[str, Identity] = {}
        for name, instance in inventory.database.instances.items():
            seen = await tools.postgres.status(instance, timeout_s=LIMIT_S)
            role = "standby" if seen.in_recovery else "primary"
            folder = instance.data_directory or ""
            identities[name] = Identity(name, str(instance.host), "", name, seen.system_identifier, folder, role, seen.timeline)
        plan = Plan("switchover", "lab", "", "", clock.now(), tuple(identities.values()), (), (), NO_LOSS, {}, 1.0)
        hosts = Bound(inventory, tools, identities)
        said: list[str] = []
        yield Acting(Workbench(inventory, plan, "run-1", clock, tools, hosts, said.append), hosts, said)
    finally:
        await tools.aclose()


class Writer:
    """A client of the database itself that writes all the time, wherever it may, and knows what was acknowledged to it.

    Attributes:
        acknowledged: Numbers whose commit came back, in order.
        longest_gap_s: Longest time between two acknowledged commits.
    """

    def __init__(self, lab: Lab) -> None:
        roads = [lab.road(f"web2>{name}:db") for name in ("db1", "db2")]
        self._conninfo = {
            "host": ",".join(address for address, _ in roads),
            "port": ",".join(str(port) for _, port in roads),
            "user": "pps",
            "password": (lab.home("web2") / "etc" / "database.password").read_text().strip(),
            "dbname": "pleasant",
            "target_session_attrs": "read-write",
            "connect_timeout": "2",
            "application_name": "writer",
        }
        self.acknowledged: list[int] = []
        self.longest_gap_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Writer":
        with self._connected() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS written (number bigint PRIMARY KEY)")
            connection.execute("TRUNCATE written")
        self._thread.start()
        self.wait_for(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()

    def wait_for(self, more: int) -> None:
        """Wait until `more` writes were acknowledged from now on."""
        limit, wanted = time.monotonic() + LIMIT_S, len(self.acknowledged) + more
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < limit, "the writer does not get through"
            time.sleep(0.01)

    def stored(self) -> set[int]:
        """Return what the database has."""
        with self._connected() as connection:
            return {row[0] for row in connection.execute("SELECT number FROM written")}

    def _connected(self) -> Any:
        import psycopg

        return psycopg.connect(**self._conninfo, autocommit=True)

    def _run(self) -> None:
        import psycopg

        number, last, connection = 0, time.monotonic(), None
        while not self._stop.is_set():
            try:
                connection = connection or self._connected()
                number += 1
                connection.execute("INSERT INTO written VALUES (%s)", (number,))
            except psycopg.Error:
                if connection is not None:
                    connection.close()
                connection = None
                self._stop.wait(0.002)
                continue
            now = time.monotonic()
            self.longest_gap_s = max(self.longest_gap_s, now - last)
            last = now
            self.acknowledged.append(number)
            self._stop.wait(0.003)
        if connection is not None:
            connection.close()


def run(main: Any) -> None:
    """Run a test's coroutine, with a limit."""
    asyncio.run(asyncio.wait_for(main, LIMIT_S))
