"""Which ways on from where a run stands are barred, and why: the runner refuses by it, faces grey their keys by it. Pure."""

from ppsconsole.engine.state import RunState
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step

NO_UNDO = "the point of no return may have been passed: going back is a restore, not an undo"


def back_refusal(plan: Plan, state: RunState) -> str:
    """Return why the run of `plan` cannot be backed out any more; empty while it can."""
    return NO_UNDO if state.is_past_return(plan) else ""


def mark_refusal(step: Step) -> str:
    """Return why `step` is never marked done; empty where the operator may do that, after a look at the world."""
    if step.is_markable and not step.needs and not step.is_point_of_no_return:
        return ""
    return "this step is never marked done: what follows relies on its proof"
