"""Copying text out of the console: to a file always, to the clipboard where the terminal lets it through."""

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path

from ppsconsole.inventory import private

_TMUX_S = 2.0

_SCREEN_BYTES = 760
"""GNU screen keeps 767 bytes of one string (`MAXSTR` in its `screen.h`); what is longer it writes on the window as text."""


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


def is_in_screen(environ: Mapping[str, str]) -> bool:
    """Return whether GNU screen is between this program and the terminal, on this machine or, by its `TERM`, before it.

    An old tmux calls itself `screen`, too; it drops what is meant for the other one, as it drops OSC 52 unless told not to.
    """
    return "TMUX" not in environ and ("STY" in environ or environ.get("TERM", "").startswith("screen"))


def through_screen(text: str) -> str:
    """Return what makes GNU screen hand `text` to the clipboard of the terminal outside of it.

    It passes the content of a device control string on as it stands, so an OSC 52 goes through in pieces; on its own it would be
    dropped, or end up as letters on the window where it is longer than a string may be.
    """
    whole = f"\x1b]52;c;{base64.b64encode(text.encode(errors='replace')).decode()}\x07"
    pieces = (whole[at : at + _SCREEN_BYTES] for at in range(0, len(whole), _SCREEN_BYTES))
    return "".join(f"\x1bP{each}\x1b\\" for each in pieces)
