"""List what runs have set aside beside data directories, and delete one of these on the operator's word."""

import asyncio
import shlex
from collections.abc import Iterable

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.kinds import Lasting
from ppsconsole.actions.looks import LOOK_S, each_process
from ppsconsole.actions.places import argument, data_directory_of, host_of, instance_of, on_host
from ppsconsole.cluster.set_aside import KINDS, SetAside, why_not_ours
from ppsconsole.drivers.base import Shell
from ppsconsole.errors import Blocked, DriverError, RunError
from ppsconsole.inventory.model import Instance, Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

_LIST_S = 120.0


async def listed(inventory: Inventory, shell: Shell, names: Iterable[str]) -> tuple[tuple[SetAside, ...], dict[str, str]]:
    """Return what lies beside the data directories of `names`, the largest first; and why some could not be looked at."""
    found: list[SetAside] = []
    unseen: dict[str, str] = {}

    async def look(name: str) -> None:
        instance, host = inventory.database.instances[name], inventory.host_of(name)
        if host is None or instance.data_directory is None:
            unseen[name] = "no host or no data_directory is declared for it"
            return
        try:
            result = await shell.run(host, list_command(instance), timeout_s=_LIST_S)
            found.extend(parse_list(result.stdout, instance, host.name))
        except (DriverError, Blocked, ValueError) as error:
            unseen[name] = plain(str(error), 200)

    await asyncio.gather(*(look(name) for name in names))
    return tuple(sorted(found, key=lambda each: (-each.size_bytes, each.path))), unseen


def list_command(instance: Instance) -> str:
    """Return the command that tells name, bytes and time of all that was set aside beside a data directory."""
    base = data_directory_of(instance).rstrip("/")
    patterns = " ".join(f"{shlex.quote(base + ending)}*" for ending in KINDS)
    tell = 'set -- $(du -sk -- "$f"); k=$1; echo "$k $(stat -c %Z -- "$f") $f"'
    return f'for f in {patterns}; do if [ -e "$f" ]; then {tell}; fi; done; echo end'


def parse_list(text: str, instance: Instance, host: str) -> tuple[SetAside, ...]:
    """Return what the answer to `list_command` says; names that no run gives are left out.

    Raises:
        ValueError: It is no whole answer.
    """
    lines = text.splitlines()
    if lines[-1:] != ["end"]:
        raise ValueError("the list did not come to its end")
    rows = (line.split(" ", 2) for line in lines[:-1])
    base = data_directory_of(instance)
    return tuple(
        SetAside(instance.name, host, plain(path, 400), int(kilobytes) * 1024, float(since))
        for kilobytes, since, path in rows
        if not why_not_ours(path, base)
    )


class DeleteSetAside(Lasting):
    """Deletes the folder or file `path` beside the data directory of `step.node`, if it is ours and nothing works in it."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        return on_host(host_of(inventory, step.node).name, delete_command(inventory, step.node, argument(step, "path")))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is there, and what it is."""
        path = argument(step, "path")
        found, unseen = await listed(bench.inventory, bench.tools.ssh, (step.node,))
        if unseen:
            return Finding("unknown", f"what lies beside the data directory of {step.node} was not seen: {unseen[step.node]}")
        mine = next((each for each in found if each.path == path), None)
        if mine is None:
            return Finding("no", f"{path} is not there any more")
        return Finding("yes", mine.said(bench.clock.now()), {"bytes": mine.size_bytes})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Delete it.

        Raises:
            RunError: It is in use, is none of ours, or could not be deleted.
        """
        host, command = (
            host_of(bench.inventory, step.node).name,
            delete_command(bench.inventory, step.node, argument(step, "path")),
        )
        result = await bench.hosts.act_detached(host, "delete", command, node=step.node, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            raise RunError(f"it was not deleted: {plain(result.stderr) or result.exit_status}", where=host)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is gone."""
        path = argument(step, "path")
        command = f"[ -e {shlex.quote(path)} ] && echo there; :"
        seen = await bench.hosts.look(host_of(bench.inventory, step.node).name, command, timeout_s=LOOK_S)
        if seen.stdout.strip():
            return Finding("no", f"{path} is still there")
        return Finding("yes", f"{path} is deleted")


def delete_command(inventory: Inventory, node: str, path: str) -> str:
    """Return the command that deletes `path` unless something works in it, or it is a data directory by another name.

    Raises:
        Blocked: It is no name that a run gives.
    """
    data = data_directory_of(instance_of(inventory, node))
    if lack := why_not_ours(path, data):
        raise Blocked(lack, where=node, remedy="See `ppsconsole quarantine list`")
    host = host_of(inventory, node).name
    live = [each.data_directory for each in inventory.database.instances.values() if each.host == host and each.data_directory]
    same = " || ".join(f'[ "$t" -ef {shlex.quote(each)} ]' for each in live)
    running = each_process(path, 'echo "$p"')
    return (
        f't={shlex.quote(path)}; [ -e "$t" ] || exit 0; [ ! -L "$t" ] || {{ echo \'it is a link\' >&2; exit 65; }}; '
        f"if {same}; then echo 'it is a data directory in use' >&2; exit 66; fi; "
        f'r=$( {running} ); [ -z "$r" ] || {{ echo "processes work in it: $r" >&2; exit 67; }}; '
        'rm -rf --one-file-system -- "$t"'
    )
