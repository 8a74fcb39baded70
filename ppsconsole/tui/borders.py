"""A second kind of frame in plain ASCII: without it a lab would look like production where there are no other glyphs."""

from typing import Any

from textual import _border
from textual.css import constants

LAB_ASCII = "ascii-double"
"""Its name in style sheets."""


def add_borders() -> None:
    """Make `ascii-double` known to style sheets.

    Textual 8.2 has no way to add one but its own tables; `tests/tui/test_theming.py` holds what is relied on here.
    """
    corner, across, down = "#", "=", "#"
    edge: Any = LAB_ASCII
    _border.BORDER_CHARS[edge] = ((corner, across, corner), (down, " ", down), (corner, across, corner))
    _border.BORDER_LOCATIONS[edge] = _border.BORDER_LOCATIONS["ascii"]
    _border.BORDER_LABEL_LOCATIONS[edge] = _border.BORDER_LABEL_LOCATIONS["ascii"]
    constants.VALID_BORDER.add(LAB_ASCII)
