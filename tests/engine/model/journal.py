"""A journal that is kept in memory, for thousands of runs; what it gives back went through JSON like in the real one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ppsconsole.engine.journal import RunRecord
from ppsconsole.errors import JournalError
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan


@dataclass(slots=True)
class MemoryJournal:
    """What `engine.journal.Journal` offers.

    Attributes:
        is_full: The disk takes nothing more.
        kept: Events as text, by run.
    """

    kept: dict[str, list[str]] = field(default_factory=dict)
    plans: dict[str, tuple[Plan, float, str]] = field(default_factory=dict)
    is_full: bool = False
    place: str = "memory"

    def reserve(self) -> None:
        self._writable()

    def refuse_moved(self, inventory: Any) -> None:
        """Do nothing: it lies on nobody's server."""

    def close(self) -> None:
        """Do nothing."""

    def start(self, run: str, plan: Plan, started_at: float, holder: str) -> None:
        self._writable()
        self.plans.setdefault(run, (plan, started_at, holder))
        self.kept.setdefault(run, [])

    def append(self, *events: RunEvent) -> None:
        self._writable()
        for event in events:
            lines = self.kept.setdefault(event.run, [])
            if event.number != len(lines) + 1:
                raise JournalError(f"another console wrote to run {event.run} meanwhile")
            lines.append(_line(event))

    def adopt(self, run: str, plan: Plan, events: Sequence[RunEvent], holder: str) -> None:
        self.start(run, plan, events[0].at if events else plan.made_at, holder)
        self.kept[run] = [_line(event) for event in events]

    def events(self, run: str) -> tuple[RunEvent, ...]:
        return tuple(RunEvent.from_json(json.loads(line)) for line in self.kept.get(run, ()))

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
        wanted = f'"step": "{step}"'
        return any(wanted in line and any(f'"kind": "{kind}"' in line for kind in kinds) for line in self.kept.get(run, ()))

    def _writable(self) -> None:
        if self.is_full:
            raise JournalError("no space left on device")


def _line(event: RunEvent) -> str:
    return json.dumps(event.as_json(), default=str)
