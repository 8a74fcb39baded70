"""Runs a plan, step by step. The laws of DESIGN §5 about order, proofs, doubt and the point of no return live here."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ppsconsole.actions.base import Action, Workbench
from ppsconsole.actions.kinds import HIDING
from ppsconsole.engine.custody import Custody, RunResult
from ppsconsole.engine.exits import LEAVES_NOTHING_OPEN, back_refusal, is_left, mark_refusal, what_stays
from ppsconsole.engine.gatekeeper import Gatekeeper
from ppsconsole.engine.gates import Ask
from ppsconsole.engine.perform import Performance, StepResult
from ppsconsole.engine.reading import Reread
from ppsconsole.engine.recorder import Recorder, Records
from ppsconsole.engine.stage import Stage
from ppsconsole.engine.state import RunState, advanced, proof_as_json
from ppsconsole.errors import Blocked, JournalError, UsageError
from ppsconsole.plan.event import EventKind, RunEvent
from ppsconsole.plan.outcomes import Outcome, RunVerdict
from ppsconsole.plan.step import Step

BACKS_OUT_BY_ITSELF = frozenset({"switchover"})
"""Runbooks that go back on any doubt before the point of no return (law 2). The others hold: back is not always better there."""


class _HeldBackError(Exception):
    """A hold was asked for, and the step at hand has not acted yet."""


class Runner:
    """Executes the plan of a workbench; one of its methods at a time.

    Attributes:
        recorder: Where events come from; listen there.
        state: Where the run stands, always what its durable events say.
    """

    def __init__(
        self,
        bench: Workbench,
        actions: Mapping[str, Action],
        records: Records,
        ask: Ask,
        custody: Custody,
        stage: Stage,
        state: RunState,
        reread: Reread | None = None,
    ) -> None:
        """Prepare; nothing is done yet.

        Args:
            bench: What actions work with; its values, proofs and answers are filled from `state`.
            actions: By verb.
            records: The journal.
            ask: Asks at gates that have no answer yet.
            custody: Keeps lease and copies.
            stage: Shared with the guard.
            state: Where the run stands: `state_of(plan, ())` for a new one.
            reread: Reads again what a gate's question rests on; None asks with what the plan says.

        Raises:
            UsageError: The plan has a verb that nobody knows.
        """
        for step in bench.plan.steps:
            if step.verb not in actions:
                raise UsageError(f"step {step.id} has the unknown verb {step.verb!r}", where=bench.plan.runbook)
        self.state = self._said = state
        self._bench, self._actions, self._custody, self._stage = bench, actions, custody, stage
        self._gates = Gatekeeper(bench, ask, reread, self._ahead)
        self._is_hold_wanted = False
        bench.is_hold_wanted = lambda: self._is_hold_wanted
        self._busy = asyncio.Lock()
        self.recorder = Recorder(records, bench.run, bench.clock, number=state.last_number, follow=self._follow)
        self._fill_bench(state)

    # --- what faces call --------------------------------------------------------------------------------------

    async def run(self) -> RunResult:
        """Do all steps that are left, until the end or until something has to be decided.

        Raises:
            Blocked: A gate was not answered and nothing had been done; the run is finished as failed.
            LeaseLost: Another console has the run.
            JournalError: The journal failed: nothing more was begun.
        """
        async with self._busy:
            if (ended := self._ended()) is not None:
                return ended
            if self.state.is_backing_out:
                return await self._back_out("going on with backing out")
            if self.state.is_held:
                await self.record("resumed", words="going on")
            while (next_id := self._ahead().next_step(self._bench.plan)) is not None:
                self._custody.check()
                self.recorder.check()  # what a failed journal does not take does not move the run on: it would go round for ever
                if self._is_hold_wanted:
                    return await self._held("held between two steps, as was asked for", RunVerdict.INCOMPLETE)
                step = self._bench.plan.step(next_id)
                stopped = await self._gate(step)
                if stopped is not None:
                    return stopped
                result = await self._do(step)
                if result.outcome is Outcome.HELD:
                    return await self._held(result.words, self.standing())
                if result.outcome is not Outcome.DONE and not step.is_optional:
                    return await self._stopped(step, result)
            await self._custody.flush()  # a host that keeps no copy is an issue, and has to be known by now
            await self.recorder.settle()
            await self._custody.confirm()
            return await self._finish(*self._success())

    def hold(self) -> None:
        """Ask for the run to stop after the step at hand; `run` then returns.

        Before the step at hand, where that is the point of no return and its record is not being written yet.
        """
        self._is_hold_wanted = True

    async def mark_done(self, step_id: str, reason: str) -> None:
        """Take the word of the operator that the step is done, after a look at the world; the look makes no proof.

        Raises:
            Blocked: Such a step is never marked, there is no reason, or the look did not see it done.
            UsageError: The run does not stand at this step.
        """
        async with self._busy:
            step = self._stands_at(step_id)
            if refusal := mark_refusal(step):
                raise Blocked(refusal, where=step_id)
            if not reason.strip():
                raise Blocked("marking a step done takes a reason", where=step_id, remedy="Say why")
            self._custody.check()
            self._stage.enter(step_id, max(1, self.state.of(step_id).attempt))
            result = await self._performance(step).verify()
            if result.outcome is not Outcome.DONE:
                raise Blocked(f"it is not seen done: {result.words}", where=step_id)
            words = f"marked done: {reason.strip()}; {result.words}"
            self._finished(step, StepResult(Outcome.DONE, words, True, result.values), 0.0)
            await self.recorder.settle()

    async def back_out(self, reason: str) -> RunResult:
        """Undo what was done, last step first, each verified.

        Raises:
            Blocked: The point of no return may have been passed: going back is a restore, not an undo.
            LeaseLost: Another console has the run.
        """
        async with self._busy:
            if (ended := self._ended()) is not None:
                return ended
            self._is_hold_wanted = False
            return await self._back_out(reason)

    async def abandon(self, reason: str) -> RunResult:
        """End the run where it stands, on the operator's word; nothing is touched.

        Raises:
            Blocked: There is no reason.
            LeaseLost: Another console has the run: how it ends is told by that one.
        """
        async with self._busy:
            if (ended := self._ended()) is not None:
                return ended
            if not reason.strip():
                raise Blocked("abandoning a run takes a reason", remedy="Give --reason")
            await self._custody.confirm()
            return await self._finish(self.standing(), f"abandoned: {reason.strip()}")

    async def look_ahead(self, begun: Mapping[str, Mapping[str, Any]] | None = None, *, is_whole: bool = False) -> None:
        """See which steps were begun by a console whose last records did not reach the journal that this run goes on from.

        Args:
            begun: Steps whose acts left a trace on their hosts, by id: what was there before them, as far as the trace tells.
            is_whole: No record can be missing; what a trace tells counts all the same.

        Raises:
            LeaseLost: Another console has the run.
        """
        async with self._busy:
            if self._ended() is not None or self.state.is_backing_out:
                return
            next_id, traces = self.state.next_step(self._bench.plan), begun or {}
            for step in self._bench.plan.steps:
                known = self.state.of(step.id)
                if known.phase == "started" and not known.values:
                    await self._learn(step, traces.get(step.id, {}))
                if known.phase != "pending":
                    continue  # doubtful anyway, or seen to have ended
                if step.id in traces:
                    words = "was begun by the console before, as its host tells"
                elif not is_whole and step.id == next_id and await self._seems_begun(step):
                    words = "may have been begun by the console before"
                else:
                    continue
                await self.record("step-started", step=step.id, words=words, data={"attempt": 1})
                await self._learn(step, traces.get(step.id, {}))

    async def _learn(self, step: Step, values: Mapping[str, Any]) -> None:
        """Take over what was there before a step, which the console before this one had noted on the host of its act."""
        if values:
            await self.record("step-checked", step=step.id, data={"values": dict(values)})
            self._fill_bench(self.state)

    async def _seems_begun(self, step: Step) -> bool:
        self._stage.enter(step.id, 1)
        return (await self._performance(step).verify()).outcome is not Outcome.FAILED

    async def record(
        self, kind: EventKind, *, step: str = "", words: str = "", data: Mapping[str, Any] | None = None
    ) -> RunEvent:
        """Write an event; it is durable and in `state` when this returns."""
        return await self.recorder.record(kind, step, words, data)

    async def answer_all(self) -> None:
        """Ask at every gate now, before anything is touched: for faces without a terminal.

        Raises:
            Blocked: One has no answer that counts.
        """
        await self._gates.answer_all()

    # --- forwards ---------------------------------------------------------------------------------------------

    async def _gate(self, step: Step) -> RunResult | None:
        """See that the gate before `step` is answered and written down; a result when the run stops at it."""
        if step.gate is None or not self._gates.is_asked(step):
            return None
        await self.recorder.settle()
        is_written = step.id in self.state.answers
        try:
            is_new = await self._gates.pass_by(step)
        except Blocked as error:
            if self.state.has_acted:
                return await self._held(str(error), self.standing())
            await self._finish(RunVerdict.FAILED, str(error))
            raise
        if is_new or not is_written:
            data: dict[str, Any] = {"answer": self._bench.answers[step.id], "kind": step.gate.kind}
            if (loss := self._gates.loss_at(step)) is not None:
                data["loss"] = loss.as_json()  # what was accepted, and of how much: reports tell both
            await self.record("gate-answered", step=step.id, words=step.gate.question, data=data)
        return None

    async def _do(self, step: Step) -> StepResult:
        before = self._ahead().of(step.id)
        # A step that was begun and never ended goes on as the same attempt: a command that it left running is found by it.
        attempt = before.attempt if before.phase == "started" else before.attempt + 1
        self._stage.enter(step.id, attempt)
        started = self._bench.clock.monotonic()
        # Durable before the step acts (`_performance`), together with what is said until then: each writing waits for the disk.
        self.recorder.note("step-started", step.id, step.title, {"attempt": attempt})
        try:
            result = await self._performance(step).go(is_doubtful=before.is_doubtful)
        except _HeldBackError:
            words = "held before the point of no return, as was asked for: nothing was done by this step"
            result = StepResult(Outcome.HELD, words, False)
        except JournalError as error:  # an act waits for its record: that nothing was done, only this console knows
            self._finished(step, StepResult(Outcome.FAILED, f"nothing was done: {error}", before.may_have_acted), 0.0)
            raise
        if before.may_have_acted and not result.has_acted:
            result = replace(result, has_acted=True)
        self._finished(step, result, self._bench.clock.monotonic() - started)
        if result.outcome is not Outcome.DONE:
            await self.recorder.settle()
        self._fill_bench(self._ahead())
        self._stage.enter("", 1)
        return result

    def _finished(self, step: Step, result: StepResult, took_s: float) -> None:
        for proof in result.proofs:
            self.recorder.note("proof-made", step.id, proof.said(), {"proof": proof_as_json(proof)})
        if step.is_optional and result.outcome is not Outcome.DONE:
            self.recorder.note("issue-noted", step.id, f"{step.title}: {result.words}")
        data = {
            # A step that was held back is as one that was not begun: it is tried again, and nothing has to be undone.
            "outcome": (Outcome.FAILED if result.outcome is Outcome.HELD else result.outcome).value,
            "has_acted": result.has_acted,
            "values": {**self._bench.values.get(step.id, {}), **result.values},  # with what the act noted
            "took_s": round(took_s, 4),
            "verb": step.verb,
        }
        self.recorder.note("step-finished", step.id, result.words, data)

    def _performance(self, step: Step) -> Performance:
        async def before_act(values: Mapping[str, Any]) -> None:
            if step.is_point_of_no_return and self._is_hold_wanted:
                raise _HeldBackError  # asked for while it was prechecked; once its record is durable there is no way back
            if values:
                self.recorder.note("step-checked", step.id, "", {"values": dict(values)})
                self._fill_bench(self._ahead())
                self._stage.values = self._bench.values.get(step.id, {})
            if step.commands:  # where nothing is sent, nothing has to be known before it
                await self.recorder.settle()

        async def beside_precheck() -> None:
            if step.is_point_of_no_return or step.commands:
                # Only what is durable is copied: without how the step before ended, hosts would be behind by more than one step.
                await self.recorder.settle()
            if step.commands:
                await self._custody.settle(is_whole=step.verb in HIDING)

        return Performance(self._actions[step.verb], self._bench, step, self._stage, beside_precheck, before_act)

    async def _stopped(self, step: Step, result: StepResult) -> RunResult:
        """A required step did not get done: back where that is law, else stand still and say where things stand."""
        # A console that slept through a takeover sees its step fail by the clock: it has nothing to decide any more.
        await self._custody.confirm()
        words = f"{step.title}: {result.words}"
        plan = self._bench.plan
        is_closed = plan.runbook in LEAVES_NOTHING_OPEN and self.state.has_acted
        if is_closed or (plan.runbook in BACKS_OUT_BY_ITSELF and not self.state.is_past_return(plan)):
            return await self._back_out(words)
        if not self.state.has_acted:
            return await self._finish(RunVerdict.FAILED, words)
        return await self._held(words, self.standing())

    # --- backwards --------------------------------------------------------------------------------------------

    async def _back_out(self, reason: str) -> RunResult:
        plan = self._bench.plan
        if refusal := back_refusal(plan, self.state):
            raise Blocked(refusal, remedy="Resume the run, or abandon it and plan another")
        for step in reversed(plan.steps):
            state = self.state.of(step.id)
            if not state.needs_undo or not (step.is_undoable or is_left(step, state)):
                continue
            self._custody.check()
            if self._is_hold_wanted:
                return await self._held("held while backing out, as was asked for", RunVerdict.INCOMPLETE)
            self._stage.enter(step.id, max(1, state.attempt))
            if not step.is_undoable:
                self._finished(step, await self._performance(step).left(), 0.0)
                await self.recorder.settle()
                continue
            await self.record("undo-started", step=step.id, words=f"back: {step.title}; because {reason}")
            await self._custody.settle()
            outcome, words = await self._performance(step).undo()
            await self.record("undo-finished", step=step.id, words=words, data={"outcome": outcome})
            self._stage.enter("", 1)
        phases = {self.state.of(step.id).phase for step in plan.steps if step.is_undoable}
        if "undo-unknown" in phases:
            return await self._held(f"not everything could be seen to be back; because {reason}", RunVerdict.UNKNOWN)
        if "not-undone" in phases:
            return await self._held(f"not everything is back; because {reason}", RunVerdict.FAILED)
        return await self._finish(RunVerdict.ROLLED_BACK, f"{reason}{what_stays(plan, self.state)}")

    # --- ends -------------------------------------------------------------------------------------------------

    def _success(self) -> tuple[RunVerdict, str]:
        if other := self.state.second_primary:
            return RunVerdict.INCOMPLETE, f"{other} runs as a second primary: fence it"
        return RunVerdict.SUCCESS_WITH_ISSUES if self._ahead().issues else RunVerdict.SUCCESS, "all steps are done"

    def standing(self) -> RunVerdict:
        """Return what the run would end as if it ended here; how its step at hand ended is known here if in no record."""
        seen = {each.id: each for each in self._ahead().steps}
        steps = tuple(seen[each.id] if each.phase in ("started", "undoing") else each for each in self.state.steps)
        return replace(self.state, steps=steps).standing

    async def _held(self, words: str, verdict: RunVerdict) -> RunResult:
        self._is_hold_wanted = False
        await self.record("held", words=words, data={"verdict": verdict.value})
        return RunResult(verdict, True, words)

    async def _finish(self, verdict: RunVerdict, words: str) -> RunResult:
        await self.record("run-finished", words=words, data={"verdict": verdict.value})
        return RunResult(verdict, False, words)

    def _ended(self) -> RunResult | None:
        return None if (verdict := self.state.verdict) is None else RunResult(verdict, False, "the run has ended before")

    # --- state ------------------------------------------------------------------------------------------------

    def _stands_at(self, step_id: str) -> Step:
        expected = None if self.state.verdict is not None else self.state.next_step(self._bench.plan)
        if self.state.is_backing_out:
            raise UsageError("the run is being backed out: there is no way forward", where=step_id)
        if step_id != expected:
            raise UsageError(f"the run stands at {expected or 'its end'}", where=step_id)
        return self._bench.plan.step(step_id)

    def _follow(self, event: RunEvent) -> None:
        self.state = advanced(self.state, event)
        self._custody.saw(event)

    def _ahead(self) -> RunState:
        """Where the run stands by what was said, durable or not: what the next step is chosen by; it does not act on it yet."""
        if self._said.last_number < self.state.last_number:
            self._said = self.state
        for event in self.recorder.pending:
            if event.number > self._said.last_number:
                self._said = advanced(self._said, event)
        return self._said

    def _fill_bench(self, state: RunState) -> None:
        self._bench.values.update(state.values)
        self._bench.proofs[:] = state.proofs
        self._bench.answers.update(state.answers)
