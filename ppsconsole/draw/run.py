"""A run as lines: where it stands in one glance, its steps, and each of its events as it comes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ppsconsole.clock import duration, hhmmss
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.draw.plan import badge, direction, return_line
from ppsconsole.draw.promise import NO_PROMISES, Promises, promise_said
from ppsconsole.draw.run_view import Outage, Phase, RunView, StepView
from ppsconsole.draw.safety import Answer, safety
from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import cut, fitted, hanging, padded, right, wrapped
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step

_PHASES: Mapping[Phase, tuple[str, str, Style]] = {
    "pending": (" ", "", "dim"),
    "started": ("»", "at it", "selected"),
    "done": ("ok", "done", "ok"),
    "skipped": ("off", "skipped", "off"),
    "failed": ("down", "FAILED", "down"),
    "unknown": ("unknown", "UNKNOWN", "unknown"),
    "undoing": ("»", "going back", "selected"),
    "undone": ("off", "put back", "off"),
    "not-undone": ("down", "NOT BACK", "down"),
    "undo-unknown": ("unknown", "BACK?", "unknown"),
}

_QUIET: frozenset[Phase] = frozenset(("pending", "done", "skipped", "undone"))
"""Nobody has to do anything about a step in one of these."""

_QUIET_ROWS = 3
"""Rows that the title of such a step may take."""

_HELD: tuple[str, str, Style] = ("warn", "HELD HERE", "warn")

_VERDICTS: Mapping[RunVerdict, Style] = {
    RunVerdict.SUCCESS: "ok",
    RunVerdict.SUCCESS_WITH_ISSUES: "warn",
    RunVerdict.ROLLED_BACK: "warn",
    RunVerdict.INCOMPLETE: "warn",
    RunVerdict.FAILED: "down",
    RunVerdict.UNKNOWN: "unknown",
}

_LOOK_LENGTH = 100
"""Commands that only look are cut in the log; those that act never are. The journal has both whole."""


def draw_run(
    view: RunView,
    now: float,
    width: int,
    glyphs: Glyphs,
    snapshot: Snapshot | None = None,
    promises: Promises = NO_PROMISES,
) -> tuple[Line, ...]:
    """Return the whole of a run: head, steps, the three answers.

    Args:
        view: The run.
        now: Seconds since 1970 UTC.
        width: Cells in a row; no line is longer.
        glyphs: The characters to draw with.
        snapshot: The cluster as it is seen now; None when nobody looks.
        promises: What was promised to users.
    """
    head = run_head(view, now, width, glyphs, promises)
    return (*head, (), *run_steps(view, now, width, glyphs), (), *draw_safety(safety(view, snapshot), width, glyphs))


def run_head(view: RunView, now: float, width: int, glyphs: Glyphs, promises: Promises = NO_PROMISES) -> tuple[Line, ...]:
    """Return three lines or more that never scroll: what runs on what, what is lost, how long users and writes are out."""
    plan, now = view.plan, view.until(now)
    first: Line = (
        Span(plan.cluster, "title"),
        Span("  "),
        badge(view.is_lab),
        Span(f"  {plan.runbook} {direction(plan)}".rstrip(), "title"),
        Span(f"  {view.state}", verdict_style(view)),
        Span(f"  run {view.run}", "dim"),
    )
    promised = promise_said(promises.loss_s, is_kept=view.keeps_loss_within(promises.loss_s))
    loss: Line = (
        Span("loss      ", "dim"),
        Span(view.loss),
        *accepted_part(view),
        *promised,
        Span(f"   lease  {view.holder}", "dim"),
    )
    ahead_s = plan.downtime_s if view.verdict is None else 0.0
    time: Line = (
        Span("downtime  ", "dim"),
        Span(
            users_said(view, now, ahead_s),
            "warn" if view.users.is_on else "text",
        ),
        *promise_said(promises.downtime_s, is_kept=view.users.length_s(now) <= (promises.downtime_s or 0.0)),
        Span(writes_said(view.writes, now)),
    )
    lines = [fitted(line, width, glyphs) for line in (first, loss, time)]
    if view.words and view.verdict not in (RunVerdict.SUCCESS, RunVerdict.SUCCESS_WITH_ISSUES):
        lines += hanging((Span("because   ", "dim"),), view.words, verdict_style(view), width, glyphs)
    for issue in view.issues:
        lines += hanging((Span("issue     ", "dim"),), issue, "warn", width, glyphs)
    return tuple(lines)


def accepted_part(view: RunView) -> Line:
    """Return what stands behind a loss of which somebody accepted so much: the limit may be larger than what is told."""
    return (Span(f", {view.accepted}"),) if view.accepted else ()


def verdict_style(view: RunView) -> Style:
    """Return the style of the run's state."""
    if view.verdict is not None:
        return _VERDICTS[view.verdict]
    return "warn" if view.is_held or view.is_backing_out else "text"


def users_said(view: RunView, now: float, estimate_s: float) -> str:
    """Return since when and for how long users are out, have been, or will be; what the run took of it is told apart.

    Args:
        view: The run.
        now: Seconds since 1970 UTC.
        estimate_s: For how long the run keeps them out, in seconds, by its plan.
    """
    users = view.users
    if users.began_at is None:
        return f"users: none so far, about {duration(estimate_s)} to come" if estimate_s else "users: none"
    length, own, about = duration(users.length_s(now)), duration(view.own_outage.length_s(now)), duration(estimate_s)
    if not users.is_on:
        return f"users: {length}" + (f", since {hhmmss(users.began_at)}Z; {own} of it in this run" if _was_out(view) else "")
    if _was_out(view):
        return f"users: OUT for {length}, since {hhmmss(users.began_at)}Z; this run {own} of about {about}"
    return f"users: OUT for {length}, of about {about}, since {hhmmss(users.began_at)}Z"


def _was_out(view: RunView) -> bool:
    """Return whether users were out already before the run began."""
    return view.users.began_at is not None and view.users.began_at < view.started_at


def writes_said(outage: Outage, now: float) -> str:
    """Return for how long nothing can be written, or could be; empty while that did not begin."""
    if outage.began_at is None:
        return ""
    length = duration(outage.length_s(now))
    return f"   writes: OUT for {length}" if outage.is_on else f"   writes: {length}"


def run_steps(view: RunView, now: float, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return the rows of all steps, and the line of no return between them."""
    return tuple(row for rows in rows_of_steps(view, now, width, glyphs) for row in rows)


def rows_of_steps(view: RunView, now: float, width: int, glyphs: Glyphs) -> tuple[tuple[Line, ...], ...]:
    """Return the rows of each step, `step_rows` of it; the line of no return is the first one of the step that it is about."""
    found: list[tuple[Line, ...]] = []
    is_held = view.is_held and view.verdict is None
    for number, (step, state) in enumerate(zip(view.plan.steps, view.steps, strict=True), 1):
        ahead = (return_line(number, width, glyphs),) if step.is_point_of_no_return else ()
        is_here = is_held and state.phase == "pending"  # held before the first one that was not begun
        is_held = is_held and (state.phase in ("done", "skipped", "undone") or step.is_optional)
        found.append((*ahead, *step_rows(number, step, state, now, width, glyphs, is_held=is_here)))
    return tuple(found)


def step_rows(
    number: int, step: Step, state: StepView, now: float, width: int, glyphs: Glyphs, *, is_held: bool = False
) -> tuple[Line, ...]:
    """Return one step: mark, number, title, state, and how long it took or is expected to take.

    A title that is longer than its column goes on below, over three rows at most; that of the step at hand, of one that went
    wrong and of one that the run stands before (`is_held`) over as many as it takes.
    """
    name, word, style = _HELD if is_held else _PHASES[state.phase]
    mark = glyphs.pointer if name == "»" else getattr(glyphs, name, " ")
    room = max(8, width - 2 - 4 - 11 - 8)
    title = _title_style(state, is_held)
    begun, *rest = wrapped(step.title, room, glyphs)
    if len(rest) >= _QUIET_ROWS and state.phase in _QUIET and not is_held:
        rest = [*rest[: _QUIET_ROWS - 2], cut(" ".join(rest[_QUIET_ROWS - 2 :]), room, glyphs)]
    first: Line = (
        Span(f"{mark} ", style),
        Span(f"{number:>2}  ", "dim"),
        Span(padded(begun, room, glyphs), title),
        Span(f" {word:<10}", style),
        Span(right(_time_said(step, state, now), 8, glyphs), "dim"),
    )
    return (first, *((Span(" " * 6), Span(each, title)) for each in rest))


def _title_style(state: StepView, is_held: bool) -> Style:
    if state.is_at_hand or is_held:
        return "title"
    return "dim" if state.phase == "pending" else "text"


def _time_said(step: Step, state: StepView, now: float) -> str:
    if state.is_at_hand and state.began_at is not None:
        return duration(max(0.0, now - state.began_at))
    if state.took_s is not None:
        return duration(state.took_s)
    return f"~{duration(step.estimate_s)}" if state.phase == "pending" else ""


def draw_safety(answers: Sequence[Answer], width: int, glyphs: Glyphs, now: float | None = None) -> tuple[Line, ...]:
    """Return one question a line with its answer and what it rests on, wrapped.

    Args:
        answers: What `safety` says.
        width: Cells in a row.
        glyphs: The characters to draw with.
        now: Seconds since 1970 UTC, where somebody goes on looking: what is seen now has no moment then, so that nothing ticks,
            and what is seen no longer has its age. None says the moment of everything.
    """
    lines: list[Line] = []
    for each in answers:
        style: Style = "down" if each.is_alarming else "unknown" if each.said == "unknown" else "title"
        head = (Span(f"{each.question} "), Span(f"{each.said.upper()}", style), Span("  "))
        lines += hanging(head, f"{answer_age(each, now)}{each.words}", "warn" if each.is_stale else "dim", width, glyphs)
    return tuple(lines)


def answer_age(answer: Answer, now: float | None) -> str:
    """Return since when an answer is known, as what stands before it."""
    if answer.at is None:
        return ""
    if answer.is_seen and now is not None:
        return "now: "
    if answer.is_stale and now is not None:
        return f"last seen {hhmmss(answer.at)}Z, {duration(max(0.0, now - answer.at))} ago: "
    return f"{hhmmss(answer.at)}Z: "


def event_lines(event: RunEvent, plan: Plan) -> tuple[Line, ...]:
    """Return an event for a log that is read as it grows: time, host, what was sent or seen, outcome. Not wrapped."""
    told = tuple(_told(event, plan))
    return tuple((Span(f"{hhmmss(event.at)}Z ", "dim"), *line) for line in told)


def _told(event: RunEvent, plan: Plan) -> Iterator[Line]:
    step = next((each for each in plan.steps if each.id == event.step), None)
    data = event.data
    match event.kind:
        case "step-started":
            yield _begun(event, plan, step)
        case "command-sent":
            looked = data.get("kind") == "look" and len(event.words) > _LOOK_LENGTH
            yield (Span(f"  {event.words[:_LOOK_LENGTH]}..." if looked else f"  {event.words}", "dim"), Span(_outcome_said(data)))
        case "output":
            yield (Span(f"  {event.words}", "dim"),)
        case "step-checked":
            return
        case "step-finished":
            word, style = _PHASES[data["outcome"]][1:]
            took = data.get("took_s")
            yield (
                Span(f"  {word}", style),
                Span(f" {event.step}" + (f" in {duration(took)}" if took is not None else ""), style),
            )
            yield (Span(f"    {event.words}"),)
        case "proof-made":
            yield (Span("  proof ", "ok"), Span(event.words))
        case "issue-noted":
            yield (Span("  issue ", "warn"), Span(event.words))
        case "undo-started":
            yield (Span(f"back {event.step}: ", "warn"), Span(event.words))
        case "undo-finished":
            word, style = _PHASES[data["outcome"]][1:]
            yield (Span(f"  {word} {event.step}: ", style), Span(event.words))
        case "gate-answered":
            yield (Span("  answered ", "title"), Span(f"{event.step}: {data.get('answer', '')}"))
        case "run-finished":
            verdict = RunVerdict(data["verdict"])
            yield (Span(f"run finished: {verdict.value}", _VERDICTS[verdict]), Span(f": {event.words}"))
        case "held":
            yield (Span("held: ", "warn"), Span(event.words))
        case _:
            yield (Span(f"{event.kind.replace('-', ' ')}: "), Span(event.words))


def _begun(event: RunEvent, plan: Plan, step: Step | None) -> Line:
    if step is None:
        return (Span(event.words),)
    number = plan.steps.index(step) + 1
    again = f", attempt {event.data['attempt']}" if event.data.get("attempt", 1) > 1 else ""
    host = f"  host {step.host}" if step.host else ""
    return (
        Span(f"{number}/{len(plan.steps)} {step.title}", "title"),
        Span(f"{host} (about {duration(step.estimate_s)}){again}", "dim"),
    )


def _outcome_said(data: Mapping[str, Any]) -> str:
    return f"  {data['outcome']}" if data.get("outcome") else ""
