"""What a gate's question rests on, as it is at the moment of asking, and what has moved since the plan was made. Values."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from ppsconsole.clock import duration, hhmmss
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.plan.loss import Loss
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import FenceProof
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.failover import loss_question


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at what a question rests on.

    Attributes:
        at: When it was taken, seconds since 1970 UTC.
        loss: What would be lost now.
        primaries: The instances that answer as primaries.
        writers: The web nodes that run, each with what it does to the databases; in words.
        unseen: Databases and web nodes that could not be looked at.
        out_s: For how many seconds at least users have been out by now; 0 while they are served, None when nobody knows.
        moved: What is not as it was when the plan was made; each a sentence.
        age_s: How old the look was when the question was asked, in seconds.
    """

    at: float
    loss: Loss
    primaries: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    out_s: float | None = None
    moved: tuple[str, ...] = ()
    age_s: float = 0.0

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Return what was read as names and words, for whoever asks."""
        two = " (two of them: nothing may be moved)" if len(self.primaries) > 1 else ""
        found = [
            ("read", f"at {hhmmss(self.at)} UTC, {duration(self.age_s)} before it is asked"),
            ("loss now", f"{self.loss.said()}: {self.loss.words}" if self.loss.words else self.loss.said()),
            ("primary", f"{', '.join(self.primaries)}{two}" if self.primaries else "no instance answers as one"),
            ("writers", ", ".join(self.writers) or "no web node is seen running"),
        ]
        if self.unseen:
            found.append(("not seen", ", ".join(self.unseen)))
        found.append(("users", _users(self.out_s)))
        if self.moved:
            found.append(("moved", "; ".join(self.moved)))
        return tuple(found)


Reread = Callable[[Step, Plan, FenceProof | None], Awaitable[Reading]]
"""Reads again what the gate of a step rests on; the last one is the proof of this run that the old primary was fenced."""


def reading_of(plan: Plan, snapshot: Snapshot, loss: Loss, out_since: float | None, at: float) -> Reading:
    """Return what `snapshot` says to whoever is asked about `plan`.

    Args:
        plan: As it was made.
        snapshot: The world now; it may be incomplete.
        loss: What would be lost now.
        out_since: Since when users have been seen to be out, seconds since 1970 UTC; None when they have not.
        at: When the snapshot was taken, seconds since 1970 UTC.
    """
    databases, web = snapshot.of_kind("database"), snapshot.of_kind("web")
    return Reading(
        at=at,
        loss=loss,
        primaries=tuple(node.name for node in databases if node.role == "primary"),
        writers=tuple(_writer(node, databases, snapshot) for node in web if node.value("service") == "running"),
        unseen=tuple(
            [node.name for node in databases if node.value("sql") is None]
            + [node.name for node in web if node.value("service") is None]
        ),
        out_s=_out(snapshot, out_since, at),
        moved=_moved(plan, snapshot, loss),
    )


def asked_now(gate: Gate, step: Step, plan: Plan, reading: Reading, before: str | None) -> tuple[Gate, Plan]:
    """Return gate and plan as they are asked with what was read: the plan's hash does not change, its loss may.

    Args:
        gate: Of `step`.
        step: Which the gate is before.
        plan: As it was made.
        reading: What was read for this question.
        before: An answer that was given before and does not count any more; None where there is none.
    """
    question = gate.question
    if gate.kind == "accept-loss" and step.is_point_of_no_return:  # a promotion; what else is given up asks in its own words
        question = loss_question(step.arguments.get("primary", "the old primary"), step.node, reading.loss)
    if before is not None:
        question = f"Accepted was {before}, which does not cover the loss as it is now. {question}"
    return replace(gate, question=question, seen=reading.facts()), replace(plan, loss=reading.loss)


def _users(out_s: float | None) -> str:
    if out_s is None:
        return "since when they are out is not known"
    return f"out for at least {duration(out_s)}" if out_s else "are served"


def _out(snapshot: Snapshot, out_since: float | None, at: float) -> float | None:
    doors = [node.value("http") for node in snapshot.of_kind("balancer")]
    if any(status is not None and status < 400 for status in doors):
        return 0.0
    return None if out_since is None else max(0.001, at - out_since)


def _writer(node: Node, databases: tuple[Node, ...], snapshot: Snapshot) -> str:
    uses: Mapping[str, str] = {edge.target: edge.label for edge in snapshot.edges if edge.source == node.name and edge.label}
    said = [f"{uses[each.name]} on {each.name}" for each in databases if each.name in uses]
    return f"{node.name} runs" + (f" ({', '.join(said)})" if said else "")


def _moved(plan: Plan, snapshot: Snapshot, loss: Loss) -> tuple[str, ...]:
    found = []
    for each in plan.identities:
        node = snapshot.node(each.node)
        if node is None or node.kind != "database":
            continue
        if node.role != each.role:
            found.append(f"{each.node} was {_role(each.role)}, now it is {_role(node.role)}")
        timeline = node.value("timeline")
        if timeline is not None and each.timeline and timeline != each.timeline:
            found.append(f"{each.node} was on timeline {each.timeline}, now it is on {timeline}")
    was, now = (replace(each, is_salvage_ahead=False).said() for each in (plan.loss, loss))
    if was != now:
        found.append(f"the loss was {was}, now it is {now}")
    return tuple(found)


def _role(role: str) -> str:
    return "not answering as a database" if role == "unknown" else f"the {role}"
