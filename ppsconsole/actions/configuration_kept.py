"""Keep the configuration files in a data directory before a rewind or a copy overwrites them with those of the primary.

pg_rewind copies every file that is not part of a table as it is on the source: afterwards the old primary had the other one's
port, its certificate's key and its rules of access. What the inventory's host had is put back before the start.
"""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.looks import LOOK_S, remains
from ppsconsole.actions.places import data_directory_of, host_of, instance_of, on_host
from ppsconsole.actions.planted import refuse_planted
from ppsconsole.errors import RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

ENDING = ".configuration-"
"""With the run's id, ends the name of the folder beside the data directory that holds the files."""

_NAMES = "*.conf *.auto.conf *.conf.d conf.d server.crt server.key root.crt root.crl"


class KeepConfiguration:
    """Copies configuration files and keys to a folder beside the data directory, once for each run."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        return on_host(host_of(inventory, step.node).name, _keep(inventory, step.node, "RUN"))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether there is something to copy from that does not change meanwhile."""
        left = await remains(bench, step.node)
        if not left.is_gone:
            return Finding("no", f"{step.node} still has processes")
        return Finding("yes", f"{step.node} is down", {"kept_in": kept_folder(bench.inventory, step.node, bench.run)})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Copy them.

        Raises:
            RunError: They could not be copied.
        """
        host, command = host_of(bench.inventory, step.node).name, _keep(bench.inventory, step.node, bench.run)
        result = await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            raise RunError(f"its configuration was not kept: {plain(result.stderr)}", where=host)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether they are kept, and are what they were copied from."""
        folder = kept_folder(bench.inventory, step.node, bench.run)
        data = data_directory_of(instance_of(bench.inventory, step.node))
        command = (
            f'cd {shlex.quote(folder)}/files 2>/dev/null || exit 66; n=0; for f in *; do [ -e "$f" ] || continue; n=$((n+1)); '
            f'diff -rq "$f" {shlex.quote(data)}/"$f" || exit 1; done; echo "$n"'
        )
        seen = await bench.hosts.look(host_of(bench.inventory, step.node).name, command, timeout_s=LOOK_S)
        if seen.exit_status != 0:
            why = plain(seen.stdout + seen.stderr, 160)
            return Finding("no", f"the configuration of {step.node} is not kept in {folder}: {why}")
        count = plain(seen.stdout.strip(), 20)
        return Finding("yes", f"{count} configuration files of {step.node} are kept in {folder}", {"kept_in": folder})

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Leave it: what is kept stays."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that a copy is nothing that has to be put back."""
        return Finding("yes", "what is kept stays; nothing else was changed")


def kept_folder(inventory: Inventory, node: str, run: str) -> str:
    """Return where the configuration of `node` is kept by `run`."""
    return f"{data_directory_of(instance_of(inventory, node))}{ENDING}{run}"


def put_back_command(inventory: Inventory, node: str, run: str) -> str:
    """Return the command that puts the kept files over those that came from the primary; nothing where none were kept."""
    kept = shlex.quote(kept_folder(inventory, node, run))
    return f"[ ! -d {kept}/files ] || cp -a {kept}/files/. {shlex.quote(data_directory_of(instance_of(inventory, node)))}/"


def _keep(inventory: Inventory, node: str, run: str) -> str:
    data, kept = data_directory_of(instance_of(inventory, node)), kept_folder(inventory, node, run)
    own = refuse_planted('"$k"', '"$k/files"')
    return (
        f'umask 077; k={shlex.quote(kept)}; {own}; [ ! -d "$k/files" ] || exit 0; '
        f'{{ [ -d "$k" ] || mkdir "$k"; }} && rm -rf "$k/files.part" && mkdir "$k/files.part" && '
        f"cd {shlex.quote(data)} || exit 1; "
        f'for f in {_NAMES}; do [ ! -e "$f" ] || cp -a "$f" "$k/files.part/" || exit 1; done; '
        'sync && mv -T "$k/files.part" "$k/files" && sync'
    )
