"""The operator of a story: what is answered at gates. Honest: whoever writes that a machine is off has switched it off."""

import math
from dataclasses import dataclass, field

from ppsconsole.plan.loss import LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate, Step
from tests.engine.model.world import World


@dataclass(slots=True)
class Operator:
    """Answers.

    Attributes:
        answers: What is said first; then everything is answered rightly.
    """

    world: World
    answers: list[str] = field(default_factory=list)

    async def ask(self, gate: Gate, step: Step, plan: Plan) -> str | None:
        """Answer a gate."""
        manner = self.answers.pop(0) if self.answers else "right"
        if manner == "none":
            return None
        if manner == "wrong":
            return "what?"
        match gate.kind:
            case "confirm":
                return "yes"
            case "name":
                return plan.cluster
            case "accept-loss":
                return "0" if manner == "small" else accepting(plan)
        return self._stated(step)

    def _stated(self, step: Step) -> str | None:
        """Return a true statement about a machine, made true before it is written down."""
        database = self.world.databases[step.node]
        if step.verb == "fence":
            self.world.switch_off(database.host)
            return f"I switched off {step.node} at its console"
        others = [each for each in self.world.databases.values() if each is not database]
        if any(not each.in_recovery for each in others):
            return None  # it was promoted: whoever looks at it does not write that it was not
        return "I looked at it: it is a standby"


def accepting(plan: Plan) -> str:
    """Return the window that covers the announced loss and not more."""
    loss = plan.loss
    if loss.tier is LossTier.NONE:
        return "0"
    if loss.tier is LossTier.UNKNOWN or loss.window_s is None:
        return "unlimited"
    return f"{math.ceil(loss.window_s * 1000)}ms"
