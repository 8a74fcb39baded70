"""The rung of the operator's own fence command: it switches a machine off, and only its verify command says that it is off."""

import shlex
from typing import Any

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.kinds import settled
from ppsconsole.actions.looks import is_listening
from ppsconsole.actions.places import instance_of, on_host
from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.local import HERE, run_here
from ppsconsole.errors import Blocked, DriverError
from ppsconsole.inventory.model import FenceCommand, Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.proof import FenceProof, Rung
from ppsconsole.plan.step import Step

_LOOK_S = 20.0
_EVERY_S = 1.0
"""How often it is asked whether the machine is off: management controllers are slow, and some lock out who asks too often."""


def commands(inventory: Inventory, step: Step) -> tuple[str, ...]:
    """Return the operator's command and the one that verifies it, each with where it runs."""
    fence = declared(inventory, step.node)
    return on_host(fence.host or HERE, shlex.join(fence.command), shlex.join(fence.verify))


async def precheck(bench: Workbench, step: Step) -> Finding:
    """Return whether the verify command works: a rung whose result could not be seen is not tried."""
    fence = declared(bench.inventory, step.node)
    try:
        seen = await _asked(bench, fence)
    except DriverError as error:
        return Finding("no", f"whether the machine of {step.node} is off could not be verified: {error}")
    return Finding("yes", f"`{_name(fence)}` says: {_last_line(seen)}", {"was": _last_line(seen), "was_off": is_off(fence, seen)})


async def act(bench: Workbench, step: Step) -> None:
    """Run the operator's command; what it says of its own success is told and not believed."""
    fence = declared(bench.inventory, step.node)
    if fence.host is None:
        result = await bench.hosts.act_here(fence.command, timeout_s=fence.timeout_s)
    else:
        result = await bench.hosts.act(fence.host, shlex.join(fence.command), timeout_s=fence.timeout_s)
    said = plain(f"{result.stdout} {result.stderr}", 300)
    bench.say(f"{fence.host or HERE}: {fence.command[0]} ended with status {result.exit_status}{f': {said}' if said else ''}")


async def verify(bench: Workbench, step: Step) -> Finding:
    """Return whether its verify command says that it is off, and nothing says otherwise; then with the proof."""
    fence = declared(bench.inventory, step.node)
    return await settled(bench, lambda: _seen(bench, step, fence), fence.timeout_s, every_s=_EVERY_S)


def declared(inventory: Inventory, node: str) -> FenceCommand:
    """Return the fence of the instance `node`.

    Raises:
        Blocked: The inventory declares none.
    """
    fence = instance_of(inventory, node).fence
    if fence is None:
        raise Blocked("the inventory declares no `fence` for it", where=node, remedy="Declare it, or choose another rung")
    return fence


def is_off(fence: FenceCommand, seen: CommandResult) -> bool:
    """Return whether an answer of the verify command says off: both by its exit status and by a whole line."""
    return seen.exit_status == fence.off_exit and fence.off_says in (line.strip() for line in seen.stdout.splitlines())


async def _seen(bench: Workbench, step: Step, fence: FenceCommand) -> Finding:
    try:
        seen = await _asked(bench, fence)
    except DriverError as error:
        return Finding("unknown", f"whether the machine of {step.node} is off could not be seen: {error}")
    said = f"`{_name(fence)}` on {fence.host or HERE} ended with {seen.exit_status} and said: {_last_line(seen)}"
    values: dict[str, Any] = {"said": _last_line(seen), "exit_status": seen.exit_status}
    if not is_off(fence, seen):
        wanted = f"off would be {fence.off_exit} and {fence.off_says!r}"
        return Finding("no", f"the machine of {step.node} is not seen off: {said}; {wanted}", values)
    if await _answers(bench, step.node):
        words = f"{said}, and yet {step.node} takes connections: another machine was switched off than the one that it runs on"
        return Finding("no", words, values)
    evidence = (said, f"nothing takes connections on the port of {step.node}")
    proof = FenceProof(step.node, Rung.FENCE_COMMAND, evidence, bench.clock.now(), bench.run)
    return Finding("yes", f"the machine of {step.node} is off: {said}", values, (proof,))


async def _asked(bench: Workbench, fence: FenceCommand) -> CommandResult:
    if fence.host is None:
        return await run_here(fence.verify, timeout_s=_LOOK_S)
    return await bench.hosts.look(fence.host, shlex.join(fence.verify), timeout_s=_LOOK_S)


async def _answers(bench: Workbench, node: str) -> bool:
    """Return whether it takes connections; that nothing answers is what is expected of a machine that is off."""
    try:
        return await is_listening(bench, node)
    except (DriverError, Blocked):
        return False


def _name(fence: FenceCommand) -> str:
    return fence.verify[0].rpartition("/")[2]


def _last_line(seen: CommandResult) -> str:
    lines = [line.strip() for line in (seen.stdout.strip() or seen.stderr.strip()).splitlines() if line.strip()]
    return plain(lines[-1] if lines else "nothing", 160)
