"""Old copies on the hosts go at the start of a run: the last finished runs stay, and every open one does."""

import asyncio

from ppsconsole.drivers.base import Shell
from ppsconsole.engine.lease import Lease
from ppsconsole.engine.lease_script import NOT_OURS, ours, sh
from ppsconsole.errors import DriverError
from ppsconsole.inventory.model import Host

KEPT_RUNS = 20
"""Finished runs of a cluster whose plan and journal each of its hosts keeps."""

_ANSWER_S = 8.0


async def prune(shell: Shell, lease: Lease) -> None:
    """Take the copies of all but the last `KEPT_RUNS` finished runs away on the hosts of `lease`; a host that fails keeps them.

    What is gone there is still in the journals of the consoles that ran it.
    """
    script = _script(lease)

    async def on(host: Host) -> None:
        try:
            await shell.run(host, script, timeout_s=_ANSWER_S)
        except DriverError:
            return  # the next run tries again

    await asyncio.gather(*(on(host) for host in lease.hosts))


def _script(lease: Lease) -> str:
    # Inside of JSON a quote is escaped: what a command printed cannot make an open run look finished.
    return sh(
        f"d={lease.folder}\n{ours(lease.line)} || exit {NOT_OURS}\n"
        'ls -1t "$d"/runs/*/events.jsonl 2>/dev/null | {\n'
        "n=0; while IFS= read -r f; do\n"
        '  grep -q \'"kind": "run-finished"\' "$f" || continue\n'
        f'  n=$((n+1)); [ "$n" -gt {KEPT_RUNS} ] || continue\n'
        '  r=${f%/events.jsonl}; case $r in "$d"/runs/?*) rm -rf -- "$r" ;; esac\n'
        "done; }\n"
    )
