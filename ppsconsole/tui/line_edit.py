"""One line being typed: a value and what keys do to it; nothing here knows a screen."""

from ppsconsole.draw.text import Line, Span
from ppsconsole.draw.words import width_of
from ppsconsole.values import dataclass

LONGEST = 400


@dataclass(frozen=True, slots=True)
class LineEdit:
    """A text with a cursor.

    Attributes:
        cursor: Characters before it.
    """

    text: str = ""
    cursor: int = 0

    def typed(self, text: str) -> "LineEdit":
        """Return the line with the printable part of `text` put in; a line end and what stands behind it is left out."""
        first = text.splitlines()[0] if text.strip("\r\n") else ""
        kept = "".join(each for each in first.replace("\t", " ") if each.isprintable())[: LONGEST - len(self.text)]
        return LineEdit(self.text[: self.cursor] + kept + self.text[self.cursor :], self.cursor + len(kept))

    def pressed(self, key: str) -> "LineEdit | None":
        """Return the line after a key that edits; None where the key edits nothing."""
        before, after = self.text[: self.cursor], self.text[self.cursor :]
        if key == "backspace":
            return LineEdit(before[:-1] + after, max(0, self.cursor - 1))
        if key == "delete":
            return LineEdit(before + after[1:], self.cursor)
        if key == "ctrl+w":
            kept = before.rstrip()
            kept = kept[: kept.rfind(" ") + 1]
            return LineEdit(kept + after, len(kept))
        if key == "ctrl+u":
            return LineEdit(after, 0)
        places = {
            "left": max(0, self.cursor - 1),
            "right": min(len(self.text), self.cursor + 1),
            "home": 0,
            "end": len(self.text),
        }
        return LineEdit(self.text, places[key]) if key in places else None

    def replaced(self, text: str) -> "LineEdit":
        """Return a line with another text, the cursor at its end."""
        return LineEdit(text, len(text))

    def spans(self, room: int) -> Line:
        """Return at most `room` cells of it with the cursor in reverse video; what is left of a long one is cut off."""
        before, under, after = (
            self.text[: self.cursor],
            self.text[self.cursor : self.cursor + 1] or " ",
            self.text[self.cursor + 1 :],
        )
        while before and width_of(before + under) > room:
            before = before[1:]
        while after and width_of(before + under + after) > room:
            after = after[:-1]
        return (Span(before), Span(under, "selected"), Span(after))
