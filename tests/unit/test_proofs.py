"""Proofs by value: each thing that a fence, a clean stop and a salvage look at, when it alone is otherwise, leaves no proof.

The same is shown on a real lab, where one fault mostly changes several of these at once.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ppsconsole.actions import salvage as salvaging
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.clock import SystemClock
from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import RunError, TimedOut, Unreachable
from ppsconsole.inventory.model import FenceCommand, Inventory
from ppsconsole.plan.proof import FenceProof, Rung
from ppsconsole.plan.step import Step
from tests.unit.runbook_cases import declared, fine, plan

SYSTEM = "7000000000000000001"


@dataclass
class Hosts:
    """What hosts and servers answer; a test changes one thing of it."""

    state: str = "stopped"
    enabled: str = "disabled"
    left: str = ""
    control: str = "shut down"
    system: str = SYSTEM
    is_open: bool = False
    fence_said: str = "Status: OFF"
    fence_exit: int = 2
    silent: frozenset[str] = frozenset()
    standing: tuple[Any, ...] = (True, SYSTEM, 1, "0/3000128", "0/3000128", False, None, False)
    free_kb: int = 1 << 30
    sums: dict[str, str] = field(default_factory=dict)

    async def look(self, host: str, command: str, *, timeout_s: float = 10.0) -> CommandResult:
        if host in self.silent:
            raise TimedOut("no answer within 8s", where=host)
        if command.endswith(" status") and "service" in command:
            return said(f"state={self.state} enabled={self.enabled}\n")
        if command == "fence status":
            return replace(said(f"asking\n{self.fence_said}\n"), exit_status=self.fence_exit)
        if command.startswith("df "):
            return said(f"/dev/x 9 9 {self.free_kb} 9% /\n")
        if command.startswith("head "):
            return said(f"{told} -\n" if (told := self.sums.get(host, "aa")) else "")
        assert "pg_controldata" in command, command
        return said(
            f"{self.left}Database system identifier: {self.system}\nDatabase cluster state: {self.control}\n"
            "Latest checkpoint location: 0/3000028\nLatest checkpoint's TimeLineID: 1\n"
        )

    async def reach(self, host: Any, address: str, port: int, *, timeout_s: float) -> None:
        if not self.is_open:
            raise Unreachable("connection refused", where=host.name, is_refused=True)

    async def execute(self, instance: Any, sql: str, **options: Any) -> list[tuple[Any, ...]]:
        return [self.standing]

    @property
    def ssh(self) -> "Hosts":
        return self

    @property
    def postgres(self) -> "Hosts":
        return self


def said(text: str) -> CommandResult:
    return CommandResult(0, text, "", 0.0)


def inventory() -> Inventory:
    plain = declared()
    fence = FenceCommand(("fence", "off"), ("fence", "status"), "Status: OFF", 2, host="bastion-a", timeout_s=0.1)
    instances = {**plain.database.instances, "db1": replace(plain.database.instances["db1"], fence=fence)}
    return replace(plain, database=replace(plain.database, instances=instances))


def bench(hosts: Hosts) -> Workbench:
    made = plan(fine(), "switchover", to="db2", inventory=inventory())
    return Workbench(inventory(), made, "run-1", SystemClock(), hosts, hosts, lambda words: None)  # type: ignore[arg-type]


def verified(hosts: Hosts, verb: str, node: str = "db1", answer: str = "", **arguments: str) -> Finding:
    step = Step(verb, verb, verb, node, timeout_s=0.1, arguments=arguments)
    working = bench(hosts)
    working.answers[step.id] = answer
    working.note(step, **NOTED)
    return asyncio.run(ACTIONS[verb].verify(working, step))


NOTED = {"was": "failed", "found": "failed", "end_lsn": "0/3000128", "timeline": 1, "system_identifier": SYSTEM}
WAYS: dict[str, tuple[str, str, dict[str, str]]] = {
    "clean stop": ("stop-primary", "db1", {}),
    "clean-stop": ("fence", "db1", {"rung": "clean-stop"}),
    "kept-down": ("fence", "db1", {"rung": "kept-down"}),
    "fence-command": ("fence", "db1", {"rung": "fence-command"}),
    "quiesced": ("fence", "db1", {"rung": "quiesced"}),
    "salvage": ("salvage", "db2", {"primary": "db1"}),
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look once: what is not so by value will not become so."""
    monkeypatch.setattr("ppsconsole.actions.fence._SETTLE_S", 0.0)
    monkeypatch.setattr("ppsconsole.actions.stop_primary.SETTLE_S", 0.0)


@pytest.mark.parametrize("way", WAYS)
def test_where_all_is_as_it_should_be_there_is_a_proof(way: str) -> None:
    verb, node, arguments = WAYS[way]
    found = verified(Hosts(), verb, node, **arguments)
    assert (found.state, len(found.proofs)) == ("yes", 1), found.words


RUNS = {"left": "process=77 postgres postgres: walwriter\n"}
PIDS = {"left": "pid=77\n"}


def standing(**changed: Any) -> dict[str, Any]:
    names = ("in_recovery", "system", "timeline", "received", "replayed", "paused", "receiver", "writable")
    return {"standing": tuple(changed.get(name, value) for name, value in zip(names, Hosts.standing, strict=True))}


@pytest.mark.parametrize(
    ("way", "changed"),
    [
        *((way, changed) for way in ("clean stop", "clean-stop", "kept-down") for changed in (RUNS, PIDS, {"is_open": True})),
        *((way, {"control": "in production"}) for way in ("clean stop", "clean-stop")),
        *((way, {"system": "8"}) for way in ("clean stop", "clean-stop")),
        ("kept-down", {"enabled": "enabled"}),
        ("kept-down", {"enabled": "unknown"}),
        ("fence-command", {"fence_exit": 0}),
        ("fence-command", {"fence_said": "Status: ON"}),
        ("fence-command", {"fence_said": "Status: OFF or not"}),
        ("fence-command", {"silent": frozenset({"bastion-a"})}),
        ("fence-command", {"is_open": True}),
        ("quiesced", {"state": "running"}),
        ("quiesced", {"enabled": "enabled"}),
        ("quiesced", {"silent": frozenset({"web2"})}),
        ("quiesced", {"is_open": True}),
        ("salvage", standing(replayed="0/3000120")),
        ("salvage", standing(replayed=None)),
        ("salvage", standing(timeline=2)),
        ("salvage", standing(system="8")),
    ],
)
def test_one_thing_that_is_otherwise_leaves_no_proof(way: str, changed: dict[str, Any]) -> None:
    verb, node, arguments = WAYS[way]
    found = verified(Hosts(**changed), verb, node, **arguments)
    assert found.state != "yes", found.words
    assert found.proofs == ()


@pytest.mark.parametrize(("typed", "expected"), [("", 0), ("  ", 0), ("I pulled its plug", 1)])
def test_a_statement_is_a_proof_only_when_somebody_made_it(typed: str, expected: int) -> None:
    assert len(verified(Hosts(), "fence", answer=typed, rung="attested").proofs) == expected


@pytest.mark.parametrize(
    ("was", "found", "expected"),
    [("failed", "failed", False), ("running", "failed", True), ("failed", "running", True), ("failed", None, True)],
)
def test_a_proof_says_whether_the_server_may_have_been_written_to(was: str, found: str | None, expected: bool) -> None:
    step = Step("fence", "fence", "fence", "db1", timeout_s=0.1, arguments={"rung": "kept-down"})
    working = bench(Hosts())
    working.note(step, was=was, **({} if found is None else {"found": found}))
    [proof] = asyncio.run(ACTIONS["fence"].verify(working, step)).proofs
    assert isinstance(proof, FenceProof)
    assert proof.is_found_running == expected


# --- before a salvage -------------------------------------------------------------------------------------------------


def prechecked(monkeypatch: pytest.MonkeyPatch, hosts: Hosts, *, is_fenced: bool = True) -> Finding:
    async def read(*_: Any) -> DeadWal:
        return DeadWal("db1", "db2", "0/3000060", 0.0, end_lsn="0/5000028", commits=2, segment_bytes=16 << 20)

    monkeypatch.setattr(salvaging, "read_dead_wal", read)
    working = bench(hosts)
    if is_fenced:
        working.proofs.append(FenceProof("db1", Rung.KEPT_DOWN, ("down",), 0.0, "run-1"))
    step = Step("salvage", "salvage", "salvage", "db2", timeout_s=1.0, arguments={"primary": "db1"})
    return asyncio.run(ACTIONS["salvage"].precheck(working, step))


BEHIND = standing(received="0/3000060", replayed="0/3000060")
ROOM_KB = 3 * (16 << 20) // 1024


def test_a_salvage_begins_only_behind_a_fence_on_a_standby_that_replays_and_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prechecked(monkeypatch, Hosts(**BEHIND, free_kb=2 * ROOM_KB)).state == "yes"
    assert prechecked(monkeypatch, Hosts(**BEHIND), is_fenced=False).state == "no"
    assert prechecked(monkeypatch, Hosts(**BEHIND, free_kb=2 * ROOM_KB - 1)).state == "no"
    for changed in ({"in_recovery": False}, {"paused": True}, {"received": None, "replayed": None}):
        hosts = Hosts(**standing(**{"received": "0/3000060", "replayed": "0/3000060", **changed}))
        assert prechecked(monkeypatch, hosts).state == "no", changed


@pytest.mark.parametrize(("sums", "is_same"), [({}, True), ({"db1": "bb"}, False), ({"db1": "", "db2": ""}, False)])
def test_two_logs_that_differ_before_the_fork_are_not_mixed(sums: dict[str, str], is_same: bool) -> None:
    way = salvaging._Way("db1", "/data/db1/pg_wal", "db2", "/data/db2/pg_wal", "/aside")
    working = bench(Hosts(sums=sums))
    with contextlib.nullcontext() if is_same else pytest.raises(RunError, match="nothing is brought"):
        asyncio.run(salvaging._same_so_far(working, way, "0" * 24, 96))
