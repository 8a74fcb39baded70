"""A server that ended while it was promoted: for want of room on its disk, most of the time."""

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.looks import Remains, remains
from ppsconsole.actions.places import host_of, service_of
from ppsconsole.actions.service_command import service_command
from ppsconsole.errors import Blocked, DriverError
from ppsconsole.masking import plain


async def fallen(bench: Workbench, node: str) -> str:
    """Return that the server of `node`, which was to be promoted, is gone, and how it comes back.

    A promotion writes a whole segment of log for the new timeline. Where there is no room for that the startup process ends, and
    the server with it ("shutting down due to startup process failure"; seen on 15.18 and 18.6). Nobody waits for such a one.

    Returns:
        What happened and what to do; empty where processes of it are left, or where its host could not be asked.
    """
    try:
        left = await remains(bench, node)
    except DriverError:
        return ""
    if not left.is_gone:
        return ""
    host = host_of(bench.inventory, node).name
    return (
        f"{node} does not run: its server ended. {_as_what(left)}. Its log says why: ppsconsole logs {node}; a promotion ends so "
        f"where the disk has no room: df -h. Make room on {host}, start it there{_start(bench, node)}, then resume the run"
    )


def _as_what(left: Remains) -> str:
    """Return what it would come back as."""
    if left.is_standby:
        return "It was not promoted: it is a standby still, and comes back as one"
    state = plain(str(left.control.get("control_state") or left.complaint), 60)
    return f"It is marked as a standby no more, and comes back as a primary (its control file says {state})"


def _start(bench: Workbench, node: str) -> str:
    """Return the command that starts it; empty where nobody declared how."""
    try:
        return f" ({service_command(service_of(bench.inventory, node), 'start', node)})"
    except Blocked:
        return ""
