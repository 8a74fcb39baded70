"""The parts of the run screen: a head that never scrolls, the steps, the output, the answers that matter."""

from collections.abc import Sequence

from ppsconsole.clock import duration, hhmmss
from ppsconsole.draw.promise import Promises
from ppsconsole.draw.run import draw_safety, event_lines, rows_of_steps, run_steps, verdict_style
from ppsconsole.draw.run_head import pinned_head
from ppsconsole.draw.safety import old_primary, safety
from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import cut, fitted, folded, hanging, width_of
from ppsconsole.tui.live import Live, lease_forms
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.widgets.lines import LinesView


class RunPane(LinesView, inherit_bindings=False):
    """A part of the run screen."""

    def __init__(self, glyphs: Glyphs, *, id: str) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self.scene: Scene | None = None

    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`."""
        self.scene = scene
        self.redraw()

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Return the lines; none while there is no run."""
        if self.scene is None or self.scene.run is None:
            return ()
        return self.lines_of(self.scene, self.scene.run, width)

    def lines_of(self, scene: Scene, live: Live, width: int) -> Sequence[Line]:
        """Return the lines of a run."""
        raise NotImplementedError


class RunHead(RunPane, inherit_bindings=False):
    """Three lines, or four: cluster, direction, lab or live, run; loss; downtime so far; who has the lease."""

    def lines_of(self, scene: Scene, live: Live, width: int) -> Sequence[Line]:
        """Return the lines."""
        return pinned_head(
            live.view,
            scene.now,
            (width, self.size.height),
            self.glyphs,
            lease=lease_forms(live),
            promises=Promises.of(scene.inventory.cluster),
            mark=Span(" REPLAY ", "selected") if live.activity == "replayed" else None,
        )


class StepsPane(RunPane, inherit_bindings=False):
    """The steps; the one at hand stays in sight until it is scrolled, and again from the end on."""

    def __init__(self, glyphs: Glyphs, *, id: str) -> None:
        super().__init__(glyphs, id=id)
        self.is_following = True

    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`, and follow the step at hand."""
        super().show_scene(scene)
        if scene.run is not None:
            when = " as of then" if scene.run.activity == "replayed" else ""
            self.set_title(f"Steps {done_of(scene.run)}/{len(scene.run.view.plan.steps)}{when}")
            self._follow()

    def scroll_by(self, rows: int) -> None:
        """Scroll; at the end it follows again."""
        self.go_to(self.top + rows)
        self.is_following = self.top >= len(self.lines) - self.size.height

    def on_resize(self) -> None:
        """Lay out anew, with the step at hand in sight."""
        super().on_resize()
        self._follow()

    def lines_of(self, scene: Scene, live: Live, width: int) -> Sequence[Line]:
        """Return the steps."""
        return run_steps(live.view, scene.now, width, self.glyphs)

    def _follow(self) -> None:
        scene = self.scene
        if scene is None or scene.run is None or not self.is_following:
            return
        live = scene.run
        steps, height = live.view.plan.steps, max(1, self.size.height)
        index = next((number for number, step in enumerate(steps) if step.id == live.at_hand), len(steps) - 1)
        rows = [len(each) for each in rows_of_steps(live.view, scene.now, self.size.width, self.glyphs)]
        # Without the line of no return, which is no part of what is done. Two more in sight: what comes next is what is asked.
        is_marked = steps[index].is_point_of_no_return
        begin = sum(rows[:index]) + is_marked
        self.reveal(begin, min(height, rows[index] - is_marked))
        self.reveal(begin, min(height, sum(rows[index : index + 3]) - is_marked))


class OutputPane(RunPane, inherit_bindings=False):
    """What happens, as it happens; it follows until it is scrolled up, and again from its end on."""

    def __init__(self, glyphs: Glyphs, *, id: str) -> None:
        super().__init__(glyphs, id=id)
        self.is_following = True

    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`."""
        super().show_scene(scene)
        self._follow()

    def lines_of(self, scene: Scene, live: Live, width: int) -> Sequence[Line]:
        """Return one or more rows for each event: what was sent, or printed, takes one, which is cut where it is too long."""
        told: list[tuple[str, Line]] = []
        times = 1
        for event in live.events:
            for line in event_lines(event, live.view.plan):
                # A look that is repeated until something is there: its time and its count are the news.
                is_again = bool(told) and told[-1][1][1 : len(line)] == line[1:]
                times = times + 1 if is_again else 1
                if is_again:
                    told.pop()
                told.append((event.kind, (*line, Span(f"  {times} times", "dim")) if is_again else line))
        return [row for kind, line in told for row in _output_rows(kind, line, width, self.glyphs)]

    def scroll_by(self, rows: int) -> None:
        """Scroll; at the end it follows again."""
        self.go_to(self.top + rows)
        self.is_following = self.top >= len(self.lines) - self.size.height
        self._entitle()

    def hold(self) -> None:
        """Follow no longer: something in it is being looked at."""
        self.is_following = False
        self._entitle()

    def on_resize(self) -> None:
        """Lay out anew, and stay at the end."""
        super().on_resize()
        self._follow()

    def _follow(self) -> None:
        if self.is_following:
            self.go_to(len(self.lines))
        self._entitle()

    def _entitle(self) -> None:
        live = None if self.scene is None else self.scene.run
        if live is not None and live.activity == "replayed":
            self.set_title("Output until then" if self.is_following else "Output until then, scrolled")
        else:
            self.set_title("Output, live" if self.is_following else "Output, held: G follows again")


def _output_rows(kind: str, line: Line, width: int, glyphs: Glyphs) -> Sequence[Line]:
    """Return a line of the output in rows that fit: a command keeps its outcome; headings, proofs and results lose nothing."""
    if sum(width_of(span.text) for span in line) <= width or kind == "output":
        return (fitted(line, width, glyphs),)
    if kind == "command-sent":
        when, words, *ends = line
        room = width - sum(width_of(span.text) for span in (when, *ends))
        return (fitted((when, Span(cut(words.text, max(12, room), glyphs), words.style), *ends), width, glyphs),)
    when = line[0]
    begun, *rest = folded(line[1:], max(12, width - width_of(when.text)))
    blank = Span(" " * width_of(when.text))
    return [fitted(row, width, glyphs) for row in ((when, *begun), *((blank, *each) for each in rest))]


class SafetyPane(RunPane, inherit_bindings=False):
    """What the run does or why it stands, wrapped where there is room; then the three answers, a row each."""

    def lines_of(self, scene: Scene, live: Live, width: int) -> Sequence[Line]:
        """Return the rows that there are."""
        is_past = live.activity == "replayed"
        answers = safety(live.view, None if is_past else scene.snapshot, is_stale=scene.is_stale)
        rows = [fitted(draw_safety((each,), 10_000, self.glyphs, scene.now)[0], width, self.glyphs) for each in answers]
        standing = standing_lines(scene, live, width, self.glyphs)
        room = max(1, self.size.height - len(rows))
        if len(standing) > room:
            standing = (*standing[: room - 1], fitted((*standing[room - 1], Span(self.glyphs.ellipsis)), width, self.glyphs))
        return (*standing, *rows)


def foot_rows(scene: Scene, width: int, most: int, glyphs: Glyphs) -> int:
    """Return how many rows the safety pane wants, at most `most`."""
    if scene.run is None:
        return min(4, most)
    return min(most, len(standing_lines(scene, scene.run, width, glyphs)) + (3 if old_primary(scene.run.view) else 2))


def standing_lines(scene: Scene, live: Live, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return what the run does, or why it stands, wrapped."""
    head, words, style = standing_words(live)
    return hanging((Span(f"{head} ", style),), words, "text", width, glyphs)


def done_of(live: Live) -> int:
    """Return how many steps are behind the run."""
    return sum(each.phase in ("done", "skipped") for each in live.view.steps)


def standing_words(live: Live) -> tuple[str, str, Style]:
    """Say what the run is doing or waits for, or why it stands and what can be done about it: a word, a sentence, a style."""
    view = live.view
    if live.activity == "replayed":
        return _replayed(live)
    if live.trouble:
        return "STOPPED", live.trouble, "down"
    if live.activity == "asking":
        return "ASKS", "a question is open", "warn"
    if view.verdict is not None:
        return view.verdict.value.upper(), view.words, verdict_style(view)
    if live.activity == "going":
        words = f"{_doing(live)}; it stops after this step" if live.is_stopping else _doing(live)
        return "RUNS", words, "ok"
    if live.activity == "followed":
        return _followed(live)
    return _standing(live)


def _doing(live: Live) -> str:
    step = next((each for each in live.view.plan.steps if each.id == live.at_hand), None)
    if step is None:
        return "beginning"
    return f"{'going back' if live.view.is_backing_out else 'at'} {step.title}"


def _followed(live: Live) -> tuple[str, str, Style]:
    watch = live.watch
    who = watch.holder if watch is not None and watch.holder else live.view.holder
    if watch is not None and watch.custody == "silent" and watch.beat_age_s is not None:
        since = "since it took it up" if live.view.held_since is None else f"for {duration(watch.beat_age_s)} or more"
        return "FOLLOWED", f"{who} gives no sign of life {since}: it may be gone; r takes the run over, with a reason", "warn"
    state = f"held by {who}: {live.view.words}" if live.view.is_held else f"{who} is {_doing(live)}"
    return "FOLLOWED", state, "title"


def _standing(live: Live) -> tuple[str, str, Style]:
    view, watch = live.view, live.watch
    phase = next((each.phase for each in view.steps if each.id == live.at_hand), "pending")
    head = {"failed": "FAILED, HELD", "unknown": "UNKNOWN, HELD"}.get(phase, "HELD")
    style: Style = "down" if phase == "failed" else "warn"
    if view.is_handed_over and not live.is_ours:
        return "HANDED OVER", f"{view.words.removeprefix('handed over ')}. r takes it up, no reason is needed", "warn"
    if watch is not None and watch.custody == "dead":
        return head, f"its console, {watch.holder}, is dead and nobody is at it: r takes it up, no reason is needed", style
    if watch is not None and watch.custody == "other":
        return head, f"another run has the lease, of {watch.holder}: this one does not go on beside it", style
    if live.is_ours and head == "HELD" and not view.is_held:  # between taking the lease and what is done with it
        return "OPEN", "this console has the lease and is about to begin", "title"
    return head, view.words or "left by its console; nobody is at it", style


def _replayed(live: Live) -> tuple[str, str, Style]:
    event = live.events[-1]
    return f"{live.position}  {hhmmss(event.at)}Z", f"+{duration(event.at - live.view.started_at)}  {_moment(live)}", "title"


def _moment(live: Live) -> str:
    event = live.events[-1]
    about = " ".join(part for part in (event.kind.replace("-", " "), event.step) if part)
    return f"{about}: {event.words}" if event.words else about
