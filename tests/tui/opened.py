"""Opens the console as the command does, with the real monitor held back: run by `test_terminal.py` in a terminal of its own.

Arguments: an inventory, and a file that gets the names of all loaded modules at the moment when polling would begin; a file
with `-first` behind its name gets those of the first frame.
"""

import asyncio
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

gc.disable()  # as `ppsconsole.__main__` does before it loads the console

from ppsconsole.__main__ import leave  # noqa: E402
from ppsconsole.probes.monitor import Monitor  # noqa: E402
from ppsconsole.tui import app, opening  # noqa: E402
from ppsconsole.tui.loading import load  # noqa: E402


def note(path: str) -> None:
    """Write down what is loaded; whoever waits for the file finds the whole of it."""
    part = Path(f"{path}.part")
    part.write_text("\n".join(sys.modules))
    part.replace(path)


class HeldMonitor(Monitor):
    """Shows that nothing was looked at yet, and never looks."""

    async def run(self) -> None:
        note(sys.argv[2])
        await asyncio.Event().wait()


async def noted_load(modules: Sequence[str]) -> None:
    """Called when the first frame is there."""
    if "ppsconsole.advice.diagnosis" in modules:
        note(f"{sys.argv[2]}-first")
    await load(modules)


if __name__ == "__main__":
    app.load = noted_load
    leave(opening.run(sys.argv[1], monitor_factory=HeldMonitor))
