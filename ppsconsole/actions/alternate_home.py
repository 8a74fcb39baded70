"""The data that users wrote on an alternate server, brought home: restored beside the database of an instance, and compared.

What is restored is the bundle that this very run made of the alternate server once its PPS was stopped. The data go through the
console, as every bundle does: neither of the two servers has to trust, or even to reach, the other one.
"""

import shlex
from collections.abc import Sequence

from ppsconsole.actions.alternate_database import connection, program
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.bundle_read import RestoreTarget, open_bundle, restore_bundle_into, restore_command
from ppsconsole.actions.bundle_store import BundleStore
from ppsconsole.actions.copy_facts import source_facts
from ppsconsole.actions.copying import asked, copy_name, identifier, login
from ppsconsole.actions.database_like import values_like
from ppsconsole.actions.places import alternate_of, argument, host_of, instance_of, on_host, program_of
from ppsconsole.actions.restore_database import finish_command, make_command, restored_whole, say_kept
from ppsconsole.actions.table_sums import parse_sums, sums_command
from ppsconsole.cluster.database_sums import DatabaseSums
from ppsconsole.errors import RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

# Of tables, views and the like: indexes and sequences that belong to a column have their table's owner.
_OWNERS = (
    "SELECT COALESCE(json_agg(DISTINCT pg_get_userbyid(relowner)), $$[]$$::json) FROM pg_class WHERE relkind = ANY "
    "($${r,p,v,m}$$::text[]) AND relpersistence <> $$t$$ AND relnamespace::regnamespace::text !~ $$^(pg_|information_schema$)$$;"
)
_TOLD = 5


class RestoreHome:
    """Restores the bundle of this run into `pps_restore_RUN` on `step.node`, and compares every table.

    Arguments: `source`, the alternate server; `archive`, the place that has its bundle. The new database is made like the one
    that `step.node` has: its owner, locale, settings and rights, which neither a bundle nor an alternate server knows.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return what makes, fills and finishes it, with `RUN` for the run's id and `OWNER` for the role that owns the tables."""
        name = copy_name(inventory.database.database, "restore", "RUN")
        return on_host(
            host_of(inventory, step.node).name,
            make_command(inventory, step.node, "RUN", f"CREATE DATABASE {identifier(name)} TEMPLATE template0"),
            restore_command(_target(inventory, step.node, "RUN", "OWNER")),
            rights_command(inventory, step.node, "RUN"),
            finish_command(inventory, step.node, "RUN", ()),
        )

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether there is a bundle of this run, and what the new database has to be like."""
        made = bench.found_by("back-up", argument(step, "archive"))
        bundle = made.get("bundle")
        if not bundle:
            return Finding("no", "this run has made no bundle of the alternate server")
        facts = await source_facts(bench, step.node, step.node)
        owner, lacks = await owner_of(bench, step.node, str(facts.found["owner"]))
        if lacks:
            return Finding("no", lacks)
        name = copy_name(bench.inventory.database.database, "restore", bench.run)
        values = {
            **values_like(name, facts.found),
            "owner": owner,
            "bundle": str(bundle),
            "database_bytes": int(made.get("database_bytes") or 0),
            "has": (await restored_whole(bench, step.node)).state == "yes",
        }
        return Finding("yes", f"{bundle} can be restored on {step.node} beside what it has; it will belong to {owner}", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Restore, count, compare, and mark the new database as whole.

        Raises:
            RunError: The restore failed, the tables differ, or somebody wrote to the alternate server meanwhile.
            BadAnswer: The bundle is damaged or not for this.
            SecretError: There is no key to open it.
            DriverError: A line broke.
        """
        if bench.noted(step, "has"):
            return
        inventory, node, run = bench.inventory, step.node, bench.run
        store = BundleStore(inventory.backups[argument(step, "archive")], inventory, bench.tools.ssh)
        bundle = await open_bundle(store, cluster=inventory.cluster.name, name=str(bench.noted(step, "bundle")))
        await _send(bench, node, make_command(inventory, node, run, str(bench.noted(step, "create"))), "it was not made")
        await restore_bundle_into(bench, bundle, _target(inventory, node, run, str(bench.noted(step, "owner"))))
        name = copy_name(inventory.database.database, "restore", run)
        restored = await sums_of(bench, node, name, step.timeout_s)
        _same(
            bundle.sums.differences(restored, "in the bundle", f"restored on {node}"), "what was restored is not what was dumped"
        )
        now = await _sums_now(bench, argument(step, "source"), step.timeout_s)
        _same(bundle.sums.differences(now, "when it was dumped", "now"), f"{argument(step, 'source')} was written to meanwhile")
        bench.note(step, rows=restored.rows, tables=len(restored.tables), compared=restored.said())
        said = await _send(bench, node, rights_command(inventory, node, run), "its rights were not given")
        if said:
            bench.say(f"{node}: rights that the old database has and the new one did not get: {said}")
        properties = tuple(bench.noted(step, "properties") or ())
        await _send(bench, node, finish_command(inventory, node, run, properties), "it was not finished", step.timeout_s)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is there, marked as whole, which it is only once every table was compared."""
        found = await restored_whole(bench, step.node)
        if found.state != "yes":
            return found
        compared = bench.noted(step, "compared")
        words = f"{found.words}; every table is the same as on {argument(step, 'source')}" + (f": {compared}" if compared else "")
        # The mark is set behind the comparison, also where a console that died in between could not note what it counted.
        return Finding("yes", words, {"rows": bench.noted(step, "rows") or 0, **found.values})

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Leave it: nothing is deleted, and nothing uses it."""
        say_kept(bench, step.node)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that a database beside the one in use is nothing that has to be put back."""
        return Finding("yes", "what was restored stays beside the database, and nothing uses it")


async def owner_of(bench: Workbench, node: str, default: str) -> tuple[str, str]:
    """Return the one role that the tables of the PPS database on `node` belong to; or, beside nothing, why there is none.

    Args:
        bench: To ask with.
        node: An instance that runs.
        default: The owner of the database, for one that has no table yet.

    Raises:
        DriverError: It could not be asked.
    """
    rows = await asked(bench, node, node, bench.inventory.database.database, _OWNERS)
    owners = [str(each) for each in rows[0]] if rows else []
    if len(owners) > 1:
        said = ", ".join(plain(each, 80) for each in owners)
        return "", f"tables on {node} belong to several roles ({said}), and what comes home can belong to one only"
    return (owners[0] if owners else default), ""


async def sums_of(bench: Workbench, node: str, database: str, timeout_s: float) -> DatabaseSums:
    """Return what `database` on the instance `node` holds, counted and hashed on its host.

    Raises:
        BadAnswer: It was not counted.
        DriverError: The host could not be asked.
    """
    psql = program_of(instance_of(bench.inventory, node), "psql")
    command = sums_command(psql, login(bench.inventory, node, node, database))
    return parse_sums(await bench.hosts.look(host_of(bench.inventory, node).name, command, timeout_s=timeout_s))


def rights_command(inventory: Inventory, node: str, run: str) -> str:
    """Return the command that gives the new database the rights on tables that the old one has; prints what could not be given.

    They are taken by pg_dump from where they are, without any data: an alternate server does not have the roles.
    """
    database, instance = inventory.database.database, instance_of(inventory, node)
    dump, restore = (shlex.quote(program_of(instance, name)) for name in ("pg_dump", "pg_restore"))
    old = shlex.quote(login(inventory, node, node, database))
    new = shlex.quote(login(inventory, node, node, copy_name(database, "restore", run)))
    return (
        "( umask 077; t=$(mktemp -d) || exit 1; trap 'rm -rf \"$t\"' EXIT; "
        "export LC_ALL=C PGOPTIONS='-c synchronous_commit=local'; "
        f'{dump} -Fc -s -w -d {old} -f "$t/old" && {restore} -l "$t/old" >"$t/all" || exit 1; '
        'grep -E "^[0-9]+; [0-9]+ [0-9]+ (DEFAULT )?ACL " "$t/all" >"$t/rights" || exit 0; '
        f'{restore} -L "$t/rights" -w -d {new} "$t/old" 2>"$t/said" || grep -m 3 "error:" "$t/said" || exit 1 )'
    )


def _target(inventory: Inventory, node: str, run: str, owner: str) -> RestoreTarget:
    instance, name = instance_of(inventory, node), copy_name(inventory.database.database, "restore", run)
    role = owner.replace("\\", "\\\\").replace(" ", "\\ ")
    # A standby that is not there must not keep the commit from ending.
    options = f"-c role={role} -c synchronous_commit=local".replace("\\", "\\\\").replace("'", "\\'")
    way = f"{login(inventory, node, node, name)} options='{options}'"
    return RestoreTarget(host_of(inventory, node).name, program_of(instance, "pg_restore"), way, is_owned_by_caller=True)


async def _sums_now(bench: Workbench, name: str, timeout_s: float) -> DatabaseSums:
    alternate = alternate_of(bench.inventory, name)
    command = sums_command(program(alternate, "psql"), connection(alternate, alternate.database.database))
    return parse_sums(await bench.hosts.look(alternate.database_host, command, timeout_s=timeout_s))


def _same(differences: Sequence[str], what: str) -> None:
    """Refuse where two databases do not hold the same.

    Raises:
        RunError: They do not; with the first differences.
    """
    if differences:
        more = f"; and {len(differences) - _TOLD} more" if len(differences) > _TOLD else ""
        raise RunError(f"{what}: {'; '.join(differences[:_TOLD])}{more}", remedy="Back out: users go on where they were")


async def _send(bench: Workbench, node: str, command: str, what: str, timeout_s: float = 600.0) -> str:
    host = host_of(bench.inventory, node).name
    result = await bench.hosts.act(host, command, node=node, timeout_s=timeout_s)
    if result.exit_status != 0:
        raise RunError(f"{what}: {plain(result.stderr or result.stdout, 300) or result.exit_status}", where=host)
    return plain(result.stdout, 400)
