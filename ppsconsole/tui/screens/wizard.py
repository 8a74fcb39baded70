"""Writes an inventory by questions: what was said, what is tried and for how long, the question at hand, and a field."""

import asyncio
import time
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.timer import Timer
from textual.widgets import Input

from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import hanging
from ppsconsole.errors import PpsConsoleError
from ppsconsole.inventory import draft
from ppsconsole.inventory.answers import Ask, ask_for
from ppsconsole.inventory.start import Start
from ppsconsole.masking import plain
from ppsconsole.probes.interview import Interview
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.screens.first_base import FirstScreen
from ppsconsole.tui.widgets.lines import LinesView

_REFUSAL_ROWS = 4


class WizardScreen(FirstScreen, inherit_bindings=False):
    """One question after the other; between the rounds it looks at what was named.

    Attributes:
        interview: The inventory in the making.
    """

    TITLE_WORDS = "write an inventory: nothing on the hosts is changed"
    WHERE = "wizard"
    BINDINGS = bindings("wizard")
    AUTO_FOCUS = "#field"

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs)
        place = draft.draft_path()
        earlier = draft.kept(place)
        self.interview = Interview(earlier, place)
        self._has_draft = earlier is not None
        self._ask: Ask | None = None
        self._looking: asyncio.Task[None] | None = None
        self._is_leaving = False
        self._ticking: Timer | None = None
        self.field = Input(id="field", compact=True, select_on_focus=False)
        self.field.cursor_blink = False
        self.refusal = LinesView(id="refusal")
        self.refusal.display = False
        self._question_rows = 0

    def compose(self) -> ComposeResult:
        """Put title, text, field and keys on the screen."""
        yield self.head
        yield self.view
        yield self.refusal
        yield self.field
        yield self.keys

    def on_mount(self) -> None:
        """Put the first question."""
        super().on_mount()
        # Once a second, and only while something is waited for.
        self._ticking = self.set_interval(1.0, self._draw, pause=True)
        self._next()

    async def on_unmount(self) -> None:
        """Give up what is being tried, and close the connections."""
        self._is_leaving = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self.interview.aclose()

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return what was said and tried, and the question."""
        lines: list[Line] = []
        if self._has_draft:
            words = "Answers of an earlier time were found; each is offered again."
            lines.extend([*hanging((), words, "dim", width, self.glyphs), ()])
        for name in self.interview.asked:
            words = self.interview.answers.said(name) or "(nothing)"
            lines.extend(hanging((Span(f"{ask_for(name).prompt}: ", "dim"),), words, "text", width, self.glyphs))
        now = time.monotonic()
        for trial in self.interview.trials.all:
            is_bad = trial.words.startswith("NOT ") or "not accepted" in trial.words
            style: Style = "unknown" if trial.took_s is None else "warn" if is_bad else "ok"
            lines.extend(hanging((Span("  "),), trial.line(now), style, width, self.glyphs))
        question: list[Line] = []
        if self._ask is not None:
            question = [(Span(self._ask.prompt, "title"),), *hanging((), self._ask.about, "text", width, self.glyphs)]
        elif self._looking is not None:
            question = [(Span("Looking; nothing is changed.", "title"),)]
        self._question_rows = len(question)
        return [*lines, *([()] if lines else []), *question]

    # what is done ---------------------------------------------------------------------------------------------------

    def on_input_submitted(self) -> None:
        """Take the answer."""
        self.action_take()

    def action_take(self) -> None:
        """Take what stands in the field as the answer."""
        if self._ask is None or self._looking is not None:
            return
        why = self.interview.answer(self._ask, self.field.value)
        if why and self._ask.name == "db_password_ref":
            self.field.value = ""  # it may be the password itself
        self._refuse(why)
        if not why:
            self._next()

    def action_back(self) -> None:
        """Ask the question before again; at the first one, go back."""
        if self._looking is not None:
            self._looking.cancel()
            return
        self._refuse("")
        if self.interview.back():
            self._next()
        else:
            super().action_back()

    def _next(self) -> None:
        interview = self.interview
        self._ask = interview.question()
        self.field.display = self._ask is not None
        if self._ask is not None:
            self.field.value = interview.offer(self._ask)
            self.field.focus()
            # What is offered is taken by Enter, and replaced by typing.
            self.field.action_select_all()
        elif interview.round is not None:
            self._looking = asyncio.create_task(self._look())
            if self._ticking is not None:
                self._ticking.resume()
        else:
            self.app.push_screen(PreviewScreen(interview, self.glyphs), lambda _: self.action_back())
        self._draw()

    async def _look(self) -> None:
        self.interview.trials.on_change = lambda trial: self._draw()
        why = ""
        try:
            why = await self.interview.look()
        except asyncio.CancelledError:
            if self._is_leaving:
                raise
            why = "Given up. The last question stands again; its round is looked at after it."
            self.interview.back()
        except PpsConsoleError as error:
            why = str(error)
            self.interview.back()
        except Exception as error:  # whatever it is, the answers stay and can be changed
            why = plain(f"Looking failed: {type(error).__name__}: {error}")
            self.interview.back()
        self._looking = None
        if self._ticking is not None:
            self._ticking.pause()
        self._refuse(why)
        self._next()

    def _refuse(self, why: str) -> None:
        width = max(10, self.size.width - 2)
        lines = list(hanging((), why, "warn", width, self.glyphs)) if why else []
        self.refusal.display = bool(lines)
        self.refusal.styles.height = min(len(lines), _REFUSAL_ROWS)
        self.refusal.show(lines)

    def _draw(self) -> None:
        self.view.redraw()
        self.to_question()

    def resized(self) -> None:
        """Keep the question in sight when field and refusal take their rows, or give them back."""
        self.to_question()

    def to_question(self) -> None:
        """Bring the question into sight: its end, but not at the price of its beginning."""
        begins = len(self.view.lines) - self._question_rows
        self.view.go_to(min(begins, len(self.view.lines) - self.view.size.height))


class PreviewScreen(FirstScreen, inherit_bindings=False):
    """The inventory as it would be written."""

    TITLE_WORDS = "w writes this inventory"
    WHERE = "preview"
    BINDINGS = bindings("preview")

    def __init__(self, interview: Interview, glyphs: Glyphs) -> None:
        super().__init__(glyphs)
        self.interview = interview
        self.trouble = interview.mistakes()

    def page_lines(self, width: int) -> Sequence[Line]:
        """Return where it goes, what is wrong with it, and the text."""
        lines: list[Line] = [*hanging((), f"To be written to {self.interview.place}, mode 600.", "text", width, self.glyphs)]
        for line in self.trouble.splitlines():
            lines.extend(hanging((), line, "down", width, self.glyphs))
        lines.append(())
        for line in self.interview.text().splitlines():
            lines.append((Span(line, "dim" if line.lstrip().startswith("#") else "text"),))
        return lines

    def action_write(self) -> None:
        """Write it, and open the console on it."""
        if self.trouble:
            return
        try:
            found, _ = self.interview.put()
        except PpsConsoleError as error:
            self.trouble = str(error)
            self.view.redraw()
            self.view.go_to(0)
            return
        self.app.exit(Start("open", found.path))

    def action_back(self) -> None:
        """Go back to the last question."""
        self.dismiss(None)
