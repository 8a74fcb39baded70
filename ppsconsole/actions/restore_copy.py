"""Restore a bundle into the database server of an alternate server, under a name of its own, and compare every table."""

from dataclasses import replace

from ppsconsole.actions.alternate_database import (
    aside_name,
    comment_sql,
    connection,
    held,
    program,
    psql,
    same_server_sql,
    send,
    shown,
)
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.bundle_read import OpenBundle, RestoreTarget, open_bundle, restore_bundle_into, restore_command
from ppsconsole.actions.bundle_store import BundleStore
from ppsconsole.actions.copying import identifier
from ppsconsole.actions.kinds import Lasting
from ppsconsole.actions.looks import LOOK_S
from ppsconsole.actions.places import alternate_of, argument
from ppsconsole.actions.table_sums import parse_sums, sums_command
from ppsconsole.cluster.copies import Copy
from ppsconsole.cluster.keys import KeyFile
from ppsconsole.errors import RunError
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step
from ppsconsole.probes.keys import keys_part, mark_of, parse_keys


class RestoreCopy(Lasting):
    """Puts a bundle beside what the alternate server uses; nothing that anybody uses is touched.

    Arguments: `bundle`; `database`, the name that the copy gets; `taken_at` and `version`, what the bundle's manifest tells;
    `system`, the system identifier of the server that it is restored into.
    The copy counts only once its comment says that it was compared: what is found half done is set aside and made anew.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return what makes the database, restores into it, and marks it."""
        alternate, copy = alternate_of(inventory, step.node), _copy(inventory, step)
        marked = psql(alternate, "postgres", comment_sql(replace(copy, is_verified=True)))
        return shown(alternate, _make_command(alternate, copy, step), restore_command(_target(alternate, copy)), marked)

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether there is a server to restore into, and whether it has the copy already."""
        alternate, wanted = alternate_of(bench.inventory, step.node), _copy(bench.inventory, step)
        copies, databases = await held(bench, alternate)
        if _has(copies, wanted):
            return Finding("yes", f"{step.node} holds {wanted.bundle} already, and every table was compared", {"has": True})
        unfinished = wanted.database in databases
        words = (
            f"{wanted.database} is there and was not finished: it is set aside" if unfinished else f"{step.node} has room for it"
        )
        return Finding("yes", words, {"has": False, "unfinished": unfinished})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Restore, count, compare, and mark the copy.

        Raises:
            RunError: The keys on the host are others than those in the bundle, the restore failed, or the tables differ.
            BadAnswer: The bundle is damaged or not for this.
            SecretError: There is no key to open it.
            DriverError: A line broke.
        """
        if bench.noted(step, "has"):
            return
        alternate, wanted = alternate_of(bench.inventory, step.node), _copy(bench.inventory, step)
        store = BundleStore(bench.inventory.backups[alternate.archive], bench.inventory, bench.tools.ssh)
        version = step.arguments.get("version", "")
        bundle = await open_bundle(store, cluster=bench.inventory.cluster.name, pps_version=version, name=wanted.bundle)
        bench.say(await _keys_said(bench, alternate, bundle))
        _, databases = await held(bench, alternate)
        if wanted.database in databases:
            aside = aside_name(wanted.database, bench.run)
            rename = f"ALTER DATABASE {identifier(wanted.database)} RENAME TO {identifier(aside)};"
            command = psql(alternate, "postgres", same_server_sql(argument(step, "system")), rename)
            await send(bench, alternate, command, f"{wanted.database} was not set aside")
        await send(bench, alternate, _make_command(alternate, wanted, step), f"{wanted.database} was not made")
        await restore_bundle_into(bench, bundle, _target(alternate, wanted))
        counting = sums_command(program(alternate, "psql"), connection(alternate, wanted.database))
        sums = parse_sums(await bench.hosts.look(alternate.database_host, counting, timeout_s=step.timeout_s))
        if differences := bundle.sums.differences(sums, "in the bundle", f"on {alternate.name}"):
            more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
            what = f"the copy is not what was dumped: {'; '.join(differences[:3])}{more}"
            raise RunError(what, where=alternate.name, remedy="Take another bundle: see `ppsconsole backup list`")
        bench.note(step, compared=sums.said())
        marked = psql(alternate, "postgres", comment_sql(replace(wanted, is_verified=True)))
        await send(bench, alternate, marked, f"{wanted.database} was not marked as verified")

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the copy is there, with the mark that its tables were compared."""
        alternate, wanted = alternate_of(bench.inventory, step.node), _copy(bench.inventory, step)
        copies, databases = await held(bench, alternate)
        if not _has(copies, wanted):
            state = "is there, but was not compared" if wanted.database in databases else "is not there"
            return Finding("no", f"{wanted.database} {state}")
        compared = bench.noted(step, "compared")
        words = f"{step.node} holds {wanted.bundle} as {wanted.database}" + (f": {compared}, all the same" if compared else "")
        return Finding("yes", words, {"bundle": wanted.bundle, "taken_at": wanted.taken_at})


def _copy(inventory: Inventory, step: Step) -> Copy:
    taken_at, version = float(argument(step, "taken_at")), step.arguments.get("version", "")
    return Copy(argument(step, "database"), argument(step, "bundle"), inventory.cluster.name, taken_at, version)


def _has(copies: tuple[Copy, ...], wanted: Copy) -> bool:
    return any(each.is_verified and (each.database, each.bundle) == (wanted.database, wanted.bundle) for each in copies)


def _target(alternate: Alternate, copy: Copy) -> RestoreTarget:
    # The roles of the old server are not there, or have other rights: all of it belongs to the role that this PPS logs in with.
    login = connection(alternate, copy.database, as_owner=True)
    return RestoreTarget(alternate.database_host, program(alternate, "pg_restore"), login, is_owned_by_caller=True)


def _make_command(alternate: Alternate, copy: Copy, step: Step) -> str:
    owner = identifier(alternate.database.owner)
    made = f"CREATE DATABASE {identifier(copy.database)} OWNER {owner} TEMPLATE template0;"
    return psql(alternate, "postgres", same_server_sql(argument(step, "system")), made, comment_sql(copy))


async def _keys_said(bench: Workbench, alternate: Alternate, bundle: OpenBundle) -> str:
    """Return what became of comparing the key files; no word of what is in them leaves the host.

    Raises:
        RunError: One of them is another one than the bundle has, or is missing.
    """
    part = keys_part(alternate.as_web_node(), 1.0)
    if part is None:
        return f"{alternate.name}: its key files are not checked, none is declared"
    node = next((path.partition(":")[0] for path in bundle.key_paths.values()), None)
    theirs = [bundle.files[name] for name, path in bundle.key_paths.items() if path.partition(":")[0] == node]
    if not theirs:
        return f"{alternate.name}: its key files are not compared, {bundle.name} has none"
    seen = parse_keys(alternate.key_files, await bench.hosts.look(alternate.host, part.command, timeout_s=LOOK_S))
    keys: tuple[KeyFile, ...] = seen["keys"]  # type: ignore[assignment]
    for number, key in enumerate(keys):
        wrong = "" if key.state == "ok" else f"{key.path} is {key.state}"
        if not wrong and number < len(theirs) and key.mark != mark_of(theirs[number]):
            wrong = f"{key.path} is not the key that {bundle.name} was written with"
        if wrong:
            remedy = f"Put the key of {node} there, from the bundle or from a web node; then go on with this run"
            raise RunError(f"{wrong}: the copy could not be read", where=alternate.host, remedy=remedy)
    return f"{alternate.name}: its key files are those of {bundle.name}"
