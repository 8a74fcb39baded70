"""The entry point: parses, then opens a face."""

import sys


def main() -> None:
    """Run `ppsconsole` and exit with its code."""
    from ppsconsole.cli.main import run

    sys.exit(run(console=_open_console))


def _open_console(inventory_path: str, *, is_mouse: bool = True, is_ascii: bool = False, banner: str = "") -> int:
    from ppsconsole.tui.app import run  # Textual is loaded only when the console is really opened

    return run(inventory_path, is_mouse=is_mouse, is_ascii=is_ascii, banner=banner)


if __name__ == "__main__":
    main()
