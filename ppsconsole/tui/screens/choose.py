"""Choose a way out: what the advice compares first, then everything that can be planned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from textual.app import ComposeResult
from textual.message import Message

from ppsconsole.advice.choices import Choice, choices, choices_about
from ppsconsole.advice.manners import ASKED, manners
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import hanging
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.building import NOTHING_KNOWN
from ppsconsole.runbooks.request import Request
from ppsconsole.tui.jumping import Target
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.screens.page import PageView
from ppsconsole.tui.widgets.header_bar import HeaderBar
from ppsconsole.tui.widgets.key_strip import KeyStrip
from ppsconsole.tui.widgets.lines import LinesView


@dataclass(frozen=True, slots=True)
class Offer:
    """What is chosen from.

    Attributes:
        title: What they are.
        choices: Weighs them on what is seen now.
        without: What is said where there are none.
    """

    title: str
    choices: Callable[[Scene], tuple[Choice, ...]]
    without: str


def all_ways() -> Offer:
    """Return what the advice ranks first, then everything else that can be planned, then what cannot."""
    without = "No runbook acts on anything that is declared."
    return Offer("Ways out", lambda of: choices(of.advice, of.snapshot, of.inventory, of.background or NOTHING_KNOWN), without)


def ways_about(node: str) -> Offer:
    """Return what can be done about a node."""
    return Offer(
        f"What can be done about {node}",
        lambda of: choices_about(node, of.snapshot, of.inventory, of.background or NOTHING_KNOWN),
        "No runbook acts on it: what stands behind it is started, stopped and moved from its own node.",
    )


def manners_of(plan: Plan, request: Request) -> Offer | None:
    """Return in which manner what is planned can be done; None where there is only one."""
    if plan.runbook not in ASKED:
        return None
    return Offer(
        ASKED[plan.runbook],
        lambda of: manners(plan, request, of.snapshot, of.inventory, of.background or NOTHING_KNOWN),
        "Nothing was seen yet that it could be weighed on.",
    )


class ChooseScreen(ConsoleScreen, inherit_bindings=False):
    """A list with one selected way."""

    BINDINGS = bindings("choose")

    class Chosen(Message):
        """The operator wants a plan for `request`."""

        def __init__(self, request: Request) -> None:
            super().__init__()
            self.request = request

    def __init__(self, scene: Scene, glyphs: Glyphs, offer: Offer) -> None:
        super().__init__(scene, glyphs)
        self.offer = offer
        self.selected: Request | None = None
        self._weighed: Scene | None = None
        self._choices: tuple[Choice, ...] = ()
        self.header = HeaderBar(glyphs)
        self.view = PageView(self)
        self.keys = KeyStrip(glyphs, "choose")

    def compose(self) -> ComposeResult:
        """Put header, list and keys on the screen."""
        yield self.header
        yield self.view
        yield self.keys

    def on_mount(self) -> None:
        """Show what there is already."""
        self.view.set_title(f"{self.offer.title}: Enter plans one, and changes nothing")
        self.show_scene(self.scene)

    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`; the selected way stays selected wherever it moves."""
        self.scene = scene
        self.header.show_scene(scene)
        self.keys.show_lock(scene.is_unlocked)
        self.view.redraw()

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return the list."""
        lines: list[Line] = []
        index, found = self._index()
        if not found:
            return hanging((), "No way has these words." if self._all() else self.offer.without, "dim", width, self.glyphs)
        for number, choice in enumerate(found):
            lines.extend(choice_lines(choice, number == index, width, self.glyphs))
        return lines

    def find_view(self) -> LinesView:
        """Return the list."""
        return self.view

    def next_found(self, step: int) -> None:
        """Select the next way: those that do not match are left out already."""
        index, found = self._index()
        if found:
            self._select(found, (index + step) % len(found))

    def found_words(self) -> str:
        """Return how many ways are left."""
        index, found = self._index()
        return f"{index + 1 if found else 0} of {len(found)}"

    def jump_targets(self) -> list[Target]:
        """Return the ways."""
        targets: list[Target] = []
        row = 0
        for choice in self._found():
            targets.append(Target(self.view, row, 0, self.view.size.width, partial(self._pick, choice)))
            row += len(choice_lines(choice, False, self.view.size.width, self.glyphs))
        return targets

    def _pick(self, choice: Choice) -> None:
        found = self._found()
        if choice in found:
            self._select(found, found.index(choice))

    def action_move(self, by: int) -> None:
        """Select the next way in that direction."""
        index, found = self._index()
        self._select(found, index + by)

    def action_leap(self, which: int) -> None:
        """Select the first way when `which` is 0, else the last."""
        found = self._found()
        self._select(found, len(found) - 1 if which else 0)

    def action_choose(self) -> None:
        """Ask for the plan."""
        index, found = self._index()
        if found:
            self.post_message(self.Chosen(found[index].request))

    def action_back(self) -> None:
        """Go back."""
        self.dismiss()

    def _found(self) -> tuple[Choice, ...]:
        return tuple(each for each in self._all() if self.found.matches(each.title, each.words))

    def _all(self) -> tuple[Choice, ...]:
        if self._weighed is not self.scene:
            self._weighed, self._choices = self.scene, self.offer.choices(self.scene)
        return self._choices

    def _index(self) -> tuple[int, tuple[Choice, ...]]:
        found = self._found()
        is_open = [not each.is_blocked for each in found]
        first = is_open.index(True) if True in is_open else 0
        return next((number for number, each in enumerate(found) if each.request == self.selected), first), found

    def _select(self, found: tuple[Choice, ...], index: int) -> None:
        if not found:
            return
        index = max(0, min(index, len(found) - 1))
        self.selected = found[index].request
        self.view.redraw()
        width = self.view.size.width
        before = sum(len(choice_lines(each, False, width, self.glyphs)) for each in found[:index])
        rows = len(choice_lines(found[index], True, width, self.glyphs))
        self.view.reveal(before, rows)


def choice_lines(choice: Choice, is_selected: bool, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return a way: its title, then what it costs, or why it is blocked."""
    pointer = glyphs.pointer if is_selected else " "
    state = Span("  advised", "ok") if choice.is_advised and not choice.is_blocked else Span("")
    if choice.is_blocked:
        state = Span(f"  {glyphs.down} BLOCKED", "down")
    title = (Span(f"{pointer} "), Span(choice.title, "selected" if is_selected else "title"), state)
    return (title, *hanging((Span("    "),), choice.words, "dim", width, glyphs))
