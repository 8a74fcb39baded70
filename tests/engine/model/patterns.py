"""Commands whose text holds what is known only while a run goes on: the builder's own text, with placeholders for that."""

import re
from collections.abc import Mapping

from ppsconsole.drivers.base import CommandResult

Pattern = re.Pattern[str]
NUMBER = 987654321
"""Stands for any number; the group is called `NUMBER`."""


def pattern_of(text: str, parts: Mapping[str, str]) -> Pattern:
    """Return what fits a builder's text, whatever stands where the placeholders do.

    Args:
        text: As the builder made it from placeholders.
        parts: For each placeholder, which is also the name of its group, what may stand there.
    """
    found = re.escape(text)
    for word, what in {**parts, str(NUMBER): r"\d+"}.items():
        first, *rest = found.split(re.escape(word))
        if rest:
            name = "NUMBER" if word == str(NUMBER) else word
            found = f"{first}(?P<{name}>{what}){rest[0]}" + "".join(f"(?:{what}){each}" for each in rest[1:])
    return re.compile(found, re.DOTALL)


def said(text: str = "", status: int = 0, stderr: str = "") -> CommandResult:
    """Return what a command came to."""
    return CommandResult(status, text, stderr, 0.001)
