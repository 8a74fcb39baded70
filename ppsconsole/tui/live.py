"""The run as the screens show it, and what cannot be done about it now: one value for each moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ppsconsole.clock import hhmmss
from ppsconsole.draw.run_view import RunView
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.plan import Plan

if TYPE_CHECKING:
    from ppsconsole.engine.following import Watch
    from ppsconsole.engine.state import RunState

Activity = Literal["going", "asking", "standing", "followed", "replayed", "ended"]


@dataclass(frozen=True, slots=True)
class Told:
    """Whose story is told: it outlives the session that made it.

    Attributes:
        holder: Who has its lease, or had it last, where its events do not tell.
        started_at: Seconds since 1970 UTC.
    """

    run: str
    plan: Plan
    holder: str
    started_at: float


@dataclass(frozen=True, slots=True)
class Live:
    """The run as the screens show it.

    Attributes:
        view: Where it stands, from its events.
        activity: `standing` is open with nobody at it: held, failed, unknown, or its session broke; `followed` is open with
            another console at it; `replayed` is a moment of the past.
        events: What happened, oldest first; the latest of them where there are many.
        trouble: Why the session broke; empty while it did not.
        is_ours: This console has its lease.
        is_stopping: It was asked to hold after the step at hand.
        watch: What was last seen from outside; None where nobody looks from there.
        position: Which of its events is shown, of how many, where it is replayed.
        barred: By the id of an action, why it makes no sense now.
    """

    view: RunView
    activity: Activity
    events: tuple[RunEvent, ...] = ()
    trouble: str = ""
    is_ours: bool = False
    is_stopping: bool = False
    watch: "Watch | None" = None
    position: str = ""
    barred: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_busy(self) -> bool:
        """Whether something is being done here, or waits for an answer here."""
        return is_busy_with(self.activity)

    @property
    def at_hand(self) -> str:
        """Id of the step that it is at, or stands at; empty when it has ended."""
        for each in self.view.steps:
            if each.is_at_hand:
                return each.id
        for step, each in zip(self.view.plan.steps, self.view.steps, strict=True):
            if each.phase in ("done", "skipped") or (step.is_optional and each.phase in ("failed", "unknown")):
                continue
            return "" if self.view.verdict is not None else each.id
        return ""


def is_busy_with(activity: Activity) -> bool:
    """Return whether something is being done here, or waits for an answer here."""
    return activity in ("going", "asking")


def lease_forms(live: Live) -> tuple[str, ...]:
    """Return who has the lease, from the longest form to the shortest; empty for what has ended."""
    view, watch = live.view, live.watch
    who, name = view.holder, view.holder.partition(" ")[0]
    since = "" if view.held_since is None else f" since {hhmmss(view.held_since)}Z"
    if view.verdict is not None:
        return (f"given back; it was {who}'s", f"was {name}'s")
    if live.is_ours:
        hosts = f", on {', '.join(view.lease_hosts)}" if view.lease_hosts else ""
        return (f"{who}, this console{since}{hosts}", f"{who}, this console{since}", f"{who}{since}", name)
    if watch is None or live.activity == "replayed":
        return (f"{who}{since}", who, name)
    who, name = watch.holder or who, (watch.holder or who).partition(" ")[0]
    match watch.custody:
        case "held":
            return (f"{who}{since}; only followed here", f"{who}{since}", name)
        case "silent":
            return (f"{who}{since}, WITHOUT A SIGN OF LIFE", f"{name}, no sign of life")
        case "dead":
            return (f"{who}{since}, whose console is DEAD", f"{name}, DEAD")
        case "left":
            return (f"nobody at it; {who} left it", f"nobody; {name} left")
        case "other":
            return (f"another run has it: {who}", f"another run: {name}")
        case "free":
            return (f"nobody; it was {who}'s", f"nobody; was {name}'s")
        case "unseen":
            return (f"not seen; the last known is {who}{since}", f"not seen; was {name}'s")


RUN_KEYS = ("hold", "retry", "back-out", "mark-done", "abandon", "hand-over")
"""The actions that a run may bar."""


def barred(live: Live, state: "RunState") -> dict[str, str]:
    """Return what makes no sense now, by the id of the action, with why; what is safe is the engine's to say."""
    from ppsconsole.engine.exits import back_refusal, mark_refusal

    view = live.view
    if view.verdict is not None:
        return dict.fromkeys(RUN_KEYS, f"the run has ended: {view.state}")
    found: dict[str, str] = {}
    if live.is_busy:
        found = dict.fromkeys(
            ("retry", "back-out", "mark-done", "abandon"), "the run is at a step: Space holds it after this one"
        )
        if live.is_stopping:
            found["hold"] = "it stops after the step at hand already"
        return found
    if live.activity == "followed":
        who = live.watch.holder if live.watch is not None else view.holder
        found["hold"] = found["mark-done"] = f"{who} is at it, and here it is only followed; r takes it over, with a reason"
        found["hand-over"] = f"{who} has it; ask for it there, or take it over with r"
    else:
        found["hold"] = "nothing is being done that could be held"
    if not live.is_ours and "hand-over" not in found:
        found["hand-over"] = "this console does not have it: whoever takes it up next can do so with r"
    if refusal := back_refusal(view.plan, state):
        found["back-out"] = refusal
    if "mark-done" not in found:
        step = next((step for step in view.plan.steps if step.id == live.at_hand), None)
        if state.is_backing_out:
            found["mark-done"] = "the run is being backed out: there is no way forward"
        elif step is None:
            found["mark-done"] = "there is no step left"
        elif refusal := mark_refusal(step):
            found["mark-done"] = f"{step.title}: {refusal}"
    return found
