"""What is shown of a run: put together from its events by `ppsconsole.reports.story`, drawn by both faces. Pure values."""

from dataclasses import dataclass, replace
from typing import Literal

from ppsconsole.cluster.lost_writes import LostWrites
from ppsconsole.errors import UsageError
from ppsconsole.plan.loss import Loss, LossTier, accepted_said
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import FenceProof, ZeroLossProof
from ppsconsole.plan.step import Step

Phase = Literal[
    "pending", "started", "done", "skipped", "failed", "unknown", "undoing", "undone", "not-undone", "undo-unknown"
]  # as in `ppsconsole.engine.state`, which stands above this package


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a run.

    Attributes:
        words: What was last said of it.
        began_at: When it was last begun, seconds since 1970 UTC; None while it was not.
        took_s: How long it took, in seconds; None while it is not finished.
    """

    id: str
    phase: Phase = "pending"
    words: str = ""
    began_at: float | None = None
    took_s: float | None = None

    @property
    def is_at_hand(self) -> bool:
        """Whether it was begun and not finished."""
        return self.phase in ("started", "undoing")


@dataclass(frozen=True, slots=True)
class Outage:
    """How long something was not there, by the console's clock.

    Attributes:
        began_at: Seconds since 1970 UTC; None: it did not begin.
        ended_at: None: it has not ended.
    """

    began_at: float | None = None
    ended_at: float | None = None

    @property
    def is_on(self) -> bool:
        """Whether it goes on."""
        return self.began_at is not None and self.ended_at is None

    def length_s(self, now: float) -> float:
        """Return how long it was, or has been until `now`, in seconds; 0 when it did not begin."""
        if self.began_at is None:
            return 0.0
        return max(0.0, (now if self.ended_at is None else self.ended_at) - self.began_at)

    def after(self, moment: float) -> "Outage":
        """Return the part of it that lies behind `moment`, seconds since 1970 UTC."""
        began_at = None if self.began_at is None else max(self.began_at, moment)
        if began_at is not None and self.ended_at is not None and self.ended_at <= began_at:
            return Outage()
        return Outage(began_at, self.ended_at)


@dataclass(frozen=True, slots=True)
class RunView:
    """Where a run stands, for a person.

    Attributes:
        holder: Who has it, or had it last.
        held_since: When that console took it, seconds since 1970 UTC; None while nobody did.
        lease_hosts: Where the lease was taken.
        is_handed_over: Its holder let go of it for the next console.
        steps: In the order of the plan.
        answers: What was answered at which step's gate; masked.
        verdict: None while the run is open.
        taken_over_by: The run that took its lease, which ended it where it stood; empty otherwise.
        words: Why it was held, or what was said at its end.
        users: How long users were kept out.
        writes: How long nothing could be written.
        lost: What was lost, counted on the old primary's disk; None while nobody counted.
        read_loss: The loss as it was read for the last answer that accepted one; None before that.
        second_primary: What the run itself found to take writes beside its new primary; empty where nothing does.
    """

    run: str
    plan: Plan
    is_lab: bool
    holder: str
    started_at: float
    finished_at: float | None
    steps: tuple[StepView, ...]
    proofs: tuple[FenceProof | ZeroLossProof, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    issues: tuple[str, ...] = ()
    verdict: RunVerdict | None = None
    is_held: bool = False
    is_backing_out: bool = False
    taken_over_by: str = ""
    words: str = ""
    users: Outage = Outage()
    writes: Outage = Outage()
    held_since: float | None = None
    lease_hosts: tuple[str, ...] = ()
    is_handed_over: bool = False
    lost: LostWrites | None = None
    read_loss: Loss | None = None
    second_primary: str = ""

    def of(self, step: str) -> StepView:
        """Return one step.

        Raises:
            KeyError: There is none with this id.
        """
        for each in self.steps:
            if each.id == step:
                return each
        raise KeyError(step)

    def until(self, now: float) -> float:
        """Return the moment up to which things are counted: the run's end, or `now` (seconds since 1970 UTC)."""
        return now if self.finished_at is None else self.finished_at

    @property
    def state(self) -> str:
        """The run's state in a word or two: its verdict once it has one, unless another run took its lease."""
        if self.taken_over_by:
            return "taken over"
        if self.verdict is not None:
            return self.verdict.value
        if self.is_held:
            return "held"
        return "backing out" if self.is_backing_out else "open"

    def keeps_loss_within(self, promised_s: float | None) -> bool:
        """Return whether no more is lost, as far as is known by now, than a window of so many seconds; None allows any."""
        is_none = self.verdict is RunVerdict.ROLLED_BACK or any(isinstance(proof, ZeroLossProof) for proof in self.proofs)
        return promised_s is None or is_none or self._planned_loss.is_accepted_by(promised_s)

    @property
    def own_outage(self) -> Outage:
        """How long users were kept out by the run itself: what it announced, and what it can do about it."""
        return self.users.after(self.started_at)

    @property
    def loss(self) -> str:
        """What is known of the loss by now: what was counted and what was proved go before the plan's estimate."""
        if self.lost is not None and self.lost.count:
            # A run that gives nothing up only lists what an earlier one lost.
            is_before = self.plan.loss.tier is LossTier.NONE
            return f"none by this run; before it {self.lost.said()}" if is_before else self.lost.said()
        if any(isinstance(proof, ZeroLossProof) for proof in self.proofs):
            return "none (proved)"
        if self.verdict is RunVerdict.ROLLED_BACK:
            return "none (everything was put back)"
        if self.plan.loss.tier is LossTier.NONE and self.plan.runbook == "switchover":
            return "none, or everything is put back"
        return self._planned_loss.said()

    @property
    def accepted(self) -> str:
        """What was accepted of a loss that is told as an estimate, to stand behind it; empty where none is, or none was."""
        answers = dict(self.answers)
        given = [answers[each.id] for each in self.plan.steps if _asks_for_loss(each) and each.id in answers]
        if not given or self._planned_loss.tier is LossTier.NONE or self.loss != self._planned_loss.said():
            return ""
        try:
            return accepted_said(given[-1])
        except UsageError:
            return ""  # a copy of the journal may say anything

    @property
    def _planned_loss(self) -> Loss:
        """The estimate: as it was read last, else the plan's; nothing is promised of a salvage that was tried and failed."""
        loss = self.plan.loss if self.read_loss is None else self.read_loss
        tried = [each.phase for step, each in zip(self.plan.steps, self.steps, strict=True) if step.verb == "salvage"]
        return replace(loss, is_salvage_ahead=loss.is_salvage_ahead and tried in (["pending"], ["started"]))


def _asks_for_loss(step: Step) -> bool:
    return step.gate is not None and step.gate.kind == "accept-loss"
