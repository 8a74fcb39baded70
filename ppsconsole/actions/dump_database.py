"""Dump a database under one exported snapshot, and count and hash under the same one what it holds.

A client of an older version than the server makes dumps that are nearly empty and looks as if all went well (GitLab, 2017), so
versions are compared before, and the list of contents is counted behind.
"""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.copy_facts import source_facts, source_lacks, tools_lack
from ppsconsole.actions.copying import LOOK_S, done_telling, dump_folder, jobs_command, login
from ppsconsole.actions.places import argument, host_of, instance_of, on_host, program_of
from ppsconsole.actions.planted import refuse_planted
from ppsconsole.actions.table_sums import parse_sums, sums_command
from ppsconsole.cluster.judging import size as size_said
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

SUMS, ABOUT, DUMP = "sums", "about", "dump"
"""In a dump's folder: what was counted, how it was made, and pg_dump's own folder."""

SOURCE_POSITION = "SELECT to_json(txid_snapshot_xmax(txid_current_snapshot()))"
"""The number that the next transaction to write anything gets: while it stays, nobody wrote."""


class DumpDatabase:
    """Dumps the PPS database of the instance `source` (argument) to a folder on the host of `step.node`.

    The folder has its name only when everything in it is whole. It is written for its owner alone: it holds every password that
    PPS has, as encrypted as the database itself.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command, with `RUN` for the run's id."""
        return on_host(host_of(inventory, step.node).name, _command(inventory, step, "RUN"))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the programs are new enough and there is room for dump and copy."""
        source = argument(step, "source")
        facts = await source_facts(bench, step.node, source)
        lacks = [*await source_lacks(source, facts), *await tools_lack(bench, step.node, facts)]
        values = {"bytes": facts.size, "table_bytes": facts.table_size}
        if lacks:
            return Finding("no", "; ".join(lacks), values)
        return Finding("yes", f"{source} has {size_said(facts.size)} of data, {step.node} has room for it", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Dump, count and hash, telling how far it is.

        Raises:
            RunError: One of the programs failed; nothing is left of the dump then.
        """
        host = host_of(bench.inventory, step.node).name
        folder = dump_folder(bench.inventory, step.node, bench.run)

        async def size() -> int:
            return await _kilobytes(bench, host, folder) * 1024

        command = _command(bench.inventory, step, bench.run)
        work = bench.hosts.act_detached(host, "dump-database", command, node=step.node, timeout_s=step.timeout_s)
        result = await done_telling(bench, work, "dumped", size, int(bench.noted(step, "table_bytes") or 0))
        if result.exit_status != 0:
            raise RunError(f"the dump failed: {plain(result.stderr, 400) or result.exit_status}", where=host)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether a whole dump is there, and what it holds."""
        folder = dump_folder(bench.inventory, step.node, bench.run)
        read = await _read(bench, step.node, folder)
        if read is None:
            return Finding("no", f"there is no whole dump in {folder}")
        about, sums_text = read
        sums = parse_sums(CommandResult(0, sums_text, "", 0.0))
        entries, data = int(about["entries"]), int(about["data"])
        if not entries or (sums.tables and not data):
            return Finding("no", f"the dump in {folder} is empty: {entries} entries, {data} of them data")
        values = {"sums": sums.as_json(), "position": about["position"], "folder": folder, "kilobytes": int(about["kilobytes"])}
        words = (
            f"{argument(step, 'source')} is dumped: {sums.said()}; {entries} entries, {size_said(int(about['kilobytes']) * 1024)}"
        )
        return Finding("yes", words, values)

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Remove the dump: what it was made of is where it was."""
        await remove_dump(bench, step)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is gone."""
        return await dump_is_gone(bench, step)


class RemoveDump:
    """Removes the dump that this run made on the host of `step.node`: it holds all passwords, and nobody needs it any more."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command, with `RUN` for the run's id."""
        return on_host(host_of(inventory, step.node).name, _remove(dump_folder(inventory, step.node, "RUN")))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return that a run's own dump may always go."""
        return Finding("yes", f"the dump in {dump_folder(bench.inventory, step.node, bench.run)} is this run's own")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Remove it."""
        await remove_dump(bench, step)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is gone."""
        return await dump_is_gone(bench, step)

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Do nothing: it can be made again."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that there is nothing to put back."""
        return Finding("yes", "a dump can be made again")


async def remove_dump(bench: Workbench, step: Step) -> None:
    """Remove this run's dump, and what is half-made of it, on the host of `step.node`."""
    command = _remove(dump_folder(bench.inventory, step.node, bench.run))
    await bench.hosts.act(host_of(bench.inventory, step.node).name, command, node=step.node, timeout_s=step.timeout_s)


async def dump_is_gone(bench: Workbench, step: Step) -> Finding:
    """Return whether nothing of this run's dump is left."""
    folder = dump_folder(bench.inventory, step.node, bench.run)
    left = await _kilobytes(bench, host_of(bench.inventory, step.node).name, folder)
    return Finding("no", f"{folder} still has {left} kB") if left else Finding("yes", f"nothing is left of {folder}")


async def _kilobytes(bench: Workbench, host: str, folder: str) -> int:
    """Return how much there is of a dump, whole or not; 0 for nothing."""
    command = f"du -sk {shlex.quote(folder)} {shlex.quote(folder)}.part 2>/dev/null; :"
    result = await bench.hosts.look(host, command, timeout_s=LOOK_S)
    return sum(int(line.split()[0]) for line in result.stdout.splitlines() if line.split() and line.split()[0].isdigit())


async def _read(bench: Workbench, node: str, folder: str) -> tuple[dict[str, str], str] | None:
    """Return how the dump was made, and its sums as psql gave them; None where there is no whole dump."""
    place = shlex.quote(folder)
    command = f"[ -d {place} ] && cat {place}/{ABOUT} && echo -- && cat {place}/{SUMS}"
    result = await bench.hosts.look(host_of(bench.inventory, node).name, command, timeout_s=LOOK_S)
    head, mark, sums = result.stdout.partition("--\n")
    if result.exit_status != 0 or not mark:
        return None
    return dict(word.split("=", 1) for word in head.split() if "=" in word), sums


def _remove(folder: str) -> str:
    return f"rm -rf {shlex.quote(folder)} {shlex.quote(folder)}.part"


def _command(inventory: Inventory, step: Step, run: str) -> str:
    """Return the command that dumps: one session holds the snapshot, and pg_dump and psql read under it at the same time."""
    instance, source = instance_of(inventory, step.node), argument(step, "source")
    connection = login(inventory, step.node, source, inventory.database.database)
    psql, pg_dump, pg_restore = (shlex.quote(program_of(instance, name)) for name in ("psql", "pg_dump", "pg_restore"))
    place, way = shlex.quote(dump_folder(inventory, step.node, run)), shlex.quote(connection)
    export = (
        "SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; "
        f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot(); {SOURCE_POSITION};"
    )
    sums, own = sums_command(program_of(instance, "psql"), connection, snapshot='"$s"'), refuse_planted('"$k"')
    return (
        f'umask 077; trap "" PIPE; k={place}; t=$k.part; {own}; [ ! -d "$k" ] || exit 0; rm -rf "$t"; {jobs_command()}; '
        'fail() { echo "$1" >&2; exec 7>&-; kill "$h" $d $c 2>/dev/null; wait; rm -rf "$t"; exit 1; }; d=; c=; '
        'mkdir "$t" && mkfifo "$t/say" && : >"$t/held" || exit 1; '
        f'LC_ALL=C {psql} -XAtq -w -v ON_ERROR_STOP=1 -d {way} <"$t/say" >"$t/held" 2>"$t/why" & h=$!; '
        f'exec 7>"$t/say"; echo {shlex.quote(export)} >&7; n=0; '
        'until [ "$(wc -l <"$t/held")" -ge 2 ] 2>/dev/null; do '
        'kill -0 "$h" 2>/dev/null && [ $n -lt 600 ] || fail "no snapshot: $(cat "$t/why")"; sleep 0.1; n=$((n+1)); done; '
        '{ read -r s; read -r x; } <"$t/held"; [ -n "$s" ] && [ -n "$x" ] || fail "no snapshot: $(cat "$t/why")"; '
        f'LC_ALL=C {pg_dump} -Fd -j "$j" -Z 0 -w --snapshot="$s" -d {way} -f "$t/{DUMP}" 2>"$t/said" & d=$!; '
        f'{{ {sums}; }} >"$t/{SUMS}" 2>"$t/why" & c=$!; '
        'wait $d || fail "pg_dump: $(tail -c 400 "$t/said")"; wait $c || fail "psql: $(tail -c 400 "$t/why")"; '
        'kill -0 "$h" 2>/dev/null || fail "the snapshot was not held to the end"; exec 7>&-; wait "$h"; '
        f'{pg_restore} -l "$t/{DUMP}" >"$t/list" 2>"$t/said" || fail "pg_restore -l: $(tail -c 400 "$t/said")"; '
        'e=$(grep -c "^[0-9]" "$t/list"); a=$(grep -c "^[0-9].* TABLE DATA " "$t/list"); '
        f'echo "entries=$e data=$a position=$x kilobytes=$(du -sk "$t/{DUMP}" | cut -f1) jobs=$j" >"$t/{ABOUT}"; '
        'rm -f "$t/say" "$t/held" "$t/why"; sync; mv -T "$t" "$k"'
    )
