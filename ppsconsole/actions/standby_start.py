"""Start what was rewound, copied or cleanly stopped as a standby, and as nothing else. Argument `source`: the primary.

The marker that makes it a standby is asserted in the same remote command right before the start; the first question that it
answers is whether it is in recovery; should it not be, it is stopped at once and put in quarantine again.
"""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.clone import of_system
from ppsconsole.actions.configuration_kept import put_back_command
from ppsconsole.actions.follow import declared_way, insist_on_recovery, insisted, settings_command, streams, way_to
from ppsconsole.actions.kinds import Lasting, patience, settled
from ppsconsole.actions.looks import QUARANTINE, remains, service_status
from ppsconsole.actions.places import argument, data_directory_of, host_of, instance_of, on_host, service_of
from ppsconsole.actions.service_command import service_command
from ppsconsole.actions.standing import standing
from ppsconsole.errors import DriverError, RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step


class StartStandby(Lasting):
    """Puts its own configuration back, writes whom it follows, lifts the quarantine, and starts it.

    Argument `system`: the system identifier of its data, looked at in each command: a copy may be of another one than was planned
    for. Argument `has_kept`: this run kept its configuration.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return both commands: what is written, and the start."""
        source = argument(step, "source")
        conninfo = declared_way(inventory, step.node, source) or f"(as {source} followed, with its address)"
        return on_host(host_of(inventory, step.node).name, _write(inventory, step, conninfo, "RUN"), _start(inventory, step))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the primary is one, and this one is down, or runs as a standby already."""
        source = argument(step, "source")
        new = await standing(bench, source)
        if new.in_recovery:
            return Finding("no", f"{source} is a standby: there is nobody to follow")
        left = await remains(bench, step.node)
        if not left.is_gone:
            try:
                own = await standing(bench, step.node)
            except DriverError as error:
                return Finding("unknown", f"{step.node} runs, but does not say as what: {error.what}")
            if not own.in_recovery:
                return Finding("no", f"{step.node} runs as a primary beside {source}: fence it, ppsconsole run fence {step.node}")
            return Finding("yes", f"{step.node} runs as a standby already")
        if left.control.get("control_system_identifier") != new.system_identifier:
            return Finding("no", f"{step.node} and {source} are not the same system")
        return Finding("yes", f"{step.node} is down, and is of the same system as {source}")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Write, start, and ask; a second primary is stopped at once.

        Raises:
            RunError: It came up as a primary and was stopped; or it was not started.
            Blocked: The way to the primary is not known.
        """
        conninfo, host = await way_to(bench, step.node, argument(step, "source")), host_of(bench.inventory, step.node).name
        if (await remains(bench, step.node)).is_gone:
            for command in (_write(bench.inventory, step, conninfo, bench.run), _start(bench.inventory, step)):
                result = await bench.hosts.act(host, command, timeout_s=step.timeout_s)
                if result.exit_status != 0:
                    raise RunError(plain(result.stderr or result.stdout) or f"status {result.exit_status}", where=host)
        try:
            await insist_on_recovery(bench, step)
        except RunError:
            if (await remains(bench, step.node)).is_gone:
                await bench.hosts.act(host, _quarantined_again(bench.inventory, step.node), timeout_s=step.timeout_s)
                bench.say(f"{step.node} DID NOT COME UP AS A STANDBY: it is down, disabled and in quarantine again")
            raise

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it streams from the primary on its timeline, starts at boot, and is in quarantine no more."""
        source = argument(step, "source")
        left = await remains(bench, step.node)
        if left.is_gone:
            return Finding("no", f"{step.node} does not run")
        found = await settled(bench, lambda: streams(bench, step.node, source), patience(step), every_s=0.1)
        if found.state != "yes":
            return found
        status = await service_status(bench, step.node)
        if left.is_quarantined or status.enabled == "disabled":
            still = "in quarantine" if left.is_quarantined else "disabled"
            return Finding("no", f"{found.words}; but it is {still}", found.values)
        return found


def _write(inventory: Inventory, step: Step, conninfo: str, run: str) -> str:
    instance = instance_of(inventory, step.node)
    folder = shlex.quote(data_directory_of(instance))
    back = f"{put_back_command(inventory, step.node, run)} && " if step.arguments.get("has_kept") else ""
    # A copy of a data directory need not have this file, where the settings stand elsewhere.
    there = f": >>{folder}/postgresql.auto.conf && "
    return f"{_bound(inventory, step)}; {back}{there}{{ {settings_command(inventory, step.node, conninfo)}; }}"


def _start(inventory: Inventory, step: Step) -> str:
    service = service_of(inventory, step.node)
    marker = shlex.quote(data_directory_of(instance_of(inventory, step.node)) + QUARANTINE)
    enable, start = service_command(service, "enable", step.node), service_command(service, "start", step.node)
    # A boot guard keeps what is in quarantine from starting: it is lifted right before, for what is surely a standby.
    lift = f"{{ [ ! -e {marker} ] || mv -fT {marker} {marker}.lifted; }}"
    return f"{_bound(inventory, step)}; {insisted(inventory, step.node)}; {lift} && {enable} && {start}"


def _quarantined_again(inventory: Inventory, node: str) -> str:
    marker = shlex.quote(data_directory_of(instance_of(inventory, node)) + QUARANTINE)
    disable = service_command(service_of(inventory, node), "disable", node)
    back = f"[ ! -e {marker}.lifted ] || mv -fT {marker}.lifted {marker}"
    return f"{{ {back}; [ -e {marker} ] || (set -C; : >{marker}); }}; {disable}"


def _bound(inventory: Inventory, step: Step) -> str:
    instance = instance_of(inventory, step.node)
    return of_system(instance, shlex.quote(data_directory_of(instance)), argument(step, "system"))
