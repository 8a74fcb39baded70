"""The entry point: parses, then opens a face."""

import sys


def main() -> None:
    """Run `ppsconsole` and exit with its code."""
    from ppsconsole.cli.main import run

    sys.exit(run())


if __name__ == "__main__":
    main()
