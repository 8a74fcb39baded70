"""Every shell command that the product composes for an inventory, gathered from its own functions.

Actions are run in all their phases with hosts that write down what they are sent; all others are called one by one. Which
functions were entered is written down too, so that a new one that nobody calls here is noticed.
"""

import ast
import asyncio
import shlex
import sys
import types
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import ppsconsole
from ppsconsole.actions import (
    alternate_home,
    balancer,
    boot_guard,
    bundle_collect,
    bundle_keep,
    bundle_store,
    bundle_write,
    clone,
    copy_facts,
    databases_aside,
    dead_wal,
    fence_command,
    follow,
    lost_log,
    lost_writes,
    remnant,
    repoint,
    salvage,
    set_aside,
    standby_start,
    wal_files,
    way_there,
)
from ppsconsole.actions.base import Workbench
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.cluster import remnant as cluster_remnant
from ppsconsole.drivers import log, service
from ppsconsole.drivers.base import CommandResult, Endpoint
from ppsconsole.engine import armed, binding, copies, detached, following, lease, lease_script
from ppsconsole.engine.stage import Stage
from ppsconsole.errors import PpsConsoleError
from ppsconsole.inventory.model import Host, Inventory
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step
from ppsconsole.probes import host as host_probe
from ppsconsole.probes import tools
from tests.unit import alternate_cases

_PACKAGE = Path(ppsconsole.__file__).parent
_ANSWERS = ("", "yes\n", "0\n", "000000010000000000000003 16777216 ab\n")
_OUTSIDE = ("lab", "cli", "tui")
"""What composes no command for a host of an operator."""

_OF_A_STORE = "quotes the path of a file in a store, whose other commands are composed here"
_REMEDY = "quotes for a person to copy, sends nothing"
_BOUND = "wraps what `_bound` composes with the same functions"
EXCUSED = {
    ("actions/bundle_read.py", "_settings"): _OF_A_STORE,
    ("actions/bundle_read.py", "check_bundle"): _OF_A_STORE,
    ("actions/bundle_read.py", "restore_bundle_into"): _OF_A_STORE,
    ("actions/bundle_verify.py", "_new_enough"): "quotes a program's path, as `bundle_write.dump_tool` does",
    ("drivers/secrets.py", "_from_file"): _REMEDY,
    ("drivers/secrets.py", "_from_keyring"): _REMEDY,
    ("drivers/ssh_keys.py", "host_key_refusal"): _REMEDY,
    ("engine/guard.py", "act"): _BOUND,
    ("engine/guard.py", "act_here"): "quotes for the record: the program itself is started without a shell",
    ("engine/guard.py", "arm"): _BOUND,
    ("engine/journal_engine.py", "translated"): _REMEDY,
    ("runbooks/items_settings.py", "libraries"): _REMEDY,
}
"""Functions that quote and are not entered, each with its reason."""


def quoting_functions() -> dict[tuple[str, str], int]:
    """Return the functions that quote for a shell: (module file in the package, name) with the line that each begins on."""
    found: dict[tuple[str, str], int] = {}
    for path in sorted(_PACKAGE.rglob("*.py")):
        place = path.relative_to(_PACKAGE).as_posix()
        if place.split("/")[0] in _OUTSIDE:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(map(_quotes, ast.walk(node))):
                found[place, node.name] = node.lineno
    return found


def _quotes(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "shlex"
        and node.attr in ("quote", "join")
    )


class Gathered:
    """What was sent, and who was entered.

    Attributes:
        commands: In the order they were composed, each once.
        entered: (module file in the package, name) of functions.
        sudo: Words with which `sudo` was started when they were run.
    """

    def __init__(self) -> None:
        self.commands: dict[str, None] = {}
        self.entered: set[tuple[str, str]] = set()
        self.sudo: set[tuple[str, ...]] = set()

    def note(self, *commands: str | None) -> None:
        """Take down commands."""
        self.commands.update(dict.fromkeys(each for each in commands if each))

    def watched(self, call: Callable[[], Any]) -> None:
        """Call, note what comes back as text, and take down which functions of the package were entered."""

        def enter(frame: types.FrameType, event: str, _: object) -> None:
            if event == "call" and frame.f_code.co_filename.startswith(str(_PACKAGE)):
                self.entered.add((frame.f_code.co_filename.removeprefix(f"{_PACKAGE}/"), frame.f_code.co_name))

        before = sys.getprofile()
        sys.setprofile(enter)
        try:
            found = call()
        finally:
            sys.setprofile(before)
        self.note(*([found] if isinstance(found, str) else found if isinstance(found, tuple | list) else ()))


class _Stop(Exception):
    """Waits for nothing."""


class _Clock:
    def now(self) -> float:
        return 1.0

    def monotonic(self) -> float:
        return 1.0

    async def sleep(self, delay_s: float) -> None:
        raise _Stop


class _Hosts:
    """Stands for guarded hosts and for the SSH driver: writes down what is sent, and answers all with the same words."""

    def __init__(self, gathered: Gathered, answer: str) -> None:
        self._gathered, self._answer = gathered, answer

    def _said(self, *commands: str) -> CommandResult:
        self._gathered.note(*commands)
        return CommandResult(0, self._answer, "", 0.01)

    async def look(self, host: str, command: str, **_: Any) -> CommandResult:
        return self._said(command)

    act = arm = look

    async def act_detached(self, host: str, name: str, command: str, **_: Any) -> CommandResult:
        return self._said(command)

    async def run(self, host: Host, command: str, **_: Any) -> CommandResult:
        return self._said(command)

    async def pipe(self, host: Host, command: str, **_: Any) -> "_Pipe":
        self._said(command)
        return _Pipe(self._answer)

    open = pipe

    async def act_here(self, argv: Iterable[str], **_: Any) -> CommandResult:
        return self._said()

    async def act_sql(self, node: str, sql: str, **_: Any) -> list[tuple[Any, ...]]:
        return []

    async def endpoint(self, host: Host, address: str, port: int, **_: Any) -> Endpoint:
        return Endpoint(address, port)


class _Pipe:
    is_over = True

    def __init__(self, answer: str) -> None:
        self._answer, self._rest = answer, [answer.encode()]

    async def read(self) -> bytes:
        return self._rest.pop() if self._rest else b""

    async def write(self, piece: bytes) -> None:
        return None

    async def line(self) -> str:
        return self._answer.strip()

    async def end(self, *_: Any, **__: Any) -> CommandResult:
        return CommandResult(0, self._answer, "", 0.01)

    async def cut(self) -> None:
        return None

    def send(self, text: str) -> None:
        return None


class _Databases:
    async def execute(self, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        return [("1", "0/3000060", "0/3000028")]

    async def status(self, *_: Any, **__: Any) -> Any:
        raise _Stop


def act_out(gathered: Gathered, inventory: Inventory, plan: Plan, step: Step) -> None:
    """Run every phase of a step as often as there are answers; what the hosts are sent is gathered, the rest does not matter."""
    action: Any = ACTIONS[step.verb]
    with suppress(PpsConsoleError):  # a step that its inventory does not fit sends nothing
        gathered.watched(lambda: [line.partition("$ ")[2] for line in action.commands(inventory, step) if "$ " in line])
    for answer in _ANSWERS:
        hosts = _Hosts(gathered, answer)
        tools = types.SimpleNamespace(ssh=hosts, postgres=_Databases(), on_command=lambda record: None)
        for phase in ("precheck", "act", "verify", "undo", "verify_undone"):
            bench = Workbench(inventory, plan, "run1", _Clock(), tools, hosts, lambda line: None)
            gathered.watched(lambda phase=phase, bench=bench: asyncio.run(_tried(getattr(action, phase), bench, step)))


async def _tried(phase: Any, bench: Workbench, step: Step) -> None:
    try:
        async with asyncio.timeout(90):
            await phase(bench, step)
    except Exception:
        return  # the answers are those of no real host: what was sent until now is what is wanted


_ARGUMENTS = {
    "archive": "vault",
    "bundle": alternate_cases.BUNDLE,
    "cluster": "lab",
    "database": "pleasant_archive_1",
    "instance": "db1",
    "keep": "3",
    "names": alternate_cases.BUNDLE,
    "places": "vault",
    "primary": "db2",
    "rung": "fence-command",
    "slots": "db2",
    "source": "db2",
    "system": "7000000000000000001",
    "taken_at": "1.0",
    "text": "Users have to wait",
    "web_node": "pps1",
}
_NODES = {"alternate": "alt1", "copy": "alt1", "bundle": "vault", "bundles": "vault", "snapshot": "alt1"}


def single_steps(inventory: Inventory, planned: Iterable[str]) -> Iterable[Step]:
    """Yield a step for each verb that no plan here has, and for ways of fencing that none takes."""
    path = f"{inventory.database.instances['db1'].data_directory}.before-run0"
    for verb in (*sorted(set(ACTIONS) - set(planned)), "fence", "delete-set-aside"):
        for node in {_NODES.get(verb.rpartition("-")[2], "db1"), "alt1" if "home" in verb or "kept" in verb else "db1"}:
            yield Step(verb, verb, verb, node, node, {**_ARGUMENTS, "path": path}, timeout_s=1.0)


def composed_one_by_one(gathered: Gathered, inventory: Inventory, plan: Plan) -> None:
    """Call what no step of a plan comes to: probes, logs, what is read of a dead server, leases and copies of journals."""
    first = inventory.database.instances["db1"]
    fork, names = "0/3000060", ("000000010000000000000003",)
    behind = dead_wal.Behind("db2", fork, fork, 1, "7")
    for host in inventory.hosts.values():
        data = host_probe.data_directories(inventory, host)
        parts = [*tools.host_parts(inventory, host), *host_probe.system_parts(host, 1.0, data)]
        gathered.watched(lambda parts=parts, host=host: [each.command for each in tools.host_parts(inventory, host)])
        gathered.watched(lambda host=host, data=data: [each.command for each in host_probe.system_parts(host, 1.0, data)])
        gathered.watched(lambda parts=parts: host_probe.compose_command(parts))
    for owner in (first, inventory.web_nodes["pps1"], inventory.balancers["lb1"]):
        for place, kind in ((owner.log[0], "file"), ("pps 'x$(canary)", "journal")):
            source = log.LogSource("n", inventory.hosts["db1"], kind, place, "x")
            gathered.watched(lambda source=source: (log.tail_command(source, 5), log.follow_command(source, 5)))
    data = str(first.data_directory)
    calls: tuple[Callable[[], Any], ...] = (
        lambda: remnant.remnant_command(first),
        lambda: remnant.beyond_command(first, 1, fork, names[0], names[0]),
        lambda: dead_wal.dead_wal_command(first, behind, 50331744),
        lambda: lost_log.lost_log_command(f"{first.bin_directory}/pg_waldump", f"{data}/pg_wal", 1, fork),
        lambda: (wal_files.listing(data, names), wal_files.piece(data, names[0], 0), wal_files.add_piece(data, names[0], 0)),
        lambda: set_aside.list_command(first),
        lambda: databases_aside.list_command(inventory, first),
        lambda: follow._commands(inventory, "db1", str(first.upstreams["db2"])),
        lambda: repoint._commands(inventory, "db1", str(first.upstreams["db2"])),
        lambda: boot_guard.guard_script(inventory, "db1"),
        lambda: service.systemctl("stop", "-x $(canary)"),
        lambda: bundle_store.drop_part_command(inventory.backups["vault"].path, alternate_cases.BUNDLE),
        lambda: bundle_keep._prune_command(inventory.backups["vault"].path, (alternate_cases.BUNDLE,)),
        lambda: balancer._restore_command(inventory.balancers["lb1"]),
        lambda: alternate_home.rights_command(inventory, "db1", "run1"),
        lambda: standby_start._quarantined_again(inventory, "db1"),
    )
    for call in calls:
        gathered.watched(call)
    hosts = _Hosts(gathered, _ANSWERS[-1])
    lost = cluster_remnant.Remnant("db1", "db2", 1.0, timeline=1, source_timeline=2)
    step = plan.steps[0]
    bench = Workbench(inventory, plan, "run1", _Clock(), types.SimpleNamespace(ssh=hosts), hosts, lambda line: None)
    waits: tuple[Callable[[], Any], ...] = (
        lambda: way_there.try_way(inventory, hosts, "db1", "db2"),
        lambda: remnant._forked(inventory, hosts, inventory.hosts["db1"], lost, 1 << 24),
        lambda: copy_facts.tools_lack(bench, "db1", None),
        lambda: copy_facts.waits_lack(bench, "db1"),
        lambda: follow.derived_way(inventory, lambda host, command: bench.hosts.look(host, command), "db1", "db2"),
        lambda: follow.switchpoint(bench, "db1", 1, 2),
        lambda: lost_writes._names(bench, replace(step, node="db1"), 1, fork, 1 << 24, fork),
        lambda: bundle_write.dump_tool(bench, "db1"),
        lambda: fence_command._asked(bench, first.fence),
        lambda: lost_writes._segment_bytes(bench, replace(step, node="db1")),
        lambda: lost_writes._see_room(bench, replace(step, node="db1"), 1),
        lambda: lost_writes._is_whole(bench, replace(step, node="db1"), f"{data}.kept"),
        lambda: salvage._lack_of_room(bench, replace(step, node="db1"), 1),
        lambda: salvage._bring_one(bench, step, salvage._Way("db1", data, "db2", data, f"{data}.aside"), names[0], 1),
        lambda: salvage._same_so_far(bench, salvage._Way("db1", data, "db2", data, f"{data}.aside"), names[0], 1),
        lambda: bundle_collect._of_node(inventory, inventory.web_nodes["pps1"], hosts),
        lambda: clone.Clone()._has_part(bench, replace(step, node="db1")),
    )
    for wait in waits:
        gathered.watched(lambda wait=wait: asyncio.run(_awaited(wait)))
    _bound(gathered, inventory, plan, hosts)


def _bound(gathered: Gathered, inventory: Inventory, plan: Plan, hosts: _Hosts) -> None:
    """Compose what is bound to lease and identity, in a cluster whose name is as nasty as its data directories."""
    nasty = str(inventory.database.instances["db1"].data_directory)
    claim = lease.Claim("lab '$(canary)`canary`/..", "run1", "switchover", ("db1",))
    leases: list[lease.Lease] = []
    gathered.watched(lambda: leases.append(lease.Lease(claim, inventory, hosts, _Clock(), root="~/ppsconsole '$(canary)")))
    found = leases[0]
    found.line, found.epoch = "1 run1 held", 1
    identities = tuple(
        replace(each, hostname=nasty, data_directory=f"{inventory.database.instances[each.node].data_directory}")
        for each in plan.identities
        if each.node in inventory.database.instances
    )
    bound = binding.Binding(inventory, replace(plan, identities=identities), found, Stage())
    there = inventory.hosts["db1"]
    told = bound.identity("db1")
    conditions: list[str] = []
    gathered.watched(lambda: conditions.append(bound.conditions(there, "db1")))
    instance = (shlex.quote(nasty), "\n".join(bound.instance_conditions(told)) + "\n") if told else None
    ready = armed.Readiness(conditions[0], instance, found.line, 1, bound.begun('"$s"'))
    place = detached.Place(found.folder, "run1", "step/act", 1)
    command = f"cat -- {shlex.quote(nasty)}"
    gathered.watched(lambda: lease_script.sh(armed.script(ready, command)))
    gathered.watched(lambda: lease_script.sh(f"{conditions[0]}{bound.begun()}exec /bin/sh -c {shlex.quote(command)}\n"))
    gathered.watched(lambda: lease_script.sh(place.start(command) + place.wait(0.02)))
    gathered.watched(lambda: (copies._append_script(found, True), following._news_script(found.folder, "run1", 5)))
    folder, line = found.folder, found.line
    for script in (lease_script.give_back_script, lease_script.leave_script, lease_script.beat_script, lease_script.clear_script):
        gathered.watched(lambda script=script: script(folder, line))
    gathered.watched(lambda: (lease_script.look_script(folder), lease_script.take_script(folder, 2, line)))


async def _awaited(wait: Callable[[], Any]) -> None:
    try:
        await wait()
    except Exception:
        return  # see `_tried`
