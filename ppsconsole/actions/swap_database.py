"""Put a restored database in the place of the old one by renaming both in one transaction; the old one is kept.

A console, a line or a host that dies between the two renames leaves neither behind: the transaction ends with its session, and
there is a database of the name at every moment. What it can leave is a database that lets nobody in, which is opened again, and
a session that still works for a console that is gone: whoever goes on or backs out ends that one first, and waits until it has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.copying import asked, asked_command, copy_name, identifier, literal
from ppsconsole.actions.kinds import patience, settled
from ppsconsole.actions.places import argument, host_of, on_host
from ppsconsole.actions.restore_database import whole_mark
from ppsconsole.errors import BadAnswer
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

_SESSION = "ppsconsole swap"
"""What the sessions call themselves that rename: by this name those of a console that is gone are found, and ended."""
_TURN = 8103515170
"""The key of the advisory lock that they wait for, so that none renames or opens what another one is at (any number would do)."""
_SETTLE_S = 5.0


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
        found, in_use = seen.get(copy_name(name, "restore", bench.run)), seen.get(name)
        if found is None and in_use is not None and in_use["oid"] == restored["oid"]:
            return Finding("yes", f"both are renamed on {step.node}, and {name} lets nobody in", {"is_renamed": True})
        if found is None or found["oid"] != restored["oid"] or found["comment"] != whole_mark(bench.run):
            return Finding("no", f"what was compared is not on {step.node} any more")
        values = {
            "is_renamed": False,
            "has_old": in_use is not None,
            "old_limit": in_use["limit"] if in_use else -1,
            "old_oid": in_use["oid"] if in_use else 0,
        }
        kept = f"kept as {copy_name(name, 'before', bench.run)}" if in_use else "there was none"
        return Finding("yes", f"{argument(step, 'primary')} is fenced; the old database of {step.node}: {kept}", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Rename both; where that is done already, let sessions in again.

        Raises:
            BadAnswer: psql failed: neither is renamed then.
        """
        name = bench.inventory.database.database
        if bench.noted(step, "is_renamed"):
            await _send(bench, step, _reopen(bench.inventory, step.node, (name, copy_name(name, "before", bench.run))))
            return
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
        """Return whether the restored database has the name of the old one and lets users in, and the old one is kept.

        A session that still works for a console that is gone is waited for a little: it ends as one or the other.
        """

        async def look() -> Finding:
            return await self._seen(bench, step)

        async def is_vain() -> bool:
            sql = f"SELECT to_json(EXISTS (SELECT FROM pg_stat_activity WHERE application_name = {literal(_SESSION)}));"
            return await asked(bench, step.node, step.node, "postgres", sql) != [True]

        return await settled(bench, look, min(_SETTLE_S, patience(step)), every_s=0.2, is_vain=is_vain)

    async def _seen(self, bench: Workbench, step: Step) -> Finding:
        name, before = bench.inventory.database.database, copy_name(bench.inventory.database.database, "before", bench.run)
        seen, restored = await _databases(bench, step.node), _restored(bench, step.node)
        now, old = seen.get(name), seen.get(before)
        if now is None or now["oid"] != restored.get("oid"):
            return Finding("no", f"{name} on {step.node} is not what was restored")
        if bench.noted(step, "has_old") and (old is None or old["oid"] != bench.noted(step, "old_oid")):
            return Finding("no", f"the old database of {step.node} is not there as {before}")
        if not now["is_open"]:
            return Finding("no", f"{name} on {step.node} is what was restored, and lets nobody in")
        kept = f"; the old one is kept as {before}" if old else ""
        return Finding("yes", f"{name} on {step.node} is what was restored{kept}", {"kept": before if old else ""})

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Rename both back; where neither was renamed, let sessions into both again."""
        await _send(bench, step, _alone(bench.inventory, step.node))
        seen = await _databases(bench, step.node)
        name, restored = bench.inventory.database.database, copy_name(bench.inventory.database.database, "restore", bench.run)
        if restored in seen:
            await _send(bench, step, _reopen(bench.inventory, step.node, (name, restored)))
            return
        has_old, limit = bool(bench.noted(step, "has_old")), int(bench.noted(step, "old_limit") or 0)
        await _send(bench, step, _swap_back(bench.inventory, step.node, bench.run, has_old=has_old, limit=limit))

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the old database has its name again, and lets users in."""
        name, seen = bench.inventory.database.database, await _databases(bench, step.node)
        old = seen.get(name, {})
        if old.get("oid", 0) != (bench.noted(step, "old_oid") or 0):
            return Finding("no", f"{name} on {step.node} is not what it was")
        if old and not old["is_open"]:
            return Finding("no", f"{name} on {step.node} is what it was, and lets nobody in")
        return Finding("yes", f"{name} on {step.node} is what it was")


def _restored(bench: Workbench, node: str) -> Mapping[str, Any]:
    """Return what the step of this run found that restored on `node`: a copy of another instance, or what comes home."""
    return bench.found_by("restore-database", node) or bench.found_by("restore-home", node)


async def _databases(bench: Workbench, node: str) -> dict[str, dict[str, Any]]:
    sql = (
        "SELECT json_build_object('name', datname, 'oid', oid, 'limit', datconnlimit, 'is_open', datallowconn, "
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
        *_ALONE,
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
    return asked_command(inventory, node, node, "postgres", *_IN_TURN, sql)


_IN_TURN = (f"SET application_name = {literal(_SESSION)};", f"SELECT pg_advisory_lock({_TURN}) \\g /dev/null")
_ALONE = (
    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = {literal(_SESSION)} \\g /dev/null",
    *_IN_TURN,
)


def _alone(inventory: Inventory, node: str) -> str:
    """Return the command that ends what a console that is gone left running, and waits until it has ended."""
    return asked_command(inventory, node, node, "postgres", *_ALONE)
