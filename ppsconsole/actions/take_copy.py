"""Put the copy of an alternate server in the place of the database that its PPS is set to, by renaming in one transaction."""

from ppsconsole.actions.alternate_database import aside_name, comment_sql, held, psql, same_server_sql, send, shown
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.copying import identifier, literal
from ppsconsole.actions.places import alternate_of, argument
from ppsconsole.cluster.copies import Copy
from ppsconsole.errors import Blocked
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step


class TakeCopy:
    """Renames; what was there before is kept under another name.

    Arguments: `database`, the copy's name; `bundle`, `cluster`, `taken_at` and `version`, what it holds; `system`, the server's
    system identifier.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the renaming; what was there before is called after the run."""
        alternate = alternate_of(inventory, step.node)
        return shown(alternate, _swap_command(alternate, step, aside_name(_live(alternate), "RUN")))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the copy is there, compared, and what stands in its place now."""
        alternate = alternate_of(bench.inventory, step.node)
        copies, databases = await held(bench, alternate)
        if _is_taken(copies, alternate, step):
            return Finding("yes", f"{_live(alternate)} is {argument(step, 'bundle')} already", {"taken": True})
        wanted = next((each for each in copies if each.database == argument(step, "database")), None)
        if wanted is None or not wanted.is_verified or wanted.bundle != argument(step, "bundle"):
            return Finding("no", f"{argument(step, 'database')} is no verified copy of {argument(step, 'bundle')}")
        aside = aside_name(_live(alternate), bench.run) if _live(alternate) in databases else ""
        words = f"{_live(alternate)} is kept as {aside}" if aside else f"there is no {_live(alternate)} yet"
        return Finding("yes", words, {"taken": False, "aside": aside})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Rename.

        Raises:
            RunError: It failed; then nothing is renamed.
            DriverError: The line broke.
        """
        if bench.noted(step, "taken"):
            return
        alternate = alternate_of(bench.inventory, step.node)
        command = _swap_command(alternate, step, str(bench.noted(step, "aside") or ""))
        await send(bench, alternate, command, "the copy was not put in its place", timeout_s=step.timeout_s)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the database that PPS is set to is the copy."""
        alternate = alternate_of(bench.inventory, step.node)
        copies, _ = await held(bench, alternate)
        if not _is_taken(copies, alternate, step):
            return Finding("no", f"{_live(alternate)} is not {argument(step, 'bundle')}")
        aside = bench.noted(step, "aside")
        kept = f"; what was there is kept as {aside}" if aside else ""
        return Finding("yes", f"{_live(alternate)} is {argument(step, 'bundle')} now{kept}")

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Rename both back.

        Raises:
            RunError: It failed; then nothing is renamed.
            Blocked: It is not known what was there.
        """
        alternate = alternate_of(bench.inventory, step.node)
        copies, _ = await held(bench, alternate)
        if bench.noted(step, "taken") or not _is_taken(copies, alternate, step):
            return
        if bench.noted(step, "aside") is None:
            raise Blocked("it is not known what was there before", where=step.node, remedy="Rename the databases by hand")
        command = _back_command(alternate, step, str(bench.noted(step, "aside")))
        await send(bench, alternate, command, "the copy was not put back", timeout_s=step.timeout_s)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the copy is under its own name again."""
        if bench.noted(step, "taken"):
            return Finding("yes", "it was like that before")
        copies, _ = await held(bench, alternate_of(bench.inventory, step.node))
        is_back = any(each.database == argument(step, "database") for each in copies)
        return Finding("yes" if is_back else "no", f"{argument(step, 'database')} is {'' if is_back else 'not '}there")


def _copy(step: Step, database: str, *, is_verified: bool) -> Copy:
    values = (argument(step, "bundle"), argument(step, "cluster"), float(argument(step, "taken_at")))
    return Copy(database, *values, step.arguments.get("version", ""), is_verified)


def _live(alternate: Alternate) -> str:
    return alternate.database.database


def _is_taken(copies: tuple[Copy, ...], alternate: Alternate, step: Step) -> bool:
    """Return whether the copy is where PPS looks: one of the same bundle may be there from before, and the new one beside it."""
    waits = any(each.database == argument(step, "database") for each in copies)
    return not waits and any(each.database == _live(alternate) and each.bundle == argument(step, "bundle") for each in copies)


def _swap_command(alternate: Alternate, step: Step, aside: str) -> str:
    live, copy = _live(alternate), argument(step, "database")
    away = [f"ALTER DATABASE {identifier(live)} RENAME TO {identifier(aside)};"] if aside else []
    # Users will write into it: it is of that bundle, and what was compared holds no more.
    mark = comment_sql(_copy(step, live, is_verified=False))
    return _renaming(
        alternate, step, (live, copy), *away, f"ALTER DATABASE {identifier(copy)} RENAME TO {identifier(live)};", mark
    )


def _back_command(alternate: Alternate, step: Step, aside: str) -> str:
    live, copy = _live(alternate), argument(step, "database")
    mark = comment_sql(_copy(step, copy, is_verified=True))
    back = [f"ALTER DATABASE {identifier(aside)} RENAME TO {identifier(live)};"] if aside else []
    return _renaming(
        alternate, step, (live, aside), f"ALTER DATABASE {identifier(live)} RENAME TO {identifier(copy)};", mark, *back
    )


def _renaming(alternate: Alternate, step: Step, names: tuple[str, ...], *statements: str) -> str:
    """Return the command that ends who is connected, for a database in use cannot be renamed, and renames in one transaction."""
    listed = ", ".join(literal(name) for name in names if name)
    end = (
        f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname IN ({listed}) AND pid <> pg_backend_pid();"
    )
    return psql(alternate, "postgres", same_server_sql(argument(step, "system")), end, "BEGIN;", *statements, "COMMIT;")
