"""The report of a run as JSON values: what `runs report --json` prints."""

from collections.abc import Sequence
from typing import Any

from ppsconsole.clock import iso
from ppsconsole.draw.run_view import Outage, RunView
from ppsconsole.draw.safety import safety
from ppsconsole.engine.state import proof_as_json
from ppsconsole.plan.event import RunEvent


def head_of(view: RunView, now: float) -> dict[str, Any]:
    """Return where a run stands, without plan and events: one entry of `runs list --json`.

    Times are ISO 8601 in UTC, lengths are seconds.
    """
    now = view.until(now)
    return {
        "run": view.run,
        "runbook": view.plan.runbook,
        "cluster": view.plan.cluster,
        "is_lab": view.is_lab,
        "node": view.plan.node,
        "to": view.plan.to,
        "plan": view.plan.hash,
        "state": view.state,
        "verdict": None if view.verdict is None else view.verdict.value,
        "is_open": view.verdict is None,
        "words": view.words,
        "started_at": iso(view.started_at),
        "finished_at": None if view.finished_at is None else iso(view.finished_at),
        "holder": view.holder,
        "loss": {**(view.read_loss or view.plan.loss).as_json(), "said": view.loss, "accepted": view.accepted or None},
        "downtime": {
            "users": _outage(view.users, now)
            | {"in_run_s": round(view.own_outage.length_s(now), 3), "known_by": view.plan.out_words},
            "writes": _outage(view.writes, now),
            "estimate_s": view.plan.downtime_s,
        },
        "issues": list(view.issues),
    }


def document_of(view: RunView, events: Sequence[RunEvent], now: float) -> dict[str, Any]:
    """Return the whole report."""
    steps = [
        {
            **step.as_json(),
            "phase": state.phase,
            "words": state.words,
            "began_at": None if state.began_at is None else iso(state.began_at),
            "took_s": state.took_s,
        }
        for step, state in zip(view.plan.steps, view.steps, strict=True)
    ]
    return head_of(view, now) | {
        "safety": [{"question": each.question, "answer": each.said, "words": each.words} for each in safety(view)],
        "lost_writes": None if view.lost is None else view.lost.as_json(),
        "answers": dict(view.answers),
        "proofs": [proof_as_json(proof) for proof in view.proofs],
        "preflight": [item.as_json() for item in view.plan.preflight],
        "tolerances": dict(view.plan.tolerances),
        "steps": steps,
        "events": [event.as_json() for event in events],
    }


def _outage(outage: Outage, now: float) -> dict[str, Any]:
    return {
        "began_at": None if outage.began_at is None else iso(outage.began_at),
        "is_over": not outage.is_on,
        "length_s": round(outage.length_s(now), 3),
    }
