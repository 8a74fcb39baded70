"""Runs that were left: found in the journal here and in the copies on the cluster's hosts, and brought together."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ppsconsole.drivers.base import Shell
from ppsconsole.engine.copies import Begun, CopiedRun, fetch_runs
from ppsconsole.engine.identity import Marks
from ppsconsole.engine.journal import Journal
from ppsconsole.engine.lease import lease_hosts
from ppsconsole.engine.lease_script import ROOT, Sighting, folder_of, look_script, sighting
from ppsconsole.errors import DriverError, UsageError
from ppsconsole.inventory.model import Host, Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run and all that is known of it.

    Attributes:
        is_copy: The events come from a host: the console that wrote them may have done one thing more than they tell.
        unreachable: Hosts that could not be asked for their copy, and why.
        begun: Steps of which an act was begun, as the hosts tell, by id: what was there before, as far as they noted it.
    """

    run: str
    plan: Plan
    events: tuple[RunEvent, ...]
    is_copy: bool
    unreachable: tuple[str, ...] = ()
    begun: Begun = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return not any(event.kind == "run-finished" for event in self.events)


@dataclass(frozen=True, slots=True)
class HostRecords:
    """What the hosts of a cluster know of its runs.

    Attributes:
        copies: The best copy of each run, the latest run first.
        begun: Steps of which an act was begun, by run, whether there is a copy that tells so or not.
        missing: Hosts that could not be asked, and why.
    """

    copies: tuple[CopiedRun, ...]
    begun: Mapping[str, Begun]
    missing: tuple[str, ...]


async def copies_on_hosts(inventory: Inventory, shell: Shell, root: str = ROOT) -> HostRecords:
    """Return what the cluster's hosts know of its runs."""
    folder = folder_of(inventory.cluster.name, root)

    async def on(host: Host) -> tuple[tuple[CopiedRun, ...], dict[str, Begun]] | str:
        try:
            return await fetch_runs(shell, host, folder)
        except DriverError as error:
            return f"{host.name}: {plain(error.what)}"

    answers = await asyncio.gather(*(on(host) for host in lease_hosts(inventory)))
    best: dict[str, CopiedRun] = {}
    begun: dict[str, dict[str, Mapping[str, Any]]] = {}
    for answer in answers:
        if isinstance(answer, str):
            continue
        for copy in answer[0]:
            other = best.get(copy.run)
            if other is None or _rank(copy.events) > _rank(other.events):
                best[copy.run] = copy
        for run, steps in answer[1].items():
            known = begun.setdefault(run, {})
            known.update({step: values for step, values in steps.items() if not known.get(step)})
    copies = tuple(sorted(best.values(), key=lambda copy: -copy.events[0].at))
    return HostRecords(copies, begun, tuple(answer for answer in answers if isinstance(answer, str)))


@dataclass(frozen=True, slots=True)
class KnownRuns:
    """Runs as the journal here and the hosts together know them, the latest first.

    Attributes:
        ours: Of this cluster.
        others: Of clusters that had the same name: a lab that is gone, or one at another place.
        missing: Hosts that could not be asked for their copies, and why.
    """

    ours: tuple[FoundRun, ...]
    others: tuple[FoundRun, ...]
    missing: tuple[str, ...]


class ProvedShell(Shell, Protocol):
    """Sends commands, and knows which keys the hosts proved."""

    def fingerprint(self, host_name: str) -> str | None:
        """Return the fingerprint that a host proved at its last login, None before the first."""
        ...


async def known_runs(
    inventory: Inventory,
    journal: Journal,
    shell: ProvedShell | None,
    *,
    prefix: str = "",
    limit: int = 200,
    root: str = ROOT,
) -> KnownRuns:
    """Return the runs that the journal here and the hosts know.

    What was made for hosts with other keys and databases with other system identifiers belongs to another cluster of this name.

    Args:
        inventory: Of the cluster.
        journal: The journal here.
        shell: Reaches the hosts; None asks none, and takes the newest run here for the cluster's own.
        prefix: Of the ids that are wanted.
        limit: How many of each sort at most.
        root: Folder on the hosts.

    Raises:
        JournalError: The journal cannot be read.
    """
    told = HostRecords((), {}, ())
    proved: dict[str, str] = {}
    if shell is not None:
        told = await copies_on_hosts(inventory, shell, root)
        proved = {host.name: key for host in lease_hosts(inventory) if (key := shell.fingerprint(host.name))}
    records = await asyncio.to_thread(journal.runs, inventory.cluster.name, _LISTED)
    plans = [copy.plan for copy in told.copies] or [record.plan for record in records[:1] if not proved]
    marks = Marks.of(plans, proved)
    best = {copy.run: copy for copy in told.copies if copy.run.startswith(prefix)}
    sorts: dict[bool, list[FoundRun]] = {False: [], True: []}
    for record in records:
        is_other = record.id not in best and marks.is_other(record.plan)
        if not record.id.startswith(prefix) or len(sorts[is_other]) == limit:
            continue
        events = await asyncio.to_thread(journal.events, record.id)
        copy = best.get(record.id)
        if copy is None or _rank(copy.events) <= _rank(events):
            best.pop(record.id, None)
            found = FoundRun(record.id, record.plan, events, False, told.missing, told.begun.get(record.id, {}))
            sorts[is_other].append(found)
    for each in best.values():
        sorts[False].append(FoundRun(each.run, each.plan, each.events, True, told.missing, told.begun.get(each.run, {})))
    ours, others = (tuple(sorted(sorts[each], key=lambda run: -started_at(run))[:limit]) for each in (False, True))
    return KnownRuns(ours, others, told.missing)


_LISTED = 1000


def started_at(found: FoundRun) -> float:
    """Return when a run was started, seconds since 1970 UTC."""
    return found.events[0].at if found.events else found.plan.made_at


async def find_run(inventory: Inventory, shell: ProvedShell, journal: Journal, prefix: str = "", root: str = ROOT) -> FoundRun:
    """Return the run whose id begins with `prefix`, as the journal here and the hosts together know it.

    Args:
        inventory: Of its cluster.
        shell: Reaches the hosts.
        journal: The journal here; it may not know the run.
        prefix: Of the id; empty for the one run of this cluster that is open.
        root: Folder on the hosts.

    Raises:
        UsageError: There is no such run, or more than one.
        JournalError: The journal cannot be read.
    """
    known = await known_runs(inventory, journal, shell, prefix=prefix, root=root)
    chosen = [*known.ours, *known.others] if prefix else [run for run in known.ours if run.is_open]
    if len(chosen) == 1:
        return chosen[0]
    hint = f" (not asked: {'; '.join(known.missing)})" if known.missing else ""
    if not chosen:
        if prefix:
            await _refuse_untold(inventory, shell, prefix, root)
        what = f"no run begins with {prefix!r}" if prefix else "no run is open"
        raise UsageError(f"{what} here or on the hosts of {inventory.cluster.name}{hint}", remedy="See `ppsconsole runs list`")
    named = ", ".join(run.run for run in chosen[:5])
    raise UsageError(f"{len(chosen)} runs fit: {named}", remedy="Type more of the id")


async def _refuse_untold(inventory: Inventory, shell: Shell, prefix: str, root: str) -> None:
    """Say so where hosts have the lease of such a run and no record of it: one comes to them before the first act.

    Raises:
        UsageError: There is one.
    """

    async def look(host: Host) -> Sighting | None:
        try:
            return sighting(host.name, await shell.run(host, look_script(folder_of(inventory.cluster.name, root))))
        except (DriverError, ValueError):
            return None  # told with the copies that could not be asked for

    for seen in await asyncio.gather(*(look(host) for host in lease_hosts(inventory))):
        if seen is not None and seen.run.startswith(prefix):
            run = plain(seen.run, 40)
            who = seen.holder.said() if seen.holder is not None else "an unknown console"
            what = f"{seen.host} has the lease of run {run}, and no host that answers has a record of it"
            remedy = f"Resume or abandon {run} where it was begun; or begin a new run, which takes the lease with --reason"
            raise UsageError(f"{what}: {who} had done nothing there yet", remedy=remedy)


def _rank(events: Sequence[RunEvent]) -> tuple[int, int]:
    """How far a record of a run reaches: what was written under a higher epoch is what happened."""
    return epoch_of(events), len(events)


_UNDER_AN_EPOCH = ("lease-taken", "run-finished")


def epoch_of(events: Iterable[RunEvent]) -> int:
    """Return the highest epoch under which a run was held or closed, 0 when it never was."""
    return max(
        (int(event.data["epoch"]) for event in events if event.kind in _UNDER_AN_EPOCH and "epoch" in event.data), default=0
    )


def holder_of(found: FoundRun) -> str:
    """Return who had a run last, as its events say; empty when none does."""
    return next((str(event.data["holder"]) for event in reversed(found.events) if event.data.get("holder")), "")


def require_one(found: tuple[FoundRun, ...], cluster: str) -> FoundRun:
    """Return the latest of some runs.

    Raises:
        UsageError: There is none.
    """
    if not found:
        raise UsageError(f"no run of {cluster} is known here or on its hosts", remedy="Begin with `ppsconsole plan RUNBOOK`")
    return found[0]
