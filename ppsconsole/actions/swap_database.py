"""Put a restored database in the place of the old one by renaming both in one transaction; the old one is kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.copying import asked, asked_command, copy_name, identifier, literal
from ppsconsole.actions.places import argument, host_of, on_host
from ppsconsole.actions.restore_database import whole_mark
from ppsconsole.errors import BadAnswer
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step


class SwapDatabase:
    """Renames on `step.node`: `pps` to `pps_before_RUN`, `pps_restore_RUN` to `pps`. Argument `primary`: who served until now.

    Only what this very run restored and compared is put in use: it is known by the number that the server gave it (its oid).
    The old database keeps everything that it had; only superusers get in, so that nothing goes on in it unnoticed.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command, with `RUN` for the run's id."""
        return on_host(host_of(inventory, step.node).name, _swap(inventory, step.node, "RUN", has_old=True, limit=-1, comment=""))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether what was restored is there, whole, and the one that was compared."""
        restored = _restored(bench, step.node)
        compared = bench.found_by("compare-databases", step.node) or restored
        if "rows" not in compared or "oid" not in restored:
            return Finding("no", "this run has not compared what it restored")
        name = bench.inventory.database.database
        seen = await _databases(bench, step.node)
        found = seen.get(copy_name(name, "restore", bench.run))
        if found is None or found["oid"] != restored["oid"] or found["comment"] != whole_mark(bench.run):
            return Finding("no", f"what was compared is not on {step.node} any more")
        old = seen.get(name)
        values = {"has_old": old is not None, "old_limit": old["limit"] if old else -1, "old_oid": old["oid"] if old else 0}
        kept = f"kept as {copy_name(name, 'before', bench.run)}" if old else "there was none"
        return Finding("yes", f"{argument(step, 'primary')} is fenced; the old database of {step.node}: {kept}", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Rename both.

        Raises:
            BadAnswer: psql failed: neither is renamed then.
        """
        restored = _restored(bench, step.node)
        command = _swap(
            bench.inventory,
            step.node,
            bench.run,
            has_old=bool(bench.noted(step, "has_old")),
            limit=int(restored["limit"]),
            comment=str(restored["comment"]),
        )
        await _send(bench, step, command)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the restored database has the name of the old one, and the old one is kept."""
        name, before = bench.inventory.database.database, copy_name(bench.inventory.database.database, "before", bench.run)
        seen, restored = await _databases(bench, step.node), _restored(bench, step.node)
        now, old = seen.get(name), seen.get(before)
        if now is None or now["oid"] != restored.get("oid"):
            return Finding("no", f"{name} on {step.node} is not what was restored")
        if bench.noted(step, "has_old") and (old is None or old["oid"] != bench.noted(step, "old_oid")):
            return Finding("no", f"the old database of {step.node} is not there as {before}")
        kept = f"; the old one is kept as {before}" if old else ""
        return Finding("yes", f"{name} on {step.node} is what was restored{kept}", {"kept": before if old else ""})

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Rename both back."""
        seen = await _databases(bench, step.node)
        name, restored = bench.inventory.database.database, copy_name(bench.inventory.database.database, "restore", bench.run)
        if restored in seen:
            await _send(bench, step, _reopen(bench.inventory, step.node, (name, restored)))
            return
        has_old, limit = bool(bench.noted(step, "has_old")), int(bench.noted(step, "old_limit") or 0)
        await _send(bench, step, _swap_back(bench.inventory, step.node, bench.run, has_old=has_old, limit=limit))

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the old database has its name again."""
        name, seen = bench.inventory.database.database, await _databases(bench, step.node)
        old = seen.get(name, {}).get("oid", 0)
        if old != (bench.noted(step, "old_oid") or 0):
            return Finding("no", f"{name} on {step.node} is not what it was")
        return Finding("yes", f"{name} on {step.node} is what it was")


def _restored(bench: Workbench, node: str) -> Mapping[str, Any]:
    """Return what the step of this run found that restored on `node`: a copy of another instance, or what comes home."""
    return bench.found_by("restore-database", node) or bench.found_by("restore-home", node)


async def _databases(bench: Workbench, node: str) -> dict[str, dict[str, Any]]:
    sql = (
        "SELECT json_build_object('name', datname, 'oid', oid, 'limit', datconnlimit, "
        "'comment', shobj_description(oid, 'pg_database')) FROM pg_database;"
    )
    return {str(each["name"]): {**each, "oid": int(each["oid"])} for each in await asked(bench, node, node, "postgres", sql)}


async def _send(bench: Workbench, step: Step, command: str) -> None:
    host = host_of(bench.inventory, step.node).name
    result = await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
    if result.exit_status != 0:
        raise BadAnswer(f"not renamed: {plain(result.stderr, 300)}", where=step.node)


def _swap(inventory: Inventory, node: str, run: str, *, has_old: bool, limit: int, comment: str) -> str:
    name = inventory.database.database
    before, restored = copy_name(name, "before", run), copy_name(name, "restore", run)
    # The old one is kept for those who may look at everything, and for nobody else.
    moves = [*([((name, before), 0)] if has_old else []), ((restored, name), limit)]
    remark = f"COMMENT ON DATABASE {identifier(name)} IS {literal(comment) if comment else 'NULL'};"
    return _renaming(inventory, node, moves, remark)


def _swap_back(inventory: Inventory, node: str, run: str, *, has_old: bool, limit: int) -> str:
    name = inventory.database.database
    before, restored = copy_name(name, "before", run), copy_name(name, "restore", run)
    moves = [((name, restored), 0), *([((before, name), limit)] if has_old else [])]
    remark = f"COMMENT ON DATABASE {identifier(restored)} IS {literal(whole_mark(run))};"
    return _renaming(inventory, node, moves, remark)


def _renaming(inventory: Inventory, node: str, moves: Sequence[tuple[tuple[str, str], int]], remark: str) -> str:
    """Return the command that ends all sessions in databases and renames them, all or none: `((from, to), connection limit)`.

    The console itself looks at the server all the time, and comes back at once: so nobody may connect meanwhile.
    """
    names = [old for (old, _), _ in moves]
    renamed = [f"ALTER DATABASE {identifier(old)} RENAME TO {identifier(new)};" for (old, new), _ in moves]
    opened = [f"ALTER DATABASE {identifier(new)} ALLOW_CONNECTIONS true CONNECTION LIMIT {limit};" for (_, new), limit in moves]
    work = asked_command(
        inventory,
        node,
        node,
        "postgres",
        "SET synchronous_commit = local;",
        *(f"ALTER DATABASE {identifier(each)} ALLOW_CONNECTIONS false;" for each in names),
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname IN ({', '.join(literal(each) for each in names)}) \\g /dev/null",
        "BEGIN;",
        *renamed,
        *opened,
        remark,
        "COMMIT;",
    )
    return f"{work} || {{ {_reopen(inventory, node, names)}; exit 1; }}"


def _reopen(inventory: Inventory, node: str, names: Sequence[str]) -> str:
    """Return the command that lets sessions into databases again, where they have these names."""
    listed = ", ".join(literal(each) for each in names)
    opening = "SELECT format($$ALTER DATABASE %I ALLOW_CONNECTIONS true$$, datname)"
    sql = f"{opening} FROM pg_database WHERE datname IN ({listed}) \\gexec"
    return asked_command(inventory, node, node, "postgres", sql)
