"""Tries the way by which an instance would follow another one, before anything is moved: password, rules and right to replicate.

It is tried on the host of the instance, where the password file is, by the words that the run would write as `primary_conninfo`.
The one question of the replication protocol that is asked changes nothing. A standby answers it as well as a primary does, so the
way to one that is still to be promoted can be tried.
"""

import shlex

from ppsconsole.actions.follow import NO_PASSWORD, declared_way, derived_way
from ppsconsole.actions.places import program_of
from ppsconsole.cluster.way_there import WayThere
from ppsconsole.drivers.base import CommandResult, Shell
from ppsconsole.errors import Blocked, DriverError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain

ASK_S = 6.0
"""How long it is tried where nobody is kept waiting."""

_LATE_S = 4.0
_NO_PROGRAM, _NO_ANSWER = 127, 124


async def try_way(inventory: Inventory, shell: Shell, node: str, primary: str, limit_s: float = ASK_S) -> WayThere:
    """Return whether `node` gets to `primary` as its standby would within `limit_s`; never raises for what hosts say."""
    host = inventory.host_of(node)
    if host is None:
        return WayThere(node, primary, None, f"no host is declared for {node}")

    async def look(name: str, command: str) -> CommandResult:
        return await shell.run(inventory.hosts[name], command, timeout_s=limit_s + _LATE_S)

    try:
        conninfo = declared_way(inventory, node, primary) or await derived_way(inventory, look, node, primary)
        if NO_PASSWORD.search(conninfo):
            return WayThere(node, primary, False, f"`upstreams` of {node} holds a password, which is not carried about")
        done = await shell.run(host, trial_command(inventory, node, conninfo, limit_s), timeout_s=limit_s + _LATE_S)
    except Blocked as error:
        return WayThere(node, primary, None, plain(error.what, 200))
    except DriverError as error:
        return WayThere(node, primary, None, plain(f"{host.name}: {error.what}", 200))
    if done.exit_status == _NO_PROGRAM:
        return WayThere(node, primary, None, f"there is no psql on {host.name}")
    if done.exit_status == _NO_ANSWER:
        return WayThere(node, primary, None, f"no answer within {limit_s:g}s")
    if done.exit_status != 0:
        return WayThere(node, primary, False, plain(done.stderr, 200) or f"status {done.exit_status}")
    return WayThere(node, primary, True, system=plain(done.stdout.partition("|")[0].strip(), 40))


def trial_command(inventory: Inventory, node: str, conninfo: str, limit_s: float) -> str:
    """Return the command that logs in by `conninfo`, with the programs on the host of `node`, and asks who answers.

    libpq gives up before `limit_s` and says at what; the command itself is ended there.
    """
    psql = shlex.quote(program_of(inventory.database.instances[node], "psql"))
    asked = shlex.quote(f"{conninfo} replication=true connect_timeout={max(2, int(limit_s) - 2)}")
    return (
        f"command -v {psql} >/dev/null || exit {_NO_PROGRAM}; "
        f"timeout {limit_s:g} {psql} -XAtqw -c IDENTIFY_SYSTEM {asked} </dev/null"
    )
