"""What a dialog asks, as values: which words count is the engine's rule, here it only unlocks the button."""

from collections.abc import Callable
from dataclasses import dataclass

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.draw.plan import direction, downtime_said
from ppsconsole.draw.text import Line, Span, Style
from ppsconsole.engine.gates import SHORTEST_STATEMENT, YES
from ppsconsole.errors import UsageError
from ppsconsole.plan.loss import accepted_window
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate, Step

_NAME = "Type the cluster's name"


@dataclass(frozen=True, slots=True)
class Question:
    """One dialog.

    Attributes:
        title: In the frame.
        words: What it means; wrapped.
        facts: Name and value, one row each.
        prompt: What is typed; empty when nothing is.
        refusal: Why what is typed does not count yet; empty when it does.
        button: On the button that does it.
        stay: On the other one, which has the focus.
        answer: What a dialog without a field answers.
    """

    title: str
    words: str
    facts: tuple[tuple[str, Line], ...] = ()
    prompt: str = ""
    refusal: Callable[[str], str] = lambda text: ""
    button: str = "Yes"
    stay: str = "Cancel"
    answer: str = YES


def name_refusal(plan: Plan) -> Callable[[str], str]:
    """Return what unlocks a dialog that wants the cluster's name."""
    return lambda text: "" if text == plan.cluster else "locked until the name matches"


def run_gate(plan: Plan) -> tuple[str, Gate] | None:
    """Return the gate that the dialog before a run stands for, with the id of its step; None where a plan has no such gate.

    It is the first one that wants the cluster's name, else the first one that is only confirmed. Every other one has a dialog of
    its own.
    """
    gates = [(step.id, step.gate) for step in plan.steps if step.gate is not None]
    return next((each for kind in ("name", "confirm") for each in gates if each[1].kind == kind), None)


def run_question(plan: Plan, snapshot: Snapshot | None, *, is_lab: bool) -> Question:
    """Return what is asked before a plan is run, with the values that were read for it just now: what its gate asks for."""
    found = run_gate(plan)
    whom = "a lab" if is_lab else "production"
    words = _without_prompt(found[1].question) if found is not None else "Nothing changes its role, and nothing is lost."
    is_named = found is not None and found[1].kind == "name"
    return Question(
        title=f"Run {plan.runbook} {direction(plan)}".rstrip(),
        words=f"This changes {whom}. {words}".rstrip(),
        facts=_facts(plan, snapshot),
        prompt=_NAME if is_named else "",
        refusal=name_refusal(plan) if is_named else lambda text: "",
        button=f"Run {plan.runbook}",
        answer=plan.hash,
    )


def gate_question(gate: Gate, step: Step, plan: Plan, snapshot: Snapshot | None, *, is_ahead: bool = False) -> Question:
    """Return what is asked at a gate; with `is_ahead` before the run begins, whose first steps change what was read."""
    title, words = f"Before: {step.title}", _without_prompt(gate.question)
    if is_ahead:
        title, words = f"Before the run: {step.title}", f"Nothing has been touched yet. {words}"
    facts = _facts(plan, snapshot)
    if gate.seen:  # read for this question: it goes before what the last picture showed
        read = [(name, (Span(words),)) for name, words in gate.seen if name != "loss now"]
        facts = (*(each for each in facts if each[0] in ("cluster", "plan", "loss")), *read)
    match gate.kind:
        case "name":
            return Question(title, words, facts, _NAME, name_refusal(plan), "Go on")
        case "accept-loss":
            least = plan.loss.to_accept

            def refused(text: str) -> str:
                try:
                    accepted = accepted_window(text)
                except UsageError:
                    return f"say {least}, which covers it, or more, or unlimited" if least != "unlimited" else f"say {least}"
                return "" if plan.loss.is_accepted_by(accepted) else f"does not cover the loss: {plan.loss.said()}"

            return Question(title, words, facts, "Loss that you accept", refused, "Accept the loss")
        case "attest":

            def too_short(text: str) -> str:
                return "" if len(text) >= SHORTEST_STATEMENT else "say what was done, and by whom"

            return Question(title, words, facts, "Your statement", too_short, "I state this")
        case "confirm":
            return Question(title, words, facts, button="Go on", answer=plan.hash)


def _without_prompt(question: str) -> str:
    """Return a gate's question without its last sentence where that is what the field below it asks for."""
    return question.partition(_NAME)[0].rstrip()


def reason_question(title: str, words: str, button: str, prompt: str = "Reason") -> Question:
    """Return a question for the reason of something that goes into the journal."""
    lack = "locked until there is a reason" if prompt == "Reason" else "locked until something is said"
    return Question(title, words, (), prompt, lambda text: "" if text else lack, button)


def _facts(plan: Plan, snapshot: Snapshot | None) -> tuple[tuple[str, Line], ...]:
    loss_style: Style = "text" if plan.loss.is_accepted_by(0.0) else "warn"
    facts: list[tuple[str, Line]] = [
        ("cluster", (Span(f"{plan.cluster}  {plan.runbook} {direction(plan)}".rstrip(), "title"),)),
        ("plan", (Span(plan.hash), Span(f"  read {hhmmss(plan.made_at)}Z", "dim"))),
        ("loss", (Span(plan.loss.said(), loss_style),)),
        ("downtime", (Span(downtime_said(plan)),)),
    ]
    roles = ", ".join(f"{each.node} {each.role}" for each in plan.identities if each.role in ("primary", "standby"))
    unseen = ", ".join(each.node for each in plan.identities if each.role == "unknown")
    said = "; ".join(part for part in (roles, f"not seen: {unseen}" if unseen else "") if part)
    if said:
        facts.append(("roles", (Span(said),)))
    if sessions := _sessions(snapshot):
        facts.append(("sessions", (Span(sessions),)))
    return tuple(facts)


def _sessions(snapshot: Snapshot | None) -> str:
    """Say how many sessions each database has now, and how old that is; empty where nobody counted."""
    said = []
    for node in () if snapshot is None else snapshot.of_kind("database"):
        found = node.value("sessions")
        if found is not None:
            said.append(f"{node.name} {sum(each.count for each in found)}")
    if not said or snapshot is None:
        return ""
    return f"{', '.join(said)} (seen {hhmmss(snapshot.at)}Z)"
