"""Make sure that an instance cannot write, by one rung of the ladder (law 1). Verifying it makes the proof for a promotion."""

from contextlib import suppress
from dataclasses import replace

from ppsconsole.actions import fence_command
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.kinds import patience, settled
from ppsconsole.actions.looks import each_process, is_listening, remains, service_status
from ppsconsole.actions.places import argument, data_directory_of, host_of, instance_of, on_host, service_of
from ppsconsole.actions.service import ACTIONS as SERVICE_ACTIONS
from ppsconsole.actions.service import send
from ppsconsole.actions.service_command import ServiceVerb, service_command
from ppsconsole.actions.stop_primary import clean_stop, stop_command
from ppsconsole.errors import Blocked, DriverError
from ppsconsole.inventory.model import Instance, Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.proof import FenceProof, Rung
from ppsconsole.plan.step import Step

_SETTLE_S = 5.0
_ALIVE = ("running", "starting", "frozen")
_QUIET: tuple[ServiceVerb, ...] = ("stop", "disable")


class Fence:
    """Fences an instance. Arguments: `rung`; `kill=yes` lets `kept-down` end a server that does not react to a fast stop.

    `clean-stop` stops it; `kept-down` disables its service and sees that nothing of it runs, which also holds over a reboot;
    `fence-command` runs the operator's own command and believes its verify command only; `quiesced` changes nothing and sees
    that every web node is stopped and disabled; `attested` takes the operator's word. No rung ever turns into another one: what
    comes next is said (argument `after`), and why this one was taken (`why`) stands in the proof.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return what the rung sends: nothing for `quiesced` and `attested`."""
        rung = _rung(step)
        if rung is Rung.FENCE_COMMAND:
            return fence_command.commands(inventory, step)
        if rung not in (Rung.CLEAN_STOP, Rung.KEPT_DOWN):
            return ()
        return on_host(host_of(inventory, step.node).name, *_commands(inventory, step, rung))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the rung can be tried; keeps how the service stood."""
        rung = _rung(step)
        if rung is Rung.FENCE_COMMAND:
            return _with_the_next(step, await fence_command.precheck(bench, step))
        if rung is Rung.QUIESCED:
            return Finding("yes", "looks at every web node")
        if rung is Rung.ATTESTED:
            typed = bench.answers.get(step.id, "").strip()
            return Finding("yes", "the operator stated it") if typed else Finding("no", f"nobody stated that {step.node} is off")
        status = await service_status(bench, step.node)
        words = f"{step.node} is {status.state}, {status.enabled}"
        return Finding("yes", words, {"was": status.state, "was_enabled": status.enabled})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Send what the rung sends."""
        rung = _rung(step)
        if step.arguments.get("why"):
            bench.say(f"{step.node} is fenced by {rung.value}: {step.arguments['why']}")
        if rung is Rung.FENCE_COMMAND:
            await fence_command.act(bench, step)
        if rung not in (Rung.CLEAN_STOP, Rung.KEPT_DOWN):
            return
        host = host_of(bench.inventory, step.node).name
        for number, command in enumerate(_commands(bench.inventory, step, rung)):
            if number == (1 if rung is Rung.KEPT_DOWN else 0):  # before the stop, and where it is disabled first, behind that
                await _note_life(bench, step)
            result = await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
            if result.stderr.strip():
                bench.say(f"{host}: {plain(result.stderr)}")

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it cannot write; then with the proof."""
        return _with_the_next(step, _with_the_reason(step, await self._seen(bench, step)))

    async def _seen(self, bench: Workbench, step: Step) -> Finding:
        match _rung(step):
            case Rung.CLEAN_STOP:
                return _with_life(bench, step, await settled(bench, lambda: clean_stop(bench, step.node), _SETTLE_S))
            case Rung.KEPT_DOWN:
                return _with_life(bench, step, await settled(bench, lambda: _kept_down(bench, step), _SETTLE_S))
            case Rung.FENCE_COMMAND:
                return await fence_command.verify(bench, step)
            case Rung.QUIESCED:
                return await _quiesced(bench, step)
            case _:
                return _attested(bench, step)

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Put the service back as it was found."""
        if _rung(step) not in (Rung.CLEAN_STOP, Rung.KEPT_DOWN):
            return
        if bench.noted(step, "was_enabled") == "enabled":
            await send(bench, step, "enable")
        if bench.noted(step, "was") in _ALIVE:
            await send(bench, step, "start")

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the service is as it was found."""
        if _rung(step) not in (Rung.CLEAN_STOP, Rung.KEPT_DOWN):
            return Finding("yes", "nothing was changed")
        status = await service_status(bench, step.node)
        if bench.noted(step, "was_enabled") == "enabled" and status.enabled != "enabled":
            return Finding("no", f"{step.node} is {status.enabled}")
        if bench.noted(step, "was") in _ALIVE:
            return await settled(bench, lambda: SERVICE_ACTIONS["start"].look(bench, step.node), patience(step))
        return Finding("yes", f"{step.node} is {status.state}, {status.enabled}, as it was found")


def _rung(step: Step) -> Rung:
    text = argument(step, "rung")
    try:
        rung = Rung(text)
    except ValueError:
        raise Blocked(f"there is no rung {text!r}", where=step.node) from None
    return rung


def _with_life(bench: Workbench, step: Step, found: Finding) -> Finding:
    """Return the finding with, in its proof, whether the server may have run until then.

    Also where nobody knows, as after a console that died in between: silence about that is no evidence.
    """
    states = (bench.noted(step, "was"), bench.noted(step, "found"))
    is_running = None in states or bool({"running", "starting"} & set(states))
    proofs = tuple(replace(each, is_found_running=is_running) if isinstance(each, FenceProof) else each for each in found.proofs)
    return replace(found, proofs=proofs)


def _with_the_reason(step: Step, found: Finding) -> Finding:
    """Return the finding with, in its proof, why it is by this rung and no better one."""
    why = step.arguments.get("why")
    if not why:
        return found
    proofs = tuple(
        replace(each, evidence=(*each.evidence, f"by this rung because: {why}")) if isinstance(each, FenceProof) else each
        for each in found.proofs
    )
    return replace(found, proofs=proofs)


def _with_the_next(step: Step, found: Finding) -> Finding:
    """Return the finding with, where this rung failed, what comes next: somebody has to choose that, it is never just done."""
    after = step.arguments.get("after")
    return found if found.state == "yes" or not after else replace(found, words=f"{found.words}. {after}")


def _commands(inventory: Inventory, step: Step, rung: Rung) -> tuple[str, ...]:
    instance, service = instance_of(inventory, step.node), service_of(inventory, step.node)
    is_killed = step.arguments.get("kill") == "yes"
    # One that has to be killed afterwards gets less time to go by itself.
    stop = stop_command(instance, service, step.node, step.timeout_s / 3 if is_killed else step.timeout_s)
    if rung is Rung.CLEAN_STOP:
        return (stop,)
    disable = service_command(service, "disable", step.node)
    return (disable, stop, _kill_command(instance)) if is_killed else (disable, stop)


def _kill_command(instance: Instance) -> str:
    """The command that ends all processes of the server, frozen ones as well: they work in its data directory."""
    return each_process(
        data_directory_of(instance),
        'read -r c <"/proc/$p/comm"; case $c in *postgres|*postmaster) kill -KILL "$p";; esac',
    )


async def _note_life(bench: Workbench, step: Step) -> None:
    """Note whether the server runs: one that was seen dead may have come back since, and was written to."""
    with suppress(DriverError):
        bench.note(step, found=(await service_status(bench, step.node)).state)


async def _kept_down(bench: Workbench, step: Step) -> Finding:
    status = await service_status(bench, step.node)
    left = await remains(bench, step.node)
    if status.enabled != "disabled":
        return Finding("no", f"{step.node} is {status.enabled}: it might come back with the next boot")
    if not left.is_gone:
        return Finding("no", f"{step.node} still has processes: {', '.join(left.processes[:3]) or left.pid}")
    if await is_listening(bench, step.node):
        return Finding("no", f"something takes connections on the port of {step.node}")
    evidence = (
        f"the service of {step.node} is disabled",
        f"no process works in {instance_of(bench.inventory, step.node).data_directory}",
        f"the port of {step.node} refuses connections",
    )
    proof = FenceProof(step.node, Rung.KEPT_DOWN, evidence, bench.clock.now(), bench.run)
    values = {"control_state": left.control.get("control_state"), "checkpoint_lsn": left.control.get("control_checkpoint")}
    return Finding("yes", f"{step.node} is down and stays down over a reboot", values, (proof,))


async def _quiesced(bench: Workbench, step: Step) -> Finding:
    """Every declared writer is stopped and stays so. One that cannot be reached is not quiet (law 1).

    An alternate server that is fenced so is a writer itself: to its own database. Argument `stated`: those that were out of
    reach when the plan was made; where they still are, the operator's word is taken, and the proof is no better than that.
    """
    evidence: list[str] = []
    noisy: list[str] = []
    typed, rung = plain(bench.answers.get(step.id, "").strip()), Rung.QUIESCED
    for name in (*([step.node] if step.node in bench.inventory.alternates else []), *bench.inventory.web_nodes):
        try:
            for verb in _QUIET:
                found = await SERVICE_ACTIONS[verb].look(bench, name)
                (evidence if found.state == "yes" else noisy).append(found.words)
        except (DriverError, Blocked) as error:
            if typed and name in step.arguments.get("stated", "").split():
                evidence.append(f"{name} cannot be seen; stated by the operator: {typed}")
                rung = Rung.ATTESTED
            else:
                noisy.append(f"{name} cannot be seen, so it is not quiet: {error.what}")
    if noisy or not evidence:
        return Finding("no", "; ".join(noisy) or "no web node is declared")
    proof = FenceProof(step.node, rung, tuple(evidence), bench.clock.now(), bench.run)
    seen = "all web nodes are stopped and disabled" if rung is Rung.QUIESCED else f"by the operator's word ({typed})"
    return Finding("yes", f"{seen}: nobody writes to {step.node}", {}, (proof,))


def _attested(bench: Workbench, step: Step) -> Finding:
    typed = plain(bench.answers.get(step.id, "").strip())
    if not typed:
        return Finding("no", f"nobody stated that {step.node} is off")
    proof = FenceProof(step.node, Rung.ATTESTED, (typed,), bench.clock.now(), bench.run)
    return Finding("yes", f"stated by the operator: {typed}", {}, (proof,))
