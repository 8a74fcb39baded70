"""The entry point: parses, then opens a face."""

import atexit
import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from ppsconsole.inventory.start import Start
    from ppsconsole.settings.file import Settings


def main() -> None:
    """Run `ppsconsole` and exit with its code."""
    gc.disable()  # what is loaded stays: to look through it over and over finds nothing
    from ppsconsole.cli.main import run

    gc.enable()
    leave(run(console=_open_console, first=_choose))


def leave(exit_code: int) -> NoReturn:
    """End the process with `exit_code`, whatever has become of its terminal."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # The reader or the terminal is gone. The interpreter's flush at exit would fail too, and hide the code behind 120.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    # By now everything of ours is closed and durable. What the interpreter would still do is to take down its objects one by one,
    # 0.1 to 0.3 s that somebody waits for, and to wait for threads: for ever for one that waits for a terminal which is gone.
    atexit._run_exitfuncs()
    os._exit(exit_code)


def _open_console(inventory_path: str, *, settings: "Settings | None" = None, banner: str = "") -> int:
    gc.disable()  # until all that stays is loaded, likewise
    from ppsconsole.inventory.beside import begin

    loading = begin(inventory_path)
    from ppsconsole.tui.opening import run  # Textual is loaded only when the console is really opened

    return run(inventory_path, settings=settings, banner=banner, loading=loading)


def _choose(*, broken: str = "", settings: "Settings | None" = None) -> "Start":
    from ppsconsole.tui.first import choose

    return choose(broken=broken, settings=settings)


if __name__ == "__main__":
    main()
