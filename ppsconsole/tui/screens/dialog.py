"""The one dialog: Cancel has the focus, what is typed unlocks the other button, and a pasted newline never confirms."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input

from ppsconsole.draw.text import ASCII, Glyphs, Line, Span
from ppsconsole.draw.words import fitted, hanging
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.question import Question
from ppsconsole.tui.widgets.choice import Choice
from ppsconsole.tui.widgets.key_strip import KeyStrip
from ppsconsole.tui.widgets.lines import LinesView

WIDTH = 80
_ROOMY = 20  # rows from which the first ones of the screen below are left in sight
_LESS = ("plan", "cluster", "sessions", "roles")
"""Facts that stand on the screen below as well: the first ones to go where there is no room for all."""


class Words(LinesView, inherit_bindings=False):
    """What is asked, wrapped."""

    def __init__(self, question: Question, glyphs: Glyphs) -> None:
        super().__init__(id="words")
        self._question, self._glyphs, self._is_reading = question, glyphs, False

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Return the lines; where not all of them have room, those about what is read and typed go before the others."""
        return fitting_lines(self._question, width, height, self._glyphs, is_reading=self._is_reading)

    def ask(self, question: Question, *, is_reading: bool) -> None:
        """Show another question, or that what it rests on is being read."""
        self._question, self._is_reading = question, is_reading
        self.redraw()


_EDITS: dict[str, Callable[[Input], None]] = {
    "backspace": Input.action_delete_left,
    "delete": Input.action_delete_right,
    "left": Input.action_cursor_left,
    "right": Input.action_cursor_right,
    "home": Input.action_home,
    "end": Input.action_end,
    "ctrl+w": Input.action_delete_left_word,
    "ctrl+u": Input.action_delete_left_all,
}
"""What edits, at once as letters do: as bindings they would act after letters that came in the same packet."""


class Field(Input):
    """What is typed. Enter only moves on: a newline that was pasted without brackets arrives as Enter."""

    async def _on_key(self, event: Key) -> None:
        edit = _EDITS.get(event.key)
        if edit is None and event.key != "enter":
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        if edit is not None:
            edit(self)


class Dialog(ModalScreen[None], inherit_bindings=False):
    """Asks one question.

    Attributes:
        answer: Resolved with what was answered, None when it was cancelled. Not a screen's result: whoever asks outlives screens.
    """

    BINDINGS = bindings("dialog")
    AUTO_FOCUS = "#stay"
    CSS_PATH = "dialog.tcss"

    def __init__(
        self,
        question: Question,
        glyphs: Glyphs,
        answer: "asyncio.Future[str | None]",
        *,
        is_lab: bool,
        is_reading: bool = False,
        head: int = 1,
    ) -> None:
        """Prepare.

        Args:
            question: What is asked.
            glyphs: The characters to draw with.
            answer: Resolved with what is answered.
            is_lab: Whether the cluster is a lab.
            is_reading: Whether what it rests on is still being read: no answer counts before.
            head: How many rows of the screen below stay in sight where there is room: what says which cluster it is about.
        """
        super().__init__()
        self.question, self.glyphs, self.answer = question, glyphs, answer
        self.is_reading, self._head = is_reading, head
        self._is_on_its_way = False  # the focus, to the field
        self.set_class(is_lab, "-lab")
        self.set_class(glyphs is ASCII, "-ascii")
        self.words = Words(question, glyphs)
        self.field = Field(id="field", compact=True, select_on_focus=False)
        self.field.cursor_blink = False
        self.refusal = LinesView(id="refusal")
        self.stay = Choice("stay", f"{question.stay} (Esc)", glyphs)
        self.go = Choice("go", question.button, glyphs)
        self.keys = KeyStrip(glyphs, "dialog")  # over that of the screen below, whose keys do nothing now

    def compose(self) -> ComposeResult:
        """Put words, field and buttons into a frame."""
        with Vertical(id="box") as box:
            box.border_title = None
            yield self.words
            if self.question.prompt:
                yield self.field
                yield self.refusal
            yield self.go
            yield self.stay  # the last one: Tab from it leads to the field, and from there to the other button
        yield self.keys

    def on_mount(self) -> None:
        """Show what is locked."""
        self.words.set_title("")
        self._lay_out()
        self._look()

    def on_resize(self) -> None:
        """Lay out anew."""
        self._lay_out()

    def show_question(self, question: Question) -> None:
        """Ask with what was read meanwhile: from now on an answer counts."""
        self.question, self.is_reading = question, False
        self._lay_out()
        self._look()

    def _lay_out(self) -> None:
        box, (across, down) = self.query_one("#box"), self.app.size
        width = min(WIDTH, across)
        box.styles.width = width
        rows = len(question_lines(self.question, max(1, width - 4), self.glyphs, is_reading=self.is_reading))
        room = down - 2 - (4 if self.question.prompt else 2)
        self.keys.display = down >= _ROOMY or rows < room
        room -= (self._head if down >= _ROOMY else 0) + int(self.keys.display)
        self.words.styles.height = max(1, min(rows, room))
        self.words.ask(self.question, is_reading=self.is_reading)

    async def on_key(self, event: Key) -> None:
        """Type into the field wherever the focus is: who types has read on."""
        character = event.character
        # What was typed so fast that it was on its way to the button comes here as well, with the focus in the field already.
        is_late = self._is_on_its_way or self.focused is self.field
        if self.question.prompt and character and event.is_printable and (character != " " or is_late):
            event.stop()
            self._is_on_its_way = True
            self.field.focus()
            self.field.insert_text_at_cursor(character)

    def on_descendant_focus(self) -> None:
        """Take note that the focus has arrived: from now on a blank on a button takes it."""
        self._is_on_its_way = False

    def on_input_changed(self) -> None:
        """Unlock the button, or lock it again."""
        self._look()

    def on_choice_taken(self, message: Choice.Taken) -> None:
        """Answer."""
        if message.choice is self.stay:
            self.action_cancel()
        elif not self._refused():
            self._close(self.typed if self.question.prompt else self.question.answer)

    def action_cancel(self) -> None:
        """Cancel: nothing is done."""
        self._close(None)

    @property
    def typed(self) -> str:
        """What stands in the field, without blanks around it."""
        return self.field.value.strip()

    def withdraw(self) -> None:
        """Cancel because nobody is there to answer any more."""
        self._close(None)

    def _refused(self) -> str:
        if self.is_reading:
            return "locked: what it rests on is being read"
        return self.question.refusal(self.typed) if self.question.prompt else ""

    def _look(self) -> None:
        refused = self._refused()
        self.go.set_locked(bool(refused))
        self.refusal.show([(Span(refused or "unlocked: Tab to the button, then Enter", "warn" if refused else "ok"),)])

    def _close(self, answer: str | None) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)
        if self.is_current:
            self.dismiss()


def question_lines(question: Question, width: int, glyphs: Glyphs, *, is_reading: bool = False) -> list[Line]:
    """Return everything of a question but its field and its buttons."""
    return [line for part in _parts(question, width, glyphs, is_reading=is_reading) for line in part]


def fitting_lines(question: Question, width: int, height: int, glyphs: Glyphs, *, is_reading: bool = False) -> list[Line]:
    """Return what fits into `height` rows: what stands elsewhere goes first, then blank rows, then words."""
    title, words, facts, prompt = _parts(question, width, glyphs, is_reading=is_reading)
    for name in _LESS:  # what is lost and what was read stay longest
        if len(title) + len(words) + len(facts) + len(prompt) <= height:
            break
        question = replace(question, facts=tuple(each for each in question.facts if each[0] != name))
        title, words, facts, prompt = _parts(question, width, glyphs, is_reading=is_reading)
    if len(title) + len(words) + len(facts) + len(prompt) > height:
        title, words, facts, prompt = ([line for line in part if line] for part in (title, words, facts, prompt))
    room = height - len(title) - len(prompt)
    facts = facts[: max(0, room - 1)]
    return [*title, *_cut(words, max(0, room - len(facts)), width, glyphs), *facts, *prompt]


def _cut(lines: list[Line], count: int, width: int, glyphs: Glyphs) -> list[Line]:
    if len(lines) <= count:
        return lines
    last = lines[count - 1 : count]
    return [*lines[: count - 1], *(fitted((*line, Span(glyphs.ellipsis)), width, glyphs) for line in last)]


def _parts(
    question: Question, width: int, glyphs: Glyphs, *, is_reading: bool
) -> tuple[list[Line], list[Line], list[Line], list[Line]]:
    """Return title, words, facts, and what is asked for."""
    facts: list[Line] = [()] if question.facts else []
    if is_reading:
        facts += [(Span("reading   ", "dim"), Span("everything again, before an answer counts ...", "warn"))]
    for name, value in question.facts:
        head = Span(f"{name:<10}", "dim")
        words = "".join(span.text for span in value)
        facts.extend(hanging((head,), words, value[0].style, width, glyphs))
    prompt: list[Line] = [(), (Span(f"{question.prompt}:", "title"),)] if question.prompt else [()]
    title: list[Line] = [fitted((Span(question.title, "title"),), width, glyphs), ()]
    return title, list(hanging((), question.words, "text", width, glyphs)), facts, prompt
