"""Prove that a bundle can be restored: into a server of its own, and compared with what the database held when it was dumped."""

import re
import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.bundle_read import OpenBundle, RestoreTarget, open_bundle, restore_bundle_into, restore_command
from ppsconsole.actions.bundle_scratch import (
    DATABASE,
    ScratchServer,
    begin_scratch_command,
    is_gone_command,
    program_in,
    scratch_command,
    scratch_folder,
    scratch_of,
    scratch_server,
    tidy_command,
)
from ppsconsole.actions.bundle_store import check_command
from ppsconsole.actions.bundle_write import at_place, store_of
from ppsconsole.actions.copying import literal
from ppsconsole.actions.places import on_host, place_of
from ppsconsole.actions.table_sums import parse_sums, psql_command, sums_command
from ppsconsole.clock import iso
from ppsconsole.errors import BadAnswer, PpsConsoleError, RunError, SecretError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

_SUMS_S = 4 * 3600.0
_LOOK_S = 60.0
_GONE_S = 30.0
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_PROVIDERS = {"i": "icu", "b": "builtin"}


class VerifyBundle:
    """Restores the newest bundle of the place `step.node` where its `scratch` says, compares, and takes the copy away again.

    Argument: `pps_version`, of the web nodes; a bundle of another one is refused.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return what is sent, with `BUNDLE` and `RUN` for what is not known before; the dump comes by standard input."""
        backup = place_of(inventory, step.node)
        scratch, bin_directory = scratch_of(inventory, step.node)
        folder = scratch_folder(scratch, "RUN").removesuffix("run") + "RUN"
        server = ScratchServer(scratch.host, folder, bin_directory)
        return (
            *at_place(backup, check_command(f"{backup.path}/BUNDLE")),
            *on_host(
                scratch.host,
                tidy_command(scratch.path),
                begin_scratch_command(folder),
                scratch_command(folder, bin_directory),
                restore_command(_target(server)),
                sums_command(server.program("psql"), server.connection(DATABASE)),
            ),
        )

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the newest bundle is whole, of this version and opened by the key, and the programs can restore it."""
        try:
            bundle = await _opened(bench, step)
            await _new_enough(bench, step, bundle)
        except (BadAnswer, SecretError, RunError) as error:
            return Finding("no", str(error))
        said = bundle.manifest.database.get("said", "")
        lacks = list(bundle.manifest.lacks)
        words = f"{bundle.name} of {iso(bundle.manifest.made_at)} is whole: {said}{_without(lacks)}"
        return Finding("yes", words, {"bundle": bundle.name, "lacks": lacks})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Restore it, count and hash, compare, and remove the copy, whatever came of it.

        Raises:
            RunError: It could not be restored, or is not what was dumped.
            DriverError: A line broke; the copy goes with it.
        """
        bundle = await _opened(bench, step, str(bench.noted(step, "bundle") or ""))
        async with scratch_server(bench, step.node) as server:
            bench.say(f"{server.host}: a server of its own in {server.folder}, without a network")
            await _psql(bench, server, "postgres", f"CREATE DATABASE {DATABASE} {_like(bundle)};")
            await restore_bundle_into(bench, bundle, _target(server))
            host = bench.inventory.hosts[server.host]
            command = sums_command(server.program("psql"), server.connection(DATABASE))
            result = await bench.tools.ssh.run(host, command, timeout_s=_SUMS_S, limit_bytes=16 << 20)
            found = parse_sums(result)
        unlike = bundle.sums.differences(found, "when it was dumped", "restored")
        if unlike:
            more = f" and {len(unlike) - 5} more" if len(unlike) > 5 else ""
            raise RunError(f"{bundle.name} restores to something else: {'; '.join(unlike[:5])}{more}", where=step.node)
        bench.note(step, compared=found.said(), keys=len(bundle.key_paths))

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether this run compared it, and nothing of the copy is left."""
        scratch, _ = scratch_of(bench.inventory, step.node)
        folder = scratch_folder(scratch, bench.run)
        if not await _is_gone(bench, scratch.host, folder):
            return Finding("no", f"the scratch server in {folder} on {scratch.host} is still there")
        bundle, compared = bench.noted(step, "bundle"), bench.noted(step, "compared")
        if compared is None:
            return Finding("no", f"{bundle or 'the newest bundle'} was not compared; nothing of a copy is left")
        keys = f"{bench.noted(step, 'keys')} key files decrypted"
        words = f"{bundle} restores to what was dumped: {compared}, all counts and hashes equal; {keys}; the copy is removed"
        lacks = list(bench.noted(step, "lacks") or ())
        return Finding("yes", f"{words}{_without(lacks)}", {"bundle": bundle, "compared": compared, "lacks": lacks})

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Do nothing: the scratch server ends with the line that it hangs on."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether nothing of the copy is left."""
        scratch, _ = scratch_of(bench.inventory, step.node)
        folder = scratch_folder(scratch, bench.run)
        if await _is_gone(bench, scratch.host, folder):
            return Finding("yes", f"nothing of a copy is left on {scratch.host}; the bundle was only read")
        return Finding("no", f"{folder} on {scratch.host} is still there")


def _without(lacks: list[str]) -> str:
    """Return what a bundle should have and has not: a database that can be restored is not all that a PPS needs."""
    return f"; NOT in it: {'; '.join(lacks)}" if lacks else ""


async def _opened(bench: Workbench, step: Step, name: str = "") -> OpenBundle:
    version = step.arguments.get("pps_version", "")
    return await open_bundle(store_of(bench, step.node), cluster=bench.plan.cluster, pps_version=version, name=name)


async def _new_enough(bench: Workbench, step: Step, bundle: OpenBundle) -> None:
    """See that the programs on the scratch host can restore it.

    Raises:
        RunError: They are older than what made it, or not there.
    """
    scratch, bin_directory = scratch_of(bench.inventory, step.node)
    scratch_folder(scratch, bench.run)
    needed = _VERSION.search(bundle.manifest.dumped_by)
    for name in ("initdb", "pg_restore"):
        program = program_in(bin_directory, name)
        result = await bench.hosts.look(scratch.host, f"{shlex.quote(program)} --version", timeout_s=_LOOK_S)
        found = _VERSION.search(result.stdout)
        if found is None:
            raise RunError(f"{program} cannot be run: {plain(result.stderr, 160)}", where=scratch.host, remedy=_DECLARE)
        if needed is not None and int(found[1]) < int(needed[1]):
            what = f"{program} is of version {found[1]}, and {bundle.name} was dumped by version {needed[1]}"
            raise RunError(what, where=scratch.host, remedy=_DECLARE)


_DECLARE = "Declare `bin_directory` of the place's `scratch`, with PostgreSQL as new as the database's"


def _target(server: ScratchServer) -> RestoreTarget:
    return RestoreTarget(server.host, server.program("pg_restore"), server.connection(DATABASE), is_owned_by_caller=True)


def _like(bundle: OpenBundle) -> str:
    """Return the options that make a database sort and encode as the one that was dumped."""
    told = bundle.manifest.database
    options = f"TEMPLATE template0 ENCODING {literal(told.get('encoding') or 'UTF8')}"
    options += f" LC_COLLATE {literal(told.get('collate') or 'C')} LC_CTYPE {literal(told.get('ctype') or 'C')}"
    provider = _PROVIDERS.get(told.get("provider", ""))
    if provider is not None and told.get("locale"):
        options += f" LOCALE_PROVIDER {provider} {provider.upper()}_LOCALE {literal(told['locale'])}"
    return options


async def _psql(bench: Workbench, server: ScratchServer, database: str, statement: str) -> None:
    command = psql_command(server.program("psql"), server.connection(database), statement)
    result = await bench.tools.ssh.run(bench.inventory.hosts[server.host], command, timeout_s=_LOOK_S)
    if result.exit_status != 0:
        words = plain(result.stderr, 300) or f"status {result.exit_status}"
        raise RunError(f"no database like the one that was dumped could be made: {words}", where=server.host)


async def _is_gone(bench: Workbench, host: str, folder: str) -> bool:
    """Return whether nothing of a scratch server is left; it is waited for a moment: a line that broke is noticed late there."""
    until = bench.clock.monotonic() + _GONE_S
    while True:
        try:
            result = await bench.hosts.look(host, is_gone_command(folder))
            if result.exit_status == 0:
                return True
        except PpsConsoleError:
            if bench.clock.monotonic() >= until:
                raise
        if bench.clock.monotonic() >= until:
            return False
        await bench.clock.sleep(0.5)
