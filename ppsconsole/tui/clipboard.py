"""Copying text out of the console: to a file always, to the clipboard where the terminal lets it through."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

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
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")


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
