"""What is searched for on a screen: words that all have to be there, and where they stand."""

import re

from ppsconsole.draw.text import Line, Span
from ppsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class Find:
    """Words to find; capitals matter only where the words have some. Empty finds everything, and marks nothing."""

    words: str = ""

    def __bool__(self) -> bool:
        """Return whether anything is searched for."""
        return bool(self.words.split())

    def matches(self, *texts: str) -> bool:
        """Return whether every word stands in one of `texts`."""
        joined = "\n".join(texts)
        if self._ignores_case:
            joined = joined.lower()
        return all(word in joined for word in self.words.split())

    def marked(self, line: Line) -> Line:
        """Return the line with every place where a word stands in reverse video; as it is where none does."""
        if not self:
            return line
        flags = re.IGNORECASE if self._ignores_case else 0
        pattern = re.compile("|".join(re.escape(word) for word in sorted(self.words.split(), key=len, reverse=True)), flags)
        found: list[Span] = []
        for span in line:
            at = 0
            for match in pattern.finditer(span.text):
                found.extend((Span(span.text[at : match.start()], span.style), Span(match.group(), "selected")))
                at = match.end()
            found.append(Span(span.text[at:], span.style))
        return tuple(span for span in found if span.text)

    @property
    def _ignores_case(self) -> bool:
        return not any(each.isupper() for each in self.words)
