"""Copying text out of the console: to a file always, to the clipboard where the terminal lets it through."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from ppsconsole.inventory import private

_TMUX_S = 2.0


def copy_path(environ: Mapping[str, str]) -> Path:
    """Return the file that the last copy is kept in, below the XDG state home."""
    home = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "ppsconsole" / "copy.txt"


def keep(text: str, path: Path) -> None:
    """Write `text` to `path`, readable by nobody else.

    Raises:
        OSError: The file cannot be written.
    """
    private.write(path, text + "\n")


async def load_into_tmux(text: str) -> bool:
    """Hand `text` to tmux, which passes it on to the outer terminal; return whether tmux took it.

    tmux drops an application's own OSC 52 by default (`set-clipboard external`), `load-buffer -w` gets through.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            "tmux",
            "load-buffer",
            "-w",
            "-",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode()), _TMUX_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    return process.returncode == 0
