"""How the console is put together and opened: for the terminal, the settings and the inventory that are there."""

import gc
import locale
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ppsconsole.clock import SystemClock
from ppsconsole.cluster.picture import CommandRecord
from ppsconsole.draw.text import ASCII, UNICODE, Glyphs
from ppsconsole.inventory.model import Inventory
from ppsconsole.settings.file import Settings, load_settings
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.lock import Lock
from ppsconsole.tui.logs import HostLogs
from ppsconsole.tui.source import Recording, Source
from ppsconsole.tui.theming import theme_names

if TYPE_CHECKING:
    from textual.driver import Driver

    from ppsconsole.inventory.beside import Loading
    from ppsconsole.tui.desks import Desk

_POLLING = ("asyncssh", "psycopg", "ppsconsole.probes.tools")
_JOURNAL = ("sqlalchemy", "ppsconsole.engine.desk", "ppsconsole.engine.journal")
"""What the first frame does without, and the real source and the real desk need."""


def run(
    inventory_path: str,
    *,
    monitor_factory: Callable[[Inventory], Source] | None = None,
    settings: Settings | None = None,
    banner: str = "",
    loading: "Loading | None" = None,
) -> int:
    """Open the console on the cluster that `inventory_path` declares and stay until the operator leaves.

    Args:
        inventory_path: The inventory; loaded before the terminal is touched.
        monitor_factory: Makes the source of pictures; left out, the real monitor.
        settings: How the person at the console wants it; read from the environment and `console.yaml` when left out.
        banner: A remark for the header.
        loading: Waits for the inventory, where somebody has begun to load it.

    Returns:
        The exit code: 0 after quitting, 129 after a hang-up, 143 after a termination, 1 when the console itself failed.

    Raises:
        InventoryError: The inventory is wrong.
        SettingsError: `console.yaml` is wrong.
        UsageError: There is no such theme.
    """
    from ppsconsole.probes.monitor import Monitor

    settings = settings or load_settings(os.environ)
    if settings.theme not in ("", *theme_names()) and "theme" in settings.lines:
        raise settings.refused("theme", f"there is no theme {settings.theme!r}", f"allowed: {', '.join(theme_names())}")
    inventory = loading() if loading is not None else _loaded(inventory_path)
    source: Source = monitor_factory(inventory) if monitor_factory is not None else Monitor(inventory)
    lock = Lock(os.environ)

    def desk() -> "Desk":
        from ppsconsole.engine.desk import Desk as EngineDesk

        return EngineDesk(inventory, environ=lock.environ)

    app = PpsConsoleApp(
        inventory,
        source,
        glyphs=glyphs_for(settings),
        settings=settings,
        banner=banner,
        desk=desk,
        lock=lock,
        logs=HostLogs(inventory, SystemClock(), source.record if isinstance(source, Recording) else _unrecorded),
        polling=_POLLING if monitor_factory is None else (),
        journal=_JOURNAL,
        driver_class=driver_class(os.environ),
    )
    # Textual believes an exported COLUMNS more than the terminal: the console would keep its size for ever.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    return end(app, has_mouse=settings.has_mouse)


def _loaded(path: str) -> Inventory:
    from ppsconsole.inventory.load import load  # the parser is not needed where another process has parsed

    return load(path)


def end(app: PpsConsoleApp, *, has_mouse: bool = True) -> int:
    """Run the console to its end and return its exit code; a mistake of its own is told on the terminal that was given back."""
    gc.disable()  # until all that stays is loaded: the console itself says when
    try:
        app.run(mouse=has_mouse)
    except Exception as error:
        app.crashed(error)
    if app.crash is not None:
        print(app.told_of_crash(), file=sys.stderr)
        return 1
    return app.return_code or 0


def driver_class(environ: Mapping[str, str]) -> "type[Driver] | None":
    """Return our driver where Textual would take the one that it is made from; None leaves the choice to Textual."""
    if sys.platform == "win32" or "TEXTUAL_DRIVER" in environ:
        return None
    from ppsconsole.tui.terminal.driver import SteadyDriver

    return SteadyDriver


def glyphs_for(settings: Settings) -> Glyphs:
    """Return the characters to draw with: those that were asked for, else what the terminal shows."""
    is_plain = settings.glyphs == "ascii" or (settings.glyphs == "auto" and not _has_glyphs())
    return ASCII if is_plain else UNICODE


def _has_glyphs() -> bool:
    """Return whether the terminal can show more than ASCII: ours are not among the 256 of the Linux console's fonts."""
    return locale.getencoding().lower().replace("-", "") == "utf8" and os.environ.get("TERM") != "linux"


def _unrecorded(command: CommandRecord) -> None:
    """Keep nothing: this source has no list of commands."""
