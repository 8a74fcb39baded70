"""Compare a restored database with the one it was made of: counts and hashes of every table, and whether anybody wrote since."""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.copying import LOOK_S, asked_command, copy_name, dump_folder, login
from ppsconsole.actions.dump_database import SOURCE_POSITION, SUMS
from ppsconsole.actions.kinds import Looking
from ppsconsole.actions.places import argument, host_of, instance_of, on_host, program_of
from ppsconsole.actions.planted import refuse_planted
from ppsconsole.actions.table_sums import parse_sums, sums_command
from ppsconsole.cluster.database_sums import DatabaseSums
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import BadAnswer, RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

_TOLD = 5
"""So many differences are told in words; the rest is in the files beside the dump."""


class CompareDatabases(Looking):
    """Counts and hashes what was restored on `step.node`. Argument `source`: what was dumped, which must not have changed.

    Whether anybody wrote to the source since is seen by the number that its next writing transaction gets. Where that has moved,
    which the server's own housekeeping does as well, the source is counted again.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command, with `RUN` for the run's id and `POSITION` for what the dump noted; it changes nothing."""
        return on_host(host_of(inventory, step.node).name, _command(inventory, step, "RUN", "POSITION"))

    async def act(self, bench: Workbench, step: Step) -> None:
        """Count.

        Raises:
            RunError: One of the two could not be counted.
        """
        host = host_of(bench.inventory, step.node).name
        position = str(bench.found_by("dump-database", step.node).get("position", ""))
        command = _command(bench.inventory, step, bench.run, position)
        result = await bench.hosts.act_detached(host, "compare-databases", command, node=step.node, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            raise RunError(f"not compared: {plain(result.stderr, 400) or result.exit_status}", where=host)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether all three are the same: what was dumped, what was restored, and what the source has now."""
        source, folder = argument(step, "source"), dump_folder(bench.inventory, step.node, bench.run)
        try:
            dumped = await _sums(bench, step.node, f"{folder}/{SUMS}")
            restored = await _sums(bench, step.node, f"{folder}/restored")
            now = await _sums(bench, step.node, f"{folder}/source")
        except BadAnswer as error:
            return Finding("no", f"not compared: {error.what}")
        changed = dumped.differences(now, f"on {source} when it was dumped", "now")
        if changed:
            return Finding("no", f"{source} was written to since it was dumped: {_told(changed)}")
        found = dumped.differences(restored, f"on {source}", f"restored on {step.node}")
        if found:
            return Finding("no", f"what was restored is not what was dumped: {_told(found)}", {"differences": list(found)})
        words = f"every table has the same rows on {step.node} as on {source}: {dumped.said()}"
        compared = int(bench.found_by("dump-database", step.node).get("bytes", 0))
        return Finding("yes", words, {"tables": len(dumped.tables), "rows": dumped.rows, "bytes": compared})


def _told(differences: tuple[str, ...]) -> str:
    more = f"; and {len(differences) - _TOLD} more" if len(differences) > _TOLD else ""
    return "; ".join(differences[:_TOLD]) + more


async def _sums(bench: Workbench, node: str, path: str) -> DatabaseSums:
    result = await bench.hosts.look(host_of(bench.inventory, node).name, f"cat {shlex.quote(path)}", timeout_s=LOOK_S)
    if result.exit_status != 0:
        raise BadAnswer(f"{path} cannot be read", where=node)
    return parse_sums(CommandResult(0, result.stdout, "", 0.0))


def _command(inventory: Inventory, step: Step, run: str, position: str) -> str:
    node, source, name = step.node, argument(step, "source"), inventory.database.database
    psql = program_of(instance_of(inventory, node), "psql")
    restored = sums_command(psql, login(inventory, node, node, copy_name(name, "restore", run)))
    again = sums_command(psql, login(inventory, node, source, name))
    where = asked_command(inventory, node, source, name, f"{SOURCE_POSITION};")
    dump = shlex.quote(dump_folder(inventory, node, run))
    return (
        f"umask 077; {refuse_planted(dump)}; cd {dump} || exit 1; rm -f restored source new; "
        f"{restored} >new || exit 1; mv new restored; x=$({where}) || exit 1; "
        f'if [ "$x" = {shlex.quote(position)} ]; then cp {SUMS} new; else {again} >new; fi && mv new source'
    )
