"""A run as it went, event by event: head, steps, output and answers as they were then. Stepping only: nothing plays by itself."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

from ppsconsole.draw.run_view import RunView
from ppsconsole.draw.text import Glyphs
from ppsconsole.plan.event import RunEvent
from ppsconsole.settings.actions import Place
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.live import Live
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.run import RunScreen

if TYPE_CHECKING:
    from ppsconsole.tui.attending import AttendingApp


class ReplayScreen(RunScreen, inherit_bindings=False):
    """The run screen at a moment of the past.

    Attributes:
        index: Which event is shown, counted from 0.
    """

    BINDINGS = bindings("replay")
    PLACE: ClassVar[Place] = "replay"

    def __init__(self, scene: Scene, glyphs: Glyphs, view: RunView, events: Sequence[RunEvent]) -> None:
        super().__init__(scene, glyphs)
        self._whole, self.events = view, tuple(events)
        self.index = 0

    def show_scene(self, scene: Scene) -> None:
        """Draw the moment; of `scene` only what does not change with the cluster."""
        from ppsconsole.reports.story import story_of

        whole, events = self._whole, self.events[: self.index + 1]
        holder = next((str(each.data["holder"]) for each in reversed(events) if each.data.get("holder")), whole.holder)
        view = story_of(whole.run, whole.plan, events, is_lab=whole.is_lab, holder=holder, started_at=whole.started_at)
        position = f"{self.index + 1}/{len(self.events)}"
        live = Live(view, "replayed", events, position=position)
        super().show_scene(replace(scene, run=live, now=events[-1].at, picture=None, is_stale=False))

    # keys -----------------------------------------------------------------------------------------------------------

    def action_step(self, by: int) -> None:
        """Go to another event."""
        self._go_to(self.index + by)

    def action_leap_step(self, by: int) -> None:
        """Go to the event with which another step begins, forwards or back."""
        begins = [number for number, each in enumerate(self.events) if each.kind in ("step-started", "undo-started")]
        ahead = [number for number in begins if (number > self.index if by > 0 else number < self.index)]
        if ahead:
            self._go_to(ahead[0] if by > 0 else ahead[-1])
        else:
            self._go_to(len(self.events) - 1 if by > 0 else 0)

    def action_to_end(self, which: int) -> None:
        """Go to the first event when `which` is 0, else to the last."""
        self._go_to(len(self.events) - 1 if which else 0)

    def action_report(self) -> None:
        """Open its report."""
        cast("AttendingApp", self.app).open_report(self._whole, self.events)

    def _go_to(self, index: int) -> None:
        self.index = max(0, min(index, len(self.events) - 1))
        self.output.is_following = self.steps.is_following = True
        self.show_scene(self.scene)
