"""The last row of every screen: the keys that work here, from the table of keys; or the line that is being typed."""

from collections.abc import Callable, Collection, Sequence

from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import fitted, width_of
from ppsconsole.settings.actions import ACTIONS, Action, Place
from ppsconsole.settings.keys import shown_key
from ppsconsole.tui.jumping import Target
from ppsconsole.tui.keymap import actions_of
from ppsconsole.tui.line_edit import LineEdit
from ppsconsole.tui.widgets.lines import LinesView
from ppsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class Typing:
    """A line that is being typed.

    Attributes:
        prompt: What stands before it: `:` or `/`.
        remark: Said behind it: how much was found, or why it is refused.
        is_refused: Whether the remark refuses it.
    """

    prompt: str
    edit: LineEdit
    remark: str = ""
    is_refused: bool = False


class KeyStrip(LinesView, inherit_bindings=False):
    """One row; help and quit stay when not everything fits."""

    def __init__(self, glyphs: Glyphs, where: Place) -> None:
        super().__init__(id="keys")
        self.glyphs = glyphs
        self.where: Place = where
        self.is_unlocked = False
        self.barred: frozenset[str] = frozenset()
        self._found = ""
        self._typing: Typing | None = None

    def show_lock(self, is_unlocked: bool) -> None:
        """Grey the keys that change something, or not."""
        self.is_unlocked = is_unlocked
        self.redraw()

    def show_barred(self, barred: frozenset[str]) -> None:
        """Grey the actions of these ids as well: they make no sense now, and say why when their key is pressed."""
        if barred != self.barred:
            self.barred = barred
            self.redraw()

    def show_found(self, words: str) -> None:
        """Say what is searched for on this screen; empty when nothing is."""
        self._found = words
        self.redraw()

    def show_typing(self, typing: Typing | None) -> None:
        """Show a line that is being typed in place of the keys, or the keys again."""
        self._typing = typing
        self.redraw()

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return the row."""
        if self._typing is not None:
            return (typing_line(self._typing, width, self.glyphs),)
        return (key_line(self.where, width, self.is_unlocked, actions_of(self.app), self._found, self.barred),)

    def jump_targets(self) -> list[Target]:
        """Return the keys that are shown, each with what it does."""
        if self._typing is not None or self._found:
            return []
        targets: list[Target] = []
        column = 0
        for each in _shown(self.where, self.size.width, self.is_unlocked, actions_of(self.app), self.barred):
            targets.append(Target(self, 0, column, each.width - 1, self._doing(each.action)))
            column += each.width
        return targets

    def _doing(self, action: Action) -> Callable[[], None]:
        def act() -> None:
            self.app.call_later(self.app.run_action, action.run, self.app if action.where == "everywhere" else self.screen)

        return act


def typing_line(typing: Typing, width: int, glyphs: Glyphs) -> Line:
    """Return the line that is being typed with its remark, which is cut off first."""
    room = max(8, width - 2 - min(len(typing.remark) + 2, width // 2))
    line = (Span(" "), Span(typing.prompt, "title"), *typing.edit.spans(room))
    remark = Span(f"  {typing.remark}", "warn" if typing.is_refused else "dim")
    return fitted((*line, remark), width, glyphs)


@dataclass(frozen=True, slots=True)
class _Entry:
    action: Action
    key: str
    label: str

    @property
    def width(self) -> int:
        return width_of(self.key) + width_of(self.label) + 3


def _shown(where: Place, width: int, is_unlocked: bool, actions: Sequence[Action], barred: Collection[str] = ()) -> list[_Entry]:
    """Return what fits; what stands before the last two is dropped from the right, of a place's own what makes no sense first."""
    here = [each for each in actions if each.label and where in each.reach]
    if barred:
        here.sort(key=lambda each: 2 if each.where == "everywhere" else int(each.id in barred))
    entries = [_Entry(each, shown_key(each.keys[0]), _label(each, is_unlocked)) for each in here]
    while len(entries) > 2 and sum(entry.width for entry in entries) > width:
        del entries[-3]
    return entries


def key_line(
    where: Place,
    width: int,
    is_unlocked: bool = False,
    actions: Sequence[Action] = ACTIONS,
    found: str = "",
    barred: Collection[str] = (),
) -> Line:
    """Return keys and labels of a place, at most `width` cells; those before the last two are dropped from the right.

    Args:
        where: The place.
        width: Cells.
        is_unlocked: Whether keys that change something are to be pressed.
        actions: The table, with the user's own keys.
        found: What is searched for, said first; empty when nothing is.
        barred: Ids of actions that make no sense now.
    """
    line: list[Span] = [Span(f" {found} ", "selected")] if found else []
    for each in _shown(where, width - sum(width_of(span.text) for span in line), is_unlocked, actions, barred):
        is_grey = (each.action.is_locked and not is_unlocked) or each.action.id in barred
        line.extend((Span(" "), Span(each.key, "dim" if is_grey else "title"), Span(f" {each.label} ", "dim")))
    return tuple(line)


def _label(action: Action, is_unlocked: bool) -> str:
    return "Lock" if action.id == "unlock" and is_unlocked else action.label
