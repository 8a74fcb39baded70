"""The real program, whose SSH connections drop whenever a program on a host stands still; see `tests.lab.fault_scene.Spot`.

    python -m tests.lab.dropping MET:GO... -- ARGUMENTS...

As soon as the file MET is there, all connections of this console are aborted, and the file GO lets that program go on.
ARGUMENTS are those of `ppsconsole`. Hosts and bastions are well meanwhile: a connection can be made anew at once.
"""

import asyncio
import sys
import threading
import time
from pathlib import Path
from typing import Any

LOOK_S = 0.02


def arm(spots: list[tuple[Path, Path]]) -> None:
    """Have the connections of this process drop once for each of the spots."""
    from asyncssh.connection import SSHClientConnection

    made = SSHClientConnection.connection_made
    lines: list[tuple[asyncio.AbstractEventLoop, Any]] = []

    def connection_made(self: Any, transport: Any) -> None:
        lines.append((asyncio.get_running_loop(), self))
        made(self, transport)

    SSHClientConnection.connection_made = connection_made  # type: ignore[method-assign]

    def watch() -> None:
        for met, go in spots:
            while not met.exists():
                time.sleep(LOOK_S)
            dropped, lines[:] = list(lines), []
            for loop, line in dropped:
                loop.call_soon_threadsafe(line.abort)
            # In this order: it was cut before that goes on.
            dropped[0][0].call_soon_threadsafe(go.touch)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    from ppsconsole.__main__ import main

    end = sys.argv.index("--")
    arm([(Path(met), Path(go)) for met, _, go in (each.partition(":") for each in sys.argv[1:end])])
    del sys.argv[1 : end + 1]
    main()
