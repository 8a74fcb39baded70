"""Start one stand-in: `python -m ppsconsole.lab.standin CONFIG.json`."""

import sys
from pathlib import Path

from ppsconsole.clock import SystemClock
from ppsconsole.errors import PpsConsoleError, UsageError
from ppsconsole.lab.standin.config import read_config
from ppsconsole.lab.standin.service import serve


def main(arguments: list[str]) -> int:
    """Serve as the configuration file says; return the exit code (0 after a clean stop)."""
    try:
        match arguments:
            case [path]:
                serve(read_config(Path(path)), SystemClock())
            case _:
                raise UsageError("one argument is needed: the stand-in's configuration file, JSON")
    except PpsConsoleError as error:
        print(f"pps stand-in: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
