"""What becomes of runs whose lease another run takes: they are closed, in the journal here and in the copies on the hosts.

A run that was taken over never goes on: the world was moved since. Left open, it would be offered for ever.
"""

import asyncio
import json

from ppsconsole.engine.journal import Journal
from ppsconsole.engine.lease import Lease
from ppsconsole.engine.lease_script import CANNOT_WRITE, NOT_OURS, ROOT, ours, run_folder, sh
from ppsconsole.engine.resume import FoundRun, ProvedShell, find_run
from ppsconsole.engine.state import state_of
from ppsconsole.errors import DriverError, UsageError
from ppsconsole.inventory.model import Host, Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.event import RunEvent

_ANSWER_S = 8.0


async def close_replaced(
    inventory: Inventory, shell: ProvedShell, journal: Journal, lease: Lease, now: float, *, reason: str = "", root: str = ROOT
) -> tuple[str, ...]:
    """Close the open runs that `lease` was taken from; each ends as it stands, with words that say who took it over and why.

    Args:
        inventory: Of the cluster.
        shell: Reaches its hosts.
        journal: The journal here.
        lease: Held; its `replaced` names the runs.
        now: Seconds since 1970 UTC.
        reason: What the operator typed.
        root: Folder on the hosts.

    Returns:
        A sentence for each host whose copy could not be closed: a console that reaches only this host sees the run as open.

    Raises:
        JournalError: The journal here failed.
    """
    failed: list[str] = []
    for run in lease.replaced:
        try:
            found = await find_run(inventory, shell, journal, run, root)
        except UsageError:
            continue  # its console died before it wrote down anything but the lease
        if found.run != run or not found.is_open:
            continue
        closed = await _closed(journal, lease, found, now, reason)
        failures = await asyncio.gather(*(_sent(shell, lease, host, closed) for host in lease.hosts))
        failed += [f"the copy of run {run} on {failure}" for failure in failures if failure]
    return tuple(failed)


async def _closed(journal: Journal, lease: Lease, found: FoundRun, now: float, reason: str) -> FoundRun:
    """Write its end into the journal here, and return the run with it."""
    state, holder = state_of(found.plan, found.events), lease.holder.said()
    words = f"taken over by {holder} for run {lease.claim.run}" + (f"; because {reason}" if reason else "")
    # Whatever a console that was cut off wrote down later, it wrote under a lower epoch: this end counts.
    data = {"verdict": state.standing.value, "epoch": lease.epoch, "taken_over_by": lease.claim.run}
    event = RunEvent(found.run, state.last_number + 1, now, "run-finished", "", plain(words, 1000), data)
    events = (*found.events, event)
    await asyncio.to_thread(journal.adopt, found.run, found.plan, events, holder)
    return FoundRun(found.run, found.plan, events, found.is_copy)


async def _sent(shell: ProvedShell, lease: Lease, host: Host, found: FoundRun) -> str:
    """Put the run's plan and events in the place of what a host has; return the host and why that failed, or nothing."""
    lines = [json.dumps(event.as_json(), default=str) for event in found.events]
    script = sh(
        f"d={lease.folder}\numask 077\n"
        f"{ours(lease.line)} || exit {NOT_OURS}\n"
        f"{run_folder(found.run)}"
        f'IFS= read -r p && cat >"$r/events.new" || exit {CANNOT_WRITE}\n'
        # A line that drops ends the input as well: half a story must not take the place of the whole one.
        f'[ "$(wc -l <"$r/events.new")" -eq {len(lines)} ] || exit {CANNOT_WRITE}\n'
        f'printf "%s\\n" "$p" >"$r/plan.new" && mv "$r/plan.new" "$r/plan.json" && mv "$r/events.new" "$r/events.jsonl"\n'
    )
    text = "".join(f"{line}\n" for line in (json.dumps(found.plan.as_json()), *lines))
    try:
        result = await shell.run(host, script, stdin=text, timeout_s=_ANSWER_S)
    except DriverError as error:
        return f"{host.name}: {plain(error.what)}"
    return "" if result.exit_status == 0 else f"{host.name}: {plain(result.stderr, 160) or f'exit {result.exit_status}'}"
