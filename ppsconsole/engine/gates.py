"""Gates: what only the operator can answer, and which answers count."""

from collections.abc import Awaitable, Callable

from ppsconsole.errors import Blocked, UsageError
from ppsconsole.plan.loss import accepted_window
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate, Step

Ask = Callable[[Gate, Step, Plan], Awaitable[str | None]]
"""Asks the operator; None when there is no answer."""

YES = "yes"
SHORTEST_STATEMENT = 8
"""A statement that stands in for a proof says at least a few words."""


async def answer_of(step: Step, plan: Plan, ask: Ask) -> str:
    """Ask at the gate of `step`, and return the answer if it counts.

    `confirm` is answered by `yes` or the plan's hash, `name` by the cluster's name or the plan's hash, `accept-loss` by a window
    that covers the plan's loss, `attest` by a statement.

    Raises:
        Blocked: There is no answer, or it does not count.
    """
    gate = step.gate
    assert gate is not None
    answer = await ask(gate, step, plan)
    if answer is None or not answer.strip():
        raise Blocked(f"{gate.question}: not answered", where=step.id, remedy=f"Answer it, or give {gate.flag}")
    answer = answer.strip()
    refusal = _refusal(gate, answer, plan)
    if refusal:
        raise Blocked(refusal, where=step.id, remedy=f"See `ppsconsole plan {plan.runbook}`, then give {gate.flag} again")
    return answer


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
            except UsageError as error:
                return error.what
            return "" if plan.loss.is_accepted_by(accepted) else f"the loss is {plan.loss.said()}, accepted was {answer}"
        case "attest":
            return "" if len(answer) >= SHORTEST_STATEMENT else "a statement says what was done, and by whom"
