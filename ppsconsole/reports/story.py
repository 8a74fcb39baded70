"""Puts together what is shown of a run. Pure: the same events make the same story, on every machine."""

from collections.abc import Iterable, Mapping

from ppsconsole.cluster.lost_writes import LostWrites
from ppsconsole.draw.run_view import Outage, RunView, StepView
from ppsconsole.engine.resume import FoundRun, holder_of, started_at
from ppsconsole.engine.state import RunState, StepPhase, StepState, state_of
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.loss import Loss
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.costs import outage_of

_ALREADY_OUT = frozenset({"failover", "restart", "alternate-activate"})
"""Runbooks for when users are kept out already: their downtime counts from when they were first seen to be out, which the plan
knows; from the run's beginning where nobody saw that."""

_UNSEEN: Mapping[StepPhase, StepPhase] = {"started": "unknown", "undoing": "undo-unknown"}


def story_of(run: str, plan: Plan, events: Iterable[RunEvent], *, is_lab: bool, holder: str, started_at: float) -> RunView:
    """Return what is known of a run after `events`.

    Args:
        run: Its id.
        plan: Its plan.
        events: In their order.
        is_lab: Whether its cluster is a lab.
        holder: Who has it, as far as the journal knows.
        started_at: Seconds since 1970 UTC.
    """
    told = tuple(events)
    state = state_of(plan, told)
    began = {event.step: event.at for event in told if event.kind in ("step-started", "undo-started")}
    finished = next((event for event in reversed(told) if event.kind == "run-finished"), None)
    stood = next((event for event in reversed(told) if event.kind in ("held", "run-finished", "resumed")), None)
    taken = next((event for event in reversed(told) if event.kind in ("run-started", "resumed", "taken-over")), None)
    leased = next((event for event in reversed(told) if event.kind == "lease-taken"), None)
    return RunView(
        run=run,
        plan=plan,
        is_lab=is_lab,
        holder=holder,
        started_at=started_at,
        finished_at=None if finished is None else finished.at,
        steps=tuple(_step(each, began.get(each.id), is_over=state.verdict is not None) for each in state.steps),
        proofs=state.proofs,
        answers=tuple(state.answers.items()),
        issues=state.issues,
        verdict=state.verdict,
        is_held=state.is_held,
        is_backing_out=state.is_backing_out,
        taken_over_by="" if finished is None else str(finished.data.get("taken_over_by", "")),
        words="" if stood is None or stood.kind == "resumed" else stood.words,
        users=_users(plan, told, started_at),
        writes=_writes(plan, state, told),
        held_since=None if taken is None else taken.at,
        lease_hosts=() if leased is None else tuple(str(each) for each in leased.data.get("hosts", ())),
        is_handed_over=stood is not None and bool(stood.data.get("is_handed_over")),
        lost=_lost(told),
        read_loss=_read_loss(told),
        second_primary=state.second_primary,
    )


def _step(state: StepState, began_at: float | None, *, is_over: bool) -> StepView:
    """Return one step; in a run that is over nothing is at hand any more: what was begun there, nobody saw the end of."""
    phase = _UNSEEN.get(state.phase, state.phase) if is_over else state.phase
    words = state.words if phase == state.phase else "begun, and nobody saw it end"
    return StepView(state.id, phase, words, began_at, state.took_s)


def _users(plan: Plan, events: tuple[RunEvent, ...], started_at: float) -> Outage:
    """Return how long users were kept out: from the first step that does so to the last that lets them in, or to its undo."""
    if not plan.downtime_s:
        return Outage()
    is_out = plan.runbook in _ALREADY_OUT
    steps = [step.id for step in outage_of(plan.steps, is_out=is_out)]
    if not steps:
        return Outage()
    began = _out_since(plan, started_at) if is_out else _first(events, "step-started", steps[0])
    ended = _done(events, steps[-1])
    if ended is None and not is_out:
        ended = _undone(events, steps[0])
    return Outage(began, ended)


def _out_since(plan: Plan, started_at: float) -> float:
    """Return since when users are out of a cluster that is down already; no later than from the run's beginning on."""
    return started_at if plan.out_since is None else min(plan.out_since, started_at)


def _writes(plan: Plan, state: RunState, events: tuple[RunEvent, ...]) -> Outage:
    """Return how long nothing could be written: from the old primary's stop to the new one's first write, or to its undo."""
    stop = next((step.id for step in plan.steps if step.verb == "stop-primary"), None)
    promote = next((step.id for step in plan.steps if step.verb == "promote"), None)
    if promote is None:
        return Outage()
    if stop is None:
        began = _out_since(plan, events[0].at) if events else None
        return Outage(began, _done(events, promote))
    # Writes end with the act; the look before it does not keep anybody waiting.
    began = _first(events, "step-checked", stop)
    began = began or (_first(events, "step-started", stop) if state.of(stop).may_have_acted else None)
    return Outage(began, _done(events, promote) or _undone(events, stop))


def _lost(events: tuple[RunEvent, ...]) -> LostWrites | None:
    """Return what was counted to be lost, by the last step that did so."""
    found = [event.data["values"]["lost_writes"] for event in events if _counted(event)]
    return LostWrites.from_json(found[-1]) if found else None


def _read_loss(events: tuple[RunEvent, ...]) -> Loss | None:
    """Return the loss as it was read for the last answer that accepted one."""
    found = [event.data["loss"] for event in events if event.kind == "gate-answered" and event.data.get("loss") is not None]
    return Loss.from_json(found[-1]) if found else None


def _counted(event: RunEvent) -> bool:
    return event.kind == "step-finished" and "lost_writes" in (event.data.get("values") or {})


def _first(events: tuple[RunEvent, ...], kind: str, step: str) -> float | None:
    return next((event.at for event in events if event.kind == kind and event.step == step), None)


def _done(events: tuple[RunEvent, ...], step: str) -> float | None:
    return next(
        (
            event.at
            for event in events
            if event.kind == "step-finished" and event.step == step and event.data.get("outcome") in ("done", "skipped")
        ),
        None,
    )


def _undone(events: tuple[RunEvent, ...], step: str) -> float | None:
    return next(
        (
            event.at
            for event in events
            if event.kind == "undo-finished" and event.step == step and event.data.get("outcome") == "undone"
        ),
        None,
    )


def story_of_found(found: FoundRun, *, is_lab: bool) -> RunView:
    """Return the story of a run that was found in a journal or on a host."""
    return story_of(
        found.run, found.plan, found.events, is_lab=is_lab, holder=holder_of(found) or "nobody", started_at=started_at(found)
    )
