"""Where a run stands, worked out from its events and from nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import SECOND_PRIMARY, RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import FenceProof, ZeroLossProof

StepPhase = Literal[
    "pending",
    "started",  # and not finished: while nobody is at it, nobody knows whether it acted
    "done",
    "skipped",
    "failed",
    "unknown",
    "undoing",
    "undone",
    "not-undone",
    "undo-unknown",
]


@dataclass(frozen=True, slots=True)
class StepState:
    """Where one step stands.

    Attributes:
        attempt: Counts up when a failed step is tried again; 0 before the first.
        has_acted: Its act was begun, as far as is known; it may have done nothing.
        words: What was last said of it.
        values: What its looks found and its act noted, the later over the earlier; but once it has acted, what the precheck
            before that act found stays.
        took_s: From start to finish, in seconds; None while it is not finished.
    """

    id: str
    phase: StepPhase = "pending"
    attempt: int = 0
    has_acted: bool = False
    words: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    took_s: float | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the run goes on behind it without looking at it again."""
        return self.phase in ("done", "skipped")

    @property
    def is_doubtful(self) -> bool:
        """Whether it has to be verified before it may act again."""
        return self.phase in ("started", "unknown") or (self.phase == "failed" and self.has_acted)

    @property
    def may_have_acted(self) -> bool:
        """Whether the world may be other than before it."""
        return self.has_acted or self.phase in ("started", "done", "unknown")

    @property
    def needs_undo(self) -> bool:
        """Whether backing out has to see to it."""
        if self.phase in ("undone", "skipped"):
            return False
        return self.may_have_acted or self.phase in ("undoing", "not-undone", "undo-unknown")


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a run stands.

    Attributes:
        steps: In the order of the plan.
        answers: What was answered at gates, by step id; masked.
        issues: What did not stop the run, is still so as far as is known, and keeps it from being a plain success.
        is_held: Nobody is at it until it is resumed.
        is_backing_out: Some step is being undone or was: there is no way forward any more.
        verdict: None while the run is open.
        last_number: Of the last event.
    """

    steps: tuple[StepState, ...]
    proofs: tuple[FenceProof | ZeroLossProof, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    issues: tuple[str, ...] = ()
    is_held: bool = False
    is_backing_out: bool = False
    verdict: RunVerdict | None = None
    last_number: int = 0

    def of(self, step: str) -> StepState:
        """Return where `step` stands.

        Raises:
            KeyError: The plan has no such step.
        """
        for each in self.steps:
            if each.id == step:
                return each
        raise KeyError(step)

    @property
    def standing(self) -> RunVerdict:
        """What the run would end as if it ended here, short of its end."""
        phases = {each.phase for each in self.steps}
        if phases & {"unknown", "started", "undoing", "undo-unknown"}:
            return RunVerdict.UNKNOWN
        if "not-undone" in phases or not self.has_acted:
            return RunVerdict.FAILED
        return RunVerdict.INCOMPLETE

    @property
    def second_primary(self) -> str:
        """The instance that the run's own last look at it found to take writes beside the new primary; empty where none did."""
        left = (each for each in self.steps if each.phase != "done")
        return next((str(each.values[SECOND_PRIMARY]) for each in left if each.values.get(SECOND_PRIMARY)), "")

    @property
    def has_acted(self) -> bool:
        """Whether any step may have changed something."""
        return any(each.may_have_acted for each in self.steps)

    @property
    def values(self) -> dict[str, Mapping[str, Any]]:
        """What steps found, by step id."""
        return {each.id: each.values for each in self.steps if each.values}

    def is_past_return(self, plan: Plan) -> bool:
        """Return whether the point of no return may have been passed: its step's act was begun, whatever came of it.

        A promotion that was sent and not seen yet may still happen a second later; starting the old primary then would make two.
        """
        return any(self.of(step.id).may_have_acted for step in plan.steps if step.is_point_of_no_return)

    def next_step(self, plan: Plan) -> str | None:
        """Return the id of the step that the run would do next; None when there is none left."""
        for step, each in zip(plan.steps, self.steps, strict=True):
            if each.is_settled or (step.is_optional and each.phase in ("failed", "unknown")):
                continue
            return step.id
        return None


def state_of(plan: Plan, events: Iterable[RunEvent]) -> RunState:
    """Return where the run of `plan` stands after `events`."""
    state = RunState(tuple(StepState(step.id) for step in plan.steps))
    for event in events:
        state = advanced(state, event)
    return state


def advanced(state: RunState, event: RunEvent) -> RunState:
    """Return `state` after one more event; events about steps that the plan does not have change nothing."""
    number = event.number
    if event.kind in ("step-started", "step-checked", "step-finished", "undo-started", "undo-finished"):
        steps = tuple([_step_advanced(each, event) if each.id == event.step else each for each in state.steps])
        is_backing_out = state.is_backing_out or event.kind == "undo-started"
        return replace(state, last_number=number, steps=steps, is_backing_out=is_backing_out, is_held=False)
    match event.kind:
        case "gate-answered":
            return replace(state, last_number=number, answers={**state.answers, event.step: str(event.data["answer"])})
        case "proof-made":
            return replace(state, last_number=number, proofs=(*state.proofs, proof_from_json(event.data["proof"])))
        case "issue-noted":
            return replace(state, last_number=number, issues=(*state.issues, event.words))
        case "issue-over":
            issues = tuple(words for words in state.issues if words != event.data["issue"])
            return replace(state, last_number=number, issues=issues)
        case "held":
            return replace(state, last_number=number, is_held=True)
        case "resumed":
            return replace(state, last_number=number, is_held=False)
        case "run-finished":
            return replace(state, last_number=number, verdict=RunVerdict(event.data["verdict"]))
    return replace(state, last_number=number)


def _step_advanced(step: StepState, event: RunEvent) -> StepState:
    data = event.data
    match event.kind:
        case "step-started":
            # Begun again without having ended: whoever began it before may have acted.
            has_acted = step.has_acted or step.phase == "started"
            return replace(step, phase="started", attempt=int(data["attempt"]), has_acted=has_acted, took_s=None)
        case "step-checked":
            # What was there before the first act is what an undo puts back; a later look sees what that act left.
            values = {**data["values"], **step.values} if step.has_acted else {**step.values, **data["values"]}
            return replace(step, values=values)
        case "step-finished":
            return replace(
                step,
                phase=data["outcome"],
                has_acted=step.has_acted or bool(data["has_acted"]),
                words=event.words,
                values={**step.values, **data["values"]},
                took_s=data["took_s"],
            )
        case "undo-started":
            # From here on it counts as having acted: an undo is only begun where it may have.
            return replace(step, phase="undoing", has_acted=True)
        case _:
            return replace(step, phase=data["outcome"], words=event.words)


def proof_as_json(proof: FenceProof | ZeroLossProof) -> dict[str, Any]:
    """Return a proof of either kind, with its kind."""
    return {"kind": "fence" if isinstance(proof, FenceProof) else "zero-loss", **proof.as_json()}


def proof_from_json(found: Mapping[str, Any]) -> FenceProof | ZeroLossProof:
    """Return the proof that `proof_as_json` made."""
    plain = {name: value for name, value in found.items() if name != "kind"}
    return FenceProof.from_json(plain) if found["kind"] == "fence" else ZeroLossProof.from_json(plain)
