"""Keeps the gates of one run: which are open, what an answer rests on now, and whether one from before still counts."""

from collections.abc import Callable
from dataclasses import replace

from ppsconsole.actions.base import Workbench
from ppsconsole.engine.gates import Ask, answer_of, still_counts
from ppsconsole.engine.reading import Reading, Reread
from ppsconsole.engine.state import RunState
from ppsconsole.errors import Blocked
from ppsconsole.plan.loss import Loss
from ppsconsole.plan.step import Step


class Gatekeeper:
    """Asks at gates, and asks again where a loss has grown beyond what was accepted."""

    def __init__(self, bench: Workbench, ask: Ask, reread: Reread | None, ahead: Callable[[], RunState]) -> None:
        """Prepare.

        Args:
            bench: Has plan, proofs and answers; new answers are put there.
            ask: Asks at gates that have no answer yet.
            reread: Reads again what a gate's question rests on; None asks with what the plan says.
            ahead: Tells where the run stands by what was said, durable or not.
        """
        self._bench, self._ask, self._reread, self._ahead = bench, ask, reread, ahead
        self._losses: dict[str, Loss] = {}

    async def answer_all(self) -> None:
        """Ask at every gate that is open, now.

        Raises:
            Blocked: One has no answer that counts.
        """
        for step in self._bench.plan.steps:
            is_open = step.id not in self._bench.answers and not self._ahead().of(step.id).is_settled
            if is_open and self.is_asked(step):
                self._bench.answers[step.id] = await answer_of(step, self._bench.plan, self._ask, await self._read_again(step))

    async def pass_by(self, step: Step) -> bool:
        """See that the gate of `step` has an answer that counts now; return whether that is another one than was known.

        A loss is looked at again before the step that makes it real: an acceptance that does not cover it any more is asked for
        again, and none counts once the old primary answers as one again.

        Raises:
            Blocked: There is no answer, it does not count, or nothing has to be given up any more.
        """
        assert step.gate is not None
        known = self._bench.answers.get(step.id)
        is_loss = step.gate.kind == "accept-loss" and self._ahead().of(step.id).phase == "pending"
        reading = await self._read_again(step) if known is None or is_loss else None
        if is_loss and step.is_point_of_no_return and reading is not None:
            _see_that_it_is_lost(step.arguments.get("primary", ""), step, reading)
        if known is not None and (reading is None or still_counts(step.gate, known, self._bench.plan, reading)):
            return False
        self._bench.answers[step.id] = await answer_of(step, self._bench.plan, self._ask, reading, known)
        return True

    def is_asked(self, step: Step) -> bool:
        """Return whether anything is asked before `step`: not where this run proved that the loss at its gate is none."""
        if step.gate is None:
            return False
        is_loss = step.gate.kind == "accept-loss"
        return not (is_loss and self._bench.zero_loss_of(step.arguments.get("primary", ""), step.node) is not None)

    def loss_at(self, step: Step) -> Loss | None:
        """Return the loss as it was last read for the gate of `step`; None where it was not, or another thing is asked there."""
        return self._losses.get(step.id) if step.gate is not None and step.gate.kind == "accept-loss" else None

    async def _read_again(self, step: Step) -> Reading | None:
        if self._reread is None:
            return None
        fence = self._bench.fence_of(step.arguments.get("primary", ""))
        reading = await self._reread(step, self._bench.plan, fence)
        # Promised is a salvage only while it is ahead: what is asked behind one that failed is the loss that remains.
        phases = {self._ahead().of(each.id).phase for each in self._bench.plan.steps if each.verb == "salvage"}
        is_ahead = self._bench.plan.loss.is_salvage_ahead and bool(phases & {"pending", "started"})
        self._losses[step.id] = loss = replace(reading.loss, is_salvage_ahead=is_ahead)
        return replace(reading, loss=loss)


def _see_that_it_is_lost(primary: str, step: Step, reading: Reading) -> None:
    """Refuse to give up what only `primary` has where that answers: what kept users from it may have passed.

    Raises:
        Blocked: It answers as a primary. No plan is made beside one (`primary-dead`), so none is gone on with either.
    """
    if primary in reading.primaries:
        raise Blocked(
            f"{primary} ANSWERS AGAIN as the primary, so nothing that it has need be given up: nothing was promoted",
            where=step.id,
            remedy="Back out, and it stays the primary; or stop it on its host, and resume",
        )
