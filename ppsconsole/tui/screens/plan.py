"""A plan, whole, before anything is run: what it costs, what preflight found, every step."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from textual.app import ComposeResult

from ppsconsole.advice.manners import ASKED
from ppsconsole.clock import duration
from ppsconsole.draw.plan import draw_plan, draw_preflight, draw_steps, plan_head, return_line
from ppsconsole.draw.promise import Promises
from ppsconsole.draw.text import Glyphs, Line, Span, line_text
from ppsconsole.draw.words import fitted, padded
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.request import Request
from ppsconsole.tui.jumping import Target
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.screens.page import PageView
from ppsconsole.tui.widgets.header_bar import HeaderBar
from ppsconsole.tui.widgets.key_strip import KeyStrip
from ppsconsole.tui.widgets.lines import LinesView


class PlanScreen(ConsoleScreen, inherit_bindings=False):
    """Head, preflight and steps in one scrolled text; one step is selected, Enter shows its commands.

    Attributes:
        plan: What is shown.
        request: What it was made for, to make it again.
        remark: Said above it, such as that the world moved; may be empty.
    """

    BINDINGS = bindings("plan")

    def __init__(self, scene: Scene, glyphs: Glyphs, plan: Plan, request: Request) -> None:
        super().__init__(scene, glyphs)
        self.plan, self.request = plan, request
        self.remark = ""
        self.selected = 0
        self.opened: frozenset[str] = frozenset()
        self.has_all_checks = False
        self.header = HeaderBar(glyphs)
        self.view = PageView(self)
        self.keys = KeyStrip(glyphs, "plan")
        self._row_of_step: dict[int, int] = {}
        self._promises = Promises.of(scene.inventory.cluster)

    def compose(self) -> ComposeResult:
        """Put header, plan and keys on the screen."""
        yield self.header
        yield self.view
        yield self.keys

    def on_mount(self) -> None:
        """Show what there is already."""
        self.show_plan(self.plan)

    def show_plan(self, plan: Plan, remark: str = "") -> None:
        """Show another plan in this one's place."""
        self.plan, self.remark = plan, remark
        self.selected = min(self.selected, len(plan.steps) - 1)
        self.view.set_title(f"Plan {plan.hash}: nothing has been changed")
        self.keys.show_barred(frozenset() if plan.runbook in ASKED else frozenset({"plan-how"}))
        self.show_scene(self.scene)

    def show_scene(self, scene: Scene) -> None:
        """Draw the header of `scene`; the plan stays what it is."""
        self.scene = scene
        self.header.show_scene(scene)
        self.keys.show_lock(scene.is_unlocked)
        self.view.redraw()

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return the plan."""
        plan = self.plan
        lines: list[Line] = []
        if self.remark:
            lines.append(fitted((Span(f"{self.glyphs.warn} {self.remark}", "warn"),), width, self.glyphs))
        lines.extend(plan_head(plan, self.scene.inventory.is_lab, width, self.glyphs, self._promises))
        lines.extend(((), *self._checks(width), ()))
        total = sum(step.estimate_s for step in plan.steps)
        lines.append((Span("Steps", "title"), Span(f"  {len(plan.steps)}, about {duration(total)} in all", "dim")))
        for index, step in enumerate(plan.steps):
            if step.is_point_of_no_return:
                lines.append(return_line(index + 1, width, self.glyphs))
            self._row_of_step[index] = len(lines)
            lines.extend(self._step(index, step, width))
        return lines

    def show_head(self) -> int:
        """Scroll to the top: below header and frame stands what would be moved where."""
        self.view.go_to(0)
        return 3

    def text(self) -> str:
        """Return the plan with every command, whatever is shown of it."""
        lines = draw_plan(self.plan, self.scene.inventory.is_lab, 100, self.glyphs, self._promises)
        return "\n".join(line_text(line) for line in lines)

    # keys -----------------------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """Select another step; above the first one, scroll up to the head."""
        if by < 0 and self.selected == 0:
            self.view.go_to(self.view.top + by)
            return
        if by > 0 and not self._is_in_sight(self.selected):
            self.view.go_to(self.view.top + by)  # the head is read first
            return
        self.selected = max(0, min(self.selected + by, len(self.plan.steps) - 1))
        self._reveal()

    def action_toggle_commands(self) -> None:
        """Show or hide what the selected step sends."""
        self.opened ^= {self.plan.steps[self.selected].id}
        self._reveal()

    def action_toggle_preflight(self) -> None:
        """Show or hide what is as it should be."""
        self.has_all_checks = not self.has_all_checks
        self.view.redraw()

    def action_scroll_page(self, pages: int) -> None:
        """Scroll by pages; one line stays in sight."""
        self.view.go_to(self.view.top + pages * max(1, self.view.size.height - 1))

    def action_scroll_to_end(self, which: int) -> None:
        """Go to the top when `which` is 0, else to the end."""
        self.view.go_to(len(self.view.lines) if which else 0)

    def action_back(self) -> None:
        """Go back."""
        self.dismiss()

    def find_view(self) -> LinesView:
        """Return the plan."""
        return self.view

    def jump_targets(self) -> list[Target]:
        """Return the steps."""
        return [
            Target(self.view, row, 1, self.view.size.width, partial(self._pick, index))
            for index, row in self._row_of_step.items()
        ]

    def _pick(self, index: int) -> None:
        self.selected = min(index, len(self.plan.steps) - 1)
        self._reveal()

    # how ------------------------------------------------------------------------------------------------------------

    def _checks(self, width: int) -> tuple[Line, ...]:
        """Return preflight; what is well is only counted until it is asked for: what is not has to be seen."""
        loud = tuple(item for item in self.plan.preflight if item.state != "ok")
        well = len(self.plan.preflight) - len(loud)
        if self.has_all_checks or not well:
            return draw_preflight(self.plan, width, self.glyphs)
        lines = draw_preflight(replace(self.plan, preflight=loud), width, self.glyphs) or ((Span("Preflight", "title"),),)
        said = f"  {self.glyphs.ok} {well} ok"
        return (*lines, (Span(said, "ok"), Span("  (p shows them)", "dim")))

    def _step(self, index: int, step: Step, width: int) -> Sequence[Line]:
        head = self._head(index, step, width)
        if step.id not in self.opened:
            return (head,)
        # All but its title, which stands in the head already.
        alone = replace(self.plan, steps=(replace(step, is_point_of_no_return=False, title=""),))
        return (head, *((Span("  "), *line) for line in draw_steps(alone, width - 2, self.glyphs)[2:]))

    def _head(self, index: int, step: Step, width: int) -> Line:
        is_selected = index == self.selected
        marks = {"asks you": step.gate, "users notice": step.for_users, "optional": step.is_optional}
        tail = f"  {', '.join(word for word, holds in marks.items() if holds)}  ~{duration(step.estimate_s)}"
        room = max(8, width - 6 - len(tail))
        return (
            Span(f"{self.glyphs.pointer if is_selected else ' '} "),
            Span(f"{index + 1:>2}  ", "dim"),
            Span(padded(step.title, room, self.glyphs), "selected" if is_selected else "text"),
            Span(tail, "dim"),
        )

    def _is_in_sight(self, index: int) -> bool:
        row = self._row_of_step.get(index, 0)
        return self.view.top <= row < self.view.top + self.view.size.height

    def _reveal(self) -> None:
        self.view.redraw()
        row = self._row_of_step.get(self.selected, 0)
        following = self._row_of_step.get(self.selected + 1, len(self.view.lines))
        self.view.reveal(row, following - row)
