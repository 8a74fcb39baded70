"""From the file to the model: `load` and `parse`, with every mistake in one go."""

import os
import re
from pathlib import Path

from yaml.nodes import MappingNode, Node, ScalarNode

from ppsconsole.errors import InventoryError
from ppsconsole.inventory import files, syntax
from ppsconsole.inventory.checks import check
from ppsconsole.inventory.model import Inventory
from ppsconsole.inventory.reading import Enough, Reading
from ppsconsole.inventory.table import ROOT, VERSION

_VERSION = re.compile(r"[1-9]\d{0,8}").fullmatch


def load(path: str | Path) -> Inventory:
    """Return the inventory in the file at `path`.

    Args:
        path: As the user named it; `~` is expanded.

    Raises:
        InventoryError: With all mistakes found, in the order of the file; or the file is missing or open to others.
    """
    name = os.fspath(path)
    return parse(files.read(name), name)


def parse(text: bytes, path: str) -> Inventory:
    """Return the inventory written in `text`.

    Args:
        text: The bytes of the file.
        path: Its name, for messages and as the start of relative file names in it.

    Raises:
        InventoryError: With all mistakes found, in the order of the file.
    """
    root = syntax.compose(text, path)
    reading = Reading(path, root)
    try:
        inventory = _read(root, reading, path)
    except Enough:
        inventory = None
    if inventory is None or reading.mistakes:
        raise InventoryError(reading.in_order())
    return inventory


def _read(root: Node, reading: Reading, path: str) -> Inventory | None:
    """Return what `root` says, None where it is not even a mapping; mistakes are noted in `reading`."""
    values = None if _is_newer(root, reading) else ROOT.values(root, reading)
    if not isinstance(values, dict):
        if not reading.mistakes:
            reading.refuse(root, "an empty file", "start with `version: 1`; sample-inventory.yaml shows the rest")
        return None
    # Spent while reading: the one has only one value, the other is merged into every host.
    values.pop("version", None)
    values.pop("ssh", None)
    blanks = {name: ROOT.fields[name].kind.blank for name in ROOT.required if name != "version"}
    return check(Inventory(path=path, **{**blanks, **values}), reading)


def _is_newer(root: Node, reading: Reading) -> bool:
    """Refuse a file for a newer console as that, instead of listing everything in it that is new."""
    for key, value in root.value if isinstance(root, MappingNode) else ():
        if isinstance(key, ScalarNode) and key.value == "version" and isinstance(value, ScalarNode):
            if value.style or not _VERSION(value.value) or int(value.value) <= VERSION:
                return False
            allowed = f"this console knows version {VERSION}: update the console, or write the file for version {VERSION}"
            reading.refuse(value, f"{reading.said(value)} is a newer format of the file", allowed)
            return True
    return False
