"""A plan as lines: what it costs, what was checked, and every step with its exact commands. Nothing of it is left out."""

from collections.abc import Iterator

from ppsconsole.clock import duration, iso
from ppsconsole.draw.promise import NO_PROMISES, Promises, promise_said
from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import cell_width, fitted, hanging, width_of
from ppsconsole.plan.plan import Plan, kept_out_said
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.step import Step

NO_WAY_BACK = "no way back below: once step {number} has acted, backing out is a restore and not an undo"


def draw_plan(plan: Plan, is_lab: bool, width: int, glyphs: Glyphs, promises: Promises = NO_PROMISES) -> tuple[Line, ...]:
    """Return the whole plan: head, preflight, tolerances, steps.

    Args:
        plan: What would be run.
        is_lab: Whether its cluster is a lab; said in the first line.
        width: Cells in a row; no line is longer, and no command is cut.
        glyphs: The characters to draw with.
        promises: What was promised to users.
    """
    lines = list(plan_head(plan, is_lab, width, glyphs, promises))
    for section in (draw_preflight(plan, width, glyphs), _tolerances(plan, width, glyphs)):
        lines += ((), *section) if section else ()
    # The steps are as wide as they may be by themselves: nothing of a command, not even a blank at its end, may get lost.
    return (*(fitted(line, width, glyphs) for line in lines), (), *draw_steps(plan, width, glyphs))


def direction(plan: Plan) -> str:
    """Return what the plan acts on: `db1 -> db2` where a role moves, else the node, else nothing."""
    for step in plan.steps:
        if step.is_point_of_no_return and step.arguments.get("primary"):
            return f"{step.arguments['primary']} -> {plan.to or step.node}"
    return plan.node or plan.to


def badge(is_lab: bool) -> Span:
    """Return the word that tells a lab from a cluster that people use."""
    return Span("LAB", "title") if is_lab else Span("LIVE", "down")


def plan_head(plan: Plan, is_lab: bool, width: int, glyphs: Glyphs, promises: Promises = NO_PROMISES) -> tuple[Line, ...]:
    """Return what the plan is, its hash, what it costs, also against what was promised, and whether it may run."""
    first = (
        Span(plan.cluster, "title"),
        Span("  "),
        badge(is_lab),
        Span(f"  {plan.runbook} {direction(plan)}".rstrip(), "title"),
    )
    lines: list[Line] = [first, (Span("plan      ", "dim"), Span(plan.hash, "title"), Span(f"  made {iso(plan.made_at)}", "dim"))]
    loss = plan.loss.said() + (f": {plan.loss.words}" if plan.loss.words else "")
    style: Style = "text" if plan.loss.is_accepted_by(0.0) else "warn"
    lines += hanging((Span("loss      ", "dim"),), loss, style, width, glyphs)
    if promises.loss_s is not None:
        (said,) = promise_said(promises.loss_s, is_kept=plan.loss.is_accepted_by(promises.loss_s))
        lines.append((Span(" " * 10), Span(said.text.strip(), said.style)))
    is_short = promises.downtime_s is None or plan.downtime_s <= promises.downtime_s
    promised = promise_said(promises.downtime_s, is_kept=is_short)
    out = hanging((Span("downtime  ", "dim"),), downtime_said(plan), "text", width, glyphs)
    lines += (*out[:-1], (*out[-1], *promised))
    if plan.blockers:
        names = ", ".join(item.name for item in plan.blockers)
        lines += hanging((Span("blocked   ", "dim"),), f"by {names}: this plan does not run", "down", width, glyphs)
    return tuple(lines)


def downtime_said(plan: Plan) -> str:
    """Return who is kept out, and for how long."""
    return kept_out_said(plan.downtime_s, plan.users)


def draw_preflight(plan: Plan, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return what was checked: what blocks first, then what fails, then what nobody could look at, then what is well."""
    ranked = sorted(plan.preflight, key=_loudness)
    if not ranked:
        return ()
    counts = {state: sum(item.state == state for item in ranked) for state in ("failing", "not checked", "ok")}
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    names = max(width_of(item.name) for item in ranked)
    lines: list[Line] = [(Span("Preflight", "title"), Span(f"  {said}"))]
    for item in ranked:
        mark, word, style = _item_state(item, glyphs)
        head = (Span(f"  {mark} {word:<11}  ", style), Span(f"{item.name:<{names}}  "))
        lines += hanging(head, item.words, "text", width, glyphs)
        if item.remedy and item.state != "ok":
            lines += hanging((Span("      next  ", "dim"),), item.remedy, "text", width, glyphs)
    return tuple(lines)


def _loudness(item: Item) -> int:
    return 0 if item.is_blocked else {"failing": 1, "not checked": 2, "ok": 3}[item.state]


def _item_state(item: Item, glyphs: Glyphs) -> tuple[str, str, Style]:
    if item.is_blocked:
        return glyphs.down, "BLOCKS", "down"
    if item.state == "failing":
        return glyphs.warn, "warns", "warn"
    if item.state == "not checked":
        return glyphs.unknown, "not checked", "unknown"
    return glyphs.ok, "ok", "ok"


def _tolerances(plan: Plan, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    if not plan.tolerances:
        return ()
    lines: list[Line] = [(Span("Seen now", "title"), Span("  may move; looked at again by the steps that rely on it", "dim"))]
    names = max(width_of(name) for name in plan.tolerances)
    for name, value in plan.tolerances.items():
        lines += hanging((Span(f"  {name:<{names}}  ", "dim"),), value, "text", width, glyphs)
    return tuple(lines)


def draw_steps(plan: Plan, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return every step with its commands, what it means for users, and what is asked before it."""
    total = sum(step.estimate_s for step in plan.steps)
    lines: list[Line] = [(Span("Steps", "title"), Span(f"  {len(plan.steps)}, about {duration(total)} in all"))]
    for number, step in enumerate(plan.steps, 1):
        if step.is_point_of_no_return:
            lines.append(return_line(number, width, glyphs))
        lines += _step(number, step, width, glyphs)
    return tuple(lines)


def return_line(number: int, width: int, glyphs: Glyphs) -> Line:
    """Return the line that stands before the point of no return, step `number`."""
    text = f" {NO_WAY_BACK.format(number=number)} "
    rule = glyphs.idle_horizontal
    if width_of(text) + 4 > width:
        text = " no way back below "
    filled = rule * 2 + text
    return (Span((filled + rule * max(0, width - width_of(filled)))[:width], "warn"),)


def _step(number: int, step: Step, width: int, glyphs: Glyphs) -> Iterator[Line]:
    head = (Span(f"{number:>3}  ", "dim"),)
    about = (
        f"{step.title}  (about {duration(step.estimate_s)}{', may fail without stopping the run' if step.is_optional else ''})"
    )
    yield from hanging(head, about, "text", width, glyphs)
    for command in step.commands or ("only looks, and changes nothing",):
        yield from whole(command, "     ", "dim", width)
    if step.for_users:
        yield from hanging((Span("     users  ", "dim"),), step.for_users, "warn", width, glyphs)
    if step.needs:
        yield from hanging((Span("     needs  ", "dim"),), f"proof: {', '.join(step.needs)}", "text", width, glyphs)
    if step.gate is not None:
        yield from hanging((Span("     asks   ", "dim"),), f"{step.gate.question} ({step.gate.flag})", "title", width, glyphs)


def whole(text: str, indent: str, style: Style, width: int) -> Iterator[Line]:
    """Yield `text` in lines of at most `width` cells without losing a character of it: a command that is cut says nothing."""
    room = max(8, width - len(indent) - 2)
    part, used, margin = "", 0, indent
    for each in text:
        wide = cell_width(each)
        if used + wide > room:
            yield (Span(margin), Span(part, style))
            part, used, margin = "", 0, indent + "  "
        part += each
        used += wide
    yield (Span(margin), Span(part, style))
