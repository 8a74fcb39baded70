"""Opens the console as the command does, with the real monitor held back: run by `test_terminal.py` in a terminal of its own.

Arguments: an inventory, and a file that gets the names of all loaded modules at the moment when polling would begin.
"""

import asyncio
import sys
from pathlib import Path

from ppsconsole.__main__ import leave
from ppsconsole.probes.monitor import Monitor
from ppsconsole.tui.app import run


def note(path: str) -> None:
    Path(path).write_text("\n".join(sys.modules))


class HeldMonitor(Monitor):
    """Shows that nothing was looked at yet, and never looks."""

    async def run(self) -> None:
        note(sys.argv[2])
        await asyncio.Event().wait()


if __name__ == "__main__":
    leave(run(sys.argv[1], monitor_factory=HeldMonitor))
