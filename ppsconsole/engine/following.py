"""Follows a run that another console is at, or has left: only looks, takes nothing and leaves nothing behind.

What is new comes from the journal here, where that console writes to the same one, and from the copy on one host of the cluster:
one short command a look, which answers with what was added since the last one.
"""

import asyncio
import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ppsconsole.drivers.base import Shell
from ppsconsole.engine.copies import events_in
from ppsconsole.engine.holder import Holder, life_of, this_process
from ppsconsole.engine.journal import Journal
from ppsconsole.engine.lease import lease_hosts
from ppsconsole.engine.lease_script import ROOT, Sighting, folder_of, look_script, sh, sighting
from ppsconsole.engine.resume import FoundRun, epoch_of
from ppsconsole.errors import DriverError, JournalError, UsageError
from ppsconsole.inventory.model import Host, Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.event import RunEvent

SILENT_S = 20.0
"""A holder without a sign of life for so long may be gone: four times what it takes from one to the next."""

_ANSWER_S = 5.0
_MARK = "@@ppsconsole-news"

Custody = Literal["held", "silent", "dead", "left", "other", "free", "unseen"]


@dataclass(frozen=True, slots=True)
class Watch:
    """One look at a run from outside.

    Attributes:
        events: All that is known of it, in their order.
        custody: Who is at it: `held` by a console that gives signs of life; `silent` without one for `SILENT_S`; `dead`, its
            process on this machine is gone; `left`, not finished and nobody at it; `other`, another run has the lease; `free`,
            there is none; `unseen`, no host could be asked.
        holder: Who has the lease, or had it; empty when nobody knows.
        since: When that console took it, or left it, as it says itself; ISO 8601.
        beat_age_s: Seconds since its last sign of life; None when unknown.
        hosts: Where the lease was seen.
        trouble: Why no host could be asked; empty when one was.
    """

    events: tuple[RunEvent, ...]
    custody: Custody
    holder: str = ""
    since: str = ""
    beat_age_s: float | None = None
    hosts: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def is_attended(self) -> bool:
        """Whether somebody may be at it right now."""
        return self.custody in ("held", "silent")


class Follower:
    """Looks at one run again and again.

    Args:
        inventory: Of its cluster.
        shell: Reaches the hosts.
        journal: The journal here; it may not know the run.
        found: What is known so far.
        root: Folder on the hosts.
    """

    def __init__(self, inventory: Inventory, shell: Shell, journal: Journal, found: FoundRun, root: str = ROOT) -> None:
        self.run, self._events = found.run, found.events
        self._shell, self._journal, self._folder = shell, journal, folder_of(inventory.cluster.name, root)
        self._hosts = list(lease_hosts(inventory))
        self._offset = 0  # of the copy on the first of the hosts
        self._copied: dict[int, RunEvent] = {}
        self._here = this_process()

    async def look(self) -> Watch:
        """Return what is known of the run now."""
        await self._read_journal()
        trouble = ""
        for _ in range(len(self._hosts)):
            try:
                return self._watch(await self._ask(self._hosts[0]))
            except (DriverError, ValueError) as error:
                trouble = trouble or plain(str(error), 200)
                # Another one next time, too; what this one had is read from its beginning.
                self._hosts.append(self._hosts.pop(0))
                self._offset, self._copied = 0, {}
        return Watch(self._events, "unseen", trouble=trouble or "no host of the cluster keeps a lease")

    async def _read_journal(self) -> None:
        with contextlib.suppress(JournalError, UsageError):  # the hosts tell as well
            self._know(await asyncio.to_thread(self._journal.events, self.run))

    async def _ask(self, host: Host) -> Sighting:
        seen, begin, whole = await self._added(host)
        fresh = events_in(whole, self.run)
        if begin > 0 and len(fresh) < sum(1 for line in whole.splitlines() if line):
            # Not what goes on from there: another console put its own copy in the place of the one that was read before.
            self._offset = 0
            seen, begin, whole = await self._added(host)
            fresh = events_in(whole, self.run)
        if begin == 0:
            self._copied = {}
        # Half a line at the end is read again with its other half.
        self._offset = begin + len(whole.encode())
        self._copied.update(fresh)
        known: list[RunEvent] = []
        while len(known) + 1 in self._copied:
            known.append(self._copied[len(known) + 1])
        self._know(known)
        return seen

    async def _added(self, host: Host) -> tuple[Sighting, int, str]:
        """Return the lease, and the whole lines that the copy has behind a place, with that place."""
        result = await self._shell.run(
            host, _news_script(self._folder, self.run, self._offset), timeout_s=_ANSWER_S, limit_bytes=32 << 20
        )
        head, _, rest = result.stdout.partition(f"\n{_MARK} ")
        begun, _, text = rest.partition("\n")
        seen = sighting(host.name, replace(result, stdout=f"{head}\n"))
        if not begun.isdigit():
            raise ValueError(f"{host.name} keeps no copy of run {self.run}")
        lines, end, _ = text.rpartition("\n")
        return seen, int(begun), lines + end

    def _know(self, events: Sequence[RunEvent]) -> None:
        """Take what reaches further; what was written under a higher epoch is what happened."""
        if (epoch_of(events), len(events)) > (epoch_of(self._events), len(self._events)):
            self._events = tuple(events)

    def _watch(self, seen: Sighting) -> Watch:
        holder = seen.holder.said() if seen.holder is not None else ""
        since = plain(str(seen.note.get("since", "")), 40)
        return Watch(self._events, self._custody(seen), holder, since, seen.beat_age_s, (seen.host,))

    def _custody(self, seen: Sighting) -> Custody:
        if not seen.line:
            return "free"
        if seen.run != self.run:
            return "other"
        if seen.state == "left":
            return "left"
        if self._is_dead(seen.holder):
            return "dead"
        return "silent" if seen.beat_age_s is not None and seen.beat_age_s > SILENT_S else "held"

    def _is_dead(self, holder: Holder | None) -> bool:
        return holder is not None and life_of(holder, self._here) == "dead"


def _news_script(folder: str, run: str, offset: int) -> str:
    """Return what prints the lease, and what the copy of the run's journal has behind `offset`; from 0 where it is shorter."""
    look = look_script(folder)
    return sh(
        f"({look})\nd={folder}; f=$d/runs/{shlex.quote(run)}/events.jsonl; o={offset}\n"
        '[ -f "$f" ] || exit 0\n'
        's=$(wc -c <"$f"); s=$((s)); [ "$s" -ge "$o" ] || o=0\n'
        f'printf "\\n{_MARK} %s\\n" "$o"\n'
        'tail -c "+$((o + 1))" "$f"\nexit 0\n'
    )
