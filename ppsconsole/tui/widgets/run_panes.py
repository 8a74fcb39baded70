"""The parts of the run screen: a head that never scrolls, the steps, the output, the answers that matter."""

from collections.abc import Sequence

from ppsconsole.clock import duration
from ppsconsole.draw.run import draw_safety, event_lines, run_head, run_steps, verdict_style
from ppsconsole.draw.safety import safety
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import fitted
from ppsconsole.tui.engine_host import Live
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
    """Three lines: cluster, direction, lab or live, run; loss and lease; downtime so far."""

    def lines_of(self, scene: Scene, live: Live, width: int) -> Sequence[Line]:
        """Return the three lines."""
        head = list(run_head(live.view, scene.now, width, self.glyphs)[:3])
        objective = scene.inventory.cluster.downtime_objective_s
        if objective is not None:
            is_past = live.view.users.length_s(scene.now) > objective
            promised = Span(f"  promised {duration(objective)}", "down" if is_past else "dim")
            head[2] = fitted((*head[2][:2], promised, *head[2][2:]), width, self.glyphs)
        return head


class StepsPane(RunPane, inherit_bindings=False):
    """One line for each step; the one at hand stays in sight."""

    def __init__(self, glyphs: Glyphs, *, id: str) -> None:
        super().__init__(glyphs, id=id)
        self._at_hand = ""

    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`, and follow the step at hand."""
        super().show_scene(scene)
        if scene.run is None:
            return
        steps = scene.run.view.plan.steps
        self.set_title(f"Steps {done_of(scene.run)}/{len(steps)}")
        at_hand = scene.run.at_hand
        index = next((number for number, step in enumerate(steps) if step.id == at_hand), len(steps) - 1)
        is_past = any(step.is_point_of_no_return for step in steps[: index + 1])
        # Two more in sight: what comes next is what is asked.
        self.reveal(index + is_past, 1)
        self.reveal(index + is_past, min(3, max(1, self.size.height)))

    def lines_of(self, scene: Scene, live: Live, width: int) -> Sequence[Line]:
        """Return the steps."""
        return run_steps(live.view, scene.now, width, self.glyphs)


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
        """Return one or more rows for each event; a row that is too long is cut, and whole in `runs show` and the report."""
        lines: list[Line] = []
        times = 1
        for event in live.events:
            for line in event_lines(event, live.view.plan):
                # A look that is repeated until something is there: its time and its count are the news.
                is_again = bool(lines) and lines[-1][1 : len(line)] == line[1:]
                times = times + 1 if is_again else 1
                if is_again:
                    lines.pop()
                lines.append((*line, Span(f"  {times} times", "dim")) if is_again else line)
        return [fitted(line, width, self.glyphs) for line in lines]

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
        self.set_title("Output, live" if self.is_following else "Output, held: G follows again")


class SafetyPane(RunPane, inherit_bindings=False):
    """Why the run stands, if it does; then the three answers, a row each."""

    def lines_of(self, scene: Scene, live: Live, width: int) -> Sequence[Line]:
        """Return four rows."""
        # A proof of this run goes before a picture that was taken before it.
        proved_at = max((proof.at for proof in live.view.proofs), default=0.0)
        seen = scene.snapshot
        snapshot = None if seen is None or scene.is_stale or seen.at < proved_at else seen
        answers = [
            fitted(draw_safety((each,), 10_000, self.glyphs)[0], width, self.glyphs) for each in safety(live.view, snapshot)
        ]
        return (fitted(standing_line(live), width, self.glyphs), *answers)


def done_of(live: Live) -> int:
    """Return how many steps are behind the run."""
    return sum(each.phase in ("done", "skipped") for each in live.view.steps)


def standing_line(live: Live) -> Line:
    """Say what the run is doing or waits for, or why it stands and what can be done about it."""
    view = live.view
    if live.trouble:
        return (Span("STOPPED ", "down"), Span(live.trouble))
    if live.activity == "asking":
        return (Span("ASKS ", "warn"), Span("a question is open"))
    if view.verdict is not None:
        return (Span(f"{view.verdict.value.upper()} ", verdict_style(view)), Span(view.words))
    if live.activity == "going":
        step = next((each for each in view.plan.steps if each.id == live.at_hand), None)
        doing = "going back" if view.is_backing_out else "at"
        words = f"{doing} {step.title}" if step is not None else "beginning"
        return (Span("RUNS ", "ok"), Span(words, "text"))
    phase = next((each.phase for each in view.steps if each.id == live.at_hand), "pending")
    state = {"failed": "FAILED, HELD ", "unknown": "UNKNOWN, HELD "}.get(phase, "HELD ")
    return (Span(state, "down" if phase == "failed" else "warn"), Span(view.words or "left by its console; nobody is at it"))
