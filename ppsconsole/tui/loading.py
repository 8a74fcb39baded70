"""Loads modules beside the event loop: keys are taken meanwhile, and leaving waits for none of it."""

import asyncio
import contextlib
import gc
import importlib
import sys
import threading
from collections.abc import Sequence


async def load(modules: Sequence[str]) -> None:
    """Import `modules`, one after the other, in a thread; cancelled, the one at hand is the last.

    What cannot be imported is not told here: whoever needs it imports it again, and says what that was for.

    Args:
        modules: Full names.
    """
    for name in modules:
        if name not in sys.modules:
            await _beside(name)


def collect_from_now_on() -> None:
    """Let garbage be collected, where that was put off until everything was loaded.

    What was loaded stays, and is not looked through again: eighty thousand objects, for which a key would wait 50 ms each time.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


async def _beside(name: str) -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def work() -> None:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(done.set)

    # No thread of the loop's own pool: closing the loop would wait for it, and somebody for that.
    threading.Thread(target=work, name=f"load {name}", daemon=True).start()
    await done.wait()
