"""Which ways on from where a run stands are barred, and why: the runner refuses by it, faces grey their keys by it. Pure."""

from ppsconsole.engine.state import RunState, StepState
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step

NO_UNDO = "the point of no return may have been passed: going back is a restore, not an undo"
NOTHING_UNDOABLE = "nothing that this run does can be undone, and it has begun"

LEAVES_NOTHING_OPEN = frozenset({"backup", "backup-verify"})
"""Runbooks that change nothing of the service. Once they have acted they go back on any doubt, since nobody waits for what is
half-made, and the next one begins anew. One that was left, or whose console is dead, keeps no other run waiting for a person."""


def back_refusal(plan: Plan, state: RunState) -> str:
    """Return why the run of `plan` cannot be backed out any more; empty while it can."""
    if state.is_past_return(plan):
        return NO_UNDO
    sending = [step for step in plan.steps if step.commands]
    has_acted = any(state.of(step.id).may_have_acted for step in sending)
    return NOTHING_UNDOABLE if has_acted and not any(step.is_undoable for step in sending) else ""


def is_left(step: Step, state: StepState) -> bool:
    """Return whether `step` has no way back, may have acted, and was not seen to end: its console is gone, say.

    A run that goes back looks how far it came, so that nobody has to guess what stays.
    """
    return bool(step.commands) and not step.is_undoable and state.phase == "started"


def what_stays(plan: Plan, state: RunState) -> str:
    """Return what was done and has no way back, to be added to the words of a run that went back; empty where nothing was."""
    steps = (each for each in plan.steps if each.commands and not each.is_undoable)
    stays = [f"{each.title}{_doubt(state.of(each.id))}" for each in steps if state.of(each.id).may_have_acted]
    return f"; what cannot be undone stays: {', '.join(stays)}" if stays else ""


def _doubt(state: StepState) -> str:
    return " (whether it was done is not known)" if state.phase in ("started", "unknown") else ""


def mark_refusal(step: Step) -> str:
    """Return why `step` is never marked done; empty where the operator may do that, after a look at the world."""
    if step.is_markable and not step.needs and not step.is_point_of_no_return:
        return ""
    return "this step is never marked done: what follows relies on its proof"
