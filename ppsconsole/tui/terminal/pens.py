"""Pens: how a cell is drawn, and the shortest escape sequence from one pen to the next."""

from functools import lru_cache
from typing import NamedTuple

_OFF = {1: 22, 2: 22, 3: 23, 4: 24, 21: 24, 5: 25, 6: 25, 7: 27, 8: 28, 9: 29, 51: 54, 52: 54, 53: 55}
"""The attributes of ECMA-48 (SGR), by the parameter that switches them on, each with the one that switches it off."""

_SEEN_ON_BLANKS = frozenset({4, 21, 5, 6, 7, 9, 51, 52, 53})

_COLOUR_WORDS = {5: 1, 2: 3}
"""How many parameters follow `38;5` and `38;2`."""


class Pen(NamedTuple):
    """How a cell is drawn.

    Attributes:
        attributes: SGR parameters that are on, such as 1 for bold.
        foreground: SGR parameters of the colour, such as `31` or `38;2;1;2;3`; empty is the terminal's own.
        background: Likewise.
    """

    attributes: frozenset[int] = frozenset()
    foreground: str = ""
    background: str = ""

    @property
    def is_seen_on_blanks(self) -> bool:
        """Whether a blank shows more of it than the background."""
        return not self.attributes.isdisjoint(_SEEN_ON_BLANKS)


PLAIN = Pen()


@lru_cache(4096)
def blank_pen(pen: Pen) -> Pen:
    """Return what of `pen` can be seen on a blank."""
    return pen if pen.is_seen_on_blanks else Pen(background=pen.background)


@lru_cache(4096)
def taken(pen: Pen, parameters: str) -> Pen | None:
    """Return the pen after `CSI parameters m`; None where that says something which is not known here.

    Args:
        pen: The pen before.
        parameters: Digits and semicolons; empty is a reset.
    """
    attributes, foreground, background = set(pen.attributes), pen.foreground, pen.background
    numbers = [int(each or 0) for each in parameters.split(";")]
    at = 0
    while at < len(numbers):
        number = numbers[at]
        at += 1
        if number == 0:
            attributes, foreground, background = set(), "", ""
        elif number in _OFF:
            attributes.add(number)
        elif number in _OFF.values():
            attributes = {each for each in attributes if _OFF[each] != number}
        elif number in (38, 48):
            words = 1 + _COLOUR_WORDS.get(numbers[at] if at < len(numbers) else -1, len(numbers))
            if at + words > len(numbers):
                return None
            colour = ";".join(map(str, numbers[at - 1 : at + words]))
            at += words
            foreground, background = (colour, background) if number == 38 else (foreground, colour)
        elif 30 <= number <= 37 or 90 <= number <= 97:
            foreground = str(number)
        elif 40 <= number <= 47 or 100 <= number <= 107:
            background = str(number)
        elif number == 39:
            foreground = ""
        elif number == 49:
            background = ""
        else:
            return None
    return Pen(frozenset(attributes), foreground, background)


@lru_cache(4096)
def change(old: Pen | None, new: Pen) -> str:
    """Return the shortest sequence that turns `old`, or a pen that is not known, into `new`."""
    if old == new:
        return ""
    whole = [*map(str, sorted(new.attributes)), *filter(None, (new.foreground, new.background))]
    afresh = f"\x1b[{';'.join(['0', *whole])}m" if whole else "\x1b[m"
    if old is None:
        return afresh
    gone = sorted({_OFF[each] for each in old.attributes - new.attributes})
    kept = {each for each in old.attributes & new.attributes if _OFF[each] not in gone}  # bold and dim go off together
    parts = [*map(str, gone), *map(str, sorted(new.attributes - kept))]
    if old.foreground != new.foreground:
        parts.append(new.foreground or "39")
    if old.background != new.background:
        parts.append(new.background or "49")
    step = f"\x1b[{';'.join(parts)}m"
    return step if len(step) < len(afresh) else afresh
