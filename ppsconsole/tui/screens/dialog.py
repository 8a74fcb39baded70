"""The one dialog: Cancel has the focus, what is typed unlocks the other button, and a pasted newline never confirms."""

import asyncio
from collections.abc import Sequence

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
from ppsconsole.tui.widgets.lines import LinesView

WIDTH = 66


class Words(LinesView, inherit_bindings=False):
    """What is asked, wrapped."""

    def __init__(self, question: Question, glyphs: Glyphs) -> None:
        super().__init__(id="words")
        self._question, self._glyphs = question, glyphs

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Return the lines."""
        return question_lines(self._question, width, self._glyphs)


class Field(Input):
    """What is typed. Enter only moves on: a newline that was pasted without brackets arrives as Enter."""

    async def _on_key(self, event: Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)


class Dialog(ModalScreen[None], inherit_bindings=False):
    """Asks one question.

    Attributes:
        answer: Resolved with what was answered, None when it was cancelled. Not a screen's result: whoever asks outlives screens.
    """

    BINDINGS = bindings("dialog")
    AUTO_FOCUS = "#stay"
    CSS_PATH = "dialog.tcss"

    def __init__(self, question: Question, glyphs: Glyphs, answer: "asyncio.Future[str | None]", *, is_lab: bool) -> None:
        super().__init__()
        self.question, self.glyphs, self.answer = question, glyphs, answer
        self.set_class(is_lab, "-lab")
        self.set_class(glyphs is ASCII, "-ascii")
        self.words = Words(question, glyphs)
        self.field = Field(id="field", compact=True, select_on_focus=False)
        self.field.cursor_blink = False
        self.refusal = LinesView(id="refusal")
        self.stay = Choice("stay", f"{question.stay} (Esc)", glyphs)
        self.go = Choice("go", question.button, glyphs)

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

    def on_mount(self) -> None:
        """Show what is locked."""
        self.words.set_title("")
        box = self.query_one("#box")
        width = min(WIDTH, self.app.size.width - 2)
        box.styles.width = width
        rows = len(question_lines(self.question, max(1, width - 4), self.glyphs))
        room = self.app.size.height - 2 - (3 if self.question.prompt else 1) - 1
        self.words.styles.height = max(1, min(rows, room))
        self._look()

    async def on_key(self, event: Key) -> None:
        """Type into the field wherever the focus is: who types has read on."""
        character = event.character
        if self.question.prompt and not self.field.has_focus and character and event.is_printable and character != " ":
            event.stop()
            self.field.focus()
            self.field.insert_text_at_cursor(character)

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


def question_lines(question: Question, width: int, glyphs: Glyphs) -> list[Line]:
    """Return everything of a question but its field and its buttons."""
    lines: list[Line] = [fitted((Span(question.title, "title"),), width, glyphs), ()]
    lines.extend(hanging((), question.words, "text", width, glyphs))
    if question.facts:
        lines.append(())
    for name, value in question.facts:
        head = Span(f"{name:<10}", "dim")
        words = "".join(span.text for span in value)
        style = value[0].style
        lines.extend(hanging((head,), words, style, width, glyphs))
    if question.prompt:
        lines.extend(((), (Span(f"{question.prompt}:", "title"),)))
    else:
        lines.append(())
    return lines
