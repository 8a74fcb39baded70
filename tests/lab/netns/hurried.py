"""The real program, which takes a silent line for dead soon once it is told to: what it waits for in vain is the same.

    python -m tests.lab.netns.hurried POINT ARGUMENTS...

POINT is a record of its run at which it falls asleep (see `tests.lab.deadly`), or empty. ARGUMENTS are those of `ppsconsole`.
SIGUSR1 tells it, when a line has been cut: until then it is as patient as ever, and no busy machine is taken for a cut line.
"""

import asyncio
import signal
import sys
from typing import Any

KEEPALIVE_EVERY_S = 0.5
"""The program asks every 5 s; two in a row that go unanswered make a line a dead one."""


def hurry_when_told() -> None:
    """Have SIGUSR1 shorten the keepalives of all connections that are open then."""
    from ppsconsole.drivers import ssh_connect

    opened: list[tuple[asyncio.AbstractEventLoop, Any]] = []
    open_one = ssh_connect._open

    async def kept(*arguments: Any) -> Any:
        opened.append((asyncio.get_running_loop(), await open_one(*arguments)))
        return opened[-1][1]

    def hurry(*_: object) -> None:
        for loop, connection in opened:
            loop.call_soon_threadsafe(connection.set_keepalive, KEEPALIVE_EVERY_S, ssh_connect.KEEPALIVE_COUNT)

    ssh_connect._open = kept
    signal.signal(signal.SIGUSR1, hurry)


if __name__ == "__main__":
    from ppsconsole.__main__ import main
    from tests.lab.deadly import arm

    point = sys.argv.pop(1)
    if point:
        arm(point, signal.SIGSTOP)
    hurry_when_told()
    main()
