"""A journal that is kept in memory, for thousands of runs; what it gives back went through JSON like in the real one."""

import json
from collections.abc import Sequence
from typing import Any

from ppsconsole.engine.journal import Journal, RunRecord
from ppsconsole.errors import JournalError
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from tests.engine.model.databases import UnknownToModel


class MemoryJournal(Journal):
    """The journal, but for where it keeps things.

    Attributes:
        is_full: The disk takes nothing more.
        kept: Events by run, each as it came back from JSON.
    """

    def __init__(self) -> None:
        self.place, self.address = "memory", None
        self.kept: dict[str, list[RunEvent]] = {}
        self.plans: dict[str, tuple[Plan, float, str]] = {}
        self.is_full = False
        self._reserve = None

    def _within(self, work: Any, is_writing: bool) -> Any:
        raise UnknownToModel("the model's journal does not know this question")

    def reserve(self) -> None:
        self._writable()

    def close(self) -> None:
        """Do nothing."""

    def start(self, run: str, plan: Plan, started_at: float, holder: str) -> None:
        self._writable()
        self.plans.setdefault(run, (plan, started_at, holder))
        self.kept.setdefault(run, [])

    def append(self, *events: RunEvent) -> None:
        self._writable()
        for event in events:
            known = self.kept.setdefault(event.run, [])
            if event.number != len(known) + 1:
                raise JournalError(f"another console wrote to run {event.run} meanwhile")
            known.append(_back(event))

    def adopt(self, run: str, plan: Plan, events: Sequence[RunEvent], holder: str) -> None:
        self.start(run, plan, events[0].at if events else plan.made_at, holder)
        self.kept[run] = [_back(event) for event in events]

    def events(self, run: str) -> tuple[RunEvent, ...]:
        return tuple(self.kept.get(run, ()))

    def runs(self, cluster: str | None = None, limit: int = 200) -> tuple[RunRecord, ...]:
        found = []
        for run, (plan, started_at, holder) in self.plans.items():
            events = self.events(run)
            ends = [event for event in events if event.kind == "run-finished"]
            verdict = RunVerdict(ends[-1].data["verdict"]) if ends else None
            ended_at = ends[-1].at if ends else None
            found.append(RunRecord(run, plan.cluster, plan.runbook, plan, started_at, ended_at, verdict, holder))
        return tuple(sorted(found, key=lambda record: (-record.started_at, record.id)))[:limit]

    def has(self, run: str, kinds: tuple[str, ...], step: str) -> bool:
        """Return whether an event of one of these kinds about `step` is durable."""
        return any(event.step == step and event.kind in kinds for event in self.kept.get(run, ()))

    def _writable(self) -> None:
        if self.is_full:
            raise JournalError("no space left on device")


def _back(event: RunEvent) -> RunEvent:
    return RunEvent.from_json(json.loads(line_of(event)))


_latest: list[tuple[RunEvent, str]] = []


def line_of(event: RunEvent) -> str:
    """Return an event as a line of a copy: `copies._line`, but that journal and copies share what is made once."""
    for known, line in _latest:
        if known is event:
            return line
    line = json.dumps(event.as_json(), default=str) + "\n"
    _latest.append((event, line))
    del _latest[:-20]
    return line
