"""The report of a run as lines, and as Markdown: what happened, what it cost, what was proved, and who answered for it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ppsconsole.clock import duration, iso
from ppsconsole.draw.plan import direction
from ppsconsole.draw.run import draw_safety, event_lines, run_head, run_steps
from ppsconsole.draw.run_view import RunView
from ppsconsole.draw.safety import safety
from ppsconsole.draw.text import Glyphs, Line, Span, line_text
from ppsconsole.draw.words import hanging
from ppsconsole.masking import inert
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.proof import FenceProof, ZeroLossProof
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.catalog import RUNBOOKS
from ppsconsole.runbooks.failover import loss_question


def report_lines(view: RunView, events: Sequence[RunEvent], now: float, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return the report: head, steps, answers and proofs, then everything that happened.

    Args:
        view: The run.
        events: All of them, in their order.
        now: Seconds since 1970 UTC.
        width: Cells in a row, for all but the log, whose lines are kept whole.
        glyphs: The characters to draw with.
    """
    lines: list[Line] = [*run_head(view, now, width, glyphs), *_times(view, now)]
    if view.plan.runbook in RUNBOOKS:
        lines += hanging((Span("success   ", "dim"),), f"means: {RUNBOOKS[view.plan.runbook].success}", "dim", width, glyphs)
    lines += ((), *run_steps(view, now, width, glyphs), (), *draw_safety(safety(view), width, glyphs))
    for title, told in report_parts(view):
        if told:
            lines += ((), (Span(title, "title"),))
            for each in told:
                lines += hanging((Span("  "),), each, "text", width, glyphs)
    lines += ((), (Span("What happened", "title"),))
    lines += [line for event in events for line in event_lines(event, view.plan)]
    return tuple(lines)


def report_markdown(view: RunView, events: Sequence[RunEvent], now: float) -> str:
    """Return the report as Markdown, for a ticket or a wiki."""
    plan = view.plan
    text = [f"# {plan.runbook} {direction(plan)} of {plan.cluster}: {view.state}", ""]
    who, *facts = report_facts(view, now)
    text += [f"- {_plain(who).replace(view.run, f'`{view.run}`').replace(plan.hash, f'`{plan.hash}`')}"]
    text += [f"- {_plain(each)}" for each in facts]
    text += ["", "| # | step | state | took | what was seen |", "| --- | --- | --- | --- | --- |"]
    for is_last_way_back, cells in report_steps(view):
        number, title, *others = (_plain(cell) for cell in cells)
        text.append(f"| {' | '.join((number, f'**{title}**' if is_last_way_back else title, *others))} |")
    for title, told in report_parts(view):
        lines = [f"- {_plain(each)}" for each in told]
        text += ["", f"## {title}", "", *lines] if lines else []
    text += ["", "## What happened", "", "```text"]
    text += [line_text(line).replace("```", "'''") for event in events for line in event_lines(event, plan)]
    return "\n".join([*text, "```", ""])


def report_facts(view: RunView, now: float) -> tuple[str, ...]:
    """Return what a run was and what it cost, each in a line: who, when, the loss, how long users were out."""
    now = view.until(now)
    facts = [f"run {view.run}, plan {view.plan.hash}, {'lab' if view.is_lab else 'live'}, by {view.holder}"]
    facts += [line_text(line) for line in _times(view, now)]
    facts += [f"loss: {view.loss}{f', {view.accepted}' if view.accepted else ''}"]
    facts += ["users were not kept out"] if view.users.began_at is None else []  # else since when they were stands above
    facts += [f"nothing could be written for {duration(view.writes.length_s(now))}"] if view.writes.began_at is not None else []
    return (*facts, *([view.words] if view.words else []), *(f"issue: {issue}" for issue in view.issues))


def report_steps(view: RunView) -> Iterator[tuple[bool, tuple[str, ...]]]:
    """Yield for each step whether there is no way back from it, and number, title, state, how long it took, what was seen."""
    for number, (step, state) in enumerate(zip(view.plan.steps, view.steps, strict=True), 1):
        title = step.title + (" (no way back from here)" if step.is_point_of_no_return else "")
        took = "" if state.took_s is None else duration(state.took_s)
        yield step.is_point_of_no_return, (str(number), title, state.phase, took, state.words)


def report_parts(view: RunView) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the parts of the report that are lists, each with its title; those that are empty are left out by who shows them."""
    return (
        ("Tell users", _told(view)),
        ("Lost writes", () if view.lost is None else view.lost.lines()),
        ("Answers", tuple(_answers(view))),
        ("Proofs", tuple(_proofs(view))),
        ("Preflight", _open_items(view)),
    )


def _told(view: RunView) -> tuple[str, ...]:
    """Return what users have to be told once the run has brought it about; empty where nothing changes for them."""
    texts = [step.arguments.get("text", "") for step in view.plan.steps if step.verb == "tell-users"]
    is_past = any(
        state.phase == "done" for step, state in zip(view.plan.steps, view.steps, strict=True) if step.is_point_of_no_return
    )
    return tuple(line for text in texts for line in text.splitlines()) if is_past else ()


def _times(view: RunView, now: float) -> Iterator[Line]:
    ended = view.finished_at
    took = duration((now if ended is None else ended) - view.started_at)
    yield (Span("began     ", "dim"), Span(f"{iso(view.started_at)}, {'so far' if ended is None else 'took'} {took}"))
    if view.users.began_at is not None:
        yield (Span("users out ", "dim"), Span(users_told(view, now)))


def users_told(view: RunView, now: float) -> str:
    """Return since when users were out, by which look that is known, for how long, and what of it the run itself took."""
    users, now = view.users, view.until(now)
    assert users.began_at is not None, "they were out"
    words = f"since {iso(users.began_at)}, {'so far' if users.is_on else 'for'} {duration(users.length_s(now))}"
    if users.began_at < view.started_at:
        words += f" ({view.plan.out_words})" if view.plan.out_words else ""
        words += f"; the run itself took {duration(view.own_outage.length_s(now))} of it"
    return words + _against(view, now)


def _against(view: RunView, now: float) -> str:
    """Return how an outage that is over compares with what the plan announced; empty where none was, or it goes on."""
    announced_s = view.plan.downtime_s
    if not announced_s or view.users.began_at is None or view.users.is_on:
        return ""
    more_s = view.own_outage.length_s(now) - announced_s
    return f", {duration(announced_s)} were announced: {duration(abs(more_s))} {'more' if more_s > 0 else 'less'}"


def _answers(view: RunView) -> Iterator[str]:
    for step, answer in view.answers:
        question = _question(view, view.plan.step(step))
        yield f"{step}: answered {answer!r}" + (f" to: {question}" if question else "")


def _question(view: RunView, step: Step) -> str:
    """Return what was asked before `step`: what is given up by promoting another is asked with the loss as it was read then."""
    if step.gate is None:
        return ""
    now, was = view.read_loss, view.plan.loss
    if step.gate.kind != "accept-loss" or not step.is_point_of_no_return or now is None:
        return step.gate.question
    moved = f" The plan said {was.said()}." if replace(was, is_salvage_ahead=now.is_salvage_ahead).said() != now.said() else ""
    return loss_question(step.arguments.get("primary", "the old primary"), step.node, now) + moved


def _proofs(view: RunView) -> Iterator[str]:
    for proof in view.proofs:
        if isinstance(proof, FenceProof):
            yield f"{iso(proof.at)} {proof.instance} cannot write ({proof.rung.value}): {'; '.join(proof.evidence)}"
        elif isinstance(proof, ZeroLossProof):
            yield f"{iso(proof.at)} {proof.said()}"


def _open_items(view: RunView) -> tuple[str, ...]:
    return tuple(f"{item.name} {item.state}: {item.words}" for item in view.plan.preflight if item.state != "ok")


def _plain(text: str) -> str:
    """Return text from a run so that Markdown does not read anything into it."""
    return "".join(f"\\{each}" if each in "\\`*_{}[]<>|#" else each for each in inert(text))
