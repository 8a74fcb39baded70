"""Restore a dump into a new database beside the one that is used; half-made ones are set aside, never continued."""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.copy_facts import source_facts, target_lacks
from ppsconsole.actions.copying import (
    asked,
    asked_command,
    copy_name,
    done_telling,
    dump_folder,
    identifier,
    jobs_command,
    literal,
    login,
)
from ppsconsole.actions.database_like import values_like
from ppsconsole.actions.dump_database import DUMP
from ppsconsole.actions.places import argument, host_of, instance_of, on_host, program_of
from ppsconsole.cluster.judging import size as size_said
from ppsconsole.errors import RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

# A standby that is not there must not keep a commit from ending; what is off is made durable by the last statement.
_LOCAL = "PGOPTIONS='-c synchronous_commit=local'"
_FAST = "PGOPTIONS='-c synchronous_commit=off -c maintenance_work_mem=128MB'"


def whole_mark(run: str) -> str:
    """Return the comment of a database that the run has restored whole and not put in use yet."""
    return f"ppsconsole: restored whole by run {run}, not in use yet"


class RestoreDatabase:
    """Restores this run's dump into `pps_restore_RUN` on `step.node`. Argument `source`: the instance that was dumped."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command, with `RUN` for the run's id, and without what is taken over from the source's own database."""
        name = copy_name(inventory.database.database, "restore", "RUN")
        create = f"CREATE DATABASE {identifier(name)} TEMPLATE template0"
        return on_host(host_of(inventory, step.node).name, _command(inventory, step, "RUN", create, ()))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the server can take it; keeps what the new database has to be like."""
        source = argument(step, "source")
        facts = await source_facts(bench, step.node, source)
        lacks, told = await target_lacks(bench, step.node, facts)
        if told["idle_slots"]:
            slots = ", ".join(plain(str(each), 80) for each in told["idle_slots"])
            bench.say(
                f"{step.node}: slots that nobody uses keep all log from now on: {slots}; drop them, or rejoin who used them"
            )
        if lacks:
            return Finding("no", "; ".join(lacks))
        name = copy_name(bench.inventory.database.database, "restore", bench.run)
        values = {
            **values_like(name, facts.found),
            "bytes": facts.size,
        }
        return Finding("yes", f"{step.node} can take {size_said(facts.size)} of {source}", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Restore, and gather statistics, telling how far it is.

        Raises:
            RunError: One of the programs failed; what is half-made has no name that anything uses.
        """
        host = host_of(bench.inventory, step.node).name
        create, properties = str(bench.noted(step, "create")), tuple(bench.noted(step, "properties") or ())
        name = copy_name(bench.inventory.database.database, "restore", bench.run)

        async def size() -> int:
            sql = f"SELECT to_json(COALESCE((SELECT pg_database_size(oid) FROM pg_database WHERE datname = {literal(name)}), 0));"
            return int((await asked(bench, step.node, step.node, "postgres", sql))[0])

        command = _command(bench.inventory, step, bench.run, create, properties)
        work = bench.hosts.act_detached(host, "restore-database", command, node=step.node, timeout_s=step.timeout_s)
        result = await done_telling(bench, work, "restored", size, int(bench.noted(step, "bytes") or 0))
        if result.stdout.strip():
            bench.say(f"{host}: {plain(result.stdout, 400)}")
        if result.exit_status != 0:
            raise RunError(f"the restore failed: {plain(result.stderr, 400) or result.exit_status}", where=host)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is there, and marked as whole."""
        return await restored_whole(bench, step.node)

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Leave it: nothing is deleted, and nothing uses it."""
        say_kept(bench, step.node)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that a database beside the one in use is nothing that has to be put back."""
        return Finding("yes", "what was restored stays beside the database, and nothing uses it")


async def restored_whole(bench: Workbench, node: str) -> Finding:
    """Return whether what this run restored is on `node`, and marked as whole; then with its `oid` and `name`."""
    name = copy_name(bench.inventory.database.database, "restore", bench.run)
    rows = await asked(bench, node, node, "postgres", _state(name))
    if not rows:
        return Finding("no", f"{node} has no database {name}")
    oid, comment, size = rows[0]
    if comment != whole_mark(bench.run):
        return Finding("no", f"{name} on {node} is half-made")
    return Finding("yes", f"{name} on {node} is restored, {size_said(size)}; nobody uses it yet", {"oid": int(oid), "name": name})


def say_kept(bench: Workbench, node: str) -> None:
    """Say that what this run restored on `node` stays where it is, and how it is dropped."""
    name = copy_name(bench.inventory.database.database, "restore", bench.run)
    bench.say(f"{node} keeps what was restored as {name}; when you are sure: DROP DATABASE {identifier(name)}")


def _state(name: str) -> str:
    return (
        "SELECT json_build_array(oid, shobj_description(oid, $$pg_database$$), pg_database_size(oid)) FROM pg_database "
        f"WHERE datname = {literal(name)};"
    )


def make_command(inventory: Inventory, node: str, run: str, create: str) -> str:
    """Return the command that makes the new database: a whole one is left alone, a half-made one set aside under another name."""
    name, mark = copy_name(inventory.database.database, "restore", run), whole_mark(run)
    is_it, is_whole = f"datname = {literal(name)}", _is_whole(mark)
    # "Half-made" with the number of the database behind it: each attempt has its own.
    aside = f"left({literal(name)}, 40) || $$_half_$$ || oid"
    return asked_command(
        inventory,
        node,
        node,
        "postgres",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {is_it} \\g /dev/null",
        f"SELECT $$a half-made copy is set aside as $$ || {aside} FROM pg_database WHERE {is_it} AND NOT {is_whole};",
        f"SELECT format($$ALTER DATABASE %I RENAME TO %I$$, datname, {aside}) FROM pg_database WHERE {is_it} AND NOT {is_whole} "
        "\\gexec",
        f"SELECT {literal(create)} WHERE NOT EXISTS (SELECT FROM pg_database WHERE {is_it}) \\gexec",
    )


def finish_command(inventory: Inventory, node: str, run: str, properties: tuple[str, ...]) -> str:
    """Return the command that gathers statistics, gives the new database its properties, and marks it as whole."""
    name = copy_name(inventory.database.database, "restore", run)
    analyze = asked_command(inventory, node, node, name, "ANALYZE;")
    comment = f"COMMENT ON DATABASE {identifier(name)} IS {literal(whole_mark(run))};"
    finish = asked_command(inventory, node, node, "postgres", *properties, comment)
    return f"export {_FAST}; {analyze} || exit 1; {_LOCAL}; {finish}"


def _is_whole(mark: str) -> str:
    return f"COALESCE(shobj_description(oid, $$pg_database$$), $$$$) = {literal(mark)}"


def _command(inventory: Inventory, step: Step, run: str, create: str, properties: tuple[str, ...]) -> str:
    """Return the command: a whole one is left alone, a half-made one set aside under a name of its own, and a new one made."""
    instance, node = instance_of(inventory, step.node), step.node
    name, mark = copy_name(inventory.database.database, "restore", run), whole_mark(run)
    prepare = make_command(inventory, node, run, create)
    is_it = f"datname = {literal(name)} AND {_is_whole(mark)}"
    whole = asked_command(inventory, node, node, "postgres", f"SELECT 1 FROM pg_database WHERE {is_it};")
    connection = shlex.quote(login(inventory, node, node, name))
    restore = f'{shlex.quote(program_of(instance, "pg_restore"))} -j "$j" --exit-on-error -w -d {connection}'
    return (
        f"k={shlex.quote(dump_folder(inventory, node, run))}; "
        f"[ -d \"$k/{DUMP}\" ] || {{ echo 'there is no dump' >&2; exit 1; }}; "
        f'{jobs_command()}; export {_LOCAL}; w=$({whole}) || exit 1; [ "$w" != 1 ] || exit 0; {prepare} || exit 1; '
        f'{_FAST} LC_ALL=C {restore} "$k/{DUMP}" || exit 1; {finish_command(inventory, node, run, properties)}'
    )
