"""Rewind an old primary to where the new one left it, and bring what changed since (pg_rewind). Argument `source`: the new one.

Tried on real servers: pg_rewind recovers a crashed data directory by itself, but not when it only tries; without a clean end it
refuses to try. So a crashed one is recovered first, by a server for a single user that nobody can connect to.
"""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.configuration_kept import kept_folder
from ppsconsole.actions.copy_progress import progress_told
from ppsconsole.actions.follow import declared_way, way_to
from ppsconsole.actions.kinds import Lasting, Looking
from ppsconsole.actions.looks import LOOK_S, REWINDING, remains
from ppsconsole.actions.places import argument, data_directory_of, host_of, instance_of, on_host, program_of
from ppsconsole.actions.planted import refuse_planted
from ppsconsole.actions.remnant import dry_run_command, rewind_command
from ppsconsole.errors import RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

_NEW_PLAN = "Make a new plan: `ppsconsole plan rejoin {node}`; it takes the next way that the facts allow, which is a re-clone"


class Recover(Lasting):
    """Has a crashed data directory recover to a clean end, without anybody being able to connect."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        return on_host(host_of(inventory, step.node).name, _recover(inventory, step.node))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is down, and would not come up as a standby: a server for one user knows no such thing."""
        left = await remains(bench, step.node)
        if not left.is_gone:
            return Finding("no", f"{step.node} still has processes")
        if left.is_standby:
            return Finding("no", f"{step.node} is marked as a standby, and does not recover by itself")
        return Finding("yes", f'{step.node} is down, its control file says "{plain(str(left.control.get("control_state")))}"')

    async def act(self, bench: Workbench, step: Step) -> None:
        """Recover it, unless it ended cleanly.

        Raises:
            RunError: The server for one user failed.
        """
        host, command = host_of(bench.inventory, step.node).name, _recover(bench.inventory, step.node)
        result = await bench.hosts.act_detached(host, "recover", command, node=step.node, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            raise RunError(f"{step.node} did not recover: {plain(result.stderr, 300)}", where=host)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether its control file says that it ended cleanly, and nothing of it runs."""
        left = await remains(bench, step.node)
        state = plain(str(left.control.get("control_state")))
        is_done = left.is_gone and left.is_shut_down
        return Finding("yes" if is_done else "no", f'{step.node} is {"down" if left.is_gone else "up"}, and "{state}"')


class TryRewind(Looking):
    """Goes through the rewind without changing anything."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command, which only looks."""
        source = argument(step, "source")
        conninfo = declared_way(inventory, step.node, source) or f"(as {source} followed, with its address)"
        return on_host(host_of(inventory, step.node).name, dry_run_command(instance_of(inventory, step.node), conninfo))

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it goes through; else why not, and that another way takes a new plan."""
        conninfo = await way_to(bench, step.node, argument(step, "source"))
        command = dry_run_command(instance_of(bench.inventory, step.node), conninfo)
        done = await bench.hosts.look(host_of(bench.inventory, step.node).name, command, timeout_s=step.timeout_s)
        if done.exit_status == 0:
            return Finding("yes", f"a rewind of {step.node} goes through; nothing was changed yet")
        why = plain(done.stderr, 300) or f"status {done.exit_status}"
        return Finding("no", f"a rewind of {step.node} fails: {why}. {_NEW_PLAN.format(node=step.node)}")


class Rewind(Lasting):
    """Rewinds, on the host itself: it goes on when the line drops. One that did not end leaves a marker, and is never trusted.

    Right behind it, in the same command, it is marked as a standby: what was rewound would come up as a second primary.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        source = argument(step, "source")
        conninfo = declared_way(inventory, step.node, source) or f"(as {source} followed, with its address)"
        return on_host(host_of(inventory, step.node).name, _rewind(inventory, step.node, conninfo, "RUN"))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it ended cleanly, and its configuration and what it had alone are kept."""
        left = await remains(bench, step.node)
        if not left.is_gone:
            return Finding("no", f"{step.node} still has processes")
        marker = await self._marker(bench, step)
        if marker == bench.run:
            return Finding("yes", f"the rewind of {step.node} was begun by this run")
        if marker:
            words = f"run {marker} began to rewind {step.node} and did not end it: what is half rewound is of no use"
            return Finding("no", f"{words}. {_NEW_PLAN.format(node=step.node)}")
        if not left.is_shut_down:
            return Finding("no", f"{step.node} did not end cleanly: {plain(str(left.control.get('control_state')))}")
        kept = bench.found_by("keep-configuration", step.node).get("kept_in")
        if not kept:
            return Finding("no", f"the configuration of {step.node} is not kept")
        return Finding("yes", f"{step.node} is down and ended cleanly; its configuration is kept in {kept}")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Rewind it.

        Raises:
            RunError: pg_rewind failed, or an earlier one was cut off; the data directory is of no use then.
        """
        conninfo = await way_to(bench, step.node, argument(step, "source"))
        host = host_of(bench.inventory, step.node)
        command = _rewind(bench.inventory, step.node, conninfo, bench.run)
        log = f"{kept_folder(bench.inventory, step.node, bench.run)}/rewind.log"
        async with progress_told(bench, host, log, f"{step.node}: rewinding"):
            result = await bench.hosts.act_detached(host.name, "rewind", command, node=step.node, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            why = plain(result.stderr, 300) or f"status {result.exit_status}"
            raise RunError(f"the rewind of {step.node} failed: {why}", where=host.name, remedy=_NEW_PLAN.format(node=step.node))

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether this run ended it, and the data directory would come up as a standby."""
        left = await remains(bench, step.node)
        done = f"{kept_folder(bench.inventory, step.node, bench.run)}/rewound"
        seen = await bench.hosts.look(
            host_of(bench.inventory, step.node).name, f"[ -e {shlex.quote(done)} ] && echo yes; :", timeout_s=LOOK_S
        )
        if seen.stdout.strip() != "yes":
            return Finding("no", f"the rewind of {step.node} did not come to its end")
        if not left.is_standby:
            return Finding("no", f"{step.node} was rewound and is not marked as a standby: do not start it")
        words = f"{step.node} was rewound to where {argument(step, 'source')} left it, and has what changed since"
        return Finding("yes", f"{words}; it is marked as a standby")

    async def _marker(self, bench: Workbench, step: Step) -> str:
        marker = shlex.quote(data_directory_of(instance_of(bench.inventory, step.node)) + REWINDING)
        command = f"[ ! -e {marker} ] || head -c 40 {marker}"
        seen = await bench.hosts.look(host_of(bench.inventory, step.node).name, command, timeout_s=LOOK_S)
        return plain(seen.stdout.strip(), 40)


def _recover(inventory: Inventory, node: str) -> str:
    instance = instance_of(inventory, node)
    folder, server = shlex.quote(data_directory_of(instance)), shlex.quote(program_of(instance, "postgres"))
    control = f"LC_ALL=C {shlex.quote(program_of(instance, 'pg_controldata'))} -D {folder}"
    # Debian keeps postgresql.conf elsewhere, and a server does not start without one: recovering needs nothing that stands in it.
    return (
        f"{control} | grep -q '^Database cluster state: *shut down' && exit 0; cd {folder} && [ ! -e standby.signal ] && "
        "{ [ -e postgresql.conf ] && set -- || set -- -c config_file=/dev/null; } && "
        f'{server} --single -D {folder} -F "$@" -c restart_after_crash=off template1 </dev/null'
    )


def _rewind(inventory: Inventory, node: str, conninfo: str, run: str) -> str:
    instance = instance_of(inventory, node)
    command, dry = rewind_command(instance, conninfo), dry_run_command(instance, conninfo)
    kept, own = shlex.quote(kept_folder(inventory, node, run)), refuse_planted('"$k"', '"$k/rewind.log"')
    return (
        f"d={shlex.quote(data_directory_of(instance))}; k={kept}; m=$d{REWINDING}; {own}; "
        '[ ! -e "$k/rewound" ] || exit 0; '
        '[ ! -e "$m" ] || { echo "an earlier rewind did not end: what is half rewound is of no use" >&2; exit 66; }; '
        f"{dry} >/dev/null || exit 65; "
        f'(umask go-w; set -C; echo {shlex.quote(run)} >"$m") && sync && '
        f'{{ {command} --progress 2>"$k/rewind.log" || {{ tail -n 3 "$k/rewind.log" >&2; exit 67; }}; }} && '
        ': >"$d/standby.signal" && sync && mv "$m" "$k/rewound" && sync'
    )
