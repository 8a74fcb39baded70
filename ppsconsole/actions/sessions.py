"""Client sessions on the PPS database: end those that nobody needs any more, and check who is connected to what."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.kinds import Looking, patience, settled
from ppsconsole.actions.places import addresses_of, argument, host_of, instance_of, on_database, web_node_of
from ppsconsole.errors import BadAnswer, DriverError, Unreachable
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

APPLICATION_NAME = "ppsconsole"

_FOREIGN = (
    "backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database() "
    f"AND NOT (application_name = '{APPLICATION_NAME}' AND usename = current_user)"
)
_LIST_SQL = (
    "SELECT pid, extract(epoch FROM backend_start)::float8, COALESCE(host(client_addr), 'local'), application_name, "
    f"COALESCE(usename, '') FROM pg_stat_activity WHERE {_FOREIGN} ORDER BY 1"
)
_END_SQL = f"SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_FOREIGN}"
_CONSOLE_S = 5.0
_SETTLE_S = 3.0


@dataclass(frozen=True, slots=True)
class Session:
    """One client session that is not the console's.

    Attributes:
        began_at: Seconds since 1970 by the server's clock; with `pid` it tells one session from a later one.
    """

    pid: int
    began_at: float
    address: str
    application: str
    user: str


async def foreign_sessions(bench: Workbench, node: str) -> tuple[Session, ...]:
    """Return the client sessions on the PPS database of the instance `node`, the console's own left out.

    Raises:
        DriverError: It could not be asked.
    """
    rows = await bench.tools.postgres.execute(instance_of(bench.inventory, node), _LIST_SQL, timeout_s=_CONSOLE_S)
    return tuple(Session(int(p), float(began), plain(a), plain(app or ""), plain(user)) for p, began, a, app, user in rows)


def told(sessions: tuple[Session, ...]) -> str:
    """Return who they are: `2 from 10.0.1.11 as pps (pps:web1)`."""
    counted = Counter((each.address, each.user, each.application) for each in sessions)
    return "; ".join(
        f"{number} from {address} as {user or 'nobody'}" + (f" ({application})" if application else "")
        for (address, user, application), number in sorted(counted.items())
    )


class EndSessions:
    """Ends all client sessions on the PPS database but the console's own, and says whose they were.

    Clients that come back at once are told of and do not keep a clean stop from ending them for good: nothing that is
    acknowledged to them is lost by it.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one statement."""
        return on_database(step.node, _END_SQL)

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return who is connected."""
        held = await foreign_sessions(bench, step.node)
        values = {"held": [[each.pid, each.began_at] for each in held]}
        if not held:
            return Finding("yes", f"nobody is connected to {step.node}", values)
        bench.say(f"{step.node} has sessions: {told(held)}")
        return Finding("yes", f"{len(held)} sessions on {step.node}: {told(held)}", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """End them.

        Raises:
            BadAnswer: The console's account is no member of pg_signal_backend.
        """
        held = await foreign_sessions(bench, step.node)
        if not held:
            return
        bench.note(step, held=[[each.pid, each.began_at] for each in held])
        try:
            await bench.hosts.act_sql(step.node, _END_SQL, timeout_s=_CONSOLE_S)
        except BadAnswer as error:
            if error.word != "not-permitted":
                raise
            raise BadAnswer(
                f"the console may not end sessions: {error.what}; still there: {told(held)}",
                where=step.node,
                remedy="GRANT pg_signal_backend to its account, or have them ended by whoever owns them",
            ) from error

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether those that were there are gone."""
        noted = bench.noted(step, "held")
        ended = {tuple(each) for each in noted or ()}

        async def look() -> Finding:
            held = await foreign_sessions(bench, step.node)
            # Where nobody noted who was there (a run that was cut off), whoever is there now has not been ended.
            left = held if noted is None else tuple(each for each in held if (each.pid, each.began_at) in ended)
            if left:
                return Finding("no", f"{len(left)} sessions have not ended: {told(left)}", {"left": len(left)})
            if held:
                words = f"{len(ended)} ended, and {len(held)} came back at once: {told(held)}"
                bench.say(f"{step.node}: {words}")
                return Finding("yes", words, {"left": 0, "came_back": len(held)})
            return Finding("yes", f"nobody is connected to {step.node}", {"left": 0, "came_back": 0})

        return await settled(bench, look, min(_SETTLE_S, patience(step)))

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Do nothing: clients connect again by themselves."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return that there is nothing to put back."""
        return Finding("yes", "clients connect again by themselves")


class CheckConnections(Looking):
    """Checks on the databases that a web node uses one of them and no other. Argument `instance`: the one."""

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether its host has sessions there and nowhere else."""
        wanted = argument(step, "instance")
        web_node = web_node_of(bench.inventory, step.node)
        addresses = await asyncio.to_thread(addresses_of, host_of(bench.inventory, web_node.name))

        async def look() -> Finding:
            held: dict[str, int] = {}
            unseen: dict[str, str] = {}
            for name in bench.inventory.database.instances:
                try:
                    found = await foreign_sessions(bench, name)
                    held[name] = sum(each.address in addresses for each in found)
                except Unreachable as error:
                    if error.is_refused:
                        held[name] = 0
                    else:
                        unseen[name] = error.what
                except DriverError as error:
                    unseen[name] = error.what
            return _judged(step.node, wanted, held, unseen)

        return await settled(bench, look, patience(step), every_s=0.1)


def _judged(node: str, wanted: str, held: dict[str, int], unseen: dict[str, str]) -> Finding:
    values = {"sessions": held}
    if wanted in unseen:
        return Finding("unknown", f"{wanted} does not say who is connected: {unseen[wanted]}", values)
    wrong = [f"{number} on {name}" for name, number in held.items() if name != wanted and number]
    if wrong:
        return Finding("no", f"{node} has sessions where it should have none: {', '.join(wrong)}", values)
    if not held[wanted]:
        return Finding("no", f"{node} has no session on {wanted}", values)
    blind = f"; not seen: {', '.join(sorted(unseen))}" if unseen else ""
    return Finding("yes", f"{node} has {held[wanted]} sessions on {wanted} and none elsewhere{blind}", values)
