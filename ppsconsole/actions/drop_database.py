"""Drop one database that a restore set aside, on the operator's word; see `set_aside` for what lies beside data directories."""

from typing import Any

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.copying import asked, asked_command, literal
from ppsconsole.actions.databases_aside import why_no_database_aside
from ppsconsole.actions.kinds import Lasting
from ppsconsole.actions.places import argument, host_of, on_host
from ppsconsole.cluster.judging import size
from ppsconsole.cluster.set_aside import DATABASE, kind_of
from ppsconsole.errors import Blocked, RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step


class DropSetAside(Lasting):
    """Drops the database of the argument `path` (`database:NAME`) on `step.node`, if it is ours and nobody is in it.

    The server itself refuses where somebody comes in between look and act: `DROP DATABASE` waits for no session and ends none.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        return on_host(host_of(inventory, step.node).name, drop_command(inventory, step.node, _name(step)))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is there, what it is, and that nobody uses it."""
        name = _name(step)
        if lack := why_no_database_aside(name, bench.inventory.database.database):
            return Finding("no", lack)
        rows = await asked(bench, step.node, step.node, "postgres", _look(name))
        told: dict[str, Any] = rows[0]
        if told["is_standby"]:
            return Finding("no", f"{step.node} is a standby: what is dropped on its primary goes here as well")
        if told["bytes"] is None:
            return Finding("no", f"{step.node} has no database {name} any more")
        if told["sessions"]:
            return Finding("no", f"somebody is in {name}: {_said(told['sessions'])}; nobody is sent away by this")
        words = f"{name} on {step.node}, {size(int(told['bytes']))}, {kind_of(argument(step, 'path'))}; nobody is in it"
        return Finding("yes", words, {"bytes": int(told["bytes"]), "oid": int(told["oid"])})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Drop it.

        Raises:
            RunError: Somebody is in it, or the server did not drop it; it says why.
        """
        host, oid = host_of(bench.inventory, step.node).name, int(bench.noted(step, "oid") or 0)
        command = drop_command(bench.inventory, step.node, _name(step), oid)
        result = await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            raise RunError(f"it was not dropped: {plain(result.stderr, 300) or result.exit_status}", where=step.node)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the server has it no more."""
        name = _name(step)
        told = (await asked(bench, step.node, step.node, "postgres", _look(name)))[0]
        if told["bytes"] is not None:
            who = f"; in it: {_said(told['sessions'])}" if told["sessions"] else ""
            return Finding("no", f"{name} is still on {step.node}{who}")
        return Finding("yes", f"{name} is dropped on {step.node}")


def drop_command(inventory: Inventory, node: str, name: str, oid: int = 0) -> str:
    """Return the command that drops the database `name` on `node`, where it is there; with `oid`, only the one of that number.

    Raises:
        Blocked: It is no name that a restore gives.
    """
    if lack := why_no_database_aside(name, inventory.database.database):
        raise Blocked(lack, where=node, remedy="See `ppsconsole quarantine list`")
    is_it = f"datname = {literal(name)}" + (f" AND oid = {oid}" if oid else "")
    drop = f"SELECT format($$DROP DATABASE %I$$, datname) FROM pg_database WHERE {is_it} AND NOT datistemplate \\gexec"
    return asked_command(inventory, node, node, "postgres", "SET synchronous_commit = local;", drop)


def _name(step: Step) -> str:
    return argument(step, "path").removeprefix(DATABASE)


def _look(name: str) -> str:
    sessions = (
        "SELECT json_agg(json_build_array(pid, usename, application_name, COALESCE(host(client_addr), $$the host itself$$)) "
        f"ORDER BY pid) FROM pg_stat_activity WHERE datname = {literal(name)}"
    )
    one = f"FROM pg_database WHERE datname = {literal(name)}"
    return (
        "SELECT json_build_object('is_standby', pg_is_in_recovery(), 'oid', "
        f"(SELECT oid::bigint {one}), 'bytes', (SELECT pg_database_size(oid) {one}), 'sessions', ({sessions}));"
    )


def _said(sessions: list[list[Any]]) -> str:
    """Return whose they are: `pps (pps:web1) from 10.0.1.11, process 4711`."""
    told = []
    for pid, user, application, address in sessions[:5]:
        named = f" ({plain(str(application), 60)})" if application else ""
        told.append(
            f"{plain(str(user or 'a worker of the server'), 60)}{named} from {plain(str(address), 60)}, process {int(pid)}"
        )
    more = f", and {len(sessions) - 5} more" if len(sessions) > 5 else ""
    return "; ".join(told) + more
