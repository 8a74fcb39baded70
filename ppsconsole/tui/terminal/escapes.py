"""Esc as a key, told from an Esc that begins a sequence, where other keys come with it: pure.

Over a slow line, and out of tmux, Esc and the key after it arrive together. Read as Alt and that key, or as one of the sequences
that Textual knows (`ESC f` is Ctrl+Right there), the Esc is lost and the key acts where it was not meant to: Esc and Enter on the
button of a dialog would run what was to be cancelled. No key of ours has Alt (`settings.keys`), so Esc before a character is Esc.
"""

import re
from collections.abc import Iterator

ESC = "\x1b"
"""The key, where it stands alone among what `Escapes.parts` returns."""

_BEGINS = r"\[O\]P_^X\\"
"""What a sequence goes on with: CSI, SS3, OSC, DCS, APC, PM, SOS, and the end of a string (ECMA-48, 5.3 and 8.3)."""

_PASTE_BEGINS, _PASTE_ENDS = f"{ESC}[200~", f"{ESC}[201~"
_PASTE = re.compile(rf"({ESC}\[200~.*?(?:{ESC}\[201~|\Z))", re.DOTALL)
_KEY = re.compile(rf"({ESC})(?=[^{_BEGINS}]|\Z)")
_BEGUN = re.compile(rf"{ESC}(?:\[(?:2(?:0[01]?)?)?)?\Z")


class Escapes:
    """Takes what a terminal sends apart; what may still become an Esc, or an end of a paste, is held until it is known."""

    def __init__(self) -> None:
        self._held = ""
        self._is_pasting = False

    def parts(self, text: str) -> Iterator[str]:
        """Yield `text` in parts, in order: `ESC` for the key, anything else for whoever knows sequences."""
        text, self._held = self._held + text, ""
        if begun := _BEGUN.search(text):
            text, self._held = text[: begun.start()], begun.group()
        if self._is_pasting:
            pasted, end, text = text.partition(_PASTE_ENDS)
            self._is_pasting = not end
            yield from filter(None, (_harmless(pasted) + end,))
        for part in _PASTE.split(text):
            if part.startswith(_PASTE_BEGINS):
                pasted, end, _ = part.removeprefix(_PASTE_BEGINS).partition(_PASTE_ENDS)
                self._is_pasting = not end
                yield _PASTE_BEGINS + _harmless(pasted) + end
            else:
                yield from filter(None, _KEY.split(part))

    def late(self) -> str:
        """Return what was held and nothing followed: `ESC` was the key then; empty where nothing was held."""
        held, self._held = self._held, ""
        return held


def _harmless(pasted: str) -> str:
    """Return what was pasted without Esc: Textual's parser would take the paste to end there, and the rest for keys."""
    return pasted.replace(ESC, "")
