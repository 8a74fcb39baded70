"""Start, stop, enable and disable a web node, an instance or a balancer through its declared service."""

from contextlib import suppress
from dataclasses import replace

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.kinds import patience, settled
from ppsconsole.actions.looks import is_listening, remains, service_status
from ppsconsole.actions.places import had_primary, host_of, on_host, service_of
from ppsconsole.actions.service_command import ServiceVerb, service_command
from ppsconsole.actions.serving import answers
from ppsconsole.actions.standing import standing
from ppsconsole.clock import duration
from ppsconsole.drivers.base import CommandResult, LineDropped
from ppsconsole.errors import DriverError, TimedOut
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

SETTLE_S = 20.0
_VAIN_S = 6.0
"""For how long no primary has answered before a web node is not waited for any longer on the way back."""


class ServiceAction:
    """What the four verbs share; each is the opposite of another one."""

    verb: ServiceVerb
    opposite: ServiceVerb

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        command = service_command(service_of(inventory, step.node), self.verb, step.node)
        return on_host(host_of(inventory, step.node).name, command)

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return how the service stands now; its state is kept for the way back."""
        status = await service_status(bench, step.node)
        values = {"was": status.state, "was_enabled": status.enabled}
        if status.state == "unknown":
            return Finding("unknown", f"{step.node}: {status.detail or 'the service gave no state'}", values)
        return Finding("yes", f"{step.node} is {status.state}, {status.enabled}", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Send the verb to its host.

        Raises:
            LineDropped, TimedOut: Its answer is not known; it may be at it still.
        """
        bench.note(step, exit_status=None, is_answer_lost=False)
        try:
            result = await send(bench, step, self.verb)
        except (LineDropped, TimedOut):
            bench.note(step, is_answer_lost=True)
            raise
        bench.note(step, exit_status=result.exit_status)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the service, and what it serves, is as wanted."""
        # What a dropped line left behind goes on: going back at once would meet it half way.
        is_awaited = bench.noted(step, "exit_status") == 0 or bench.noted(step, "is_answer_lost") is True
        patience_s = min(SETTLE_S, patience(step)) if is_awaited else 0.0
        return await settled(bench, lambda: self.look(bench, step.node), patience_s)

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Send the opposite, unless it was like that before."""
        if self.has_changed(bench, step):
            await send(bench, step, self.opposite)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the service is as it was found; unknown where nobody kept how that was."""
        if bench.noted(step, "was") is None:
            words = f"it is not known how {step.node} was before: look whether it runs, and starts at boot, as it should"
            return Finding("unknown", words)
        if not self.has_changed(bench, step):
            return Finding("yes", f"{step.node} was like that before")
        return await settled(bench, lambda: self.look_back(bench, step), min(SETTLE_S, patience(step)))

    async def look_back(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is as the opposite leaves it."""
        return await ACTIONS[self.opposite].look(bench, step.node)

    def has_changed(self, bench: Workbench, step: Step) -> bool:
        """Return whether the act changed anything, by what the precheck found."""
        raise NotImplementedError

    async def look(self, bench: Workbench, node: str) -> Finding:
        """Return whether `node` is as this verb leaves it."""
        raise NotImplementedError


class Stop(ServiceAction):
    """Stops it: afterwards nothing of it runs and its port refuses."""

    verb, opposite = "stop", "start"

    def has_changed(self, bench: Workbench, step: Step) -> bool:
        """Return whether it ran; a server that had failed is not started by backing out."""
        return bench.noted(step, "was") in ("running", "starting", "frozen")

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is as it was found; a web node is not waited for any longer once nothing lets it serve again."""
        if step.node not in bench.inventory.web_nodes or not self.has_changed(bench, step):
            return await super().verify_undone(bench, step)
        wait = _Primaryless(bench)
        limit_s = min(SETTLE_S, patience(step))
        found = await settled(bench, lambda: self.look_back(bench, step), limit_s, is_vain=wait.is_vain)
        if found.state == "yes" or not wait.has_ended:
            return found
        words = f"{found.words}; no instance has answered as the primary for {duration(_VAIN_S)}, and it serves from none else"
        return replace(found, words=words)

    async def look_back(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it runs again, and serves if it could have done so before."""
        found = await super().look_back(bench, step)
        is_web_node = step.node in bench.inventory.web_nodes
        if found.state == "yes" or not is_web_node or had_primary(bench.inventory, bench.plan):
            return found
        status = await service_status(bench, step.node)
        if status.state != "running":
            return found
        return Finding("yes", f"{found.words}; it runs as before, and there was no primary that it could have served from")

    async def look(self, bench: Workbench, node: str) -> Finding:
        """Return whether it stopped."""
        status = await service_status(bench, node)
        if status.state not in ("stopped", "failed") or status.pid is not None:
            said = f"{node} is {status.state}{f', pid {status.pid}' if status.pid else ''} {status.detail}".rstrip()
            return Finding("unknown" if status.state == "unknown" else "no", said)
        if node in bench.inventory.balancers:
            return Finding("yes", f"{node} is stopped")
        if await is_listening(bench, node):
            return Finding("no", f"{node} is {status.state}, and yet something takes connections on its port")
        return Finding("yes", f"{node} is {status.state}, its port refuses")


class _Primaryless:
    """Tells whether it is in vain to wait for a web node that is started on the way back: no primary has answered for long.

    Web nodes are started after the database was: nothing that this way back still does would bring a primary.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench, self._since, self.has_ended = bench, -1.0, False

    async def is_vain(self) -> bool:
        """Return whether no instance has answered as the primary for `_VAIN_S` seconds of asking."""
        began = self._bench.clock.monotonic()
        for name in self._bench.inventory.database.instances:
            with suppress(DriverError):
                if not (await standing(self._bench, name)).in_recovery:
                    self._since = -1.0
                    return False
        if self._since < 0.0:
            self._since = began
        self.has_ended = self._bench.clock.monotonic() - self._since >= _VAIN_S
        return self.has_ended


class Start(ServiceAction):
    """Starts it: afterwards it runs and answers."""

    verb, opposite = "start", "stop"

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it may be started: not when it is disabled, or in quarantine."""
        found = await super().precheck(bench, step)
        if found.state == "yes" and found.values["was_enabled"] == "disabled" and found.values["was"] != "running":
            return Finding("no", f"{step.node} is disabled: whoever did that wants it down", found.values)
        instance = bench.inventory.database.instances.get(step.node)
        if instance is None or instance.data_directory is None:
            return found
        left = await remains(bench, step.node)
        if left.is_half_rewound:
            words = f"a rewind of {step.node} was begun and never ended: what is half rewound must not be started"
            return Finding("no", f"{words}. Rejoin it: ppsconsole run rejoin {step.node}", found.values)
        if left.is_quarantined:
            return Finding("no", f"{step.node} is in quarantine: rejoin it, do not start it", found.values)
        if left.is_gone and left.has_lost_signal:
            words = f"{step.node} was a standby, and its standby.signal is gone: it would come up as a primary"
            return Finding("no", f"{words}. Rejoin it: ppsconsole run rejoin {step.node}", found.values)
        return found

    def has_changed(self, bench: Workbench, step: Step) -> bool:
        """Return whether it did not run before."""
        return bench.noted(step, "was") in ("stopped", "failed")

    async def look(self, bench: Workbench, node: str) -> Finding:
        """Return whether it runs and answers."""
        status = await service_status(bench, node)
        if status.state != "running":
            return Finding("unknown" if status.state == "unknown" else "no", f"{node} is {status.state} {status.detail}".rstrip())
        return await answers(bench, node)


class Disable(ServiceAction):
    """Keeps it from starting at boot; what runs goes on."""

    verb, opposite = "disable", "enable"

    def has_changed(self, bench: Workbench, step: Step) -> bool:
        """Return whether it was enabled."""
        return bool(bench.noted(step, "was_enabled") == "enabled")

    async def look(self, bench: Workbench, node: str) -> Finding:
        """Return whether it is disabled."""
        status = await service_status(bench, node)
        state = {"disabled": "yes", "enabled": "no", "unknown": "unknown"}[status.enabled]
        return Finding(state, f"{node} is {status.enabled} {status.detail}".rstrip())  # type: ignore[arg-type]


class Enable(ServiceAction):
    """Lets it start at boot again."""

    verb, opposite = "enable", "disable"

    def has_changed(self, bench: Workbench, step: Step) -> bool:
        """Return whether it was disabled."""
        return bool(bench.noted(step, "was_enabled") == "disabled")

    async def look(self, bench: Workbench, node: str) -> Finding:
        """Return whether it is enabled."""
        status = await service_status(bench, node)
        state = {"disabled": "no", "enabled": "yes", "unknown": "unknown"}[status.enabled]
        return Finding(state, f"{node} is {status.enabled} {status.detail}".rstrip())  # type: ignore[arg-type]


async def send(bench: Workbench, step: Step, verb: ServiceVerb) -> CommandResult:
    """Send `verb` to the service of the step's node, and say what it answered."""
    command = service_command(service_of(bench.inventory, step.node), verb, step.node)
    # An instance that is started has to be the one that was planned for; so has one that is stopped.
    bound = step.node if step.node in bench.inventory.database.instances else None
    host = host_of(bench.inventory, step.node).name
    result = await bench.hosts.act(host, command, node=bound, timeout_s=step.timeout_s)
    said = plain(f"{result.stdout} {result.stderr}")
    if said:
        bench.say(f"{host}: {said}")
    if result.exit_status != 0:
        bench.say(f"{host}: {verb} of {step.node} ended with status {result.exit_status}")
    return result


ACTIONS: dict[ServiceVerb, ServiceAction] = {"stop": Stop(), "start": Start(), "disable": Disable(), "enable": Enable()}
