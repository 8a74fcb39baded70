"""One step carried out, or undone: look, act, look again. What an error means is decided here, by looking."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ppsconsole.actions.base import Action, Finding, Workbench
from ppsconsole.clock import duration
from ppsconsole.engine.line_wait import LINE_BACK_S, WAY_BACK_S, LineWait, lost_line
from ppsconsole.engine.stage import LeaseLost, Stage
from ppsconsole.errors import Blocked, PpsConsoleError, WorldMoved
from ppsconsole.masking import plain
from ppsconsole.plan.outcomes import Outcome
from ppsconsole.plan.proof import FenceProof, ZeroLossProof
from ppsconsole.plan.step import Step

SHORTEST_LOOK_S = 5.0
"""A look gets at least this long, however short the step's own limit is."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step went.

    Attributes:
        has_acted: Its act was begun, and nothing shows that it did nothing.
    """

    outcome: Outcome
    words: str
    has_acted: bool
    values: Mapping[str, Any] = field(default_factory=dict)
    proofs: tuple[FenceProof | ZeroLossProof, ...] = ()


@dataclass(frozen=True, slots=True)
class Performance:
    """What a step is carried out with.

    Attributes:
        beside_precheck: Waited for together with the precheck.
        before_act: Makes durable all that was said, and what the precheck found, before the act.
    """

    action: Action
    bench: Workbench
    step: Step
    stage: Stage
    beside_precheck: Callable[[], Awaitable[None]]
    before_act: Callable[[Mapping[str, Any]], Awaitable[None]]

    async def go(self, *, is_doubtful: bool) -> StepResult:
        """Do the step.

        Args:
            is_doubtful: It may have acted already: it is verified first, and not touched while that cannot be seen.

        Raises:
            LeaseLost: Another console has the run.
            JournalError: What precheck found could not be made durable; nothing was done.
        """
        if is_doubtful:
            found = await self._verified()
            if found.state == "yes":
                return StepResult(Outcome.DONE, f"found done: {found.words}", True, found.values, found.proofs)
            if found.state == "unknown":
                return StepResult(Outcome.UNKNOWN, f"whether it was done cannot be seen: {found.words}", True, found.values)
        lack = _lacking(self.bench, self.step)
        if lack:
            return StepResult(Outcome.FAILED, lack, False)
        wait = self._wait()
        while True:
            found, _ = await asyncio.gather(self._looked(self.action.precheck), self.beside_precheck())
            if found.state != "yes":
                return StepResult(Outcome.FAILED, f"not begun: {found.words}", False, found.values)
            await self.before_act(found.values)
            error = await self._acted(self.action.act)
            if error is None or not self.stage.shows_nothing_done(error):
                break
            if not isinstance(error, WorldMoved):
                error = await self._acted(self.action.act)  # once more: nothing was done, and act is idempotent
                if error is None or not self.stage.shows_nothing_done(error):
                    break
            # What the precheck saw is too old by the time the line is back: it is looked at again before anything is done.
            if (lost := lost_line(error)) is None or self.step.is_optional or not await wait.is_worth_another(lost):
                wait.ended(is_back=False)
                return StepResult(Outcome.FAILED, f"nothing was done: {_said(error)}", False)
        wait.ended(is_back=True)
        if isinstance(error, Blocked) and self.stage.sent == 0:
            return StepResult(Outcome.FAILED, f"not begun: {_said(error)}", False)
        return self._judged(await self._verified(), error)

    async def undo(self) -> tuple[str, str]:
        """Put back what the step changed, and look whether it is; one more time where it is seen that it is not.

        Returns:
            `undone`, `not-undone` or `undo-unknown`, and what was seen.

        Raises:
            LeaseLost: Another console has the run.
        """
        words, wait = "", LineWait(self.bench, WAY_BACK_S)  # one for both tries
        for _ in range(2):
            error = await self._acted(self.action.undo)
            found = await self._looked(self.action.verify_undone, wait)
            words = found.words if error is None else f"{found.words}; {_said(error)}"
            if found.state == "yes":
                return "undone", found.words
            if found.state == "unknown":
                return "undo-unknown", words
        return "not-undone", words

    async def verify(self) -> StepResult:
        """Only look whether the step is done: for an operator who says so. Makes no proof."""
        found = await self._verified()
        outcome = {"yes": Outcome.DONE, "no": Outcome.FAILED, "unknown": Outcome.UNKNOWN}[found.state]
        return StepResult(outcome, found.words, True, found.values)

    async def left(self) -> StepResult:
        """Only look how far it came: it has no way back, and nobody saw it end. Makes no proof."""
        found = await self.verify()
        return replace(found, words=f"it has no way back, and nobody saw it end; seen now: {found.words}")

    def _judged(self, found: Finding, error: BaseException | None) -> StepResult:
        after = "" if error is None else f"; {_said(error)}"
        if found.state == "yes":
            return StepResult(Outcome.DONE, found.words + after, True, found.values, found.proofs)
        outcome = Outcome.FAILED if found.state == "no" else Outcome.UNKNOWN
        return StepResult(outcome, found.words + after, True, found.values)

    async def _verified(self) -> Finding:
        return await self._looked(self.action.verify)

    def _wait(self) -> LineWait:
        return LineWait(self.bench, min(LINE_BACK_S, self._limit_s))

    @property
    def _limit_s(self) -> float:
        return max(SHORTEST_LOOK_S, self.step.timeout_s)

    async def _looked(self, look: Callable[[Workbench, Step], Awaitable[Finding]], wait: LineWait | None = None) -> Finding:
        """Look, and look again where a line was lost meanwhile and nothing good was seen: looking changes nothing.

        Not for a step that can be left out, as what is done to a host that is dead: that holds nobody up.
        """
        wait = wait or self._wait()
        while True:
            self.stage.lost = None
            found = await self._look(look)
            lost = self.stage.lost
            if found.state == "yes" or lost is None:
                wait.ended(is_back=True)
                return found
            if self.step.is_optional or not await wait.is_worth_another(lost):
                wait.ended(is_back=False)
                return found

    async def _look(self, look: Callable[[Workbench, Step], Awaitable[Finding]]) -> Finding:
        try:
            async with asyncio.timeout(self._limit_s):
                return await look(self.bench, self.step)
        except TimeoutError:
            return Finding("unknown", f"not seen within {duration(self._limit_s)}")
        except LeaseLost:
            raise
        except WorldMoved as error:
            return Finding("no", _said(error))
        except Exception as error:  # a mistake in an action must not leave a cluster half moved
            self.stage.lost = lost_line(error)
            return Finding("unknown", _said(error))

    async def _acted(self, act: Callable[[Workbench, Step], Awaitable[None]]) -> BaseException | None:
        self.stage.renew()
        try:
            async with asyncio.timeout(self.step.timeout_s):
                await act(self.bench, self.step)
        except LeaseLost:
            raise
        except TimeoutError:
            return TimeoutError(f"no end within {duration(self.step.timeout_s)}")
        except Exception as error:  # as above: looking decides what it means
            return error
        return None


def _said(error: BaseException) -> str:
    return plain(str(error) if isinstance(error, (PpsConsoleError, TimeoutError)) else f"{type(error).__name__}: {error}")


def _lacking(bench: Workbench, step: Step) -> str:
    """What keeps the step from acting for want of a proof made in this run (laws 1 and 3); empty when nothing does."""
    if "fence" in step.needs:
        to_fence = old_primaries(bench, step)
        open_ones = [name for name in to_fence if bench.fence_of(name) is None]
        if open_ones:
            return f"this run has no proof that {', '.join(open_ones)} cannot write"
        if not to_fence:
            return "the plan names no old primary, so nothing shows that it cannot write"
    if "zero-loss" in step.needs and not any(
        isinstance(proof, ZeroLossProof) and proof.run == bench.run and proof.standby == bench.plan.to for proof in bench.proofs
    ):
        return f"this run has no proof that {bench.plan.to} has everything"
    return ""


def old_primaries(bench: Workbench, step: Step) -> tuple[str, ...]:
    """Return the instances that must be proved unable to write before `step` promotes another.

    The one that the step names as the old primary, which may be an alternate server that serves users, and every one that was
    seen as primary when the plan was made. Where there is neither, every one that was not seen to be a standby: a role that
    nobody could see is not a harmless one.
    """
    instances, primary = bench.inventory.database.instances, step.arguments.get("primary")
    others = [each for each in bench.plan.identities if each.node in instances and each.node != bench.plan.to]
    named = [each.node for each in others if each.role == "primary" or each.node == primary]
    named += [primary] if primary is not None and primary in bench.inventory.alternates else []
    return tuple(named or (each.node for each in others if each.role != "standby"))
