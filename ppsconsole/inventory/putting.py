"""Puts a new inventory in its place: checked by our own loader first, whole or not at all, and never over another file."""

import os
import tempfile
import time
from pathlib import Path

from ppsconsole.errors import UsageError
from ppsconsole.inventory.load import load
from ppsconsole.inventory.model import Inventory


def put(text: str, path: str, *, is_old_set_aside: bool = False) -> tuple[Inventory, str]:
    """Write `text` to `path`, mode 600, and return the inventory in it and where an older file was renamed to.

    Args:
        text: A whole inventory.
        path: Where to.
        is_old_set_aside: Rename what is there already; else it is refused.

    Raises:
        UsageError: There is a file already, or the folder cannot be written to; nothing was changed.
        InventoryError: The text is no good inventory; nothing was changed.
    """
    place = Path(os.path.abspath(os.path.expanduser(path)))
    refuse_existing(str(place), is_old_set_aside=is_old_set_aside)
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".new", dir=place.parent)
    except OSError as error:
        raise UsageError(
            f"{place.parent} cannot be written to: {error.strerror}", remedy="Name another place with --out"
        ) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        load(name)
        aside = _set_aside(place) if is_old_set_aside else ""
        try:
            os.link(name, place)  # unlike a rename, this fails where somebody else was quicker
        except FileExistsError:
            raise _exists(str(place)) from None
    finally:
        os.unlink(name)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return load(path), aside


def refuse_existing(path: str, *, is_old_set_aside: bool = False) -> None:
    """Refuse a place where something is already, before anybody is asked anything.

    Raises:
        UsageError: There is a file, and it may not be set aside.
    """
    if not is_old_set_aside and os.path.lexists(os.path.expanduser(path)):
        raise _exists(path)


def _exists(path: str) -> UsageError:
    return UsageError(
        f"{path} is there already, and is not overwritten",
        remedy="Name another place with --out, or let it be renamed aside with --aside",
    )


def _set_aside(place: Path) -> str:
    if not os.path.lexists(place):
        return ""
    # Not .yaml: else it would be found as one more inventory.
    aside = place.with_name(f"{place.name}.{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.old")
    if os.path.lexists(aside):
        raise UsageError(f"{aside} is there already", remedy="Wait a second and try again")
    place.rename(aside)
    return str(aside)
