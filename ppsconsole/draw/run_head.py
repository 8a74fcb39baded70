"""What stands above a run and never scrolls: what runs on what, lab or live, the loss, the downtime so far, who has the lease."""

from collections.abc import Sequence
from dataclasses import replace

from ppsconsole.clock import duration, hhmmss
from ppsconsole.draw.plan import badge, direction
from ppsconsole.draw.promise import NO_PROMISES, Promises, promise_said
from ppsconsole.draw.run import accepted_part, users_said, verdict_style, writes_said
from ppsconsole.draw.run_view import RunView
from ppsconsole.draw.text import Glyphs, Line, Span, Style, line_text
from ppsconsole.draw.words import fitted, shortened, width_of

NARROW = 60
"""Below that many cells, everything is said in as few words as it takes."""


def pinned_head(
    view: RunView,
    now: float,
    size: tuple[int, int],
    glyphs: Glyphs,
    *,
    lease: Sequence[str],
    promises: Promises = NO_PROMISES,
    mark: Span | None = None,
) -> tuple[Line, ...]:
    """Return three rows, or four.

    From 40 cells on they say at any rate: lab or live, which way, the run's state, the loss, and the downtime so far.

    Args:
        view: The run.
        now: Seconds since 1970 UTC.
        size: Cells in a row, and rows: with four the lease has one of its own, with three it stands behind the loss if it fits.
        glyphs: The characters to draw with.
        lease: Who has the lease, from the longest form to the shortest; empty when nobody can say.
        promises: What was promised to users.
        mark: Stands first, such as that this is no run but the replay of one.
    """
    width, rows = size
    is_narrow, now = width < NARROW, view.until(now)
    loss: Line = (Span("loss  " if is_narrow else "loss      ", "dim"), Span(view.loss))
    promised = promise_said(promises.loss_s, is_kept=view.keeps_loss_within(promises.loss_s))
    loss = _fitting([(*loss, *accepted_part(view), *promised), (*loss, *promised), loss], width)
    lines: list[Line] = [_title(view, width, glyphs, mark), loss, _downtime(view, now, promises.downtime_s, width)]
    if rows >= 4:
        lines.append(_fitting([(Span("lease     ", "dim"), Span(each, "text")) for each in lease], width))
    elif lease:
        lines[1] = _fitting([*((*loss, Span("   lease  ", "dim"), Span(each, "dim")) for each in lease), loss], width)
    return tuple(fitted(line, width, glyphs) for line in lines)


def _title(view: RunView, width: int, glyphs: Glyphs, mark: Span | None) -> Line:
    plan, where = view.plan, direction(view.plan)
    head = () if mark is None else (mark, Span(" "))
    state = Span(view.state, verdict_style(view))
    what = f"{plan.runbook} {where}".rstrip()
    forms: list[Line] = []
    for name in (plan.cluster, *(shortened(plan.cluster, wide, glyphs) for wide in (16, 8))):
        first = (*head, Span(name, "title"), Span(" "), badge(view.is_lab), Span(" "))
        forms.append((*first[:-1], Span(f"  {what}  ", "title"), state, Span(f"  run {view.run}", "dim")))
        forms.append((*first, Span(f"{what} ", "title"), state))
    short = (*head, badge(view.is_lab), Span(" "))
    forms.append((*short, Span(f"{what} ", "title"), state))
    forms.append((*short, Span(f"{where or plan.runbook} ", "title"), state))
    return _fitting(forms, width)


def _downtime(view: RunView, now: float, limit: float | None, width: int) -> Line:
    users, estimate_s = view.users, view.plan.downtime_s if view.verdict is None else 0.0  # after its end nothing comes
    style: Style = "warn" if users.is_on else "text"
    ahead = promise_said(limit, is_kept=limit is None or users.length_s(now) <= limit)
    long = (Span("downtime  ", "dim"), Span(users_said(view, now, estimate_s), style), *ahead)
    length = duration(users.length_s(now))
    if users.began_at is None:
        told = [f"none yet, ~{duration(estimate_s)} to come" if estimate_s else "none"]
    elif users.is_on:
        told = [f"OUT {length} since {hhmmss(users.began_at)}Z", f"OUT {length}"]
    else:
        told = [f"was {length}"]
    brief = tuple(replace(span, text=span.text.replace("MORE than the ", "")) for span in ahead)
    forms = [(*long, Span(writes_said(view.writes, now))), long]
    shorts = [(Span("users ", "dim"), Span(said, style)) for said in told]
    forms += [(*short, *limit) for limit in (ahead, brief) for short in shorts]
    return _fitting([*forms, *shorts[-1:]], width)


def _fitting(forms: Sequence[Line], width: int) -> Line:
    """Return the first form that fits, else the last."""
    return next((line for line in forms if width_of(line_text(line)) <= width), forms[-1] if forms else ())
