"""Gates: what only the operator can answer, and which answers count."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from ppsconsole.engine.reading import Reading, asked_now
from ppsconsole.errors import Blocked, UsageError
from ppsconsole.plan.loss import accepted_window
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate, Step

Ask = Callable[[Gate, Step, Plan], Awaitable[str | None]]
"""Asks the operator; None when there is no answer."""

YES = "yes"
SHORTEST_STATEMENT = 8
"""A statement that stands in for a proof says at least a few words."""


async def answer_of(step: Step, plan: Plan, ask: Ask, reading: Reading | None = None, before: str | None = None) -> str:
    """Ask at the gate of `step`, and return the answer if it counts.

    `confirm` is answered by `yes` or the plan's hash, `name` by the cluster's name or the plan's hash, `accept-loss` by a window
    that covers the loss, `attest` by a statement.

    Args:
        step: Which the gate is before.
        plan: As it was made.
        ask: Asks.
        reading: What was read for this question: shown with it, and its loss is the one to accept. None leaves the plan's.
        before: What was accepted before and does not cover the loss any more; None where there is no such answer.

    Raises:
        Blocked: There is no answer, or it does not count.
    """
    gate = step.gate
    assert gate is not None
    if reading is not None:
        gate, plan = asked_now(gate, step, plan, reading, before)
    answer = await ask(gate, step, plan)
    if answer is None or not answer.strip():
        raise Blocked(f"{gate.question}: not answered", where=step.id, remedy=f"Answer it, or give {gate.flag}")
    answer = answer.strip()
    refusal = _refusal(gate, answer, plan)
    if refusal:
        raise Blocked(refusal, where=step.id, remedy=f"See `ppsconsole plan {plan.runbook}`, then give {gate.flag} again")
    return answer


def still_counts(gate: Gate, answer: str, plan: Plan, reading: Reading) -> bool:
    """Return whether an answer that was given before counts with what is read now: it does not accept a loss that has grown."""
    return not _refusal(gate, answer, replace(plan, loss=reading.loss))


def _refusal(gate: Gate, answer: str, plan: Plan) -> str:
    match gate.kind:
        case "confirm":
            return "" if answer in (YES, plan.hash) else f"the plan that stands here is {plan.hash}, approved was another"
        case "name":
            is_right = answer in (plan.cluster, plan.hash)
            return "" if is_right else f"typed was neither the cluster's name, {plan.cluster}, nor this plan's hash, {plan.hash}"
        case "accept-loss":
            try:
                accepted = accepted_window(answer)
            except UsageError:
                # Never repeated, as nothing else that does not count is: who is in a hurry types a password at any prompt.
                return "what was typed is no window: 5s, 250ms, 2m, 1m35s, 0 or unlimited"
            return "" if plan.loss.is_accepted_by(accepted) else f"the loss is {plan.loss.said()}, accepted was {answer}"
        case "attest":
            return "" if len(answer) >= SHORTEST_STATEMENT else "a statement says what was done, and by whom"
