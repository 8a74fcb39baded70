"""Close a database for writers while it is copied: new sessions are read-only, and those that are there are ended."""

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.copying import asked, asked_command, identifier, literal
from ppsconsole.actions.kinds import patience, settled
from ppsconsole.actions.places import host_of, on_host
from ppsconsole.actions.sessions import APPLICATION_NAME, foreign_sessions, told
from ppsconsole.errors import BadAnswer
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

_SETTLE_S = 5.0


class CloseDatabase:
    """Closes the PPS database of `step.node`; undoing it opens it again.

    No session is kept out: the console's own account looks at the server all the time. What really keeps writers away are the
    web nodes, which are stopped and seen to be; this one is for those that nobody declared.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        return on_host(host_of(inventory, step.node).name, _command(inventory, step.node, is_closed=True))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is closed already, which is kept for the way back."""
        was = await _is_closed(bench, step.node)
        return Finding("yes", f"{step.node} {'is read-only already' if was else 'takes writes'}", {"was_closed": was})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Make new sessions read-only, and end those that are there.

        Raises:
            BadAnswer: psql failed.
        """
        held = await foreign_sessions(bench, step.node)
        if held:
            bench.say(f"{step.node} has sessions: {told(held)}")
        bench.note(step, held=[[each.pid, each.began_at] for each in held])
        await _send(bench, step, is_closed=True)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is closed, and those that could still write are gone; who came back since can only read."""
        ended = {tuple(each) for each in bench.noted(step, "held") or ()}

        async def look() -> Finding:
            if not await _is_closed(bench, step.node):
                return Finding("no", f"new sessions on {step.node} may write")
            held = await foreign_sessions(bench, step.node)
            left = (
                held if bench.noted(step, "held") is None else tuple(each for each in held if (each.pid, each.began_at) in ended)
            )
            if left:
                return Finding("no", f"{len(left)} sessions on {step.node} have not ended: {told(left)}")
            if held:
                return Finding("yes", f"new sessions on {step.node} are read-only; these came back: {told(held)}")
            return Finding("yes", f"new sessions on {step.node} are read-only, and there is none")

        return await settled(bench, look, min(_SETTLE_S, patience(step)))

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Open it again, unless it was closed before."""
        if not bench.noted(step, "was_closed"):
            await _send(bench, step, is_closed=False)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is as it was found."""
        is_closed, was = await _is_closed(bench, step.node), bool(bench.noted(step, "was_closed"))
        words = f"new sessions on {step.node} {'are read-only' if is_closed else 'may write'}"
        return Finding("yes" if is_closed == was else "no", words)


def _command(inventory: Inventory, node: str, *, is_closed: bool) -> str:
    name = inventory.database.database
    change = "SET default_transaction_read_only = on" if is_closed else "RESET default_transaction_read_only"
    lines = [f"ALTER DATABASE {identifier(name)} {change};"]
    if is_closed:
        user = literal(inventory.database.user or "")
        lines.append(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = $$client backend$$ "
            f"AND pid <> pg_backend_pid() AND datname = {literal(name)} "
            f"AND NOT (application_name = {literal(APPLICATION_NAME)} AND usename = {user});"
        )
    return asked_command(inventory, node, node, "postgres", *lines)


async def _send(bench: Workbench, step: Step, *, is_closed: bool) -> None:
    command = _command(bench.inventory, step.node, is_closed=is_closed)
    host = host_of(bench.inventory, step.node).name
    result = await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
    if result.exit_status != 0:
        raise BadAnswer(f"psql: {plain(result.stderr, 300)}", where=step.node)


async def _is_closed(bench: Workbench, node: str) -> bool:
    sql = (
        "SELECT to_json(EXISTS (SELECT FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase "
        f"WHERE s.setrole = 0 AND d.datname = {literal(bench.inventory.database.database)} "
        "AND 'default_transaction_read_only=on' = ANY (s.setconfig)));"
    )
    return await asked(bench, node, node, "postgres", sql) == [True]
