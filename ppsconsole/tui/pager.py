"""A pager of the person's own, in the console's terminal; the console goes on beneath it and comes back."""

import asyncio
import contextlib
import shutil
import signal
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

_PAGERS = ("less -R", "more", "pg")


def pager_command(environ: Mapping[str, str]) -> str | None:
    """Return the shell command of the pager: `$PAGER`, or the first of the usual ones that is there; None where none is."""
    wanted = environ.get("PAGER", "").strip()
    if wanted:
        return wanted
    return next((each for each in _PAGERS if shutil.which(each.split()[0])), None)


async def show_in_pager(app: "App[Any]", text: str, command: str) -> str:
    """Show `text` in a pager and wait for its end; a run, the polling and everything else go on meanwhile.

    Returns:
        Why it was not shown; empty when it was.
    """
    # Nothing may be painted over the pager: while a batch is open, no frame is sent.
    with _signals_left_to_the_pager(), app.suspend(), app.batch_update():
        process = await asyncio.create_subprocess_shell(command, stdin=asyncio.subprocess.PIPE)
        try:
            # A pager that was left early does not read the rest.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await process.communicate(text.encode())
            status = await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
    return "" if status == 0 else f"the pager {command!r} ended with exit status {status}"


@contextlib.contextmanager
def _signals_left_to_the_pager() -> Iterator[None]:
    """Let Ctrl-C and Ctrl-Z mean what they mean to the pager: both reach the console as well, which is in its group."""
    numbers = (signal.SIGINT, signal.SIGTSTP, signal.SIGCONT)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        # A function and not SIG_IGN: what is ignored would be so in the pager, too.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        for number in (signal.SIGTSTP, signal.SIGCONT):
            signal.signal(number, signal.SIG_DFL)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
