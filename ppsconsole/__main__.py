"""The entry point: parses, then opens a face."""

import os
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from ppsconsole.inventory.start import Start
    from ppsconsole.settings.file import Settings


def main() -> None:
    """Run `ppsconsole` and exit with its code."""
    from ppsconsole.cli.main import run

    leave(run(console=_open_console, first=_choose))


def leave(exit_code: int) -> NoReturn:
    """End the process with `exit_code`, whatever has become of its terminal."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # The reader or the terminal is gone. The interpreter's flush at exit would fail too, and hide the code behind 120.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        # Where a terminal vanished, Textual's own threads go on waiting for it, and the interpreter would wait for them for ever
        # (seen after a tmux server was killed). By now everything of ours is closed and durable.
        os._exit(exit_code)
    sys.exit(exit_code)


def _open_console(inventory_path: str, *, settings: "Settings | None" = None, banner: str = "") -> int:
    from ppsconsole.tui.app import run  # Textual is loaded only when the console is really opened

    return run(inventory_path, settings=settings, banner=banner)


def _choose(*, broken: str = "", settings: "Settings | None" = None) -> "Start":
    from ppsconsole.tui.first import choose

    return choose(broken=broken, settings=settings)


if __name__ == "__main__":
    main()
