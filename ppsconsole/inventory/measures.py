"""Numbers in the inventory: whole ones within bounds, and measures with or without a unit behind them."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from yaml.nodes import Node, ScalarNode

from ppsconsole.inventory.kinds import ABSENT, Kind, scalar_text
from ppsconsole.inventory.reading import Reading, quoted

_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,17})").fullmatch
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,12})?").fullmatch
_MEASURE = re.compile(r"((?:0|[1-9]\d{0,17})(?:\.\d{1,12})?)([A-Za-z]{1,2})").fullmatch


class Whole(Kind):
    """A whole number within bounds."""

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = most
        self.expected = f"a whole number from {least} to {most}"

    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the number."""
        if node.__class__ is ScalarNode and not node.style and _WHOLE(node.value):
            number = int(node.value)
            if self.least <= number <= self.most:
                return number
            reading.refuse(node, f"{number} is out of range", f"expected {self.expected}")
            return None
        return _refused(node, reading, self.expected)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class Measure(Kind):
    """A number, bare in its base unit or with a unit behind it."""

    def __init__(self, what: str, units: Mapping[str, float], least: float, most: float, example: str = "") -> None:
        self.units = units
        self.least = least
        self.most = most
        bounds = f"from {least:g} to {most:g}" if most <= 10**9 else f"from {least:g} up"
        self.expected = f"{what} {bounds}" + (f", e.g. {example}" if example else "")

    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the number in its base unit, whole where it can be."""
        if node.__class__ is ScalarNode:
            number = _measured(node.value, tuple(self.units.items()))
            if number is not None and (not node.style or not _NUMBER(node.value)):
                if self.least <= number <= self.most:
                    return number
                reading.refuse(node, f"{quoted(node.value)} is out of range", f"expected {self.expected}")
                return None
        return _refused(node, reading, self.expected)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""
        number: dict[str, Any] = {"type": "number", "minimum": self.least, "maximum": self.most}
        if not self.units:
            return number
        return {"anyOf": [number, {"type": "string", "pattern": rf"^\d+(\.\d+)?({'|'.join(self.units)})$"}]}

    def shown(self, value: Any) -> Any:
        """Return the bare number, without a needless `.0`."""
        return int(value) if float(value).is_integer() else value


def duration(least: float, most: float = 366 * 86400.0) -> Measure:
    """Return the kind for seconds: a number, or `5s`, `10m`, `26h`, `7d`."""
    return Measure("seconds", {"s": 1, "m": 60, "h": 3600, "d": 86400}, least, most, "5s, 10m, 26h, 7d")


def size() -> Measure:
    """Return the kind for bytes; the units count in 1024s, as PostgreSQL's settings do."""
    units = {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
    return Measure("bytes", units, 0, 2**60, "16MB, 1GB")


def number(what: str, least: float, most: float) -> Measure:
    """Return the kind for a number without a unit."""
    return Measure(what, {}, least, most)


def _refused(node: Node, reading: Reading, expected: str) -> Any:
    """Explain why `node` is not the number that was expected; return `ABSENT` for null."""
    text = scalar_text(node, reading, expected)
    if text is None or text is ABSENT:
        return text
    if isinstance(node, ScalarNode) and node.style and _NUMBER(text):
        reading.refuse(node, f"{quoted(text)} is text", f"expected {expected}, without quotes")
    else:
        reading.refuse(node, f"{quoted(text)} is of the wrong type", f"expected {expected}")
    return None


@lru_cache(maxsize=1024)
def _measured(text: str, units: tuple[tuple[str, float], ...]) -> float | None:
    """Return the number that `text` stands for, None when it is none; whole numbers stay whole."""
    factor: float = 1
    if not _NUMBER(text):
        match = _MEASURE(text)
        if match is None or match[2] not in (known := dict(units)):
            return None
        text, factor = match[1], known[match[2]]
    value = float(text) * factor if "." in text else int(text) * factor
    return int(value) if float(value).is_integer() else value


PORT = Whole(1, 65535)
"""A port of TCP."""
