"""Frames: whole screens as plain text, kept beside the tests so that a reviewer sees what an operator sees."""

import os
from collections.abc import Iterable
from pathlib import Path

from ppsconsole.draw.text import Line, line_text

FRAMES = Path(__file__).parent / "frames"


def assert_frame(name: str, lines: Iterable[Line]) -> None:
    """Compare `lines` with the stored frame `name`; with UPDATE_FRAMES=1 in the environment, store them instead."""
    path = FRAMES / f"{name}.txt"
    drawn = "\n".join(line_text(line) for line in lines) + "\n"
    if os.environ.get("UPDATE_FRAMES") == "1":
        path.write_text(drawn, encoding="utf-8")
        return
    assert path.exists(), f"no frame {path.name} yet: look at the drawing, then run with UPDATE_FRAMES=1"
    assert drawn == path.read_text(encoding="utf-8")
