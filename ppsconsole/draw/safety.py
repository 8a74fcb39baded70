"""The three questions that are on everybody's mind during a run, answered from what is known, never from what is hoped."""

from dataclasses import dataclass, replace
from typing import Literal

from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.draw.run_view import RunView, StepView
from ppsconsole.plan.proof import FenceProof, Rung, ZeroLossProof

Said = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One question, answered.

    Attributes:
        is_alarming: The answer is one that nobody wants to read.
        words: What the answer rests on.
        at: When that was seen or proved, seconds since 1970 UTC; None where it rests on nothing that was looked at.
        is_seen: It rests on the newest look at the cluster, and not on what the run proved or did.
        is_stale: What it rests on is older than it ought to be.
    """

    question: str
    said: Said
    words: str
    is_alarming: bool = False
    at: float | None = None
    is_seen: bool = False
    is_stale: bool = False


def safety(view: RunView, snapshot: Snapshot | None = None, *, is_stale: bool = False) -> tuple[Answer, ...]:
    """Return whether the old primary is writable, whether a web node runs, and whether there are two writers.

    What was seen goes before what the run did; a proof of this run goes before not having seen, and before an older look.

    Args:
        view: The run.
        snapshot: The cluster as it was seen last; None when nobody looks.
        is_stale: The snapshot is older than it ought to be: it answers nothing any more, and is told with its age.
    """
    proved_at = max((proof.at for proof in view.proofs), default=0.0)
    if snapshot is not None and snapshot.at < proved_at:
        snapshot = None
    old = old_primary(view)
    node = None if snapshot is None else snapshot.node(old)
    if node is not None and node.role == "primary":
        # A look after them belied them, however long ago that is by now; but for the one that says nothing of the server itself.
        view = replace(view, proofs=tuple(each for each in view.proofs if _is_quiet(each)))
    seen = _answers(view, old, None if is_stale else snapshot)
    if not is_stale or snapshot is None:
        return seen
    before = _answers(view, old, snapshot)
    return tuple(_aged(now, was, snapshot) for now, was in zip(seen, before, strict=True))


def _answers(view: RunView, old: str, snapshot: Snapshot | None) -> tuple[Answer, ...]:
    first = (_old_writable(view, old, snapshot),) if old else ()
    answers = (*first, _web_runs(view, snapshot), _two_writers(view, old, snapshot))
    at = None if snapshot is None else snapshot.at
    return tuple(replace(each, is_seen=at is not None and each.at == at) for each in answers)


def _aged(now: Answer, was: Answer, snapshot: Snapshot) -> Answer:
    """Return an answer without a fresh look: what a proof says, else unknown, with what was last seen."""
    if now.said != "unknown" or not was.is_seen:
        return now
    return replace(now, words=f"{was.said}, {was.words}", at=snapshot.at, is_stale=True, is_alarming=was.is_alarming)


def old_primary(view: RunView) -> str:
    """Return the instance that stops being the primary; empty where no role moves."""
    for step in view.plan.steps:
        if step.is_point_of_no_return:
            return step.arguments.get("primary", "")
    return ""


def _fence(view: RunView, old: str) -> FenceProof | None:
    """Return the proof that `old` cannot write; none once it may have been started again by backing out."""
    if view.is_backing_out or view.second_primary == old:
        return None
    return next((each for each in reversed(view.proofs) if isinstance(each, FenceProof) and each.instance == old), None)


def _old_writable(view: RunView, old: str, snapshot: Snapshot | None) -> Answer:
    question = f"Is {old} writable?"
    node, at = (None, None) if snapshot is None else (snapshot.node(old), snapshot.at)
    is_moved = any(each.phase in ("started", "done", "unknown") for each in _of_verb(view, "promote"))
    if node is not None and node.role == "primary":
        return Answer(question, "yes", "it answers as the primary", is_moved, at)
    if node is not None and node.role == "standby":
        return Answer(question, "no", "it answers as a standby", at=at)
    if view.second_primary == old:
        return Answer(question, "yes", "this run found it running as a primary", True)
    proof = _fence(view, old)
    if proof is not None:
        return Answer(question, "no", f"{proof.rung.value}: {'; '.join(proof.evidence)}", at=proof.at)
    if node is not None and snapshot is not None:
        dead = [each for each in node.vantages if each.sees == "dead"]
        if len(dead) >= 2:
            return Answer(
                question, "no", f"not running: {', '.join(f'{each.observer} sees {each.words}' for each in dead)}", at=at
            )
        words = f"it does not answer as a database ({node.words}), and it is not fenced"
        return Answer(question, "unknown", words, is_moved, at)
    if not any(each.phase != "pending" for each in _of_verb(view, "stop-primary", "fence")):
        return Answer(question, "unknown", "this run did nothing to it yet")
    if view.is_backing_out and all(each.phase == "undone" for each in _of_verb(view, "stop-primary")):
        return Answer(question, "yes", "it was put back")
    return Answer(question, "unknown", "its stop was begun and not seen to end", is_moved)


def _web_runs(view: RunView, snapshot: Snapshot | None) -> Answer:
    question = "Does a web node run?"
    seen, at = ((), None) if snapshot is None else (snapshot.of_kind("web"), snapshot.at)
    stopped = {node.name: each for node in seen if _runs(node) and (each := _stopped_since(view, node)) is not None}
    running = [node.name for node in seen if _runs(node) and node.name not in stopped]
    if running:
        return Answer(question, "yes", ", ".join(running), at=at)
    if seen:
        hidden = [node.name for node in seen if node.value("service") is None]
        if hidden:
            return Answer(question, "unknown", f"nobody sees {', '.join(hidden)}", at=at)
        return Answer(question, "no", "all are stopped", at=max(stopped.values(), default=at))
    started = [each for each in _of_verb(view, "start", "restart-service") if each.phase == "done"]
    if started:
        return Answer(question, "yes", f"done: {', '.join(each.id for each in started)}", at=_ended_at(started))
    stops = _of_verb(view, "stop")
    if stops and all(each.phase == "done" for each in stops) and all(each.phase == "pending" for each in _of_verb(view, "start")):
        return Answer(question, "no", f"done: {', '.join(each.id for each in stops)}", at=_ended_at(stops))
    return Answer(question, "unknown", "nobody looked")


def _runs(node: Node) -> bool:
    return node.value("service") in ("running", "frozen")


def _stopped_since(view: RunView, node: Node) -> float | None:
    """Return when a step of this run saw a web node stopped, after the poll that saw it running; None where none did."""
    fact = node.facts.get("service")
    stops = {step.id for step in view.plan.steps if step.verb == "stop" and step.node == node.name}
    stopped_at = _ended_at([each for each in view.steps if each.id in stops and each.phase == "done"])
    starts = {step.id for step in view.plan.steps if step.verb in ("start", "restart-service") and step.node == node.name}
    is_begun_again = any(each.phase != "pending" for each in view.steps if each.id in starts)
    is_newer = fact is not None and stopped_at is not None and fact.at < stopped_at
    return stopped_at if is_newer and not is_begun_again else None


def _two_writers(view: RunView, old: str, snapshot: Snapshot | None) -> Answer:
    question = "Are there two writers?"
    seen, at = ((), None) if snapshot is None else (snapshot.of_kind("database"), snapshot.at)
    writers = [node.name for node in seen if node.role == "primary"]
    if snapshot is not None and len(writers) > 1 and any(map(_is_quiet, view.proofs)) and _is_silent(snapshot):
        # A restore has both servers run, while no web node does.
        return Answer(question, "no", f"{' and '.join(writers)} both run, and no web node does (quiesced)", at=at)
    if len(writers) > 1:
        return Answer(question, "yes", f"{' and '.join(writers)} both answer as primaries", True, at)
    if old and view.second_primary == old and not any(node.name == old and node.role == "standby" for node in seen):
        return Answer(question, "yes", f"this run found {old} running as a second primary", True, at)
    proof = _fence(view, old) if old else None
    hidden = [node.name for node in seen if node.role == "unknown" and not _is_dead(node)]
    hidden = [name for name in hidden if proof is None or proof.instance != name]
    if seen and not hidden:
        return Answer(question, "no", f"only {writers[0]} is one" if writers else "there is none at all", at=at)
    if seen:
        return Answer(question, "unknown", f"nobody sees what {', '.join(hidden)} is", bool(writers), at)
    if not old:
        return Answer(question, "unknown", "nobody looked")
    if proof is not None:
        return Answer(question, "no", f"{old} is fenced ({proof.rung.value})", at=proof.at)
    if all(each.phase == "pending" for each in _of_verb(view, "promote")):
        return Answer(question, "unknown", "nobody looked; this run promoted nothing")
    return Answer(question, "unknown", f"nothing was seen of {old}", True)


def _is_quiet(proof: FenceProof | ZeroLossProof) -> bool:
    """Return whether it proves that no web node runs, which the server itself does not belie by running."""
    return isinstance(proof, FenceProof) and proof.rung is Rung.QUIESCED


def _is_silent(snapshot: Snapshot) -> bool:
    """Return whether every web node is seen to be down."""
    return all(node.value("service") in ("stopped", "failed") for node in snapshot.of_kind("web"))


def _ended_at(steps: list[StepView]) -> float | None:
    """Return when the last of some steps ended, seconds since 1970 UTC; None when that is not known."""
    ends = [each.began_at + each.took_s for each in steps if each.began_at is not None and each.took_s is not None]
    return max(ends, default=None)


def _is_dead(node: Node) -> bool:
    return sum(each.sees == "dead" for each in node.vantages) >= 2


def _of_verb(view: RunView, *verbs: str) -> list[StepView]:
    wanted = {step.id for step in view.plan.steps if step.verb in verbs}
    return [each for each in view.steps if each.id in wanted]
