"""The three questions that are on everybody's mind during a run, answered from what is known, never from what is hoped."""

from dataclasses import dataclass
from typing import Literal

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.draw.run_view import RunView, StepView
from ppsconsole.plan.proof import FenceProof

Said = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One question, answered.

    Attributes:
        is_alarming: The answer is one that nobody wants to read.
        words: What the answer rests on.
    """

    question: str
    said: Said
    words: str
    is_alarming: bool = False


def safety(view: RunView, snapshot: Snapshot | None = None) -> tuple[Answer, ...]:
    """Return whether the old primary is writable, whether a web node runs, and whether there are two writers.

    What was seen goes before what the run did; a proof of this run goes before not having seen.

    Args:
        view: The run.
        snapshot: The cluster as it is seen now; None when nobody looks.
    """
    old = old_primary(view)
    first = (_old_writable(view, old, snapshot),) if old else ()
    return (*first, _web_runs(view, snapshot), _two_writers(view, old, snapshot))


def old_primary(view: RunView) -> str:
    """Return the instance that stops being the primary; empty where no role moves."""
    for step in view.plan.steps:
        if step.is_point_of_no_return:
            return step.arguments.get("primary", "")
    return ""


def _fence(view: RunView, old: str) -> FenceProof | None:
    """Return the proof that `old` cannot write; none once it may have been started again by backing out."""
    if view.is_backing_out:
        return None
    return next((each for each in reversed(view.proofs) if isinstance(each, FenceProof) and each.instance == old), None)


def _old_writable(view: RunView, old: str, snapshot: Snapshot | None) -> Answer:
    question = f"Is {old} writable?"
    node = None if snapshot is None else snapshot.node(old)
    is_moved = any(each.phase in ("started", "done", "unknown") for each in _of_verb(view, "promote"))
    if node is not None and node.role == "primary":
        return Answer(question, "yes", "it answers as the primary", is_moved)
    if node is not None and node.role == "standby":
        return Answer(question, "no", "it answers as a standby")
    proof = _fence(view, old)
    if proof is not None:
        return Answer(question, "no", f"{proof.rung.value}, proved {hhmmss(proof.at)}: {'; '.join(proof.evidence)}")
    if node is not None and snapshot is not None:
        dead = [each for each in node.vantages if each.sees == "dead"]
        if len(dead) >= 2:
            return Answer(question, "no", f"not running: {', '.join(f'{each.observer} sees {each.words}' for each in dead)}")
        return Answer(question, "unknown", f"it does not answer as a database ({node.words}), and it is not fenced", is_moved)
    if not any(each.phase != "pending" for each in _of_verb(view, "stop-primary", "fence")):
        return Answer(question, "unknown", "this run did nothing to it yet")
    if view.is_backing_out and all(each.phase == "undone" for each in _of_verb(view, "stop-primary")):
        return Answer(question, "yes", "it was put back")
    return Answer(question, "unknown", "its stop was begun and not seen to end", is_moved)


def _web_runs(view: RunView, snapshot: Snapshot | None) -> Answer:
    question = "Does a web node run?"
    seen = () if snapshot is None else snapshot.of_kind("web")
    running = [node.name for node in seen if _runs(node)]
    if running:
        return Answer(question, "yes", ", ".join(running))
    if seen:
        hidden = [node.name for node in seen if node.value("service") is None]
        if hidden:
            return Answer(question, "unknown", f"nobody sees {', '.join(hidden)}")
        return Answer(question, "no", "all are stopped")
    started = [each.id for each in _of_verb(view, "start", "restart-service") if each.phase == "done"]
    if started:
        return Answer(question, "yes", f"done: {', '.join(started)}")
    stops = _of_verb(view, "stop")
    if stops and all(each.phase == "done" for each in stops) and all(each.phase == "pending" for each in _of_verb(view, "start")):
        return Answer(question, "no", f"done: {', '.join(each.id for each in stops)}")
    return Answer(question, "unknown", "nobody looked")


def _runs(node: Node) -> bool:
    return node.value("service") in ("running", "frozen")


def _two_writers(view: RunView, old: str, snapshot: Snapshot | None) -> Answer:
    question = "Are there two writers?"
    seen = () if snapshot is None else snapshot.of_kind("database")
    writers = [node.name for node in seen if node.role == "primary"]
    if len(writers) > 1:
        return Answer(question, "yes", f"{' and '.join(writers)} both answer as primaries", True)
    proof = _fence(view, old) if old else None
    hidden = [node.name for node in seen if node.role == "unknown" and not _is_dead(node)]
    hidden = [name for name in hidden if proof is None or proof.instance != name]
    if seen and not hidden:
        return Answer(question, "no", f"only {writers[0]} is one" if writers else "there is none at all")
    if seen:
        return Answer(question, "unknown", f"nobody sees what {', '.join(hidden)} is", bool(writers))
    if not old:
        return Answer(question, "unknown", "nobody looked")
    if proof is not None:
        return Answer(question, "no", f"{old} is fenced ({proof.rung.value})")
    if all(each.phase == "pending" for each in _of_verb(view, "promote")):
        return Answer(question, "no", "this run promoted nothing")
    return Answer(question, "unknown", f"nothing was seen of {old}", True)


def _is_dead(node: Node) -> bool:
    return sum(each.sees == "dead" for each in node.vantages) >= 2


def _of_verb(view: RunView, *verbs: str) -> list[StepView]:
    wanted = {step.id for step in view.plan.steps if step.verb in verbs}
    return [each for each in view.steps if each.id in wanted]
